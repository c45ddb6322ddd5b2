"""The schema of a params file (one YAML file a run): the only place where a default lives.

One module a section. A check that fails raises `ValueError(key, message)`, or with a tuple of keys;
`params.reader.load` adds the file and the line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, model_validator

from llmc_lib.benchmarks import DECLARED
from llmc_lib.errors import near
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
)
from llmc_lib.params.engines import EngineParams, JudgeParams, RepeatParams
from llmc_lib.params.evaluation import BenchmarkParams, EvaluationParams, ImportParams
from llmc_lib.params.gate import GateParams
from llmc_lib.params.names import check_further, check_repeated, check_run
from llmc_lib.params.plan import PlanParams
from llmc_lib.params.report import CasesParams, ReportParams
from llmc_lib.params.sources import EMBEDDED_SOURCES
from llmc_lib.params.training import LoraParams, SlurmParams, TrainingParams

__all__ = [
    "EMBEDDED_SOURCES", "SOURCES", "BenchmarkParams", "CandidateParams", "CasesParams", "DatasetParams",
    "DecontaminationParams", "DifficultyParams", "EngineParams", "EvaluationParams", "GateParams", "ImportParams",
    "JudgeParams", "LoraParams", "MixtureParams", "ModelParams", "Params", "PlanParams", "ProvenanceParams", "Recipe", "RepeatParams", "ReplaySampling", "ReportParams",
    "SamplingParams", "SlurmParams", "SourceParams", "TrainingParams", "is_commit", "is_hub_name", "merged",
]  # fmt: skip


class CandidateParams(Section):
    """A training of its own: with its own mixture, or other settings, or both."""

    name: PlainName
    mixture: MixtureParams | None = None  # None: the data set of the run
    training: dict[str, Any] = {}  # keys of `training` that differ


@dataclass(frozen=True)
class Recipe:
    """A candidate with all its settings: what is trained, on what."""

    name: str  # of the candidate, and of its folders; "main" where the params list none
    listed: bool  # is it named in the params?
    mixture: DatasetParams | None  # None: the data set of the run
    training: TrainingParams

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
        """What is trained, one a candidate. Raises pydantic's `ValidationError` for keys of a
        candidate that the schema has not; `params.reader.load` has checked them."""
        if not self.candidates:
            return [Recipe("main", False, None, self.training)]
        return [self.recipe(candidate) for candidate in self.candidates]

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
        training = TrainingParams.model_validate(
            merged(self.training.model_dump(), candidate.training)
        )
        if candidate.mixture is None:
            return Recipe(candidate.name, True, None, training)
        given = candidate.mixture.model_dump(exclude_none=True)
        if names := given.pop("sources", None):
            sources = [source for source in self.dataset.sources if source.name in names]
            given["sources"] = [source.model_dump() for source in sources]
        mixture = DatasetParams.model_validate({**self.dataset.model_dump(), **given})
        return Recipe(candidate.name, True, mixture, training)

    @model_validator(mode="after")
    def _check(self) -> Params:
        check_run(self.run)
        check_once("candidates", [candidate.name for candidate in self.candidates])
        check_further(
            [model.name for model in self.evaluation.models],
            [candidate.name for candidate in self.candidates] or [""],
        )
        check_repeated(
            [repeat.model for repeat in self.evaluation.repeat],
            [model.name for model in self.evaluation.models],
        )
        measures = {b.name: str(b.measure) for b in self.evaluation.benchmarks}
        if self.report.main is not None:
            check_right_or_wrong(("report", "main"), self.report.main, measures)
        if self.gate is not None:
            self.gate.check_asked(measures)
        known = [source.name for source in self.dataset.sources]
        for number, candidate in enumerate(self.candidates):
            wanted = (candidate.mixture and candidate.mixture.sources) or ()
            for name in wanted:
                if name not in known:
                    meant = near(name, known)
                    hint = f"did you mean {meant!r}?" if meant else f"there are {', '.join(known)}"
                    raise ValueError(
                        ("candidates", number, "mixture", "sources"),
                        f"{name!r} is no source of the run; {hint}",
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


def merged(values: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """`values` with those of `other`, group by group."""
    result = dict(values)
    for key, value in other.items():
        old = result.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            value = merged(old, value)
        result[key] = value
    return result
