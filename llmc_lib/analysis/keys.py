"""What wrong reference answers (keys) could have made of a comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from llmc_lib.analysis.comparison import PairedComparison, difference_test, paired_comparison
from llmc_lib.analysis.given import right_or_wrong, with_samples
from llmc_lib.analysis.signed import binomial_share, size_distribution, within_and_lost
from llmc_lib.analysis.verdict import Ends, Thresholds, word_of
from llmc_lib.records import Word

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

#: In place of a class: an answer that no key makes right (missing, truncated, without a final answer), and one that may be
#: right whatever the others are, as its final answer is not known.
NEVER, UNKNOWN = -1, -2
# Up to so many wrong keys the fewest are searched exactly; beyond, the search by the largest effect gives a number
# that is enough, and may not be the least.
_EXACT = 24


def answer_classes(texts: ArrayLike, correct: ArrayLike, possible: ArrayLike) -> Ints:
    """Which answers are right or wrong together, whatever the key of their question is.

    Parameters, all (n, K) for n questions and the K answers of all models to each: `texts` of the final answers, "" where none is
    known; `correct` by the present key; `possible`, could a key make it right? Answers of one text, spaces apart, are together, and so are those
    that the present key takes for right.

    Returns (n, K) numbers of classes, of which no two questions share one, with `NEVER` and `UNKNOWN`.
    """
    given, right = np.asarray(texts, dtype=object), right_or_wrong(correct)
    can = right_or_wrong(possible, "possible")
    plain = [" ".join(text.split()) if isinstance(text, str) else "" for text in given.ravel()]
    told = np.array([bool(text) for text in plain]).reshape(given.shape)
    question = np.repeat(np.arange(len(given)), given.shape[1]).tolist()
    known: dict[tuple[int, str | None], int] = {}
    names = [
        (n, None if is_right else text)
        for n, text, is_right in zip(question, plain, right.ravel(), strict=True)
    ]
    classes = np.array([known.setdefault(name, len(known)) for name in names]).reshape(given.shape)
    classes = np.where(told | right, classes, UNKNOWN)
    return np.where(can | right, classes, NEVER).astype(np.int64)


@dataclass(frozen=True)
class KeyBounds:
    """A comparison under the two extremes of what uncertain keys could be."""

    n: int  # questions whose key is uncertain
    least: PairedComparison
    most: PairedComparison


def key_bounds(
    candidate: ArrayLike,
    reference: ArrayLike,
    candidate_classes: ArrayLike,
    reference_classes: ArrayLike,
    uncertain: ArrayLike,
    *,
    alpha: float = 0.05,
    clusters: ArrayLike | None = None,
) -> KeyBounds:
    """Bounds of a comparison over the true keys of the questions that are `uncertain`, (n,) bool.

    Parameters: correct by the present keys and the classes of both models (`answer_classes`), (n, k) or (n,); `alpha` and `clusters` as in
    `paired_comparison`.

    A key of an uncertain question may make any set of its classes right, none among them; all answers of a class are then right and
    all others wrong. `most` has each uncertain question's key that favours the candidate most, right where it has more answers of a
    class than the reference, and `least` the other way round. So whatever the true keys of these questions are, the
    difference lies between `least.difference` and `most.difference`, both are reached, and no narrower bounds hold without an assumption
    (identification bounds in the sense of Manski, Partial Identification of Probability Distributions, 2003). The keys of the other questions are taken for right. What the
    verdict says of other questions like these lies between the two intervals.

    Raises `ValueError` for arrays that do not fit, and as `paired_comparison` does.
    """
    a, b = (with_samples(right_or_wrong(each)) for each in (candidate, reference))
    of_a, of_b = (with_samples(each) for each in (candidate_classes, reference_classes))
    open_ = right_or_wrong(uncertain, "uncertain")
    if not a.shape == b.shape == of_a.shape == of_b.shape or open_.shape != (len(a),):
        raise ValueError(
            f"shapes differ: {a.shape}, {b.shape}, {of_a.shape}, {of_b.shape}, {open_.shape}"
        )
    at = open_[:, None]
    extremes = []
    for first, second, turned in ((of_b, of_a, True), (of_a, of_b, False)):
        mine, other = _favoured(first, second)
        if turned:
            mine, other = other, mine
        kept = _further(mine, other, a, b, turned)[:, None]
        new_a, new_b = np.where(at & kept, mine, a), np.where(at & kept, other, b)
        extremes.append(paired_comparison(new_a, new_b, alpha, clusters))
    return KeyBounds(int(open_.sum()), *extremes)


def _favoured(mine: Ints, other: Ints) -> tuple[Bools, Bools]:
    """What is right of both under the key of each question that favours the first most."""
    size = int(max(mine.max(initial=0), other.max(initial=0))) + 1
    ahead = np.bincount(mine[mine >= 0], minlength=size) > np.bincount(
        other[other >= 0], minlength=size
    )
    # Answers without a class are none of the places of `ahead`, which may have one alone.
    of_mine, of_other = (ahead[np.maximum(each, 0)] & (each >= 0) for each in (mine, other))
    return (mine == UNKNOWN) | of_mine, of_other


def _further(mine: Bools, other: Bools, a: Bools, b: Bools, turned: bool) -> Bools:
    """(n,): is the extreme beyond what was graded? A grader that graded one text in two ways may be beyond it."""
    found, seen = (x.sum(axis=1) - y.sum(axis=1) for x, y in ((mine, other), (a, b)))
    return np.asarray(found <= seen if turned else found >= seen)


# ---- how many wrong keys ---------------------------------------------------------------------


@dataclass(frozen=True)
class FewestKeys:
    """So many wrong keys turn a verdict's word into another one."""

    n: int
    word: Word
    exact: bool  # no fewer do; else so many are enough, and fewer may be


