"""The value of a formula at a point: exact where it is rational, rounded to a number of bits elsewhere.

No value is computed that outgrows `BITS`: then nothing is decided.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any

from mpmath import MPContext

from llmc_lib.answers.nodes import Node

BITS = 200_000  # of a rational number
PRECISION = 200  # bits of other numbers, at least
MOST = 40_000
_FACTORIAL = 5_000

Value = Any  # Fraction, or a number of mpmath
Point = dict[str, Fraction]


class Undecided(Exception):
    """A value is beyond the limits of this module."""


class Undefined(Exception):
    """A formula has no value at a point, or none that is a number."""


mp: Any = MPContext()
ONE_PRECISION = threading.RLock()


def real(value: Value) -> Fraction | float | None:
    """A value as a real number, None where it is complex."""
    if isinstance(value, Fraction):
        return value
    imaginary = getattr(value, "imag", 0)
    if imaginary and abs(imaginary) > abs(value) * mp.mpf(10) ** -40:
        return None
    return getattr(value, "real", value)


def length(value: Fraction) -> int:
    """Bits of the longer of numerator and denominator."""
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def evaluated(node: Node, point: Point, bits: int) -> tuple[Value, int]:
    """A value and the precision it has, raised where a long rational number meets an irrational one."""
    while True:
        mp.prec = bits
        evaluation = Evaluation(point)
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
        if not isinstance(value, Fraction) and not mp.isfinite(value) and not mp.isinf(value):
            raise Undefined("not a number")
        if evaluation.longest + 100 <= bits or isinstance(value, Fraction):
            return value, bits
        if evaluation.longest > MOST:
            raise Undecided("too many digits")
        bits = evaluation.longest + PRECISION


class Evaluation:
    """Of a formula at a point."""

    def __init__(self, point: Point) -> None:
        self.point = point
        self.longest = 0  # bits of a rational number that was rounded

    def of(self, node: Node) -> Value:
        """The value of a formula. Raises `Undefined`, `Undecided`, and what arithmetic raises (`ZeroDivisionError`, …)."""
        kind = node.kind
        if kind == "number":
            return node.value
        if kind == "symbol":
            return self.symbol(node.name)
        if kind == "degrees":
            return self.rounded(self.of(node.parts[0])) * mp.pi / 180
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
        """The value of a letter at the point, or of a constant. Raises `Undefined` for others."""
        if name in self.point:
            return self.point[name]
        if name == "pi":
            return +mp.pi
        if name == "e":
            return +mp.e
        if name == "i":
            return mp.mpc(0, 1)
        if name == "infty":
            return mp.inf
        raise Undefined(name)

    def rounded(self, value: Value) -> Value:
        """A rational number as one of mpmath, at the present precision; `longest` remembers how much was lost."""
        if not isinstance(value, Fraction):
            return value
        self.longest = max(self.longest, length(value))
        return mp.mpf(value.numerator) / value.denominator

    def apply(self, values: list[Value], operation: Callable[[Value, Value], Value]) -> Value:
        """An operation on two values: exact where both are rational, else rounded."""
        one, two = values
        if isinstance(one, Fraction) and isinstance(two, Fraction):
            return operation(one, two)
        return operation(self.rounded(one), self.rounded(two))

    def power(self, base: Value, exponent: Value) -> Value:
        """A power; with an odd root of a negative number the real one: (−8)^(1/3) = −2. Raises `Undecided`."""
        if isinstance(base, Fraction) and isinstance(exponent, Fraction):
            if exponent.denominator == 1:
                if abs(base) != 1 and length(base) * abs(exponent) > BITS:
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
        if not isinstance(exponent, Fraction) and abs(exponent) > BITS:
            raise Undecided("a power")
        if isinstance(exponent, Fraction) and exponent.denominator % 2 and exponent.denominator > 1:
            number = real(base)
            if number is not None and number < 0:
                sign = -1 if exponent.numerator % 2 else 1
                return sign * mp.power(self.rounded(-number), self.rounded(exponent))
        if isinstance(exponent, Fraction) and abs(exponent) > BITS:
            raise Undecided("a power")
        return mp.power(self.rounded(base), self.rounded(exponent))

    def call(self, name: str, values: list[Value]) -> Value:
        """A function's value; one whose name begins with "?" is unknown: some number, the same for the same arguments."""
        if name.startswith("?"):
            return _unknown(name, tuple(str(mp.nstr(self.rounded(v), 20)) for v in values))
        if all(isinstance(value, Fraction) for value in values) and name in _RATIONAL:
            return _RATIONAL[name](*values)
        rounded = [self.rounded(value) for value in values]
        if name in ("ln", "log") and len(rounded) == 2:
            return mp.log(rounded[0]) / mp.log(rounded[1])
        if name in ("floor", "ceil") and isinstance(values[0], Fraction):
            return Fraction(math.floor(values[0]) if name == "floor" else math.ceil(values[0]))
        if any(abs(value) > 1e6 for value in rounded if mp.isfinite(value)) and name not in (
            "ln", "log", "lg", "abs", "floor", "ceil", "max", "min", "arctan"
        ):  # fmt: skip
            raise Undecided(name)
        if name in ("Gamma", "zeta"):
            if len(rounded) > 1:
                return self.call(f"?{name}", values)
            if abs(rounded[0]) > 100:
                raise Undecided(name)
        if len(rounded) != 1 and name not in ("binom", "max", "min"):
            raise Undefined(name)
        if name not in _REAL:
            raise Undefined(name)
        return _REAL[name](*rounded)

    def determinant(self, matrix: Node) -> Value:
        """The determinant of a square matrix of at most six rows. Raises `Undefined` for others."""
        rows = [[self.rounded(self.of(cell)) for cell in row.parts] for row in matrix.parts]
        if len(rows) > 6 or any(len(row) != len(rows) for row in rows):
            raise Undefined("det")
        return mp.det(mp.matrix(rows))


