"""What a benchmark declares of itself: all that other parts need to know of it, before any question is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from llmc_lib.benchmarks.rubrics import ANSWER, Rubric
from llmc_lib.records import Prompt, Question


class Measure(StrEnum):
    """What the rate of a benchmark is a rate of; the values are those of metrics.json."""

    ACCURACY = "accuracy"  # questions that are answered correctly
    SAFETY = "safety"  # instructions with a response that does no harm
    OVER_REFUSAL = "over_refusal"  # harmless instructions that are declined: low is good


#: Subsets with a meaning, whether a benchmark's file marks them or a params file names their ids (`subsets`): answers that
#: were checked and found right, those that were revised, and those of which nobody knows.
VERIFIED, REVISED, UNCERTAIN = "verified", "revised", "uncertain"

#: Which rules of `llmc_lib.evaluation.grading` grade a response: against the reference answer, as harmful or
#: not, or as declined or not.
Rules = Literal["answer", "harm", "refusal"]


@dataclass(frozen=True)
class Benchmark:
    """A benchmark. Its name is that of its module: what a params file calls it, as `name` or `kind`.

    `question` makes a question of a row of its file, None of a row that cannot be asked. It raises
    `ValueError` that says what is wrong with the row; for a field that is not there `KeyError` will do. `fields`
    is `evaluation.benchmarks[].fields` of the params. Whatever its `benchmark`, a question that is read has the name of
    the benchmark it is read for; an id of "" becomes the number of the row.
    """

    title: str
    question: Callable[[Mapping[str, Any], Mapping[str, str]], Question | None]
    columns: tuple[str, ...] = ()  # fields that are read; (): those that `fields` names
    # What `question` puts before the ids of its file, which other programs leave out.
    prefix: str = ""
    measure: Measure = Measure.ACCURACY
    short: str = ""  # its name within a sentence; "": the title
    # Its id on the hub, for one that is published there; a params file pins the commit.
    hub: str = ""
    size: int | None = None  # questions of the published set that can be asked
    embedded: str = ""  # the file in this folder with embedded questions; "": none
    # The rate that `make power` assumes where none is given. The middle is where differences are hardest
    # to see.
    rate: float = 0.5
    # Its questions must not be in a report, unless they are embedded ones or the params file says so.
    withheld: bool = False
    # Its categories, where a row can have no others; tables and figures keep this order.
    categories: tuple[str, ...] = ()
    # The turns that put a question to a model, by `evaluation.prompt`; None: the plain form of `models.prompts`.
    prompt: Callable[[Question, str], Prompt | None] = lambda question, style: None
    # Settings by name, for `evaluation.benchmarks[].settings`: name → keys of `params.AskingParams`.
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rules: Rules = "answer"
    rubric: Rubric | None = ANSWER  # what a judge is asked; None: the rules alone grade
    reasoning_graded: bool = False  # Is the reasoning graded, too, apart from the response?
    official: bool = False  # Does metrics.json have the figures that HLE's evaluator prints?

    @property
    def name(self) -> str:
        """Its name within a sentence."""
        return self.short or self.title
