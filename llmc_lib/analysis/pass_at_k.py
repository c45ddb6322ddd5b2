"""What several samples are worth: is one of k right (pass@k), and is the answer that most of k give (majority@k)?

Both are estimated from K ≥ k samples of each question, without bias: the mean over all subsets of k of
the K samples, which no draw of subsets approximates but a count gives exactly. A missing or truncated
sample is wrong and casts no vote.
"""

from __future__ import annotations

import functools
import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from llmc_lib.analysis.clustered import Floats, clustered_rate
from llmc_lib.analysis.given import NotKnown, right_or_wrong

# Of final answers: any hashable, None for none.
Keys = NDArray[Any] | Sequence[Sequence[Any]]
# Beyond it, numbers of subsets no longer fit a float.
_MOST_SAMPLES = 1_000


@dataclass(frozen=True)
class RateAtK:
    """A rate of k samples. Fractions."""

    k: int
    rate: float
    low: float
    high: float
    n_questions: int
    n_samples: int  # K, of each question


def pass_at_k(
    correct: ArrayLike, k: int, alpha: float = 0.05, clusters: ArrayLike | None = None
) -> RateAtK:
    """The chance that at least one of k samples of a question is right, mean over questions.

    Parameters: `correct`, boolean (n, K), n ≥ 1 questions, K samples of each, a missing one False;
    1 ≤ k ≤ K; confidence 1 - alpha; `clusters`, (n,), a label a question: questions of one cluster are not
    independent.

    The unbiased estimate 1 - C(K - c, k) / C(K, k) of a question with c right samples (Chen et al.,
    "Evaluating Large Language Models Trained on Code", 2021, equation 1; 1 - (1 - c / K)^k is biased
    downward). The interval is over questions (`clustered_rate`): of the questions that could have been
    asked and the samples that could have been drawn; at k = K a question is either passed or not, and it is
    Wilson's.

    Raises `ValueError` for an array that is empty or not of two dimensions, and for k out of range.

    >>> pass_at_k([[True, False, False, False], [False] * 4], k=2).rate
    0.25
    """
    right = _checked(correct)
    return _rates(_passed(right, [k]), [k], right.shape, alpha, clusters)[0]


def pass_at_k_curve(
    correct: ArrayLike,
    ks: Iterable[int] | None = None,
    alpha: float = 0.05,
    clusters: ArrayLike | None = None,
) -> pd.DataFrame:
    """`pass_at_k` for several k (None: 1, 2, 4, … and K): columns k, rate, low, high, n_questions, n_samples.

    The intervals are of each k alone: the points of a curve rest on the same samples and move together.
    """
    right = _checked(correct)
    chosen = _ks(ks, right.shape[1])
    return pd.DataFrame(_rates(_passed(right, chosen), chosen, right.shape, alpha, clusters))


def majority_at_k(
    answers: Keys,
    correct: ArrayLike,
    k: int,
    alpha: float = 0.05,
    clusters: ArrayLike | None = None,
) -> RateAtK:
    """The accuracy of the answer that most of k samples give ("self-consistency", Wang et al. 2023).

    Parameters: `answers`, (n, K): the key of each sample's final answer (any hashable; `answer_keys` makes
    them from texts), None where none was found; `correct`, boolean (n, K); 1 ≤ k ≤ K; `clusters` as in
    `pass_at_k`.

    Of answers that tie one is chosen at random, so each counts in proportion. A sample without an answer
    casts no vote; k of them without any are wrong. A key whose samples are graded differently counts as
    right in the share of those that are. The mean over all subsets of k samples is exact: the number of
    subsets in which a key wins with m votes is a coefficient of a polynomial (one factor for each key),
    and questions with the same counts share it. At k = 1 it is the accuracy. The interval is over questions,
    and holds in the ranges of `pass_at_k`.

    Raises `ValueError` as `pass_at_k` does, for shapes that differ, and for a right sample without a key:
    where right answers cannot vote, the vote says nothing.
    """
    right = _checked(correct)
    return _rates(_won(answers, right, [k]), [k], right.shape, alpha, clusters)[0]


