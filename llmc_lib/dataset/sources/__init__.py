"""Where training examples come from: one module a source, all yielding `records.Example`.

`read` streams a source's rows, `identity` says what they depend on, `about` what the data set card
says of the source. A new source is a module here with `FACTS`, `HUB` (its id on the hub, or ""),
`CATEGORIES` (subject → category; "" is any other subject), `drafts(source, seed)` and, where its rows are
not verifiable problems, `ROWS` (see `records.RowKind`), or not English, `languages(source)`; if it is embedded the file that decides
its rows, `EMBEDDED`, or `identity()`; and its name in `params.SOURCES`. What is embedded or has subsets is in `params.sources` too, which is asked before a module
is loaded.
It says what a row means; everything else is done here.
"""

from __future__ import annotations

import dataclasses
import importlib
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from types import ModuleType

from llmc_lib.dataset.sources._common import Draft, SourceFacts, digests, local_files, text
from llmc_lib.dataset.sources._rejected import rejected_responses
from llmc_lib.errors import UserError
from llmc_lib.params import SourceParams
from llmc_lib.records import AnswerType, Example, RowKind
from llmc_lib.store import sha256_file
from llmc_lib.store.data_files import count_rows
from llmc_lib.taxonomy import ROW_CATEGORIES

__all__ = [
    "Draft",
    "SourceFacts",
    "about",
    "expected_rows",
    "identity",
    "languages",
    "read",
    "row_kind",
    "row_source",
]

#: How many unknown subjects a message lists.
_LISTED = 40


def read(source: SourceParams, seed: int, made: Iterable[Draft] | None = None) -> Iterator[Example]:
    """Stream the rows of a source in the order of its files; `seed` matters to "hard_math" alone.

    `made`: the rows of a source that a model of the run writes ("replay").

    `source.rows` counts the rows of the subset, before the builder drops any. An id that a source gives
    twice gets "-2", "-3" … from its second row on; a source without ids numbers its rows from 00001.

    Raises `UserError`, as soon as it is met, for a file or row that is not as it must be, and at the
    end of the stream one that lists all subjects without a category; what was yielded before
    must not be used then.
    """
    try:
        module = _module(source)
        drafts = iter(made) if made is not None else module.drafts(source, seed)
        drafts = itertools.islice(drafts, source.rows)
        yield from _examples(source, drafts, about(source).licence, module.CATEGORIES)
    except UserError as error:
        raise UserError(f"dataset.sources: {source.name}: {error}") from None


def identity(source: SourceParams) -> dict[str, str]:
    """What the rows of a source depend on besides the params, for the stage's fingerprint.

    The SHA-256 of local files, the pinned commit of a hub set, or of an embedded source the SHA-256 of
    its data or code. Asks no hub. Raises `UserError` for a local file that is not there.
    """
    try:
        module = _module(source)
        rejected = digests(source.rejected, "rejected") if source.rejected else {}
        if source.path:
            return digests(source.path) | rejected
        if module.HUB:
            return {module.HUB: source.revision or ""} | rejected
        if hasattr(module, "EMBEDDED"):
            file = module.EMBEDDED
            return {f"{row_source(source)}: {file.name}": sha256_file(file)} | rejected
        made: dict[str, str] = module.identity() if hasattr(module, "identity") else {}
        return made | rejected
    except UserError as error:
        raise UserError(f"dataset.sources: {source.name}: {error}") from None


def about(source: SourceParams) -> SourceFacts:
    """What the data set card says of a source. A licence in the params overrides the module's."""
    facts: SourceFacts = _module(source).FACTS
    if source.path and row_source(source) in ("files", "replay"):
        facts = dataclasses.replace(facts, url=source.path)
    if source.licence != "unknown":
        facts = dataclasses.replace(facts, licence=source.licence)
    return facts


def row_kind(source: SourceParams) -> RowKind:
    """What the rows of a source are."""
    if source.row_kind:
        return source.row_kind
    if "messages" in source.fields:
        return "chat"
    if "rejected" in source.fields:
        return "response"
    kind: RowKind = getattr(_module(source), "ROWS", "verifiable")
    return kind


