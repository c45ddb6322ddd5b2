"""Accuracy by the length of the completion and by how it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from llmc_lib.analysis.clustered import clustered_rate
from llmc_lib.analysis.given import NotKnown, cluster_codes, right_or_wrong, with_samples

#: The name of the rows of all categories together.
ALL = "all"

Arrays = Mapping[str, ArrayLike]


def accuracy_by_length(
    correct: Arrays,
    tokens: Arrays,
    category: Sequence[str] | None = None,
    bins: int = 6,
    edges: Sequence[float] | None = None,
    alpha: float = 0.05,
    clusters: ArrayLike | None = None,
) -> pd.DataFrame:
    """Accuracy in bins of completion length, the same bins for all models.

    Parameters: model → boolean (n, k) or (n,), and model → lengths in tokens of the same shape, NaN where
    none is known (a missing answer; a file that says nothing of lengths): these are in no bin; `category`
    of the n questions; `bins` with about equal numbers of the lengths of all models together, or their
    `edges` (a bin holds lengths above its lower edge and up to its upper one, the first also its lower
    one); confidence 1 - alpha; `clusters`, (n,), a label a question: those of one are not independent.

    Returns a row a model, category ("all" first) and bin: bin (from 0), above, up_to (tokens), n (answers),
    questions, rate, low, high (fractions; NaN, 0 and 1 for an empty bin), unknown (answers of the model and
    category in no bin). The intervals are `clustered_rate`'s.

    A long completion is long because the question is hard: that accuracy falls with length does not say
    that thinking longer harms. `limit_curve` asks what a limit would have cost.

    Raises `ValueError` for shapes that differ, for no model, and where no length is known.
    """
    right, lengths = aligned(correct, tokens)
    known = np.concatenate([each[~np.isnan(each)] for each in lengths.values()])
    if not len(known):
        raise NotKnown("no length of a completion is known", "no_lengths")
    if edges is None:
        inner = np.quantile(known, np.linspace(0, 1, bins + 1), method="inverted_cdf")
        edges = np.unique(inner).tolist()
        edges = edges if len(edges) > 1 else [0.0, *edges]
    borders = np.asarray(edges, dtype=float)
    rows: list[dict[str, Any]] = []
    for model, hits in right.items():
        of_model = lengths[model]
        at = np.clip(np.searchsorted(borders, of_model, side="left") - 1, 0, None)
        inside = (of_model >= borders[0]) & (of_model <= borders[-1])
        for name, chosen in parts(category, len(hits)):
            asked, good = _counts(at[chosen], inside[chosen], hits[chosen], len(borders) - 1)
            labels = of_clusters(clusters, len(hits), chosen)
            rates = zip(*clustered_rate(good, asked, alpha, labels), strict=True)
            unknown = int((~inside[chosen]).sum())
            rows += [
                {
                    "model": model,
                    "category": name,
                    "bin": number,
                    "above": borders[number],
                    "up_to": borders[number + 1],
                    "n": int(asked[:, number].sum()),
                    "questions": int((asked[:, number] > 0).sum()),
                    "rate": rate,
                    "low": low,
                    "high": high,
                    "unknown": unknown,
                }
                for number, (rate, low, high) in enumerate(rates)
            ]
    return pd.DataFrame(rows)


def accuracy_by_finish(
    correct: Arrays,
    finish: Arrays,
    category: Sequence[str] | None = None,
    alpha: float = 0.05,
    clusters: ArrayLike | None = None,
) -> pd.DataFrame:
    """Accuracy by how completions ended: `finish`, model → (n, k) texts such as "stop", "length", "failed".

    Returns a row a model, category ("all" first) and finish reason that occurs: n (answers), share (of the
    model's answers in the category), questions, rate, low, high. Parameters, intervals and errors are those
    of `accuracy_by_length`.
    """
    right = {
        model: with_samples(right_or_wrong(values, model)) for model, values in correct.items()
    }
    ended = {model: with_samples(values) for model, values in finish.items()}
    _same_shapes(right, ended)
    codes, reasons = pd.factorize(
        np.concatenate([each.ravel() for each in ended.values()]).astype(object), sort=True
    )
    places = np.split(codes, np.cumsum([each.size for each in ended.values()])[:-1])
    rows: list[dict[str, Any]] = []
    for number, (model, hits) in enumerate(right.items()):
        at = places[number].reshape(hits.shape)
        for name, chosen in parts(category, len(hits)):
            asked, good = _counts(
                at[chosen], np.ones_like(at[chosen], bool), hits[chosen], len(reasons)
            )
            labels = of_clusters(clusters, len(hits), chosen)
            for place, (rate, low, high) in enumerate(
                zip(*clustered_rate(good, asked, alpha, labels), strict=True)
            ):
                if n := int(asked[:, place].sum()):
                    rows.append(
                        {
                            "model": model,
                            "category": name,
                            "finish_reason": reasons[place],
                            "n": n,
                            "share": n / hits[chosen].size,
                            "questions": int((asked[:, place] > 0).sum()),
                            "rate": rate,
                            "low": low,
                            "high": high,
                        }
                    )
    return pd.DataFrame(rows)


def _counts(
    at: NDArray[np.intp], inside: NDArray[np.bool_], hits: NDArray[np.bool_], groups: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each question, how many answers are in each group, and how many of them are right: (n, groups)."""
    n = len(at)
    place = np.arange(n)[:, None] * groups + at
    asked = np.bincount(place[inside], minlength=n * groups).reshape(n, groups)
    good = np.bincount(place[inside & hits], minlength=n * groups).reshape(n, groups)
    return asked.astype(float), good.astype(float)


def of_clusters(
    clusters: ArrayLike | None, n: int, chosen: NDArray[np.intp]
) -> NDArray[np.intp] | None:
    """The clusters of the chosen questions of n; None where each question is one of its own."""
    return None if clusters is None else cluster_codes(clusters, n)[chosen]


def parts(category: Sequence[str] | None, n: int) -> list[tuple[str, NDArray[np.intp]]]:
    """The rows of all questions, then of each category."""
    everything = [(ALL, np.arange(n))]
    if category is None:
        return everything
    if len(category) != n:
        raise ValueError(f"{len(category)} categories for {n} questions")
    codes, names = pd.factorize(np.asarray(category, dtype=object))
    return everything + [
        (str(name), np.flatnonzero(codes == code)) for code, name in enumerate(names)
    ]


def aligned(
    correct: Arrays, tokens: Arrays
) -> tuple[dict[str, NDArray[np.bool_]], dict[str, NDArray[np.float64]]]:
    """Both as (n, k) arrays. Raises `ValueError` for no model, no question, and shapes that differ."""
    right = {
        model: with_samples(right_or_wrong(values, model)) for model, values in correct.items()
    }
    lengths = {model: with_samples(values).astype(float) for model, values in tokens.items()}
    _same_shapes(right, lengths)
    return right, lengths


def _same_shapes(first: Mapping[str, NDArray[Any]], second: Mapping[str, NDArray[Any]]) -> None:
    if not first:
        raise ValueError("no model")
    for model, values in first.items():
        if model not in second or values.shape != second[model].shape or values.ndim != 2:
            other = second[model].shape if model in second else "nothing"
            raise ValueError(
                f"{model}: shapes differ or are not (n, k): {values.shape} and {other}"
            )
        if values.size == 0:
            raise ValueError(f"{model}: no question")
