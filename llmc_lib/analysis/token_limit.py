"""What accuracy would have been under a smaller token limit: the price of not allowing the maximum.

From the stored lengths alone: a completion that is within the limit keeps its grade, a longer one would
have been cut and is wrong. This is what *cutting* would have done to *these* completions. A model that is
told of a smaller budget, or trained for one, might answer shorter; nothing here says how well.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from llmc_lib.analysis.clustered import clustered_rate
from llmc_lib.analysis.comparison import adjust, paired_test
from llmc_lib.analysis.given import NotKnown
from llmc_lib.analysis.length import Arrays, aligned, of_clusters, parts

_STEPS = 40


def limit_curve(
    correct: Arrays,
    tokens: Arrays,
    limits: Sequence[int] | None = None,
    category: Sequence[str] | None = None,
    alpha: float = 0.05,
    clusters: ArrayLike | None = None,
) -> pd.DataFrame:
    """Accuracy of each model as if completions had been cut at smaller limits.

    Parameters: as for `accuracy_by_length`; `limits` in tokens (None: `usual_limits`).

    Returns a row a model, category ("all" first) and limit: limit, rate, low, high (fractions of all
    answers, `clustered_rate`'s interval, of each limit alone), cut (the share of answers longer than the
    limit), questions. A missing answer is wrong at every limit.

    Raises `ValueError` as `accuracy_by_length` does, and where a right answer has no length: whether it
    would have been cut cannot be told. (A wrong one is wrong at every limit.)
    """
    right, lengths = _known(correct, tokens)
    chosen = _limits(lengths, limits)
    rows = []
    for model, hits in right.items():
        kept = _kept(hits, lengths[model], chosen)
        known = ~np.isnan(lengths[model])
        longer = known.sum(axis=1)[:, None] - _kept(known, lengths[model], chosen)
        for name, at in parts(category, len(hits)):
            labels = of_clusters(clusters, len(hits), at)
            rate, low, high = clustered_rate(kept[at], hits.shape[1], alpha, labels)
            rows.append(
                pd.DataFrame(
                    {
                        "model": model,
                        "category": name,
                        "limit": chosen,
                        "rate": rate,
                        "low": low,
                        "high": high,
                        "cut": longer[at].mean(axis=0) / hits.shape[1],
                        "questions": len(at),
                    }
                )
            )
    return pd.concat(rows, ignore_index=True)


def limit_differences(
    correct: Arrays,
    tokens: Arrays,
    reference: str | None = None,
    limits: Sequence[int] | None = None,
    alpha: float = 0.05,
    clusters: ArrayLike | None = None,
) -> pd.DataFrame:
    """The paired difference of each model to the `reference` (None: the first) at smaller limits.

    Parameters, limits and errors are those of `limit_curve`; the comparison at each limit is
    `paired_comparison`'s. Returns a row a model and limit: model, reference, limit, difference, low, high,
    p_value (of this limit alone: a curve has many, and one of them will shine by luck), n (questions).

    Raises `ValueError` also for a reference that is not there.
    """
    right, lengths = _known(correct, tokens)
    chosen = _limits(lengths, limits)
    base = next(iter(right)) if reference is None else reference
    if base not in right:
        raise ValueError(f"reference {base!r} is not one of {', '.join(right)}")
    rows = []
    for model in right:
        if model == base:
            continue
        for limit in chosen:
            found = paired_test(
                right[model] & (lengths[model] <= limit),
                right[base] & (lengths[base] <= limit),
                clusters,
            )
            low, high = found.interval(alpha)
            rows.append(
                {
                    "model": model,
                    "reference": base,
                    "limit": int(limit),
                    "difference": found.difference,
                    "low": low,
                    "high": high,
                    "p_value": found.p_value,
                    "n": len(right[model]),
                }
            )
    columns = ["model", "reference", "limit", "difference", "low", "high", "p_value", "n"]
    return pd.DataFrame(rows, columns=columns)


def order_changes(differences: pd.DataFrame, alpha: float = 0.05) -> pd.DataFrame:
    """Where a smaller limit would have turned the order of two models round.

    Parameters: `differences`, what `limit_differences` gives. Returns a row a model and unbroken range of
    limits in which its difference has the other sign than at the largest: model, reference, from_limit,
    to_limit, at (the limit where it is most so), difference (there), low, high, clear (is somewhere in the
    range a p-value below `alpha`, adjusted for all limits by Holm's method?). Empty where the order never
    differs, and where the models are equal at the largest limit.
    """
    rows = []
    for model, part in differences.groupby("model", sort=False):
        part = part.sort_values("limit").reset_index(drop=True)
        adjusted = np.array(adjust(part["p_value"].tolist()))
        final = np.sign(part["difference"].iloc[-1])
        turned = (np.sign(part["difference"]) * final < 0).to_numpy()
        starts = np.flatnonzero(turned & ~np.r_[False, turned[:-1]])
        ends = np.flatnonzero(turned & ~np.r_[turned[1:], False])
        for start, end in zip(starts, ends, strict=True):
            span = part.iloc[start : end + 1]
            most = span.iloc[int(span["difference"].abs().to_numpy().argmax())]
            rows.append(
                {
                    "model": model,
                    "reference": most["reference"],
                    "from_limit": int(span["limit"].iloc[0]),
                    "to_limit": int(span["limit"].iloc[-1]),
                    "at": int(most["limit"]),
                    "difference": float(most["difference"]),
                    "low": float(most["low"]),
                    "high": float(most["high"]),
                    "clear": bool((adjusted[start : end + 1] < alpha).any()),
                }
            )
    columns = ["model", "reference", "from_limit", "to_limit", "at", "difference", "low", "high", "clear"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def usual_limits(tokens: Arrays) -> list[int]:
    """Up to 40 limits: quantiles of the known lengths of all models, rounded up to two digits, and the longest.

    Most of them where most completions end, which is where a curve bends.
    """
    known = np.concatenate([np.asarray(each, dtype=float).ravel() for each in tokens.values()])
    known = known[~np.isnan(known)]
    if not len(known):
        raise NotKnown("no length of a completion is known", "no_lengths")
    # Half by quantile, half evenly: quantiles alone leave the long tail to one straight line.
    steps = np.linspace(0, 1, _STEPS // 2 + 1)[1:]
    places = np.concatenate([np.quantile(known, steps), known.max() * steps])
    digits = 10.0 ** np.floor(np.log10(np.maximum(places, 1)) - 1)
    rounded = np.ceil(places / digits) * digits
    longest = float(known.max())
    inside = {int(limit) for limit in rounded if known.min() <= limit < longest}
    return sorted({*inside, int(longest)})


def _known(
    correct: Arrays, tokens: Arrays
) -> tuple[dict[str, NDArray[np.bool_]], dict[str, NDArray[np.float64]]]:
    right, lengths = aligned(correct, tokens)
    for model, hits in right.items():
        if lost := int((hits & np.isnan(lengths[model])).sum()):
            found = int(hits.sum())
            raise NotKnown(
                f"{model}: {lost:,} of {found:,} right answers have no length in tokens, and whether a smaller limit "
                "would have cut them is not known",
                "lengths_missing",
                model=model,
                missing=lost,
                right=found,
            )
    return right, lengths


def _limits(lengths: Arrays, limits: Sequence[int] | None) -> NDArray[np.float64]:
    chosen = usual_limits(lengths) if limits is None else sorted({int(limit) for limit in limits})
    if not chosen:
        raise ValueError("no limits")
    return np.asarray(chosen, dtype=float)


def _kept(
    counted: NDArray[np.bool_], lengths: NDArray[np.float64], limits: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Of each question, how many of the counted answers are within each of the rising limits: (n, limits)."""
    n, m = len(counted), len(limits)
    # The first limit that an answer is within; those beyond all of them fall into one column more.
    place = np.arange(n)[:, None] * (m + 1) + np.searchsorted(limits, lengths, side="left")
    found = np.bincount(place[counted], minlength=n * (m + 1)).reshape(n, m + 1)[:, :m]
    return np.cumsum(found, axis=1).astype(float)
