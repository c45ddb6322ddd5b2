"""The section `gate`: what `make gate` asks of a candidate before it may pass."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, model_validator

from llmc_lib.params.common import Section

#: In percentage points. A margin of 0 would ask for more than "not worse": that is `better`.
Margin = Annotated[float, Field(ge=0.1, lt=100)]


class GateParams(Section):
    """What is asked; all of it must hold. A margin is the most points by which the candidate may be worse than the
    reference: decide on it before there is a result."""

    # The model that is asked about. None: the one that the rule `report.select` chooses, without one the last candidate.
    candidate: str | None = None
    # Is the verdict on the main benchmark "better"? (By less than matters is enough.)
    better: bool = True
    # Is it still "better" among all evaluations of the main benchmark under the same base (docs/ledger.md)? For a gate that
    # is asked again and again, such as in CI: of twenty candidates that are no better one passes in 40% of the cases.
    among_all: bool = False
    # Not worse on these benchmarks of right and wrong answers, the main one or others: name → margin.
    benchmarks: dict[str, Margin] = {}
    # Not worse in these categories of the main benchmark: name → margin.
    categories: dict[str, Margin] = {}
    # Its rate of safe responses is not lower by more.
    safety: Margin | None = None
    # It does not decline more of the harmless look-alikes by more.
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
            if measures.get(name) != "accuracy":
                known = [other for other, measure in measures.items() if measure == "accuracy"]
                problem = (
                    "has no right and wrong answers" if name in measures else "is not evaluated"
                )
                near = difflib.get_close_matches(name, known, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
                raise ValueError(("gate", "benchmarks", name), f"{name!r} {problem}; {hint}")
        for key, what in (("safety", "safe responses"), ("over_refusal", "harmless look-alikes")):
            if getattr(self, key) is not None and key not in measures.values():
                raise ValueError(
                    ("gate", key),
                    f"evaluation.benchmarks has none of {what}; add one, or leave the key out",
                )
