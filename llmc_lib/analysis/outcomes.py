"""A tidy table of one benchmark's answers as aligned arrays of questions × samples."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Outcomes:
    """What n questions, k samples each, say about some models. Row i is the same question everywhere; k is each model's own."""

    reference: str  # the model that the others are compared with
    question_ids: np.ndarray  # (n,), in the table's order
    category: np.ndarray  # (n,)
    cluster: np.ndarray | None  # (n,): questions of one cluster are not independent; None: all are
    correct: dict[str, np.ndarray]  # model → (n, k) bool; a missing answer is False
    missing: dict[str, np.ndarray]  # model → (n, k) bool
    left_out: dict[str, int]  # model → its questions that another model lacks

    @property
    def models(self) -> list[str]:
        """The reference, then the candidates in the table's order."""
        return list(self.correct)

    @property
    def candidates(self) -> list[str]:
        """All models but the reference."""
        return [model for model in self.correct if model != self.reference]

    @property
    def n_questions(self) -> int:
        """The questions that every model was asked."""
        return len(self.question_ids)

    @property
    def n_samples(self) -> int:
        """Samples of each question, of the model that has most."""
        return max(self.samples.values())

    @property
    def samples(self) -> dict[str, int]:
        """Model → its samples of each question."""
        return {model: int(values.shape[1]) for model, values in self.correct.items()}

    @property
    def n_clusters(self) -> int | None:
        """None: every question is independent of the others."""
        return None if self.cluster is None else len(set(self.cluster))

    def clusters(self, at: Any) -> np.ndarray | None:
        """The clusters of the questions at some places; None: all are independent."""
        return None if self.cluster is None else self.cluster[at]

    def rates(self, model: str) -> np.ndarray:
        """(n,): the share of each question's samples that are correct."""
        return np.asarray(self.correct[model].mean(axis=1))

    def only(self, category: str) -> Outcomes:
        """The questions of one category. Raises `ValueError` for one that has none."""
        at = self.category == category
        if not at.any():
            raise ValueError(f"no question of category {category!r}")
        return replace(
            self,
            question_ids=self.question_ids[at],
            category=self.category[at],
            cluster=self.clusters(at),
            correct={model: values[at] for model, values in self.correct.items()},
            missing={model: values[at] for model, values in self.missing.items()},
        )


def outcomes(
    answers: pd.DataFrame,
    *,
    reference: str | None = None,
    common: Literal["warn", "refuse"] = "warn",
) -> Outcomes:
    """Align the answers of several models to one benchmark.

    Parameters: `answers`, a row an answer, with the columns model, question_id, correct (bool; NaN or None
    where the answer is missing: it counts as wrong), and optionally sample (else one sample per question),
    category (else "all") and cluster (questions that belong together, such as those on one text).
    `reference`: the model that the others are compared with; None: the first one. `common`: where models
    have different questions, "warn" takes those that all have, with a `UserWarning` that says how many are
    left out; "refuse" raises.

    Raises `ValueError` for: an empty table, a missing column, an id or model that is not given, a value of
    `correct` that is neither true nor false, an answer that is there twice, a model with more samples of one question than
    of another, a question with two categories or clusters, an unknown reference, models with no question in common.

    A million rows take about a second.

    >>> rows = [("base", "a", True), ("base", "b", False), ("tuned", "a", True), ("tuned", "b", True)]
    >>> answers = pd.DataFrame(rows, columns=["model", "question_id", "correct"])
    >>> {model: float(right.mean()) for model, right in outcomes(answers).correct.items()}
    {'base': 0.5, 'tuned': 1.0}
    """
    _check_columns(answers)
    models, names = pd.factorize(answers["model"])
    questions, ids = pd.factorize(answers["question_id"])
    for codes, column in ((models, "model"), (questions, "question_id")):
        if (codes < 0).any():
            raise ValueError(f"{column} is not given in {int((codes < 0).sum())} rows")
    reference = str(names[0]) if reference is None else reference
    if reference not in set(names):
        raise ValueError(f"no answers of the reference {reference!r}; there are {_list(names)}")
    correct, missing = _truth(answers["correct"])
    # One order for all: by model, question, sample. What is twice is then side by side.
    sample = (
        pd.factorize(answers["sample"])[0] if "sample" in answers else np.zeros(len(models), int)
    )
    order = np.lexsort((sample, questions, models))
    model_of, question_of, sample_of = models[order], questions[order], sample[order]
    same = (model_of[1:] == model_of[:-1]) & (question_of[1:] == question_of[:-1])
    twice = np.flatnonzero(same & (sample_of[1:] == sample_of[:-1]))
    if len(twice):
        at = twice[0]
        raise ValueError(
            f"{names[model_of[at]]} answers question {ids[question_of[at]]!r}"
            + (
                f", sample {sample_of[at]} more than once"
                if "sample" in answers
                else " more than once"
            )
        )
    counts = np.bincount(models * len(ids) + questions, minlength=len(names) * len(ids))
    counts = counts.reshape(len(names), len(ids))
    k = _samples(counts, names, ids)
    everywhere = np.asarray((counts > 0).all(axis=0))
    left_out = _left_out(counts, everywhere, names, common)
    kept = everywhere[question_of]
    n = int(everywhere.sum())
    at = np.cumsum(n * k)[:-1]  # where each model's answers begin
    right, gone = (
        [part.reshape(n, -1) for part in np.split(values[order][kept], at)]
        for values in (correct, missing)
    )
    first = sorted(range(len(names)), key=lambda at: names[at] != reference)
    category = _of_question(answers, "category", questions, ids)
    cluster = _of_question(answers, "cluster", questions, ids)
    return Outcomes(
        reference=reference,
        question_ids=np.asarray(ids)[everywhere],
        category=np.full(n, "all", object) if category is None else category[everywhere],
        cluster=None if cluster is None else cluster[everywhere],
        correct={str(names[model]): right[model] for model in first},
        missing={str(names[model]): gone[model] for model in first},
        left_out=left_out,
    )