def majority_at_k_curve(
    answers: Keys,
    correct: ArrayLike,
    ks: Iterable[int] | None = None,
    alpha: float = 0.05,
    clusters: ArrayLike | None = None,
) -> pd.DataFrame:
    """`majority_at_k` for several k, in the columns of `pass_at_k_curve`."""
    right = _checked(correct)
    chosen = _ks(ks, right.shape[1])
    return pd.DataFrame(_rates(_won(answers, right, chosen), chosen, right.shape, alpha, clusters))


def answer_keys(
    extracted: ArrayLike, correct: ArrayLike, same: Callable[[str, str], bool] | None = None
) -> NDArray[np.object_]:
    """Keys for `majority_at_k` from the final answers as they were found, "" or None where none was.

    Parameters: `extracted` (n, K), texts; `correct` (n, K); `same`, whether two answers are one (such as
    `llmc_lib.answers.same`), asked for each pair of different texts of a question.

    All right answers of a question get one key: the grader found each equal to the reference, and so to
    each other. Wrong ones are one where their texts are, after Unicode's compatibility forms, case,
    spaces, dollar signs and a last full stop are evened out. "0.5" and "1/2", both wrong, are then two
    keys and split their votes, which favours the right answer a little: give `same` where that matters.
    """
    texts, right = np.asarray(extracted, dtype=object), _checked(correct)
    if texts.shape != right.shape:
        raise ValueError(f"extracted {texts.shape} and correct {right.shape} differ in shape")
    keys = np.empty(texts.shape, dtype=object)
    for row, (of_question, graded) in enumerate(zip(texts, right, strict=True)):
        known: list[str] = []
        for place, (text, is_right) in enumerate(zip(of_question, graded, strict=True)):
            plain = _plain(text) if isinstance(text, str) else ""
            if not plain:
                keys[row, place] = None
            elif is_right:
                keys[row, place] = (True, "")
            else:
                keys[row, place] = (False, _known(plain, known, same))
    return keys


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold().replace("$", "").replace("−", "-")
    return " ".join(folded.split()).removesuffix(".").strip()


def _known(text: str, known: list[str], same: Callable[[str, str], bool] | None) -> str:
    """The first of the known texts that is the same; else the text, which is then known."""
    for other in known:
        if text == other or (same is not None and same(text, other)):
            return other
    known.append(text)
    return text


# ---- questions -------------------------------------------------------------------------------


def question_pass_at_k(right: NDArray[np.intp], samples: int, k: int) -> Floats:
    """pass@k of questions with so many right of `samples` samples, of any shape."""
    subsets = math.comb(samples, k)
    table = np.array([1 - math.comb(samples - c, k) / subsets for c in range(samples + 1)])
    return np.asarray(table[right])


def _passed(right: NDArray[np.bool_], ks: list[int]) -> Floats:
    """pass@k of each question, (n, len(ks))."""
    count, samples = right.sum(axis=1), right.shape[1]
    return np.stack([question_pass_at_k(count, samples, k) for k in _within(ks, samples)], axis=1)


def _won(answers: Keys, right: NDArray[np.bool_], ks: list[int]) -> Floats:
    """majority@k of each question, (n, len(ks))."""
    keys = np.asarray(answers, dtype=object)
    if keys.shape != right.shape:
        raise ValueError(f"answers {keys.shape} and correct {right.shape} differ in shape")
    samples = right.shape[1]
    if samples > _MOST_SAMPLES:
        raise NotKnown(
            f"{samples:,} samples per question; at most {_MOST_SAMPLES:,} can be counted",
            "too_many_samples",
            samples=samples,
            most=_MOST_SAMPLES,
        )
    _within(ks, samples)
    mute = sum(
        1
        for of_question, graded in zip(keys, right, strict=True)
        for key, is_right in zip(of_question, graded, strict=True)
        if is_right and key is None
    )
    if mute:
        raise NotKnown(
            f"{mute:,} right samples have no answer to vote with; a majority needs those of all of them",
            "no_answers_to_vote",
            missing=mute,
        )
    patterns = [_pattern(*row) for row in zip(keys, right, strict=True)]
    return np.array([question_majority(samples, pattern) for pattern in patterns])[:, ks]


