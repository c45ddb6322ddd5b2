"""Pass rates that were measured elsewhere, from a file of the user's (`dataset.difficulty.rates`)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmc_lib.dataset.problems import Problem
from llmc_lib.errors import UserError, shown
from llmc_lib.params import StoredRatesParams
from llmc_lib.question_bank.files import question_rows
from llmc_lib.store import ROOT, fingerprint, sha256_file
from llmc_lib.store.data_files import Row, data_files


@dataclass(frozen=True)
class StoredRate:
    """A rate in [0, 1]; how many of how many samples were right, where the file says it."""

    rate: float
    correct: int | None = None
    samples: int | None = None


def stored_rates(params: StoredRatesParams, problems: Sequence[Problem]) -> dict[str, StoredRate]:
    """The file's rates of these problems: id → rate; those that the file does not have are not in it.

    Problems are found by id, or by their text, which may differ in case, spacing and punctuation. Counts of a problem that
    the file has several times are added.

    Raises `UserError` for a file that cannot be read, for a rate that is none, for a problem with two rates, and where the
    file has none of the problems.
    """
    fields, path = params.fields, ROOT / params.path
    by_id = "id" in fields
    found: dict[Any, StoredRate] = {}
    names: list[str] = []
    rates: list[StoredRate] = []
    for row in question_rows(path, list(fields.values())):
        name = row.need(fields["id" if by_id else "question"])
        if name is None:
            continue
        names.append(str(name))
        rates.append(_rate(row, fields))
    keys = _keys(names, by_id=by_id)
    for key, rate, name in zip(keys, rates, names, strict=True):
        known = found.get(key)
        found[key] = rate if known is None else _together(known, rate, f"{path}: {shown(name)}")
    own = [problem.id if by_id else problem.question for problem in problems]
    matched = {
        problem.id: found[key]
        for problem, key in zip(problems, _keys(own, by_id=by_id), strict=True)
        if key in found
    }
    if problems and not matched:
        what = "ids" if by_id else "questions"
        raise UserError(
            f"{path}: none of its {len(names):,} {what} is one of the {len(problems):,} problems of the data set; correct "
            f"dataset.difficulty.rates.fields.{'id' if by_id else 'question'}, or give the file of these problems"
        )
    return matched


def check_rates(params: StoredRatesParams) -> None:
    """Can the file's first row be read? Raises `UserError`."""
    row = next(question_rows(ROOT / params.path, list(params.fields.values())))
    row.need(params.fields["id" if "id" in params.fields else "question"])
    _rate(row, params.fields)


def stored_digest(path: str) -> str:
    """A hash of the file at a path from the checkout, or of all files of a folder."""
    place = ROOT / path
    return fingerprint(files=[sha256_file(file) for file in data_files(place)])


def _keys(texts: Sequence[str], *, by_id: bool) -> list[Any]:
    if by_id or not texts:
        return list(texts)
    from llmc_lib.dataset.texts.duplicates import exact_keys  # loads numba

    return [row.tobytes() for row in exact_keys(list(texts))]


def _rate(row: Row, fields: Mapping[str, str]) -> StoredRate:
    if "rate" in fields:
        rate = _number(row, fields["rate"])
        if not 0 <= rate <= 1:
            raise UserError(
                f"{row.where}: {fields['rate']!r} is {rate:g}; a pass rate is a fraction from 0 to 1. Of counts give "
                "dataset.difficulty.rates.fields correct and samples"
            )
        return StoredRate(rate)
    correct, samples = (_number(row, fields[name]) for name in ("correct", "samples"))
    if not (0 <= correct <= samples and samples >= 1 and {correct % 1, samples % 1} == {0.0}):
        raise UserError(
            f"{row.where}: {correct:g} of {samples:g} right: must be whole numbers, at least one sample, and no more "
            "right than there are"
        )
    return StoredRate(correct / samples, int(correct), int(samples))


def _number(row: Row, name: str) -> float:
    value = row.need(name)
    try:
        number = math.nan if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise UserError(f"{row.where}: {name!r} must be a number, not {shown(value)}")
    return number


def _together(known: StoredRate, other: StoredRate, where: str) -> StoredRate:
    if known.samples is not None and other.samples is not None:
        correct = (known.correct or 0) + (other.correct or 0)
        samples = known.samples + other.samples
        return StoredRate(correct / samples, correct, samples)
    if known.rate != other.rate:
        raise UserError(
            f"{where} appears twice, with the rates {known.rate:g} and {other.rate:g}; keep one"
        )
    return known