def _check_columns(answers: pd.DataFrame) -> None:
    lacking = [name for name in ("model", "question_id", "correct") if name not in answers]
    if lacking:
        raise ValueError(f"the table of answers has no column {lacking[0]!r}")
    if answers.empty:
        raise ValueError("no answers: the table is empty")


def _truth(values: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Correct (missing is False) and missing, both (rows,) bool."""
    missing = values.isna().to_numpy(dtype=bool)
    given = values[~missing]
    odd = [value for value in given.unique() if not (isinstance(value, bool) or value in (0, 1))]
    if odd:
        raise ValueError(f"correct must be true or false, or missing (NaN, None), not {odd[0]!r}")
    correct = np.zeros(len(values), dtype=bool)
    correct[~missing] = given.to_numpy().astype(bool)
    return correct, missing


def _samples(counts: np.ndarray, names: pd.Index, ids: pd.Index) -> np.ndarray:
    """(models,): the samples that each has of each question."""
    k: np.ndarray = np.asarray(counts.max(axis=1))
    odd = np.argwhere((counts > 0) & (counts != k[:, None]))
    if len(odd):
        model, question = odd[0]
        raise ValueError(
            f"{names[model]} has {counts[model, question]} samples of question {ids[question]!r}, and {k[model]} of others; "
            "a model must have as many of every question (a missing one with correct = NaN)"
        )
    return k


def _left_out(
    counts: np.ndarray, everywhere: np.ndarray, names: pd.Index, common: str
) -> dict[str, int]:
    if not everywhere.any():
        raise ValueError(f"no question in common among {_list(names)}")
    left_out = {
        str(name): int((row > 0).sum() - everywhere.sum())
        for name, row in zip(names, counts, strict=True)
    }
    if any(left_out.values()):
        what = ", ".join(f"{number:,} ({name})" for name, number in left_out.items() if number)
        if common == "refuse":
            raise ValueError(f"the models have different questions; not shared by all: {what}")
        warnings.warn(
            f"compared on the {int(everywhere.sum()):,} common questions; left out: {what}",
            stacklevel=3,
        )
    return left_out


def _of_question(
    answers: pd.DataFrame, column: str, questions: np.ndarray, ids: pd.Index
) -> np.ndarray | None:
    """(questions,): the value of a column that must be one and the same in all rows of a question."""
    if column not in answers:
        return None
    codes, values = pd.factorize(answers[column])
    first = np.full(len(ids), -1)
    first[questions[::-1]] = codes[::-1]
    odd = np.flatnonzero(codes != first[questions])
    if len(odd):
        question = questions[odd[0]]
        raise ValueError(
            f"question {ids[question]!r} has more than one {column}: {answers[column].iloc[odd[0]]!r} and "
            f"{values[first[question]] if first[question] >= 0 else None!r}"
        )
    if (first < 0).any():
        raise ValueError(f"question {ids[int(np.argmin(first))]!r} has no {column}")
    found: np.ndarray = np.asarray(values, dtype=object)[first]
    return found


def _list(names: pd.Index) -> str:
    return ", ".join(map(str, names))
