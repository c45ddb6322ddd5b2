"""Accuracy among the answers found: which count, clustered by question, and beside the reference."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from llmc_lib.analysis.intervals import wilson
from llmc_lib.analysis.summary import summarise


def _row(model: str, n: int, status: str, sample: int = 0, **other: Any) -> dict[str, Any]:
    return {
        "benchmark": "hle", "model": model, "question_id": f"q{n}", "sample": sample, "category": "Math",
        "status": status, "correct": status == "correct", "truncated": False, "failed": False,
        "extracted": "7", **other,
    }  # fmt: skip


def test_only_answers_that_were_found_count() -> None:
    base = [_row("base", n, "correct" if n < 4 else "incorrect") for n in range(10)]
    tuned = [
        *(_row("tuned", n, "correct") for n in range(3)),
        _row("tuned", 3, "correct", extracted="None"),  # a right answer may be that word
        _row("tuned", 4, "incorrect", extracted="None"),  # what a judge writes where there is none
        _row("tuned", 5, "incorrect", truncated=True),
        _row("tuned", 6, "ungraded", extracted=""),
        _row("tuned", 7, "ungraded", failed=True),
        _row("tuned", 8, "incorrect"),
        _row("tuned", 9, "missing", failed=True),
    ]
    block = summarise(pd.DataFrame(base + tuned))["benchmarks"]["hle"]
    found = block["models"]["tuned"]["answered"]
    assert (found["found"], found["of"], found["rate"]) == (5, 10, 0.8)
    assert found["ci95"] == pytest.approx(list(wilson(4, 5)))
    both = block["comparisons"][0]["answered"]
    assert (both["n"], both["gained"], both["lost"], both["difference"]) == (5, 0, 0, 0)


def test_samples_of_a_question_are_clustered() -> None:
    rows = [
        _row(model, n, "correct" if n % 2 else "incorrect", sample)
        for model in ("base", "tuned")
        for n in range(10)
        for sample in range(8)
    ]
    found = summarise(pd.DataFrame(rows))["benchmarks"]["hle"]["models"]["base"]["answered"]
    low, high = found["ci95"]
    assert (found["found"], found["rate"]) == (80, 0.5)
    assert high - low > 1.5 * (wilson(40, 80)[1] - wilson(40, 80)[0])  # ten questions, not eighty


def test_where_nothing_is_found_there_is_no_rate() -> None:
    rows = [
        _row(model, n, "ungraded", extracted="") for model in ("base", "tuned") for n in range(4)
    ]
    block = summarise(pd.DataFrame(rows))["benchmarks"]["hle"]
    assert block["models"]["base"]["answered"] == {"found": 0, "of": 4, "rate": None, "ci95": None}
    assert block["comparisons"][0]["answered"] is None
