"""Does a claim hold? Decided by sympy, with numbers kept small before it sees them.

Meant to run in a process under `limited.each`: what a model wrote may still take long.

What counts as holding is generous, as a false alarm costs more than a miss:

- a decimal stands for all numbers that round, or are cut, to it: 1/3 = 0.33 holds, 1/3 = 0.35 does not; decimals of
  two digits or more that are computed with carry half a unit of their last place through the expression;
- a whole number that is the exact value rounded to it or cut is undecided (7/2 = 3);
- ≈, and = in a sentence that rounds, allow 10% beside a decimal of two digits or more, else a factor of 2;
- a number of 14 digits or more that misses by the rounding of a double (1/3·5 = 1.6666666666666665) holds;
- a number for an expression with roots or π is undecided within 0.3% (π taken as 3.14);
- whole numbers that differ by a multiple of a modulus that the text names are undecided;
- sides whose quotient is that of two units the sentence names (70 cents for 7/10 of a dollar) are undecided;
- a share in per cent and a quantity (36 = 100% + 20%, of something) are undecided;
- so is a division with a remainder where the text speaks of remainders, and one number out of the digits of the
  other, or the sum of them, where it speaks of digits;
- and so is what holds where points set the thousands apart (1.000 + 500 = 1.500).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product
from typing import Any, Literal

from llmc_lib.reasoning.claims.expression import is_literal
from llmc_lib.reasoning.claims.products import Tree
from llmc_lib.reasoning.claims.values import Undecided, as_float, value_of

Verdict = Literal["holds", "fails", "undecided"]

_MOST_READINGS = 48
_MOST_DECIMALS = 12  # that carry their rounding


@dataclass(frozen=True)
class Decision:
    """A verdict and, of a claim that fails, the values of its sides as text."""

    verdict: Verdict
    left: str = ""
    right: str = ""


@dataclass(frozen=True)
class Comparison:
    """What is to be decided: two expressions and what is said of them."""

    left: Tree
    relation: str  # =, ≈, <, >, ≤, ≥, ≠
    right: Tree
    rough: bool = False  # the sentence rounds or estimates
    moduli: tuple[int, ...] = ()
    factors: tuple[float, ...] = ()  # between units that the sentence names
    remainders: bool = False  # the text divides with remainders
    digits: bool = False  # the text speaks of digits
    # What the right side begins with: "3·4 = 12 + 5 = 17" is read as steps
    runs_on: Tree | None = None


def is_plain(comparison: Comparison) -> bool:
    """Has it only the four operations, which take no time to speak of?"""
    return all(_kinds(tree) <= _PLAIN for tree in (comparison.left, comparison.right))


def decide(comparison: Comparison) -> Decision:
    """Does it hold, in at least one of its readings? It fails only where it fails in all of them."""
    try:
        sides = _readings(comparison.left, comparison.right)
        verdicts = [_compare(a, b, comparison) for a, b in sides]
        if comparison.runs_on is not None:
            start = Comparison(comparison.left, "=", comparison.runs_on)
            others = _readings(comparison.left, comparison.runs_on)
            verdicts += ["undecided" for a, b in others if _compare(a, b, start) == "holds"]
        if "holds" in verdicts:
            return Decision("holds")
        if "undecided" in verdicts or _is_share(comparison, sides):
            return Decision("undecided")
        a, b = min(sides, key=_apart)  # the most charitable reading is shown
        rounded = any("." in text for text in _decimals(a) + _decimals(b))
        return Decision("fails", _shown(value_of(a), rounded), _shown(value_of(b), rounded))
    except (Undecided, ArithmeticError, ValueError, TypeError, RecursionError, MemoryError):
        return Decision("undecided")


_PLAIN = frozenset({"num", "neg", "add", "sub", "mul", "div", "frac", "group", "choice"})


def _kinds(tree: Tree) -> set[str]:
    found = {str(tree[0])}
    for part in tree[1:]:
        if isinstance(part, tuple):
            found |= _kinds(part)
    return found


def _readings(left: Tree, right: Tree) -> list[tuple[Tree, Tree]]:
    """Both sides without choices, once for each combination of them. All angles of a claim have one unit."""
    both = _choices(left) | _choices(right)
    names: list[str] = [name for name in ("degree", "angle") if name in both]
    found: list[tuple[Tree, Tree]] = []
    for options in product((2, 3), repeat=len(names)):
        chosen = dict(zip(names, options, strict=True))
        lefts, rights = (
            list(islice(_expand(_chosen(side, chosen)), _MOST_READINGS + 1))
            for side in (left, right)
        )
        found += islice(product(lefts, rights), _MOST_READINGS + 1)
        if len(found) > _MOST_READINGS:
            raise Undecided
    return found


def _chosen(tree: Tree, chosen: dict[str, int]) -> Tree:
    """An expression with the options `chosen` in the choices of those names."""
    if tree[0] == "choice" and tree[1] in chosen:
        return _chosen(tree[chosen[tree[1]]], chosen)
    return tuple(_chosen(part, chosen) if isinstance(part, tuple) else part for part in tree)


def _expand(tree: Tree) -> Iterator[Tree]:
    if tree[0] in ("num", "pi"):
        yield tree
    elif tree[0] == "choice":
        for option in tree[2:]:
            yield from _expand(option)
    elif tree[0] == "call":
        for argument in _expand(tree[2]):
            yield ("call", tree[1], argument)
    else:
        for parts in product(
            *(list(islice(_expand(part), _MOST_READINGS + 1)) for part in tree[1:])
        ):
            yield (tree[0], *parts)


def _compare(left: Tree, right: Tree, comparison: Comparison) -> Verdict:
    a, b = value_of(left), value_of(right)
    exact = bool(a.is_Rational and b.is_Rational)
    difference = a - b if exact else as_float(a) - as_float(b)
    if not exact and abs(difference) <= 10.0**-30 * max(1, abs(as_float(a))):
        difference = 0 * a
    slack = 0 if difference == 0 else _slack(left, right)
    match comparison.relation:
        case "≠":
            if difference != 0:
                return "holds"
            return "undecided" if _decimals(left) + _decimals(right) or not exact else "fails"
        case "<" | "≤" | ">" | "≥":
            return _order(difference, comparison.relation, slack, exact)
    return _equality(left, right, a, b, difference, slack, comparison)


def _order(difference: Any, relation: str, slack: Any, exact: bool) -> Verdict:
    signed = difference if relation in "<≤" else -difference
    if signed < 0 or (signed == 0 and relation in "≤≥"):
        return "holds"
    if signed == 0:
        return "fails" if exact and slack == 0 else "undecided"
    return "fails" if signed > slack else "undecided"


def _equality(
    left: Tree, right: Tree, a: Any, b: Any, difference: Any, slack: Any, comparison: Comparison
) -> Verdict:
    distance = abs(difference)
    if distance == 0 or distance < slack or _is_of_double(left, right, a, b):
        return "holds"
    if comparison.relation == "≈" or comparison.rough:
        return "fails" if _far(left, right, a, b) else "holds"
    if _is_rounded(left, b, distance) or _is_rounded(right, a, distance):
        return "undecided"
    if a.is_Integer and b.is_Integer and any(difference % m == 0 for m in comparison.moduli):
        return "undecided"
    if _is_coarse(left, right, a, b) or _is_converted(a, b, comparison.factors):
        return "undecided"
    if comparison.digits and (_are_digits(left, a, b) or _are_digits(right, b, a)):
        return "undecided"
    if comparison.digits and (_adds_digits(left, right) or _adds_digits(right, left)):
        return "undecided"
    if _are_thousands(left, right):
        return "undecided"
    if comparison.remainders and (_has_remainder(left, a, b) or _has_remainder(right, b, a)):
        return "undecided"
    return "fails"


def _far(left: Tree, right: Tree, a: Any, b: Any) -> bool:
    """Are these too far from each other for an approximation?"""
    a, b = as_float(a), as_float(b)
    if abs(a - b) < 1 and max(abs(a), abs(b)) < 10 and not _decimals(left) + _decimals(right):
        return False
    if a == 0 or b == 0 or (a > 0) != (b > 0):
        return bool(abs(a - b) >= 1)
    ratio = abs(a / b) if abs(a) > abs(b) else abs(b / a)
    precise = any(_places(text) >= 2 for side in (left, right) for text in _decimals(side))
    return bool(ratio > (1.1 if precise else 2))


def _is_rounded(side: Tree, value: Any, distance: Any) -> bool:
    """Is a side a whole number that the other's value rounds or is cut to?"""
    if not is_literal(side) or _decimals(side):
        return False
    if value.is_Integer:
        digits = str(abs(int(value_of(side))))
        zeros = len(digits) - len(digits.rstrip("0"))
        # 8,370,000 for 8,369,910; but 1,000 is not 1,024.
        return zeros >= 2 and len(digits) - zeros >= 3 and distance < 10**zeros
    return bool(distance < 1)


