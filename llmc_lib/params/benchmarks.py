"""The benchmarks of the section `evaluation`: where their questions are, and how they are asked."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from llmc_lib.benchmarks import DECLARED, Measure
from llmc_lib.params.asking import AskingParams
from llmc_lib.params.common import Name, PathText, PositiveInt
from llmc_lib.params.subsets import SubsetParams

#: What `fields` of a benchmark of kind "questions" can name.
QUESTION_FIELDS = (
    "id",
    "question",
    "answer",
    "answer_type",
    "category",
    "subject",
    "rationale",
    "options",
)


class BenchmarkParams(SubsetParams):
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
    # How it is asked, where that is not as the keys of `evaluation` say: a name ("official"), or some of those keys.
    settings: AskingParams = AskingParams()

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
                f"{self.module!r} is not a known benchmark ({known}); for a file of questions and "
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
        self.settings.over(DECLARED[self.module].settings)
        unknown = [name for name in self.fields if name not in QUESTION_FIELDS]
        if unknown:
            raise ValueError(
                "fields",
                f"{unknown[0]!r} is not a field of ours; known: {', '.join(QUESTION_FIELDS)}",
            )
        return self
