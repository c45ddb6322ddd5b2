"""Claim: a look after each answer that arrives, at the beginning of the drawn order that both models have answered, calls two
equal models different in at most 5% of the evaluations, also where short answers arrive first and are right more often.

    .venv/bin/python performance/arrival.py [--orders 2000] [--stored FILE]

Each of 2,000 evaluations draws an order of the questions; both models answer them in it, a number at a time (as the sequences
of an engine), each taking as long as it is. After every answer one looks, and stops at the first "better" or "worse". Three ways:

* finished: the questions that both have answered by then, each look at 5% (what a report so far did until November 2026);
* finished, levels: the same questions, at the levels of unplanned looks (`sequential.unplanned_level`);
* beginning: what a report does now.

Equal models: "HLE", 2,158 questions of a population as HLE's (performance/validity/draws.py), right answers of the reference are 0.45
times as long as its wrong ones (log-normal, log-deviation 0.8), the candidate's are as long; "stored", real answers: GSM8K solutions
of two models with their verdicts and lengths in characters, which of the two is called the candidate is a coin's on each question
(then short answers favour neither). The last columns are the mean difference in points on the first tenth that has arrived, and on the
first tenth of the order. Also the power where the candidate has learned 2.9% of the questions. One core.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
from scipy import special

sys.path.insert(0, str(Path(__file__).parents[1]))

from llmc_lib.analysis.sequential import unplanned_level
from performance.validity.draws import hle_chances, sibling

N, MEAN, AT_ONCE = 2158, 0.15, 256
WAYS = ("finished", "finished, levels", "beginning")


def ends(lengths: np.ndarray, at_once: int) -> np.ndarray:
    """When each answer ends: the next question begins when one of `at_once` ends."""
    slots = np.zeros(at_once)
    found = np.empty(len(lengths))
    for number, length in enumerate(lengths):
        slot = int(slots.argmin())
        slots[slot] += length
        found[number] = slots[slot]
    return found


def p_values(counts: np.ndarray) -> np.ndarray:
    """McNemar's mid-p value after each question, as `comparison.difference_test` has it."""
    gained, lost = np.cumsum(counts > 0), np.cumsum(counts < 0)
    with np.errstate(invalid="ignore"):
        below = (
            np.where(gained > 0, special.betainc(gained, lost + 1.0, 0.5), 1.0)
            + np.where(lost > 0, special.betainc(gained + 1.0, lost, 0.5), 0.0)
        ) / 2
    return np.asarray(np.minimum(1.0, 2 * np.minimum(below, 1 - below)))


def looks(counts: np.ndarray, both: np.ndarray, levels: np.ndarray) -> dict[str, np.ndarray]:
    """Way → at which of the looks it calls the models different.

    `counts`, (n,) in the drawn order; `both`, (n,), when both models have answered a question; `levels` of looks at 1, 2, … n.
    """
    arrived = counts[np.argsort(both)]
    fixed = np.full(len(counts), 0.05)
    # At each arrival, how long the complete beginning is; where it has grown, there is a look.
    times = np.maximum.accumulate(both)
    steps = np.flatnonzero(np.append(np.diff(times) > 0, True))
    beginning = np.zeros(len(counts), bool)
    p = p_values(counts)
    beginning[steps] = p[steps] < levels[steps]
    among = p_values(arrived)
    return {"finished": among < fixed, "finished, levels": among < levels, "beginning": beginning}


def hle(rng: np.random.Generator, learned: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """(2, N) right or wrong, of the candidate and the reference, and lengths."""
    base = hle_chances(rng, (N,), MEAN)
    other = sibling(rng, base, MEAN)
    other[rng.random(N) < learned] = 1.0
    right = rng.random((2, N)) < np.stack([other, base])
    lengths = rng.lognormal(9.0, 0.8, (2, N))
    lengths[1] *= np.where(right[1], 0.45, 1.0)
    return right, lengths


def stored(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The answers of two models in a file of GSM8K solutions."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    names = ("6b_verification", "175b_finetuning")
    right = np.array([[row[name]["is_correct"] for row in rows] for name in names])
    lengths = np.array([[float(len(row[name]["solution"])) for row in rows] for name in names])
    return right, lengths


def evaluation(
    rng: np.random.Generator, right: np.ndarray, lengths: np.ndarray, levels: np.ndarray
) -> dict[str, np.ndarray]:
    order = rng.permutation(right.shape[1])
    right, lengths = right[:, order], lengths[:, order]
    both = np.maximum(*(ends(each, AT_ONCE) for each in lengths))
    counts = right[0].astype(int) - right[1]
    tenth = len(counts) // 10
    early = {"arrived": counts[np.argsort(both)[:tenth]].mean(), "first": counts[:tenth].mean()}
    return looks(counts, both, levels) | early


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--orders", type=int, default=2000)
    parser.add_argument("--stored", type=Path, help="GSM8K solutions (is_correct, solution)")
    options = parser.parse_args()
    start = time.process_time()
    levels = np.array([unplanned_level((n + 1) / N) for n in range(N)])
    cases = [("HLE, equal", 0.0), ("HLE, +2.5 points", 0.029)]
    print(
        f"{'':24}"
        + "".join(f"{way:>20}" for way in WAYS)
        + f"{'share of questions':>22}{'tenth arrived':>20}{'first tenth':>20}"
    )
    for name, learned in cases:
        rng = np.random.default_rng(0)
        tell(name, [evaluation(rng, *hle(rng, learned), levels) for _ in range(options.orders)])
    if options.stored:
        right, lengths = stored(options.stored)
        rng = np.random.default_rng(0)
        n = right.shape[1]
        of_n = np.array([unplanned_level((k + 1) / n) for k in range(n)])
        found = []
        for _ in range(options.orders):
            swap = rng.random(n) < 0.5
            coin = np.where(swap, right[::-1], right), np.where(swap, lengths[::-1], lengths)
            found.append(evaluation(rng, *coin, of_n))
        tell("stored, equal", found)
    print(f"{options.orders:,} orders, {time.process_time() - start:.0f} s of processor time")


def tell(name: str, found: list[dict[str, np.ndarray]]) -> None:
    shares = "".join(f"{np.mean([each[way].any() for each in found]):>20.1%}" for way in WAYS)
    n = len(found[0]["beginning"])
    at = [
        (each["beginning"].argmax() + 1) / n if each["beginning"].any() else 1.0 for each in found
    ]
    first = (100 * np.mean([each[way] for each in found]) for way in ("arrived", "first"))
    tenth = "".join(f"{points:>+20.2f}" for points in first)
    print(f"{name:24}{shares}{np.mean(at):>22.2f}{tenth}", flush=True)


if __name__ == "__main__":
    main()
