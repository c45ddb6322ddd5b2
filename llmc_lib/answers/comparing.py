"""Compare final answers with references: as text, as numbers, as mathematics."""

from __future__ import annotations

import math
import re

from llmc_lib.answers import japanese
from llmc_lib.answers.forms import same_by_form, same_parts, unaccented
from llmc_lib.answers.lists import listed, split
from llmc_lib.answers.mathematics import operations, readable, same_mathematics, value
from llmc_lib.answers.names import DENIED, HEDGED, RESERVED, may_be, same_name
from llmc_lib.answers.notation import LONGEST, Unreadable
from llmc_lib.answers.spelled import in_digits
from llmc_lib.answers.text import (
    ALTERNATIVE,
    SENTENCE,
    fold,
    matched,
    signs,
    undelimited,
    unwrapped,
    without_markup,
    without_quantifier,
)
from llmc_lib.answers.units import (
    Quantity,
    conversion,
    differ_by_prefix,
    in_lesser_unit,
    in_one_currency,
    in_one_unit,
    quantity,
    same_unit,
    without_unit,
)

_SYNONYMS = {
    "true": "yes",
    "false": "no",
    "none of the above": "none of these",
    "no solution": "∅",
    "no solutions": "∅",
    "no real solution": "∅",
    "no real solutions": "∅",
    "there are no solutions": "∅",
    "dne": "does not exist",
    "infinity": "∞",
    "infinite": "∞",
    "empty set": "∅",
    "neither": "neither",
}
_LETTER = re.compile(r"\(?([A-Z])\)?[.,:]?")
_LETTER_AND_TEXT = re.compile(
    r"(?:(?:option|choice|letter)\s+)?(?:\(([A-Z])\)|([A-Z])[).:](?=\s))[\s:.,–-]*\S"
    r"|(?:option|choice|letter|answer)\s+\(?([A-Z])\)?[.,:]?$",
    re.IGNORECASE,
)
_CONCLUDED = re.compile(
    r"^(?=.*\w\s)[^=<>]*?\b(?:is|are|was|were|equals?|becomes?|(?:is|are) equal to|comes to|will be|would be)\s*:?\s+(?!.*\b(?:is|are|equals?)\s)(.+)$",
    re.IGNORECASE | re.DOTALL,
)
_COMMAND = re.compile(r"\\[a-zA-Z]+")
# A time of the day that can be no other: 14:30, 00:15
_CLOCK = re.compile(r"(00|1[3-9]|2[0-3]):([0-5]\d)(?: ?(?:h|hrs?|hours))?")
# Formulas of chemistry that another use of capitals makes another substance of.
_SUBSTANCES = frozenset("CO Co CN Cn CS Cs HF Hf OS Os PO Po SI Si SN Sn".split())
_OPEN_END = re.compile(r"(?:\.\.\.|…|\\[lc]?dots)\W*$")
# "0.333…", "0.1212…"
_GOES_ON = re.compile(
    r"(?<!\d)(\d*+)\.(\d{0,6}?)(?:(\d)\3\3+|(\d{2,8})\4+)\s*(?:\.\.\.|…|\\[lc]?dots)$"
)
# "1.000.000", "1’000’000"
_GROUPED = re.compile(r"(?<![\d.,'’])\d{1,3}(?:(?:\.\d{3}){2,}|(?:['’]\d{3})+)(?![\d.'’])")
_YES_OR_NO = re.compile(
    r"(yes|no|true|false)\s*[,;—–-]\s*(?!.*\b(?:but|if|only|unless|except|or|yes|no|maybe)\b)",
    re.IGNORECASE,
)


def _joined(match: re.Match[str]) -> str:
    return re.sub(r"\D", "", match[0])


def same(answer: str, reference: str) -> bool:
    """Are two final answers the same (see `compare`)? What cannot be told is not.

    >>> same("1/2", "0.5"), same("x <= 4", "4")
    (True, False)
    """
    return compare(answer, reference) is True


