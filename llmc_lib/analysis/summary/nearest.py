"""Where a gain comes from: is it larger on the questions nearest to what was trained on, and what is the verdict without them?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmc_lib.analysis.gain import gain_by_similarity
from llmc_lib.analysis.simultaneous import Family
from llmc_lib.analysis.summary.table import Table, case, records
from llmc_lib.analysis.verdict import Thresholds

#: A question is taken for repeated in what was trained on where the nearest row with its answer is at least so similar, or any
#: row is so much. Measured on the 200 embedded questions in HLE's form: nine of ten paraphrases have 0.73 to 0.98 and one, all
#: formulas, about 0.6; of 7,474 problems of MATH the nearest with the same answer have 0.65 (the same problem in other words), 0.60
#: and 0.39, of embedded rows at most 0.40; the nearest with any answer 0.77.
REPEATED, VERBATIM = 0.5, 0.9
# Shares of the questions without which a verdict is given.
_SHARES = (0.05, 0.1, 0.25)


@dataclass(frozen=True)
class Near:
    """The training row that is nearest to a question, in [0, 1], and the nearest of those with its answer."""

    similarity: float
    row: str
    with_answer: float = 0.0
    row_with_answer: str = ""

    @property
    def repeated(self) -> bool:
        """Is the question taken for one that was trained on?"""
        return self.has_answer or self.similarity >= VERBATIM

    @property
    def has_answer(self) -> bool:
        """Is it one with its answer that it repeats?"""
        return self.with_answer >= REPEATED


def block(
    table: Table,
    comparison: Mapping[str, Any],
    thresholds: Thresholds,
    of_all: Family,
    near: Mapping[str, Near],
    seed: int,
) -> dict[str, Any] | None:
    """Of a comparison: the `curve` of the gain from the nearest questions on, its p-value and what is `found`, the questions that are
    `repeated`, and `without`: the verdict without these, and without the nearest. None where a question's nearest row is not known."""
    outcomes, model = table.outcomes, comparison["model"]
    ids = [str(id_) for id_ in outcomes.question_ids]
    if not all(id_ in near for id_ in ids):
        return None
    a, b, clusters = outcomes.correct[model], outcomes.correct[outcomes.reference], outcomes.cluster
    similarity = np.array([near[id_].similarity for id_ in ids])
    repeated = np.array([near[id_].repeated for id_ in ids])
    found = gain_by_similarity(
        a.mean(axis=1) - b.mean(axis=1),
        similarity,
        clusters,
        alpha=thresholds.significance,
        seed=seed,
    )
    order = np.argsort(-similarity, kind="stable")
    kept = {"repeated": ~repeated} if repeated.any() else {}
    for share in _SHARES:
        kept[f"{share:g}"] = ~np.isin(np.arange(len(ids)), order[: round(share * len(ids))])

    def without(name: str, at: NDArray[np.bool_]) -> dict[str, Any]:
        rest = table.paired(model, of_all.level, at)
        return case(name, rest, of_all.adjust(rest.p_value), thresholds)

    cases = [without(name, at) for name, at in kept.items() if at.any() and not at.all()]
    return {
        "found": found.found,
        "p_value": found.p_value,
        "curve": records(found.curve),
        "repeated": sorted(
            (_repeated(id_, near[id_]) for id_ in ids if near[id_].repeated),
            key=lambda row: (-row["similarity"], row["question_id"]),
        ),
        "without": cases,
        "changes": any(each["verdict"] != comparison["verdict"] for each in cases),
    }


def _repeated(id_: str, near: Near) -> dict[str, Any]:
    similarity, row = near.similarity, near.row
    if near.has_answer:
        similarity, row = near.with_answer, near.row_with_answer
    return {"question_id": id_, "similarity": similarity, "row": row, "same_answer": near.has_answer}  # fmt: skip
