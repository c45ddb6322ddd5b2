"""The section `evaluation`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from llmc_lib.benchmarks import DECLARED, Measure
from llmc_lib.errors import shown
from llmc_lib.params.asking import (
    Asking,
    AskingParams,
    MinP,
    Plain,
    PresencePenalty,
    Style,
    SystemPrompt,
    TokenLimit,
    TopK,
    TopP,
    check_template_kwargs,
)
from llmc_lib.params.benchmarks import BenchmarkParams
from llmc_lib.params.common import (
    Length,
    ModelParams,
    Name,
    PathText,
    Samples,
    Section,
    Temperature,
    check_once,
)
from llmc_lib.params.engines import Dtype, EngineParams, JudgeParams, RepeatParams
from llmc_lib.params.names import check_stored
from llmc_lib.params.stopping import StopParams
from llmc_lib.params.training import EvaluationJobParams


class EvaluatedModelParams(ModelParams):
    """A further model that is evaluated along with the base and the candidates, such as another base."""

    name: Name


class ImportParams(Section):
    """Finished predictions of another evaluator, in place of an evaluation of a model."""

    model: Name  # what the report calls it; the first one is the reference
    label: str = ""  # what it is, in words
    benchmark: str = "hle"  # the name of one of `benchmarks`
    path: PathText = ""  # a file, or a folder of them; "": none, where there is a `training`
    # "auto": recognised by the content. What each is: docs/imports.md.
    format: Literal[
        "auto", "hle_predictions", "hle_judged", "competition", "lm_eval", "inspect", "responses", "lighteval",
        "super_gpqa_results", "filter_results",
    ] = "auto"  # fmt: skip
    # The log of the model's training, for the curves of the report: trainer_state.json, a log of verl, an offline run of W&B, a
    # trackio project. It may be in an item of its own, without answers.
    training: PathText | None = None
    training_run: Annotated[str, Field(min_length=1)] | None = None  # which, where it has several

    @model_validator(mode="after")
    def _check(self) -> ImportParams:
        if not self.path and not self.training:
            raise ValueError("path", "required: the file with the model's answers")
        if self.training_run and not self.training:
            raise ValueError("training_run", "is the run of a `training`; give its path too")
        return self


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
    # The system prompt, in place of that of the prompts. None: theirs; "": none.
    system: SystemPrompt | None = None
    samples: Samples = 1  # completions of a question
    # Of a model that is asked more or less often: base, a name of `models`, or a candidate's, for all its checkpoints. A
    # benchmark whose `settings` have samples is asked that often of every model.
    samples_of: dict[str, Samples] = {}
    # Of one completion, the same for every model. "max": what max_model_len leaves after the prompt.
    max_tokens: TokenLimit = 256
    max_model_len: Length = 1024  # prompt and completion together, in tokens
    temperature: Temperature = 0.0  # 0: greedy
    top_p: TopP = 1.0
    top_k: TopK = 0  # 0: all tokens
    min_p: MinP = 0.0
    presence_penalty: PresencePenalty = 0.0
    # Variables of the models' chat templates, such as enable_thinking: false.
    chat_template_kwargs: dict[str, Plain] = {}
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
    slurm: EvaluationJobParams = EvaluationJobParams()

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
    def answered(self) -> tuple[ImportParams, ...]:
        """The imports with answers; others have the log of a training alone."""
        return tuple(item for item in self.imports if item.path)

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

    def asking(self, name: str | None = None) -> Asking:
        """How a benchmark is asked; None: one without settings of its own."""
        own = AskingParams() if name is None else self._own(name)
        apart = {"named", "judge"}
        given = own.model_dump(exclude=apart, exclude_none=True)
        shared = {key: getattr(self, key) for key in AskingParams.model_fields if key not in apart}
        return Asking(**{**shared, **given}, judge=own.judge)

    def _own(self, name: str) -> AskingParams:
        """The settings of a benchmark's own. Raises `StopIteration` for one that is not there."""
        benchmark = next(b for b in self.benchmarks if b.name == name)
        return benchmark.settings.over(DECLARED[benchmark.module].settings)

    def samples_for(self, name: str, model: str) -> int:
        """How many completions of each of a benchmark's questions a model is asked for."""
        if self._own(name).samples is None:
            for given, number in self.samples_of.items():
                if model == given or (given != "base" and model.startswith(f"{given}-")):
                    return number
        return self.asking(name).samples

    def token_limit(self, name: str) -> int:
        """No completion of a benchmark is longer than this."""
        return self.max_model_len if (limit := self.asking(name).max_tokens) == "max" else limit

    @property
    def max_completion_tokens(self) -> int:
        """No completion is longer than this."""
        return max(self.token_limit(b.name) for b in self.benchmarks)

    @model_validator(mode="after")
    def _check(self) -> EvaluationParams:
        self._check_asking()
        if self.looks == 1:
            raise ValueError("looks", "1 is the finished evaluation alone; give 2 or more, or 0")
        names = [benchmark.name for benchmark in self.benchmarks]
        if self.stop is not None:
            self._check_stop(self.stop)
        check_once("models", [model.name for model in self.models])
        check_once("prompts", list(self.prompts))
        self._check_repeat()
        self._check_names()
        self._check_imports(names)
        return self

    def _check_asking(self) -> None:
        check_template_kwargs(self.chat_template_kwargs)
        check_once("benchmarks", [benchmark.name for benchmark in self.benchmarks])
        for number, benchmark in enumerate(self.benchmarks):
            own = self._own(benchmark.name)
            asking, place = self.asking(benchmark.name), ("benchmarks", number, "settings")
            limit = asking.max_tokens
            if limit != "max" and limit >= self.max_model_len:
                raise ValueError(
                    ("max_tokens",) if own.max_tokens is None else (*place, "max_tokens"),
                    f"{limit} leaves no room for a prompt in max_model_len ({self.max_model_len}); lower it, raise "
                    "max_model_len, or give max",
                )
            if self.judge is not None and (own.judge.max_tokens or 0) >= self.judge.max_model_len:
                raise ValueError(
                    (*place, "judge", "max_tokens"),
                    f"must be less than evaluation.judge.max_model_len ({self.judge.max_model_len})",
                )
            if asking.temperature == 0 and (keys := self._several(own, place)):
                raise ValueError(
                    keys,
                    f"at temperature 0 all are the same ({benchmark.name}); give 1, or a temperature above 0",
                )

    def _several(
        self, own: AskingParams, place: tuple[str | int, ...]
    ) -> tuple[str | int, ...] | None:
        """The key that asks for several completions of a question of a benchmark; None where no key does."""
        if own.samples is not None:
            return (*place, "samples") if own.samples > 1 else None
        if self.samples > 1:
            return ("samples",)
        model = next((model for model, number in self.samples_of.items() if number > 1), None)
        return None if model is None else ("samples_of", model)

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
        if self.samples_of:
            raise ValueError(
                "samples_of",
                "the models of a race are asked equally often; leave it out, or `stop`",
            )
        if self.looks:
            raise ValueError(
                "looks", "the rounds of a race are its planned looks; leave out `looks`, or `stop`"
            )
        if self.imports:
            raise ValueError(
                "stop", "imported predictions are finished: there is nothing to stop; leave it out"
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
            if item.path and item.benchmark not in benchmarks:
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
        models = dict.fromkeys(item.model for item in self.answered)
        self._check_trainings([*models])
        if len(models) < 2:
            raise ValueError("imports", "a report compares models: give the imports of two or more")
        if self.models:
            raise ValueError(
                "models", "are not evaluated where there are `imports`; remove one of the two"
            )
        there = {(item.model, item.benchmark) for item in self.answered}
        for name in benchmarks:
            for model in models:
                if (model, name) not in there:
                    raise ValueError(
                        "imports",
                        f"{model!r} has none for the benchmark {name!r}: all its answers would count as "
                        "missing; add one, or take the benchmark out of `benchmarks`",
                    )

    def _check_trainings(self, models: list[str]) -> None:
        trained: set[str] = set()
        for number, item in enumerate(self.imports):
            if item.training is None:
                continue
            if item.model not in models:
                raise ValueError(
                    ("imports", number, "model"),
                    f"{item.model!r} has a training and no answers; give the `path` of those too",
                )
            if item.model in trained:
                raise ValueError(
                    ("imports", number, "training"),
                    f"{item.model!r} has one already; give the log of its last training alone",
                )
            trained.add(item.model)
