"""Write each reference answer in many ways, grade them all, and count what the rules miss and let pass."""

from __future__ import annotations

import re
from ast import literal_eval
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import pandas as pd

from llmc_lib.benchmarks import declared
from llmc_lib.evaluation.grader_check import latex, numbers, several
from llmc_lib.evaluation.grader_check.written import Written, equivalent, miss
from llmc_lib.evaluation.grading import grade_all
from llmc_lib.records import Grade, Prediction, Question, writable

Grading = Callable[[Sequence[tuple[Question, Prediction]]], Sequence[Grade]]

#: How responses give their answer: a formula between dollars, and anything.
_FORMULA = ("\\boxed{{{}}}", "So we are done.\n\nThe final answer is ${}$.", "**Answer:** ${}$")
_PLAIN = (
    "Answer: {}",
    "**Answer:** {}",
    "So we are done.\n\nThe answer is {}.",
    "Exact Answer: {}\nConfidence: 80%",
)
#: Longer references are prose, which no rule compares.
_LONGEST = 300
#: A list in JSON or Python that is not taken apart.
_TEXTS = "list of texts"


class Case(NamedTuple):
    """A response to a question, of which it is known whether it is right."""

    question: Question
    answer_type: str
    written: Written
    response: str


@dataclass(frozen=True)
class _Reference:
    """A reference answer, and what it is."""

    text: str
    answer_type: str
    letter: str = ""
    choices: tuple[tuple[str, str], ...] = ()


def check(questions: Sequence[Question], graded: Grading = grade_all) -> pd.DataFrame:
    """Grade every way to write the references of questions that the rules grade by their answer; `graded` does it.

    Returns a row a response: question_id, answer_type, form, right (is it, as it was made?), status (as graded), rule, extracted, reference, response.
    """
    made = list(cases(questions))
    pairs = [
        (case.question, Prediction(case.question.id, n, "", case.response, "stop", 0, 0, 0.0, ""))
        for n, case in enumerate(made)
    ]
    rows = [
        {
            "question_id": case.question.id,
            "answer_type": case.answer_type,
            "form": case.written.form,
            "right": case.written.right,
            "status": grade.status,
            "rule": grade.rule,
            "extracted": grade.extracted,
            "reference": writable(case.question.answer),
            "response": writable(case.response),
        }
        for case, grade in zip(made, graded(pairs), strict=True)
    ]
    return pd.DataFrame(rows)


def cases(questions: Sequence[Question]) -> Iterator[Case]:
    """Every response that is made of the references, those that make it wrong among them."""
    asked = [
        question
        for question in questions
        if declared(question.benchmark).rules == "answer"
        and 0 < len(question.answer.strip()) <= _LONGEST
    ]
    found = [_reference(question) for question in asked]
    names = [reference.text for reference in found if reference.answer_type == "name or text"]
    for at, (question, reference) in enumerate(zip(asked, found, strict=True)):
        seen: set[tuple[str, bool]] = set()
        for n, written in enumerate(_ways(reference, _others(names, reference.text))):
            if (written.text, written.right) not in seen:
                seen.add((written.text, written.right))
                yield Case(question, reference.answer_type, written, _response(written, at + n))


def _others(names: Sequence[str], text: str) -> list[str]:
    """The names that come after one, and then those before it: every question has other ones."""
    at = names.index(text) if text in names else 0
    return [name for name in chain(names[at + 1 :], names[:at]) if name != text][:20]


def _response(written: Written, number: int) -> str:
    if written.plain or "$" in written.text:
        return _PLAIN[number % len(_PLAIN)].format(written.text)
    frames = (*_FORMULA, _PLAIN[0])
    return frames[number % len(frames)].format(written.text)


# ---- what a reference is -----------------------------------------------------------------------


