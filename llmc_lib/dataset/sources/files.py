"""The source "files": JSON Lines, JSON, CSV, TSV or Parquet of the user's, with a field map.

`fields` of the params map our fields to the file's: question (required), id, answer, completion,
subject, category, author, difficulty, licence. "a.b" is the field b of the object a, and a number picks
an item of a list ("messages.1.content"). The field of the question must be in every row; another one in
the first row of each file, and is empty where a later row lacks it. A row's category is one of HLE's, or
is looked up in `categories` as a subject is; a row's author goes before `author`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from llmc_lib.dataset.sources._common import Draft, SourceFacts, row_number, source_rows, text
from llmc_lib.errors import UserError
from llmc_lib.params import SourceParams
from llmc_lib.records import AuthorKind

HUB = ""
SUBSETS = ()
CATEGORIES: dict[str, str] = {}
FACTS = SourceFacts(licence="unknown", url="", description="Files of the user's own.")

_KINDS: dict[str, AuthorKind] = {"person": "person", "program": "program"}
_ABSENT = object()


def drafts(source: SourceParams, seed: int) -> Iterator[Draft]:
    """The rows of the file, or of the files in the folder, sorted by name."""
    finders = {ours: _finder(theirs) for ours, theirs in source.fields.items()}
    columns = {theirs.split(".")[0] for theirs in source.fields.values()}
    begun = None  # the file whose first row is behind us
    for row in source_rows(source, HUB, columns=columns):
        values = {ours: find(row.record) for ours, find in finders.items()}
        for ours, value in values.items():
            if value is _ABSENT:
                if ours == "question" or row.file is not begun:
                    raise UserError(f"fields.{ours}: {row.lacks(source.fields[ours])}")
                values[ours] = ""
        begun = row.file
        author = text(values.get("author", "")) or source.author
        yield Draft(
            question=values["question"],
            answer=values.get("answer", ""),
            completion=values.get("completion", ""),
            subject=values.get("subject", ""),
            author=author,
            author_kind=_KINDS.get(author, "unknown"),
            row_id=values.get("id", ""),
            difficulty=row_number(row, "fields.difficulty", values.get("difficulty")),
            category=text(values.get("category", "")),
            licence=text(values.get("licence", "")),
            revision=row.file.revision,
        )


def _finder(name: str) -> Callable[[dict[str, Any]], Any]:
    """A function that finds a field in a record, `_ABSENT` where it is not there."""

    def find(record: dict[str, Any]) -> Any:
        if name in record:  # also where the file's name itself has a dot
            return record[name]
        value: Any = record
        for part in name.split("."):
            if isinstance(value, dict) and part in value:
                value = value[part]
            elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
                value = value[int(part)]
            elif value is None:
                return None
            else:
                return _ABSENT
        return value

    return find
