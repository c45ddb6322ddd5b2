"""Grade answers by rules: find the final answer in a response, compare it with the reference.

The rules are conservative. A response in which no final answer can be found is `ungraded`, never
guessed; a truncated one is graded as incorrect whatever it says (the caller's token limit is part of
the task). Both count as not correct in every rate.
"""

from __future__ import annotations

import re
import unicodedata

from math_verify import parse, verify

from llmc_lib.prompts import split_reasoning
from llmc_lib.records import Grade, Prediction, Question

# A response is searched for its final answer within its last characters only, so that a hostile or
# endless one costs no more than an ordinary one.
_TAIL = 4000
# The longest line that is read as a sentence which states an answer.
_SENTENCE = 200
# The longest final answer that is compared by mathematics; longer ones are compared as text.
_MATH_LIMIT = 200

_MARKED = re.compile(r"(?:exact |final |correct )?answer\s*[:=]\s*(.+)", re.IGNORECASE)
_STATED = re.compile(
    r"\b(?:final |correct |right |best )?(?:answer|choice|option) (?:is|would be|must be)\s*:?\s*(.+)",
    re.IGNORECASE,
)
_BOXED = re.compile(r"\\boxed\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_CONCLUDED = re.compile(r"(?:\b(?:is|are|was|were|called|named|equals?)\b|=)(?!.*=)\s+(.+)$")
_LETTER = re.compile(r"^\W*(?:option |choice )?\W*([A-Z])(?:\W|$)")
_OPTION_LINE = re.compile(r"^\W*([A-Z])[.):]\s+(.+)$")
_NUMBER = re.compile(r"-?\d+(?:,\d{3})+(?:\.\d+)?|-?\d*\.?\d+(?:[eE][-+]?\d+)?")


def grade(question: Question, prediction: Prediction) -> Grade:
    """Grade one completion of one question with a reference answer."""
    _, response = split_reasoning(prediction.text)

    def result(status: str, extracted: str, rule: str) -> Grade:
        return Grade(question.id, prediction.sample, status, extracted, rule)  # type: ignore[arg-type]

    if prediction.finish_reason == "failed":
        return result("ungraded", "", "failed")
    if prediction.finish_reason == "length":
        return result("incorrect", "", "truncated")
    if not response:
        return result("ungraded", "", "empty")
    if question.answer_type == "multipleChoice":
        letter, rule = find_letter(response, options(question.question))
        if letter is None:
            return result("ungraded", "", rule)
        return result("correct" if letter == question.answer else "incorrect", letter, rule)
    answer, rule = find_answer(response, question.question)
    if answer is None:
        return result("ungraded", "", rule)
    return result("correct" if same(answer, question.answer) else "incorrect", answer, rule)


def options(question: str) -> dict[str, str]:
    """The lettered choices of a multiple-choice question, {} where there are none."""
    _, _, block = question.partition("Answer Choices:")
    found = (_OPTION_LINE.match(line.strip()) for line in block.splitlines())
    return {match[1]: match[2].strip() for match in found if match}


def find_answer(response: str, question: str = "") -> tuple[str | None, str]:
    """The final answer of a response and the rule that found it: (None, why) where there is none.

    In this order: a line "Answer: …", `\\boxed{…}`, "the answer is …" (the last of each). Then, from
    the last line of a response without any of these, if it is a short one: the only number in it that the question
    does not already hold, or what stands behind its last verb ("The symbol of gold is Au.").
    """
    tail = response[-_TAIL:]
    for pattern, rule in ((_MARKED, "marked"), (_BOXED, "boxed"), (_STATED, "stated")):
        matches = pattern.findall(tail)
        if matches and _clean(matches[-1]):
            boxed = _BOXED.search(matches[-1])
            return _clean(boxed[1] if boxed else matches[-1]), rule
    last = next((line for line in reversed(tail.splitlines()) if line.strip()), "")
    if not last or len(last) > _SENTENCE:
        return None, "no final answer"
    conclusion = last.rpartition("=")[2]
    given = set(_NUMBER.findall(question))
    numbers = [number for number in _NUMBER.findall(conclusion) if number not in given]
    if len(set(numbers)) == 1:
        return numbers[0], "only number"
    if not numbers and (concluded := list(_CONCLUDED.finditer(conclusion))):
        return _clean(concluded[-1][1]), "concluded"
    if len(last.split()) <= 3:
        return _clean(last), "bare"
    return None, "no final answer"


def find_letter(response: str, choices: dict[str, str]) -> tuple[str | None, str]:
    """The letter that a response chooses, and the rule that found it.

    A response that only repeats several choices has chosen none.
    """
    tail = response[-_TAIL:]
    by_text = {_fold(text): letter for letter, text in choices.items()}
    for pattern, rule in ((_MARKED, "marked"), (_BOXED, "boxed"), (_STATED, "stated")):
        for found in reversed(pattern.findall(tail)):
            letter = _letter(found, choices, by_text)
            if letter:
                return letter, rule
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    named = {letter for line in lines if (letter := _letter(line, choices, by_text, strict=True))}
    if len(named) == 1:
        return named.pop(), "only choice named"
    return None, "no choice named" if not named else "several choices named"


def _letter(
    text: str, choices: dict[str, str], by_text: dict[str, str], *, strict: bool = False
) -> str | None:
    """The choice that a phrase begins with ("C", "(C)", "C. Kidney") or spells out ("Kidney").

    `strict` accepts a letter only alone or in the form of an option line, so that a sentence that
    begins with the article "A" is not taken for choice A.
    """
    if (spelled := by_text.get(_fold(_clean(text)))) is not None:
        return spelled
    match = _OPTION_LINE.match(text) if strict else _LETTER.match(text)
    if match is None and strict and len(_clean(text)) == 1:
        match = _LETTER.match(text)
    return match[1] if match and match[1] in choices else None


def same(answer: str, reference: str) -> bool:
    """Are two final answers the same: as text, as numbers, or as mathematics?

    Numbers agree within a relative 1e-6, or to the digits that the reference gives if those are
    more than three; a unit behind the answer's number is ignored. Mathematics is compared by
    math-verify (Hugging Face), under its own time limit.
    """
    if _fold(answer) == _fold(reference):
        return True
    bare = _fold(re.sub(r"\s*\([^()]*\)", "", answer))
    # "Alan Turing" for "Turing", "the femur (thigh bone)" for "femur"
    if re.fullmatch(r"[a-z-]{3,}", _fold(reference)) and bare.split()[-1:] == [_fold(reference)]:
        return len(bare.split()) <= 3
    expected = _number(reference)
    if expected is not None:
        given = _number(answer, unit=True)
        if given is not None:
            return abs(given - expected) <= 1e-6 * max(1.0, abs(expected))
    if len(answer) > _MATH_LIMIT or not re.search(r"[\d\\^/]", reference):
        return False
    gold, target = parse(f"${reference}$"), parse(f"${answer}$")
    return bool(gold and target and verify(gold, target))


def _number(text: str, *, unit: bool = False) -> float | None:
    """The value of a text that is one number; with `unit`, words may stand behind it."""
    text = text.strip().strip("$").replace("−", "-").replace("\\%", "%").strip()
    match = _NUMBER.match(text)
    if match is None:
        return None
    rest = text[match.end() :].strip()
    if rest and not (unit and re.fullmatch(r"[^\d+*/^=<>()]*", rest)):
        return None
    return float(match[0].replace(",", ""))


def _clean(text: str) -> str:
    """A final answer without the markup and punctuation that models put around it."""
    return text.strip().strip("*`\"' ").rstrip(".,;").strip("*`\"'$ ")


def _fold(text: str) -> str:
    """Text for comparison: one Unicode form, case, article, spacing and outer punctuation ignored."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("−", "-")
    text = re.sub(r"^(the|a|an)\s+", "", text.strip(" .,;:!\"'`*$()"))
    return re.sub(r"\s+", " ", text)
