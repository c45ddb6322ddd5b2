"""Are models as often right as they say? Calibration of stated confidences, with intervals.

HLE's own figure, which leaves its most confident bin out, is `official.calib_err`; here every answer that
states a confidence counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import special

from llmc_lib.analysis.clustered import Floats, by_cluster, clustered_rate
from llmc_lib.analysis.given import cluster_codes, right_or_wrong

Binning = Literal["mass", "width"]


@dataclass(frozen=True)
class CalibrationError:
    """An error over bins, in [0, 1]."""

    value: float  # as it is commonly computed; chance alone makes it more than 0
    debiased: float  # without what chance adds on average
    low: float  # interval of the error in the population, around `debiased`
    high: float


@dataclass(frozen=True)
class Calibration:
    """Stated confidences against what was right. Fractions in [0, 1]."""

    n: int  # answers that state a confidence; all below is of these
    n_questions: int  # with such an answer
    n_without: int  # answers that state none
    mean_confidence: float
    accuracy: float
    accuracy_without: float | None  # of the answers that state none
    overconfidence: float  # mean confidence minus accuracy, with its interval
    overconfidence_low: float
    overconfidence_high: float
    rms: CalibrationError
    ece: CalibrationError
    brier: float  # mean squared distance of confidence and outcome, with its interval
    brier_low: float
    brier_high: float
    reliability: float  # Brier score = reliability - resolution + uncertainty + within_bins
    resolution: float
    uncertainty: float
    within_bins: float
    # A row a bin: above, up_to (its edges), n, questions, confidence (mean), accuracy, low, high.
    curve: pd.DataFrame = field(repr=False)


def calibration(
    confidence: ArrayLike,
    correct: ArrayLike,
    bins: int = 10,
    binning: Binning = "mass",
    alpha: float = 0.05,
    clusters: ArrayLike | None = None,
) -> Calibration:
    """Calibration of the answers that state a confidence.

    Parameters: `confidence`, (n,) or (n, k) fractions in [0, 1], NaN where an answer states none;
    `correct`, boolean of the same shape; `bins` with about equal numbers of answers ("mass"; answers of
    one confidence are never divided, so that there may be fewer bins) or of equal width ("width"); a bin
    with answers to a single question joins its neighbour. Confidence of the intervals 1 - alpha; `clusters`, (n,), a
    label a question: questions of one cluster are not independent.

    With w the share of answers in a bin and g its mean confidence minus its accuracy: the root mean square
    error is sqrt(Σ w g²) (Hendrycks et al., "Deep Anomaly Detection with Outlier Exposure", 2019; HLE's
    figure with all bins in it), the expected calibration error Σ w |g| (Naeini et al. 2015; Guo et al. 2017).

    Both are biased upward: of a perfectly calibrated model g differs from 0 by chance. `debiased` takes the
    variance v of g (clustered by question) out: Σ w (g² - v), at least 0, under the root (Kumar, Liang and Ma,
    "Verified Uncertainty Calibration", 2019, section 4; theirs is the case of one confidence a bin), and for
    Σ w |g| what a normal error of variance v adds to |g| (their library computes it by simulation; here it is
    the mean of the folded normal distribution).

    The intervals are of the errors in the population with these bins. The variance of an error is that of
    its linear part over questions (delta method); the interval of the mean square is that of all values that
    are within the error which they themselves would have (as Wilson's is for a rate), and that of Σ w |g| allows
    for every bias that gaps within a standard error of the found ones can give. By simulation
    (`performance/validity/calibration.py`) they hold from 300 answers on, the second covers more often than it
    says where many gaps are within three of their standard errors. No bootstrap: each of its samples adds the
    bias once more, and "basic" intervals from it covered 77% to 95% there.

    Finer bins show errors that coarser ones average out: errors of different numbers of bins do not compare.

    The Brier score's parts are Murphy's (J. Appl. Meteorol. 12, 1973) with what remains within bins
    (Stephenson, Coelho and Jolliffe, Weather and Forecasting 23, 2008).

    Raises `ValueError` for shapes that differ, confidences outside [0, 1], and fewer than two questions with
    a confidence.
    """
    given, right = _checked(confidence, correct)
    known = ~np.isnan(given)
    questions = known.any(axis=1)
    if (n := int(questions.sum())) < 2:
        raise ValueError(f"{n} questions have an answer that states a confidence; two are needed")
    labels = None if clusters is None else cluster_codes(clusters, len(given))
    at, edges = _bins(given, known, bins, binning)
    rms, ece = binned_errors(given, right, at, len(edges) - 1, alpha, labels)
    of_known = None if labels is None else labels[questions]
    asked = known[questions]
    stated = np.where(asked, given[questions], 0.0)
    hits = (right[questions] & asked).astype(float)
    gap, gap_low, gap_high = _mean(
        stated.sum(axis=1) - hits.sum(axis=1), asked.sum(axis=1), alpha, of_known
    )
    brier, brier_low, brier_high = clustered_rate(
        np.square(stated - hits).sum(axis=1), asked.sum(axis=1), alpha, of_known
    )
    curve = _curve(given, right, known, at, edges, alpha, labels)
    share = curve["n"] / curve["n"].sum()
    accuracy = float(right[known].mean())
    resolution = float((share * (curve["accuracy"] - accuracy) ** 2).sum())
    plain = rms.value**2
    return Calibration(
        n=int(known.sum()),
        n_questions=n,
        n_without=int((~known).sum()),
        mean_confidence=float(given[known].mean()),
        accuracy=accuracy,
        accuracy_without=float(right[~known].mean()) if (~known).any() else None,
        overconfidence=gap,
        overconfidence_low=gap_low,
        overconfidence_high=gap_high,
        rms=rms,
        ece=ece,
        brier=float(brier),
        brier_low=float(brier_low),
        brier_high=float(brier_high),
        reliability=plain,
        resolution=resolution,
        uncertainty=accuracy * (1 - accuracy),
        within_bins=float(brier) - (plain - resolution + accuracy * (1 - accuracy)),
        curve=curve,
    )


def _checked(confidence: ArrayLike, correct: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    given, right = np.asarray(confidence, dtype=float), right_or_wrong(correct)
    if given.shape != right.shape or given.ndim not in (1, 2):
        raise ValueError(
            f"confidence and correct must be of one shape, (n,) or (n, k): {given.shape}, {right.shape}"
        )
    if given.size and (np.nanmin(given, initial=0) < 0 or np.nanmax(given, initial=0) > 1):
        raise ValueError("confidences must lie between 0 and 1; divide percentages by 100")
    if given.ndim == 1:
        return given[:, None], right[:, None]
    return given, right


# ---- bins ------------------------------------------------------------------------------------


def _bins(
    given: Floats, known: NDArray[np.bool_], bins: int, binning: Binning
) -> tuple[NDArray[np.intp], Floats]:
    """The bin of each answer, and the bins' edges; a bin holds what is above its lower edge up to its upper
    one, the first also its lower one."""
    if bins < 1:
        raise ValueError(f"bins ({bins}) must be at least 1")
    if binning not in ("mass", "width"):
        raise ValueError(f"binning must be 'mass' or 'width', not {binning!r}")
    if binning == "mass":
        stated = np.sort(given[known])
        ranks = -(-np.arange(1, bins + 1) * len(stated) // bins)  # rounded up, in whole numbers
        edges = np.array([stated[0], *np.unique(stated[np.maximum(ranks, 1) - 1])])
    else:
        edges = np.round(np.linspace(0, 1, bins + 1), 12)
    edges = _joined(given, known, edges)
    return np.searchsorted(edges[1:-1], given, side="left"), edges


def _joined(given: Floats, known: NDArray[np.bool_], edges: Floats) -> Floats:
    """Edges without those that leave a bin with answers to fewer than two questions."""
    while len(edges) > 2:
        at = np.where(known, np.searchsorted(edges[1:-1], given, side="left"), -1)
        questions = np.array([(at == b).any(axis=1).sum() for b in range(len(edges) - 1)])
        if questions.min() >= 2:
            break
        poor = int(questions.argmin())
        edges = np.delete(edges, poor if poor else 1)
    return edges


def _curve(
    given: Floats,
    right: NDArray[np.bool_],
    known: NDArray[np.bool_],
    at: NDArray[np.intp],
    edges: Floats,
    alpha: float,
    labels: NDArray[np.intp] | None,
) -> pd.DataFrame:
    rows = []
    for number in range(len(edges) - 1):
        inside = known & (at == number)
        accuracy, low, high = clustered_rate(
            (right & inside).sum(axis=1), inside.sum(axis=1), alpha, labels
        )
        rows.append(
            {
                "above": float(edges[number]),
                "up_to": float(edges[number + 1]),
                "n": int(inside.sum()),
                "questions": int(inside.any(axis=1).sum()),
                "confidence": float(given[inside].mean()),
                "accuracy": float(accuracy),
                "low": float(low),
                "high": float(high),
            }
        )
    return pd.DataFrame(rows)


# ---- errors ----------------------------------------------------------------------------------


def binned_errors(
    given: Floats,
    right: NDArray[np.bool_],
    at: NDArray[np.intp],
    bins: int,
    alpha: float = 0.05,
    clusters: ArrayLike | None = None,
) -> tuple[CalibrationError, CalibrationError]:
    """The root mean square and the expected calibration error of answers in given bins; all (n, k), `at` the
    bin of each answer from 0 (of no matter where `given` is NaN); `clusters`, (n,) labels. Bins without an answer add
    nothing. With a single cluster nothing is known of the noise, and the interval is 0 to 1."""
    n, known = len(given), ~np.isnan(given)
    place = (np.arange(n)[:, None] * bins + at)[known]
    # Of each question, the sum of (confidence minus outcome) in each bin, and the number of answers.
    gaps: Floats = np.asarray(
        np.bincount(place, (given - right)[known], n * bins), dtype=float
    ).reshape(n, bins)
    asked: Floats = np.bincount(place, minlength=n * bins).astype(float).reshape(n, bins)
    if clusters is not None:
        gaps, asked = by_cluster(gaps, clusters), by_cluster(asked, clusters)
    answers = asked.sum(axis=0)
    mean, share = gaps.sum(axis=0) / np.maximum(answers, 1), answers / answers.sum()
    if len(asked) < 2 or (asked.sum(axis=1) > 0).sum() < 2:
        values = float(np.sqrt(share @ mean**2)), float(share @ np.abs(mean))
        rms, ece = (CalibrationError(value, value, 0.0, 1.0) for value in values)
        return rms, ece
    questions = (asked > 0).sum(axis=0)
    few = questions / np.maximum(questions - 1, 1)
    variance = few * np.square(gaps - mean * asked).sum(axis=0) / np.maximum(answers, 1) ** 2
    n_questions = int((asked.sum(axis=1) > 0).sum())
    q = float(special.stdtrit(n_questions - 1, 1 - alpha / 2))

    def linear(slope: Floats, offset: Floats) -> float:
        """The variance of an error, to first order: clustered by question, over all bins."""
        parts = gaps @ slope - asked @ offset
        return float(n_questions / (n_questions - 1) * np.square(parts).sum() / answers.sum() ** 2)

    return (
        _mean_square(mean, share, variance, linear, q),
        _mean_absolute(mean, share, variance, linear, q),
    )


Linear = Callable[[Floats, Floats], float]


def _mean_square(
    mean: Floats, share: Floats, variance: Floats, linear: Linear, q: float
) -> CalibrationError:
    """The root of Σ w g²; its interval solves (estimate - θ)² = q² (constant + slope · θ) for θ."""
    plain = float(share @ mean**2)
    debiased = plain - float(share @ variance)
    constant = 2 * float(share**2 @ variance**2)
    slope = linear(2 * mean, mean**2 + plain) / plain if plain > 0 else 0.0
    centre = debiased + q**2 * slope / 2
    half = q * math.sqrt(max(0.0, constant + slope * debiased + (q * slope) ** 2 / 4))
    return CalibrationError(
        *(math.sqrt(min(1.0, max(0.0, x))) for x in (plain, debiased, centre - half, centre + half))
    )


def _mean_absolute(
    mean: Floats, share: Floats, variance: Floats, linear: Linear, q: float
) -> CalibrationError:
    """Σ w |g|; its interval allows for any bias that gaps within a standard error of the found ones give."""
    size, deviation = np.abs(mean), np.sqrt(variance)
    plain = float(share @ size)
    half = q * math.sqrt(linear(np.sign(mean), np.full_like(mean, plain)))
    near, far = (
        float(share @ (_folded(gap, deviation) - gap))
        for gap in (np.maximum(size - deviation, 0), size + deviation)
    )
    debiased = plain - float(share @ (_folded(size, deviation) - size))
    return CalibrationError(
        *(min(1.0, max(0.0, x)) for x in (plain, debiased, plain - near - half, plain - far + half))
    )


def _folded(mean: Floats, deviation: Floats) -> Floats:
    """The expected absolute value of a normal variable (Leone, Nelson and Nottingham 1961)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(deviation > 0, np.abs(mean) / deviation, np.inf)
    return np.asarray(
        deviation * np.sqrt(2 / np.pi) * np.exp(-np.square(z) / 2)
        + np.abs(mean) * (1 - 2 * special.ndtr(-z))
    )


def _mean(
    total: Floats, asked: Floats, alpha: float, labels: NDArray[np.intp] | None
) -> tuple[float, float, float]:
    """A mean over answers with an interval clustered by question (Miller 2024), Student's t."""
    rest = total - total.sum() / asked.sum() * asked
    if labels is not None:
        rest = by_cluster(rest[:, None], labels)[:, 0]
    n, mean = len(rest), float(total.sum() / asked.sum())
    if n < 2:
        return mean, -1.0, 1.0
    error = np.sqrt(n / (n - 1) * np.square(rest).sum()) / asked.sum()
    half = float(special.stdtrit(n - 1, 1 - alpha / 2) * error)
    return mean, max(-1.0, mean - half), min(1.0, mean + half)
