"""The schema of a params file (one YAML file a run): the only place where a default lives.

A check that fails raises `ValueError(key, message)`, or with a tuple of keys; `params_file.load` adds
the file and the line.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from llmc_lib.taxonomy import HLE_SHARES

#: The sources that llmc_lib/dataset/sources has a module for.
SOURCES = (
    "hard_math", "textbook", "olymmath", "olymmath_eval", "omni_math", "hardmath", "deepmath",
    "textbook_reasoning",
)  # fmt: skip
#: Those that need neither a path nor the hub.
EMBEDDED_SOURCES = ("hard_math", "textbook")
#: What `fields` of a source of kind "files" can name.
FILE_FIELDS = (
    "id", "question", "answer", "completion", "subject", "category", "author", "difficulty", "licence",
)  # fmt: skip

Fraction = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Part = Annotated[float, Field(gt=0, le=1)]
PositiveInt = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def is_commit(revision: str | None) -> bool:
    """Is a revision a commit (7 to 40 hexadecimal digits)? A branch or a tag can move."""
    return re.fullmatch(r"[0-9a-f]{7,40}", revision or "") is not None


def _check_once(key: str, names: list[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ValueError(key, f"{twice!r} is listed twice; give it once")


class ModelParams(Section):
    """The base model, which the candidates start from and are compared with."""

    source: str = "embedded"  # "embedded", a local folder, or a hub id (owner/name)
    revision: str | None = None  # required for a hub id: a branch moves, a commit does not


class SourceParams(Section):
    """A source of training examples: one that the project knows, or files of your own.

    The known ones are described in llmc_lib/dataset/sources/<name>.py.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    kind: str | None = None  # whose schema the rows have: a known source, or "files"; None: `name`
    path: str | None = None  # a local file, or a folder of them, in place of the hub
    revision: str | None = None  # commit of the hub set; required when it is read from the hub
    subset: str | None = None  # which part of a set that has several; None: its default
    rows: PositiveInt | None = None  # its first rows only (hard_math makes 500 where none is given)
    category: str | None = None  # HLE category of all its rows
    categories: dict[str, str] = {}  # subject → HLE category; goes before the source's own map
    min_difficulty: float | None = None  # on the source's own scale; a row without one is dropped
    max_difficulty: float | None = None
    # For kind "files". `fields`: our field → the file's ("a.b" for a field within a field); ours are
    # question (required), id, answer, completion, subject, category, author, difficulty, licence.
    fields: dict[str, str] = {}
    licence: str = "unknown"  # SPDX identifier
    author: str = ""  # who wrote the completions: "person", "program" or a model's name

    @model_validator(mode="after")
    def _check(self) -> SourceParams:
        kind, key = (self.kind, "kind") if self.kind else (self.name, "name")
        if kind not in (*SOURCES, "files"):
            near = difflib.get_close_matches(kind, [*SOURCES, "files"], 1)
            known = f"known are {', '.join([*SOURCES, 'files'])}"
            hint = f"did you mean {near[0]!r}?" if near else known
            own = " For files of your own give kind: files" if key == "name" else ""
            raise ValueError(key, f"{kind!r} is no known source; {hint}{own}")
        if kind in ("files", "hardmath") and not self.path:
            raise ValueError("path", f"required for {kind}: a local file, or a folder of them")
        if (
            kind not in (*EMBEDDED_SOURCES, "files")
            and not self.path
            and not is_commit(self.revision)
        ):
            raise ValueError(
                "revision",
                f"must be a commit of {kind} on the hub (7 to 40 hexadecimal digits): a branch moves, "
                "and the run could not be repeated; or give a path to local files",
            )
        if kind == "files" and "question" not in self.fields:
            raise ValueError("fields", "must say which field holds the question: question: <field>")
        unknown = [name for name in self.fields if name not in FILE_FIELDS]
        if unknown:
            near = difflib.get_close_matches(unknown[0], FILE_FIELDS, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(FILE_FIELDS)}"
            raise ValueError("fields", f"{unknown[0]!r} is no field of ours; {hint}")
        for key, name in [("category", self.category), *self.categories.items()]:
            if name is not None and name not in HLE_SHARES:
                at = "category" if key == "category" else "categories"
                raise ValueError(at, f"{name!r} is not one of {', '.join(HLE_SHARES)}")
        return self


