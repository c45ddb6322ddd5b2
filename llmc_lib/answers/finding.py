"""Find the final answer that a response gives, and how sure it says to be.

The rules are conservative: where no final answer can be found, none is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmc_lib.answers.text import (
    MATHEMATICS,
    NOT_A_UNIT,
    NUMBER,
    SENTENCE,
    TAIL,
    clean,
    fold,
    unwrapped,
)

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
# What turns a sentence that holds an answer into one that does not give it.
_NEGATED = re.compile(
    r"n['’]t\b|\b(?:not|cannot|never|no|neither|nor|wrong|incorrect|false|unsure|uncertain|unclear"
    r"|unknown|maybe|perhaps|guess)\b",
    re.IGNORECASE,
)
# An explanation behind an answer: "A because …", "42. This is …".
_EXPLANATION = re.compile(
    r",?\s+(?:because|since|as (?:it|the|this))\b|;\s|\s[–—]\s"
    r"|(?<!\bDr)(?<!\bMr)(?<!\bSt)(?<!\bMrs)(?<!\b[A-Z])\.\**\s+(?=[A-Z])"
)


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
        if matches and clean(matches[-1]):
            boxed = _boxed(matches[-1])
            return clean(boxed[-1] if boxed else _without_explanation(matches[-1])), rule
    last = next((line for line in reversed(tail.splitlines()) if line.strip()), "")
    if not last or len(last) > SENTENCE or _NEGATED.search(last):
        return None, "no final answer"
    conclusion = last.rpartition("=")[2].replace("−", "-")
    given = set(NUMBER.findall(question))
    found = NUMBER.findall(conclusion)
    numbers = [number for number in found if number not in given]
    # A number within a formula ("1/4", "2^5", "3 million") or a choice of two is no answer alone.
    alone = not re.search(r"[/^*!\\√π⁰¹²³⁴-⁹½¼¾–±<>]|\d\s*[a-zA-Z]?\(", conclusion)
    alone = alone and not NOT_A_UNIT.search(conclusion) and not re.search(r"\bor\b", conclusion)
    if alone and len(set(numbers)) == 1:
        return numbers[0], "only number"
    if (not numbers or not alone) and (concluded := list(_CONCLUDED.finditer(conclusion))):
        return clean(concluded[-1][1]), "concluded"
    if not alone and "=" in last and len(conclusion.split()) <= 3 and clean(conclusion):
        return clean(conclusion), "concluded"
    if len(last.split()) <= 3 and fold(last) and "\\boxed" not in last:
        return clean(last), "bare"
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
    folded = [fold(text) for text in choices.values()]
    by_text = {fold(t): letter for letter, t in choices.items() if folded.count(fold(t)) == 1}
    for rule, matches in _final(tail):
        for found in reversed(matches):
            boxed = _boxed(found)
            letter = _letter(boxed[-1] if boxed else found, choices, by_text)
            if letter:
                return letter, rule
            if rule == "marked" and clean(found):
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
    tail = response[-TAIL:]
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
    tail = _TAGGED.sub(r"\nAnswer: \1\n", response[-TAIL:])
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
        for end in range(match.end(), min(len(text), match.end() + 2 * MATHEMATICS)):
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
    text = _LETTER_LEAD.sub("", unwrapped(text.replace("_", " ")))
    alone = re.fullmatch(r"\W*([A-Za-z])\W*", text)
    if alone and "'" not in text and "+" not in text:
        # Choices that stand in no list of ours are not known: then a letter alone is what can be told.
        return alone[1].upper() if alone[1].upper() in choices or not choices else None
    short = _without_explanation(text)
    if (spelled := by_text.get(fold(clean(short)))) is not None:
        return spelled
    behind = re.fullmatch(r"(.+)\(\W*([A-Z])\W*\)\W*", short)
    if behind and behind[2] in choices:
        return behind[2] if by_text.get(fold(clean(behind[1]))) == behind[2] else None
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
    said = fold(
        clean(_without_explanation(re.sub(r"^[\s.):,*`}\]]*(?:[-–—]\s)?[\s*(]*", "", rest)))
    )
    if by_text.get(said, letter) != letter:
        return None
    separated = re.match(r"\s*(?:[.):,;*`}$\]\n(]|[-–—=]\s|because\b|since\b|as\b|is\b|$)", rest)
    if letter in "AI" and not separated and said != fold(choices[letter]):
        return None
    return letter


def _letter_line(line: str, choices: dict[str, str], by_text: dict[str, str]) -> str | None:
    """The choice that a line of a response without a marked answer names: the letter alone, the
    choice's text alone, or both. A line that denies something names none."""
    line = unwrapped(line)
    match = _OPTION_LINE.match(line)
    if match and match[1] in choices:
        text, said = fold(choices[match[1]]), fold(clean(match[2]))
        if _NEGATED.search(match[2][len(choices[match[1]]) :]):
            return None
        return match[1] if said == text or re.match(re.escape(text) + r"\W", said) else None
    if re.fullmatch(r"\W*[A-Z]\W*", line) or re.fullmatch(
        r"\W*(?i:option|choice)\W+[A-Z]\W*", line
    ):
        return _letter(line, choices, by_text)
    return by_text.get(fold(clean(line)))
