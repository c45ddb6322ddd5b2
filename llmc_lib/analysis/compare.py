"""All candidates against the reference, one row each."""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal

import numpy as np
import pandas as pd

from llmc_lib.analysis.comparison import adjust, paired_comparison
from llmc_lib.analysis.intervals import rate_interval
from llmc_lib.analysis.outcomes import Outcomes
from llmc_lib.analysis.permutation import permutation_test
from llmc_lib.analysis.simultaneous import Family, family


def rates(outcomes: Outcomes, alpha: float = 0.05, *, by_category: bool = False) -> pd.DataFrame:
    """A row a model (and category): model, (category,) n, k, rate, low, high, missing.

    The interval is `rate_interval`'s; `missing` counts answers, which are among the wrong ones.
    """
    rows = [
        {
            "model": model,
            **extra,
            "n": part.n_questions,
            "k": part.samples[model],
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
    method: Literal["joint", "holm", "bh"] | None = None,
) -> pd.DataFrame:
    """Every candidate against `outcomes.reference`, on the same questions.

    Returns a row a candidate (and category) with the fields of `PairedComparison`, those of its unpaired
    result as unpaired_…, and: k and reference_k (samples of each question), rate and reference_rate, p_adjusted (over the candidates; with `by_category`
    over these and then over the categories of each), p_permutation (the exact sign-flip test). Rates and differences
    are fractions. Without a candidate the table is empty.

    `method` of the adjustment: "joint" (None: over the candidates), `simultaneous.family`'s, with the intervals
    joint_low and joint_high, which hold for all candidates at once and leave out 0 exactly where p_adjusted < alpha;
    "holm" (None: over categories) or "bh", as in `adjust`.

    >>> from llmc_lib.analysis import outcomes
    >>> rows = [(model, str(n), n < right) for model, right in (("base", 90), ("tuned", 110)) for n in range(200)]
    >>> answers = pd.DataFrame(rows, columns=["model", "question_id", "correct"])
    >>> compare(outcomes(answers))[["model", "rate", "reference_rate", "gained", "lost"]]
       model  rate  reference_rate  gained  lost
    0  tuned  0.55            0.45      20     0
    """
    method = method or ("holm" if by_category else "joint")
    if method == "joint" and by_category:
        raise ValueError("method must be 'holm' or 'bh' by category")
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
                    "k": part.samples[model],
                    "reference_k": part.samples[part.reference],
                    "rate": float(part.correct[model].mean()),
                    "reference_rate": float(base.mean()),
                    **fields,
                    "p_permutation": permutation_test(part.correct[model], base, part.cluster),
                    **unpaired,
                }
            )
    table = pd.DataFrame(rows)
    if rows:
        at = list(table).index("p_value") + 1
        if method == "joint":
            joint = together(outcomes, alpha)
            table.insert(at, "p_adjusted", [joint.adjust(p) for p in table["p_value"]])
            return table.assign(**_joint_bounds(outcomes, joint.level))
        p_values, groups = table["p_value"], pd.Series(0, index=table.index)
        if by_category:
            p_values, groups = p_values.map(together(outcomes, alpha).adjust), table["model"]
        adjusted = p_values.groupby(groups, sort=False).transform(
            lambda p: adjust(p.tolist(), method)
        )
        table.insert(at, "p_adjusted", adjusted)
    return table


def together(outcomes: Outcomes, alpha: float = 0.05, seed: int = 0) -> Family:
    """The level at which each candidate is compared with the reference, so that all hold at once."""
    base = outcomes.rates(outcomes.reference)
    differences = [outcomes.rates(candidate) - base for candidate in outcomes.candidates]
    columns = np.stack(differences, axis=1) if differences else np.zeros((len(base), 1))
    return family(columns, outcomes.cluster, alpha=alpha, seed=seed)


def _joint_bounds(outcomes: Outcomes, level: float) -> dict[str, list[float]]:
    base = outcomes.correct[outcomes.reference]
    found = [
        paired_comparison(outcomes.correct[model], base, level, outcomes.cluster)
        for model in outcomes.candidates
    ]
    return {"joint_low": [one.low for one in found], "joint_high": [one.high for one in found]}


def _parts(outcomes: Outcomes, by_category: bool) -> list[tuple[dict[str, str], Outcomes]]:
    if not by_category:
        return [({}, outcomes)]
    return [({"category": name}, outcomes.only(name)) for name in pd.unique(outcomes.category)]
