"""The section `dataset`, and the mixtures of candidates."""

from __future__ import annotations

import difflib
from typing import Annotated, Literal

from pydantic import Field, model_validator

from llmc_lib.params.common import (
    Fraction,
    Length,
    ModelParams,
    PathText,
    PlainName,
    PositiveInt,
    Section,
    Share,
    check_once,
    check_order,
    is_commit,
)
from llmc_lib.params.sources import EMBEDDED_SOURCES, check_source
from llmc_lib.taxonomy import HLE_SHARES

#: The sources that llmc_lib/dataset/sources has a module for.
SOURCES = (
    "hard_math", "textbook", "olymmath", "olymmath_eval", "omni_math", "hardmath", "deepmath",
    "textbook_reasoning",
)  # fmt: skip
#: What `fields` of a source of kind "files" can name.
FILE_FIELDS = (
    "id", "question", "answer", "completion", "subject", "category", "author", "difficulty", "licence",
)  # fmt: skip


class SourceParams(Section):
    """A source of training examples: one that the project knows, or files of your own.

    The known ones are described in llmc_lib/dataset/sources/<name>.py.
    """

    name: PlainName
    kind: str | None = None  # whose schema the rows have: a known source, or "files"; None: `name`
    path: PathText | None = None  # a local file, or a folder of them, in place of the hub
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
        check_source(kind, path=self.path, subset=self.subset, fields=self.fields)
        check_order(self, "min_difficulty", "max_difficulty")
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
    files: Annotated[tuple[PathText, ...], Field(strict=False)] = ()  # further texts to keep out
    show_text: bool = False  # keep the text of such rows in removed.parquet


class SamplingParams(Section):
    """A model that answers the problems of the data set, k samples each, through vLLM."""

    model: ModelParams | None = None  # None: the run's base model
    samples: PositiveInt = 4
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    max_tokens: PositiveInt = 512
    max_model_len: Length = 1024
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

    @model_validator(mode="after")
    def _check_band(self) -> DifficultyParams:
        check_order(self, "min_pass_rate", "max_pass_rate")
        return self


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
    processes: Annotated[int, Field(ge=1, le=1024)] | None = (
        None  # None: one a core; the result is the same
    )

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
        check_once("sources", [source.name for source in self.sources])
        return self


class MixtureParams(Section):
    """What a candidate is trained on; a key that is not given is as in `dataset`."""

    sources: Annotated[tuple[str, ...], Field(min_length=1, strict=False)] | None = None
    mixture: bool | None = None
    shares: dict[str, Share] | None = None
    max_rows: PositiveInt | None = None
    allow_shortfall: bool | None = None
    repeat: bool | None = None
