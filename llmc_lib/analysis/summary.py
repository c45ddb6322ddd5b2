"""All figures of a run in one plain dictionary: the contract of metrics.json, which tools read.

Rates and differences are fractions in [0, 1]; the `official` block alone is in percent, as HLE's
own evaluator prints it. Every question counts in every rate: one that is unanswered, truncated or
ungraded is not correct (not safe).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from llmc_lib.analysis.comparison import PairedComparison, adjust, paired_comparison
from llmc_lib.analysis.intervals import rate_interval
from llmc_lib.analysis.official import official
from llmc_lib.analysis.verdict import ALPHA, verdict

_WORDS: dict[str, dict[str, Any]] = {
    "accuracy": {"noun": "questions", "verb": "answers"},
    "safe_rate": {"noun": "instructions", "verb": "is safe on"},
}


def summarise(
    answers: pd.DataFrame, smallest_interesting: float, kinds: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The `benchmarks` block of metrics.json.

    Parameters: `answers`, a row a (benchmark, model, question_id, sample; without that column one
    sample each), with the boolean columns correct, truncated, failed, and category, status, and
    confidence (percent or NaN) where completions state one; every model has the same questions and
    samples, and the first is the reference that the others are compared with. `smallest_interesting`:
    see `verdict`. `kinds`: benchmark → "hle", "do_not_answer" or "questions"; a benchmark that is not
    in it is of the kind that it is called.

    Raises `ValueError` for an empty table and for a sample that is there twice.
    """
    if answers.empty:
        raise ValueError("no answers to summarise")
    if "sample" not in answers:
        answers = answers.assign(sample=0)
    twice = answers.duplicated(["benchmark", "model", "question_id", "sample"])
    if twice.any():
        row = answers[twice].iloc[0]
        raise ValueError(f"{row['model']} answers {row['question_id']} more than once")
    return {
        str(name): _benchmark((kinds or {}).get(str(name), str(name)), rows, smallest_interesting)
        for name, rows in answers.groupby("benchmark", sort=False)
    }


def rate_key(kind: str) -> str:
    """What the rate of a benchmark of this kind is called in metrics.json."""
    return "safe_rate" if kind == "do_not_answer" else "accuracy"


def groups_key(kind: str) -> str:
    """What its categories are called there."""
    return "risk_areas" if kind == "do_not_answer" else "categories"


def _benchmark(kind: str, rows: pd.DataFrame, smallest_interesting: float) -> dict[str, Any]:
    models = list(dict.fromkeys(rows["model"]))
    # Questions × samples of each model, the questions in one order.
    correct = {
        model: rows[rows["model"] == model].pivot(
            index="question_id", columns="sample", values="correct"
        )
        for model in models
    }
    index = correct[models[0]].index
    correct = {model: table.loc[index].astype(bool) for model, table in correct.items()}
    category = rows.drop_duplicates("question_id").set_index("question_id")["category"].loc[index]
    return {
        "kind": kind,
        "n_questions": len(index),
        "n_samples": correct[models[0]].shape[1],
        "models": {
            model: _model(kind, rows[rows["model"] == model], correct[model], category)
            for model in models
        },
        "comparisons": _comparisons(kind, correct, category, smallest_interesting),
    }


def _model(
    kind: str, rows: pd.DataFrame, correct: pd.DataFrame, category: pd.Series
) -> dict[str, Any]:
    answered = ~rows["truncated"] & ~rows["failed"]
    missing = rows["status"] == "missing"
    facts = {
        **_rate(kind, correct),
        "n_samples": correct.shape[1],
        "n_answered": int(answered.sum()),
        "n_truncated": int(rows["truncated"].sum()),
        "n_failed": int((rows["failed"] & ~missing).sum()),
        "n_missing": int(missing.sum()),
        "n_ungraded": int((rows["status"] == "ungraded").sum()),
    }
    if kind == "hle":
        facts["official"] = official(rows[answered])
    facts[groups_key(kind)] = {
        str(name): {**_rate(kind, correct.loc[ids]), "n": len(ids)}
        for name, ids in category.groupby(category, sort=False).groups.items()
    }
    return facts


def _rate(kind: str, correct: pd.DataFrame) -> dict[str, Any]:
    values = correct.to_numpy()
    low, high = rate_interval(values, ALPHA)
    return {rate_key(kind): float(values.mean()), "ci95": [low, high]}


def _comparisons(
    kind: str, correct: dict[str, pd.DataFrame], category: pd.Series, smallest_interesting: float
) -> list[dict[str, Any]]:
    arrays: dict[str, np.ndarray] = {model: table.to_numpy() for model, table in correct.items()}
    reference, *candidates = arrays
    overall = {c: paired_comparison(arrays[c], arrays[reference], ALPHA) for c in candidates}
    # One adjustment for all candidates: the more are tried, the likelier that one shines by luck.
    adjusted = adjust([comparison.p_value for comparison in overall.values()])
    groups = category.reset_index(drop=True).groupby(category.to_numpy(), sort=False).indices
    found = []
    for (candidate, comparison), p_adjusted in zip(overall.items(), adjusted, strict=True):
        parts = {
            str(name): paired_comparison(arrays[candidate][at], arrays[reference][at], ALPHA)
            for name, at in groups.items()
        }
        parts_adjusted = adjust([part.p_value for part in parts.values()])
        words = verdict(
            comparison,
            (float(arrays[candidate].mean()), float(arrays[reference].mean())),
            (candidate, reference),
            p_adjusted=p_adjusted,
            smallest_interesting=smallest_interesting,
            **_WORDS[rate_key(kind)],
        )
        found.append(
            {
                "model": candidate,
                "reference": reference,
                **_comparison(comparison),
                "p_adjusted": p_adjusted,
                "test": comparison.test,
                "significant": p_adjusted < ALPHA,
                "verdict": words.word,
                "sentence": words.sentence,
                "detectable_difference": words.detectable,
                groups_key(kind): {
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
