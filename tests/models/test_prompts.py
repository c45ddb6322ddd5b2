"""Prompts and completions: what training teaches is what evaluation reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmc_lib.models import prompts

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.slow
@given(reasoning=TEXT, answer=TEXT.filter(lambda text: prompts.THINK_CLOSE not in text))
def test_a_completion_splits_into_what_it_was_made_of(reasoning: str, answer: str) -> None:
    found = prompts.split_reasoning(prompts.completion(reasoning, answer))
    assert found == (reasoning.strip(), f"{prompts.ANSWER_MARK} {answer}".strip())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>so</think>\nAnswer: 4", ("so", "Answer: 4")),
        ("so</think> Answer: 4", ("so", "Answer: 4")),  # the template wrote the opening tag
        ("<think>on and on, Answer: 4", ("on and on, Answer: 4", "")),
        (" \n<think>cut", ("cut", "")),
        ("no tags, Answer: 4 ", ("", "no tags, Answer: 4")),
        ("the tag <think> in words", ("", "the tag <think> in words")),
        ("<think>a</think>b</think>c", ("a</think>b", "c")),
        ("<think></think>", ("", "")),
        ("", ("", "")),
    ],
)
def test_split_reasoning(text: str, expected: tuple[str, str]) -> None:
    assert prompts.split_reasoning(text) == expected


@pytest.mark.parametrize("answer_type", ["exactMatch", "multipleChoice"])
def test_a_prompt_asks_for_the_form_that_completions_have(answer_type: str) -> None:
    prompt = prompts.question_prompt("How many legs has a spider?", answer_type)
    assert prompt.startswith("How many legs has a spider?\n\n")
    assert f'"{prompts.ANSWER_MARK}"' in prompt
    assert ("letter" in prompt) == (answer_type == "multipleChoice")
