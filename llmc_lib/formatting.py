"""How numbers, lists and settings are written in sentences: with no more digits than the data support."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal

from tabulate import tabulate

from llmc_lib.language import N_, plural, tr

MINUS = "−"
#: The presets of llmc_lib/training/deepspeed/.
ZERO = {
    "zero1": "ZeRO-1",
    "zero2": "ZeRO-2",
    "zero3": "ZeRO-3",
    "zero3_offload": "ZeRO-3 with CPU offload",
}
#: A chance below this is not told more exactly.
RARE = 0.001
_CHANCES = {
    2: N_("one time in two"), 3: N_("one time in three"), 4: N_("one time in four"), 5: N_("one time in five"),
    6: N_("one time in six"), 7: N_("one time in seven"), 8: N_("one time in eight"), 9: N_("one time in nine"),
    10: N_("one time in ten"),
}  # fmt: skip


def as_percent(rate: float, n: int, least: int = 0) -> str:
    """A rate with no more digits than `n` questions support, or with the `least` that another sentence on it has,
    and up to two more where it would otherwise be printed as none or all of them."""
    return f"{_rounded(100 * rate, n, (0, 100), least)}%"


def as_percent_cell(rate: float, n: int, least: int = 0) -> str:
    """The same without its sign, for a column in percent."""
    return as_percent(rate, n, least).rstrip("%")


def as_percent_range(bounds: Iterable[float], n: int) -> str:
    """The interval of a rate in such a column: "12–18"."""
    return "–".join(as_percent_cell(bound, n) for bound in bounds)


def as_likely(chance: float) -> str:
    """A chance in whole percent; one that is not 0 or 1 is not printed as such: "< 1%", "> 99%"."""
    value = _to(100 * chance, 0)
    if value == 0 < chance:
        return "< 1%"
    return "> 99%" if value == 100 and chance < 1 else f"{value}%"


def as_points(
    difference: float, n: int, least: int = 0, *, sign: bool = True, unit: bool = True
) -> str:
    """A difference of two rates in percentage points, with a true minus sign; as many digits as `n` supports, or the
    `least` that another sentence on it has, and up to two more where it would otherwise be printed as 0."""
    value = _rounded(100 * difference, n, (0,), least)
    text = f"{value:+}" if sign and value else f"{abs(value)}"
    text = text.replace("-", MINUS)
    return in_points(text) if unit else text


def as_size(difference: float) -> str:
    """A size that someone has set, in points, as it was given: "5 points", "0.5 points", "1 point"."""
    return in_points(f"{100 * difference:.6g}")


def in_points(size: str) -> str:
    """A size as it is printed, with its unit: "1 point", "+1 point", "0.5 points"."""
    one = size.lstrip(f"+-{MINUS}") == "1"
    return plural("{size} point", "{size} points", 1 if one else 2, size=size)


def as_range(low: str, high: str) -> str:
    """Two ends as they are printed: "−4 to +29"."""
    return tr("{low} to {high}", low=low, high=high)


def as_bounds(bounds: Iterable[float], n: int) -> str:
    """The interval of a difference, as `as_bound` writes its ends."""
    return as_range(*(as_bound(bound, n) for bound in bounds))


def as_tick(points: float) -> str:
    """A place on an axis of differences: "+5", "0", "−2.5"."""
    return f"{points:+g}".replace("-", MINUS) if points else "0"


def as_bound(bound: float, n: int, edges: Sequence[float] = (0.0,)) -> str:
    """The end of an interval of a difference in points, without the unit: with as many digits as `n` supports,
    and more where it would otherwise be printed as one of the `edges` or as ±100, or beyond it."""
    if 1 - abs(bound) < 1e-4:  # no answers support so many digits
        return _signed(_to(100 * (1 if bound > 0 else -1), 0))
    edges = (*edges, -1.0, 1.0)
    for digits in range(_digits(n), 7):
        value = _to(100 * bound, digits)
        if all(_side(value, Decimal(repr(round(100 * e, 9)))) == _side(bound, e) for e in edges):
            break
    return _signed(value)


def adding_up(rate: float, base: float, difference: float, n: int) -> tuple[str, str, str]:
    """Two rates and their difference as printed ("49.4%", "40.6%", "+8.8 points"): with as many digits as `n`
    supports, and up to two more where the numbers as printed would not add up, or one would be printed as 0 or
    100 that is not."""
    least = _digits(n)
    for digits in range(least, least + 3):
        a, b, d = (_to(100 * value, digits) for value in (rate, base, difference))
        shown = _shown(a, 100 * rate, (0, 100)) and _shown(b, 100 * base, (0, 100))
        if a - b == d and shown and _shown(d, 100 * difference, (0,)):
            break
    else:
        d = a - b
    return f"{a}%", f"{b}%", in_points(_signed(d))


def digits_of(printed: str) -> int:
    """Digits after the point of a number as printed."""
    return len(printed.rstrip("%").partition(".")[2])


def leaving(whole: float, part: float, n: int) -> tuple[str, str, str]:
    """A difference in points, what is taken from it, and the rest, as printed ("+5", "1", "+4"): with as many
    digits as `n` supports, and up to two more where the numbers as printed would not add up, or one would be
    printed as 0 that is not."""
    least = _digits(n)
    for digits in range(least, least + 3):
        values = (100 * whole, 100 * part, 100 * (whole - part))
        a, b, d = (_to(value, digits) for value in values)
        if a - b == d and all(map(_shown, (a, b, d), values, ((0,),) * 3)):
            break
    return _signed(a), f"{b}".replace("-", MINUS), _signed(a - b)


def as_p(p: float, level: float | None = None) -> str:
    """A p-value as "= 0.03" or "< 0.001"; with as many digits as show on which side of the `level` it is."""
    for least, text in ((1e-3, "< 0.001"), (1e-6, "< 0.000001")):
        if p < least and (level is None or level >= least):
            return text
    text = f"{p:.2g}"
    for digits in range(3, 10):
        if level is None or (float(text) < level) == (p < level):
            break
        text = f"{p:.{digits}g}"
    return f"= {text}"


def as_level(alpha: float) -> str:
    """The confidence level of an interval at `alpha`, in percent, with as many digits as tell it from 100: "95", "99.9999".

    >>> as_level(0.05), as_level(0.0253), as_level(1e-6)
    ('95', '97.47', '99.9999')
    """
    digits = max(2, 1 - math.floor(math.log10(100 * alpha)))
    return f"{100 - 100 * alpha:.{digits}f}".rstrip("0").rstrip(".")


def as_p_cell(p: float, level: float | None = None) -> str:
    """A p-value as a table has it: "0.03" or "< 0.001"."""
    return as_p(p, level).removeprefix("= ")


def unbroken(text: str) -> str:
    """A text in which no line ends within "p = 0.03", "n = 40", "−4 to +29", or between a number and its unit."""
    return _TOGETHER.sub(lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), text)


_TOGETHER = re.compile(
    r"\b[pn] [=<>] (?=\d)|(?<=\d) to (?=[+−]\d)"
    r"|(?<=\d) (?=(?:points?|percent|tokens?(?:/s)?|GiB|seconds?|minutes?|hours?)\b)"
)


def as_chance(p: float) -> str:
    """A chance as "one time in three"; below 1 in 20 in round numbers."""
    if p < RARE:
        return tr("less than one time in 1,000")
    one_in = 1 / p
    if one_in < 10.5:
        return tr(_CHANCES[max(2, round(one_in))])
    return tr("one time in {count}", count=as_count(one_in))


def as_count(number: float) -> str:
    """A number that is known roughly: two digits, thousands separated. Whole below 100."""
    if number < 100:
        return f"{round(number):,}"
    digits = 10 ** (len(str(int(number))) - 2)
    return f"{round(number / digits) * digits:,}"


def counted(n: int, noun: str, more: str = "") -> str:
    """ "1 row", "1,234 rows"; `more`: the plural where it is not the noun with an s."""
    forms = f"{{n:,}} {noun}", f"{{n:,}} {more or noun + 's'}"  # as `language.messages` has them
    return plural(*forms, n)


def aligned(rows: Sequence[Sequence[str]], align: str) -> str:
    """A table for the terminal, columns two spaces apart; `align` has "l" or "r" for each column.

    By tabulate, which knows the width of Chinese and Japanese characters; rich would wrap a cell where output goes to a
    file of 80 columns.
    """
    sides = [{"l": "left", "r": "right"}[side] for side in align]
    return str(tabulate(rows, tablefmt="plain", disable_numparse=True, colalign=sides))


def all_of(n: int) -> str:
    """ "both", "all 8"."""
    return tr("both") if n == 2 else tr("all {n:,}", n=n)


def best_of(n: int) -> str:
    """ "the better of 2 candidates", "the best of 8 candidates"."""
    if n == 2:
        return tr("the better of 2 candidates")
    return tr("the best of {n:,} candidates", n=n)


def listed(names: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    if len(names) == 1:
        return names[0]
    return tr("{others} and {last}", others=", ".join(names[:-1]), last=names[-1])


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


def _rounded(percent: float, n: int, edges: Sequence[float], least: int = 0) -> Decimal:
    """One decimal of a percentage from 1,000 questions on, none below; halves go away from zero. Up to two more where
    it would be printed as one of the `edges` and is not.

    Python's own rounding takes 17.5 to 18 and 6.5 to 6, so that a table would not add up.
    """
    least = max(least, _digits(n))
    rounded = (_to(percent, digits) for digits in range(least, least + 3))
    return next((value for value in rounded if _shown(value, percent, edges)), _to(percent, least))


def _shown(value: Decimal, percent: float, edges: Sequence[float]) -> bool:
    """Is what is printed one of the edges only where the number is?"""
    return not any(value == edge and abs(percent - edge) > 1e-7 for edge in edges)


def _digits(n: int) -> int:
    return 1 if n >= 1000 else 0


def _to(percent: float, digits: int) -> Decimal:
    return Decimal(repr(round(float(percent), 9))).quantize(
        Decimal(1).scaleb(-digits), ROUND_HALF_UP
    )


def _signed(value: Decimal) -> str:
    return f"{value:+}".replace("-", MINUS) if value else f"{abs(value)}"


def _side(value: float | Decimal, edge: float | Decimal) -> int:
    return (value > edge) - (value < edge)