def _is_of_double(left: Tree, right: Tree, a: Any, b: Any) -> bool:
    """Is a side a number as a computer prints it, and the difference no more than its rounding?"""
    longest = max((_places(t) for t in _decimals(left) + _decimals(right)), default=0)
    return longest >= 14 and bool(abs(a - b) <= 10.0**-13 * max(1, abs(as_float(a))))


def _is_coarse(left: Tree, right: Tree, a: Any, b: Any) -> bool:
    """Is a number given for a composed expression with roots or π, and within 0.3%?"""
    for side, other, value in ((left, right, b), (right, left, a)):
        if is_literal(side) and not is_literal(other) and other[0] != "root":
            near = abs(as_float(a) - as_float(b)) < 0.003 * abs(as_float(b))
            return not value.is_Rational and bool(near)
    return False


def _is_converted(a: Any, b: Any, factors: tuple[float, ...]) -> bool:
    """Is a side the other one in another unit, or a share in per cent without the sign?"""
    if a == 0 or b == 0:
        return False
    ratio = as_float(a) / as_float(b)
    share, other = sorted((a, b), key=abs)
    if 0 < share < 1 and not share.is_Integer and other.is_Integer and share * 100 == other:
        return True
    ratio = ratio if abs(ratio) > 1 else 1 / ratio
    return any(abs(ratio - factor) < 1e-6 * factor for factor in factors)


