"""Final answers: find the one that a response gives, how sure it says to be, and compare it with a reference.

The rules are conservative: where no final answer can be found, none is guessed.
"""

from __future__ import annotations

import logging
import math
import re
import signal
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import NamedTuple

# What math-verify says of a text, and of the time limit that is ours, is no message for the notebook.
for _name in ("math_verify", "latex2sympy2_extended"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)

# A response is searched for its final answer within its last characters only, so that a hostile or
# endless one costs no more than an ordinary one.
_TAIL = 4000
# The longest line that is read as a sentence which states an answer.
_SENTENCE = 200
# The longest final answer that is compared by mathematics; longer ones are compared as text.
_MATH_LIMIT = 200
_MATH_SECONDS = 2

_NOT_WRONG = r"(?<!wrong )(?<!incorrect )(?<!possible )(?<!alternative )(?<!not the )"
_MARKED = re.compile(_NOT_WRONG + r"\banswer[\"*_]*\s*[:：=]\s*(.+)", re.IGNORECASE)
_STATED = re.compile(
    _NOT_WRONG + r"\b(?:answer|choice|option)[*_]* (?:is|would be|must be)\s*:?\s*(.+)",
    re.IGNORECASE,
)
# A heading "Final Answer" with the answer on a short line of its own below.
_HEADED = re.compile(
    r"^[^\w\n]*(?:final |exact |my )?answer[^\w\n]*\n\s*+(\S.{0,100})$",
    re.IGNORECASE | re.MULTILINE,
)
# "<answer>42</answer>", as some are trained to write it.
_TAGGED = re.compile(r"<(?:final_)?answer>\s*([^<]{1,400}?)\s*</(?:final_)?answer>", re.IGNORECASE)
# Mathematics displayed on lines of its own: it belongs to the line before.
_DISPLAYED = re.compile(r"(?<!\s)[ \t]*+\n\s*+(\$\$|\\\[)\s*([^\n]{1,400}?)\s*+(\$\$|\\\])")
_SURE = r"confidence(?: (?:score|level|estimate|rating|value))?[\"'*_`]*(?: \([^()\n]{0,40}\))?[\"'*_`]*"
_PERCENT = (
    r"[\s\"'*_`~≈${\[(]*(?:(?:very )?(?:high|medium|moderate|low)\b[\s*_,;:({\[–-]*)?"
    r"(?:(?:approximately|about|around|roughly) )?(\d{1,3}(?:\.\d{1,6})?|\.\d{1,6})\s*"
    r"(\\?%|percent\b|/\s*100?\b)?(\s*(?:[-–—]|to\b|and\b)\s*\d)?"
)
# Each finds the number, its unit, and what makes it a range.
_CONFIDENCE = tuple(
    re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    for pattern in (
        rf"\b{_SURE}\s*[:：=]{_PERCENT}",
        rf"(?:^[^\w\n]*{_SURE} is|\bmy (?:\w+ )?{_SURE}(?: in \w+ \w+)? (?:is|of|at))\b{_PERCENT}",
        rf"^[^\w\n]*{_SURE}[^\w\n]*\n{_PERCENT}\W*$",
        r"\b(\d{1,3}(?:\.\d{1,6})?) ?(\\?%)() (?:confident|sure|certain"
        r"|confidence(?! (?:interval|level|limit|bound|region|band)))\b",
    )
)
# What is said of the confidence beside an answer, or on lines of its own, is no part of the answer.
_BETWEEN = r"[\s,;.(\[{\"'*_`#|–-]"
_CONFIDENCE_PART = re.compile(
    rf"(?<!{_BETWEEN}){_BETWEEN}*+(?<!\w){_SURE}\s*+(?:[:：=]|(?<=\n))(?:(?!\banswer).)*",
    re.IGNORECASE | re.MULTILINE,
)
_IS_CORRECT = re.compile(
    r"^\W*(?i:(?:so|thus|hence|therefore)\b\W*)?(?i:(?:option|choice|answer)\b\W*)?([A-Z])\W*"
    r"(?i: ?is (?:the (?:only )?)?(?:correct|right|best)(?: answer| choice| option| one)?\W*)$"
)
# "The correct choice is (C)", "Option C"
_LETTER_LEAD = re.compile(
    r"^\W*(?:the )?(?:correct |right |best |final )?(?:letter|option|choice|answer)(?: is)?\W+(?=[A-Z]\W*$)",
    re.IGNORECASE,
)
_CONCLUDED = re.compile(r"(?:\b(?:is|are|was|were|called|named|equals?)\b|=)(?!.*=)\s+(.+)$")
_OPTION_LINE = re.compile(r"^\W*([A-Z])[.):]\s+(.+)$")
_NUMBER = re.compile(
    r"(?<![\w.])-?\d+(?:,\d{3})+(?:\.\d+)?|(?:(?<![\w.])-)?\d*\.?\d+(?:[eE][-+]?\d+)?"
)

