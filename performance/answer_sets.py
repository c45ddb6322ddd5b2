"""Labelled answers for performance/grading.py: real ones, rewrites that keep the meaning of a reference, near misses, and
the inputs of our own tests.

A case is a question, a response, and whether the response is right. The folder is one with `generations/`, `math/`,
`olymmath/` and `hardmath/`, as their projects publish them.
"""

from __future__ import annotations

import json
import random
import re
from ast import literal_eval
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from llmc_lib.evaluation.grader_check import latex
from llmc_lib.records import Question

TESTS = Path(__file__).parents[1] / "tests" / "answers"
FRAMES = (
    "\\boxed{{{}}}",
    "Answer: {}",
    "So we are done.\n\nThe final answer is ${}$.",
    "**Answer:** ${}$",
)
PLAIN_FRAMES = (
    "Answer: {}",
    "**Answer:** {}",
    "So we are done.\n\nThe answer is {}.",
    "Exact Answer: {}\nConfidence: 80%",
)


class Case(NamedTuple):
    """A response to a question, and whether it is right."""

    kind: str
    question: Question
    response: str
    right: bool


def exact(kind: str, reference: str, response: str, right: bool, text: str = "?") -> Case:
    return Case(
        kind, Question("q", "hle", text, reference, "exactMatch", "Math", ""), response, right
    )


def all_cases(folder: Path) -> Iterator[Case]:
    """Every case, those of a kind together."""
    for cases in (gsm8k, mathv, solutions, rewrites, near_misses, own):
        yield from sorted(cases(folder), key=lambda case: case.kind)


# ---- real answers ----------------------------------------------------------------------------


def gsm8k(folder: Path) -> Iterator[Case]:
    """Four models of OpenAI's grade-school-math on its test set, labelled there."""
    for row in _lines(folder / "generations" / "gsm8k_model_solutions.jsonl"):
        reference = row["ground_truth"].rpartition("A:")[2].strip()
        for model, answer in row.items():
            if isinstance(answer, dict):
                yield exact(
                    f"GSM8K {model[:4]}",
                    reference,
                    answer["solution"],
                    answer["is_correct"],
                    row["question"],
                )


def mathv(folder: Path) -> Iterator[Case]:
    """Gemini Pro on MATH-Vision; the labels are those of its script, which has errors."""
    questions = {row["id"]: row for row in _lines(folder / "generations" / "mathv_questions.jsonl")}
    for row in _lines(folder / "generations" / "mathv_gemini_pro_cot.jsonl"):
        asked = questions[row["id"]]
        text, choices = asked["question"], asked["options"]
        if choices:
            listed = (f"{chr(65 + n)}. {choice}" for n, choice in enumerate(choices))
            text = "\n".join([text, "", "Answer Choices:", *listed])
            question = Question(
                row["id"], "hle", text, asked["answer"], "multipleChoice", "Math", ""
            )
            yield Case("MATH-Vision, choices", question, row["response"], row["correct"])
        else:
            question = Question(row["id"], "hle", text, asked["answer"], "exactMatch", "Math", "")
            yield Case("MATH-Vision, free", question, row["response"], row["correct"])


def solutions(folder: Path) -> Iterator[Case]:
    """People's solutions of AIME and HARDMath, which box their answer: all are right."""
    for row in json.loads((folder / "math" / "aime.json").read_text(encoding="utf-8")):
        if row.get("solution") and "boxed" in row["solution"]:
            yield exact("AIME solutions", str(row["answer"]), row["solution"], True, row["problem"])


# ---- references, written otherwise -----------------------------------------------------------


