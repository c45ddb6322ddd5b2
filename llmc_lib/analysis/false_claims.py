"""False claims in what models wrote: how many answers have one, and whether wrong answers have more."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from llmc_lib.analysis.intervals import wilson

# With fewer questions on either side a test by questions means nothing.
_FEW = 10
# With fewer, or a share of 0 or 1, the linear model's error is too small: a side of 0 of 10 has none.
_LINEAR = 30


@dataclass(frozen=True)
class Association:
    """Answers with a false claim among wrong ones, minus among right ones; fractions."""

    wrong: float
    right: float
    n_wrong: int
    n_right: int
    difference: float
    low: float
    high: float
    p_value: float


def summarise_claims(checked: pd.DataFrame, n_questions: int) -> dict[str, Any]:
    """The `false_claims` block of metrics.json.

    Parameters: `checked`, a row an answer: model, question_id, correct, checked (claims that were decided),
    false; `n_questions` in all, of which those in `checked` are a part.

    Returns n_checked and n_questions (questions), models: name → claims, false, answers (those with a claim
    that was decided), answers_with_false, ci95 of the share of these (Wilson; None without such answers), and
    wrong_against_right (`association`; None where it cannot be told).
    """
    models = {}
    for model in dict.fromkeys(checked["model"]):
        mine = checked[(checked["model"] == model) & (checked["checked"] > 0)]
        answers, false = len(mine), int((mine["false"] > 0).sum())
        models[str(model)] = {
            "claims": int(mine["checked"].sum()),
            "false": int(mine["false"].sum()),
            "answers": answers,
            "answers_with_false": false,
            "ci95": list(wilson(false, answers)) if answers else None,
        }
    found = association(checked)
    return {
        "n_checked": int(checked["question_id"].nunique()),
        "n_questions": n_questions,
        "models": models,
        "wrong_against_right": asdict(found) if found else None,
    }


def association(checked: pd.DataFrame) -> Association | None:
    """Do wrong answers carry a false claim more often than right ones?

    The difference of the two shares among answers with a claim that could be decided, all models together, by
    a linear probability model with standard errors clustered by question (Liang and Zeger 1986; statsmodels'
    OLS), as answers to one question are no independent ones. Where a side has fewer than 30 questions, or a share
    is 0 or 1, this error is too small (0 of 10 has none): there Newcombe's hybrid score interval (method 10,
    Statistics in Medicine 17, 1998; statsmodels) and Fisher's exact test, with as many answers on a side as it
    has questions, as if those to one question all agreed. Exact coverage of the 95% interval, summed over all
    tables of 23 and 10 and of 40 and 15 answers with shares between 0.02 and 0.9: 93% to 99.5%.

    None where fewer than ten questions have a wrong, or a right, such answer, or where all are alike. `checked`
    as in `summarise_claims`.
    """
    rows = checked[checked["checked"] > 0]
    wrong = ~rows["correct"].to_numpy(dtype=bool)
    has = rows["false"].to_numpy() > 0
    questions = rows["question_id"].to_numpy()
    asked = [len(set(questions[side])) for side in (wrong, ~wrong)]
    if min(asked) < _FEW or len(set(has)) < 2:
        return None
    shares = [float(has[side].mean()) for side in (wrong, ~wrong)]
    linear = min(asked) >= _LINEAR and all(0 < share < 1 for share in shares)
    low, high, p_value = _clustered(wrong, has, questions) if linear else _of_few(shares, asked)
    return Association(
        wrong=shares[0],
        right=shares[1],
        n_wrong=int(wrong.sum()),
        n_right=int((~wrong).sum()),
        difference=shares[0] - shares[1],
        low=low,
        high=high,
        p_value=p_value,
    )


def _clustered(
    wrong: np.ndarray, has: np.ndarray, questions: np.ndarray
) -> tuple[float, float, float]:
    """Interval and p-value of the linear probability model, clustered by question."""
    from statsmodels.regression.linear_model import OLS  # a second to import

    design = np.column_stack([np.ones(len(wrong)), wrong.astype(float)])
    groups = pd.factorize(questions)[0]
    fit = OLS(has.astype(float), design).fit(
        cov_type="cluster", cov_kwds={"groups": groups}, use_t=True
    )
    low, high = (float(bound) for bound in np.asarray(fit.conf_int())[1])
    return low, high, float(fit.pvalues[1])


def _of_few(shares: list[float], asked: list[int]) -> tuple[float, float, float]:
    """Newcombe's interval, and Fisher's exact test of the counts that come nearest to the shares."""
    from scipy import stats
    from statsmodels.stats.proportion import confint_proportions_2indep  # a second to import

    counts = [share * n for share, n in zip(shares, asked, strict=True)]
    low, high = confint_proportions_2indep(
        counts[0], asked[0], counts[1], asked[1], compare="diff", method="newcomb"
    )
    table = [[round(c), n - round(c)] for c, n in zip(counts, asked, strict=True)]
    return float(low), float(high), float(stats.fisher_exact(table)[1])