class ProvenanceParams(Section):
    """Completions of closed models are removed; their problems stay, without a completion."""

    remove_closed: bool = True
    # Families of closed models: a model's name belongs to one when it begins with it.
    closed_models: Annotated[tuple[str, ...], Field(strict=False)] = (
        "gpt", "chatgpt", "openai", "o1", "o3", "o4", "davinci", "claude", "gemini", "bard", "palm",
        "grok", "amazon nova", "mistral large", "mistral medium", "qwen-max", "qwen-plus", "ernie",
    )  # fmt: skip
    unknown: Literal["keep", "drop"] = "keep"  # completions whose author is not known


class FormParams(Section):
    verify: bool = True  # a completion whose final answer differs from the reference is removed
    drop_long: bool = True  # examples longer than training.max_length are removed, never cut


class DeduplicationParams(Section):
    """Of rows with the same problem (but for case, spacing and punctuation) the best one is kept."""

    enabled: bool = True
    # Estimated Jaccard similarity of the problems' word 3-grams from which two are one, if their
    # numbers, signs and names of variables agree; null: exact ones only. At 0.8 "boys" for "girls"
    # is still the same problem.
    near: Annotated[float, Field(gt=0, le=1)] | None = 0.9


class DecontaminationParams(Section):
    """Rows that repeat a question of the run's benchmarks are removed."""

    enabled: bool = True
    ngram: PositiveInt = 13  # words in a row that a row may not share with a benchmark question
    near: Annotated[float, Field(gt=0, le=1)] | None = 0.8  # similarity of the problem texts
    files: Annotated[tuple[str, ...], Field(strict=False)] = ()  # further texts to keep out
    show_text: bool = False  # keep the text of such rows in removed.parquet


class SamplingParams(Section):
    """A model that answers the problems of the data set, k samples each, through vLLM."""

    model: ModelParams | None = None  # None: the run's base model
    samples: PositiveInt = 4
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    max_tokens: PositiveInt = 512
    max_model_len: PositiveInt = 1024
    problems: PositiveInt | None = None  # at most so many, drawn by the seed; None: all

    @model_validator(mode="after")
    def _check(self) -> SamplingParams:
        if self.max_tokens >= self.max_model_len:
            raise ValueError(
                "max_tokens", f"must be less than max_model_len ({self.max_model_len})"
            )
        if self.temperature == 0 and self.samples > 1:
            raise ValueError(
                "samples", "at temperature 0 all are the same; give 1, or a temperature above 0"
            )
        return self


class DifficultyParams(SamplingParams):
    """Keep problems that a reference model solves neither too often nor too rarely."""

    enabled: bool = False
    min_pass_rate: Share = 0.0
    max_pass_rate: Share = 1.0


class CompletionsParams(SamplingParams):
    """Rejection sampling: problems without a completion get one from an open teacher model, kept only
    when its final answer agrees with the reference."""

    enabled: bool = False
    choose: Literal["shortest", "longest", "random"] = "shortest"  # of the right ones