def references(folder: Path) -> dict[str, list[str]]:
    """The references of each set that are more than a whole number."""
    math = json.loads((folder / "math" / "math.json").read_text(encoding="utf-8"))
    olym = [
        row
        for part in ("EN-EASY", "EN-HARD")
        for row in _lines(folder / "olymmath" / f"OlymMATH-{part}.jsonl")
    ]
    hard = json.loads(
        (folder / "hardmath" / "HARDMath_mini.json").read_text(encoding="utf-8")
    ).values()
    found = {
        "MATH": [row["answer"] for row in math],
        "OlymMATH": [row["answer"] for row in olym],
        "HARDMath": [row["answer_val"] for row in hard],
    }
    whole = re.compile(r"-?\d+")
    return {
        name: list(
            dict.fromkeys(
                str(r) for r in values if r and not whole.fullmatch(str(r)) and len(str(r)) < 300
            )
        )
        for name, values in found.items()
    }


def _python(text: str) -> str:
    """As sympy prints what latex2sympy (extended by Hugging Face) reads."""
    import sympy
    from latex2sympy2_extended import latex2sympy
    from latex2sympy2_extended.latex2sympy2 import ConversionConfig

    # What it reads as something else: units, text, bases, thousands, lists.
    if re.search(
        r"text|mbox|circ|\d_|[fgh]\(|\\!|[,:%$=<>]|\\le|\\approx|infty|triangle|e\^", text
    ):
        return text
    try:
        found = latex2sympy(text, conversion_config=ConversionConfig(lowercase_symbols=False))
    except Exception:
        return text
    return str(found) if isinstance(found, sympy.Expr) else text


#: Style → the change, and the sentences in which it is given.
STYLES: dict[str, tuple[Callable[[str], str], tuple[str, ...]]] = {
    **{
        style: (change, PLAIN_FRAMES if style in ("Unicode", "plain text") else FRAMES)
        for style, change in latex.STYLES.items()
    },
    "Python": (_python, PLAIN_FRAMES),
}


def _answer(reference: str) -> str:
    """What a model answers that agrees with a reference: of a list of Python its texts, as they are in it."""
    if not reference.startswith("['"):
        return reference
    return ", ".join(item.strip() for item in literal_eval(reference))


def rewrites(folder: Path) -> Iterator[Case]:
    """Each reference in each style that changes it; what a style leaves half in LaTeX is left out."""
    rng = random.Random(0)
    for name, values in references(folder).items():
        for style, (change, frames) in STYLES.items():
            for reference in values:
                answer = _answer(reference)
                written = change(answer)
                if written == answer or (style in ("plain text", "Python") and "\\" in written):
                    continue
                yield exact(f"{name}: {style}", reference, rng.choice(frames).format(written), True)


# ---- near misses -----------------------------------------------------------------------------


def near_misses(folder: Path) -> Iterator[Case]:
    """Each reference with one thing changed that makes it wrong."""
    rng = random.Random(1)
    for values in references(folder).values():
        for miss, change in latex.MISSES.items():
            for reference in values:
                answer = _answer(reference)
                written = change(answer)
                if written != answer:
                    yield exact(
                        f"near miss: {miss}", reference, rng.choice(FRAMES).format(written), False
                    )
    numbers = rng.sample(range(2, 20_000), 1_000)
    for number in numbers:
        written = rng.choice(
            [
                str(number + 1),
                str(number - 1),
                str(-number),
                f"{number}x",
                f"{number}^2",
                f"x > {number}",
                f"{number} or {number + 1}",
            ]
        )
        yield exact(
            "near miss: whole numbers", str(number), rng.choice(PLAIN_FRAMES).format(written), False
        )


# ---- inputs of the tests ---------------------------------------------------------------------


def own(folder: Path) -> Iterator[Case]:
    """What the tests hold: cases of our own, in Japanese too, and pairs in the styles of other graders' tests."""
    for name in ("cases", "japanese", "pairs"):
        for row in _lines(TESTS / f"{name}.jsonl"):
            question = Question(
                "q", "hle", row["question"], row["gold"], row["answer_type"], "Math", ""
            )
            yield Case(
                f"inputs of the tests: {name}", question, row["response"], row["want_correct"]
            )


def _lines(path: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()
    ]
