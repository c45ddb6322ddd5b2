"""The one form of a completion, and the verification of its final answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from llmc_lib.dataset.steps.form import Fault, Formed, form
from llmc_lib.models.prompts import split_reasoning
from llmc_lib.records import AnswerType, Example, Message, RowKind

CHOICES = "Which organ makes urine?\n\nAnswer Choices:\nA. Stomach\nB. Spleen\nC. Kidney\nD. Lung"


def _example(
    completion: str, answer: str = "42", question: str = "q", kind: AnswerType = "exactMatch"
) -> Example:
    return Example(
        "s/1", "s", "1", "r", "MIT", "Math", "x", question, answer, kind, completion, "m", "unknown"
    )


def _formed(*arguments: object) -> Formed:
    found = form(_example(*arguments))  # type: ignore[arg-type]
    assert isinstance(found, Formed), found
    return found


@pytest.mark.parametrize(
    "completion",
    [
        "6 times 7 makes \\boxed{42}.",
        "6 times 7.\n\nAnswer: 42",
        "<think>6 times 7</think>The answer is 42.",
        "<think>\n6 times 7\n</think>\n\nHence $\\boxed{42}$",
        "6 times 7</think>\n\\boxed{42}",
        "<think></think>6 times 7 is \\boxed{42.0}",
        "<think>6 times 7</think>\n#### 42",
        "<think>6 times 7\n#### 42",
        "<think>6 times 7 is forty-two. #### 42",
        "<think>6 times 7 is forty-two.\nJudgment: 42",
        "<thinking>6 times 7 is forty-two. #### 42",
        "<reasoning>6 times 7</reasoning>\nThe answer is 42.",
        "6 times 7.\n#### 42",
        "<think>6 times 7</think>\n\nJudgment: 42",
        "<think>6 times 7</think>\n\n#### Conclusion\nIt is \\boxed{42}.",
    ],
)
def test_a_right_completion_gets_the_one_form(completion: str) -> None:
    found = _formed(completion)
    assert found.verified == "yes"
    assert found.completion.startswith("<think>\n")
    reasoning, response = split_reasoning(found.completion)
    assert "6 times 7" in reasoning
    assert response.rstrip().endswith("Answer: 42")
    assert found.completion.count("<think>") == found.completion.count("</think>") == 1


def test_an_empty_block_is_none() -> None:
    """As Qwen3 writes where it does not think."""
    row = _example("<think>\n\n</think>\n\n6 times 7 is 42.\n\nAnswer: 42", "")
    found = form(row, think=False)
    assert found == Formed("6 times 7 is 42.\n\nAnswer: 42", "42", "no reference")


def test_a_response_keeps_its_own_last_line() -> None:
    found = _formed("<think>6 times 7</think>It is clear.\n\nAnswer: 42")
    assert found.completion == "<think>\n6 times 7\n</think>\n\nIt is clear.\n\nAnswer: 42"


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        ("<think>6 times 7 is", "reasoning without an end"),
        ("So <think> again", "reasoning without an end"),
        ("<thinking>6 times 7 is 42, or\n\nAnswer: 42", "reasoning without an end"),
        ("<|channel|>analysis<|message|>Answer: 42", "reasoning without an end"),
        ("<think></think>", "empty completion"),
        ("   ", "empty completion"),
        ("<think>hm</think>I cannot tell.", "no final answer"),
        ("6 times 7 makes \\boxed{41}", "wrong answer"),
        ("<think>x</think>The answer is 41.", "wrong answer"),
        ("<think>42</think>\\boxed{x+1}", "wrong answer"),
    ],
)
def test_what_cannot_be_used_has_a_reason(completion: str, reason: str) -> None:
    found = form(_example(completion))
    assert isinstance(found, Fault)
    assert found.reason == reason
    assert (found.detail != "") == (reason in ("wrong answer", "no final answer"))


def test_answers_are_compared_as_mathematics() -> None:
    assert _formed("so \\boxed{\\frac{1}{2}}", "0.5").verified == "yes"
    assert _formed("so \\boxed{2\\sqrt{2}}", "\\sqrt{8}").verified == "yes"
    assert isinstance(form(_example("so \\boxed{\\frac{1}{3}}", "0.5")), Fault)


def test_a_worked_solution_without_a_final_answer_gets_the_reference() -> None:
    found = _formed("Six sevens are four tens and two.")
    assert found.verified == "not stated"
    assert found.completion.endswith("</think>\n\nAnswer: 42")


def test_prose_is_not_compared() -> None:
    found = _formed(
        "The answer is: because heat flows from warm to cold",
        "heat moves down the gradient of warmth",
    )
    assert found.verified == "not comparable"
    assert found.answer == "heat moves down the gradient of warmth"


def test_without_a_reference_the_stated_answer_stands() -> None:
    found = _formed("so \\boxed{7}", "")
    assert (found.verified, found.answer) == ("no reference", "7")
    unstated = form(_example("so it is proved", ""))
    assert isinstance(unstated, Fault)
    assert unstated.reason == "no final answer"
    assert "row_kind: response" in unstated.detail


def test_a_choice_is_compared_by_its_letter() -> None:
    assert _formed("It is the kidney. Answer: C", "C", CHOICES, "multipleChoice").verified == "yes"
    wrong = form(_example("Answer: B", "C", CHOICES, "multipleChoice"))
    assert wrong == Fault("wrong answer", "B instead of C")


def test_nothing_is_compared_where_nothing_is_asked_for() -> None:
    found = form(_example("so \\boxed{41}"), verify=False)
    assert isinstance(found, Formed)
    assert (found.verified, found.answer) == ("not asked", "42")


def test_a_reference_of_several_lines_becomes_one() -> None:
    assert _formed("see above", "4\n2\n").completion.endswith("Answer: 4 2")


# ---- responses and chats -----------------------------------------------------------------------

REFUSAL = "<think>\nNo.\n</think>\n\nI can't help with that."
SYSTEM, ASKED = Message("system", "Be brief."), Message("user", "Hm?")


def _row(completion: str, kind: RowKind = "response", **changed: Any) -> Example:
    return replace(_example(completion, "", kind="none"), kind=kind, **changed)


@pytest.mark.parametrize(
    "completion",
    [
        REFUSAL,
        "<think>No.</think>I can't help with that.",
        "I can't help with that.",
        "So it is proved.",
        "The answer is 41, or \\boxed{42}.",
        "Write `<think>` in front of it.",
        "    indented = True\n",
        "\n\r\n A line.\t",
    ],
)
@pytest.mark.parametrize("kind", ["response", "chat"])
def test_a_response_is_left_as_it_is(completion: str, kind: RowKind) -> None:
    assert form(_row(completion, kind)) == Formed(completion, "", "not applicable")


def test_a_block_that_a_template_had_opened_is_opened() -> None:
    found = form(_row("No.\n</think>\n\nI can't help with that."))
    assert isinstance(found, Formed)
    assert found.completion == REFUSAL


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (_row("<think>I should"), "reasoning without an end"),
        (_row("<|begin_of_thought|>I should"), "reasoning without an end"),
        (_row("Well.\n<thinking>\nI should"), "reasoning without an end"),
        (_row("<think>I should not.</think>\n"), "empty response"),
        (_row("B", history=(ASKED, Message("assistant", "A"), ASKED)), "several turns"),
        (_row("B", "verifiable", history=(ASKED, Message("assistant", "A"))), "several turns"),
        (_row("B", "chat", loss="all", history=(ASKED, Message("assistant", "<think>A"))),
         "reasoning without an end"),
    ],
)  # fmt: skip
def test_what_did_not_end_cannot_be_learnt(row: Example, reason: str) -> None:
    found = form(row)
    assert isinstance(found, Fault)
    assert found.reason == reason


def test_turns_that_are_not_learnt_need_no_end() -> None:
    history = (SYSTEM, ASKED, Message("assistant", "<think>A"))
    assert isinstance(form(_row("B", "chat", history=history)), Formed)
    assert isinstance(form(_row("B", history=(SYSTEM,))), Formed)
