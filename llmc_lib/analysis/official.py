"""What HLE's own evaluator prints, from the answers that it would have: to compare with published figures.

After hle_eval/run_judge_results.py of `centerforaisafety/hle`, which the competition's evaluator took over.
n is the number of judged answers. An answer that was cut at the token limit or failed was never stored
by the evaluator, and one that its judge failed on is left out: neither is in any of the figures. Ours
count both as wrong.

On the reference set (2,158 questions) base has 39 answers missing and submitted 74, so n is 2,119 and
2,084; the questions that are missing are not the same ones, and the two accuracies are of different
question sets. 371 right answers are 17.51 percent of 2,119 and 17.19 percent of 2,158.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

#: Answers in a bin of the calibration error.
_BETA = 100
_VERDICTS = ("correct", "incorrect")


def official(answers: pd.DataFrame) -> dict[str, Any]:
    """The `official` block of metrics.json, in percent.

    Parameters: `answers`, a row an answer that was neither cut off nor failed, with the columns
    question_id, correct, category, and where there are some by_judge (a judge's verdict: "correct",
    "incorrect", or something else where it has none) and confidence (0 to 100, NaN where it is not known).
    Where a judge has a verdict on any, those with one are what is counted; else all, by our rules.

    Returns accuracy and wald_half_width, both rounded to 2 digits (the half width from the rounded
    accuracy, as there), calibration_error (None where a confidence is not known), n, and
    accuracy_per_category, not rounded. Figures of no answer are None.
    """
    answers = answers.sort_values("question_id")
    right = answers["correct"].to_numpy(dtype=bool)
    if "by_judge" in answers and answers["by_judge"].isin(_VERDICTS).any():
        answers = answers[answers["by_judge"].isin(_VERDICTS)]
        right = (answers["by_judge"] == "correct").to_numpy()
    n = len(right)
    if n == 0:
        return {
            "accuracy": None,
            "wald_half_width": None,
            "calibration_error": None,
            "n": 0,
            "accuracy_per_category": {},
        }
    accuracy = round(100 * right.sum() / n, 2)  # NumPy's rounding, as there
    error = None
    if "confidence" in answers and answers["confidence"].notna().all():
        error = calib_err(answers["confidence"].to_numpy(dtype=float) / 100, right)
    category = answers["category"].to_numpy()
    return {
        "accuracy": float(accuracy),
        "wald_half_width": round(1.96 * math.sqrt(accuracy * (100 - accuracy) / n), 2),
        # There 100 * round(error, 2), of which floating point makes 56.99999999999999 for 0.57.
        "calibration_error": None if error is None else round(100 * float(np.round(error, 2)), 2),
        "n": n,
        "accuracy_per_category": {
            str(name): int(right[category == name].sum()) / int((category == name).sum()) * 100
            for name in dict.fromkeys(category)
        },
    }


def calib_err(confidence: ArrayLike, correct: ArrayLike, beta: int = _BETA) -> float | None:
    """HLE's calibration error: the root mean square of (confidence - accuracy) over bins of `beta`
    answers, sorted by confidence. `confidence` (n,) in [0, 1], `correct` (n,) boolean.

    The code (`calib_err` with p='2', from hendrycks/outlier-exposure, utils/calibration_tools.py) makes
    the last bin take what is left, and then loops over all bins but that one: the most confident answers
    count in no bin, only in n. It is kept, as the published figures have it. Below `beta` answers HLE's
    code ends with an error and the competition's prints 0; here it is None. Answers of one confidence that
    lie on both sides of a bin's border are divided by NumPy's sort, there an unstable one: the third digit
    can differ with the processor. Here the order that is given decides (`official` gives that of the ids).
    """
    given, right = np.asarray(confidence, dtype=float), np.asarray(correct, dtype=bool)
    n = len(given)
    if n < beta:
        return None
    order = np.argsort(given, kind="stable")
    given, right = given[order], right[order]
    total = 0.0
    for start in range(0, (n // beta - 1) * beta, beta):
        part = slice(start, start + beta)
        total += beta / n * np.square(np.abs(given[part].mean() - right[part].mean()))
    return float(np.sqrt(total))