def compare(answer: str, reference: str) -> bool | None:
    r"""Are two final answers the same: as text, as numbers, or as mathematics? None: that cannot be told, as the
    reference is no mathematics that can be read, or its values outgrow the limits.

    Exact values are compared exactly; a decimal number agrees within a relative 1e-6, or to the decimals that
    the reference gives if it has more than three digits. A unit is compared where both have one. Two answers
    ("5 or 6"), a range or a bound are never the same as one; `["2", "3"]` and `2, 3` are sets of answers. Of a
    reference with alternatives (`18 <or> eighteen`) each will do.
    """
    if ALTERNATIVE in reference:
        found = [compare(answer, one) for one in reference.split(ALTERNATIVE)]
        return True if True in found else (None if None in found else False)
    answer, reference = (
        in_lesser_unit(in_digits(japanese.plain(text.strip()))) for text in (answer, reference)
    )
    if reference.endswith((" am", " pm")) and (clock := _CLOCK.fullmatch(answer)):
        half = "pm" if int(clock[1]) >= 12 else "am"
        answer = f"{int(clock[1]) % 12 or 12}:{clock[2]} {half}"
    answer, reference = (
        _GOES_ON.sub(r"\1.\2\\overline{\3\4}", _GROUPED.sub(_joined, text))
        for text in (answer, reference)
    )
    if (several := listed(reference)) is not None:
        if len(several) == 1:
            return compare(answer, several[0])
        given = listed(answer) or split(re.sub(r"^\[(.*)\]$", r"\1", answer))
        few = len(given) <= 40
        return (few and matched(given, several, same)) or _compare(answer, ", ".join(several))
    if (in_parts := same_parts(answer, reference, same)) is not None:
        return in_parts
    equal = _compare(answer, reference)
    if not equal and max(len(answer), len(reference)) <= LONGEST:
        names = unaccented(answer, reference)
        if any(_compare(*pair) for pair in names) or same_by_form(answer, reference, same):
            return True
    return equal


def _compare(answer: str, reference: str) -> bool | None:
    answer, reference = undelimited(answer), undelimited(reference)
    if not fold(reference) or not fold(answer):
        return False
    expected = quantity(reference)
    given = quantity(answer, rounded=True)
    if _OPEN_END.search(answer) and not _OPEN_END.search(reference):
        return False
    if given and expected and differ_by_prefix(given.unit, expected.unit):
        return False
    if _other_symbols(answer, reference):
        return None
    if _same_text(answer, reference):
        return True
    for rule in (_same_letter, same_name):
        if (found := rule(answer, reference)) is not None:
            return found
    hedged = HEDGED.search(signs(answer)) and not HEDGED.search(signs(reference))
    if expected and given and not hedged:
        return _same_quantity(given, expected)
    if len(answer) > LONGEST or len(reference) > LONGEST:
        return False
    found = _same_formula(answer, reference, expected)
    if found is True:
        return True
    if ":" in reference and re.fullmatch(r"[^:]+ to [^:]+", answer):
        return _compare(answer.replace(" to ", " : "), reference)
    if (shorter := conclusion(answer) or _without_aside(answer)) is not None:
        return _compare(shorter, reference)
    bare = without_quantifier(answer), without_quantifier(reference)
    if bare != (answer, reference):
        return _compare(*bare)
    return None if found is False and may_be(answer, reference) else found


def conclusion(answer: str) -> str | None:
    """What an answer in a sentence says in the end: 14 of "The largest $k$ is 14". None where it denies, or says nothing."""
    if len(answer) > SENTENCE or DENIED.search(answer):
        return None
    match = _CONCLUDED.match(answer)
    if match is None or len(match[1].split()) > 12:
        return None
    return match[1].strip()


