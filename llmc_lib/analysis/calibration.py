"""Are models as often right as they say? Calibration of stated confidences, with intervals.

HLE's own figure, which leaves its most confident bin out, is `official.calib_err`; here every answer that
states a confidence counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from llmc_lib.analysis.clustered import Floats, clustered_rate

Binning = Literal["mass", "width"]
# Numbers in one block of bootstrap weights: 160 MB.
_BLOCK = 20_000_000


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
    draws: int = 2_000,
    seed: int = 0,
) -> Calibration:
    """Calibration of the answers that state a confidence.

    Parameters: `confidence`, (n,) or (n, k) fractions in [0, 1], NaN where an answer states none;
    `correct`, boolean of the same shape; `bins` with about equal numbers of answers ("mass"; answers of
    one confidence are never divided, so that there may be fewer bins) or of equal width ("width"); a bin
    with answers to a single question joins its neighbour. Confidence of the intervals 1 - alpha, by
    `draws` bootstrap samples from `seed`.

    With w the share of answers in a bin and g its mean confidence minus its accuracy: the root mean square
    error is sqrt(Σ w g²) (Hendrycks et al., "Deep Anomaly Detection with Outlier Exposure", 2019; HLE's
    figure with all bins in it), the expected calibration error Σ w |g| (Naeini et al. 2015; Guo et al. 2017).

    Both are biased upward: of a perfectly calibrated model g differs from 0 by chance. `debiased` takes the
    variance v of g (clustered by question) out: Σ w (g² - v), at least 0, under the root (Kumar, Liang and Ma,
    "Verified Uncertainty Calibration", 2019, section 4; theirs is the case of one confidence a bin), and for
    Σ w |g| what a normal error of variance v adds to |g| (their library computes it by simulation; here it is
    the mean of the folded normal distribution).

    The intervals are of the errors in the population with these bins: questions are drawn with replacement,
    and the distribution of (debiased error of the draw - plain error of the sample) is turned round the
    debiased error ("basic" bootstrap, Davison and Hinkley 1997, section 5.2; for the root mean square of the
    squares). Percentiles of the plain error, which are often given, lie too high by twice the bias. It holds
    from 300 answers on for models that are not well calibrated (an error above about 5 points); at smaller
    errors it covers more often than it says, as an error cannot be below 0. Finer bins
    show errors that coarser ones average out: errors of different numbers of bins do not compare.

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
    at, edges = _bins(given, known, bins, binning)
    sums = _Sums.of(given, right, known, at, len(edges) - 1)
    squares, absolutes = _errors(*sums.totals())
    drawn = [_errors(*totals) for totals in sums.resampled(draws, np.random.default_rng(seed))]
    rms, ece = (
        _with_interval(found, np.concatenate([d[which][0] for d in drawn]), alpha)
        for which, found in enumerate((squares, absolutes))
    )
    asked = known[questions]
    stated = np.where(asked, given[questions], 0.0)
    hits = (right[questions] & asked).astype(float)
    gap, gap_low, gap_high = _mean(stated.sum(axis=1) - hits.sum(axis=1), asked.sum(axis=1), alpha)
    brier, brier_low, brier_high = clustered_rate(
        np.square(stated - hits).sum(axis=1), asked.sum(axis=1), alpha
    )
    curve = _curve(given, right, known, at, edges, alpha)
    share = curve["n"] / curve["n"].sum()
    accuracy = float(right[known].mean())
    resolution = float((share * (curve["accuracy"] - accuracy) ** 2).sum())
    plain = float(squares[1][0])
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
        rms=CalibrationError(*(float(np.sqrt(max(0.0, value))) for value in rms)),
        ece=CalibrationError(*(max(0.0, value) for value in ece)),
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
    given, right = np.asarray(confidence, dtype=float), np.asarray(correct, dtype=bool)
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
    if binning == "mass":
        steps = np.linspace(0, 1, bins + 1)[1:]
        upper = np.unique(np.quantile(given[known], steps, method="inverted_cdf"))
        edges = np.array([given[known].min(), *upper])
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
) -> pd.DataFrame:
    rows = []
    for number in range(len(edges) - 1):
        inside = known & (at == number)
        accuracy, low, high = clustered_rate(
            (right & inside).sum(axis=1), inside.sum(axis=1), alpha
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


@dataclass(frozen=True)
class _Sums:
    """Of each kind of question the sums in each bin; all (kinds, bins).

    With one sample each, questions of one confidence and outcome are of one kind, and a million questions
    are a few hundred kinds.
    """

    gap: Floats  # confidence minus outcome, summed
    answers: Floats
    times: NDArray[np.intp]  # questions of each kind

    @classmethod
    def of(
        cls,
        given: Floats,
        right: NDArray[np.bool_],
        known: NDArray[np.bool_],
        at: NDArray[np.intp],
        bins: int,
    ) -> _Sums:
        some = known.any(axis=1)
        given, right, known, at = given[some], right[some], known[some], at[some]
        times = np.ones(len(given), dtype=int)
        if given.shape[1] == 1:
            _, first, times = np.unique(
                given[:, 0] + 1j * right[:, 0], return_index=True, return_counts=True
            )
            given, right, known, at = given[first], right[first], known[first], at[first]
        n = len(given)
        place = (np.arange(n)[:, None] * bins + at)[known]
        gap = np.bincount(place, (given - right)[known], n * bins).astype(float).reshape(n, bins)
        answers = np.bincount(place, minlength=n * bins).reshape(n, bins).astype(float)
        return cls(gap, answers, times)

    def _of(self, weights: Floats) -> tuple[Floats, ...]:
        gap, answers = self.gap, self.answers
        parts = (gap, answers, gap**2, gap * answers, answers**2, (answers > 0).astype(float))
        return tuple(weights @ part for part in parts)

    def totals(self) -> tuple[Floats, ...]:
        """Sums of gap, answers, gap², gap · answers, answers² and questions of each bin: each (1, bins)."""
        return self._of(self.times[None].astype(float))

    def resampled(self, draws: int, random: np.random.Generator) -> Iterator[tuple[Floats, ...]]:
        """The same of samples of as many questions, with replacement: each (some draws, bins)."""
        n, chances = int(self.times.sum()), self.times / self.times.sum()
        block = max(1, _BLOCK // len(chances))
        for start in range(0, draws, block):
            size = min(block, draws - start)
            yield self._of(random.multinomial(n, chances, size).astype(float))


Pair = tuple[Floats, Floats]  # debiased and plain, each (draws,)


def _errors(
    gap: Floats, answers: Floats, gap2: Floats, both: Floats, answers2: Floats, questions: Floats
) -> tuple[Pair, Pair]:
    """The mean square and the mean absolute gap over bins, from sums of (draws, bins)."""
    n = np.maximum(answers, 1)
    mean = gap / n
    correction = questions / np.maximum(questions - 1, 1)
    residual = np.maximum(gap2 - 2 * mean * both + mean**2 * answers2, 0)
    variance = correction * residual / n**2
    share = answers / answers.sum(axis=1, keepdims=True)
    square = (share * mean**2).sum(axis=1)
    absolute = (share * np.abs(mean)).sum(axis=1)
    chance = (share * variance).sum(axis=1)
    folded = (share * _folded(mean, np.sqrt(variance))).sum(axis=1)
    return (square - chance, square), (2 * absolute - folded, absolute)


def _folded(mean: Floats, deviation: Floats) -> Floats:
    """The expected absolute value of a normal variable (Leone, Nelson and Nottingham 1961)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(deviation > 0, np.abs(mean) / deviation, np.inf)
    return np.asarray(
        deviation * np.sqrt(2 / np.pi) * np.exp(-np.square(z) / 2)
        + np.abs(mean) * (1 - 2 * stats.norm.cdf(-z))
    )


def _with_interval(
    found: Pair, drawn: NDArray[np.float64], alpha: float
) -> tuple[float, float, float, float]:
    """(plain, debiased, low, high) from the sample's pair and the draws' debiased errors."""
    debiased, plain = float(found[0][0]), float(found[1][0])
    beyond, below = np.quantile(drawn - plain, [1 - alpha / 2, alpha / 2])
    return plain, debiased, debiased - float(beyond), debiased - float(below)


def _mean(total: Floats, asked: Floats, alpha: float) -> tuple[float, float, float]:
    """A mean over answers with an interval clustered by question (Miller 2024), Student's t."""
    n = len(total)
    mean = float(total.sum() / asked.sum())
    error = np.sqrt(n / (n - 1) * np.square(total - mean * asked).sum()) / asked.sum()
    half = float(stats.t.ppf(1 - alpha / 2, n - 1) * error)
    return mean, max(-1.0, mean - half), min(1.0, mean + half)