def fewest_keys(
    candidate: ArrayLike,
    reference: ArrayLike,
    candidate_classes: ArrayLike,
    reference_classes: ArrayLike,
    thresholds: Thresholds,
    *,
    level: float | None = None,
    adjusted: Callable[[float], float] = lambda p: p,
    clusters: ArrayLike | None = None,
) -> FewestKeys | None:
    """The fewest questions whose keys, were they wrong in the worst way, would give the verdict another word; None where no
    keys would.

    Parameters: as `key_bounds`; the verdict's `thresholds`, the `level` of its interval (None: its significance), and a
    p-value → `adjusted` for all candidates; both are held fixed.

    A wrong key turns the difference of its question to any that `key_bounds` allows. One sample per question: the word depends on the
    numbers of questions gained and lost alone, and all numbers that w wrong keys can lead to are tried for w = 1, 2, …, up to 24.
    Elsewhere keys are turned in the order of their effect, to the candidate's advantage, to its disadvantage, and towards no
    difference, and the number found is enough, which is verified, but may not be the fewest.
    """
    a, b = (with_samples(right_or_wrong(each)) for each in (candidate, reference))
    of_a, of_b = (with_samples(each) for each in (candidate_classes, reference_classes))
    counts = a.sum(axis=1, dtype=np.int64) - b.sum(axis=1, dtype=np.int64)
    mine, other = _favoured(of_a, of_b)
    most = np.maximum(counts, mine.sum(axis=1) - other.sum(axis=1))
    other, mine = _favoured(of_b, of_a)
    least = np.minimum(counts, mine.sum(axis=1) - other.sum(axis=1))
    at = level or thresholds.significance
    significant = _Significant(adjusted, thresholds.significance)
    words = _Words(len(a), a.shape[1], thresholds, at, significant, clusters)
    found = _by_effect(counts, least, most, words)
    if words.plain:
        limit = _EXACT if found is None else min(_EXACT, found.n - 1)
        fewer = _exactly(_Turns.of(counts, least, most), limit, words)
        if fewer is not None:
            return fewer
        if found is not None and found.n <= _EXACT + 1:
            return FewestKeys(found.n, found.word, exact=True)
    return found


@dataclass
class _Significant:
    """Is a p-value below alpha once it is adjusted? What is adjusted grows with it, so that few must be: at a look each takes a
    search."""

    adjusted: Callable[[float], float]
    alpha: float
    yes: float = -1.0  # the largest that is known to be
    no: float = 2.0  # the smallest that is known not to be

    def __call__(self, p_value: float) -> bool:
        if self.yes < p_value < self.no:
            if self.adjusted(p_value) < self.alpha:
                self.yes = p_value
            else:
                self.no = p_value
        return p_value <= self.yes


@dataclass(frozen=True)
class _Words:
    """The word of a comparison, from the differences of its questions or, of one sample each, from gained and lost."""

    n: int
    samples: int
    thresholds: Thresholds
    level: float
    significant: _Significant
    clusters: ArrayLike | None

    @property
    def plain(self) -> bool:
        return self.samples == 1 and self.clusters is None

    def of(self, counts: Ints) -> Word:
        if self.plain:
            return self.of_numbers(int((counts > 0).sum()), int((counts < 0).sum()))
        found = difference_test(counts, self.samples, self.clusters)
        low, high = found.interval(self.level)
        inner = found.interval(min(2 * self.level, 0.999))
        seen = Ends(found.difference, low, high, *inner, found.hides((high - low) / 2, self.level))
        return word_of(seen, self.thresholds, self.significant(found.p_value))

    def of_numbers(self, gained: int, lost: int) -> Word:
        """The same, without the ends of the interval: on which side of what matters they are is enough, and is found
        without a search."""
        share = binomial_share(gained, lost)
        size = size_distribution((gained + lost) / self.n, self.n)
        below, above, half = within_and_lost(size, share, self.thresholds.smallest_interesting)
        p = min(1.0, 2 * min(half, 1 - half))
        tail, inner = self.level / 2, min(2 * self.level, 0.999) / 2
        seen = Ends(
            difference=(gained - lost) / self.n,
            low=0.0 if below < tail else -1.0,
            high=0.0 if above > 1 - tail else 1.0,
            inner_low=0.0 if below < inner else -1.0,
            inner_high=0.0 if above > 1 - inner else 1.0,
            narrow=False,
        )
        return word_of(seen, self.thresholds, self.significant(p))


