"""Small words of the page: numbers with their noun, shares, lists."""

from __future__ import annotations

from collections.abc import Sequence

MINUS = "−"
#: The presets of llmc_lib/training/deepspeed/.
ZERO = {
    "zero1": "ZeRO-1",
    "zero2": "ZeRO-2",
    "zero3": "ZeRO-3",
    "zero3_offload": "ZeRO-3 with CPU offload",
}


def counted(n: int, noun: str, plural: str = "") -> str:
    """ "1 row", "1,234 rows"; `plural` where it is not the noun with an s."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def listed(names: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def share(part: int, total: int) -> str:
    """A part of `total` things that were counted, in percent; a few are never 0%, all but a few never
    100%. Not for a rate that stands for more than what was counted: that is `as_percent`."""
    if not 0 < part < total:
        return "100%" if part else "0%"
    step = 0.1 if total >= 200 else 1
    percent = 100 * part / total
    if percent < step:
        return f"< {step:g}%"
    if percent > 100 - step:
        return f"> {100 - step:g}%"
    return f"{percent:.{step < 1:d}f}%"