def _are_digits(side: Tree, value: Any, other: Any) -> bool:
    """Is a side a whole number that the other one's digits contain? 7^2 = 9, of the last of them."""
    whole = bool(value.is_Integer and other.is_Integer and value >= 0)
    return whole and is_literal(side) and str(value) in str(abs(other))


def _adds_digits(number: Tree, total: Tree) -> bool:
    """Is a sum one of the digits of a number? 999 = 9 + 9 + 9, of their sum."""
    return is_literal(number) and total[0] == "add" and [*number[1]] == _numbers(total)


def _are_thousands(left: Tree, right: Tree) -> bool:
    """Does an equality hold where a point sets the thousands apart, 1.000 + 500 = 1.500?"""
    decimals = _decimals(left) + _decimals(right)
    if not decimals or not all(re.fullmatch(r"[1-9]\d{0,2}\.\d{3}", text) for text in decimals):
        return False
    return bool(value_of(_without_points(left)) == value_of(_without_points(right)))


def _without_points(tree: Tree) -> Tree:
    if tree[0] == "num":
        return ("num", tree[1].replace(".", ""))
    return tuple(_without_points(part) if isinstance(part, tuple) else part for part in tree)


def _has_remainder(side: Tree, value: Any, other: Any) -> bool:
    while side[0] == "group":
        side = side[1]
    return side[0] in ("div", "frac") and not value.is_Integer and bool(other.is_Integer)


