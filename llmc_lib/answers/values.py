"""The value of a formula at a point, exact where it is rational, and whether two formulas have the same.

Two formulas are compared by their values at a few points (identity testing after Schwartz and Zippel: a difference that is
not zero vanishes at a random point with a probability near 0; here the points are fixed and of no special form). Rational
values are compared exactly, others to 40 digits and, where they cancel, to twice the precision. No value is computed that
outgrows `_BITS`: then nothing is decided.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any

from mpmath import MPContext

from llmc_lib.answers.parsing import Node

_BITS = 200_000  # of a rational number
_PRECISION = 200  # bits of other numbers, at least
_MOST = 40_000
_FACTORIAL = 5_000
_TOLERANCE = 1e-6

Value = Any  # Fraction, or a number of mpmath
Point = dict[str, Fraction]


class Undecided(Exception):
    """A value is beyond the limits of this module."""


class Undefined(Exception):
    """A formula has no value at a point, or none that is a number."""


_mp: Any = MPContext()
_ONE_PRECISION = threading.RLock()


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
    compared = 0
    for positive, point in _points(names):
        try:
            with _ONE_PRECISION:
                agreed = _agree(left, right, point, exact, positive)
        except Undefined:
            continue
        if agreed is False:
            return False
        compared += agreed is not None
    return compared > 0


def proportional(left: Node, right: Node, *, positive: bool = False) -> bool:
    """Is one formula a constant multiple of the other, and with `positive` a positive one? Raises `Undecided`."""
    names = symbols(left) | symbols(right)
    exact = left.exact and right.exact
    ratios = []
    for _, point in _points(names):
        try:
            with _ONE_PRECISION:
                one, two, _ = _both(left, right, point, _PRECISION)
                ratios.append(one / two)
        except (Undefined, ZeroDivisionError):
            continue
    if len(ratios) < 2 or not all(ratios):
        return False
    tolerance = _mp.mpf(10) ** -40 if exact else _TOLERANCE
    signed = [real(ratio) for ratio in ratios]
    if positive and any(ratio is None or ratio < 0 for ratio in signed):
        return False
    rounded = [_Evaluation({}).rounded(ratio) for ratio in ratios]
    return all(abs(ratio - rounded[0]) <= tolerance * abs(rounded[0]) for ratio in rounded)


def value_at(node: Node, point: Point | None = None) -> Value:
    """The value of a formula: a Fraction where it is rational. Raises `Undecided`, `Undefined`."""
    with _ONE_PRECISION:
        return _evaluated(node, point or {}, _PRECISION)[0]


def real(value: Value) -> Fraction | float | None:
    """A value as a real number, None where it is complex."""
    if isinstance(value, Fraction):
        return value
    imaginary = getattr(value, "imag", 0)
    if imaginary and abs(imaginary) > abs(value) * _mp.mpf(10) ** -40:
        return None
    return getattr(value, "real", value)


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


def _agree(left: Node, right: Node, point: Point, exact: bool, positive: bool) -> bool | None:
    """Do two formulas agree at a point? None: it says nothing, as one of them is not real where a symbol is negative
    (the branches of roots and logarithms)."""
    one, two, bits = _both(left, right, point, _PRECISION)
    if isinstance(one, Fraction):
        return bool(one == two) if exact else _near(one, two)
    if not positive and (real(one) is None or real(two) is None):
        return None
    if not (_mp.isfinite(one) and _mp.isfinite(two)):
        return bool(one == two)
    if not exact:
        return _near(one, two)
    size, distance = max(abs(one), abs(two)), abs(one - two)
    if distance <= size * _mp.mpf(2) ** (67 - bits):
        return True
    if distance > _mp.mpf(10) ** -20:
        return False
    # Small, but not against the values: is it zero, or are they small themselves?
    one, two, _ = _both(left, right, point, 2 * bits)
    return bool(abs(one - two) <= distance * _mp.mpf(10) ** -20)


def _near(one: Value, two: Value) -> bool:
    return bool(abs(one - two) <= _TOLERANCE * abs(two))


def _both(left: Node, right: Node, point: Point, bits: int) -> tuple[Value, Value, int]:
    """Two values, both rational or both rounded to a number of bits that no digit of a long one hides behind."""
    one, first = _evaluated(left, point, bits)
    two, second = _evaluated(right, point, max(bits, first))
    if isinstance(one, Fraction) and isinstance(two, Fraction):
        return one, two, 0
    longest = max((_length(v) for v in (one, two) if isinstance(v, Fraction)), default=0)
    needed = max(first, second, longest + _PRECISION)
    if needed > _MOST:
        raise Undecided("too many digits")
    if needed > bits:
        one, two = _evaluated(left, point, needed)[0], _evaluated(right, point, needed)[0]
    _mp.prec = needed
    evaluation = _Evaluation({})
    return evaluation.rounded(one), evaluation.rounded(two), needed


def _length(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def _evaluated(node: Node, point: Point, bits: int) -> tuple[Value, int]:
    """A value and the precision it has, raised where a long rational number meets an irrational one."""
    while True:
        _mp.prec = bits
        evaluation = _Evaluation(point)
        try:
            value = evaluation.of(node)
        except (
            ZeroDivisionError,
            OverflowError,
            ValueError,
            TypeError,
            NotImplementedError,
        ) as error:
            raise Undefined(str(error)) from None
        if not isinstance(value, Fraction) and not _mp.isfinite(value) and not _mp.isinf(value):
            raise Undefined("not a number")
        if evaluation.longest + 100 <= bits or isinstance(value, Fraction):
            return value, bits
        if evaluation.longest > _MOST:
            raise Undecided("too many digits")
        bits = evaluation.longest + _PRECISION


class _Evaluation:
    """Of a formula at a point."""

    def __init__(self, point: Point) -> None:
        self.point = point
        self.longest = 0  # bits of a rational number that was rounded

    def of(self, node: Node) -> Value:
        kind = node.kind
        if kind == "number":
            return node.value
        if kind == "symbol":
            return self.symbol(node.name)
        if kind == "degrees":
            return self.rounded(self.of(node.parts[0])) * _mp.pi / 180
        if kind == "call" and node.name == "det":
            return self.determinant(node.parts[0])
        values = [self.of(part) for part in node.parts]
        if kind == "negative":
            return -values[0]
        if kind == "sum":
            return self.apply(values, lambda a, b: a + b)
        if kind == "product":
            return _bounded(self.apply(values, lambda a, b: a * b))
        if kind in ("quotient", "ratio") and len(values) == 2:
            return _bounded(self.apply(values, lambda a, b: a / b))
        if kind == "power":
            return self.power(*values)
        if kind == "call":
            return self.call(node.name, values)
        raise Undefined(kind)

    def symbol(self, name: str) -> Value:
        if name in self.point:
            return self.point[name]
        if name == "pi":
            return +_mp.pi
        if name == "e":
            return +_mp.e
        if name == "i":
            return _mp.mpc(0, 1)
        if name == "infty":
            return _mp.inf
        raise Undefined(name)

    def rounded(self, value: Value) -> Value:
        if not isinstance(value, Fraction):
            return value
        self.longest = max(self.longest, _length(value))
        return _mp.mpf(value.numerator) / value.denominator

    def apply(self, values: list[Value], operation: Callable[[Value, Value], Value]) -> Value:
        one, two = values
        if isinstance(one, Fraction) and isinstance(two, Fraction):
            return operation(one, two)
        return operation(self.rounded(one), self.rounded(two))

    def power(self, base: Value, exponent: Value) -> Value:
        if isinstance(base, Fraction) and isinstance(exponent, Fraction):
            if exponent.denominator == 1:
                size = max(base.numerator.bit_length(), base.denominator.bit_length())
                if abs(base) != 1 and size * abs(exponent) > _BITS:
                    raise Undecided("a power")
                return (
                    base**exponent.numerator if abs(base) != 1 else base ** (exponent.numerator % 2)
                )
            if base < 0 and exponent.denominator % 2:  # the real root
                sign = -1 if exponent.numerator % 2 else 1
                return sign * self.power(-base, exponent)
            rational = _rational_root(base, exponent)
            if rational is not None:
                return rational
        if isinstance(base, Fraction) and base == 0 and real(exponent) is not None and exponent > 0:
            return Fraction(0)
        if not isinstance(exponent, Fraction) and abs(exponent) > _BITS:
            raise Undecided("a power")
        if isinstance(exponent, Fraction) and exponent.denominator % 2 and exponent.denominator > 1:
            number = real(base)
            if number is not None and number < 0:
                sign = -1 if exponent.numerator % 2 else 1
                return sign * _mp.power(self.rounded(-number), self.rounded(exponent))
        if isinstance(exponent, Fraction) and abs(exponent) > _BITS:
            raise Undecided("a power")
        return _mp.power(self.rounded(base), self.rounded(exponent))

    def call(self, name: str, values: list[Value]) -> Value:
        if name.startswith("?"):
            return _unknown(name, tuple(str(_mp.nstr(self.rounded(v), 20)) for v in values))
        if all(isinstance(value, Fraction) for value in values) and name in _RATIONAL:
            return _RATIONAL[name](*values)
        rounded = [self.rounded(value) for value in values]
        if name in ("ln", "log") and len(rounded) == 2:
            return _mp.log(rounded[0]) / _mp.log(rounded[1])
        if name in ("floor", "ceil") and isinstance(values[0], Fraction):
            return Fraction(math.floor(values[0]) if name == "floor" else math.ceil(values[0]))
        if any(abs(value) > 1e6 for value in rounded if _mp.isfinite(value)) and name not in (
            "ln", "log", "lg", "abs", "floor", "ceil", "max", "min", "arctan"
        ):  # fmt: skip
            raise Undecided(name)
        if len(rounded) != 1 and name not in ("binom", "max", "min"):
            raise Undefined(name)
        if name not in _REAL:
            raise Undefined(name)
        return _REAL[name](*rounded)

    def determinant(self, matrix: Node) -> Value:
        rows = [[self.rounded(self.of(cell)) for cell in row.parts] for row in matrix.parts]
        if len(rows) > 6 or any(len(row) != len(rows) for row in rows):
            raise Undefined("det")
        return _mp.det(_mp.matrix(rows))


def _bounded(value: Value) -> Value:
    if isinstance(value, Fraction):
        if value.numerator.bit_length() + value.denominator.bit_length() > 2 * _BITS:
            raise Undecided("a number")
    return value


def _rational_root(base: Fraction, exponent: Fraction) -> Fraction | None:
    """A rational power of a rational number that is rational itself, as of 8^(2/3)."""
    degree = exponent.denominator
    if (
        base < 0
        or degree > 64
        or base.numerator.bit_length() + base.denominator.bit_length() > 2_000
    ):
        return None
    if abs(exponent.numerator) > 100:
        return None
    roots = [_whole_root(part, degree) for part in (base.numerator, base.denominator)]
    if None in roots:
        return None
    above, below = roots
    return Fraction(above or 0, below or 1) ** exponent.numerator


def _whole_root(number: int, degree: int) -> int | None:
    if degree == 2:
        root = math.isqrt(number)
    else:
        low, high = 0, 1 << (number.bit_length() // degree + 1)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if middle**degree <= number else (low, middle - 1)
        root = low
    return root if root**degree == number else None


def _factorial(value: Fraction) -> Value:
    if value.denominator != 1:
        return _mp.gamma(_mp.mpf(value.numerator) / value.denominator + 1)
    if not 0 <= value <= _FACTORIAL:
        raise Undecided("a factorial")
    return Fraction(math.factorial(value.numerator))


def _double_factorial(value: Fraction) -> Value:
    if value.denominator != 1 or not 0 <= value <= _FACTORIAL:
        raise Undecided("a factorial")
    return Fraction(math.prod(range(value.numerator, 0, -2)))


def _binomial(above: Fraction, below: Fraction) -> Value:
    if above.denominator == below.denominator == 1 and 0 <= below:
        if abs(above) > _FACTORIAL or below > _FACTORIAL:
            if min(below, above - below) > 50:
                raise Undecided("a binomial coefficient")
        if above >= 0:
            return Fraction(math.comb(above.numerator, below.numerator))
    if max(abs(above), abs(below)) > 1_000:
        raise Undecided("a binomial coefficient")
    return _mp.binomial(*(_mp.mpf(v.numerator) / v.denominator for v in (above, below)))


def _mod(one: Fraction, two: Fraction) -> Fraction:
    return one % two


def _integers(operation: Callable[..., int]) -> Callable[..., Fraction]:
    def of(*values: Fraction) -> Fraction:
        if any(value.denominator != 1 for value in values):
            raise Undefined("not whole")
        return Fraction(operation(*(value.numerator for value in values)))

    return of


@lru_cache(maxsize=1024)
def _unknown(name: str, arguments: tuple[str, ...]) -> Fraction:
    """A value of a function that is known by its name alone: another one for other arguments."""
    digest = hashlib.sha256(repr((name, arguments)).encode()).digest()
    return Fraction(int.from_bytes(digest[:4]), 1 << 30)


_RATIONAL: dict[str, Callable[..., Value]] = {
    "abs": abs, "max": max, "min": min, "factorial": _factorial, "double": _double_factorial, "binom": _binomial,
    "mod": _mod, "gcd": _integers(math.gcd), "lcm": _integers(math.lcm),
}  # fmt: skip
_REAL: dict[str, Callable[..., Value]] = {
    "sin": _mp.sin, "cos": _mp.cos, "tan": _mp.tan, "cot": _mp.cot, "sec": _mp.sec, "csc": _mp.csc,
    "arcsin": _mp.asin, "arccos": _mp.acos, "arctan": _mp.atan, "arccot": _mp.acot, "arcsec": _mp.asec,
    "arccsc": _mp.acsc, "sinh": _mp.sinh, "cosh": _mp.cosh, "tanh": _mp.tanh, "coth": _mp.coth, "sech": _mp.sech,
    "csch": _mp.csch, "arsinh": _mp.asinh, "arcosh": _mp.acosh, "artanh": _mp.atanh, "ln": _mp.ln, "log": _mp.ln,
    "lg": _mp.log10, "exp": _mp.exp, "abs": abs, "floor": _mp.floor, "ceil": _mp.ceil, "max": max, "min": min,
    "binom": _mp.binomial, "factorial": lambda value: _mp.gamma(value + 1),
}  # fmt: skip
