"""Claim: the statistics of 8 models × 2,500 questions × 16 samples take under 10 s and 1 GB, and those of
a table of a million questions under a minute.

    .venv/bin/python performance/analysis.py [--million]

Prints the seconds of each function by itself, and last those of all that a report has: what is above it is
in it once more, with calibration, pass@k, majority@k, lengths and token limits. The answers are drawn: a question's difficulty is shared by all models, seven of which differ from the first by up to 2 points.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from llmc_lib.analysis.compare import compare, rates
from llmc_lib.analysis.design import needed, power_curve
from llmc_lib.analysis.optimism import selection_noise
from llmc_lib.analysis.outcomes import Outcomes, outcomes
from llmc_lib.analysis.rerun import rerun
from llmc_lib.analysis.summary import summarise
from llmc_lib.analysis.variance import difference_variance_parts

CATEGORIES = np.array(
    "Math Physics Chemistry Biology Computing Humanities Engineering Other".split()
)


def table(models: int, questions: int, samples: int, seed: int = 0) -> pd.DataFrame:
    """A tidy table of answers: models × questions × samples rows."""
    rng = np.random.default_rng(seed)
    difficulty = rng.beta(0.4, 1.6, questions)
    category = CATEGORIES[rng.choice(8, questions)]
    frames = []
    for at in range(models):
        chance = np.clip(difficulty + rng.normal(0.02 * at / models, 0.1, questions), 0, 1)
        correct = rng.random((questions, samples)) < chance[:, None]
        frames.append(
            pd.DataFrame(
                {
                    "model": f"model-{at}",
                    "question_id": np.repeat(np.arange(questions), samples).astype(str),
                    "sample": np.tile(np.arange(samples), questions),
                    "correct": correct.ravel(),
                    "category": np.repeat(category, samples),
                    "completion_tokens": rng.lognormal(8, 1, questions * samples).astype(int),
                    "confidence": rng.integers(0, 101, questions * samples).astype(float),
                    "extracted": rng.integers(0, 5, questions * samples).astype(str),
                }
            )
        )
    answers = pd.concat(frames, ignore_index=True)
    status = np.where(answers["correct"], "correct", "incorrect")
    return answers.assign(benchmark="hle", status=status, truncated=False, failed=False)


def measure(answers: pd.DataFrame) -> list[tuple[str, float]]:
    """Name and seconds of each step."""
    times: list[tuple[str, float]] = []

    def timed(name: str, call: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        found = call()
        times.append((name, time.perf_counter() - start))
        return found

    data: Outcomes = timed("outcomes", lambda: outcomes(answers))
    base = data.correct[data.reference]
    last = data.correct[data.candidates[-1]]
    timed("rates, overall and by category", lambda: (rates(data), rates(data, by_category=True)))
    timed("compare", lambda: compare(data))
    timed("compare by category", lambda: compare(data, by_category=True))
    timed("rerun, each model", lambda: [rerun(data.correct[m], base) for m in data.candidates])
    parts = difference_variance_parts(last, base)
    timed("power curve", lambda: power_curve(data.n_questions, parts, data.n_samples))
    timed("questions × samples needed", lambda: needed(0.02, parts))
    timed("selection noise", lambda: selection_noise(data, ["Math"]))
    timed("summarise: all of metrics.json", lambda: summarise(answers, better_in=["Math"]))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--million", action="store_true", help="2 models × 1,000,000 questions")
    options = parser.parse_args()
    shape = (2, 1_000_000, 1) if options.million else (8, 2_500, 16)
    times = measure(table(*shape))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print("{} models × {:,} questions × {} samples".format(*shape))
    for name, seconds in times:
        print(f"{name:32}{seconds:8.2f} s")
    print(f"{'largest memory, with the input':32}{peak:8.2f} GB")


if __name__ == "__main__":
    main()
