"""Labels by people of a part of the answers: rates and differences corrected for the grader's errors.

HLE's population, one sample, two models; a judge grades, and in some designs rules beside it; 5% of the answers have no grade of it. The
judge calls 4% of the wrong answers right and 6% of the right ones wrong; "favours": of the candidate 12% and 2%. Half of its errors come
with the question and hit both models. Labels are drawn and allocated as `make audit` does it, in one go or in two, of which the second follows
the first one's labels. Promised from 50 labels a model on: the interval of the labels alone misses what these answers truly are, and the
wider one what such answers are, in at most 6.5%, in two waves, where the number of labels depends on what the first ones said, in at most
8.5%. They may miss less: where rules beside the judge find most of its errors, the strata in which they agree have hardly any, and few labels
cannot show that.

    python -m performance.validity.audit      # what other methods make of the same draws, for docs/audit.md
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from llmc_lib.analysis import audit
from llmc_lib.analysis.audit_design import allocate, assumed_wrong, select
from llmc_lib.analysis.comparison import paired_comparison
from llmc_lib.analysis.intervals import wilson
from performance.validity.draws import HLE_FAMILY, hle_chances, row, sample, sibling

_STATUS = ("incorrect", "correct", "ungraded")
_ASSUMED = np.array([
    assumed_wrong(status, discordant=d, disputed=r)
    for status in _STATUS for d in (False, True) for r in (False, True)
])  # fmt: skip
_CORRECT = np.repeat([False, True, False], 4)
#: Wrong answers that the judge calls right, right ones that it calls wrong, of the candidate and of the reference.
_FAIR = ((0.04, 0.06), (0.04, 0.06))
_FAVOURS = ((0.12, 0.02), (0.04, 0.06))
_MISSES, _MISSES_IN_TWO = (0.0, 0.065), (0.0, 0.085)


class _World(NamedTuple):
    """Answers of candidate and reference, (2, n) each."""

    right: NDArray[np.bool_]
    status: NDArray[np.int64]  # of `_STATUS`
    stratum: NDArray[np.int64]
    truth: tuple[float, float]  # the models' rates on all such questions

    @property
    def correct(self) -> NDArray[np.bool_]:
        return np.asarray(self.status == 1)


def _world(
    rng: np.random.Generator,
    n: int,
    mean: float,
    errors: Any,
    rules: bool = True,
    shared: float = 0.5,
) -> _World:
    other = min(1.15 * mean, 0.95)
    reference = hle_chances(rng, (n,), mean)
    chances = np.stack([sibling(rng, reference, other), reference])
    right = sample(rng, chances, 1)[..., 0]
    status = _graded(rng, right, errors, shared)
    status[rng.random(right.shape) < 0.05] = 2
    beside = _graded(rng, right, ((0.01, 0.1), (0.01, 0.1)), shared) if rules else status
    correct = status == 1
    discordant = np.broadcast_to(correct[0] != correct[1], right.shape)
    stratum = 4 * status + 2 * discordant + ((correct != (beside == 1)) & rules)
    mixed = HLE_FAMILY * mean + (1 - HLE_FAMILY) * other
    return _World(right, status, stratum, (mixed, mean))


def _graded(
    rng: np.random.Generator, right: NDArray[np.bool_], errors: Any, shared: float
) -> NDArray[np.int64]:
    luck = rng.random(right.shape)
    together = rng.random(right.shape[1]) < shared
    luck[1, together] = luck[0, together]
    credited, denied = np.array(errors).T[..., None]
    return np.asarray(np.where(right, luck >= denied, luck < credited), dtype=np.int64)


def _labelled(
    rng: np.random.Generator, world: _World, labels: int, waves: int
) -> list[audit.Labelled]:
    """What `make audit` and the people make of it: both models, half of the labels in each wave."""
    luck = rng.random(world.right.shape[1])
    joint = (world.stratum + 12 * np.arange(2)[:, None]).ravel()
    sizes = np.bincount(joint, minlength=24)
    wrong = world.right != world.correct
    counts = np.zeros(24, dtype=np.int64)
    for wave in range(waves):
        drawn = select(joint, np.tile(luck, 2), counts)
        seen = np.bincount(joint[drawn], weights=wrong.ravel()[drawn], minlength=24)
        more = labels // waves + (labels % waves if wave == 0 else 0)
        counts = allocate(sizes, np.tile(_ASSUMED, 2), more, counts, seen)
    drawn = select(joint, np.tile(luck, 2), counts).reshape(2, -1)
    return [
        audit.Labelled.of(
            sizes[12 * m : 12 * (m + 1)], _CORRECT, _ASSUMED, np.flatnonzero(drawn[m]),
            world.stratum[m][drawn[m]], world.right[m][drawn[m]],
        )
        for m in range(2)
    ]  # fmt: skip


def rows(seed: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """See performance/validity/__main__.py."""
    rng = np.random.default_rng(seed)
    times = max(120, repetitions // 4)
    designs = [
        (200, 0.3, "errs alike", _FAIR, False, 100, 1), (2158, 0.2, "errs alike", _FAIR, False, 200, 1),
        (2158, 0.2, "favours", _FAVOURS, True, 100, 1), (2158, 0.2, "favours", _FAVOURS, False, 200, 1),
        (2158, 0.2, "favours", _FAVOURS, False, 200, 2), (2158, 0.7, "favours", _FAVOURS, False, 200, 1),
    ]  # fmt: skip
    for n, mean, name, errors, rules, labels, waves in designs:
        held = np.array(
            [_held(rng, _world(rng, n, mean, errors, rules), labels, waves) for _ in range(times)]
        ).mean(axis=0)
        drawn = f"{labels} labels" + (" in two waves" if waves == 2 else "")
        beside = ", rules beside it" if rules else ""
        allowed = _MISSES_IN_TWO if waves == 2 else _MISSES
        setting = f"n={n}, rate {mean:.0%}, judge {name}{beside}, {drawn}"
        for what, share in zip(
            ("rate, these answers", "difference, these answers", "rate", "difference"),
            held,
            strict=True,
        ):
            yield row(f"corrected {what}", "miss", setting, 1 - share, allowed, times)


def _held(rng: np.random.Generator, world: _World, labels: int, waves: int) -> list[bool]:
    """Do the four intervals hold what is true: rate and difference of these answers, and of such answers?"""
    n = world.right.shape[1]
    a, b = _labelled(rng, world, labels, waves)
    rate, apart = audit.rate(a, n), audit.difference(a, b, n)
    graded = world.correct.mean(axis=1)
    compared = paired_comparison(world.correct[0], world.correct[1])
    wide = rate.widened(float(graded[0]), *wilson(int(world.correct[0].sum()), n))
    wider = apart.widened(float(graded[0] - graded[1]), compared.low, compared.high)
    own = world.right.mean(axis=1)
    truth = world.truth
    pairs = ((rate, own[0]), (apart, own[0] - own[1]), (wide, truth[0]), (wider, truth[0] - truth[1]))  # fmt: skip
    return [bool(e.low - 1e-9 <= t <= e.high + 1e-9) for e, t in pairs]


def alternatives(seed: int = 0, times: int = 1000) -> Iterator[str]:
    """Bias and coverage of the difference of these answers, by other methods, where the judge favours the candidate."""
    rng = np.random.default_rng(seed)
    n, labels = 2158, 200
    off: dict[str, list[float]] = {}
    held: dict[str, list[bool]] = {}
    width: dict[str, list[float]] = {}
    for _ in range(times):
        world = _world(rng, n, 0.2, _FAVOURS)
        a, b = _labelled(rng, world, labels, 1)
        own = world.right.mean(axis=1)
        truth = own[0] - own[1]
        ours = audit.difference(a, b, n)
        reach = 1.96 * np.sqrt(_plain_variance(a) + _plain_variance(b)) / n
        for name, value, low, high in (
            ("as graded", float(world.correct[0].mean() - world.correct[1].mean()), np.nan, np.nan),
            ("Rogan-Gladen, one pair of error rates", _rogan_gladen(a, b, n), np.nan, np.nan),
            ("by strata, normal interval", ours.value, ours.value - reach, ours.value + reach),
            ("by strata, Jeffreys and MOVER", *ours),
        ):
            off.setdefault(name, []).append(value - truth)
            held.setdefault(name, []).append(low <= truth <= high)
            width.setdefault(name, []).append(high - low)
    for name, errors in off.items():
        yield (
            f"{name}: bias {100 * np.mean(errors):+.2f} points, root mean square {100 * np.std(errors):.2f}, "
            f"coverage {np.mean(held[name]):.1%}, width {100 * np.mean(width[name]):.1f}"
        )


def _plain_variance(found: audit.Labelled) -> float:
    """The textbook's, which sees nothing where all labels of a stratum say the same."""
    n, whole, share = found.labels, found.sizes, found.shares
    some = n > 1
    spread = share[some] * (1 - share[some]) / (n[some] - 1)
    return float((whole[some] ** 2 * (1 - n[some] / whole[some]) * spread).sum())


def _rogan_gladen(a: audit.Labelled, b: audit.Labelled, n: int) -> float:
    graded = [float(m.sizes[_CORRECT].sum()) / n for m in (a, b)]
    right = np.array([m.sizes * m.shares for m in (a, b)])
    wrong = np.array([m.sizes for m in (a, b)]) - right
    sensitivity = right[:, _CORRECT].sum() / right.sum()
    specificity = 1 - wrong[:, _CORRECT].sum() / wrong.sum()
    return (graded[0] - graded[1]) / float(sensitivity + specificity - 1)


if __name__ == "__main__":
    print("\n".join(alternatives()))
