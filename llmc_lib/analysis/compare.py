"""All candidates against the reference, one row each."""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal

import pandas as pd

from llmc_lib.analysis.comparison import adjust, paired_comparison
from llmc_lib.analysis.intervals import rate_interval
from llmc_lib.analysis.outcomes import Outcomes
from llmc_lib.analysis.permutation import permutation_test


def rates(outcomes: Outcomes, alpha: float = 0.05, *, by_category: bool = False) -> pd.DataFrame:
    """A row a model (and category): model, (category,) n, k, rate, low, high, missing.

    The interval is `rate_interval`'s; `missing` counts answers, which are among the wrong ones.
    """
    rows = [
        {
            "model": model,
            **extra,
            "n": part.n_questions,
            "k": part.n_samples,
            "rate": float(part.correct[model].mean()),
            **dict(
                zip(
                    ("low", "high"),
                    rate_interval(part.correct[model], alpha, part.cluster),
                    strict=True,
                )
            ),
            "missing": int(part.missing[model].sum()),
        }
        for extra, part in _parts(outcomes, by_category)
        for model in outcomes.models
    ]
    return pd.DataFrame(rows)


def compare(
    outcomes: Outcomes,
    alpha: float = 0.05,
    *,
    by_category: bool = False,
    method: Literal["holm", "bh"] = "holm",
) -> pd.DataFrame:
    """Every candidate against `outcomes.reference`, on the same questions.

    Returns a row a candidate (and category) with the fields of `PairedComparison`, those of its unpaired
    result as unpaired_…, and: k, rate and reference_rate, p_adjusted (over the candidates; over the
    categories of a candidate with `by_category`; `method` as in `adjust`), p_permutation (the exact
    sign-flip test). Rates and differences are fractions. Without a candidate the table is empty.
    """
    rows = []
    for extra, part in _parts(outcomes, by_category):
        base = part.correct[part.reference]
        for model in part.candidates:
            found = paired_comparison(part.correct[model], base, alpha, part.cluster)
            fields = asdict(found)
            unpaired = {f"unpaired_{name}": value for name, value in fields.pop("unpaired").items()}
            rows.append(
                {
                    "model": model,
                    **extra,
                    "reference": part.reference,
                    "k": part.n_samples,
                    "rate": float(part.correct[model].mean()),
                    "reference_rate": float(base.mean()),
                    **fields,
                    "p_permutation": permutation_test(part.correct[model], base, part.cluster),
                    **unpaired,
                }
            )
    table = pd.DataFrame(rows)
    if rows:
        groups = table["model"] if by_category else pd.Series(0, index=table.index)
        adjusted = table.groupby(groups, sort=False)["p_value"].transform(
            lambda p: adjust(p.tolist(), method)
        )
        table.insert(list(table).index("p_value") + 1, "p_adjusted", adjusted)
    return table


def _parts(outcomes: Outcomes, by_category: bool) -> list[tuple[dict[str, str], Outcomes]]:
    if not by_category:
        return [({}, outcomes)]
    return [({"category": name}, outcomes.only(name)) for name in pd.unique(outcomes.category)]
