"""The answers to one benchmark as aligned arrays, and how its figures are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from llmc_lib.analysis.arrays import column_arrays
from llmc_lib.analysis.comparison import PairedComparison, paired_comparison
from llmc_lib.analysis.outcomes import Outcomes, outcomes
from llmc_lib.analysis.verdict import ALPHA, Thresholds, verdict
from llmc_lib.benchmarks import Measure, measure

#: What judges and other evaluators write where they find no final answer.
NOTHING = ("none", "[invalid]", "n/a")

_RATES = {
    Measure.ACCURACY: "accuracy",
    Measure.SAFETY: "safe_rate",
    Measure.OVER_REFUSAL: "over_refusal_rate",
}


def rate_key(kind: str) -> str:
    """What the rate of a benchmark of this kind is called in metrics.json."""
    return _RATES[measure(kind)]


def groups_key(kind: str) -> str:
    """What its categories are called there."""
    return "categories" if measure(kind) == "accuracy" else "risk_areas"


@dataclass(frozen=True)
class Table:
    """One benchmark: `rows` as they came, and `outcomes`, what counts for its rate in arrays: what is correct,
    or of harmless instructions what was declined."""

    kind: str
    rows: pd.DataFrame  # sorted by question and sample
    outcomes: Outcomes
    greedy: bool = False  # were the answers sampled at temperature 0?
    embedded: bool = False  # are the questions this project's own?
    recipes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # → models, its trainings

    @classmethod
    def of(
        cls,
        kind: str,
        rows: pd.DataFrame,
        *,
        greedy: bool = False,
        embedded: bool = False,
        recipes: Mapping[str, tuple[str, ...]] | None = None,
    ) -> Table:
        """Raises `ValueError` as `outcomes` does; different question sets are refused."""
        if "sample" not in rows:
            rows = rows.assign(sample=0)
        if "cluster" in rows and rows["cluster"].isna().all():  # another benchmark's column
            rows = rows.drop(columns="cluster")
        # One order, whatever that of the rows: a seeded bootstrap draws the same questions, and the arrays of
        # other columns have the questions and samples in the places of `outcomes`.
        question = pd.factorize(rows["question_id"], sort=True)[0]
        rows = rows.iloc[np.lexsort((rows["sample"].to_numpy(), question))]
        if measure(kind) == Measure.OVER_REFUSAL:
            rows = rows.assign(correct=rows["status"] == "incorrect")
        found = outcomes(rows, common="refuse")
        there = {
            name: tuple(model for model in models if model in found.candidates)
            for name, models in (recipes or {}).items()
        }
        repeated = {name: models for name, models in there.items() if len(models) > 1}
        return cls(kind, rows, found, greedy, embedded, repeated)

    @cached_property
    def units(self) -> Outcomes:
        """The outcomes with one candidate a recipe: its last training, which no result has chosen. Trainings of one recipe
        are not so many candidates of which one takes the best."""
        return self.units_with()

    def units_with(self, model: str = "") -> Outcomes:
        """The same, with this training in the place of the last one of its recipe."""
        left_out = set()
        for models in self.recipes.values():
            kept = model if model in models else models[-1]
            left_out |= {name for name in models if name != kept}
        kept_of = {m: v for m, v in self.outcomes.correct.items() if m not in left_out}
        missing = {m: v for m, v in self.outcomes.missing.items() if m not in left_out}
        return replace(self.outcomes, correct=kept_of, missing=missing)

    def arrays(self, column: str) -> dict[str, np.ndarray[Any, Any]]:
        """Model → (questions, samples) of a column of the rows; not to be changed, as each is made once."""
        if column not in self._arrays:
            self._arrays[column] = column_arrays(self.rows, column)
        return self._arrays[column]

    @cached_property
    def _arrays(self) -> dict[str, dict[str, np.ndarray[Any, Any]]]:
        return {}

    @cached_property
    def answered(self) -> dict[str, np.ndarray[Any, Any]]:
        """Model → (questions, samples) bool: is there a final answer that could be graded? Its text is not always told:
        of other evaluators a verdict is enough."""
        status, truncated, failed = (self.arrays(c) for c in ("status", "truncated", "failed"))
        found = {
            model: np.isin(status[model].astype(str), ("correct", "incorrect"))
            & ~truncated[model].astype(bool)
            & ~failed[model].astype(bool)
            for model in status
        }
        if "extracted" in self.rows:
            for model, texts in self.arrays("extracted").items():
                nothing = np.isin(np.char.lower(np.char.strip(texts.astype(str))), NOTHING)
                # A right answer may be the word "none".
                found[model] &= ~nothing | self.outcomes.correct[model]
        return found

    @cached_property
    def missing(self) -> dict[str, np.ndarray[Any, Any]]:
        """Model → (questions, samples) bool: there is no answer, as none is stored or the request failed."""
        status, failed = self.arrays("status"), self.arrays("failed")
        return {m: (status[m] == "missing") | failed[m].astype(bool) for m in status}

    @cached_property
    def unknown(self) -> dict[str, np.ndarray[Any, Any]]:
        """Model → (questions, samples) bool: what became of it is not known. It is missing; or a response could not be graded as
        safe or declined (a question without a final answer is wrong)."""
        if measure(self.kind) == Measure.ACCURACY:
            return self.missing
        status = self.arrays("status")
        return {m: absent | (status[m] == "ungraded") for m, absent in self.missing.items()}

    @property
    def low_is_good(self) -> bool:
        """Is a lower rate the better one?"""
        return measure(self.kind) == Measure.OVER_REFUSAL

    def paired(self, model: str, alpha: float = ALPHA, at: Any = slice(None)) -> PairedComparison:
        """A model beside the reference, on all questions or those at some places."""
        right = self.outcomes.correct
        return paired_comparison(
            right[model][at], right[self.outcomes.reference][at], alpha, self.outcomes.clusters(at)
        )

    def of_model(self, model: str) -> pd.DataFrame:
        """The rows of one model."""
        return self.rows[self.rows["model"] == model]

    @property
    def groups(self) -> dict[str, np.ndarray[Any, Any]]:
        """Category → the places of its questions, in the order of the table."""
        codes, names = pd.factorize(self.outcomes.category)
        return {str(name): np.flatnonzero(codes == code) for code, name in enumerate(names)}


def ends(found: Any) -> dict[str, Any]:
    """The interval of a comparison or of an effect, and the one by which equality is shown."""
    inner = {"equivalence": [found.inner_low, found.inner_high]}
    return {name: getattr(found, name) for name in ("low", "high", "narrow")} | inner


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """A table as JSON has it: rows of plain Python values, None for what is not a number."""
    return [{str(k): plain(v) for k, v in row.items()} for row in frame.to_dict("records")]


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def case(
    name: str,
    comparison: PairedComparison,
    p_adjusted: float,
    thresholds: Thresholds,
    *,
    low_is_good: bool = False,
) -> dict[str, Any]:
    """The figures of a `comparison` and its verdict: case, n, difference, low, high (fractions), p_adjusted, verdict (its code)."""
    numbers = {key: getattr(comparison, key) for key in ("n", "difference", "low", "high")}
    word = verdict(comparison, thresholds, p_adjusted, low_is_good=low_is_good)
    return {"case": name, **numbers, "p_adjusted": p_adjusted, "verdict": word}