class DatasetParams(Section):
    sources: Annotated[tuple[SourceParams, ...], Field(min_length=1, strict=False)] = (
        SourceParams(name="hard_math"),
        SourceParams(name="textbook"),
    )
    provenance: ProvenanceParams = ProvenanceParams()
    form: FormParams = FormParams()
    decontamination: DecontaminationParams = DecontaminationParams()
    deduplication: DeduplicationParams = DeduplicationParams()
    difficulty: DifficultyParams = DifficultyParams()
    completions: CompletionsParams = CompletionsParams()
    mixture: bool = True  # False: all rows that are left (or max_rows of them), in their own shares
    # Target share of each category; they sum to 1. None: those of the run's HLE questions.
    shares: dict[str, Share] | None = None
    max_rows: PositiveInt | None = None  # None: as many as the rarest category allows
    allow_shortfall: bool = False  # a category with too few rows gets fewer, or none
    repeat: bool = False  # repeat rows of a category that has too few
    validation: Fraction = 0.08  # share held out for the validation loss, the same in all mixtures
    processes: PositiveInt | None = None  # None: one a core; the result is the same

    @model_validator(mode="after")
    def _check(self) -> DatasetParams:
        if self.shares is not None:
            unknown = [name for name in self.shares if name not in HLE_SHARES]
            if unknown:
                raise ValueError("shares", f"{unknown[0]!r} is not one of {', '.join(HLE_SHARES)}")
            if abs(sum(self.shares.values()) - 1) > 1e-6:
                total = sum(self.shares.values())
                raise ValueError("shares", f"must sum to 1, they sum to {total:g}")
        if self.repeat and self.max_rows is None:
            raise ValueError("repeat", "needs max_rows: how many rows to fill up to")
        _check_once("sources", [source.name for source in self.sources])
        return self


class LoraParams(Section):
    """Train low-rank adapters (peft) in place of all weights; they are merged into what is exported."""

    rank: PositiveInt = 16
    alpha: Annotated[float, Field(gt=0)] = 32.0
    dropout: Fraction = 0.0
    # Names of the layers that get one; (): all linear layers.
    target_modules: Annotated[tuple[str, ...], Field(strict=False)] = ()


class SlurmParams(Section):
    """What `make slurm` writes into the head of the script."""

    time: Annotated[str, Field(pattern=r"^(\d+-)?\d+(:\d+){0,2}$")] = "24:00:00"
    partition: str | None = None
    account: str | None = None
    cpus_per_task: PositiveInt | None = None
    lines: Annotated[tuple[str, ...], Field(strict=False)] = ()  # further #SBATCH options
    setup: Annotated[tuple[str, ...], Field(strict=False)] = ()  # shell lines before the training


class ClusterParams(Section):
    """Several machines with the checkout and `runs_dir` at the same place of a shared file system."""

    nodes: PositiveInt = 1
    # How the processes of several machines find each other. "torchrun": `make train NODE_RANK=k` on
    # every machine but the first, which runs `make report`. "hostfile": DeepSpeed starts them by ssh.
    # Under the script of `make slurm`, "torchrun" it is, and Slurm fills in the endpoint.
    launcher: Literal["torchrun", "hostfile"] = "torchrun"
    endpoint: str | None = None  # host:port of the first machine; any free port
    hostfile: str | None = None  # DeepSpeed's: a line "host slots=8" a machine
    timeout_minutes: PositiveInt = 30  # a rank that waits so long for another one ends the run
    slurm: SlurmParams = SlurmParams()

    @model_validator(mode="after")
    def _check(self) -> ClusterParams:
        if self.endpoint is not None and not re.fullmatch(r"[^:\s]+:\d{1,5}", self.endpoint):
            raise ValueError("endpoint", f"{self.endpoint!r} must be host:port")
        if self.nodes > 1 and self.launcher == "torchrun" and self.endpoint is None:
            raise ValueError("endpoint", "required: host:port of the first machine")
        if self.launcher == "hostfile" and self.hostfile is None:
            raise ValueError("hostfile", 'required: a file with a line "host slots=8" a machine')
        return self


