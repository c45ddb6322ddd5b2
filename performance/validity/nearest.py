"""Is a gain on the questions nearest to what was trained on seen, and nothing else?

"no relation": two siblings on questions as HLE's are (`draws.hle_chances`), equally good or with a candidate that gains 10 points
everywhere, and similarities that have nothing to do with it. Promised: the curve leaves its band in at most 5% of runs, for 40 to
2,158 questions, 1 and 4 samples, and with clusters. "repeated": the 200 embedded questions in HLE's form, and rows of the embedded sources
hard_math and textbook, which repeat none of them, drawn anew in each run. Promised: no question is taken for repeated in at least
95% of runs; of ten paraphrases among the rows (`paraphrases.json`, written by hand) these ten are, in every run; and where the
candidate has learned these ten, and is else as good as the reference, the curve leaves its band in at least 95% of runs.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmc_lib import question_bank
from llmc_lib.analysis.gain import gain_by_similarity
from llmc_lib.analysis.summary.nearest import REPEATED, VERBATIM
from llmc_lib.answers import options
from llmc_lib.dataset.sources import read
from llmc_lib.dataset.texts.nearest import Nearest, nearest
from llmc_lib.params import BenchmarkParams, SourceParams
from llmc_lib.records import Question
from performance.validity.draws import TYPE_I, hle_chances, row, sample, sibling

#: Questions, samples, share that the candidate gains, questions of a cluster.
NULL = [(40, 1, 0.0, 1), (200, 1, 0.0, 1), (200, 1, 0.1, 1), (200, 4, 0.1, 1), (2158, 1, 0.0, 1), (400, 1, 0.1, 4)]  # fmt: skip
MEAN, ROWS = 0.2, 600
# The largest is simulated less often: three standard errors more.
FEW = (0.0, 0.08)
PARAPHRASES: dict[str, tuple[str, str]] = json.loads(
    Path(__file__).with_name("paraphrases.json").read_text(encoding="utf-8")
)


def rows(seed: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """See performance/validity/__main__.py."""
    rng = np.random.default_rng([seed, 9])
    for n, k, gain, size in NULL:
        runs = max(40, repetitions // (2 if n < 1000 else 8))
        found = np.mean([_leaves(rng, n, k, gain, size) for _ in range(runs)])
        setting = f"n={n}, k={k}, {100 * gain:g} points gained everywhere, {size} a cluster"
        yield row(
            "gain by similarity, no relation",
            "type I error",
            setting,
            found,
            TYPE_I if n < 1000 else FEW,
            runs,
        )
    runs = max(20, repetitions // 40)
    none, all_ten, larger = [], [], []
    for at in range(runs):
        texts, answers = _trained(seed * 10_000 + at)
        none.append(_repeated(_found(texts, answers)).any())
        planted = _found(
            [*texts, *(text for text, _ in PARAPHRASES.values())],
            [*answers, *(answer for _, answer in PARAPHRASES.values())],
        )
        ten = np.array([question.id in PARAPHRASES for question in _questions()])
        all_ten.append((_repeated(planted) == ten).all())
        base = hle_chances(rng, (len(ten),), MEAN)
        right = sample(rng, np.stack([sibling(rng, base, MEAN), base]), 1)[..., 0]
        right[0, ten], right[1, ten] = True, False
        larger.append(_larger(right, planted, at))
    setting = f"200 embedded questions, {ROWS} embedded rows"
    yield row("any question taken for repeated", "type I error", setting, np.mean(none), (0.0, 0.05), runs)  # fmt: skip
    setting += ", ten paraphrases"
    yield row("these ten are taken for repeated", "chance", setting, np.mean(all_ten), (1.0, 1.0), runs)  # fmt: skip
    yield row("the gain is larger on the nearest", "power", setting, np.mean(larger), (0.95, 1.0), runs)  # fmt: skip


def _leaves(rng: np.random.Generator, n: int, k: int, gain: float, size: int) -> bool:
    groups = n // size
    base = np.repeat(hle_chances(rng, (groups,), MEAN), size)
    other = np.repeat(sibling(rng, base[::size], MEAN), size)
    right = sample(rng, np.stack([np.clip(other + gain, 0, 1), base]), k).mean(axis=-1)
    near = np.repeat(rng.beta(2, 6, groups), size).round(2)
    clusters = np.repeat(np.arange(groups), size) if size > 1 else None
    found = gain_by_similarity(
        right[0] - right[1], near, clusters, seed=int(rng.integers(1 << 30)), draws=499
    )
    return found.found != "none"


def _larger(right: NDArray[np.bool_], near: Nearest, seed: int) -> bool:
    difference = right[0].astype(float) - right[1]
    return gain_by_similarity(difference, near.similarity, seed=seed, draws=999).found == "larger"


def _trained(seed: int) -> tuple[list[str], list[str]]:
    """Questions and answers of rows that a run might draw."""
    found = random.Random(seed).sample(_pool(), ROWS)
    return [question for question, _ in found], [answer for _, answer in found]


@cache
def _pool() -> list[tuple[str, str]]:
    sources = [SourceParams(name="hard_math", rows=600), SourceParams(name="textbook")]
    return [(e.question, e.answer) for source in sources for e in read(source, 0)]


@cache
def _questions() -> list[Question]:
    return question_bank.load(BenchmarkParams(name="hle"))


def _found(texts: list[str], answers: list[str]) -> Nearest:
    asked = _questions()
    forms = [{q.answer, options(q.question).get(q.answer, q.answer)} for q in asked]
    return nearest([q.question for q in asked], texts, forms, answers)


def _repeated(found: Nearest) -> NDArray[np.bool_]:
    return (found.with_answer >= REPEATED) | (found.similarity >= VERBATIM)
