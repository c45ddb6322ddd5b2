"""Whether the verdict on a candidate depends on reference answers (keys): on which parts of the questions it holds, what
uncertain ones could make of it, what it was by those that were revised, and how few wrong ones would turn it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from llmc_lib.analysis.comparison import PairedComparison, paired_comparison
from llmc_lib.analysis.keys import answer_classes, fewest_keys, key_bounds, key_parts
from llmc_lib.analysis.simultaneous import Family
from llmc_lib.analysis.summary.table import NOTHING, Table, case
from llmc_lib.analysis.verdict import ALPHA, Thresholds
from llmc_lib.benchmarks.declaration import REVISED, UNCERTAIN, VERIFIED
from llmc_lib.records import Word

#: The union of what was checked and what was revised, in the table of parts.
BOTH = "verified_and_revised"

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Keys:
    """The keys of a benchmark: of each question its subsets, and of each answer what the original key makes of it."""

    table: Table

    @cached_property
    def parts(self) -> dict[str, Bools]:
        """Subset → (n,) bool. Of verified and revised ones together, too, where there are both."""
        rows = self.table.rows
        if "subsets" not in rows:
            return {}
        names = rows.drop_duplicates("question_id")["subsets"].fillna("").astype(str)
        found = key_parts([frozenset(each.split()) for each in names])
        if VERIFIED in found and REVISED in found:
            found[BOTH] = found[VERIFIED] | found[REVISED]
        known = [name for name in (VERIFIED, REVISED, BOTH, UNCERTAIN) if name in found]
        order = [*known, *sorted(set(found) - set(known))]
        return {name: found[name] for name in order}

    @cached_property
    def revised(self) -> Bools:
        """(n,): was the answer revised?"""
        rows = self.table.rows
        if "original_key" not in rows or rows["original_key"].isna().all():
            return np.zeros(self.table.outcomes.n_questions, dtype=bool)
        given = self.table.arrays("original_key").values()
        return np.asarray(np.any([pd.notna(each).any(axis=1) for each in given], axis=0))

    def by(self, column: str, model: str) -> Bools:
        """(n, k): correct by "original_key" or "revised_key"; as counted where the answer was not revised."""
        correct = self.table.arrays(column)[model] == "correct"
        return np.where(self.revised[:, None], correct, self.table.outcomes.correct[model])

    @cached_property
    def classes(self) -> dict[str, NDArray[np.int64]]:
        """Model → (n, k): the classes of its answers (`keys.answer_classes`)."""
        table = self.table
        models, right = list(table.outcomes.models), table.outcomes.correct
        found = {
            name: np.concatenate([table.arrays(name)[m] for m in models], axis=1)
            for name in ("extracted", "status", "truncated", "failed", "by_judge")
            if name in table.rows
        }
        status = found["status"].astype(str)
        texts = _texts(found.get("extracted", np.full(status.shape, "", dtype=object)))
        stated = ~np.isin(np.char.lower(texts.astype(str)), NOTHING)
        decided = np.isin(status, ("correct", "incorrect"))
        # In a response without a verdict a judge might have found an answer.
        undecided = found.get("by_judge", np.full(status.shape, None)) == "ungraded"
        possible = stated & (decided | (texts != "")) | undecided
        cut, failed = (found[name].astype(bool) for name in ("truncated", "failed"))
        possible &= ~cut & ~failed & (status != "missing")
        correct = np.concatenate([right[m] for m in models], axis=1)
        made = answer_classes(texts, correct, possible)
        ends = np.cumsum([right[m].shape[1] for m in models])[:-1]
        return dict(zip(models, np.split(made, ends, axis=1), strict=True))


def _texts(values: NDArray[np.object_]) -> NDArray[np.object_]:
    return np.array([t if isinstance(t, str) else "" for t in values.ravel()], object).reshape(
        values.shape
    )


def facts(keys: Keys) -> dict[str, Any] | None:
    """Of a benchmark: the questions of each subset, and of those whose answer was revised each model's rate by both keys,
    the same completions graded by each. None where it has neither."""
    if not keys.parts and not keys.revised.any():
        return None
    block: dict[str, Any] = {"subsets": {name: int(at.sum()) for name, at in keys.parts.items()}}
    at = keys.revised
    if at.any():
        labels = keys.table.outcomes.clusters(at)
        block["revised"] = {"n": int(at.sum()), "models": {}}
        for model in keys.table.outcomes.models:
            new, old = (keys.by(column, model)[at] for column in ("revised_key", "original_key"))
            found = paired_comparison(new, old, ALPHA, labels)
            block["revised"]["models"][model] = {
                "original": float(old.mean()),
                "revised": float(new.mean()),
                "difference": found.difference,
                "ci95": [found.low, found.high],
                "p_value": found.p_value,
                "gained": found.gained,
                "lost": found.lost,
            }
    return block


def block(
    keys: Keys, comparison: Mapping[str, Any], thresholds: Thresholds, of_all: Family
) -> dict[str, Any]:
    """Of a comparison: `parts`, `uncertain`, `original` and `fewest`, each None (parts: empty) where there is nothing to say, the last two also
    where the models have unequal numbers of samples.

    Parameters: the `comparison` as counted; the family of all candidates, at whose level the verdicts are. The parts are not
    adjusted for being several: they are checks of one verdict.
    """
    model, word = comparison["model"], comparison["verdict"]
    adjusted, level = of_all.adjust, of_all.level
    outcomes, clusters = keys.table.outcomes, keys.table.outcomes.cluster
    a, b = outcomes.correct[model], outcomes.correct[outcomes.reference]

    def told(name: str, comparison: PairedComparison) -> dict[str, Any]:
        return case(name, comparison, adjusted(comparison.p_value), thresholds)

    original = None
    if keys.revised.any():
        old, base = (keys.by("original_key", name) for name in (model, outcomes.reference))
        original = told("original", paired_comparison(old, base, level, clusters))
    classes = keys.classes[model], keys.classes[outcomes.reference]
    fewest, uncertain = None, None
    if a.shape == b.shape:  # bounds are of models with equal numbers of samples
        fewest = fewest_keys(
            a, b, *classes, thresholds, level=level, adjusted=adjusted, clusters=clusters
        )
        uncertain = keys.parts.get(UNCERTAIN)
    return {
        "parts": [told(name, keys.table.paired(model, level, at)) for name, at in keys.parts.items()],
        "original": original and {**original, "changes": original["verdict"] != word},
        "uncertain": None
        if uncertain is None
        else _uncertain(key_bounds(a, b, *classes, uncertain, alpha=level, clusters=clusters), told, word),
        "fewest": fewest and {"n": fewest.n, "verdict": fewest.word, "exact": fewest.exact},
    }  # fmt: skip


def _uncertain(bounds: Any, told: Callable[..., dict[str, Any]], word: Word) -> dict[str, Any]:
    cases = [told("least", bounds.least), told("most", bounds.most)]
    return {
        "n": bounds.n,
        "low": bounds.least.difference,
        "high": bounds.most.difference,
        "cases": cases,
        "changes": any(each["verdict"] != word for each in cases),
    }
