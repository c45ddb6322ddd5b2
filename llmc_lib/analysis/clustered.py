"""The interval of a rate whose answers come in clusters: several samples a question, some of them left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Floats = NDArray[np.float64]


def clustered_rate(
    right: ArrayLike, asked: ArrayLike = 1.0, alpha: float = 0.05
) -> tuple[Floats, Floats, Floats]:
    """Rates over questions and their intervals, many at once.

    Parameters: `right`, shape (n,) or (n, m): of each of n questions how many of the answers that count
    are right (or any value between 0 and `asked`, such as a question's pass@k), in each of m settings;
    `asked`, the number of answers that count, of the same shape or one that broadcasts to it, 0 where a
    question has none; confidence 1 - alpha.

    Returns (rate, low, high), fractions in [0, 1], each of shape (m,), or () for (n,). The rate is
    sum(right) / sum(asked); NaN with the interval 0 to 1 where nothing was asked.

    One answer a question: Wilson's interval. Several: the answers to a question are no independent ones.
    The variance is that of the ratio, clustered by question (Miller, "Adding Error Bars to Evals", 2024,
    section 3, with the factor G / (G - 1) for G questions); p(1 - p) over it is the effective number of
    answers, which goes into Wilson's formula with Student's t for G - 1 (Franco, Little, Louis and Slud,
    J. Surv. Stat. Methodol. 7, 2019: of the intervals for a rate from clusters those of this kind keep
    their coverage near 0 and 1, where mean ± t · error does not). Where all are right, or all wrong, no
    variance can be seen, and a question counts as one answer, however many it has.

    It holds (`benchmarks/validity/pass_at_k.py`, `length.py`) from 50 questions on of which at least 12 can be
    expected to have a right answer, and 12 a wrong one. With fewer the variance itself is hardly known, and
    with several answers a question the interval is too narrow: it covered 93% with 7 such questions of 30,
    88% with 5 of 100 (16 samples each, a rate of 2%).

    Raises `ValueError` for shapes that do not fit, and for more right than asked.
    """
    given = np.asarray(right, dtype=float)
    if given.ndim not in (1, 2):
        raise ValueError(f"right must be of shape (n,) or (n, m), not {given.shape}")
    values = given[:, None] if given.ndim == 1 else given
    count = np.asarray(asked, dtype=float)
    count = count[:, None] if count.ndim == 1 else count
    try:
        count = np.broadcast_to(count, values.shape)
    except ValueError:
        raise ValueError(f"asked {np.shape(asked)} does not fit right {given.shape}") from None
    if (values > count + 1e-9).any() or (values < 0).any():
        raise ValueError("right must lie between 0 and asked")
    found = _intervals(values, count, alpha)
    rate, low, high = (each[0] if given.ndim == 1 else each for each in found)
    return rate, low, high


def _intervals(right: Floats, asked: Floats, alpha: float) -> tuple[Floats, Floats, Floats]:
    total, questions = asked.sum(axis=0), (asked > 0).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.clip(right.sum(axis=0) / total, 0, 1)
        spread = rate * (1 - rate)
        correction = np.where(questions > 1, questions / (questions - 1), 1.0)
        variance = correction * np.square(right - rate * asked).sum(axis=0) / total**2
        # Of fully dependent answers (Kish 1965): no variance of a rate is larger.
        fewest = total**2 / np.square(asked).sum(axis=0)
        effective = np.where(
            (variance > 1e-18) & (questions > 1),
            np.maximum(spread / variance, fewest / correction),
            fewest,
        )
    one_each = (
        ((right == 0) | (right == 1)).all(axis=0) & ((asked == 0) | (asked == 1)).all(axis=0)
    )  # fmt: skip
    normal = stats.norm.ppf(1 - alpha / 2)
    student = stats.t.ppf(1 - alpha / 2, np.maximum(questions - 1, 1))
    plain = one_each | (questions < 2) | (spread < 1e-12)
    effective = np.where(one_each, total, effective)
    q = np.where(plain, normal, student)
    with np.errstate(divide="ignore", invalid="ignore"):
        shrink = 1 + q**2 / effective
        centre = (rate + q**2 / (2 * effective)) / shrink
        half = q / shrink * np.sqrt(spread / effective + q**2 / (4 * effective**2))
    nothing = total == 0
    # Rounding must not put the rate itself outside.
    low = np.where(nothing, 0.0, np.clip(np.fmin(centre - half, rate), 0, 1))
    high = np.where(nothing, 1.0, np.clip(np.fmax(centre + half, rate), 0, 1))
    return np.where(nothing, np.nan, rate), low, high
