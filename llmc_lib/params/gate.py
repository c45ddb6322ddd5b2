"""The section `gate`: the criteria of `make gate`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, model_validator

from llmc_lib.params.common import Section, check_right_or_wrong

#: In percentage points. A margin of 0 would mean "better", which is a key of its own.
Margin = Annotated[float, Field(ge=0.1, lt=100)]


class GateParams(Section):
    """The criteria, all of which must hold. A candidate passes a margin that is shown to be worse than the reference by less
    than so many percentage points: choose margins before there is a result."""

    # The model that is checked. None: the one that the rule `report.select` chooses; without that rule the last candidate,
    # after a race the best one.
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