def _reference(question: Question) -> _Reference:
    text = question.answer.partition(" <or> ")[0].strip()
    choices = _choices(question.question)
    letter = re.fullmatch(r"\$?(?:\\text(?:bf)?\{)?\(?([A-Z])\)?\.?\}?\$?", text)
    if letter and (question.answer_type == "multipleChoice" or letter[1] in choices):
        return _Reference(text, "choice", letter[1], tuple(choices.items()))
    bare = _bare(text)
    if re.match(r"\[\s*['\"]", bare):  # as data sets write several answers
        items = _listed(bare)
        if not items:
            return _Reference(bare, _TEXTS)
        return _Reference(", ".join(items), "set or list" if len(items) > 1 else _type(items[0]))
    return _Reference(bare, _type(bare))


def _listed(text: str) -> list[str] | None:
    try:
        found = literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    texts = isinstance(found, list) and all(isinstance(item, str) for item in found)
    # With a comma in one of them it is not told where the next one begins.
    return [i.strip() for i in found] if texts and not any("," in i for i in found) else None


def _choices(question: str) -> dict[str, str]:
    """The choices "A. …" of the lines of a question, from A on."""
    found = [
        m for line in question.splitlines() if (m := re.match(r"\s*\(?([A-Z])[.):]\s+(\S.*)", line))
    ]
    choices = {match[1]: match[2].strip() for match in found}
    return choices if list(choices) == [chr(65 + n) for n in range(len(choices))] else {}


def _bare(text: str) -> str:
    """A reference without the marks of mathematics around the whole of it."""
    found = re.fullmatch(r"\$\$?([^$]+)\$\$?|\\\((.*)\\\)|\\\[(.*)\\\]", text, re.DOTALL)
    return next(group for group in found.groups() if group is not None).strip() if found else text


def _type(text: str) -> str:
    for name, pattern in (
        ("whole number", numbers.WHOLE),
        ("decimal number", numbers.DECIMAL),
        ("fraction", numbers.FRACTION),
        ("percentage", numbers.PERCENT),
    ):
        if pattern.fullmatch(text):
            return name
    if numbers.unit_of(text):
        return "quantity"
    if marked := numbers.marked(text):
        return marked
    mathematics = re.search(r"[\\^=+*/<>|]|\d\s*[a-zA-Z(]|[a-z]\(|\s-\s", text) is not None
    if mathematics or re.search(r"\d", text):
        if several.pair_of(text):
            return "tuple or interval"
        if not re.search(r"[a-zA-Z]{4,} [a-zA-Z]{2,}", text) and several.items_of(text):
            return "set or list"
    return "formula" if mathematics and not re.search(r"(?<!\\)\b[a-z]{4,} [a-z]{3,}", text) else "name or text"  # fmt: skip


def _ways(reference: _Reference, others: Sequence[str]) -> Iterator[Written]:
    text = reference.text
    if reference.answer_type == "choice":
        yield equivalent("as it is", reference.letter, plain=True)
        yield from several.choice(reference.letter, dict(reference.choices))
        return
    plain = reference.answer_type in ("name or text", "percentage", "dollars")
    yield equivalent("as it is", text, plain=plain)
    if reference.answer_type == _TEXTS:
        return
    if reference.answer_type == "name or text":
        yield from several.name(text, others)
    elif reference.answer_type in ("whole number", "decimal number"):
        yield from numbers.number(text)
    elif reference.answer_type in _NUMBERS:
        yield from _NUMBERS[reference.answer_type](text)
    else:
        yield from _formula(reference)


_NUMBERS = {
    "fraction": numbers.fraction,
    "percentage": numbers.percentage,
    "quantity": numbers.amount,
    "degrees": numbers.with_mark,
    "dollars": numbers.with_mark,
}


def _formula(reference: _Reference) -> Iterator[Written]:
    text = reference.text
    if reference.answer_type == "set or list":
        items = several.items_of(text)
        assert items
        yield from several.unordered(items, braces=text.endswith("}") and text[0] in "\\{")
        return
    if reference.answer_type == "tuple or interval":
        found = several.pair_of(text)
        assert found
        yield from several.ordered(*found)
    for style, change in latex.STYLES.items():
        written, plain = change(text), style in ("Unicode", "plain text")
        if written != text and not (style == "plain text" and "\\" in written):
            yield equivalent(style, written, plain=plain)
    for form, change in latex.MISSES.items():
        if (written := change(text)) != text:
            yield miss(form, written)
