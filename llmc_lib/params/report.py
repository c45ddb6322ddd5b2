"""The section `report`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from llmc_lib.errors import instead
from llmc_lib.params.common import Count, PositiveInt, Section, check_once


class CasesParams(Section):
    """Which questions are shown with both models' reasoning side by side."""

    gained: Count = 6  # questions that the candidate alone answers, drawn by the seed
    lost: Count = 6  # questions that the reference alone answers
    # So many in all, of each category, or of each third of the questions by the length of the answers.
    per: Literal["all", "category", "length"] = "all"
    categories: Annotated[tuple[str, ...], Field(strict=False)] | None = None  # only these
    # These questions, in this order, whatever their outcome; nothing is drawn then.
    ids: Annotated[tuple[str, ...], Field(strict=False)] = ()

    # The questions that were marked in notebooks/explore.ipynb, each with its comment, in the order of marking,
    # whatever their outcome; nothing is drawn then.
    marked: bool = False

    @model_validator(mode="after")
    def _check(self) -> CasesParams:
        check_once("ids", list(self.ids))
        for key in ("ids", "categories"):
            if self.marked and getattr(self, key):
                raise ValueError(key, "are not used beside `marked`; give one of the two")
        if self.ids and self.categories is not None:
            raise ValueError("categories", "are not used with `ids`; give one of the two")
        return self


class ReportParams(Section):
    """What the report shows, and the thresholds of its verdict."""

    title: str | None = None  # None: a title made from the run's name
    # The benchmark that the verdict is about: a name of evaluation.benchmarks, with right and wrong answers.
    # None: the first of these. Each other benchmark has its verdict in one line.
    main: str | None = None
    # Questions shown side by side: how many, gained and lost in turn, or which (see above).
    cases: Count | CasesParams = 12
    # Questions of which one answer of each model, drawn by the seed, has its arithmetic checked; null: all.
    claims: PositiveInt | None = 100
    # HLE's questions must not be published (the set's terms, and its use as a test): by default neither their text nor
    # the models' completions are in a report. The embedded questions always are.
    show_questions: bool = False
    # Below this many points a difference would not change what anyone does: two models are "equal within" as many
    # where larger differences are ruled out, and a gain can be "better, by less than matters".
    smallest_interesting_points: Annotated[float, Field(ge=0.1, lt=100)] = 5.0
    # The significance level: a p-value, adjusted for all candidates and looks, below it gives "better" or "worse". The interval of a
    # verdict is at 1 minus it, all others at 95%.
    significance: Annotated[float, Field(ge=1e-6, lt=0.5)] = 0.05
    # The power with which a design must detect a difference to count as able to find it.
    power: Annotated[float, Field(gt=0.5, le=0.999)] = 0.8
    # How the categories' p-values are adjusted: "holm" (the chance of any false finding) or "bh" (Benjamini and
    # Hochberg: the share of false ones among the findings).
    correction: Literal["holm", "bh"] = "holm"
    # The rule by which one of several candidates is chosen: a higher accuracy than the reference overall
    # and in each of these categories; of several the highest overall. None: none is chosen.
    select: Annotated[tuple[str, ...], Field(strict=False)] | None = None
    # Further models, or imported ones, that are trainings of one recipe under several seeds: name → models, two or more.
    # Those of candidates with `seeds` are known.
    recipes: dict[str, Annotated[tuple[str, ...], Field(min_length=2, strict=False)]] = {}


def check_recipes(
    recipes: Mapping[str, Sequence[str]], models: Sequence[str], taken: Sequence[str]
) -> None:
    """Are `report.recipes` made of `models`, each in one, and none called as a candidate (`taken`)? Raises
    `ValueError(keys, message)`."""
    seen: dict[str, str] = {}
    for name, listed in recipes.items():
        keys = ("report", "recipes", name)
        if name in taken or name in models:
            raise ValueError(keys, f"{name!r} is the name of a model or candidate; give another")
        for model in listed:
            if model not in models:
                hint = instead(model, models, f"there are {', '.join(models) or 'none'}")
                raise ValueError(
                    keys,
                    f"{model!r} is not one of the further or imported models, the reference apart; {hint}",
                )
            if model in seen:
                raise ValueError(
                    keys, f"{model!r} is listed twice, in {seen[model]!r} and here; give it once"
                )
            seen[model] = name
