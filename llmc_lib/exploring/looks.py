"""The comparisons on subsets that a person has looked at: counted, kept, and each p-value adjusted for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from llmc_lib.errors import UserError
from llmc_lib.store import fingerprint, ledger

_FILE = "looks.jsonl"
_NUMBERS = ("difference", "low", "high", "p_value")


def share_of(look: int) -> float:
    """The share of the significance level that look number `look` (from 1) may spend: 1 / (look · (look + 1)).

    All shares sum to 1. A look is a finding where its p-value is below level · share, so its adjusted p-value is
    p · look · (look + 1), at most 1. The chance of any false finding among all looks is at most the level by
    Bonferroni's inequality, whatever the dependence between the subsets (they overlap), however many looks follow,
    and also for a person who stops at the first that shines: alpha spending, the plainest procedure that controls the
    family-wise error online (Foster & Stine, J. R. Stat. Soc. B 70, 2008; Tian & Ramdas, Stat. Methods Med. Res. 30,
    2021). An adjusted p-value never changes again, so the first looks are the cheap ones.

    Holm's adjustment over the looks so far is smaller, but holds only where their number does not depend on what was
    seen: of people who look at up to 20 independent subsets without any difference, and stop at the first below 5%, it
    lets about 17 in 100 claim one, and this at most 5 (tests/exploring/test_looks.py).

    It holds for subsets chosen by what is known of the questions. It does not hold for a subset that was chosen by the
    very answers that are compared (those gained, the longest): there no test is right, and none is given. Nor does it
    know of plots without p-values; what these suggest is a hypothesis, best tested on questions not looked at yet.
    """
    return 1 / (look * (look + 1))


def adjusted(p_value: float, look: int) -> float:
    """The p-value of a look, adjusted for being one of several: see `share_of`.

    >>> round(adjusted(0.01, 1), 3), round(adjusted(0.01, 3), 3)
    (0.02, 0.12)
    """
    return min(1.0, p_value / share_of(look))


def read_looks(folders: Sequence[Path]) -> list[dict[str, Any]]:
    """The distinct looks in the ledgers of some runs' folders (`Run.exploring`), in their order in time.

    Raises `UserError` for a ledger that was changed: the next look would be counted too low.
    """
    rows = [row for folder in folders for row in _rows(folder / _FILE)]
    found: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: row["time"]):
        found.setdefault(row["subset"], row)
    return list(found.values())


def keep_look(
    folders: Sequence[Path], subset: Sequence[str], facts: dict[str, Any]
) -> tuple[int, list[dict[str, Any]]]:
    """Keep a look in the ledgers of all runs that it is of, unless the same was looked at before; it is on disk when
    this returns. `subset`: what is compared with what, and the ids of the questions.

    Returns its number, from 1, and all looks. Raises `UserError` as `read_looks` does.
    """
    key = fingerprint(subset=list(subset))
    # It is the last one also where the clock was put back: the number of no look changes.
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    time = max([now, *(look["time"] for look in read_looks(folders))])
    for folder in folders:
        ledger.append(folder / _FILE, {"subset": key, "time": time, **facts}, once="subset")
    looks = read_looks(folders)
    return next(n for n, look in enumerate(looks, 1) if look["subset"] == key), looks


def _rows(path: Path) -> list[dict[str, Any]]:
    rows = ledger.read(path)
    if not all(map(_is_look, rows)):
        raise UserError(
            f"{path}: has rows that are not comparisons; move it away to start a new one"
        )
    return rows


def _is_look(row: dict[str, Any]) -> bool:
    """Has it what is told of a look? The numbers are fractions, rounded ones among them."""
    texts = all(isinstance(row.get(name), str) for name in ("subset", "time"))
    numbers = (type(row.get(name)) in (float, int) and abs(row[name]) < 1.1 for name in _NUMBERS)
    return texts and all(numbers) and type(row.get("n")) is int and row["n"] > 0