def _bounded(value: Value) -> Value:
    if isinstance(value, Fraction) and length(value) > 2 * BITS:
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
        return mp.gamma(mp.mpf(value.numerator) / value.denominator + 1)
    if not 0 <= value <= _FACTORIAL:
        raise Undecided("a factorial")
    return Fraction(math.factorial(value.numerator))


def _double_factorial(value: Fraction) -> Value:
    if value.denominator != 1 or not 0 <= value <= _FACTORIAL:
        raise Undecided("a factorial")
    return Fraction(math.prod(range(value.numerator, 0, -2)))


def _binomial(above: Fraction, below: Fraction) -> Value:
    if above.denominator == below.denominator == 1 and below >= 0:
        if max(abs(above), below) > _FACTORIAL and min(below, above - below) > 50:
            raise Undecided("a binomial coefficient")
        if above >= 0:
            return Fraction(math.comb(above.numerator, below.numerator))
    if max(abs(above), abs(below)) > 1_000:
        raise Undecided("a binomial coefficient")
    return mp.binomial(*(mp.mpf(v.numerator) / v.denominator for v in (above, below)))


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
    "mod": lambda one, two: one % two, "gcd": _integers(math.gcd), "lcm": _integers(math.lcm),
}  # fmt: skip
_REAL: dict[str, Callable[..., Value]] = {
    "sin": mp.sin, "cos": mp.cos, "tan": mp.tan, "cot": mp.cot, "sec": mp.sec, "csc": mp.csc,
    "arcsin": mp.asin, "arccos": mp.acos, "arctan": mp.atan, "arccot": mp.acot, "arcsec": mp.asec,
    "arccsc": mp.acsc, "sinh": mp.sinh, "cosh": mp.cosh, "tanh": mp.tanh, "coth": mp.coth, "sech": mp.sech,
    "csch": mp.csch, "arsinh": mp.asinh, "arcosh": mp.acosh, "artanh": mp.atanh, "ln": mp.ln, "log": mp.ln,
    "lg": mp.log10, "exp": mp.exp, "abs": abs, "floor": mp.floor, "ceil": mp.ceil, "max": max, "min": min,
    "Gamma": mp.gamma, "zeta": mp.zeta, "binom": mp.binomial, "factorial": lambda value: mp.gamma(value + 1),
}  # fmt: skip