def _pattern(keys: Iterable[Any], right: Iterable[bool]) -> tuple[tuple[int, float], ...]:
    """How often each key occurs and how right it is, without its name: most often and rightest first."""
    votes: Counter[Any] = Counter()
    hits: Counter[Any] = Counter()
    for key, is_right in zip(keys, right, strict=True):
        if key is not None:
            votes[key] += 1
            hits[key] += bool(is_right)
    return tuple(sorted(((n, hits[key] / n) for key, n in votes.items()), reverse=True))


@functools.lru_cache(maxsize=100_000)
def question_majority(samples: int, pattern: tuple[tuple[int, float], ...]) -> Floats:
    """majority@k of a question, for k = 0 to K, shape (K + 1,); `pattern`: of each key its votes and rightness.

    A key with n samples gets m votes in C(n, m) ways. It wins with m against others of which each has
    fewer, or as many and then shares. The others' ways are the coefficients of a product over them: of
    x^votes, and of y for each that ties.
    """
    total = np.zeros(samples + 1)
    ways = np.array([float(math.comb(samples, k)) for k in range(samples + 1)])
    for place, (n, rightness) in enumerate(pattern):
        if not rightness:
            continue
        others = [count for other, (count, _) in enumerate(pattern) if other != place]
        mute = samples - n - sum(others)
        for m in range(1, n + 1):
            reach = [count for count in others if count >= m]
            free = mute + sum(count for count in others if count < m)
            product = np.zeros((len(reach) + 1, samples + 1))  # ties by votes
            product[0, : free + 1] = _binomials(free, free)
            for count in reach:
                fewer, as_many = _binomials(count, m - 1), float(math.comb(count, m))
                tied = np.zeros_like(product)
                tied[1:, m:] = as_many * product[:-1, : samples + 1 - m]
                for votes, number in enumerate(fewer):
                    tied[:, votes:] += number * product[:, : samples + 1 - votes]
                product = tied
            shares = (product / np.arange(1, len(reach) + 2)[:, None]).sum(axis=0)
            total[m:] += rightness * math.comb(n, m) * shares[: samples + 1 - m]
    found: Floats = total / ways
    found.setflags(write=False)  # it is cached
    return found


def _binomials(n: int, most: int) -> list[float]:
    return [float(math.comb(n, votes)) for votes in range(most + 1)]


# ---- input and output ------------------------------------------------------------------------


def _checked(correct: ArrayLike) -> NDArray[np.bool_]:
    right = right_or_wrong(correct)
    if right.ndim != 2 or right.size == 0:
        raise ValueError(f"correct must be of shape (questions, samples), not {right.shape}")
    return right


def _within(ks: list[int], samples: int) -> list[int]:
    for k in ks:
        if not 1 <= k <= samples:
            raise ValueError(
                f"k = {k} is out of range: there are {samples} samples of each question"
            )
    return ks


def _ks(ks: Iterable[int] | None, samples: int) -> list[int]:
    if ks is not None:
        return list(ks)
    return sorted({*(2**power for power in range(samples.bit_length())), samples})


def _rates(
    values: Floats,
    ks: list[int],
    shape: tuple[int, ...],
    alpha: float,
    clusters: ArrayLike | None,
) -> list[RateAtK]:
    found = zip(ks, *clustered_rate(values, alpha=alpha, clusters=clusters), strict=True)
    return [RateAtK(k, float(r), float(a), float(b), shape[0], shape[1]) for k, r, a, b in found]