def _is_share(comparison: Comparison, readings: list[tuple[Tree, Tree]]) -> bool:
    """Is one side a share in per cent, and the other a quantity that it may be a share of?"""
    left, right = comparison.left, comparison.right
    for share, other, place in ((left, right, 1), (right, left, 0)):
        if _in_percent(share) and "percent" not in _choices(other):
            plain = all(abs(as_float(value_of(reading[place]))) <= 2 for reading in readings)
            single = share[0] == "choice" and is_literal(share[3])
            return not single or not (plain or _has_number(other, "100"))
    return False


def _in_percent(tree: Tree) -> bool:
    """Is it a number of per cent, or a sum of such?"""
    if tree[0] in ("add", "sub", "neg", "group"):
        return all(map(_in_percent, tree[1:]))
    if tree[0] == "choice" and tree[1] in ("bullet", "mixed", "dash"):
        return all(map(_in_percent, tree[2:]))
    return bool(tree[:2] == ("choice", "percent"))


def _choices(tree: Tree) -> set[str]:
    found = {tree[1]} if tree[0] == "choice" else set()
    return found.union(*(_choices(part) for part in tree[1:] if isinstance(part, tuple)))


def _has_number(tree: Tree, text: str) -> bool:
    return tree == ("num", text) or any(
        _has_number(part, text) for part in tree[1:] if isinstance(part, tuple)
    )


def _apart(sides: tuple[Tree, Tree]) -> Any:
    """How far two readings are from each other, in hundredths of the larger one."""
    a, b = (as_float(value_of(side)) for side in sides)
    return round(100 * abs(a - b) / max(abs(a), abs(b), 10.0**-30))


def _slack(left: Tree, right: Tree) -> Any:
    """By how much the rounding of the decimals may move the difference."""
    texts = list(dict.fromkeys(_decimals(left) + _decimals(right)))
    if len(texts) > _MOST_DECIMALS:
        raise Undecided
    slack: Any = 0
    for side in (left, right):
        if is_literal(side):
            slack += sum(value_of(("num", _last_place(text))) for text in _decimals(side))
            continue
        base = as_float(value_of(side))
        for text in dict.fromkeys(_decimals(side)):
            if _places(text) >= 2:
                moved = _replaced(side, text, f"{text}+")
                slack += abs(as_float(value_of(moved)) - base)
    return slack


def _replaced(tree: Tree, text: str, by: str) -> Tree:
    """The expression with one decimal half a unit of its last place larger."""
    if tree == ("num", text):
        return ("add", tree, ("div", ("num", _last_place(text)), ("num", "2")))
    return (tree[0], *(_replaced(p, text, by) if isinstance(p, tuple) else p for p in tree[1:]))


def _decimals(tree: Tree) -> list[str]:
    """The numbers with a decimal point in an expression."""
    return [text for text in _numbers(tree) if "." in text]


def _numbers(tree: Tree) -> list[str]:
    if tree[0] == "num":
        return [tree[1]]
    return [text for part in tree[1:] if isinstance(part, tuple) for text in _numbers(part)]


def _places(text: str) -> int:
    """How many digits of a decimal say something."""
    mantissa = text.lower().partition("e")[0]
    return len(mantissa.replace(",", "").replace(".", "").lstrip("0"))


def _last_place(text: str) -> str:
    """The unit of a decimal's last place: "0.01" of "3.14", "0.1e5" of "2.5e5"."""
    mantissa, e, exponent = text.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return f"0.{'0' * (decimals - 1)}1{e}{exponent}"


def _shown(value: Any, rounded: bool) -> str:
    """A value as text: a whole number, a fraction, or six digits."""
    import sympy

    if value.is_Integer and abs(value) < 10**25:
        return str(value).replace("-", "−")
    if value.is_Rational and not rounded and value.q < 10_000 and abs(value.p) < 10**9:
        return f"{value.p}/{value.q}".replace("-", "−")
    text = str(sympy.N(value, 6, chop=False)).lower()
    mantissa, _, exponent = text.partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    power = f"·10^{int(exponent)}" if exponent else ""
    exact = value.is_Rational and value == value_of(
        ("num", text.lstrip("-").replace("e+", "e"))
    ) * (-1 if value < 0 else 1)
    return ("" if exact else "≈ ") + (mantissa + power).replace("-", "−")