def _without_aside(answer: str) -> str | None:
    """A number without the words in brackets after it that neither limit nor change it: "26 (twice 13)"."""
    same_twice = re.fullmatch(
        r"([^()]*\d[^()]*)\s\(((?:or|=|≈|\\approx|approx\.|about|i\.e\.,?)?) ?([^()]*\d[^()]*)\)",
        answer,
    )
    if same_twice is not None:
        one, two = value(same_twice[1]), value(same_twice[3])
        near = None not in (one, two) and abs((one or 0) - (two or 0)) < 0.005 * abs(one or 0)
        if same(same_twice[1], same_twice[3]) or (near and same_twice[2] not in ("", "or", "=")):
            return same_twice[1]
    match = re.fullmatch(
        r"([^()]*\d[^()]*)\s\(([^()]*[a-zA-Z]{3}[^()]*|(?:to )?\d ?(?:d\.? ?p|s\.? ?f)\.?)\)",
        answer,
    )
    if match is None or RESERVED.search(match[2]) or re.search(r"\b(?:mod|base|times)\b", match[2]):
        return None
    return match[1]


def restates(answer: str, question: str, reference: str) -> bool:
    """Is an answer an expression of the question, "2 + 8" for "What is 2 + 8?"

    It may equal the reference as mathematics, but nothing has been worked out. A value that the question
    holds ("Which is larger, 3/4 or 5/7?"), and a choice, are no such expressions.
    """
    given, asked = _squeezed(answer), _squeezed(question)
    if given not in asked or given == _squeezed(reference):
        return False
    try:
        worked, expected = operations(answer), operations(reference)
    except Unreadable:
        return False
    return bool(worked) and worked != expected


def _squeezed(text: str) -> str:
    return re.sub(r"[\s$]", "", text).rstrip(".,")


# ---- as text ---------------------------------------------------------------------------------


def _same_text(answer: str, reference: str) -> bool:
    """The same words, case and markup ignored; in formulas, where R and r are two symbols, case counts."""
    for change in (str, without_markup):
        if len(answer) > SENTENCE and change is without_markup:
            return False
        left, right = change(answer), change(reference)
        if fold(left) != fold(right) or (left != right and {left, right} <= _SUBSTANCES):
            continue
        if _COMMAND.findall(left) != _COMMAND.findall(right):  # \phi and \Phi
            continue
        if not _differ_by_symbols(left, right):
            return _closed(answer) or not re.search(r"\d", reference)
    one, two = fold(without_markup(answer)), fold(without_markup(reference))
    if two in ("yes", "no", "true", "false") and (said := _YES_OR_NO.match(one)):
        return _SYNONYMS.get(said[1], said[1]) == _SYNONYMS.get(two, two)
    words = len(two) <= SENTENCE and "\\" not in two
    if (
        words
        and re.search(", | and ", two)
        and all(re.search("[a-z]{3}", p) or not re.search(r"\d", p) for p in split(two))
    ):
        names, given = (
            split(two),
            split(re.sub(r"\bor\b", "/", one)),
        )  # those of "Paris, London" may have an order
        in_order = names == given or (" and " in two and sorted(names) == sorted(given))
        return len(names) > 1 and in_order
    return _SYNONYMS.get(one, one) == _SYNONYMS.get(two, two) and one != two


def _other_symbols(answer: str, reference: str) -> bool:
    """Are these symbols in other cases, E for e and mgH for mgh? A word in small letters has a vowel."""
    one, two = (text.strip(" $()") for text in (answer, reference))
    few = re.fullmatch(r"[a-z]|[b-df-hj-np-tv-xz]{2,4}", two)
    return few is not None and one != two and one.lower() == two


def _closed(text: str) -> bool:
    """Are as many brackets closed as opened?"""
    return sum(map(text.count, "([")) == sum(map(text.count, ")]"))


def _differ_by_symbols(one: str, two: str) -> bool:
    left, right = (
        re.findall(r"[^\W\d_]+", re.sub(r"^[Tt]he |\\[a-zA-Z]+", " ", text)) for text in (one, two)
    )
    pairs = zip(left, right, strict=False)
    return (
        any(a != b and len(a) < 3 for a, b in pairs) and re.search(r"[\d^_=+*/\\]", two) is not None
    )


