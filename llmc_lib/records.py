"""The records that pass from one stage to the next. On disk they are Parquet rows or JSON lines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Literal, NamedTuple

#: HLE's two, and "none" for rows without a final answer.
AnswerType = Literal["exactMatch", "multipleChoice", "none"]
#: What a training row is. "verifiable": a problem whose completion ends in a final answer; "response": a
#: prompt and a response that is trained on as it is; "chat": several turns.
RowKind = Literal["verifiable", "response", "chat"]
#: Which of the assistant's turns of a row are learnt.
Loss = Literal["all", "last"]
#: Who wrote a completion. "closed model": one whose terms forbid to train on what it writes.
AuthorKind = Literal["person", "program", "open model", "closed model", "unknown"]
#: `ungraded`: the rules could not decide. It counts as not correct and not safe, and is reported.
GradeStatus = Literal["correct", "incorrect", "ungraded"]
#: The only verdicts there are. better, worse: the interval lies above or below 0 (_small: and ends before what matters);
#: equal: two one-sided tests rule out what matters; unclear: everything else. harness: none is given, as the same model differs
#: from itself (`summary.repeats`).
Word = Literal["better", "better_small", "worse", "worse_small", "equal", "unclear", "harness"]
#: What a rate did: gain or loss where the p-value is below the level, unclear where not, unknown where too many responses
#: are ungraded.
Sign = Literal["gain", "loss", "unclear", "unknown"]


def writable(text: str) -> str:
    """A text that any file and request can hold: half a surrogate pair in it, which UTF-8 cannot, becomes "?"."""
    return text if text.isascii() else text.encode(errors="replace").decode()


class Message(NamedTuple):
    """A turn of a conversation. `role`: "system", "user" or "assistant"."""

    role: str
    content: str  # of an assistant's turn with its <think> block, where it has one


class Dialogue(NamedTuple):
    """A training row as turns."""

    prompt: str  # the last user turn
    completion: str  # the assistant turn that follows
    history: tuple[Message, ...] = ()  # what comes before: a system prompt, earlier turns
    loss: Loss = "last"


#: The columns of a data set that training reads: the fields of `Dialogue`, of which `history` is JSON.
TURNS = Dialogue._fields


def dialogues(columns: Mapping[str, Sequence[str]]) -> list[Dialogue]:
    """The rows of a batch with the columns of `TURNS`, of which history and loss may be absent."""
    some = zip(
        columns["prompt"],
        columns["completion"],
        columns.get("history", repeat("")),
        columns.get("loss", repeat("last")),
        strict=False,
    )
    return [
        Dialogue(prompt, completion, read_history(history), "all" if loss == "all" else "last")
        for prompt, completion, history, loss in some
    ]


def history_json(history: Sequence[Message]) -> str:
    """The turns as a column of Parquet holds them: a JSON list of {role, content}, "" for none."""
    turns = [{"role": turn.role, "content": turn.content} for turn in history]
    return json.dumps(turns, ensure_ascii=False) if turns else ""


def read_history(text: str | None) -> tuple[Message, ...]:
    """The turns that `history_json` wrote."""
    turns = json.loads(text) if text else []
    return tuple(Message(turn["role"], turn["content"]) for turn in turns)


@dataclass(frozen=True)
class Example:
    """One row as a source gives it: a problem or prompt, and a completion where there is one."""

    id: str  # "<source>/<row id>", unique in a data set
    source: str  # the source's name in the params file
    row_id: str  # the source's own id, or the row's number from 1
    revision: str  # the commit of a hub set, "sha256:…" of a file, a package's version
    licence: str  # an SPDX identifier where the source has one, "unknown" where it names none
    category: str  # one of `taxonomy.ROW_CATEGORIES`
    subject: str  # as the source calls it
    question: str  # of a chat: the last user turn
    answer: str  # the reference answer, "" where the source gives none
    answer_type: AnswerType
    # As its author wrote it, with or without a <think> block; "" where there is none.
    completion: str
    author: str  # of the completion: "person", "program", a model's name, "" where nobody says
    author_kind: AuthorKind
    difficulty: float | None = None  # on the source's own scale, None where it declares none
    kind: RowKind = "verifiable"
    history: tuple[Message, ...] = ()  # the turns before `question`
    loss: Loss = "last"
    fault: str = ""  # why the source itself says that the row cannot be used, "" where it can
    rejected: str = ""  # a response that `completion` is preferred to, "" where there is none


@dataclass(frozen=True)
class Question:
    """One benchmark question, or one Do-Not-Answer instruction (whose `answer` is empty)."""

    id: str
    benchmark: str
    question: str
    answer: str
    answer_type: str
    category: str
    subject: str
    rationale: str = ""
    # What it shares with questions that are not independent of it; "": nothing is known.
    cluster: str = ""
    subsets: tuple[str, ...] = ()  # the benchmark's, and those that a params file names
    original_answer: str = ""  # the reference answer before it was revised, "" where it was not

    def __post_init__(self) -> None:
        # JSON, in which imported questions are kept, has no tuples.
        object.__setattr__(self, "subsets", tuple(self.subsets))


@dataclass(frozen=True)
class Prompt:
    """The turns that put a question to a model."""

    user: str
    system: str = ""  # "": no system turn


@dataclass(frozen=True)
class Prediction:
    """One sampled completion; nothing is cut from it but the marks around the reasoning."""

    question_id: str
    sample: int
    reasoning: str  # what is in the <think> block or in gpt-oss's analysis channel, "" without one
    response: str  # what comes after it: the part that is graded
    finish_reason: str  # "stop", "length" (cut at the token limit), or "failed"
    prompt_tokens: int
    completion_tokens: int  # of both parts
    seconds: float  # from the request, waiting in the engine included, to the completion's end
    prompt_sha256: str
    engine: str = ""  # "vllm 0.32.0", the address of an endpoint, or where it was imported from
    finished: str = ""  # UTC, ISO 8601
    error: str = ""  # of a failed one: why, in a line
    harness: str = ""  # `engines.harness`: a key of <predictions>.harness.json; "": not recorded


@dataclass(frozen=True)
class Grade:
    """What the rules, or a judge, made of one prediction."""

    question_id: str
    sample: int
    status: GradeStatus
    extracted: str  # the final answer as found in the response, "" where there is none
    rule: str  # which rule decided, in a word; of a judge: "judge", or why it could not
    confidence: float | None = None  # that the completion states of its answer, 0 to 100
    explanation: str = ""  # a judge's reasoning
    # Do-Not-Answer alone:
    action: int | None = None  # 0 to 6, by its rubric; None: undecided
    harmful: bool | None = None
    reasoning_status: GradeStatus | None = None  # of the reasoning, graded apart from the response
    # Of a question whose answer was revised: by its original answer.
    original: GradeStatus | None = None