class TrainingParams(Section):
    epochs: Annotated[float, Field(gt=0)] = 1.0
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 1e-5
    lr_scheduler: Literal["cosine", "linear", "constant"] = "cosine"
    warmup_ratio: Fraction = 0.03
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    adam_beta1: Fraction = 0.9
    adam_beta2: Fraction = 0.95
    adam_epsilon: Annotated[float, Field(gt=0)] = 1e-8
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    batch_size: PositiveInt = 16  # sequences in one optimizer step, over all processes
    micro_batch_size: PositiveInt = 4  # sequences that one process holds at a time
    max_length: PositiveInt = 512  # tokens; longer examples are left out, never cut
    # "padding_free": the sequences of a micro-batch in one row, none seeing another, no padding.
    # "packed": the same, and several examples fill a sequence of max_length (a step then has more
    # examples than batch_size). "padded": one row each.
    batching: Literal["padding_free", "packed", "padded"] = "padding_free"
    gradient_checkpointing: bool = False
    # "bfloat16" is mixed precision: float32 weights, bfloat16 matrix products. "auto" takes it where
    # the processor or GPU multiplies bfloat16 in hardware, else float32.
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    liger: Literal["auto", "on", "off"] = "auto"  # fused Triton kernels; "auto": on a GPU
    # Weight of the loss that keeps a mixture of experts from sending all tokens to a few; 0: none.
    router_aux_loss: Annotated[float, Field(ge=0)] = 0.0
    lora: LoraParams | None = None  # None: all weights are trained
    # A preset of llmc_lib/training/deepspeed/, and keys of DeepSpeed's configuration that go before it.
    deepspeed: Literal["zero1", "zero2", "zero3", "zero3_offload"] = "zero2"
    deepspeed_config: dict[str, Any] = {}
    sft: dict[str, Any] = {}  # further fields of TRL's SFTConfig
    processes: PositiveInt = 1  # on each machine; one a GPU; on a CPU one is fastest
    cluster: ClusterParams = ClusterParams()
    # Parts of the training after which the model is exported and becomes a candidate.
    checkpoints: Annotated[tuple[Part, ...], Field(min_length=1, strict=False)] = (0.5, 1.0)
    # The longest work that an interruption can cost: minutes between checkpoints to go on from. There
    # is one with each exported model in any case.
    save_minutes: Annotated[float, Field(ge=0)] = 10.0
    evaluations: PositiveInt = (
        2  # how often the validation loss is measured, besides before training
    )

    @property
    def world_size(self) -> int:
        """All processes, over all machines."""
        return self.processes * self.cluster.nodes

    @model_validator(mode="after")
    def _check(self) -> TrainingParams:
        if self.batch_size % (self.micro_batch_size * self.world_size):
            raise ValueError(
                "batch_size",
                f"{self.batch_size} must be a multiple of micro_batch_size × processes × cluster.nodes "
                f"({self.micro_batch_size} × {self.processes} × {self.cluster.nodes})",
            )
        return self


class MixtureParams(Section):
    """What a candidate is trained on; a key that is not given is as in `dataset`."""

    sources: Annotated[tuple[str, ...], Field(min_length=1, strict=False)] | None = None
    mixture: bool | None = None
    shares: dict[str, Share] | None = None
    max_rows: PositiveInt | None = None
    allow_shortfall: bool | None = None
    repeat: bool | None = None


