"""Numbers with a unit after them (or a currency before them), and formulas with one."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from llmc_lib.answers.text import NOT_A_UNIT, NUMBER, TAIL, signs, unwrapped

# 1\\,234 and 1{,}234 as LaTeX writes thousands, 1 234 with the narrow spaces of typesetting.
_THOUSANDS = re.compile(r"(?<=\d)(?:\{,\}|,?\\[,;:!]|[\u00a0\u2009\u202f])(?=\d{3}(?!\d))")
_SCIENTIFIC = re.compile(
    r"^(-?\d+(?:\.\d+)?)\s*(?:\\times|\\cdot|[×·*x])\s*10\s*(?:\^|\*\*)\s*\{?([-+]?\d{1,3})(?:\}|(?!\d))"
)
# After a number: a unit is an abbreviation from this list or a word, except for words that
# change the number. One letter is a unit after a space only: 5m may be a product.
_ABBREVIATION = (
    r"(?:[kcmnuµμ]m|mcg|Å|[kmuµμ]g|[muµμn]s|(?<=\s)[msghlLCFNJWVAK]|hrs?|min|secs?|in|ft|yd|mi|lbs?|oz|mph|kmh|sq|cu|[mkMG]J|[mk]cal|cal|[mkM]N"
    r"|[mkMG]W|[km]V|[kMG]?eV|mA|mK|°|°C|°F|mL|ml|[kMG]?Hz|[kM]?Pa|m?mol|atm|cd|rpm|%|€|\$|£|¢|k?Ω|rad|deg|USD|EUR|GBP|JPY)(?:[²³]|\^-?[1-3]|\^\{-?[1-3]\})?"
)
# One after a slash or another unit needs no space: m/s, N m.
_FURTHER = _ABBREVIATION.replace(r"(?<=\s)", "")
_UNIT = re.compile(
    rf"\s*(?:{_ABBREVIATION}|(?<=\s)[a-zA-Z]{{3,}})"
    rf"(?:\s*/\s*(?:{_FURTHER}|[a-zA-Z]{{3,}})|\s*[·*]\s*{_FURTHER}|\s+{_FURTHER}|\s+[a-zA-Z]{{2,}})*(?:\^\{{?[23]\}}?)?"
)
_LATEX_UNIT = re.compile(
    r"(?:\\[ ,;:!]|~|\s)*\\(?:text(?:bf|it|rm|normal|up)?|mathrm|mbox|hbox|operatorname|rm)\s*\{(?P<unit>(?:[^{}]|\{[^{}]*\})*)\}"
    r"(?P<power>\^\{?[23]\}?)?$"
)
_BRACED_UNIT = re.compile(r"(?<=[\d})])\{(?P<unit>[a-zA-Z ]{2,})\}(?P<power>)$")
_PLAIN_UNIT = re.compile(rf"(?<=[\w)}}\]²³])(?P<unit>{_UNIT.pattern})(?P<power>)$")
_CURRENCY = re.compile(
    r"^(-?)\s*(?:\\?(?P<sign>[$€£¥])|\\text\{\\?\$\}|\\(?:euro|pounds)\b|US\\?(?P<us>\$)|USD|EUR|Rs\.?)\s*(?=[\d.\\(])"
)
# One name for the units that have several.
_NAMES = {
    "centimeter": "cm", "centimetre": "cm", "meter": "m", "metre": "m", "kilometer": "km", "kilometre": "km",
    "millimeter": "mm", "millimetre": "mm", "inch": "in", "inche": "in", "foot": "ft", "feet": "ft", "yard": "yd", "mile": "mi",
    "degree": "°", "deg": "°", "dollar": "$", "usd": "$", "buck": "$", "euro": "€", "hour": "h", "hr": "h", "minute": "min",
    "second": "s", "sec": "s", "gram": "g", "kilogram": "kg", "pound": "lb", "ounce": "oz", "liter": "l", "litre": "l", "L": "l",
    "lb": "lb", "lbs": "lb", "yen": "¥", "jpy": "¥", "eur": "€", "gbp": "£", "¢": "cent", "acre": "acre", "hectare": "hectare",
    "byte": "byte", "bit": "bit", "percent": "%", "radian": "rad", "mcg": "ug", "unit": "", "cent": "cent", "mph": "mi/h", "milliliter": "ml", "mL": "ml",
    "newton": "N", "joule": "J", "watt": "W", "volt": "V", "day": "day", "week": "week", "month": "month", "year": "year",
}  # fmt: skip
_MEASURES = frozenset(_NAMES.values()) - {""} | {"Å", "cal", "kcal", "pence", "bar", "psi", "ms", "mg", "kW", "MW", "mW", "kJ", "kV", "mV", "mA", "Hz", "kHz", "MHz", "eV", "Pa", "kPa", "mol", "atm", "A", "K", "C", "F", "°C", "°F"}  # fmt: skip

# Units with a prefix that are measures too.
_PREFIXED = re.compile(r"(?:[pnumcdhkMGT]|da)(?:m|g|s|l|N|J|W|V|A|K|Hz|Pa|eV|mol|cal|Ω|B)|Ω")


_PREFIXES = {
    "": Fraction(1), "n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000), "c": Fraction(1, 100),
    "k": Fraction(1000), "M": Fraction(10**6), "G": Fraction(10**9),
}  # fmt: skip
#: Units that take these prefixes.
_BASES = ("Hz", "Pa", "mol", "eV", "m", "g", "s", "l", "N", "J", "W", "V")
#: And units that are so many of one of these.
_OF_ITS_OWN = {
    "min": ("s", Fraction(60)), "h": ("s", Fraction(3600)), "day": ("s", Fraction(86_400)), "week": ("s", Fraction(604_800)),
    "ft": ("in", Fraction(12)), "yd": ("in", Fraction(36)), "in": ("in", Fraction(1)), "mi": ("in", Fraction(63_360)),
    "Å": ("m", Fraction(1, 10**10)), "lb": ("oz", Fraction(16)), "oz": ("oz", Fraction(1)),
}  # fmt: skip


_TWO_UNITS = re.compile(
    r"(\d{1,6})\s*([a-zA-Z]{1,7})\.?,?\s+(?:and\s+)?(\d{1,3}(?:\.\d+)?)\s*([a-zA-Z]{1,7})\.?"
)
# Words after a number that are no unit.
_NO_UNIT = re.compile(
    r"\b(?:unless|when|whenever|where|except|but|maybe|perhaps|possibly|probably|otherwise|assuming|provided|depending|if|or|and|not"
    r"|wrong|incorrect|than|for|while|because|since|though|although|only|also|instead|however|without|minimum|maximum|max|nicht|oder|mehr|weniger|pas|más|menos|more|less|fewer|greater|smaller|against|odds|in (?:binary|octal|hex\w*))\b",
    re.IGNORECASE,
)
_DOLLARS = re.compile(r"^(-?\d[\d.,]*) ?\$$")  # "3.50 $"


class Quantity(NamedTuple):
    """A number as `float` reads it, and the unit after it, "" where there is none."""

    digits: str
    unit: str


def quantity(text: str, *, rounded: bool = False) -> Quantity | None:
    """A text that is one number, alone or with a unit; with `rounded`, "about" may be before it."""
    text = _DOLLARS.sub(r"$\1", signs(text[:TAIL]).strip().replace("\\%", "%"))
    currency = _CURRENCY.match(text)
    text = text.strip("$").strip()
    if currency:
        text = currency[1] + text[currency.end() :] if text[:1] not in "0123456789" else text
    if rounded:
        text = re.sub(r"^(?:\\approx\b|\\sim\b|≈|approximately|about|roughly)\s*", "", text)
    text = _THOUSANDS.sub("", text)
    text = re.sub(r"^-?\d{1,3}(?: \d{3})+(?! ?\d)", lambda m: m[0].replace(" ", ""), text)
    text = _SCIENTIFIC.sub(r"\1e\2", re.sub(r"^(-?)10(?=\^)", r"\g<1>1*10", text))
    match = NUMBER.match(text)
    if match is None:
        return None
    rest = re.sub(r"\\[ ,;!]|~", " ", text[match.end() :]).rstrip()
    rest = re.sub(r"\s*\([a-zA-Z -]*\)$|\.$", "", unwrapped(rest).replace("$", " ").rstrip())
    rest = re.sub(r"\^\\?\{?\s*\\circ\s*\}?", "°", rest).rstrip()
    rest = re.sub(r"(?<=[a-z]) squared$", "^2", rest) if " per " in rest else rest
    if rest and not (len(rest) <= 40 and _is_unit(rest)):
        return None
    unit = rest.strip() or ((currency["sign"] or currency["us"] or "") if currency else "")
    return Quantity(match[0].replace(",", ""), unit)


def without_unit(text: str) -> tuple[str, str]:
    """A formula without the unit after it, or the currency before it, and the unit."""
    text = _DOLLARS.sub(r"$\1", text.strip())
    currency = _CURRENCY.match(text)
    if currency and "$" not in text[currency.end() :].replace("\\$", ""):
        return currency[1] + text[currency.end() :], currency["sign"] or currency["us"] or ""
    closed = text.endswith("$")
    inner = text.strip("$").strip()
    for pattern in (_LATEX_UNIT, _BRACED_UNIT, _PLAIN_UNIT):
        match = pattern.search(inner)
        rest = inner[: match.start()].strip() if match else ""
        if (
            rest
            and match
            and (
                pattern is not _PLAIN_UNIT
                or (
                    re.search(r"\d|\\(?:[dt]?frac|sqrt|pi|infty)(?![a-zA-Z])|[π∞√]", rest)
                    and not _product(rest, match["unit"])
                )
                or (re.fullmatch("[b-z]", rest) and _measures(_name(match["unit"])))  # not "n even"
            )
            and _names_a_unit(match["unit"])
        ):
            return (f"${rest}$" if closed else rest), match["unit"] + (match["power"] or "")
    return text, ""


def _product(rest: str, unit: str) -> bool:
    r"""Is a letter after a formula with symbols one more of them: the h of `\pi r^2 h`?"""
    return (
        len(unit.strip()) == 1
        and re.search(r"(?<![\\a-zA-Z{])[a-zA-Z](?![a-zA-Z])", rest) is not None
    )


def same_unit(one: str, two: str) -> bool:
    """May two units be the same? Nouns ("bones", "pieces") say what is counted and are not compared."""
    left, right = _name(one), _name(two)
    return (
        left == right or {left, right} == {"lb", "£"} or not (_measures(left) and _measures(right))
    )


def in_one_currency(one: Quantity, two: Quantity) -> tuple[Quantity, Quantity]:
    """Two amounts, of dollars and of cents, both in dollars; any others as they are."""
    names = _name(one.unit), _name(two.unit)
    if set(names) != {"cent", "$"}:
        return one, two
    left, right = (
        Quantity(f"{Decimal(item.digits) / 100:f}", "$") if name == "cent" else item
        for item, name in zip((one, two), names, strict=True)
    )
    return left, right


def in_one_unit(one: Quantity, two: Quantity) -> tuple[Quantity, Quantity]:
    """Two quantities of one kind in one unit, 540 s and 9 min both in seconds; any others as they are."""
    (left, factor), (right, other) = _scaled(one.unit), _scaled(two.unit)
    if not left or left != right or factor == other:
        return one, two
    return (
        Quantity(_exactly(one.digits, factor), left),
        Quantity(_exactly(two.digits, other), left),
    )


def conversion(one: str, two: str) -> str:
    """How many of a unit another of its kind is, as a formula; "" where that is not known."""
    (left, factor), (right, other) = _scaled(one), _scaled(two)
    ratio = factor / other
    return f"\\frac{{{ratio.numerator}}}{{{ratio.denominator}}}" if left and left == right else ""


def _scaled(unit: str) -> tuple[str, Fraction]:
    """The unit in which a unit is measured, and how many of it one is; "" where that is not known."""
    measured, factor = [], Fraction(1)
    for at, part in enumerate(_name(unit).split("/")):
        name = part.rstrip("23")
        power = int(part[len(name) :] or 1)
        base, one = _simple(name)
        if not base or power > 3:
            return "", Fraction(1)
        measured.append(f"{base}{power}")
        factor *= one**power if at == 0 else 1 / one**power
    return "/".join(measured), factor


def _simple(name: str) -> tuple[str, Fraction]:
    """The same of a unit that is no power and no quotient."""
    if name in _OF_ITS_OWN:
        return _OF_ITS_OWN[name]
    for base in _BASES:
        prefix = name.removesuffix(base)
        if name.endswith(base) and prefix in _PREFIXES:
            return base, _PREFIXES[prefix]
    return "", Fraction(1)


def in_lesser_unit(text: str) -> str:
    """A length, time or weight in two units as so many of the lesser: "2 hours 30 minutes" is 150 minutes."""
    match = _TWO_UNITS.fullmatch(text)
    if match is None:
        return text
    (base, many), (other, one) = (
        _OF_ITS_OWN.get(_name(match[n]), ("", Fraction(1))) for n in (2, 4)
    )
    if not base and _name(match[4]) == "s":
        other, one, (base, many) = (
            "s",
            Fraction(1),
            _OF_ITS_OWN.get(_name(match[2]), ("", Fraction(1))),
        )
    if _name(match[4]) == "s":
        other, one = "s", Fraction(1)
    if base != other or not base or many <= one:
        return text
    total = int(match[1]) * many / one + Fraction(match[3])
    return f"{total.numerator if total.denominator == 1 else float(total)} {match[4]}"


def _exactly(digits: str, factor: Fraction) -> str:
    value = Fraction(digits) * factor
    return str(value.numerator) if value.denominator == 1 else repr(float(value))


def differ_by_prefix(one: str, two: str) -> bool:
    """Are these units that differ in capitals alone, as mW and MW do?"""
    known = re.compile(_FURTHER)
    return (
        _name(one) != _name(two)
        and one.lower() == two.lower()
        and all(known.fullmatch(unit) for unit in (one, two))
    )


def _names_a_unit(unit: str) -> bool:
    unit = unit.strip(" ~\\,;.")
    if (
        not unit
        or NOT_A_UNIT.search(unit)
        or _NO_UNIT.search(unit)
        or re.search(r"\b(?:to|no|is)\b|[=<>]", unit)
    ):
        return False
    if (
        re.fullmatch(
            r"(?:arc)?(?:sin|cos|tan|cot|sec|csc)|mod|max|min|ln|log|exp|det|gcd|lcm|[A-Za-z]", unit
        )
        and unit not in "mgshlNJWVAKCFL"
        and unit != "min"
    ):
        return False
    return re.search(r"[a-zA-Z°$%]", unit) is not None


def _is_unit(rest: str) -> bool:
    """Is this, which follows a number, a unit? The space before it tells "5 cm" from "5x"."""
    return (
        not (NOT_A_UNIT.search(rest) or _NO_UNIT.search(rest)) and _UNIT.fullmatch(rest) is not None
    )


def _name(unit: str) -> str:
    """One name for a unit: square inches, in² and in^2 are one, and so are m/s and m s^-1."""
    unit = re.sub(r"\\(?:text|mathrm|mbox|cdot)\s*|[{}~\\]", " ", signs(unit)).strip(" .,;")
    unit = re.sub(
        r"[\s,·*⋅]+([a-zA-ZΩ]+)\s*\^\s*-\s*(\d)", lambda m: f"/{m[1]}{m[2].replace('1', '')}", unit
    )
    unit = re.sub(
        r"^([a-zA-ZΩ]+)\s*\^\s*-\s*(\d)", lambda m: f"1/{m[1]}{m[2].replace('1', '')}", unit
    )
    power = ""
    for number, word in (("2", r"sq(?:uare)?\.?"), ("3", r"cu(?:bic)?\.?")):
        shorter = re.sub(rf"^\s*{word}\s+|\s+{word}d?\s*$", "", unit)
        if shorter != unit:
            unit, power = shorter, number
    if found := re.search(r"\s*\^?\s*([23])$|([²³])$", unit):
        power = found[1] or {"²": "2", "³": "3"}[found[2]]
        unit = unit[: found.start()]
    unit = re.sub(r"[\s,·*⋅]+", " ", unit).replace("N m", "J")
    parts = [_singular(part.strip()) for part in re.split(r"/|\bper\b", unit)]
    return "/".join(parts) + power


def _singular(word: str) -> str:
    word = re.sub("[µμ]", "u", word)
    if word in _MEASURES:
        return word
    low = word.lower()
    for form in (word, low, low.removesuffix("s"), low.removesuffix("es")):
        if form in _NAMES:
            return _NAMES[form]
    return low.removesuffix("s") if len(low) > 3 else word


def _measures(name: str) -> bool:
    units = [part.rstrip("23") for part in re.split(r"[/ ]", name)]
    return all(unit in _MEASURES or unit == "1" or _PREFIXED.fullmatch(unit) for unit in units)
