"""The section `dataset`, and the mixtures of candidates."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from llmc_lib.errors import instead, near
from llmc_lib.params.common import (
    Fraction,
    Length,
    ModelParams,
    PathText,
    PlainName,
    PositiveInt,
    Samples,
    Section,
    Share,
    Temperature,
    check_once,
    check_order,
    is_commit,
)
from llmc_lib.params.engines import EngineParams
from llmc_lib.params.sources import EMBEDDED_SOURCES, check_source
from llmc_lib.records import Loss, RowKind
from llmc_lib.taxonomy import GENERAL, HLE_SHARES, ROW_CATEGORIES

#: The sources that llmc_lib/dataset/sources has a module for.
SOURCES = (
    "hard_math", "textbook", "olymmath", "olymmath_eval", "omni_math", "hardmath", "deepmath",
    "textbook_reasoning", "skills", "safety", "instructions", "replay",
)  # fmt: skip
#: What `fields` of a source of kind "files" can name.
FILE_FIELDS = (
    "id", "question", "input", "answer", "completion", "reasoning", "system", "messages", "subject",
    "category", "author", "difficulty", "licence", "rejected",
)  # fmt: skip


class Sampling(Section):
    """How often and how a model is asked."""

    samples: Samples = 4
    temperature: Temperature = 0.7
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    max_tokens: PositiveInt = 512
    max_model_len: Length = 1024

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.max_tokens >= self.max_model_len:
            raise ValueError(
                "max_tokens", f"must be less than max_model_len ({self.max_model_len})"
            )
        if self.temperature == 0 and self.samples > 1:
            raise ValueError(
                "samples", "at temperature 0 all are the same; give 1, or a temperature above 0"
            )
        return self


class ReplaySampling(Sampling):
    """How the base model answers the prompts of `replay`; of each prompt's samples the first that ended
    is kept."""

    samples: PositiveInt = 2
    max_tokens: PositiveInt = 256


class SourceParams(Section):
    """A source of training examples: one that the project knows, or files of your own.

    The known ones are described in llmc_lib/dataset/sources/<name>.py.
    """

    name: PlainName
    kind: str | None = None  # whose schema the rows have: a known source, or "files"; None: `name`
    path: PathText | None = None  # a local file, or a folder of them, in place of the hub
    revision: str | None = None  # commit of the hub set; required when it is read from the hub
    subset: str | None = None  # which part of a set that has several; None: its default
    # Its first rows only (hard_math makes 500 where none is given; replay asks so many prompts).
    rows: PositiveInt | None = None
    # What a row is. verifiable: a problem whose completion ends in a final answer, which is compared with
    # the reference. response: a prompt and a response that is trained on as it is (a refusal, an
    # instruction followed, a proof, prose). chat: several turns, or a system prompt. None: what the
    # source says; for files chat where `fields` has messages, else verifiable.
    row_kind: RowKind | None = None
    # Chat: learn all turns of the assistant (the default), or the last one.
    loss: Loss | None = None
    # Category of all its rows: one of HLE's eight, Safety or Instruction.
    category: str | None = None
    # Subject → category; takes precedence over the source's own map.
    categories: dict[str, str] = {}
    min_difficulty: float | None = None  # on the source's own scale; a row without one is dropped
    max_difficulty: float | None = None
    # For kind "files" (and question and id for replay). `fields`: our field → the file's ("a.b" for a field
    # within a field); ours are question or messages (one of them is required), id, answer, completion, input
    # (a second part of the prompt, as in Alpaca's rows), reasoning (apart from the completion), system,
    # subject, category, author, difficulty, licence, rejected. `messages` is a list of {role, content}. Preference
    # pairs are {question: prompt, completion: chosen, rejected: rejected} or {messages: chosen, rejected: rejected}.
    fields: dict[str, str] = {}
    licence: str = "unknown"  # SPDX identifier
    author: str = ""  # who wrote the completions: "person", "program" or a model's name
    # Replay: how the base model is asked; None: the defaults.
    sampling: ReplaySampling | None = None
    # Of any source: a file of responses that its prompts must not get (prompt, response, and harmful where somebody graded
    # them), from which its rows become preference pairs for methods dpo and orpo. See docs/preferences.md.
    rejected: PathText | None = None

    @model_validator(mode="after")
    def _check(self) -> SourceParams:
        kind, key = (self.kind, "kind") if self.kind else (self.name, "name")
        if kind not in (*SOURCES, "files"):
            meant = near(kind, [*SOURCES, "files"])
            known = f"known are {', '.join([*SOURCES, 'files'])}"
            hint = f"did you mean {meant!r}?" if meant else known
            own = " For files of your own give kind: files" if key == "name" else ""
            raise ValueError(key, f"{kind!r} is not a known source; {hint}{own}")
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
        if kind == "files" and not {"question", "messages"} & set(self.fields):
            raise ValueError(
                "fields",
                "must say which field holds the question: question: <field>, or messages: <field>",
            )
        unknown = [name for name in self.fields if name not in FILE_FIELDS]
        if unknown:
            hint = instead(unknown[0], FILE_FIELDS, f"known: {', '.join(FILE_FIELDS)}")
            raise ValueError("fields", f"{unknown[0]!r} is not a field of ours; {hint}")
        for key, name in [("category", self.category), *self.categories.items()]:
            if name is not None and name not in ROW_CATEGORIES:
                at = "category" if key == "category" else "categories"
                raise ValueError(at, f"{name!r} is not one of {', '.join(ROW_CATEGORIES)}")
        self._check_kind(kind)
        return self

    def _check_kind(self, kind: str) -> None:
        both = sorted({"question", "completion", "input", "reasoning"} & set(self.fields))
        if "messages" in self.fields and both:
            raise ValueError(
                "fields", f"give either messages, which hold all turns, or {' and '.join(both)}"
            )
        if (self.rejected or "rejected" in self.fields) and self.row_kind == "verifiable":
            raise ValueError(
                "row_kind",
                "a problem with a final answer has no rejected response here; give row_kind: response",
            )
        if self.rejected and "rejected" in self.fields:
            raise ValueError("rejected", "fields names them already; leave out one of the two")
        if "rejected" in self.fields and not {"completion", "messages"} & set(self.fields):
            raise ValueError(
                "fields", "rejected needs the chosen response beside it: completion, or messages"
            )
        chat = self.row_kind == "chat" or (self.row_kind is None and "messages" in self.fields)
        if self.loss is not None and not chat:
            raise ValueError("loss", "is for rows of several turns; give row_kind: chat too")
        if self.sampling is not None and kind != "replay":
            raise ValueError("sampling", "is for replay alone; a teacher is in dataset.completions")
        if kind == "replay":
            if self.row_kind not in (None, "response"):
                raise ValueError("row_kind", "rows of replay are responses; leave it out")
            if self.path and not self.fields.get("question"):
                raise ValueError(
                    "fields", "must say which field of the file is the prompt: question: <field>"
                )
            if more := sorted(set(self.fields) - {"question", "id", "subject"}):
                raise ValueError(
                    "fields",
                    f"{more[0]!r} is not read: of a file of prompts question, id and subject are",
                )


class ProvenanceParams(Section):
    """Completions of closed models are removed; their problems stay, without a completion."""

    remove_closed: bool = True
    # Families of closed models: a model's name belongs to one when it begins with it.
    closed_models: Annotated[tuple[str, ...], Field(max_length=1000, strict=False)] = (
        "gpt", "chatgpt", "openai", "o1", "o3", "o4", "davinci", "claude", "gemini", "bard", "palm",
        "grok", "amazon nova", "mistral large", "mistral medium", "qwen-max", "qwen-plus", "ernie",
    )  # fmt: skip
    # Completions whose author is not known, or of no known kind, as that of the embedded texts ("this project").
    unknown: Literal["keep", "drop"] = "keep"


class FormParams(Section):
    """The form of completions that are kept."""

    # A worked solution without a <think> block gets one. false: it stays plain text, for a base model that
    # does not think (a small one opens the block again and does not come to an end).
    think: bool = True
    verify: bool = True  # a completion whose final answer differs from the reference is removed
    drop_long: bool = True  # examples longer than training.max_length are removed, never cut


class DeduplicationParams(Section):
    """Of rows with the same problem (but for case, spacing and punctuation) the best one is kept."""

    enabled: bool = True
    # Estimated Jaccard similarity of the problems' word 3-grams from which two are one, if their
    # numbers, signs and names of variables agree; null: exact ones only. At 0.8 "boys" for "girls"
    # is still the same problem.
    near: Annotated[float, Field(ge=0.01, le=1)] | None = 0.9


class DecontaminationParams(Section):
    """Rows that repeat a question of the run's benchmarks are removed."""

    enabled: bool = True
    # Words in a row that a row may not share with a benchmark question; words that several questions have in
    # common do not count alone.
    ngram: PositiveInt = 13
    near: Annotated[float, Field(ge=0.01, le=1)] | None = 0.8  # similarity of the problem texts
    # Further texts to keep out.
    files: Annotated[tuple[PathText, ...], Field(max_length=10_000, strict=False)] = ()
    show_text: bool = False  # keep the text of such rows in removed.parquet


