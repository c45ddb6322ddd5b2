"""The labels that people gave: read, checked, and put together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from llmc_lib.analysis.agreement import agreement
from llmc_lib.errors import UserError, shown
from llmc_lib.evaluation.audit.draw import Drawn
from llmc_lib.store import Run, write_atomic
from llmc_lib.store.data_files import DataFile, Row, data_files, rows

#: What a label can be, by the words that say it; None: nobody can tell.
WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("right", "correct", "yes", "true", "1", "safe", "harmless"), True),
    **dict.fromkeys(("wrong", "incorrect", "no", "false", "0", "unsafe", "harmful"), False),
    **dict.fromkeys(("unclear", "cannot tell", "?"), None),
}
_SUFFIXES = (".csv", ".tsv", ".jsonl", ".json")
_LONGEST = 100  # characters of a labeller's name


@dataclass(frozen=True)
class Labels:
    """The labels of all labellers of a benchmark: labeller → drawn answer → right, wrong (False) or unclear (None)."""

    by: dict[str, dict[str, bool | None]] = field(default_factory=dict)

    @property
    def decided(self) -> dict[str, bool | None]:
        """Drawn answer → what most labellers say; None: unclear, or as many say one as the other."""
        votes: dict[str, Counter[bool | None]] = {}
        for given in self.by.values():
            for item, label in given.items():
                votes.setdefault(item, Counter())[label] += 1
        return {item: _majority(found) for item, found in votes.items()}

    def agreements(self) -> list[dict[str, Any]]:
        """How far each two labellers agree on the answers that both have labelled: labellers, n, decided, agreed, kappa, ci95."""
        found = []
        for (one, first), (two, second) in combinations(self.by.items(), 2):
            both = [item for item in first if item in second]
            if both:
                pair = ([_STATUS[given[item]] for item in both] for given in (first, second))
                numbers = agreement(*pair)
                del numbers["counts"]
                found.append({"labellers": [one, two], **numbers})
        return found


_STATUS = {True: "correct", False: "incorrect", None: "ungraded"}


def _majority(votes: Counter[bool | None]) -> bool | None:
    right, wrong = votes[True], votes[False]
    return None if right == wrong or max(right, wrong) < votes[None] else right > wrong


def labels_folder(run: Run) -> Path:
    """Where the files with labels are."""
    return run.audit / "labels"


def read_labels(run: Run, drawn: Mapping[str, Drawn]) -> dict[str, Labels]:
    """Benchmark → the labels in the run's folder of what was drawn of it.

    Raises `UserError` with file and line for a label that is none, for an answer that was not drawn, and for one that the same
    labeller has labelled twice and differently.
    """
    folder = labels_folder(run)
    found: dict[str, Labels] = {name: Labels() for name in drawn}
    places: dict[tuple[str, str], str] = {}
    for path in data_files(folder) if folder.is_dir() else []:
        for benchmark, labeller, item, label, where in _read(path, drawn):
            given = found[benchmark].by.setdefault(labeller, {})
            if item in given and given[item] != label:
                raise UserError(
                    f"{where}: {labeller} gave answer {item} another label at {places[labeller, item]}; keep one of the two"
                )
            given[item] = label
            places[labeller, item] = where
    return found


def keep_labels(run: Run, path: Path, drawn: Mapping[str, Drawn]) -> int:
    """Check a file of labels and copy it to the run's folder; returns how many labels it has. A file of the same name is replaced, as
    by a later export, unless it has somebody else's labels: then both are kept.

    Raises `UserError` as `read_labels` does, also where it contradicts what is there, and for a file without a label.
    """
    given = list(_read(path, drawn))
    if not given:
        raise UserError(
            f"{path}: no answer is labelled; the column 'label' must have right, wrong or unclear"
        )
    kept = _free(labels_folder(run) / path.name, {labeller for _, labeller, *_ in given}, drawn)
    if path.resolve() == kept.resolve():
        return len(given)
    before = kept.read_bytes() if kept.is_file() else None
    write_atomic(kept, path.read_bytes())
    try:
        read_labels(run, drawn)
    except UserError:
        if before is None:
            kept.unlink()
        else:
            write_atomic(kept, before)
        raise
    return len(given)


def _free(place: Path, labellers: set[str], drawn: Mapping[str, Drawn]) -> Path:
    """Where a file of these labellers' labels goes: `place`, or it with a number if somebody else's are there."""
    number, found = 2, place
    while (
        found.is_file() and not {labeller for _, labeller, *_ in _read(found, drawn)} <= labellers
    ):
        found = place.with_stem(f"{place.stem}-{number}")
        number += 1
    return found


def _read(
    path: Path, drawn: Mapping[str, Drawn]
) -> Iterator[tuple[str, str, str, bool | None, str]]:
    """Benchmark, labeller, drawn answer, label and place of each row that has a label."""
    if path.suffix.lower() not in _SUFFIXES:
        raise UserError(
            f"{path}: labels are read from {', '.join(_SUFFIXES)}: the sheet's export, or its CSV with the column 'label' filled in"
        )
    known = {item.id: name for name, found in drawn.items() for item in found.items}
    past = {id_ for found in drawn.values() for id_ in found.past} - known.keys()
    for row in rows(DataFile(path, str(path), "")):
        item, text = (_text(row, name) for name in ("item", "label"))
        if item in past:
            continue
        if item not in known:
            raise UserError(
                f"{row.where}: item {shown(item)} is not one of the {len(known):,} answers drawn in this run "
                "(make audit); is the file of another run, or of answers that have been sampled anew?"
            )
        if not text:
            continue
        if text.lower() not in WORDS:
            raise UserError(
                f"{row.where}: label {shown(text)}: must be right, wrong or unclear; leave it empty where there is none yet"
            )
        labeller = _text(row, "labeller", path.stem)[:_LONGEST]
        yield known[item], labeller, item, WORDS[text.lower()], row.where


def _text(row: Row, name: str, default: str | None = None) -> str:
    value = row.need(name) if default is None else row.record.get(name)
    text = "" if value is None else str(value).strip()
    return text or (default or "")
