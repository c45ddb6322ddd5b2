"""Bring a completion into the one form that is trained on, and verify its final answer.

The form: reasoning in `<think>…</think>`, the response behind it, a last line "Answer: …".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from llmc_lib import prompts
from llmc_lib.answers import find_letter, options, same, stated_answer
from llmc_lib.records import Example

# A reference of more words than these is prose: whether another text says the same is no question
# that a rule can decide.
_WORDS = 3


@dataclass(frozen=True)
class Formed:
    """A completion in its form.

    `verified`: "yes" (its final answer agrees with the reference), "not stated" (it gives none, the
    reference was added), "not comparable" (prose), "no reference", or "not asked".
    """

    completion: str
    answer: str  # the final answer that it ends with
    verified: str


@dataclass(frozen=True)
class Fault:
    """Why a completion cannot be used."""

    reason: str  # one of few, to count by
    detail: str = ""


def form(example: Example, *, verify: bool = True) -> Formed | Fault:
    """The completion of an example in the form that is trained on, or what is wrong with it.

    A completion that opens `<think>` and never closes it did not come to an end. One of a thinking
    model that states no final answer is dropped; a worked solution without one (a person's proof, a
    textbook's text) gets the reference as its answer.
    """
    text = example.completion.strip()
    reasoning, response = prompts.split_reasoning(text)
    thinks = prompts.THINK_CLOSE in text
    if prompts.THINK_OPEN in text and not thinks:
        return Fault("reasoning without an end")
    if not reasoning:
        reasoning, response = response, ""
    if not reasoning or (thinks and not response and not example.answer):
        return Fault("empty completion")
    final = _final(response or reasoning, example)
    if final is None and thinks and response:
        return Fault("no final answer")
    if not example.answer:
        if final is None:
            return Fault("no final answer")
        return Formed(prompts.completion(reasoning, final, response), final, "no reference")
    answer = " ".join(example.answer.split())
    verified = _verdict(final, answer, example) if verify else "not asked"
    if verified == "wrong":
        return Fault("wrong answer", f"{final} instead of {answer}")
    return Formed(prompts.completion(reasoning, answer, response), answer, verified)


def _final(text: str, example: Example) -> str | None:
    """The final answer that a text states in so many words, None where it states none."""
    if example.answer_type == "multipleChoice":
        letter, _ = find_letter(text, options(example.question))
        return letter
    return stated_answer(text)


def _verdict(final: str | None, answer: str, example: Example) -> str:
    if final is None:
        return "not stated"
    if example.answer_type == "multipleChoice":
        return "yes" if final == answer else "wrong"
    if same(final, answer):
        return "yes"
    return "wrong" if _decidable(answer) and _decidable(final) else "not comparable"


def _decidable(answer: str) -> bool:
    """Is an answer a number, a formula or a name, and not a sentence?"""
    words = re.findall(r"(?<![\\\w])[^\W\d_]{2,}", re.sub(r"\\[a-zA-Z]+", " ", answer))
    return len(words) <= _WORDS