class SamplingParams(Sampling):
    """A model that answers the verifiable problems of the data set, k samples each, through vLLM."""

    model: ModelParams | None = None  # None: the run's base model
    problems: PositiveInt | None = None  # at most so many, drawn by the seed; None: all
    # What answers: an offline engine over several GPUs (tensor_parallel), or served models (kind: openai). None: an offline
    # engine on one GPU.
    engine: EngineParams | None = None


class StoredRatesParams(Section):
    """Pass rates that were measured before, in a file of yours."""

    path: PathText  # JSON Lines, JSON, CSV or Parquet
    # Which of its fields hold what: question (its text) or id (that of the data set's rows), and rate (0 to 1), or
    # correct and samples.
    fields: dict[str, str] = {"question": "question", "rate": "pass_rate"}
    model: Annotated[str, Field(max_length=200)] = ""  # whose rates they are, in words

    @model_validator(mode="after")
    def _check(self) -> StoredRatesParams:
        names = set(self.fields)
        if len(names & {"question", "id"}) != 1:
            raise ValueError("fields", "must say which field holds the problem: question, or id")
        if names - {"question", "id"} not in ({"rate"}, {"correct", "samples"}):
            raise ValueError(
                "fields",
                "must say which field holds the rate: rate, or correct and samples; and no other",
            )
        return self