def languages(source: SourceParams) -> set[str]:
    """The languages of a source's rows, as ISO 639-1 codes; none where nobody says."""
    module = _module(source)
    found: set[str] = module.languages(source) if hasattr(module, "languages") else {"en"}
    return found


def expected_rows(source: SourceParams) -> int | None:
    """About how many rows a source has, None where only reading tells: for an estimate of the time."""
    if source.path:
        counts = [count_rows(path) for path in local_files(source.path)]
        found = None if None in counts else sum(count or 0 for count in counts)
    else:
        found = about(source).rows
    if source.rows is None:
        return found
    return source.rows if found is None else min(source.rows, found)


def row_source(source: SourceParams) -> str:
    """Whose schema the rows have: the name of a module here."""
    return source.kind or source.name


def _module(source: SourceParams) -> ModuleType:
    """The module of a source."""
    # By name and late: the generator of hard_math takes seconds to import.
    return importlib.import_module(f"{__package__}.{row_source(source)}")


def _examples(
    source: SourceParams, drafts: Iterator[Draft], licence: str, categories: dict[str, str]
) -> Iterator[Example]:
    name, kind = source.name, row_kind(source)
    if source.rejected and kind == "verifiable":
        raise UserError(
            "rejected: its rows are problems with a final answer, of which no pairs are made; give it to a source of responses"
        )
    rejected = rejected_responses(source.rejected) if source.rejected else {}
    loss = (source.loss or "all") if kind == "chat" else "last"
    seen: set[str] = set()
    unmapped: Counter[str] = Counter()
    for number, draft in enumerate(drafts, 1):
        subject = text(draft.subject)
        category = _category(source, draft.category, subject, categories)
        if category is None:
            unmapped[draft.category or subject] += 1
            continue
        row_id = text(draft.row_id)
        if not row_id:
            row_id = f"{number:05d}"
        if row_id in seen:
            row_id = next(
                other for count in itertools.count(2) if (other := f"{row_id}-{count}") not in seen
            )
        seen.add(row_id)
        question, answer = text(draft.question), text(draft.answer).strip()
        completion = text(draft.completion)
        written = bool(completion.strip())
        yield Example(
            id=f"{name}/{row_id}",
            source=name,
            row_id=row_id,
            revision=draft.revision,
            licence=text(draft.licence) or licence,
            category=category,
            subject=subject,
            question=question,
            answer=answer,
            answer_type=_answer_type(question, answer) if kind == "verifiable" else "none",
            completion=completion if written else "",
            author=draft.author if written else "",
            author_kind=draft.author_kind if written else "unknown",
            difficulty=draft.difficulty,
            kind=kind,
            history=draft.history,
            loss=loss if any(turn.role == "assistant" for turn in draft.history) else "last",
            fault=draft.fault,
            rejected=text(draft.rejected) or rejected.get(question.strip(), ""),
        )
    if unmapped:
        rows = "1 row has" if unmapped.total() == 1 else f"{unmapped.total():,} rows have"
        listed = ", ".join(f"{what!r} ({n})" for what, n in unmapped.most_common(_LISTED))
        more = f", and {len(unmapped) - _LISTED} more" if len(unmapped) > _LISTED else ""
        raise UserError(
            f"{rows} a subject without a category: {listed}{more}; map each "
            f"under dataset.sources: {name}: categories, or give one category for all its rows. The "
            f"categories: {', '.join(ROW_CATEGORIES)}"
        )


def _category(
    source: SourceParams, own: str, subject: str, categories: dict[str, str]
) -> str | None:
    """By the params' map, else their `category`, else the row's own, else the module's map."""
    if source.categories:
        mapped = source.categories.get(own or subject) or source.categories.get(subject)
        if mapped:
            return mapped
    if source.category:
        return source.category
    if own:
        return own if own in ROW_CATEGORIES else None
    return categories.get(subject) or categories.get(subject.strip().lower()) or categories.get("")


def _answer_type(question: str, answer: str) -> AnswerType:
    letter = len(answer) == 1 and "A" <= answer <= "Z"
    return "multipleChoice" if letter and "Answer Choices:" in question else "exactMatch"
