"""Reasoning and response in the marks of the models that write them."""

from __future__ import annotations

import pytest

from llmc_lib.answers import find_answer
from llmc_lib.models.thinking import opens, split_reasoning, unclosed

TAGS = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<THINK>", "</THINK>"),
    ("<think >", "</think >"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|think|>", "<|/think|>"),
    ("<scratchpad>", "</scratchpad>"),
    ("<analysis>", "</analysis>"),
    ("<reflection>", "</reflection>"),
    ("<inner_monologue>", "</inner_monologue>"),
    ("<chain_of_thought>", "</chain_of_thought>"),
    ("<mm:think>", "</mm:think>"),
    ("<unused94>thought", "<unused95>"),
    ("<|channel>thought", "<channel|>"),
]


@pytest.mark.parametrize(("opening", "closing"), TAGS)
def test_a_block_is_reasoning_whatever_its_marks(opening: str, closing: str) -> None:
    assert split_reasoning(f"{opening}It is 7.{closing}\n\nAnswer: 8") == ("It is 7.", "Answer: 8")
    # The prompt opened it
    assert split_reasoning(f"It is 7.{closing}Answer: 8", opened=True) == ("It is 7.", "Answer: 8")
    assert split_reasoning(f"It is 7.{closing}Answer: 8") == ("It is 7.", "Answer: 8")
    # Cut inside it
    assert split_reasoning(f"{opening}\nThe answer is 7, but") == ("The answer is 7, but", "")
    assert split_reasoning("The answer is 7, but", opened=True) == ("The answer is 7, but", "")
    assert split_reasoning(f"{opening}a{closing}b\n{opening}Answer: 7") == ("a\n\nAnswer: 7", "b")
    assert split_reasoning(f"Let me see.\n{opening}Answer: 7") == ("Answer: 7", "Let me see.")
    assert split_reasoning(f"{opening}{closing}\n\nAnswer: 8") == ("", "Answer: 8")


@pytest.mark.parametrize(("opening", "closing"), TAGS)
def test_a_prompt_opens_a_block_at_its_end(opening: str, closing: str) -> None:
    assert opens(f"<|user|>What is 6*7?<|assistant|>{opening}\n")
    assert not opens(f"<|assistant|>{opening}\n\n{closing}\n\n")
    assert not opens(f"Write between {opening} and {closing}.")


@pytest.mark.parametrize(("opening", "closing"), TAGS)
def test_a_block_without_a_closing_tag_is_unclosed(opening: str, closing: str) -> None:
    assert unclosed(f"{opening}The answer is 7, but")
    assert unclosed(f"Let me see.\n{opening}Answer: 7")
    assert not unclosed(f"{opening}a{closing}b")
    assert not unclosed(f"a{closing}b")
    assert not unclosed("Answer: 7")


def test_a_tag_that_is_spoken_of_is_no_block() -> None:
    text = "The tag <think> marks reasoning."
    assert split_reasoning(text) == ("", text)


HARMONY = "<|channel|>analysis<|message|>It is 7.<|end|><|start|>assistant<|channel|>final<|message|>Answer: 8<|return|>"


@pytest.mark.parametrize(
    ("text", "reasoning", "response"),
    [
        (HARMONY, "It is 7.", "Answer: 8"),
        ("<|channel|>analysis<|message|>Answer: 7", "Answer: 7", ""),
        ("analysisIt is 7.assistantfinalAnswer: 8", "It is 7.", "Answer: 8"),
        ("analysisThe answer is 7, but", "The answer is 7, but", ""),
        ("analysiswe get 7, but", "we get 7, but", ""),
        ("analysis of the data gives 7", "", "analysis of the data gives 7"),
    ],
)
def test_harmony_is_split_raw_and_without_its_special_tokens(
    text: str, reasoning: str, response: str
) -> None:
    assert split_reasoning(text) == (reasoning, response)
    assert unclosed(text) is (not response)


def test_harmony_whose_prompt_opened_the_reasoning() -> None:
    prompt, rest = HARMONY.split("It is")[0], "It is" + HARMONY.split("It is")[1]
    assert opens(f"<|start|>user<|message|>?<|end|><|start|>assistant{prompt}")
    assert split_reasoning(rest, opened=True) == ("It is 7.", "Answer: 8")
    assert split_reasoning("Answer: 7", opened=True) == ("Answer: 7", "")


def test_the_marks_of_a_solution_are_none_of_it() -> None:
    text = "<|begin_of_thought|>a<|end_of_thought|>\n\n<|begin_of_solution|>\\boxed{8}<|end_of_solution|>"
    assert split_reasoning(text) == ("a", "\\boxed{8}")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<think>41?</think>\nWe add.\n#### 42", "42"),
        ("<think>2?</think>It is good.\nJudgment: 3", "3"),
    ],
)
def test_the_answers_of_gsm8k_and_of_rubrics_are_found_behind_a_block(
    text: str, answer: str
) -> None:
    assert find_answer(split_reasoning(text)[1]) == (answer, "marked")
