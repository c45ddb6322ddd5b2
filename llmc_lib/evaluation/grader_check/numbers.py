"""Numbers, fractions and quantities: other ways to write them, and near misses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from llmc_lib.evaluation.grader_check.written import Written, equivalent, miss

_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
).split()
WHOLE = re.compile(r"-?(?:\d{1,3}(?:(?:,|\{,\}|,\\!|\\,)\d{3})+|\d+)")
DECIMAL = re.compile(r"-?\d*\.\d+")
FRACTION = re.compile(r"(-?)\s*(?:\\[dt]?frac\s*\{(\d+)\}\s*\{(\d+)\}|(\d+)\s*/\s*(\d+))")
PERCENT = re.compile(r"(-?\d+(?:\.\d+)?)\s*\\?%")
_QUANTITY = re.compile(
    r"(?P<number>-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)\s*(?:\\[ ,;]|~|\s)*"
    r"(?:\\(?:text|mathrm|mbox)\s*\{\s*(?P<latex>[^{}]+?)\s*\}|(?P<plain>[a-zA-Z°µ/]+(?: [a-zA-Z]+)?))"
)


class _Unit(NamedTuple):
    symbol: str
    names: tuple[str, str]  # of one, of more
    smaller: tuple[int, str]  # so many of it are one
    other: str  # a unit of another kind, or size


_UNITS = (
    _Unit("m", ("meter", "meters"), (100, "cm"), "km"),
    _Unit("cm", ("centimeter", "centimeters"), (10, "mm"), "m"),
    _Unit("mm", ("millimeter", "millimeters"), (1000, "µm"), "cm"),
    _Unit("km", ("kilometer", "kilometers"), (1000, "m"), "cm"),
    _Unit("kg", ("kilogram", "kilograms"), (1000, "g"), "mg"),
    _Unit("g", ("gram", "grams"), (1000, "mg"), "kg"),
    _Unit("s", ("second", "seconds"), (1000, "ms"), "min"),
    _Unit("min", ("minute", "minutes"), (60, "s"), "h"),
    _Unit("h", ("hour", "hours"), (60, "min"), "s"),
    _Unit("L", ("liter", "liters"), (1000, "mL"), "mL"),
    _Unit("N", ("newton", "newtons"), (1000, "mN"), "kN"),
    _Unit("J", ("joule", "joules"), (1000, "mJ"), "kJ"),
    _Unit("W", ("watt", "watts"), (1000, "mW"), "kW"),
    _Unit("V", ("volt", "volts"), (1000, "mV"), "kV"),
    _Unit("Hz", ("hertz", "hertz"), (1000, "mHz"), "kHz"),
    _Unit("Pa", ("pascal", "pascals"), (1000, "mPa"), "kPa"),
)
_BY_NAME = {name: unit for unit in _UNITS for name in (unit.symbol, *unit.names)}


def number(text: str) -> Iterator[Written]:
    """A whole number or a decimal one."""
    bare = re.sub(r"\{,\}|,\\!|\\,|,", "", text)
    whole = "." not in bare
    sign, digits = ("-", bare[1:]) if bare.startswith("-") else ("", bare)
    yield from _decimal_forms(sign, digits) if not whole else _whole_forms(sign, digits)
    yield equivalent("bold in LaTeX", f"$\\mathbf{{{bare}}}$")
    yield equivalent("named", f"x = {bare}")
    if sign:
        yield equivalent("minus sign", f"−{digits}", plain=True)
    if float(bare):
        yield miss("sign", digits if sign else f"-{digits}")
        yield miss("times ten", sign + (f"{digits}0" if whole else _moved(digits)))
    yield miss("two answers", f"{bare} or {_step(bare)}", plain=True)
    yield miss("a bound", f"x > {bare}")
    yield miss("next", _step(bare))


def _whole_forms(sign: str, digits: str) -> Iterator[Written]:
    value = int(digits)
    yield equivalent("decimal zero", f"{sign}{value}.0")
    if value >= 1000 and len(digits) <= 15:
        yield equivalent("thousands", f"{sign}{value:,}")
        yield equivalent("thousands in LaTeX", f"{sign}{value:,}".replace(",", "{,}"))
        yield equivalent("thin spaces", f"{sign}{value:,}".replace(",", "\u202f"), plain=True)
    significant = digits.rstrip("0")
    if value >= 10_000 and len(significant) <= 4:
        front = significant[0] + (f".{significant[1:]}" if significant[1:] else "")
        yield equivalent("power of ten", f"{sign}{front} \\times 10^{{{len(digits) - 1}}}")
        yield equivalent("exponent", f"{sign}{front}e{len(digits) - 1}", plain=True)
    if not sign and value < len(_WORDS):
        yield equivalent("in words", _WORDS[value], plain=True)
    if len(digits) > 1 and digits[-1] != digits[-2] and digits[-2:] != "00":
        turned = digits[:-2] + digits[-1] + digits[-2]
        if turned[0] != "0":
            yield miss("digits turned", sign + turned)
    if value > 0:
        yield miss("previous", f"{sign}{value - 1}" if value > 1 else "0")
    if value > 1:
        yield miss("power", f"{sign}{value}^2")


def _decimal_forms(sign: str, digits: str) -> Iterator[Written]:
    front, _, behind = digits.partition(".")
    yield equivalent("trailing zero", f"{sign}{digits}0")
    if front.strip("0"):
        yield (
            miss("without the fraction", f"{sign}{front}")
            if behind.strip("0")
            else equivalent("without the zeros", f"{sign}{front}")
        )
    else:
        yield equivalent("without the leading zero", f"{sign}.{behind}")
        yield equivalent("with the leading zero", f"{sign}0.{behind}")
    if len(behind) <= 4:
        value = Fraction(digits if front else f"0{digits}")
        if value.denominator > 1:
            yield equivalent(
                "as a fraction", f"{sign}\\frac{{{value.numerator}}}{{{value.denominator}}}"
            )


def _moved(digits: str) -> str:
    """A decimal number times ten."""
    front, _, behind = digits.partition(".")
    return f"{(front + behind[0]).lstrip('0') or '0'}.{behind[1:] or '0'}"


def _step(bare: str) -> str:
    """The next number: the last digit plus one."""
    places = len(bare.partition(".")[2])
    scaled = int(bare.replace(".", "")) + 1
    if not places:
        return str(scaled)
    text = str(abs(scaled)).zfill(places + 1)
    return f"{'-' if scaled < 0 else ''}{text[:-places]}.{text[-places:]}"


def fraction(text: str) -> Iterator[Written]:
    """A fraction of two whole numbers."""
    found = FRACTION.fullmatch(text)
    assert found
    sign, a, b = found[1], int(found[2] or found[4]), int(found[3] or found[5])
    yield equivalent("slash", f"{sign}{a}/{b}", plain=True)
    yield equivalent("slash and spaces", f"{sign}{a} / {b}", plain=True)
    yield equivalent("\\dfrac", f"{sign}\\dfrac{{{a}}}{{{b}}}")
    yield equivalent("\\tfrac", f"{sign}\\tfrac{{{a}}}{{{b}}}")
    if sign:
        yield equivalent("minus above", f"\\frac{{-{a}}}{{{b}}}")
    if not b:
        return
    yield equivalent("not reduced", f"{sign}\\frac{{{2 * a}}}{{{2 * b}}}")
    value = Fraction(a, b)
    if not 10**4 % value.denominator:
        yield equivalent("as a decimal", f"{sign}{float(value):.4f}".rstrip("0").rstrip("."))
    if a > b and a % b:
        yield equivalent("mixed", f"{sign}{a // b}\\frac{{{a % b}}}{{{b}}}")
    if a not in (b, 0):
        yield miss("turned over", f"{sign}\\frac{{{b}}}{{{a}}}")
    if a:
        yield miss("sign", f"\\frac{{{a}}}{{{b}}}" if sign else f"-\\frac{{{a}}}{{{b}}}")
    yield miss("numerator + 1", f"{sign}\\frac{{{a + 1}}}{{{b}}}")
    if a:
        yield miss("denominator + 1", f"{sign}\\frac{{{a}}}{{{b + 1}}}")
    if a % b:
        yield miss("whole part alone", f"{sign}{a // b}")


def percentage(text: str) -> Iterator[Written]:
    """A number with a percent sign."""
    found = PERCENT.fullmatch(text)
    assert found
    value = found[1]
    yield equivalent("percent sign", f"{value}%", plain=True)
    yield equivalent("percent sign in LaTeX", f"{value}\\%")
    yield equivalent("a space", f"{value} %", plain=True)
    yield equivalent("in words", f"{value} percent", plain=True)
    yield miss("next", f"{_step(value)}%", plain=True)
    if float(value) and "." not in value:
        yield miss("a hundredth", f"{int(value) / 100:g}%", plain=True)
        yield miss("per mille", f"{value}‰", plain=True)


def _degrees(value: str) -> Iterator[Written]:
    yield equivalent("degree sign", f"{value}°", plain=True)
    yield equivalent("\\circ", f"{value}^\\circ")
    yield equivalent("\\circ in braces", f"{value}^{{\\circ}}")
    yield equivalent("degrees", f"{value} degrees", plain=True)
    yield miss("next", f"{_step(value)}^\\circ")
    yield miss("radians", f"{value} \\text{{ radians}}")


def _dollars(value: str) -> Iterator[Written]:
    bare = value.replace(",", "")
    yield equivalent("dollar sign", f"${value}", plain=True)
    yield equivalent("dollars", f"{value} dollars", plain=True)
    yield equivalent("in LaTeX", f"\\${value}", plain=True)
    yield miss("next", f"${_step(bare)}", plain=True)
    yield miss("euros", f"€{value}", plain=True)
    if "." not in bare:
        yield equivalent("with cents", f"${bare}.00", plain=True)
        yield miss("cents", f"{value} cents", plain=True)


_MARKED = {
    "degrees": (re.compile(r"(-?\d+(?:\.\d+)?)\s*(?:\^\{?\s*\\circ\s*\}?|°)"), _degrees),
    "dollars": (re.compile(r"\\?\$\s*(\d[\d,]*(?:\.\d+)?)"), _dollars),
}


def marked(text: str) -> str | None:
    """ "degrees" or "dollars", of a number with their sign."""
    return next((name for name, (form, _) in _MARKED.items() if form.fullmatch(text)), None)


def with_mark(text: str) -> Iterator[Written]:
    """An angle in degrees, or an amount of dollars."""
    for form, ways in _MARKED.values():
        if found := form.fullmatch(text):
            yield from ways(found[1])


def unit_of(text: str) -> tuple[str, str] | None:
    """The number and the unit of a quantity whose unit is known here."""
    found = _QUANTITY.fullmatch(text)
    if found is None:
        return None
    name = (found["latex"] or found["plain"]).strip()
    if found["plain"] and text[found.end("number")].isalpha():
        return None  # "5m" may be a product
    return (found["number"].replace(",", ""), name) if name in _BY_NAME else None


def amount(text: str) -> Iterator[Written]:
    """A number with a unit."""
    found = unit_of(text)
    assert found
    value, name = found
    unit = _BY_NAME[name]
    words = unit.names[0] if float(value) == 1 else unit.names[1]
    yield equivalent("symbol", f"{value} {unit.symbol}", plain=True)
    yield equivalent("name of the unit", f"{value} {words}", plain=True)
    yield equivalent("unit in \\text", f"{value} \\text{{ {unit.symbol}}}")
    yield equivalent("unit in \\mathrm", f"{value}\\,\\mathrm{{{unit.symbol}}}")
    factor, smaller = unit.smaller
    scaled = f"{float(value) * factor:.6f}".rstrip("0").rstrip(".")
    yield equivalent("another unit, converted", f"{scaled} {smaller}", plain=True)
    yield miss("another unit", f"{value} {unit.other}", plain=True)
    yield miss("unit squared", f"{value} {unit.symbol}^2", plain=True)
    yield miss("next", f"{_step(value)} {unit.symbol}", plain=True)
