"""What the families of "hard_math" share: the problem's record and numbers written in LaTeX."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

Number = int | Fraction


class Problem(NamedTuple):
    """One instance of a family: the text, its answer, and what is needed to test both."""

    subject: str
    question: str
    reasoning: str
    answer: Number
    recompute: Callable[[], Number]  # the answer by a route that `reasoning` does not take
    slips: tuple[Number, ...]  # what typical errors give: material for wrong options


def tex(value: Number) -> str:
    """A number in LaTeX: "-7" or "-\\frac{3}{4}"."""
    number = Fraction(value)
    if number.denominator == 1:
        return str(number.numerator)
    sign = "-" if number < 0 else ""
    return rf"{sign}\frac{{{abs(number.numerator)}}}{{{number.denominator}}}"


def factor_tex(value: Number) -> str:
    """A factor: negative numbers are in parentheses."""
    return f"({tex(value)})" if value < 0 else tex(value)


def coefficient_tex(value: Number) -> str:
    """A coefficient in front of a letter or parenthesis: 1 is left out."""
    return "" if value == 1 else "-" if value == -1 else tex(value)


def product_tex(*factors: Number) -> str:
    """A product: "2 \\cdot (-3)"."""
    return r" \cdot ".join(factor_tex(factor) for factor in factors)


def power_tex(base: int, exponent: int) -> str:
    """A power: "(-2)^{5}"."""
    return f"{factor_tex(base)}^{{{exponent}}}"


def sum_tex(terms: Sequence[Number]) -> str:
    """A sum written with its signs, zeros left out: "16 - 36 + 5"."""
    kept = [term for term in terms if term]
    if not kept:
        return "0"
    rest = "".join(f" {'-' if term < 0 else '+'} {tex(max(term, -term))}" for term in kept[1:])
    return tex(kept[0]) + rest


def poly_tex(coefficients: Sequence[int], var: str = "x") -> str:
    """A polynomial from its coefficients, highest power first."""
    parts: list[str] = []
    for power, value in zip(range(len(coefficients) - 1, -1, -1), coefficients, strict=True):
        if value == 0:
            continue
        letter = "" if power == 0 else var if power == 1 else f"{var}^{power}"
        size = "" if abs(value) == 1 and letter else str(abs(value))
        sign = "-" if value < 0 else "+"
        parts.append(f" {sign} {size}{letter}" if parts else f"{sign.strip('+')}{size}{letter}")
    return "".join(parts) or "0"


def nonzero(rng: random.Random, low: int, high: int) -> int:
    """A random integer from `low` to `high` other than 0."""
    return rng.choice([number for number in range(low, high + 1) if number])
