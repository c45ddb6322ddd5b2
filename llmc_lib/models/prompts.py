"""The wording of prompts and completions, in one place so that training and evaluation agree.

A completion is `<think>` reasoning `</think>` and a last line `Answer: …`; that is the form that
the data set is written in and the form that the grader looks for first.
"""

from __future__ import annotations

from llmc_lib.models.thinking import THINK_CLOSE as THINK_CLOSE
from llmc_lib.models.thinking import THINK_OPEN as THINK_OPEN
from llmc_lib.models.thinking import split_reasoning as split_reasoning

ANSWER_MARK = "Answer:"

_INSTRUCTION = {
    "exactMatch": "Reason briefly, then give the final answer on a last line that begins with "
    f'"{ANSWER_MARK}".',
    "multipleChoice": "Reason briefly, then give the letter of the right choice on a last line that "
    f'begins with "{ANSWER_MARK}".',
}


def question_prompt(question: str, answer_type: str) -> str:
    """The user turn for a question.

    `answer_type` is HLE's, "exactMatch" or "multipleChoice", which asks for a final answer; or "none": then
    the turn is the question alone.
    """
    if answer_type == "none":
        return question
    return f"{question}\n\n{_INSTRUCTION[answer_type]}"


def completion(reasoning: str, answer: str, response: str = "", *, think: bool = True) -> str:
    """The assistant turn that training teaches: reasoning, then the response, which ends with the
    answer. A response that ends with its own line "Answer: …" is left as it is. `think`: the reasoning
    is in a `<think>` block; else it is the beginning of the response."""
    if not think:
        reasoning, response = "", f"{reasoning}\n\n{response}".rstrip()
    last = response.rstrip().rpartition("\n")[2]
    if not last.startswith(ANSWER_MARK):
        response = f"{response.rstrip()}\n\n{ANSWER_MARK} {answer}".lstrip()
    if not think:
        return response
    return f"{THINK_OPEN}\n{reasoning}\n{THINK_CLOSE}\n\n{response}"


def join(reasoning: str, response: str) -> str:
    """The completion that `split_reasoning` splits into these two."""
    return f"{THINK_OPEN}\n{reasoning}\n{THINK_CLOSE}\n\n{response}" if reasoning else response
