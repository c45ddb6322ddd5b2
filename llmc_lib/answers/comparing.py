"""Compare final answers with references: as text, as numbers, as mathematics."""

from __future__ import annotations

import logging
import math
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import NamedTuple

from llmc_lib.answers.text import (
    MATHEMATICS,
    NOT_A_UNIT,
    NUMBER,
    SENTENCE,
    TAIL,
    fold,
    signs,
    unwrapped,
    without_markup,
)

# What math-verify says of a text, and of the time limit that is ours, is no message for the notebook.
for _name in ("math_verify", "latex2sympy2_extended"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)

_MATH_SECONDS = 2
# 1\\,234 and 1{,}234 as LaTeX writes thousands, 1 234 with the narrow spaces of typesetting.
_THOUSANDS = re.compile(r"(?<=\d)(?:\{,\}|\\[,;:!]|[\u00a0\u2009\u202f])(?=\d{3}(?!\d))")
_SCIENTIFIC = re.compile(
    r"^(-?\d+(?:\.\d+)?)\s*(?:\\times|\\cdot|[×·*x])\s*10\s*(?:\^|\*\*)\s*\{?([-+]?\d{1,3})(?:\}|(?!\d))"
)
# Two answers, a range or a bound are not one answer, unless the reference is of that kind.
_HEDGED = re.compile(
    r"\b(?:or|and|to|not|no|neither|nor|never|either|between|than|least|most)\b|[<>≤≥±?~–—]|\.\.\.|…",
    re.IGNORECASE,
)
# What in brackets behind an answer takes it back or limits it.
_RESERVED = re.compile(
    r"\b(?:if|only|unless|except|but|not|no|or|either|without|assuming|excluding|wrong|incorrect|maybe|perhaps"
    r"|possibly|depend\w*)\b|\?",
    re.IGNORECASE,
)
# Words in front of a name that make another one of it: "South Africa", "mezzo forte".
_OTHER_NAME = re.compile(
    r"[,;/]|\b(?:and|anti|central|east|eastern|giga|kilo|mega|mezzo|micro|milli|nano|never|no|non|nor|north"
    r"|northern|not|or|semi|south|southern|sub|vs|west|western)\b"
)
# Behind a number: a unit is an abbreviation from this list or a word, except for words that
# change the number.
_ABBREVIATION = (
    r"(?:[kcmµμ]?m|[kmµμ]?g|[mµμn]?s|h|hr|hrs|min|[mkMG]?J|[mkM]?N|[mkMG]?W|[km]?V|[kMG]?eV|m?A|m?K|C|F|°|°C|°F"
    r"|m?L|ml|l|[kMG]?Hz|[kM]?Pa|m?mol|atm|cd|rpm|%|€|\$|Ω)(?:[²³]|\^[23]|\^\{[23]\})?"
)
_UNIT = re.compile(
    rf"(?:{_ABBREVIATION}|(?<=\s)[a-zA-Z]{{3,}})"
    rf"(?:\s*/\s*{_ABBREVIATION}|\s*·\s*{_ABBREVIATION}|\s+{_ABBREVIATION}|\s+[a-zA-Z]{{2,}})*"
)
# Mathematics whose evaluation outgrows every memory: towers, long exponents, factorials, gamma, sums.
_GROWS = re.compile(
    r"(?:\^|\*\*)[\s({]*-?\d{4,}|(?:\^|\*\*)[^=]*(?:\^|\*\*)[^=]*(?:\^|\*\*)"
    r"|(?:\^|\*\*)\s*[({][^)}]*(?:\^|\*\*)|(?:\^|\*\*)\s*\w+\s*(?:\^|\*\*)|\d{3,}\s*[)}]*\s*!|!\s*[)}]*\s*!"
    r"|\\(?:binom|dbinom|tbinom|gamma|Gamma|zeta|prod|sum|int|lim)(?![a-z])|[({\[]{20}|10{5}"
)
# What is compared outside the main thread, where math-verify has no time limit.
_PLAIN = re.compile(r"(?:[\d\s.,+*/()=x-]|\\[dt]?frac|\\sqrt|\\pi|\\cdot|\\times|[{}])*")


def same(answer: str, reference: str) -> bool:
    """Are two final answers the same (see `compare`)? What takes too long to tell is not."""
    return compare(answer, reference) is True


def compare(answer: str, reference: str) -> bool | None:
    """Are two final answers the same: as text, as numbers, or as mathematics? None: it took too long to tell.

    Whole numbers agree exactly, others within a relative 1e-6, or to the decimals that the reference
    gives if it has more than three digits; a unit behind the answer's number is ignored, unless the
    reference has one. Two answers ("5 or 6"), a range or a bound are never the same as one. Mathematics
    is compared by math-verify (Hugging Face), under a limit of processor time and without what would outgrow it.
    """
    if not (folded := fold(reference)):
        return False
    if _differ_by_prefix(answer, reference):
        return False
    if fold(answer) == folded:
        return True
    short = answer[:SENTENCE]
    if len(answer) <= SENTENCE and fold(without_markup(answer)) == fold(without_markup(reference)):
        return True
    bare = fold(re.sub(r"\s*\([^()]*\)", "", short))
    if bare == folded and _RESERVED.search(" ".join(re.findall(r"\(([^()]*)\)", short))):
        return False  # "Yes (but only if …)"
    # "Alan Turing" for "Turing", "the femur (thigh bone)" for "femur"
    if re.fullmatch(r"[a-z-]{3,}", folded) and bare.split()[-1:] == [folded]:
        return len(bare.split()) <= 3 and not _OTHER_NAME.search(bare)
    # "hydrogen peroxide (H2O2)" for "hydrogen peroxide"
    named = re.fullmatch(r"(.*\w)\s+\(([^()]*)\)\W*", short)
    if named and len(answer) <= SENTENCE and re.fullmatch(r"[^\W\d_][\w '’-]{2,}", folded):
        return fold(named[1]) == folded and not _RESERVED.search(named[2])
    if _HEDGED.search(signs(answer)) and not _HEDGED.search(signs(reference)):
        return False
    numbers = _same_number(answer, reference)
    if numbers is not None:
        return numbers
    if len(answer) > MATHEMATICS or not re.search(r"[\d\\^/]", reference):
        return False
    return _same_mathematics(signs(answer), signs(reference))


