"""The source "files": JSON Lines, JSON, CSV, TSV or Parquet of the user's, with a field map.

`fields` of the params map our fields to the file's: question or messages (one of them is required), id,
answer, completion, input, reasoning, system, subject, category, author, difficulty, licence, rejected. "a.b" is the field b of the
object a, and a number picks an item of a list ("messages.1.content"). The field of the question or of the
messages must be in every row; another one in the first row of each file, and is empty where a later row
lacks it. A row's category is one of HLE's, Safety or Instruction, or is looked up in `categories` as a
subject is; a row's author takes precedence over `author`.

`messages` is a conversation in one of the forms that `_messages` reads. Of a preference pair the chosen response is the
completion (or the last turn of `messages`), and `rejected` the other one: its text, its message, or the conversation that ends in
it, which must be the same up to there. `question` and `completion` may be lists of messages too, as TRL's preference sets have them.
`input` is what a prompt is about (Alpaca's; Dolly's context) and follows the question after a blank line;
`reasoning` goes in a <think> block in front of the completion, unless that has a block of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from llmc_lib.dataset.sources._common import Draft, SourceFacts, row_number, source_rows, text
from llmc_lib.dataset.sources._messages import NoMessages, Turns, as_messages, as_part, turns
from llmc_lib.errors import UserError
from llmc_lib.models.prompts import join, split_reasoning
from llmc_lib.params import SourceParams
from llmc_lib.records import AuthorKind, Message
from llmc_lib.store.data_files import Row

HUB = ""
CATEGORIES: dict[str, str] = {}
FACTS = SourceFacts(licence="unknown", url="", description="Files of the user's own.")

_KINDS: dict[str, AuthorKind] = {"person": "person", "program": "program"}
_ABSENT = object()


def languages(source: SourceParams) -> set[str]:
    """None: nobody says which those of the user's files are."""
    return set()


def drafts(source: SourceParams, seed: int) -> Iterator[Draft]:
    """The rows of the file, or of the files in the folder, sorted by name."""
    finders = {ours: _finder(theirs) for ours, theirs in source.fields.items()}
    columns = {theirs.split(".")[0] for theirs in source.fields.values()}
    required = "messages" if "messages" in finders else "question"
    begun = None  # the file of the row before
    for row in source_rows(source, HUB, columns=columns):
        values = {ours: find(row.record) for ours, find in finders.items()}
        for ours, value in values.items():
            if value is _ABSENT:
                if ours == required or row.file is not begun:
                    raise UserError(f"fields.{ours}: {row.lacks(source.fields[ours])}")
                values[ours] = ""
        begun = row.file
        author = text(values.get("author", "")) or source.author
        said, rejected = _turns(row, source, values)
        yield Draft(
            question=said.prompt,
            answer=values.get("answer", ""),
            completion=said.completion,
            subject=values.get("subject", ""),
            author=author,
            author_kind=_KINDS.get(author, "unknown"),
            row_id=values.get("id", ""),
            difficulty=row_number(row, "fields.difficulty", values.get("difficulty")),
            category=text(values.get("category", "")),
            licence=text(values.get("licence", "")),
            revision=row.file.revision,
            history=said.history,
            fault=said.fault,
            rejected=rejected,
        )


def _turns(row: Row, source: SourceParams, values: dict[str, Any]) -> tuple[Turns, str]:
    """The conversation of a row, be it one field or several, and the rejected response where the row has one."""
    ours, rejected = "messages", ""
    conversation = ours in values
    try:
        if conversation:
            said = turns(as_messages(values[ours]))
        else:
            question, completion = as_part(values["question"]), values.get("completion", "")
            ours = "question" if isinstance(question, list) else "completion"
            said = _pair(question, completion)
        if "rejected" in values and not said.fault:
            ours = "rejected"
            rejected, fault = _rejected(values[ours], said, conversation=conversation)
            said = said._replace(fault=fault)
    except NoMessages as error:
        raise UserError(f"fields.{ours}: {row.where}: {source.fields[ours]}: {error}") from None
    return _completed(
        said, *(text(values.get(name, "")) for name in ("input", "reasoning", "system"))
    ), rejected


def _rejected(value: Any, said: Turns, *, conversation: bool) -> tuple[str, str]:
    """The response that that of `said` is preferred to, and why the two are no pair ("" where they are)."""
    part = as_part(value)
    if conversation:
        with suppress(NoMessages):  # else it is the text of the response alone
            found = as_messages(part)
            part = found if _is_messages(found) else part
    if not isinstance(part, list):
        response = text(part)
    else:
        other = turns(part)
        if not other.prompt:  # the assistant's message alone
            other = turns(said.prompt, part)
        elif (other.prompt, other.history) != (said.prompt, said.history):
            return "", "chosen and rejected answer different prompts"
        if other.fault:
            return "", other.fault
        response = other.completion
    return (response, "") if response.strip() else ("", "no rejected response")


def _pair(question: Any, completion: Any) -> Turns:
    """A prompt and a response, each a text or messages."""
    if isinstance(question, list) or not isinstance(completion, str):
        completion = as_part(completion)  # of a response to a text, JSON text is what it says
    if _is_messages(question) or _is_messages(completion):
        return turns(question, completion)
    for value in (question, completion):
        if isinstance(value, list) and len(value) > 1:
            raise NoMessages(
                f"is a list of {len(value)} values; name one by its number, x.0 for the first of x"
            )
    return Turns((), question, completion)


def _completed(said: Turns, about: str, reasoning: str, system: str) -> Turns:
    """A conversation with what the row has in fields of its own."""
    asked = [part for part in (text(said.prompt), about) if part.strip()]
    said, completion = said._replace(prompt="\n\n".join(asked)), text(said.completion)
    if reasoning.strip() and completion.strip() and not split_reasoning(completion)[0]:
        said = said._replace(completion=join(reasoning.strip(), completion))
    if not system.strip():
        return said
    if said.history and said.history[0].role == "system":
        return (
            said if said.history[0].content == system else said._replace(fault="two system prompts")
        )
    return said._replace(history=(Message("system", system), *said.history))


def _is_messages(value: Any) -> bool:
    """Is a value a list of objects?"""
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


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
