"""The section `evaluation`."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from llmc_lib.benchmarks import DECLARED, Measure
from llmc_lib.errors import shown
from llmc_lib.params.common import (
    Length,
    ModelParams,
    Name,
    PathText,
    PositiveInt,
    Samples,
    Section,
    Temperature,
    check_once,
)
from llmc_lib.params.engines import Dtype, EngineParams, JudgeParams, RepeatParams
from llmc_lib.params.names import check_stored

#: How questions are put to a model.
Style = Literal["brief", "official", "corrected"]
#: What `fields` of a benchmark of kind "questions" can name.
QUESTION_FIELDS = ("id", "question", "answer", "answer_type", "category", "subject", "rationale")


class BenchmarkParams(Section):
    """A benchmark and where its questions are."""

    name: Name
    kind: str | None = None  # a module of llmc_lib/benchmarks; None: `name`
    # "embedded" (where it has such questions), a local file in the benchmark's schema, or a hub set (cais/hle).
    # "imports", for kind "questions": the questions that the imported files hold (lm_eval, inspect).
    source: PathText = "embedded"
    revision: str | None = None  # commit of the hub set; required for one
    questions: PositiveInt | None = None  # the first so many of the drawn order; None: all
    # For kind "questions": our field → the file's. question and answer are required.
    fields: dict[str, str] = {}
    # The file's field that says which questions belong together (one text, one source) and are not independent:
    # every interval and test then rests on these clusters. None: each question is one of its own.
    cluster: Annotated[str, Field(min_length=1)] | None = None
    # Questions that are nearly the same are one cluster, too: the estimated Jaccard similarity of their word 3-grams from which
    # two are, if their numbers, signs and names of variables agree (as in dataset.deduplication). null: none are looked for.
    duplicates: Annotated[float, Field(ge=0.6, le=1)] | None = 0.9

    @property
    def module(self) -> str:
        """The module of llmc_lib/benchmarks that knows its schema."""
        return self.kind or self.name

    @property
    def measure(self) -> Measure:
        """What it measures."""
        return DECLARED[self.module].measure

    @model_validator(mode="after")
    def _check(self) -> BenchmarkParams:
        if self.module not in DECLARED:
            known = ", ".join(name for name in DECLARED if name != "questions")
            raise ValueError(
                "kind" if self.kind else "name",
                f"{self.module!r} is no known benchmark ({known}); for a file of questions and "
                "answers of your own give kind: questions",
            )
        if self.source == "imports" and self.module != "questions":
            raise ValueError(
                "source",
                f"a benchmark of kind {self.module} must have its own questions, or those that no file "
                "answers would not be counted; give a file",
            )
        if self.source == "imports" and self.cluster not in (None, "category", "subject"):
            raise ValueError(
                "cluster",
                "imported questions have category and subject; for another field give a file",
            )
        if self.source == "embedded" and not DECLARED[self.module].embedded:
            hub = DECLARED[self.module].hub
            what = f"a file in its schema, or {hub} with its revision" if hub else "a file of yours"
            raise ValueError("source", f"required for kind {self.module}: {what}")
        if self.module == "questions" and self.source != "imports":
            missing = [name for name in ("question", "answer") if name not in self.fields]
            if missing:
                raise ValueError(
                    "fields", f"must say which field holds the {missing[0]}: {missing[0]}: <field>"
                )
        unknown = [name for name in self.fields if name not in QUESTION_FIELDS]
        if unknown:
            raise ValueError(
                "fields", f"{unknown[0]!r} is no field of ours; known: {', '.join(QUESTION_FIELDS)}"
            )
        return self


class EvaluatedModelParams(ModelParams):
    """A further model that is evaluated along with the base and the candidates, such as another base."""

    name: Name


class ImportParams(Section):
    """Finished predictions of another evaluator, in place of an evaluation of a model."""

    model: Name  # what the report calls it; the first one is the reference
    label: str = ""  # what it is, in words
    benchmark: str = "hle"  # the name of one of `benchmarks`
    path: PathText  # a file, or a folder of them
    # "auto": recognised by the content. What each is: llmc_lib/evaluation/importers/.
    format: Literal[
        "auto", "hle_predictions", "hle_judged", "competition", "lm_eval", "inspect"
    ] = "auto"


class StopParams(Section):
    """A race of the candidates in rounds of questions: after each round those that can no longer win are stopped (docs/looks.md).

    By how much a candidate must be better to matter is `report.smallest_interesting_points`.
    """

    # At most; each loads every remaining model once.
    rounds: Annotated[int, Field(ge=2, le=20)] = 10
    # Which of `benchmarks` decides the race; it must have right and wrong answers. The models that remain at the end then answer the
    # others in full. None: the first with right and wrong answers.
    benchmark: Name | None = None
    # No round decides anything before it has so many questions of each of the benchmark's categories.
    min_per_category: Annotated[int, Field(ge=0, le=100_000)] = 0
    # 2026-12-01T09:00, in this machine's zone unless one is given. No round but the first is started that would end later, if it
    # took as long as the last one. With a later deadline the race resumes.
    deadline: Annotated[datetime, Field(strict=False)] | None = None

    @field_validator("deadline", mode="before")
    @classmethod
    def _check_deadline(cls, deadline: object) -> object:
        """No number: 540, which is what some readers of YAML make of 9:00, would be a time in 1970."""
        text = isinstance(deadline, str) and re.match(r"\d{4}-\d\d-\d\d", deadline)
        if deadline is None or text or isinstance(deadline, date):
            return deadline
        raise ValueError(f"{shown(deadline)} is no date and time; write it as 2026-12-01T09:00")

    @field_validator("deadline")
    @classmethod
    def _check_year(cls, deadline: datetime | None) -> datetime | None:
        """Of the first and last years not every time is one in another zone."""
        if deadline is not None and not 2000 <= deadline.year < 9000:
            raise ValueError(f"the year {deadline.year} is none of a race; correct it")
        return deadline


class EvaluationParams(Section):
    """Which benchmarks and models are evaluated, how, and who grades."""

    benchmarks: Annotated[
        tuple[BenchmarkParams, ...], Field(min_length=1, max_length=100, strict=False)
    ] = (
        BenchmarkParams(name="hle"),
        BenchmarkParams(name="do_not_answer"),
    )
    # Further models, evaluated on the same questions. The base of the run stays the reference.
    models: Annotated[tuple[EvaluatedModelParams, ...], Field(max_length=100, strict=False)] = ()
    # Finished predictions of other evaluators. If there are any, nothing is trained or sampled.
    imports: Annotated[tuple[ImportParams, ...], Field(max_length=1000, strict=False)] = ()
    # The prompts. "brief": a short instruction for small models. "official": as the benchmark's own
    # code sends them; HLE's gives every question the multiple-choice instruction. "corrected": the same where that
    # code does what it means to, of HLE each answer type with its own instruction. What has no official prompt (AIME,
    # files of your own) gets HLE's.
    prompt: Style = "brief"
    # Several: the first is `prompt`, which the verdict is about; base and candidates are asked with each of the others, too,
    # on the benchmarks that have another wording for it, to see what of a difference is the prompt's (docs/harness.md).
    prompts: Annotated[tuple[Style, ...], Field(max_length=3, strict=False)] = ()
    samples: Samples = 1  # completions of a question
    # Of one completion, the same for every model. "max": what max_model_len leaves after the prompt.
    max_tokens: PositiveInt | Literal["max"] = 256
    max_model_len: Length = 1024  # prompt and completion together, in tokens
    temperature: Temperature = 0.0  # 0: greedy
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    dtype: Dtype = "auto"  # "auto": bfloat16 where the processor or GPU multiplies it in hardware, else float32
    engine: EngineParams = EngineParams()
    judge: JudgeParams | None = None  # None: the rules alone grade
    # A model that answers everything a second time under another engine, or several such: what the harness alone changes. A clear
    # difference between the two times blocks the verdict (docs/harness.md).
    repeat: Annotated[tuple[RepeatParams, ...], Field(max_length=20, strict=False)] = ()
    # Planned looks (`make report PARTIAL=1`) at equal distances, the finished evaluation being the last, which share the significance
    # level. 0: unplanned looks, any number at any time (docs/looks.md). Cannot be changed after the first look.
    looks: Annotated[int, Field(ge=0, le=20)] = 0
    # Stop candidates early, in a race. None: all models answer all questions.
    stop: StopParams | None = None

    @field_validator("repeat", mode="before")
    @classmethod
    def _one_repeat(cls, given: object) -> object:
        """A single one need not be a list."""
        return [given] if isinstance(given, dict) else given

    @model_validator(mode="before")
    @classmethod
    def _first_prompt(cls, given: Any) -> Any:
        """The first of several prompts is `prompt`."""
        several = given.get("prompts") if isinstance(given, dict) else None
        if not isinstance(several, list | tuple) or not several:
            return given
        if given.get("prompt", several[0]) != several[0]:
            raise ValueError(
                "prompt",
                f"is {shown(given['prompt'])}, and the first of `prompts` is {shown(several[0])}; leave it out",
            )
        return {**given, "prompt": several[0]}

    @property
    def planned_looks(self) -> int:
        """Looks that share the significance: the rounds of a race, or `looks`."""
        return self.stop.rounds if self.stop else self.looks

    @property
    def raced_on(self) -> str | None:
        """The benchmark of the race, if there is one."""
        if self.stop is None:
            return None
        asked = (b.name for b in self.benchmarks if b.measure == Measure.ACCURACY)
        return self.stop.benchmark or next(asked)

    def in_look(self, beginning: int, asked: int) -> int:
        """How many of the `asked` questions of a benchmark a look uses, where a `beginning` of so many is complete: of
        planned looks up to the last one that is reached."""
        if not self.planned_looks:
            return beginning
        numbers = range(self.planned_looks + 1)
        places = (round(asked * number / self.planned_looks) for number in numbers)
        return max(place for place in places if place <= beginning)

    @property
    def max_completion_tokens(self) -> int:
        """No completion is longer than this."""
        return self.max_model_len if self.max_tokens == "max" else self.max_tokens

    @model_validator(mode="after")
    def _check(self) -> EvaluationParams:
        if self.max_tokens != "max" and self.max_tokens >= self.max_model_len:
            raise ValueError(
                "max_tokens",
                f"{self.max_tokens} leaves no room for a prompt in max_model_len "
                f"({self.max_model_len}); lower it, raise max_model_len, or give max",
            )
        if self.temperature == 0 and self.samples > 1:
            raise ValueError(
                "samples", "at temperature 0 all are the same; give 1, or a temperature above 0"
            )
        if self.looks == 1:
            raise ValueError("looks", "1 is the finished evaluation alone; give 2 or more, or 0")
        names = [benchmark.name for benchmark in self.benchmarks]
        check_once("benchmarks", names)
        if self.stop is not None:
            self._check_stop(self.stop)
        check_once("models", [model.name for model in self.models])
        check_once("prompts", list(self.prompts))
        self._check_repeat()
        self._check_names()
        self._check_imports(names)
        return self

    def _check_repeat(self) -> None:
        for name, given in (("repeat", self.repeat), ("prompts", self.prompts[1:])):
            if given and self.imports:
                raise ValueError(name, "imported predictions are not sampled here; leave it out")
        for number, repeat in enumerate(self.repeat):
            try:
                repeat.check(self.engine)
            except ValueError as error:
                keys, message = error.args
                raise ValueError(("repeat", number, *keys), message) from None
            if repeat in self.repeat[:number]:
                raise ValueError(("repeat", number), "is listed twice; give it once")

    def _check_stop(self, stop: StopParams) -> None:
        asked = [b.name for b in self.benchmarks if b.measure == Measure.ACCURACY]
        if not asked or stop.benchmark not in (None, *asked):
            known = ", ".join(asked) or "none has them"
            raise ValueError(
                ("stop", "benchmark"),
                f"must be one of `benchmarks` with right and wrong answers ({known})",
            )
        if any(b.cluster for b in self.benchmarks if b.name == (stop.benchmark or asked[0])):
            raise ValueError("stop", "a race has no clusters; leave out `cluster`, or `stop`")
        if self.looks:
            raise ValueError(
                "looks", "the rounds of a race are its planned looks; leave out `looks`, or `stop`"
            )
        if self.imports:
            raise ValueError("stop", "imported predictions are finished: there is nothing to stop")
        if self.judge is not None and self.judge.decides:
            raise ValueError(
                "stop",
                "a race is decided by the rules' grades, round by round; give judge.decides: false, or leave out `stop`",
            )

    def _check_names(self) -> None:
        for number, benchmark in enumerate(self.benchmarks):
            check_stored(("benchmarks", number, "name"), benchmark.name, folder=True)
        for number, model in enumerate(self.models):
            check_stored(("models", number, "name"), model.name)
        for number, item in enumerate(self.imports):
            check_stored(("imports", number, "model"), item.model)

    def _check_imports(self, benchmarks: list[str]) -> None:
        for number, item in enumerate(self.imports):
            if item.benchmark not in benchmarks:
                raise ValueError(
                    ("imports", number, "benchmark"),
                    f"{item.benchmark!r} is not one of `benchmarks` ({', '.join(benchmarks)})",
                )
        for number, benchmark in enumerate(self.benchmarks):
            if benchmark.source == "imports" and not self.imports:
                raise ValueError(
                    ("benchmarks", number, "source"), "there are no `imports`; give a file"
                )
        if not self.imports:
            return
        models = dict.fromkeys(item.model for item in self.imports)
        if len(models) < 2:
            raise ValueError("imports", "a report compares models: give the imports of two or more")
        if self.models:
            raise ValueError(
                "models", "are not evaluated where there are `imports`; remove one of the two"
            )
        there = {(item.model, item.benchmark) for item in self.imports}
        for name in benchmarks:
            for model in models:
                if (model, name) not in there:
                    raise ValueError(
                        "imports",
                        f"{model!r} has none for the benchmark {name!r}: all its answers would count as "
                        "missing; add one, or take the benchmark out of `benchmarks`",
                    )
