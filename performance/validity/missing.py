"""What missing answers make of a comparison on questions as HLE's are.

One sample, 2,158 questions, both models with a true rate of 15%; 1.8% of the reference's answers are missing and 3.4% of
the candidate's. "at random": whether or not they would have been right. "right ones": each would have been right three times as
often as others. Promised: the interval from the lower end of the one bound to the upper end of the other holds the
difference of the whole answers in at least 95%, in both; the interval on complete pairs misses it in at most 6.5% where
answers are missing at random; nothing is promised of it elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from llmc_lib.analysis.missing import missing_answers
from performance.validity.draws import hle_chances, row, sample, sibling

N, MEAN = 2158, 0.15
SHARES = (0.034, 0.018)


def rows(seed: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """See performance/validity/__main__.py."""
    rng = np.random.default_rng(seed)
    for name, times in (("at random", 1.0), ("right ones", 3.0)):
        outside, whole = [], []
        for _ in range(max(40, repetitions // 4)):
            base = hle_chances(rng, (N,), MEAN)
            right = sample(rng, np.stack([sibling(rng, base, MEAN), base]), 1)[..., 0]
            odds = np.where(right, times, 1.0)
            odds /= odds.mean(axis=1, keepdims=True)
            missing = rng.random(right.shape) < odds * np.array(SHARES)[:, None]
            found = missing_answers(*(right & ~missing), *missing)
            if found is None or found.complete is None:
                raise RuntimeError("no answer is missing, or all are")
            outside.append(not found.least.low <= 0 <= found.most.high)
            whole.append(not found.complete.low <= 0 <= found.complete.high)
        setting = f"n={N}, k=1, {SHARES[0]:.1%} and {SHARES[1]:.1%} missing, {name}"
        yield row("the bounds", "miss", setting, np.mean(outside), (0.0, 0.05), len(outside))
        if times == 1:
            yield row("complete pairs", "miss", setting, np.mean(whole), (0.0, 0.065), len(whole))