class DifficultyParams(SamplingParams):
    """Keep problems that a reference model solves neither too often nor too rarely."""

    enabled: bool = False
    min_pass_rate: Share = 0.0
    max_pass_rate: Share = 1.0
    # Pass rates of a file, in place of a model's answers. A problem that it does not have has no rate, and is removed.
    rates: StoredRatesParams | None = None

    @model_validator(mode="after")
    def _check_band(self) -> DifficultyParams:
        check_order(self, "min_pass_rate", "max_pass_rate")
        for key in ("model", "engine", "problems"):
            if self.rates is not None and getattr(self, key) is not None:
                raise ValueError(
                    key, "is not used with `rates` of a file; leave one of the two out"
                )
        return self


class CompletionsParams(SamplingParams):
    """Rejection sampling: problems without a completion get one from an open teacher model, kept only
    when its final answer agrees with the reference."""

    enabled: bool = False
    choose: Literal["shortest", "longest", "random"] = "shortest"  # of the right ones


class DatasetParams(Section):
    """What to train on, and what is removed from it."""

    sources: Annotated[
        tuple[SourceParams, ...], Field(min_length=1, max_length=1000, strict=False)
    ] = (
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
    # Target share of each category. Safety and Instruction are shares of the whole; HLE's categories share
    # what is left, and theirs sum to 1 among themselves. HLE's None: those of the run's HLE questions.
    shares: dict[str, Share] | None = None
    max_rows: PositiveInt | None = None  # None: as many as the rarest category allows
    allow_shortfall: bool = False  # a category with too few rows gets fewer, or none
    repeat: bool = False  # repeat rows of a category that has too few
    validation: Fraction = 0.08  # share held out for the validation loss, the same in all mixtures
    # None: one a core; the result is the same.
    processes: Annotated[int, Field(ge=1, le=1024)] | None = None

    @model_validator(mode="after")
    def _check(self) -> DatasetParams:
        _check_shares(self.shares or {})
        if self.shares == {}:
            raise ValueError("shares", "must name at least one category")
        if self.repeat and self.max_rows is None:
            raise ValueError("repeat", "needs max_rows: how many rows to fill up to")
        check_once("sources", [source.name for source in self.sources])
        return self


def _check_shares(shares: dict[str, float]) -> None:
    unknown = [name for name in shares if name not in ROW_CATEGORIES]
    if unknown:
        raise ValueError("shares", f"{unknown[0]!r} is not one of {', '.join(ROW_CATEGORIES)}")
    general = sum(shares.get(name, 0) for name in GENERAL)
    if general > 1 + 1e-6:
        raise ValueError("shares", f"Safety and Instruction may have 1 together, not {general:g}")
    of_hle = [share for name, share in shares.items() if name in HLE_SHARES]
    if of_hle and abs(sum(of_hle) - 1) > 1e-6:
        beside = (
            ": HLE's categories share what Safety and Instruction leave, so theirs sum to 1 among themselves"
            if general
            else ""
        )
        which = "those of HLE's categories must" if general else "must"
        raise ValueError("shares", f"{which} sum to 1, they sum to {sum(of_hle):g}{beside}")


class MixtureParams(Section):
    """What a candidate is trained on; a key that is not given is as in `dataset`."""

    sources: Annotated[tuple[str, ...], Field(min_length=1, strict=False)] | None = None
    mixture: bool | None = None
    shares: dict[str, Share] | None = None
    max_rows: PositiveInt | None = None
    allow_shortfall: bool | None = None
    repeat: bool | None = None
