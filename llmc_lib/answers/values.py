"""The value of a formula at a point, exact where it is rational, and whether two formulas have the same.

Two formulas are compared by their values at a few points (identity testing after Schwartz and Zippel: a difference that is
not zero vanishes at a random point with a probability near 0; here the points are fixed and of no special form). Rational
values are compared exactly, others to 40 digits and, where they cancel, to twice the precision. No value is computed that
outgrows the limits of `evaluation`: then nothing is decided.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from fractions import Fraction

from llmc_lib.answers.evaluation import (
    MOST,
    ONE_PRECISION,
    PRECISION,
    Evaluation,
    Point,
    Undecided,
    Undefined,
    Value,
    evaluated,
    length,
    mp,
    real,
)  # fmt: skip
from llmc_lib.answers.nodes import Node, mentions

_TOLERANCE = 1e-6


def symbols(node: Node) -> frozenset[str]:
    """The names of the symbols in a formula, without those of constants."""
    if node.kind == "symbol":
        return frozenset() if node.name in ("e", "i", "pi", "infty") else frozenset([node.name])
    return frozenset().union(*(symbols(part) for part in node.parts))


def same_value(left: Node, right: Node) -> bool:
    """Do two formulas have the same value wherever both have one? Raises `Undecided`.

    A decimal number agrees within a relative 1e-6.
    """
    names = symbols(left) | symbols(right)
    exact = left.exact and right.exact
    for unreal in (False, True):
        compared = 0
        for positive, point in _points(names):
            try:
                with ONE_PRECISION:
                    agreed = _agree(left, right, point, exact, positive, unreal)
            except Undefined:
                continue
            if agreed is False and compared > 1 and not positive and not unreal:
                raise Undecided("the same for positive symbols, as x and |x| are")
            if agreed is False:
                return False
            compared += agreed is not None
        if compared:
            return True
    return False


def proportional(left: Node, right: Node, *, positive: bool = False) -> bool:
    """Is one formula a constant multiple of the other, and with `positive` a positive one? Raises `Undecided`."""
    names = symbols(left) | symbols(right)
    exact = left.exact and right.exact
    ratios = []
    for _, point in _points(names):
        try:
            with ONE_PRECISION:
                one, two, _ = _both(left, right, point, PRECISION)
                ratios.append(one / two)
        except (Undefined, ZeroDivisionError):
            continue
    if len(ratios) < 2 or not all(ratios):
        return False
    tolerance = mp.mpf(10) ** -40 if exact else _TOLERANCE
    signed = [real(ratio) for ratio in ratios]
    if positive and any(ratio is None or ratio < 0 for ratio in signed):
        return False
    rounded = [Evaluation({}).rounded(ratio) for ratio in ratios]
    return all(abs(ratio - rounded[0]) <= tolerance * abs(rounded[0]) for ratio in rounded)


def value_at(node: Node, point: Point | None = None) -> Value:
    """The value of a formula: a Fraction where it is rational. Raises `Undecided`, `Undefined`."""
    with ONE_PRECISION:
        return evaluated(node, point or {}, PRECISION)[0]


def _points(names: frozenset[str]) -> Iterator[tuple[bool, Point]]:
    if not names:
        yield True, {}
        return
    for number, positive in ((0, True), (1, True), (2, False), (3, False)):
        point = {}
        for name in names:
            digest = hashlib.sha256(f"{name}/{number}".encode()).digest()
            value = Fraction(int.from_bytes(digest[:2]) % 900 + 101, 97 if number % 2 else 1009)
            if not positive and digest[2] % 4:
                value = -value
            point[name] = value
        if not positive and all(value > 0 for value in point.values()):
            point = {name: -value for name, value in point.items()}
        yield positive, point


def _agree(
    left: Node, right: Node, point: Point, exact: bool, positive: bool, complex_too: bool
) -> bool | None:
    """Do two formulas agree at a point? None: it says nothing, as one of them is not real where a symbol is negative
    (the branches of roots and logarithms), or both are complex without an i in them."""
    one, two, bits = _both(left, right, point, PRECISION)
    if isinstance(one, Fraction):
        return bool(one == two) if exact else _near(one, two)
    unreal = [real(value) is None for value in (one, two)]
    if unreal == [True, False] and not positive and mentions(right, "call", "abs"):
        raise Undecided("ln x for ln |x|")
    if any(unreal) and not positive:
        return None
    complex_too = complex_too or any(mentions(node, "symbol", "i") for node in (left, right))
    if all(unreal) and point and not complex_too:
        return None
    if not (mp.isfinite(one) and mp.isfinite(two)):
        return bool(one == two)
    if not exact:
        return _near(one, two)
    size, distance = max(abs(one), abs(two)), abs(one - two)
    if distance <= size * mp.mpf(2) ** (67 - bits):
        return True
    if distance > mp.mpf(10) ** -20:
        return False
    # Small, but not against the values: is it zero, or are they small themselves?
    one, two, _ = _both(left, right, point, 2 * bits)
    return bool(abs(one - two) <= distance * mp.mpf(10) ** -20)


def _near(one: Value, two: Value) -> bool:
    return bool(abs(one - two) <= _TOLERANCE * abs(two))


def _both(left: Node, right: Node, point: Point, bits: int) -> tuple[Value, Value, int]:
    """Two values, both rational or both rounded to a number of bits that no digit of a long one hides behind."""
    one, first = evaluated(left, point, bits)
    two, second = evaluated(right, point, max(bits, first))
    if isinstance(one, Fraction) and isinstance(two, Fraction):
        return one, two, 0
    longest = max((length(v) for v in (one, two) if isinstance(v, Fraction)), default=0)
    needed = max(first, second, longest + PRECISION)
    if needed > MOST:
        raise Undecided("too many digits")
    if needed > bits:
        one, two = evaluated(left, point, needed)[0], evaluated(right, point, needed)[0]
    mp.prec = needed
    evaluation = Evaluation({})
    return evaluation.rounded(one), evaluation.rounded(two), needed