def _same_letter(answer: str, reference: str) -> bool | None:
    """A choice: "(C) Snell's law" for C. None where one of them is no choice."""
    expected = _LETTER.fullmatch(unwrapped(reference).strip(" $"))
    given = _LETTER_AND_TEXT.match(unwrapped(answer).strip(" $*"))
    if expected is None or given is None:
        return None
    return (given[1] or given[2] or given[3]).upper() == expected[1]


# ---- as numbers ------------------------------------------------------------------------------


def _same_quantity(given: Quantity, expected: Quantity) -> bool:
    """Do two numbers agree, or two quantities of one unit?"""
    given, expected = in_one_unit(*in_one_currency(given, expected))
    percent = [item.unit in ("%", "percent", "per cent") for item in (given, expected)]
    if given.unit and expected.unit and not same_unit(given.unit, expected.unit):
        return False
    whole = re.compile(r"-?\d+")
    if whole.fullmatch(given.digits) and whole.fullmatch(expected.digits):
        same = given.digits.lstrip("0") == expected.digits.lstrip("0")
    else:
        same = _close(float(given.digits), expected)
    if percent[0] and not expected.unit and abs(float(expected.digits)) < 1:
        same = False  # 0.05% is no 0.05
    if same or percent[0] == percent[1]:
        return same
    if percent[0] and not expected.unit:
        return _close(float(given.digits) / 100, expected)
    return not given.unit and _close(float(given.digits) * 100, expected)


def _close(given: float, expected: Quantity) -> bool:
    """Do two numbers agree: within a relative 1e-6, or to the decimals of a reference that has some
    and more than three digits?"""
    value = float(expected.digits)
    if not (math.isfinite(given) and math.isfinite(value)):
        return False
    _, point, decimals = expected.digits.partition(".")
    if (
        point
        and decimals.isdecimal()
        and len(f"{abs(value):.15g}".replace(".", "").lstrip("0")) > 3
    ):
        return abs(given - value) <= 0.5 * 10.0 ** -len(decimals) * (1 + 1e-9)
    # Of a whole number no fraction may be lost: 1000000.5 is not 1000000.
    return abs(given - value) <= min(
        1e-6 * abs(value), 0.01 if expected.digits.isdecimal() else math.inf
    )


# ---- as mathematics --------------------------------------------------------------------------


def _same_formula(answer: str, reference: str, expected: Quantity | None) -> bool | None:
    """Two formulas, the units after them aside; a part in words before an `=` is left out."""
    whole = same_mathematics(answer, reference)
    if whole is True:
        return True
    (given, unit), (wanted, other) = without_unit(answer), without_unit(reference)
    if unit and other and not same_unit(unit, other):
        factor = conversion(unit, other)
        return same_mathematics(f"({given}) \\cdot {factor}", wanted) if factor else False
    share = "%" in unit and not other  # 0.6% is no 3/5
    found = same_mathematics(given, wanted) if (unit or other) and not share else whole
    if found is False and not readable(given) and (side := _right_side(given)):
        found = same_mathematics(side, wanted)
    if found is not True and expected is not None and "." in expected.digits and not expected.unit:
        number = value(given)
        return number is not None and _close(number, expected)
    return found


def _right_side(text: str) -> str:
    """What follows the last `=` that is in no brackets, where words are before it: "Area = 5"."""
    depth, found = 0, -1
    for at, sign in enumerate(text):
        depth += (sign in "{([") - (sign in "})]")
        if sign == "=" and depth == 0 and text[at - 1 : at] not in ("<", ">", "!"):
            found = at
    front = text[: max(found, 0)]
    several = re.search(r"=.*(?:[,;]|\band\b)", front, re.DOTALL)  # "Area = 5, perimeter = 12"
    return "" if several or not re.search(r"[a-zA-Z]{3,}", front) else text[found + 1 :].strip()
