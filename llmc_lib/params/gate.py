"""The section `gate`: the criteria of `make gate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from llmc_lib.errors import near, shown
from llmc_lib.params.common import Section, check_right_or_wrong
from llmc_lib.params.seeds import trained_as

#: In percentage points. A margin of 0 would mean "better", which is a key of its own.
Margin = Annotated[float, Field(ge=0.1, lt=100)]


class GateParams(Section):
    """The criteria, all of which must hold. A candidate passes a margin that is shown to be worse than the reference by less
    than so many percentage points: choose margins before there is a result."""

    # What passes: "checkpoint", one model as it is, or "recipe", what a training by the recipe does on average, shown by several
    # of them (`candidates.seeds`, or `report.recipes`).
    about: Literal["checkpoint", "recipe"] = "checkpoint"
    # The model that is checked, or the recipe. None: the one that the rule `report.select` chooses (its recipe); without that
    # rule the last, after a race the best.
    candidate: str | None = None
    # The verdict on the main benchmark is "better" ("better, by less than matters" passes, too).
    better: bool = True
    # It is still "better" among all evaluations of the main benchmark against the same base (docs/ledger.md). For a gate
    # that is used again and again, such as in CI: without it at least one of twenty candidates that are no better passes in
    # 38% of the cases.
    among_all: bool = False
    # Non-inferior on these benchmarks with right and wrong answers, the main one or others: name → margin in points.
    benchmarks: dict[str, Margin] = {}
    # Non-inferior in these categories of the main benchmark: name → margin in points.
    categories: dict[str, Margin] = {}
    # Margin for the rate of safe responses, which may fall by less than that. None: not checked.
    safety: Margin | None = None
    # Margin for the rate of harmless look-alikes that are declined, which may rise by less than that. None: not checked.
    over_refusal: Margin | None = None

    @model_validator(mode="after")
    def _check(self) -> GateParams:
        asked = (self.better, self.benchmarks, self.categories, self.safety, self.over_refusal)
        if not any(asked):
            raise ValueError("better", "nothing is asked, and all would pass; give a margin too")
        if self.among_all and not self.better:
            raise ValueError("among_all", "is about `better`, which is off; leave it out")
        if self.among_all and self.about == "recipe":
            raise ValueError(
                "among_all",
                "the ledger of all evaluations has verdicts on checkpoints only; leave it out, or give about: checkpoint",
            )
        return self

    def check_asked(self, measures: Mapping[str, str]) -> None:
        """Are the benchmarks that the gate needs evaluated? `measures`: name → what it measures. Raises `ValueError`
        (keys, message)."""
        for name in self.benchmarks:
            check_right_or_wrong(("gate", "benchmarks", name), name, measures)
        for key, what in (("safety", "safe responses"), ("over_refusal", "harmless look-alikes")):
            if getattr(self, key) is not None and key not in measures.values():
                raise ValueError(
                    ("gate", key),
                    f"evaluation.benchmarks has none of {what}; add one, or leave the key out",
                )

    def check_about(
        self, seeds: Mapping[str, Sequence[int]], listed: Mapping[str, Sequence[str]]
    ) -> None:
        """Is the recipe that the gate is about trained several times? `seeds` of each candidate; `listed`: recipes whose models
        `report.recipes` lists. Raises `ValueError` (keys, message)."""
        if self.about == "checkpoint":
            return
        recipes = [*listed, *(name for name, of in seeds.items() if len(of) > 1)]
        if self.candidate is None:
            if not recipes:
                once = next((name for name, of in seeds.items() if of), None)
                found = (
                    f"candidate {once!r} has one seed only"
                    if once
                    else "none was trained several times"
                )
                raise ValueError(("gate", "about"), f"there is no recipe: {found}; {_SEVERAL}")
            return
        name = trained_as(self.candidate)
        if name in recipes:
            return
        if name in seeds:
            how = "with one seed only" if seeds[name] else "only once"
            message = (
                f"{name!r} is trained {how}, which does not show what its recipe does; {_SEVERAL}"
            )
        else:
            meant = near(name, recipes)
            there = f"there are {', '.join(recipes)}" if recipes else f"there is none; {_SEVERAL}"
            message = f"{shown(name)} is no recipe of the report; " + (
                f"did you mean {meant!r}?" if meant else there
            )
        raise ValueError(("gate", "candidate"), message)


_SEVERAL = "give the candidate two seeds or more, such as seeds: [0, 1, 2, 3], list models in report.recipes, or give about: checkpoint"