def _by_effect(counts: Ints, least: Ints, most: Ints, words: _Words) -> FewestKeys | None:
    """The first number of keys, in the order of their effect, after which the word is another one; by bisection."""
    present, best = words.of(counts), None
    none, every = np.clip(0, least, most), np.ones(len(counts), dtype=bool)
    goals = [(least, every), (most, every), (none, counts > 0), (none, counts < 0), (none, every)]
    for goal, chosen in goals:
        effect = np.where(chosen, np.abs(goal - counts), 0)
        order = np.argsort(-effect, kind="stable")[: int((effect > 0).sum())]
        best = _first(counts, goal, order, present, words, best.n if best else len(counts)) or best
    return best


def _first(
    counts: Ints, goal: Ints, order: NDArray[np.intp], present: Word, words: _Words, most: int
) -> FewestKeys | None:
    """Fewer than `most` of the questions in this order that turn the word, where these or all of them do."""

    def after(w: int) -> Word:
        turned = counts.copy()
        turned[order[:w]] = goal[order[:w]]
        return words.of(turned)

    high = min(len(order), most - 1) if most < len(counts) else len(order)
    steps = [w for w in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048) if w < high]
    low, word = 0, present
    for w in [*steps, *([high] if high else [])]:
        word = after(w)
        if word != present:
            high = w
            break
        low = w
    else:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if (found := after(middle)) != present:
            high, word = middle, found
        else:
            low = middle
    return FewestKeys(high, word, exact=False)


@dataclass(frozen=True)
class _Turns:
    """How many questions can be turned how, of one sample each. One that is gained or lost can always be made neither."""

    gained: int
    lost: int
    gained_to_lost: int
    lost_to_gained: int
    to_gained: int  # of those that are neither
    to_lost: int
    to_either: int  # to one or the other

    @classmethod
    def of(cls, counts: Ints, least: Ints, most: Ints) -> _Turns:
        neither, up, down = counts == 0, most > 0, least < 0
        return cls(
            int((counts > 0).sum()),
            int((counts < 0).sum()),
            int(((counts > 0) & down).sum()),
            int(((counts < 0) & up).sum()),
            int((neither & up).sum()),
            int((neither & down).sum()),
            int((neither & (up | down)).sum()),
        )

    def reached(self, w: int) -> Iterator[tuple[int, int]]:
        """The numbers of gained and lost that exactly w turns lead to, and no fewer."""
        for first in range(w + 1):
            second = w - first
            if first <= self.gained and second <= self.lost:
                yield self.gained - first, self.lost - second
            if first <= self.to_gained and second <= self.to_lost and w <= self.to_either:
                yield self.gained + first, self.lost + second
        yield from self._moved(w, self.gained_to_lost, self.gained, self.to_lost, -1)
        yield from self._moved(w, self.lost_to_gained, self.lost, self.to_gained, 1)

    def _moved(
        self, w: int, across: int, away: int, new: int, sign: int
    ) -> Iterator[tuple[int, int]]:
        """Turns from the one side to the other, from there to neither, and from neither to the other side."""
        for crossed in range(min(w, across) + 1):
            for dropped in range(min(w, away) - crossed + 1):
                added = w - crossed - dropped
                if added > new:
                    continue
                less, more = crossed + dropped, crossed + added
                if sign < 0:
                    yield self.gained - less, self.lost + more
                else:
                    yield self.gained + more, self.lost - less


def _exactly(turns: _Turns, limit: int, words: _Words) -> FewestKeys | None:
    """The fewest turns up to a limit that give another word."""
    known: dict[tuple[int, int], Word] = {}
    present = words.of_numbers(turns.gained, turns.lost)
    for w in range(1, limit + 1):
        for numbers in turns.reached(w):
            if numbers not in known:
                known[numbers] = words.of_numbers(*numbers)
            if known[numbers] != present:
                return FewestKeys(w, known[numbers], exact=True)
    return None


def key_parts(subsets: Sequence[frozenset[str]]) -> dict[str, Bools]:
    """Subset → (n,) bool, from the subsets of each question, in the order in which they first occur."""
    names = dict.fromkeys(name for each in subsets for name in sorted(each))
    return {name: np.array([name in each for each in subsets]) for name in names}
