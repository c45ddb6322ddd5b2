"""The value of an expression, by sympy, with numbers kept small before it sees them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from llmc_lib.reasoning.claims.products import Tree

_MOST_BITS = 4_000  # of a whole number, a numerator or a denominator
_LONGEST_NUMBER = 60  # characters
_DIGITS = 50  # of an irrational value


class Undecided(Exception):
    """Too large, not real, or not defined."""


@lru_cache(maxsize=4096)
def value_of(tree: Tree) -> Any:
    """The value of an expression without choices, a real sympy number. Raises `Undecided`."""
    import sympy

    found = _small(_apply(tree, sympy))
    if found.is_real is not True or found.is_finite is False:
        raise Undecided
    return found


def _apply(tree: Tree, sympy: Any) -> Any:
    match tree:
        case ("num", text):
            return _number(text, sympy)
        case ("pi",):
            return sympy.pi
        case ("group", a):
            return value_of(a)
        case ("neg", a):
            return -value_of(a)
        case ("add", a, b):
            return value_of(a) + value_of(b)
        case ("sub", a, b):
            return value_of(a) - value_of(b)
        case ("mul", a, b):
            return value_of(a) * value_of(b)
        case ("div" | "frac", a, b):
            return _quotient(value_of(a), value_of(b), sympy)
        case ("pow", a, b):
            return _power(value_of(a), value_of(b), sympy)
        case ("root", degree, a):
            return _root(value_of(degree), value_of(a), sympy)
        case ("fact", a):
            return sympy.factorial(_whole(value_of(a), 0, 300))
        case ("double", a):
            return sympy.factorial2(_whole(value_of(a), 0, 300))
        case ("binom", a, b):
            n, k = _whole(value_of(a), 0, 2000), _whole(value_of(b), 0, 2000)
            return sympy.binomial(n, k)
        case ("floor", a):
            return sympy.floor(value_of(a))
        case ("ceiling", a):
            return sympy.ceiling(value_of(a))
        case ("call", name, a):
            return _function(name, value_of(a), sympy)
    raise Undecided


def _number(text: str, sympy: Any) -> Any:
    digits = re.sub(r"\{,\}|\\,|,(?:\\!)?", "", text)
    if len(digits) > _LONGEST_NUMBER:
        raise Undecided
    mantissa, _, exponent = digits.lower().partition("e")
    if exponent and abs(int(exponent)) > 400:
        raise Undecided
    return sympy.Rational(mantissa) * sympy.Integer(10) ** int(exponent or 0)


def _small(value: Any) -> Any:
    if value.is_Rational:
        if max(int(value.p).bit_length(), int(value.q).bit_length()) > _MOST_BITS:
            raise Undecided
    elif value.count_ops() > 200:
        raise Undecided
    return value


def _whole(value: Any, least: int, most: int) -> Any:
    if not value.is_Integer or not least <= value <= most:
        raise Undecided
    return value


def _quotient(a: Any, b: Any, sympy: Any) -> Any:
    if b.is_zero or (b.is_zero is None and abs(sympy.N(b, 30)) < 1e-20):
        raise Undecided
    return a / b


def _power(base: Any, exponent: Any, sympy: Any) -> Any:
    if exponent.is_Integer:
        if abs(exponent) > 10_000 or (base.is_zero and exponent <= 0):
            raise Undecided
        if base.is_Rational:
            bits = max(int(base.p).bit_length(), int(base.q).bit_length())
            if bits * abs(int(exponent)) > _MOST_BITS:
                raise Undecided
        return base**exponent
    if (
        not exponent.is_Rational
        or not base.is_positive
        or exponent.q > 1000
        or abs(exponent) > 1000
    ):
        raise Undecided
    return _rational_power(base, exponent, sympy)


def _root(degree: Any, value: Any, sympy: Any) -> Any:
    degree = _whole(degree, 2, 100)
    if value.is_negative:
        if degree % 2 == 0:
            raise Undecided
        return -_rational_power(-value, 1 / degree, sympy)
    return _rational_power(value, 1 / degree, sympy)


def _rational_power(base: Any, exponent: Any, sympy: Any) -> Any:
    if base.is_zero:
        return base
    if base.is_Rational:
        if max(int(base.p).bit_length(), int(base.q).bit_length()) > 200:
            raise Undecided
        return base**exponent
    if base.is_positive is not True:
        raise Undecided
    return sympy.Pow(base, exponent)


def _function(name: str, value: Any, sympy: Any) -> Any:
    if value.is_Rational and abs(value) > 10**12:
        raise Undecided
    if name == "ln":
        if value.is_positive is not True:
            raise Undecided
        return (
            sympy.Float(sympy.log(value).evalf(_DIGITS), _DIGITS)
            if value != 1
            else sympy.Integer(0)
        )
    if name == "exp":
        if abs(value) > 500:
            raise Undecided
        return sympy.exp(value)
    function = getattr(sympy, name.replace("arc", "a"))
    return function(value)


def as_float(value: Any) -> Any:
    """A value with fifty digits. Raises `Undecided` where it has none."""
    import sympy

    found = sympy.N(value, _DIGITS)
    if not found.is_Float and not found.is_Rational:
        raise Undecided
    return found