# 1\\,234 and 1{,}234 as LaTeX writes thousands, 1 234 with the narrow spaces of typesetting.
_THOUSANDS = re.compile(r"(?<=\d)(?:\{,\}|\\[,;:!]|[\u00a0\u2009\u202f])(?=\d{3}(?!\d))")
_SCIENTIFIC = re.compile(
    r"^(-?\d+(?:\.\d+)?)\s*(?:\\times|\\cdot|[×·*x])\s*10\s*(?:\^|\*\*)\s*\{?([-+]?\d{1,3})(?:\}|(?!\d))"
)

# What turns a sentence that holds an answer into one that does not give it.
_NEGATED = re.compile(
    r"n['’]t\b|\b(?:not|cannot|never|no|neither|nor|wrong|incorrect|false|unsure|uncertain|unclear"
    r"|unknown|maybe|perhaps|guess)\b",
    re.IGNORECASE,
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
# An explanation behind an answer: "A because …", "42. This is …".
_EXPLANATION = re.compile(
    r",?\s+(?:because|since|as (?:it|the|this))\b|;\s|\s[–—]\s"
    r"|(?<!\bDr)(?<!\bMr)(?<!\bSt)(?<!\bMrs)(?<!\b[A-Z])\.\**\s+(?=[A-Z])"
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
_NOT_A_UNIT = re.compile(
    r"\b(?:hundreds?|thousands?|millions?|billions?|trillions?|dozens?|pi|plus|minus|times|over|squared"
    r"|cubed|factorial|ln|log|sqrt|sin|cos|tan|exp|only if|base|mod|power|half|quarter|third|point)\b",
    re.IGNORECASE,
)
# Mathematics whose evaluation outgrows every memory: towers, long exponents, factorials, gamma, sums.
_GROWS = re.compile(
    r"(?:\^|\*\*)[\s({]*-?\d{4,}|(?:\^|\*\*)[^=]*(?:\^|\*\*)[^=]*(?:\^|\*\*)"
    r"|(?:\^|\*\*)\s*[({][^)}]*(?:\^|\*\*)|(?:\^|\*\*)\s*\w+\s*(?:\^|\*\*)|\d{3,}\s*[)}]*\s*!|!\s*[)}]*\s*!"
    r"|\\(?:binom|dbinom|tbinom|gamma|Gamma|zeta|prod|sum|int|lim)(?![a-z])|[({\[]{20}|10{5}"
)
# What is compared outside the main thread, where math-verify has no time limit.
_PLAIN = re.compile(r"(?:[\d\s.,+*/()=x-]|\\[dt]?frac|\\sqrt|\\pi|\\cdot|\\times|[{}])*")
_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


def options(question: str) -> dict[str, str]:
    """The lettered choices of a multiple-choice question, {} where there are none."""
    _, _, block = question.partition("Answer Choices:")
    found = (_OPTION_LINE.match(line.strip()) for line in block.splitlines())
    return {match[1]: match[2].strip() for match in found if match}


def find_answer(response: str, question: str = "") -> tuple[str | None, str]:
    """The final answer of a response and the rule that found it: (None, why) where there is none.

    In this order: a line "Answer: …", `\\boxed{…}`, "the answer is …", a heading "Answer" (the last of
    each). What is said of its confidence is left out. Then, from the last line of a response without any of these, if it is a short one that denies nothing: the
    only number in it that the question does not already hold, or what stands behind its last verb
    ("The symbol of gold is Au.").
    """
    tail = _tail(response)
    for rule, matches in _final(tail):
        if matches and _clean(matches[-1]):
            boxed = _boxed(matches[-1])
            return _clean(boxed[-1] if boxed else _without_explanation(matches[-1])), rule
    last = next((line for line in reversed(tail.splitlines()) if line.strip()), "")
    if not last or len(last) > _SENTENCE or _NEGATED.search(last):
        return None, "no final answer"
    conclusion = last.rpartition("=")[2].replace("−", "-")
    given = set(_NUMBER.findall(question))
    found = _NUMBER.findall(conclusion)
    numbers = [number for number in found if number not in given]
    # A number within a formula ("1/4", "2^5", "3 million") or a choice of two is no answer alone.
    alone = not re.search(r"[/^*!\\√π⁰¹²³⁴-⁹½¼¾–±<>]|\d\s*[a-zA-Z]?\(", conclusion)
    alone = alone and not _NOT_A_UNIT.search(conclusion) and not re.search(r"\bor\b", conclusion)
    if alone and len(set(numbers)) == 1:
        return numbers[0], "only number"
    if (not numbers or not alone) and (concluded := list(_CONCLUDED.finditer(conclusion))):
        return _clean(concluded[-1][1]), "concluded"
    if not alone and "=" in last and len(conclusion.split()) <= 3 and _clean(conclusion):
        return _clean(conclusion), "concluded"
    if len(last.split()) <= 3 and _fold(last) and "\\boxed" not in last:
        return _clean(last), "bare"
    return None, "no final answer"


def stated_answer(text: str) -> str | None:
    """The final answer that a text marks as one ("Answer: …", `\\boxed{…}`, "the answer is …"), None
    where it marks none: nothing is concluded from a last sentence."""
    answer, rule = find_answer(text)
    return answer if rule in ("marked", "boxed", "stated", "headed") else None


def find_letter(response: str, choices: dict[str, str]) -> tuple[str | None, str]:
    """The letter that a response chooses, and the rule that found it.

    A response that only repeats several choices, or whose last "Answer: …" names none or two of
    them, has chosen none.
    """
    tail = _tail(response)
    folded = [_fold(text) for text in choices.values()]
    by_text = {_fold(t): letter for letter, t in choices.items() if folded.count(_fold(t)) == 1}
    for rule, matches in _final(tail):
        for found in reversed(matches):
            boxed = _boxed(found)
            letter = _letter(boxed[-1] if boxed else found, choices, by_text)
            if letter:
                return letter, rule
            if rule == "marked" and _clean(found):
                return None, "no choice named"
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    if lines and (stated := _IS_CORRECT.match(lines[-1])) and stated[1] in choices:
        return stated[1], "stated"
    named = {letter for line in lines if (letter := _letter_line(line, choices, by_text))}
    if len(named) == 1:
        return named.pop(), "only choice named"
    return None, "no choice named" if not named else "several choices named"


def stated_confidence(response: str) -> float | None:
    """How sure of its answer a response says to be, in percent (0 to 100); None where it says nothing, or
    nothing clear. The last statement counts.

    "Confidence: 85%", "**Confidence score:** 0.85", "Confidence: 8/10", "I am 85% confident". A lone 1
    (one percent, or all of it?), a range, and what is above 100 are not clear.
    """
    tail = response[-_TAIL:]
    if not any(word in tail.lower() for word in ("confiden", "% sure", "% certain")):
        return None
    found = [match for pattern in _CONFIDENCE for match in pattern.finditer(tail)]
    if not found:
        return None
    number, unit, more = max(found, key=lambda match: match.start(1)).groups()
    value, unit = float(number), re.sub(r"\s", "", unit or "")
    if more or (number == "1" and not unit):
        return None
    if unit == "/10" or (not unit and value <= 1):
        value *= 10 if unit else 100
    return value if value <= 100 else None


def _tail(response: str) -> str:
    """The end of a response, as answers are looked for in it."""
    tail = _TAGGED.sub(r"\nAnswer: \1\n", response[-_TAIL:])
    tail = _DISPLAYED.sub(r" \1\2\3", tail)
    return _CONFIDENCE_PART.sub("", tail) if "confidence" in tail.lower() else tail


def _final(tail: str) -> Iterator[tuple[str, list[str]]]:
    """What stands where a final answer is expected, by the rule that looks there."""
    said = "answer" in tail.lower()  # the search is a hundred times as long
    yield "marked", _MARKED.findall(tail) if said else []
    yield "boxed", _boxed(tail)
    yield "stated", _STATED.findall(tail)
    yield "headed", _HEADED.findall(tail) if said else []


def _boxed(text: str) -> list[str]:
    r"""The contents of each closed \boxed{…} in a text."""
    found = []
    for match in re.finditer(r"\\boxed\s*\{", text):
        depth = 1
        for end in range(match.end(), min(len(text), match.end() + 2 * _MATH_LIMIT)):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            if depth == 0:
                found.append(text[match.end() : end])
                break
    return found


def _without_explanation(text: str) -> str:
    return _EXPLANATION.split(text, maxsplit=1)[0]


def _letter(text: str, choices: dict[str, str], by_text: dict[str, str]) -> str | None:
    """The choice that a phrase begins with ("C", "(C)", "C. Kidney") or spells out ("Kidney").

    None where it names two, or a letter beside the text of another choice. A sentence that begins
    with the article "A" is not taken for choice A.
    """
    text = _LETTER_LEAD.sub("", _unwrapped(text.replace("_", " ")))
    alone = re.fullmatch(r"\W*([A-Za-z])\W*", text)
    if alone and "'" not in text and "+" not in text:
        # Choices that stand in no list of ours are not known: then a letter alone is what can be told.
        return alone[1].upper() if alone[1].upper() in choices or not choices else None
    short = _without_explanation(text)
    if (spelled := by_text.get(_fold(_clean(short)))) is not None:
        return spelled
    behind = re.fullmatch(r"(.+)\(\W*([A-Z])\W*\)\W*", short)
    if behind and behind[2] in choices:
        return behind[2] if by_text.get(_fold(_clean(behind[1]))) == behind[2] else None
    match = re.match(
        r"\W*(?:the )?(?i:letter |option |choice |answer )?\W*([A-Z])(?=[^\w'’+-]|$|\s)(.*)",
        text,
        re.DOTALL,
    )
    if match is None or match[1] not in choices:
        return None
    letter, rest = match[1], match[2]
    also = re.match(r"\W*(?:,|/|&|\band\b|\bor\b|\bnor\b|\bnot\b)\W*([A-Z])\b", rest)
    if also and also[1] in choices and also[1] != letter:
        return None
    if re.match(r"[\s\W]*(?:is|was|are|can)?\s*(?:not|n't|wrong|incorrect|false)\b", rest):
        return None
    said = _fold(
        _clean(_without_explanation(re.sub(r"^[\s.):,*`}\]]*(?:[-–—]\s)?[\s*(]*", "", rest)))
    )
    if by_text.get(said, letter) != letter:
        return None
    separated = re.match(r"\s*(?:[.):,;*`}$\]\n(]|[-–—=]\s|because\b|since\b|as\b|is\b|$)", rest)
    if letter in "AI" and not separated and said != _fold(choices[letter]):
        return None
    return letter


def _letter_line(line: str, choices: dict[str, str], by_text: dict[str, str]) -> str | None:
    """The choice that a line of a response without a marked answer names: the letter alone, the
    choice's text alone, or both. A line that denies something names none."""
    line = _unwrapped(line)
    match = _OPTION_LINE.match(line)
    if match and match[1] in choices:
        text, said = _fold(choices[match[1]]), _fold(_clean(match[2]))
        if _NEGATED.search(match[2][len(choices[match[1]]) :]):
            return None
        return match[1] if said == text or re.match(re.escape(text) + r"\W", said) else None
    if re.fullmatch(r"\W*[A-Z]\W*", line) or re.fullmatch(
        r"\W*(?i:option|choice)\W+[A-Z]\W*", line
    ):
        return _letter(line, choices, by_text)
    return by_text.get(_fold(_clean(line)))


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
    if not (folded := _fold(reference)):
        return False
    if _differ_by_prefix(answer, reference):
        return False
    if _fold(answer) == folded:
        return True
    short = answer[:_SENTENCE]
    if len(answer) <= _SENTENCE and _fold(_without_markup(answer)) == _fold(
        _without_markup(reference)
    ):
        return True
    bare = _fold(re.sub(r"\s*\([^()]*\)", "", short))
    if bare == folded and _RESERVED.search(" ".join(re.findall(r"\(([^()]*)\)", short))):
        return False  # "Yes (but only if …)"
    # "Alan Turing" for "Turing", "the femur (thigh bone)" for "femur"
    if re.fullmatch(r"[a-z-]{3,}", folded) and bare.split()[-1:] == [folded]:
        return len(bare.split()) <= 3 and not _OTHER_NAME.search(bare)
    # "hydrogen peroxide (H2O2)" for "hydrogen peroxide"
    named = re.fullmatch(r"(.*\w)\s+\(([^()]*)\)\W*", short)
    if named and len(answer) <= _SENTENCE and re.fullmatch(r"[^\W\d_][\w '’-]{2,}", folded):
        return _fold(named[1]) == folded and not _RESERVED.search(named[2])
    if _HEDGED.search(_signs(answer)) and not _HEDGED.search(_signs(reference)):
        return False
    numbers = _same_number(answer, reference)
    if numbers is not None:
        return numbers
    if len(answer) > _MATH_LIMIT or not re.search(r"[\d\\^/]", reference):
        return False
    return _same_mathematics(_signs(answer), _signs(reference))


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
    text = _signs(text[:_TAIL]).strip().strip("$").replace("\\%", "%").strip()
    if rounded:
        text = re.sub(r"^(?:\\approx\b|\\sim\b|≈|approximately|about|roughly|[€£])\s*", "", text)
    text = _THOUSANDS.sub("", text)
    text = re.sub(r"^-?\d{1,3}(?: \d{3}){2,}(?!\d)", lambda m: m[0].replace(" ", ""), text)
    text = _SCIENTIFIC.sub(r"\1e\2", re.sub(r"^(-?)10(?=\^)", r"\g<1>1*10", text))
    match = _NUMBER.match(text)
    if match is None:
        return None
    rest = re.sub(r"\\[ ,;!]|~", " ", text[match.end() :]).rstrip()
    rest = re.sub(r"\s*\([a-zA-Z -]*\)$|\.$", "", _unwrapped(rest).replace("$", " ").rstrip())
    rest = re.sub(r"\^\\?\{?\\circ\}?", "°", rest).rstrip()
    if rest and not (len(rest) <= 40 and _unit(rest)):
        return None
    return _Quantity(match[0].replace(",", ""), re.sub(r"\s", "", rest))


def _unit(rest: str) -> bool:
    """Is this what stands behind a number a unit? The space in front of it tells "5 cm" from "5x"."""
    if _NOT_A_UNIT.search(rest):
        return False
    start = len(rest) - len(rest.lstrip())
    return bool(_UNIT.fullmatch(rest, start))


def _signs(text: str) -> str:
    """Signs as mathematics writes them: a minus (or a dash in front of a number) as a hyphen, "5²" as
    "5^{2}"."""
    text = re.sub(r"[⁰¹²³⁴-⁹⁻]+", lambda m: "^{" + m[0].translate(_SUPERSCRIPT) + "}", text[:_TAIL])
    return re.sub(r"^(\s*)[–—](?=[\d\\.])", r"\1-", text.replace("−", "-"))


def _unwrapped(text: str) -> str:
    r"""A text without LaTeX's \text{…} and its like around words."""
    return re.sub(r"\\(?:text|textbf|textit|mathrm|mathbf|mbox)\s*\{([^{}]*)\}", r"\1", text)


def _without_markup(text: str) -> str:
    r"""A text without the marks of LaTeX around words and formulas of chemistry: H_2O is H2O."""
    text = _unwrapped(_unwrapped(text)).replace("\\infty", "∞")
    text = re.sub(r"\\(?:left|right)\b|\\[()\[\]]|\$", "", text)
    return re.sub(r"_(?:\{(\d+)\}|(\d))", r"\1\2", re.sub(r"\\[ ,;!]|~", " ", text))


def _clean(text: str) -> str:
    """A final answer without the markup and punctuation that models put around it."""
    text = _unwrapped(text).strip().strip("*`\"'_ ").rstrip(".,;").strip("*`\"'$_ ")
    inner = re.fullmatch(r"\\[(\[](.*)\\[)\]]", text, re.DOTALL)
    return inner[1].strip() if inner else text


def _fold(text: str) -> str:
    """Text for comparison: one Unicode form, case, article, spacing and outer punctuation ignored."""
    # A power stays one: NFKC alone would make "52" of "5²".
    text = re.sub(r"[⁰¹²³⁴-⁹⁻]+", lambda m: "^" + m[0].translate(_SUPERSCRIPT), text)
    text = re.sub(r"(?<=\d)(?=[½¼¾⅐-⅞])", " ", text)
    text = unicodedata.normalize("NFKC", text).casefold().replace("−", "-").replace("⁄", "/")
    text = re.sub(r"(?<![\d)}\]])!+$", "", text.strip(" .,;:\"'`*$()"))
    text = re.sub(r"^(the|a|an)\s+", "", text.strip(" .,;:\"'`*$()"))
    return re.sub(r"\s+", " ", text)
