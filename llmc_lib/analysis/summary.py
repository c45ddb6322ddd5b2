"""All figures of a run in one plain dictionary: the contract of metrics.json, which tools read.

Rates and differences are fractions in [0, 1]; the `official` block alone is in percent, as HLE's
own evaluator prints it. Every question counts in every rate: one that is unanswered, truncated or
ungraded is not correct (not safe).
"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from llmc_lib.analysis.comparison import PairedComparison, adjust, paired_comparison
from llmc_lib.analysis.intervals import wilson
from llmc_lib.analysis.verdict import ALPHA, verdict

_RATE = {"hle": "accuracy", "do_not_answer": "safe_rate"}
_GROUPS = {"hle": "categories", "do_not_answer": "risk_areas"}
_WORDS: dict[str, dict[str, Any]] = {
    "hle": {"noun": "questions", "verb": "answers"},
    "do_not_answer": {"noun": "instructions", "verb": "declines"},
}


def summarise(answers: pd.DataFrame, smallest_interesting: float) -> dict[str, Any]:
    """The `benchmarks` block of metrics.json.

    Parameters: `answers`, a row a (benchmark, model, question_id), one sample each, with the boolean
    columns correct, truncated, failed, and category, status; the first model is the reference that
    the others are compared with. `smallest_interesting`: see `verdict`.

    Raises `ValueError` for an empty table and for a question that a model answers twice.
    """
    if answers.empty:
        raise ValueError("no answers to summarise")
    twice = answers.duplicated(["benchmark", "model", "question_id"])
    if twice.any():
        row = answers[twice].iloc[0]
        raise ValueError(f"{row['model']} answers {row['question_id']} more than once")
    return {
        str(name): _benchmark(str(name), rows, smallest_interesting)
        for name, rows in answers.groupby("benchmark", sort=False)
    }


def _benchmark(name: str, rows: pd.DataFrame, smallest_interesting: float) -> dict[str, Any]:
    models = list(dict.fromkeys(rows["model"]))
    correct = rows.pivot(index="question_id", columns="model", values="correct")
    category = rows.drop_duplicates("question_id").set_index("question_id")["category"]
    category = category.loc[correct.index]
    reference, *candidates = models
    return {
        "n_questions": len(correct),
        "models": {model: _model(name, rows[rows["model"] == model]) for model in models},
        "comparisons": _comparisons(
            name, correct, category, reference, candidates, smallest_interesting
        ),
    }


def _model(benchmark: str, rows: pd.DataFrame) -> dict[str, Any]:
    answered = ~rows["truncated"] & ~rows["failed"]
    facts = {
        **_rate(benchmark, rows["correct"]),
        "n_samples": 1,
        "n_answered": int(answered.sum()),
        "n_truncated": int(rows["truncated"].sum()),
        "n_failed": int(rows["failed"].sum()),
        "n_ungraded": int((rows["status"] == "ungraded").sum()),
    }
    if benchmark == "hle":
        # What HLE's own evaluator makes of the same answers: it leaves the unanswered ones out.
        kept = rows[answered]
        p = float(kept["correct"].mean()) if len(kept) else 0.0
        facts["official"] = {
            "accuracy": round(100 * p, 2),
            "wald_half_width": round(196 * math.sqrt(p * (1 - p) / len(kept)), 2)
            if len(kept)
            else None,
            "calibration_error": None,  # these prompts do not ask for a confidence
            "n": len(kept),
        }
    facts[_GROUPS[benchmark]] = {
        str(group): {**_rate(benchmark, part["correct"]), "n": len(part)}
        for group, part in rows.groupby("category", sort=False)
    }
    return facts


def _rate(benchmark: str, correct: pd.Series) -> dict[str, Any]:
    low, high = wilson(int(correct.sum()), len(correct), ALPHA)
    return {_RATE[benchmark]: float(correct.mean()), "ci95": [low, high]}


def _comparisons(
    benchmark: str,
    correct: pd.DataFrame,
    category: pd.Series,
    reference: str,
    candidates: list[str],
    smallest_interesting: float,
) -> list[dict[str, Any]]:
    overall = {c: paired_comparison(correct[c], correct[reference], ALPHA) for c in candidates}
    # One adjustment for all candidates: the more are tried, the likelier that one shines by luck.
    adjusted = adjust([comparison.p_value for comparison in overall.values()])
    found = []
    for (candidate, comparison), p_adjusted in zip(overall.items(), adjusted, strict=True):
        parts = {
            str(name): paired_comparison(
                correct.loc[index, candidate], correct.loc[index, reference], ALPHA
            )
            for name, index in category.groupby(category, sort=False).groups.items()
        }
        parts_adjusted = adjust([part.p_value for part in parts.values()])
        words = verdict(
            comparison,
            (float(correct[candidate].mean()), float(correct[reference].mean())),
            (candidate, reference),
            p_adjusted=p_adjusted,
            smallest_interesting=smallest_interesting,
            **_WORDS[benchmark],
        )
        found.append(
            {
                "model": candidate,
                "reference": reference,
                **_comparison(comparison),
                "p_adjusted": p_adjusted,
                "test": "mcnemar_exact",
                "significant": p_adjusted < ALPHA,
                "verdict": words.word,
                "sentence": words.sentence,
                "detectable_difference": words.detectable,
                _GROUPS[benchmark]: {
                    name: {**_comparison(part), "p_adjusted": p}
                    for (name, part), p in zip(parts.items(), parts_adjusted, strict=True)
                },
            }
        )
    return found


def _comparison(comparison: PairedComparison) -> dict[str, Any]:
    return {
        "difference": comparison.difference,
        "ci95": [comparison.low, comparison.high],
        "p_value": comparison.p_value,
        "gained": comparison.gained,
        "lost": comparison.lost,
        "n": comparison.n,
    }
