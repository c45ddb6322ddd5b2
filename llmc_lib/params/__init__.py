"""The schema of a params file (one YAML file a run): the only place where a default lives.

One module a section. A check that fails raises `ValueError(key, message)`, or with a tuple of keys;
`params.reader.load` adds the file and the line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from llmc_lib.benchmarks import DECLARED
from llmc_lib.errors import instead, shown
from llmc_lib.params.asking import Asking, AskingParams, JudgeAskingParams
from llmc_lib.params.batches import even
from llmc_lib.params.benchmarks import BenchmarkParams
from llmc_lib.params.common import (
    ModelParams,
    Name,
    PathText,
    PlainName,
    Section,
    check_once,
    check_right_or_wrong,
    is_commit,
    is_hub_name,
)
from llmc_lib.params.dataset import (
    SOURCES,
    DatasetParams,
    DecontaminationParams,
    DifficultyParams,
    MixtureParams,
    ProvenanceParams,
    ReplaySampling,
    SamplingParams,
    SourceParams,
    StoredRatesParams,
)
from llmc_lib.params.engines import EngineParams, JudgeParams, RepeatParams
from llmc_lib.params.evaluation import EvaluationParams, ImportParams
from llmc_lib.params.gate import GateParams
from llmc_lib.params.names import check_further, check_repeated, check_run
from llmc_lib.params.plan import PlanParams
from llmc_lib.params.report import CasesParams, ReportParams, check_recipes
from llmc_lib.params.rewards import RewardParams
from llmc_lib.params.seeds import Seeds, Vary, check_seeds, expanded, repeated
from llmc_lib.params.sources import EMBEDDED_SOURCES
from llmc_lib.params.starts import BASE, check_starts, training_of
from llmc_lib.params.training import LoraParams, SlurmParams, TrainingParams, check_sections

__all__ = [
    "EMBEDDED_SOURCES", "SOURCES", "Asking", "AskingParams", "BenchmarkParams", "CandidateParams", "CasesParams", "DatasetParams",
    "DecontaminationParams", "DifficultyParams", "EngineParams", "EvaluationParams", "GateParams", "ImportParams",
    "JudgeAskingParams", "JudgeParams", "LoraParams", "MixtureParams", "ModelParams", "Params", "PlanParams", "ProvenanceParams", "Recipe", "RepeatParams", "ReplaySampling", "ReportParams",
    "RewardParams", "SamplingParams", "SlurmParams", "SourceParams", "StoredRatesParams", "TrainingParams", "is_commit", "is_hub_name", "merged",
]  # fmt: skip


#: Of a run, seeds counted.
_MOST_TRAININGS = 200
_RACED = (
    "the trainings of a recipe are averaged, and a race (evaluation.stop) would end some of them for their luck; leave out one of "
    "the two"
)


class CandidateParams(Section):
    """A training of its own: with its own mixture, or other settings, or both."""

    name: PlainName
    method: Literal["sft", "grpo", "dpo", "orpo"] | None = None  # None: as `training` says
    # What the training starts from: "base", or the name of another candidate, whose last model it is; where both have
    # `seeds`, that of the same seed.
    start: PlainName = BASE
    mixture: MixtureParams | None = None  # None: the data set of the run
    training: dict[str, Any] = {}  # keys of `training` that differ
    # The recipe is trained once with each of these seeds, as <name>-seed<k>: the report then says what the recipe does, and
    # how much its trainings differ. (): once, with the run's seed.
    seeds: Seeds = ()
    # What a seed changes. "rows": which rows are drawn from what the sources have, where the mixture leaves some out, and
    # their order; "order": the order of the same rows alone. In both cases also what else a training draws: LoRA's
    # first weights, dropout.
    vary: Vary = "rows"


@dataclass(frozen=True)
class Recipe:
    """A candidate with all its settings: what is trained, on what."""

    name: str  # of the candidate, and of its folders; "main" where the params list none
    listed: bool  # is it named in the params?
    mixture: DatasetParams | None  # None: the data set of the run
    training: TrainingParams  # with batch sizes that its processes can share (`batches.even`)
    number: int = 0  # its place in `candidates`
    seed: int | None = None  # None: the run's
    of: str = ""  # the candidate with `seeds` that this is one training of
    rows: str = ""  # the folder of a mixture of its own
    draw_seed: int | None = None  # by which its rows are drawn; None: the run's
    start: str | None = None  # the candidate whose last model it starts from; None: the base model
    asked: TrainingParams | None = None  # the settings as given, where its batch sizes are others

    def model_name(self, step: int | str) -> str:
        """What the model after a step is called: "step-18", or "math-step-18" for candidate "math"."""
        return f"{self.name}-step-{step}" if self.listed else f"step-{step}"


class Params(Section):
    """One run. Every key is optional but `run`, which names runs/<run> and reports/<run>."""

    run: Name
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    runs_dir: PathText = "runs"  # heavy artefacts; may lie on a shared file system
    reports_dir: PathText = "reports"
    model: ModelParams = ModelParams()
    dataset: DatasetParams = DatasetParams()
    training: TrainingParams = TrainingParams()
    # Several trainings of one run; [] is one, as `training` says. All go to the evaluation.
    candidates: Annotated[tuple[CandidateParams, ...], Field(max_length=100, strict=False)] = ()
    evaluation: EvaluationParams = EvaluationParams()
    plan: PlanParams = PlanParams()
    report: ReportParams = ReportParams()
    gate: GateParams | None = None  # None: `make gate` asks for nothing

    @property
    def recipes(self) -> list[Recipe]:
        """What is trained, one a candidate, or a seed of it. Raises pydantic's `ValidationError` for keys of a
        candidate that the schema has not; `params.reader.load` has checked them."""
        if not self.candidates:
            return [fitted(Recipe("main", False, None, self.training))]
        seeds = {candidate.name: candidate.seeds for candidate in self.candidates}
        return [
            replace(training, start=training_of(training.start, training.seed, seeds))
            for number, candidate in enumerate(self.candidates)
            for training in expanded(
                replace(self.recipe(candidate), number=number),
                candidate.seeds,
                candidate.vary,
                self.dataset,
            )
        ]

    def repeated(self, models: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Recipe → which of the models are trainings of it, for recipes with two and more (`seeds.repeated`)."""
        return repeated(self.recipes, self.report.recipes, models)

    @property
    def withheld(self) -> frozenset[str]:
        """The benchmarks whose texts must not be shown: HLE's, wherever its file lies, unless
        `report.show_questions` says otherwise. The embedded questions are this project's own."""
        return frozenset(
            benchmark.name
            for benchmark in self.evaluation.benchmarks
            if DECLARED[benchmark.module].withheld
            and benchmark.source != "embedded"
            and not self.report.show_questions
        )

    @property
    def max_length(self) -> int:
        """The longest example that a candidate is trained on, in tokens."""
        return max(recipe.training.max_length for recipe in self.recipes)

    def recipe(self, candidate: CandidateParams) -> Recipe:
        """A candidate with all its settings."""
        method = {} if candidate.method is None else {"method": candidate.method}
        training = TrainingParams.model_validate(
            merged(self.training.model_dump(), {**candidate.training, **method})
        )
        name = candidate.name
        start = None if candidate.start == BASE else candidate.start
        if candidate.mixture is None:
            return fitted(Recipe(name, True, None, training, start=start))
        given = candidate.mixture.model_dump(exclude_none=True)
        if names := given.pop("sources", None):
            sources = [source for source in self.dataset.sources if source.name in names]
            given["sources"] = [source.model_dump() for source in sources]
        mixture = DatasetParams.model_validate({**self.dataset.model_dump(), **given})
        return fitted(Recipe(name, True, mixture, training, rows=name, start=start))

    def _check_trainings(self) -> None:
        """Names and seeds of the trainings, and which models are of one recipe."""
        names = [candidate.name for candidate in self.candidates]
        for number, candidate in enumerate(self.candidates):
            if candidate.method not in (None, candidate.training.get("method", candidate.method)):
                raise ValueError(
                    ("candidates", number, "training", "method"),
                    f"is {shown(candidate.training['method'])}, and the candidate's `method` is {candidate.method!r}; give one of "
                    "them",
                )
            check_seeds(number, candidate.seeds, candidate.model_fields_set)
            if candidate.seeds and self.evaluation.stop is not None:
                raise ValueError(("candidates", number, "seeds"), _RACED)
            names += [f"{candidate.name}-seed{seed}" for seed in candidate.seeds]
        check_once("candidates", names)
        if len(names) > _MOST_TRAININGS:
            raise ValueError(
                "candidates",
                f"are {len(names):,} trainings, counting a candidate once for each of its seeds; give at most "
                f"{_MOST_TRAININGS}",
            )
        further = [model.name for model in self.evaluation.models]
        check_further(further, names or [""])
        imports = list(dict.fromkeys(item.model for item in self.evaluation.imports))
        check_recipes(self.report.recipes, imports[1:] or further, names)
        if self.report.recipes and self.evaluation.stop is not None:
            raise ValueError(("report", "recipes"), _RACED)

    @model_validator(mode="after")
    def _check(self) -> Params:
        check_run(self.run)
        self._check_trainings()
        check_starts([(c.name, c.start, c.seeds) for c in self.candidates])
        check_sections(
            self.training,
            [(c.method or c.training.get("method"), c.training) for c in self.candidates],
        )
        self._check_samples_of()
        check_repeated(
            [repeat.model for repeat in self.evaluation.repeat],
            [model.name for model in self.evaluation.models],
        )
        measures = {b.name: str(b.measure) for b in self.evaluation.benchmarks}
        if self.report.main is not None:
            check_right_or_wrong(("report", "main"), self.report.main, measures)
        if self.gate is not None:
            self.gate.check_asked(measures)
            self.gate.check_about({c.name: c.seeds for c in self.candidates}, self.report.recipes)
        known = [source.name for source in self.dataset.sources]
        for number, candidate in enumerate(self.candidates):
            wanted = (candidate.mixture and candidate.mixture.sources) or ()
            for name in wanted:
                if name not in known:
                    hint = instead(name, known, f"there are {', '.join(known)}")
                    raise ValueError(
                        ("candidates", number, "mixture", "sources"),
                        f"{name!r} is not a source of the run; {hint}",
                    )
            given = candidate.mixture
            if given and given.shares is not None:
                on = self.dataset.mixture if given.mixture is None else given.mixture
                if not on:
                    raise ValueError(
                        ("candidates", number, "mixture", "shares"),
                        "are not used while the mixture is off; give mixture: true too",
                    )
        return self

    def _check_samples_of(self) -> None:
        known = ["base", *(model.name for model in self.evaluation.models)]
        known += [candidate.name for candidate in self.candidates] or ["step"]
        for name in self.evaluation.samples_of:
            if name not in known and not any(name.startswith(f"{one}-") for one in known[1:]):
                hint = instead(name, known, f"known: {', '.join(known)}")
                raise ValueError(
                    ("evaluation", "samples_of"), f"{name!r} is not a model of the run; {hint}"
                )


def fitted(recipe: Recipe) -> Recipe:
    """A recipe as it is trained: with batch sizes that its processes can share."""
    used = even(recipe.training)
    if used is recipe.training:
        return recipe
    return replace(recipe, training=used, asked=recipe.training)


def merged(values: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """`values` with those of `other`, group by group."""
    result = dict(values)
    for key, value in other.items():
        old = result.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            value = merged(old, value)
        result[key] = value
    return result
