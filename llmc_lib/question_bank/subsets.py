"""The subsets of a benchmark's questions (`subsets`), and which questions are left out (`exclude`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from llmc_lib.errors import UserError, instead, shown
from llmc_lib.params import BenchmarkParams
from llmc_lib.records import Question
from llmc_lib.store import ROOT, fingerprint, sha256_file
from llmc_lib.store.data_files import DataFile, file_texts, rows

#: The fields of a data file that may hold a question's id, the first one found is taken.
_IDS = ("id", "question_id", "uuid")
_ENDINGS = (".txt", ".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")


def divided(found: Sequence[Question], benchmark: BenchmarkParams) -> list[Question]:
    """The questions with the names of their subsets, without those that are excluded.

    An entry is the name of a subset (the benchmark's, or one of `subsets`), a file of ids, or an id, in this order. A file
    has an id a line (.txt), or is a data file with a field of `_IDS`; ids that are not among the questions are passed over.

    Raises `UserError` for an entry that names no question, for a file that cannot be read, for a subset without a
    question or whose questions are all excluded (unless it is itself what is excluded), and where none is left.
    """
    if not (benchmark.subsets or benchmark.exclude):
        return list(found)
    members: dict[str, set[str]] = {}
    for question in found:
        for name in question.subsets:
            members.setdefault(name, set()).add(question.id)
    known = {question.id for question in found}
    for name, entries in benchmark.subsets.items():
        if not entries:
            raise UserError(
                f"{_place(benchmark)}.subsets.{name}: names no question; give files of ids, ids or subsets, or leave it out"
            )
        ids = _named(entries, known, members, f"{_place(benchmark)}.subsets.{name}")
        members[name] = members.get(name, set()) | ids
    out = _named(benchmark.exclude, known, members, f"{_place(benchmark)}.exclude")
    left = [
        replace(q, subsets=tuple(name for name, ids in members.items() if q.id in ids))
        for q in found
        if q.id not in out
    ]
    if not left:
        raise UserError(
            f"{_place(benchmark)}.exclude: leaves out all {len(found):,} questions; exclude fewer"
        )
    for name in benchmark.subsets:
        if name not in benchmark.exclude and members[name] <= out:
            raise UserError(
                f"{_place(benchmark)}.subsets.{name}: all of its questions are left out by exclude; leave out one of the two"
            )
    return left


def unknown_ids(found: Sequence[Question], benchmark: BenchmarkParams) -> list[str]:
    """A line for each file of `exclude` and `subsets` that also has ids of no question: a list for all of HLE has those of
    questions with images, and another has a typo. Raises `UserError` for a file that cannot be read."""
    known = {question.id for question in found}
    names = {name for question in found for name in question.subsets} | benchmark.subsets.keys()
    given = {"exclude": benchmark.exclude}
    given |= {f"subsets.{name}": entries for name, entries in benchmark.subsets.items()}
    told = []
    for key, entries in given.items():
        for entry in entries:
            if entry in names or not _is_file(entry):
                continue
            ids = list(dict.fromkeys(_ids(ROOT / entry, entry)))
            if unknown := [each for each in ids if each and each not in known]:
                some = ", ".join(shown(each) for each in unknown[:3])
                more = f" and {len(unknown) - 3:,} more" if len(unknown) > 3 else ""
                told.append(
                    f"{_place(benchmark)}.{key}: {entry}: {len(unknown):,} of its {len(ids):,} ids are of no question "
                    f"that is asked ({some}{more}) and are passed over; check that none is misspelt"
                )
    return told


def subsets_digest(benchmark: BenchmarkParams) -> str:
    """A hash of the files that `exclude` and `subsets` name."""
    entries = [*benchmark.exclude, *(e for each in benchmark.subsets.values() for e in each)]
    places = sorted(place for e in entries if (place := ROOT / e).is_file())
    return fingerprint(files=[sha256_file(place) for place in places]) if places else ""


def _place(benchmark: BenchmarkParams) -> str:
    return f"evaluation.benchmarks.{benchmark.name}"


def _named(
    entries: Sequence[str], known: set[str], members: Mapping[str, set[str]], where: str
) -> set[str]:
    """The ids that entries name."""
    ids: set[str] = set()
    for entry in entries:
        if entry in members:
            ids |= members[entry]
        elif _is_file(entry):
            ids |= _of_file(entry, known, where)
        elif entry in known:
            ids.add(entry)
        else:
            hint = instead(entry, members, _there_are(members))
            raise UserError(
                f"{where}: {shown(entry)} is not a subset, a file or a question; {hint}"
            )
    return ids


def _there_are(members: Mapping[str, set[str]]) -> str:
    if not members:
        return "the benchmark marks no subsets: give a file of ids, or ids"
    return f"there are the subsets {', '.join(members)}"


def _is_file(entry: str) -> bool:
    """Does an entry name a file of ids?"""
    return entry.endswith(_ENDINGS) or (ROOT / entry).is_file()


def _of_file(entry: str, known: set[str], where: str) -> set[str]:
    try:
        found = set(_ids(ROOT / entry, entry))
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    if not found & known:
        raise UserError(
            f"{where}: {entry}: none of its {len(found):,} ids is of a question of the benchmark, whose ids are like "
            f"{shown(min(known))}"
        )
    return found & known


def _ids(path: Path, name: str) -> Iterator[str]:
    if path.suffix == ".txt":
        yield from (text.strip() for _, text in file_texts(path, name))
        return
    for row in rows(DataFile(path, name, "")):
        field = next((field for field in _IDS if row.record.get(field) not in (None, "")), None)
        if field is None:
            raise UserError(row.lacks(_IDS[0]))
        yield str(row.record[field])
