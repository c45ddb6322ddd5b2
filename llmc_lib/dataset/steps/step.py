"""What a step is: its words, and one of three ways to take rows out.

A step that looks at one row (`RowStep`) or at a batch (`BatchStep`) runs in the first pass, in several
processes for a large data set (`prepare`); one that compares rows with one another, or asks a model, runs
in the second (`SetStep`, `select`). A plain `Step` is the builder's own work: the draw of the mixture.

The report reads the words where neither numba nor a tokenizer is installed: a step's module imports what
is heavy within its functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from llmc_lib.models import prompts
from llmc_lib.params import DatasetParams, SourceParams
from llmc_lib.records import AuthorKind, Dialogue, Example, history_json

if TYPE_CHECKING:
    import numpy as np

    from llmc_lib.dataset.select import Selection
    from llmc_lib.dataset.texts.overlap import Screen
    from llmc_lib.models.chat import ChatFormat


@dataclass(frozen=True)
class Context:
    """What the steps of the first pass need; made once, sent to every process."""

    params: DatasetParams
    seed: int
    max_length: int
    chat: ChatFormat
    screen: Screen | None
    problems: bool = False  # do verifiable problems stay that have an answer and no completion?

    def source(self, name: str) -> SourceParams:
        """The params of the source of this name."""
        return next(source for source in self.params.sources if source.name == name)

    def too_long(self, example: Example, completion: str) -> bool:
        """Is an example with this completion longer than what is trained on?"""
        prompt = prompts.question_prompt(example.question, example.answer_type)
        dialogue = Dialogue(prompt, completion, example.history, example.loss)
        return self.params.form.drop_long and self.chat.exceeds(dialogue, self.max_length)

    def contaminated(self, completion: str) -> bool:
        """Does a completion share words with a benchmark?"""
        return self.screen is not None and self.screen.quoted(completion)


class Turns(NamedTuple):
    """The texts of a row, by who says them."""

    system: str
    asked: str  # all user turns: what makes two rows the same
    user: tuple[str, ...]  # each of them
    said: str  # what the assistant says in all turns

    @classmethod
    def of(cls, example: Example, completion: str) -> Turns:
        """The turns of an example with this completion."""
        if not example.history:
            return cls("", example.question, (example.question,), completion)
        by_role = {
            role: [turn.content for turn in example.history if turn.role == role]
            for role in ("system", "user", "assistant")
        }
        user = (*by_role["user"], example.question)
        return cls(
            "\n\n".join(by_role["system"]),
            "\n\n".join(user),
            user,
            "\n\n".join([*by_role["assistant"], completion]),
        )


@dataclass
class Row:
    """A row in the first pass: as its source gives it, and what the steps make of it."""

    example: Example
    author_kind: AuthorKind
    values: dict[str, Any] = field(init=False)  # the columns of `rows.WORK`

    def __post_init__(self) -> None:
        example = self.example
        prompt = prompts.question_prompt(example.question, example.answer_type)
        self.values = {
            **vars(example),
            "author_kind": self.author_kind,
            "verified": "",
            "history": history_json(example.history),
            "prompt": prompt,
        }

    @property
    def is_whole(self) -> bool:
        """Does the source give a question and a completion, and nothing that speaks against them?"""
        example = self.example
        return bool(example.question.strip() and example.completion.strip() and not example.fault)

    @cached_property
    def turns(self) -> Turns:
        """Its texts, once all row steps have seen it."""
        turns = Turns.of(self.example, self.values["completion"])
        # No model repeats a rejected response, but it would learn from it what a benchmark asks.
        rejected = self.example.rejected
        return turns._replace(said=f"{turns.said}\n\n{rejected}") if rejected else turns

    def drop_completion(self) -> None:
        """Take the completion from the problem."""
        self.values.update(completion="", author="", author_kind="unknown", verified="")


@dataclass
class Batch:
    """The rows of a batch that the row steps left."""

    rows: list[Row]
    signatures: np.ndarray  # (n, 128) uint32: MinHash of each problem

    def keep(self, numbers: list[int]) -> None:
        """Drop all rows but those with these numbers."""
        self.rows = [self.rows[number] for number in numbers]
        self.signatures = self.signatures[numbers]


class Out(NamedTuple):
    """Why a row, or its completion alone, is taken out."""

    reason: str  # one of few, to count by
    detail: str = ""
    shared: str = ""  # the words that a row shares with a benchmark
    completion_only: bool = False  # a verifiable problem stays, and may get another completion
    shows_question: bool = True  # removed.parquet may have the question


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step's words: the only place where they are."""

    name: str  # in removed.parquet and in the manifest
    title: str  # on the page
    removes: str  # what it takes out, for the card
    cost: str  # "… cost most": for the figure's title, where no step removed more rows
    is_on: Callable[[DatasetParams], bool] = lambda _: True  # the others run, if in vain


@dataclass(frozen=True, kw_only=True)
class RowStep(Step):
    """Looks at one row; None lets it pass. It may change the row's values."""

    look: Callable[[Row, Context], Out | None]


@dataclass(frozen=True, kw_only=True)
class BatchStep(Step):
    """Looks at a batch: for each row why it goes, None where it stays."""

    look: Callable[[Batch, Context], list[Out | None]]


@dataclass(frozen=True, kw_only=True)
class SetStep(Step):
    """Looks at all rows that are left; yields (row number, reason, detail) of those that go.

    A row is gone (`Selection.alive`) before the next one is asked for.
    """

    look: Callable[[Selection], Iterator[tuple[int, str, str]]]
