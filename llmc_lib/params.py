"""The schema of a params file (one YAML file a run): the only place where a default lives.

A check that fails raises `ValueError(key, message)`; `params_file.load` adds the file and the line.
"""

from __future__ import annotations

import difflib
import re
from typing import Annotated, Literal

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
    validation: Fraction = 0.08  # share of the rows held out for the validation loss
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


class TrainingParams(Section):
    epochs: Annotated[float, Field(gt=0)] = 1.0
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 1e-5
    lr_scheduler: Literal["cosine", "linear", "constant"] = "cosine"
    warmup_ratio: Fraction = 0.03
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    adam_beta2: Fraction = 0.95
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    batch_size: PositiveInt = 16  # sequences in one optimizer step, over all processes
    micro_batch_size: PositiveInt = 4  # sequences that one process holds at a time
    max_length: PositiveInt = 512  # tokens; longer examples are left out, never cut
    gradient_checkpointing: bool = False
    zero_stage: Literal[1, 2, 3] = 2  # DeepSpeed ZeRO
    processes: PositiveInt = 1  # one a GPU; on a CPU one is fastest
    # "bfloat16" is mixed precision: float32 weights, bfloat16 matrix products. "auto" takes it where
    # the processor or GPU multiplies bfloat16 in hardware, else float32.
    precision: Literal["auto", "float32", "bfloat16"] = "auto"

    @model_validator(mode="after")
    def _check(self) -> TrainingParams:
        if self.batch_size % (self.micro_batch_size * self.processes):
            raise ValueError(
                "batch_size",
                f"{self.batch_size} must be a multiple of micro_batch_size × processes "
                f"({self.micro_batch_size} × {self.processes})",
            )
        return self


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
    evaluation: EvaluationParams = EvaluationParams()
    report: ReportParams = ReportParams()