def restates(answer: str, question: str, reference: str) -> bool:
    """Is an answer an expression of the question, "2 + 8" for "What is 2 + 8?"

    It equals the reference as mathematics, and nothing has been worked out.
    """
    given, asked, expected = map(_squeezed, (answer, question, reference))
    formula = re.search(r"[^\w.,]", given) is not None
    return formula and given in asked and given != expected


def _squeezed(text: str) -> str:
    return re.sub(r"[\s$]", "", text).rstrip(".,")


def _differ_by_prefix(answer: str, reference: str) -> bool:
    """Are these quantities of units that differ in capitals alone, as "5 mW" and "5 MW" do?"""
    left, right = _quantity(answer), _quantity(reference)
    return (
        left is not None
        and right is not None
        and left.unit != right.unit
        and all(re.fullmatch(_ABBREVIATION, each.unit) for each in (left, right))
    )


def _same_number(answer: str, reference: str) -> bool | None:
    """Do two numbers, or two quantities of one unit, agree? None where one of them is neither."""
    expected, given = _quantity(reference), _quantity(answer, rounded=True)
    if expected is None or given is None or (expected.unit and expected.unit != given.unit):
        return None
    whole = re.compile(r"-?\d+")
    if whole.fullmatch(given.digits) and whole.fullmatch(expected.digits):
        same = given.digits.lstrip("0") == expected.digits.lstrip("0")
    else:
        same = _close(float(given.digits), expected)
    percent = given.unit in ("%", "percent") and not expected.unit
    return same or (percent and _close(float(given.digits) / 100, expected))


def _close(given: float, expected: _Quantity) -> bool:
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
        return abs(given - value) <= 0.5 * 10.0 ** -len(decimals)
    return abs(given - value) <= 1e-6 * abs(value)


def _same_mathematics(answer: str, reference: str) -> bool | None:
    """Does math-verify find two texts equal? None where its time was up."""
    if _GROWS.search(answer) and answer.replace(" ", "") != reference.replace(" ", ""):
        return False
    # The time limit is a signal, which only the main thread gets.
    main = threading.current_thread() is threading.main_thread()
    if not main and not (_PLAIN.fullmatch(answer) and _PLAIN.fullmatch(reference)):
        return False
    from math_verify import parse, verify  # brings sympy, which takes seconds to import

    try:
        with _processor_time(_MATH_SECONDS) if main else nullcontext():
            gold = parse(f"${reference}$", parsing_timeout=None)
            target = parse(f"${answer}$", parsing_timeout=None)
            return bool(gold and target and verify(gold, target, timeout_seconds=None))
    except (_TimeIsUp, MemoryError):
        return None
    # Whatever a model's text makes the parser stumble over, it is not the reference
    except Exception:
        return False


class _TimeIsUp(BaseException):
    """No Exception: sympy catches those."""


@contextmanager
def _processor_time(seconds: float) -> Iterator[None]:
    """Raise `_TimeIsUp` once this process has computed for `seconds`, however busy the machine is, and
    again each second for whoever catches it."""

    def stop(*_: object) -> None:
        raise _TimeIsUp

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


class _Quantity(NamedTuple):
    """A number as `float` reads it, and the unit behind it, "" where there is none."""

    digits: str
    unit: str


def _quantity(text: str, *, rounded: bool = False) -> _Quantity | None:
    """A text that is one number, alone or with a unit; with `rounded`, "about" may stand before it."""
    text = signs(text[:TAIL]).strip().strip("$").replace("\\%", "%").strip()
    if rounded:
        text = re.sub(r"^(?:\\approx\b|\\sim\b|≈|approximately|about|roughly|[€£])\s*", "", text)
    text = _THOUSANDS.sub("", text)
    text = re.sub(r"^-?\d{1,3}(?: \d{3}){2,}(?!\d)", lambda m: m[0].replace(" ", ""), text)
    text = _SCIENTIFIC.sub(r"\1e\2", re.sub(r"^(-?)10(?=\^)", r"\g<1>1*10", text))
    match = NUMBER.match(text)
    if match is None:
        return None
    rest = re.sub(r"\\[ ,;!]|~", " ", text[match.end() :]).rstrip()
    rest = re.sub(r"\s*\([a-zA-Z -]*\)$|\.$", "", unwrapped(rest).replace("$", " ").rstrip())
    rest = re.sub(r"\^\\?\{?\\circ\}?", "°", rest).rstrip()
    if rest and not (len(rest) <= 40 and _unit(rest)):
        return None
    return _Quantity(match[0].replace(",", ""), re.sub(r"\s", "", rest))


def _unit(rest: str) -> bool:
    """Is this what stands behind a number a unit? The space in front of it tells "5 cm" from "5x"."""
    if NOT_A_UNIT.search(rest):
        return False
    start = len(rest) - len(rest.lstrip())
    return bool(_UNIT.fullmatch(rest, start))
