"""Is the final answer of a response the reference? For grades and for rewards, which must not differ."""

from __future__ import annotations

import re
from typing import NamedTuple

from llmc_lib.answers.choices import find_letter, options
from llmc_lib.answers.comparing import compare, restates, same
from llmc_lib.answers.finding import find_answer, other_answers, without_explanation
from llmc_lib.answers.lists import in_order
from llmc_lib.answers.text import ALTERNATIVE, unwrapped
from llmc_lib.records import GradeStatus

# "Which planet", "what chemical element"
_KIND = re.compile(r"\b(?:which|what) ([a-z]{3,12})(?: ([a-z]{3,12}))?\b", re.IGNORECASE)
_IN_ORDER = re.compile(
    r"\b(?:in (?:\w+ ){0,3}(?:order|sequence)\b(?! to\b)|(?:rank|arrange|sort|order) (?:the|these|them|all|from|by)\b|respectively|from (?:\w+ ){1,3}to (?:\w+ )?\w+est\b)",
    re.IGNORECASE,
)
# Where a name with a first name in front of it is somebody's.
_PLACES = frozenset("planet city country state capital continent river month element".split())
_LONGER_NAME = re.compile(r"(?:[A-Z][a-z]+\s){1,2}[A-Z][a-z]+")


class Judgement(NamedTuple):
    """What the rules make of a response."""

    status: GradeStatus
    answer: str  # as it was found, "" where none was
    rule: str  # that found it, or why there is none


def judge(
    response: str, question: str, reference: str, *, multiple_choice: bool = False
) -> Judgement:
    """The final answer of a response against a reference.

    It is `ungraded` where no final answer can be found, where it only restates the question ("2 + 8" for "What is
    2 + 8?"), and where mathematics cannot compare it.
    """
    choices = options(question)
    expected = reference if multiple_choice else _choice(reference, choices)
    if expected is not None:
        letter, rule = find_letter(response, choices)
        if letter is not None:
            right = letter in expected.split(ALTERNATIVE)
            return Judgement("correct" if right else "incorrect", letter, rule)
        if multiple_choice:
            return Judgement("ungraded", "", rule)
    answer, rule = find_answer(response, question)
    if answer is None:
        return Judgement("ungraded", "", rule)
    equal = compare(answer, reference)
    if not equal and expected is None and choices:
        letter, _ = find_letter(response, choices)
        equal = compare(choices[letter], reference) if letter else equal
    if not equal and "%" in answer and re.search(r"%|\bpercent", question):
        equal = compare(answer.replace("\\%", "").replace("%", ""), reference)
    if asked := _KIND.search(question):
        kind = [word.lower() for word in asked.groups() if word]
        front = re.compile(rf"(?:the )?(?:{'|'.join(kind)}) (?:of )?(?=[A-Z])", re.IGNORECASE)
        if not equal and front.match(
            answer
        ):  # "the planet Mars" for Mars where a planet is asked for
            equal = compare(front.sub("", answer, count=1), reference)
        elif equal and _PLACES.intersection(kind) and _LONGER_NAME.fullmatch(answer):
            equal = None if len(reference.split()) == 1 else equal  # "Bruno Mars" is no planet
    if equal is False and (bare := without_explanation(reference)) != reference:
        equal = None if compare(answer, bare) else False  # "No, because 2 is even"
    if equal and _IN_ORDER.search(question) and not in_order(answer, reference, same):
        equal = None
    if equal and restates(answer, question, reference):
        return Judgement("ungraded", answer, "restates the question")
    if equal is None:
        return Judgement("ungraded", answer, "not comparable")
    return Judgement("correct" if equal else "incorrect", answer, rule)


def hedges(response: str, question: str = "") -> bool:
    """Does a response give two different final answers, be it that it takes the first one back?

    The last one is what is graded; a reward must not be had by trying several.
    """
    found = list(dict.fromkeys(other_answers(response)))
    if len(found) < 2:
        return False
    choices = options(question)
    letters = [find_letter(f"Answer: {answer}", choices)[0] for answer in found] if choices else []
    if letters and None not in letters:
        return len(set(letters)) > 1
    last = found[-1]
    return any(not same(answer, last) and not same(last, answer) for answer in found[:-1])


def _choice(reference: str, choices: dict[str, str]) -> str | None:
    r"""The letter of the right choice, where the question lists choices and the reference is a letter, as in
    `\text{(C)}`."""
    letter = re.fullmatch(
        r"\(?([A-Zア-コ])\)?\.?|\(([A-Z])\)\s*\S.*", unwrapped(reference).strip(" $")
    )
    named = (letter[1] or letter[2]) if letter else None
    return named if named in choices else None
