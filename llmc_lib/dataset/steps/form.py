"""Bring a completion into the form that is trained on, and verify its final answer where it has one.

The form of a verifiable row: reasoning in `<think>…</think>` (or plain, see `form`), then the response, a
last line "Answer: …".
A response or a chat is trained on as it is, byte for byte.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from llmc_lib.answers import find_letter, options, same, stated_answer
from llmc_lib.dataset.steps.step import Context, Out, Row, RowStep
from llmc_lib.models import prompts
from llmc_lib.models.thinking import unclosed
from llmc_lib.records import Example

# A reference of more words than these is prose: whether another text says the same is no question
# that a rule can decide.
_WORDS = 3
_AS_IT_IS = "row_kind: response takes rows without one as they are"
# Reasoning that runs to its answer and is not closed.
_RUNS_ON = re.compile(r"\s(####[ \t]*\S[^\n]*|Judge?ment:[ \t]*\S[^\n]*)$")


@dataclass(frozen=True)
class Formed:
    """A completion in its form.

    `verified`: "yes" (its final answer agrees with the reference), "not stated" (it gives none, the
    reference was added), "not comparable" (prose), "no reference", "not asked", or "not applicable" (a
    response or a chat).
    """

    completion: str
    answer: str  # that it ends with; of a response or a chat the source's reference
    verified: str


@dataclass(frozen=True)
class Fault:
    """Why a completion cannot be used."""

    reason: str  # one of few, to count by
    detail: str = ""


def form(example: Example, *, verify: bool = True, think: bool = True) -> Formed | Fault:
    """The completion of an example in the form that is trained on, or what is wrong with it.

    The text of a response and of a chat is left as it is, white space around it included. Of a verifiable
    row, a completion that opens its reasoning and never closes it did not come to an end, unless it ends in
    "#### answer" or "Judgment: answer". One of a thinking model that states no final answer is dropped; a worked solution without
    one (a person's proof, a textbook's text) gets the reference as its answer. `think`: a worked solution
    without a block of reasoning gets one; else it stays plain text.
    """
    if example.kind != "chat" and any(turn.role != "system" for turn in example.history):
        return Fault("several turns", "row_kind: chat takes them")
    if example.kind != "verifiable":
        return _unchanged(example)
    text = _closed(example.completion.strip())
    if unclosed(text):
        return Fault("reasoning without an end")
    reasoning, response = prompts.split_reasoning(text)
    thinks = bool(reasoning)
    block = think or thinks
    if not reasoning:
        reasoning, response = response, ""
    if not reasoning or (thinks and not response and not example.answer):
        return Fault("empty completion")
    final = _final(response or reasoning, example)
    if final is None and thinks and response:
        return Fault("no final answer", _AS_IT_IS)
    if not example.answer:
        if final is None:
            return Fault("no final answer", _AS_IT_IS)
        completion = prompts.completion(reasoning, final, response, think=block)
        return Formed(completion, final, "no reference")
    answer = " ".join(example.answer.split())
    verified = _verdict(final, answer, example) if verify else "not asked"
    if verified == "wrong":
        return Fault("wrong answer", f"{final} instead of {answer}")
    completion = prompts.completion(reasoning, answer, response, think=block)
    return Formed(completion, answer, verified)


def _unchanged(example: Example) -> Formed | Fault:
    """A response or a chat, of which each turn that is learnt must have come to an end."""
    texts = [example.completion]
    if example.loss == "all":
        texts += [turn.content for turn in example.history if turn.role == "assistant"]
    for text in texts:
        reasoning, response = prompts.split_reasoning(text)
        if reasoning and unclosed(text):
            return Fault("reasoning without an end")
        if not response:
            return Fault("empty response")
    completion = example.completion
    if prompts.THINK_CLOSE in completion and prompts.THINK_OPEN not in completion:
        completion = f"{prompts.THINK_OPEN}\n{completion}"  # a template had opened the block
    return Formed(completion, example.answer, "not applicable")


def _closed(text: str) -> str:
    """A text whose reasoning runs to a final "#### answer" or "Judgment: answer", with that as its response."""
    if unclosed(text) and (end := _RUNS_ON.search(text)):
        return f"{text[: end.start()].rstrip()}\n{prompts.THINK_CLOSE}\n\n{end[1]}"
    return text


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


def _look(row: Row, context: Context) -> Out | None:
    """Put the row's completion, if it has one, into its form."""
    example, params = row.example, context.params.form
    if not example.question.strip():
        return Out(example.fault or "no question")
    if example.fault:
        return Out(example.fault, completion_only=True)
    if not row.values["completion"].strip():  # the source gives none, or a step has taken it
        row.values["completion"] = ""
        return None if example.kind == "verifiable" else Out("no response")
    formed = form(example, verify=params.verify, think=params.think)
    if isinstance(formed, Fault):
        return Out(formed.reason, formed.detail, completion_only=True)
    if context.too_long(example, formed.completion):
        return Out(f"longer than {context.max_length:,} tokens", completion_only=True)
    row.values.update(vars(formed))
    return _pair(example, formed.completion, context)


def _pair(example: Example, completion: str, context: Context) -> Out | None:
    """Is the rejected response, where there is one, another and short enough?"""
    if not example.rejected:
        return None
    if example.rejected.strip() == completion.strip():
        return Out("chosen and rejected are the same")
    if context.too_long(example, example.rejected):
        return Out(f"rejected longer than {context.max_length:,} tokens")
    return None


STEP = RowStep(
    name="form",
    title="Form",
    removes="completions that are wrong, empty, unfinished or too long; a verifiable problem stays",
    cost="completions that cannot be used cost most",
    look=_look,
)