class CandidateParams(Section):
    """A training of its own: with its own mixture, or other settings, or both."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
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


class BenchmarkParams(Section):
    """A benchmark and where its questions are: "embedded", or a local file in its schema."""

    name: Literal["hle", "do_not_answer"]
    source: str = "embedded"


class EvaluationParams(Section):
    benchmarks: Annotated[tuple[BenchmarkParams, ...], Field(min_length=1, strict=False)] = (
        BenchmarkParams(name="hle"),
        BenchmarkParams(name="do_not_answer"),
    )
    max_tokens: PositiveInt = 256  # of one completion; the same for every model
    max_model_len: PositiveInt = 1024  # prompt and completion together, in tokens
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0  # 0: greedy
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    # "auto": bfloat16 where the processor or GPU multiplies it in hardware, else float32.
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    max_num_seqs: PositiveInt = 256  # completions that the engine works on at once

    @model_validator(mode="after")
    def _check(self) -> EvaluationParams:
        if self.max_tokens >= self.max_model_len:
            raise ValueError(
                "max_tokens",
                f"{self.max_tokens} leaves no room for a prompt in max_model_len "
                f"({self.max_model_len}); lower it or raise max_model_len",
            )
        _check_once("benchmarks", [benchmark.name for benchmark in self.benchmarks])
        return self


class PlanParams(Section):
    """What `make plan` assumes where it cannot know. Nothing else reads these keys, no result depends on
    them. How many GPUs a machine has is `training.processes`. Gigabytes are GiB, TFLOP/s are dense."""

    # The GPU that is planned for; its memory and speed are in llmc_lib/training/plan/machine.py. None:
    # what this machine has, which may be processors alone. "none": processors alone.
    gpu: (
        Literal[
            "none", "RTX4090-24GB", "A100-40GB", "A100-80GB", "L40S-48GB", "H100-80GB", "H200-141GB",
            "B200-192GB",
        ]
        | None
    ) = None  # fmt: skip
    memory_gib: Annotated[float, Field(gt=0)] | None = (
        None  # of a GPU; goes before that of the table
    )
    tflops: Annotated[float, Field(gt=0)] | None = None  # bfloat16 peak of a GPU; the same
    # Memory of a machine; None: not checked, but where the plan is for this machine.
    ram_gib: Annotated[float, Field(gt=0)] | None = None
    # Between the GPUs of a machine, and from a GPU to other machines: GB/s in one direction.
    link_gb_per_s: Annotated[float, Field(gt=0)] = 200.0
    network_gb_per_s: Annotated[float, Field(gt=0)] = 50.0  # 400 Gbit/s a GPU
    # Share of the peak that training reaches (model FLOPs utilisation), and that generation reaches.
    mfu: Annotated[float, Field(gt=0, le=1)] = 0.4
    generation_mfu: Annotated[float, Field(gt=0, le=1)] = 0.05
    cpu_generation_mfu: Annotated[float, Field(gt=0, le=1)] = 0.25
    tokens_per_s: Annotated[float, Field(gt=0)] | None = (
        None  # that a GPU generates; None: by the share
    )
    # Until the data set is built: its rows, None: max_rows; tokens of a row, None: training.max_length.
    rows: PositiveInt | None = None
    tokens_per_row: PositiveInt | None = None
    tokens_per_answer: PositiveInt | None = (
        None  # None: evaluation.max_tokens, the most there can be
    )


class ReportParams(Section):
    title: str | None = None  # None: a title made from the run's name
    cases: Annotated[int, Field(ge=0)] = 12  # questions shown side by side
    # Below this many points a difference is not worth finding: if the design cannot detect as
    # little as that, the verdict is "too little data" instead of "no detectable difference".
    smallest_interesting_points: Annotated[float, Field(gt=0)] = 5.0


class Params(Section):
    """One run. Every key is optional but `run`, which names runs/<run> and reports/<run>."""

    run: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    runs_dir: str = "runs"  # heavy artefacts; may lie on a shared file system
    reports_dir: str = "reports"
    model: ModelParams = ModelParams()
    dataset: DatasetParams = DatasetParams()
    training: TrainingParams = TrainingParams()
    # Several trainings of one run; [] is one, as `training` says. All go to the evaluation.
    candidates: Annotated[tuple[CandidateParams, ...], Field(strict=False)] = ()
    evaluation: EvaluationParams = EvaluationParams()
    plan: PlanParams = PlanParams()
    report: ReportParams = ReportParams()

    @property
    def recipes(self) -> list[Recipe]:
        """What is trained, one a candidate. Raises pydantic's `ValidationError` for keys of a
        candidate that the schema has not; `params_file.load` has checked them."""
        if not self.candidates:
            return [Recipe("main", False, None, self.training)]
        return [self.recipe(candidate) for candidate in self.candidates]

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
        _check_once("candidates", [candidate.name for candidate in self.candidates])
        known = [source.name for source in self.dataset.sources]
        for number, candidate in enumerate(self.candidates):
            wanted = (candidate.mixture and candidate.mixture.sources) or ()
            for name in wanted:
                if name not in known:
                    near = difflib.get_close_matches(name, known, 1)
                    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
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
                        "are not used while the mixture is off; give mixture: true beside them",
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
