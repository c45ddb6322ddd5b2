"""The interval of a rate whose answers come in clusters: several samples per question, some of them left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from llmc_lib.analysis.given import check_alpha, cluster_codes

Floats = NDArray[np.float64]


def clustered_rate(
    right: ArrayLike,
    asked: ArrayLike = 1.0,
    alpha: float = 0.05,
    clusters: ArrayLike | None = None,
) -> tuple[Floats, Floats, Floats]:
    """Rates over questions and their intervals, many at once.

    Parameters: `right`, shape (n,) or (n, m): of each of n questions how many of the answers that count
    are right (or any value between 0 and `asked`, such as a question's pass@k), in each of m settings;
    `asked`, the number of answers that count, of the same shape or one that broadcasts to it, 0 where a
    question has none; confidence 1 - alpha; `clusters`, (n,), a label a question: questions of one cluster are
    not independent.

    Returns (rate, low, high), fractions in [0, 1], each of shape (m,), or () for (n,). The rate is
    sum(right) / sum(asked); NaN with the interval 0 to 1 where nothing was asked, the interval 0 to 1 with a
    single cluster.

    One answer a question: Wilson's interval. Several: the answers to a question (cluster) are no independent
    ones. The variance is that of the ratio, clustered by question (Miller, "Adding Error Bars to Evals", 2024,
    section 3), each squared residual divided by 1 - the question's share of the answers (CR2 of Bell and McCaffrey,
    Survey Methodology 28, 2002: for G questions alike the factor G / (G - 1)); p(1 - p) over it is the effective
    number of answers, which goes into Wilson's formula with Student's t (Franco, Little, Louis and Slud, J. Surv. Stat.
    Methodol. 7, 2019: of the intervals for a rate from clusters those of this kind keep their coverage near 0
    and 1, where mean ± t · error does not). Where few questions carry the variance (most never solved; clusters of
    very different sizes) it is hardly known, and G - 1 degrees of freedom are far too many: they are
    Satterthwaite's (Biometrics Bull. 2, 1946), 2 E[v]² / Var[v] for the estimated variance v, from the second
    and fourth moments of the questions' residuals, at most G - 1. Where all are right, or all wrong, no variance can
    be seen, and a question counts as one answer, however many it has.

    Shown by `performance/validity`: from 50 questions on, also where most are never solved and where clusters have
    log-normal sizes; on the wide side (97% to 98%) where fewer than about 3 questions carry the rate.

    Raises `ValueError` for shapes that do not fit, for more right than asked (or NaN), and for alpha outside (0, 1).
    """
    check_alpha(alpha)
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
    if not ((values <= count + 1e-9) & (values >= 0)).all():
        raise ValueError("right must lie between 0 and asked")
    if clusters is not None:
        values, count = by_cluster(values, clusters), by_cluster(count, clusters)
    found = _intervals(values, count, alpha, clusters is not None)
    rate, low, high = (each[0] if given.ndim == 1 else each for each in found)
    return rate, low, high


def by_cluster(values: Floats, clusters: ArrayLike) -> Floats:
    """(G, m): the sums over the questions of each cluster. Raises `ValueError` for labels that do not fit."""
    codes = cluster_codes(clusters, len(values))
    sums = np.zeros((int(codes.max(initial=-1)) + 1, values.shape[1]))
    np.add.at(sums, codes, values)
    return sums


def _intervals(
    right: Floats, asked: Floats, alpha: float, clustered: bool
) -> tuple[Floats, Floats, Floats]:
    total, questions = asked.sum(axis=0), (asked > 0).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.clip(right.sum(axis=0) / total, 0, 1)
        spread = rate * (1 - rate)
        # A question (cluster) that is a large part of all pulls the rate to itself: its residual is too small.
        leverage = np.minimum(asked / total, 0.999)
        squares = np.square(right - rate * asked) / (1 - leverage)
        variance = squares.sum(axis=0) / total**2
        # Of fully dependent answers (Kish 1965): no variance of a rate is larger.
        fewest = total**2 / np.square(asked).sum(axis=0)
        effective = np.where(
            (variance > 1e-18) & (questions > 1),
            np.maximum(spread / variance, fewest * (1 - 1 / np.maximum(questions, 2))),
            fewest,
        )
    one_each = (
        ((right == 0) | (right == 1)).all(axis=0) & ((asked == 0) | (asked == 1)).all(axis=0)
    )  # fmt: skip
    normal = special.ndtri(1 - alpha / 2)
    student = special.stdtrit(degrees_of_freedom(squares, questions), 1 - alpha / 2)
    plain = one_each | (questions < 2) | (spread < 1e-12)
    effective = np.where(one_each, total, effective)
    q = np.where(plain, normal, student)
    with np.errstate(divide="ignore", invalid="ignore"):
        shrink = 1 + q**2 / effective
        centre = (rate + q**2 / (2 * effective)) / shrink
        half = q / shrink * np.sqrt(spread / effective + q**2 / (4 * effective**2))
    nothing = (total == 0) | (clustered & (questions < 2))
    # Rounding must not put the rate itself outside.
    low = np.where(nothing, 0.0, np.clip(np.fmin(centre - half, rate), 0, 1))
    high = np.where(nothing, 1.0, np.clip(np.fmax(centre + half, rate), 0, 1))
    return np.where(total == 0, np.nan, rate), low, high


def degrees_of_freedom(squares: Floats, groups: NDArray[np.intp]) -> Floats:
    """(m,): Satterthwaite's, of the sum of (G, m) squared residuals, from 1 to groups - 1."""
    total = squares.sum(axis=0)
    scatter = np.square(squares).sum(axis=0) - total**2 / np.maximum(groups, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(scatter > 0, 2 * total**2 / scatter, np.inf)
    return np.asarray(np.clip(np.minimum(found, groups - 1), 1, None))
