"""Looks are counted once each, over kernels and notebooks, and their p-values hold whenever one stops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from llmc_lib.errors import UserError
from llmc_lib.exploring.looks import adjusted, keep_look, read_looks, share_of
from llmc_lib.store import ledger

NUMBERS = {"n": 50, "difference": 0.1, "low": -0.1, "high": 0.3}


def test_the_shares_are_all_of_the_level() -> None:
    shares = [share_of(look) for look in range(1, 100_000)]
    assert sum(shares) == pytest.approx(1, abs=2e-5)
    assert sum(shares) < 1
    assert adjusted(0.4, 5) == 1.0


def test_who_stops_when_one_shines_is_wrong_no_more_often_than_the_level_says() -> None:
    draw = np.random.default_rng(0)
    p = draw.random((40_000, 20))  # no difference anywhere; independent subsets are the worst case
    ours = [[adjusted(value, look) < 0.05 for look, value in enumerate(row, 1)] for row in p[:4000]]
    assert np.any(ours, axis=1).mean() < 0.057
    looks = np.arange(1, 21)
    assert (p * looks * (looks + 1) < 0.05).any(axis=1).mean() == pytest.approx(0.046, abs=0.004)
    # Holm's smallest p-value over the looks so far, which is Bonferroni's: right for a number that was fixed …
    smallest = np.minimum.accumulate(p, axis=1)
    assert (smallest[:, -1] * 20 < 0.05).mean() < 0.052
    # … and not for one that depends on what was seen.
    assert (smallest * looks < 0.05).any(axis=1).mean() == pytest.approx(0.166, abs=0.01)


def test_overlapping_subsets_are_no_exception() -> None:
    draw = np.random.default_rng(1)
    answers = draw.normal(size=(4000, 200))
    halves = [draw.choice(200, 100, replace=False) for _ in range(20)]
    z = np.stack([answers[:, half].sum(axis=1) / 10 for half in halves], axis=1)
    from scipy import stats

    looks = np.arange(1, 21)
    assert (2 * stats.norm.sf(abs(z)) * looks * (looks + 1) < 0.05).any(axis=1).mean() < 0.057


def look(p_value: float) -> dict[str, float]:
    return {**NUMBERS, "p_value": p_value}


def test_a_look_is_counted_once_and_kept(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert keep_look([one], ["hle", "a", "b", "q1"], look(0.01))[0] == 1
    assert keep_look([one], ["hle", "a", "b", "q1"], look(0.01))[0] == 1
    assert keep_look([one, two], ["hle", "a", "c", "q1"], look(0.5))[0] == 2  # of two runs
    assert keep_look([two], ["hle", "c", "d", "q1"], look(0.5))[0] == 2
    assert [look["p_value"] for look in read_looks([one, two])] == [0.01, 0.5, 0.5]
    with open(one / "looks.jsonl", "a") as file:
        file.write('{"subset": "torn')
    assert len(read_looks([one])) == 2
    assert keep_look([one], ["hle", "e", "f", "q1"], look(0.2))[0] == 3


@pytest.mark.parametrize("line", [None, "not a look", '{"subset": "x"}'])
def test_where_the_ledger_was_changed_no_look_is_counted_too_low(
    tmp_path: Path, line: str | None
) -> None:
    for subset in "abc":
        keep_look([tmp_path], [subset], look(0.01))
    file = tmp_path / "looks.jsonl"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], *([line] if line else []), *lines[2:]]) + "\n")
    with pytest.raises(UserError, match="line 2"):
        read_looks([tmp_path])
    with pytest.raises(UserError, match="line 2"):
        keep_look([tmp_path], ["d"], look(0.01))


def test_the_number_of_no_look_changes_where_the_clock_is_put_back(tmp_path: Path) -> None:
    late = {"subset": "a", "time": "2999-01-01T00:00:00.000000+00:00", **look(0.01)}
    ledger.append(tmp_path / "looks.jsonl", late)
    number, looks = keep_look([tmp_path], ["b"], look(0.02))
    assert (number, [look["p_value"] for look in looks]) == (2, [0.01, 0.02])


@pytest.mark.parametrize("value", [None, "x", [1], True, 10**400, -3])
def test_a_row_that_none_of_ours_can_be_is_told(tmp_path: Path, value: object) -> None:
    ledger.append(tmp_path / "looks.jsonl", {"subset": "s", **look(0.01), "p_value": value})
    with pytest.raises(UserError, match="not comparisons"):
        read_looks([tmp_path])
