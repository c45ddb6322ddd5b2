"""Is the population of questions in these simulations that of HLE?

`draws.hle_chances`: a question's chance of a right answer is of a beta distribution, so that the numbers of right
answers are beta-binomial. Fitted by maximum likelihood to answers to HLE's questions without images that were sampled
again (`AGAIN`: 209 questions, four models with rates of 5% to 27%; the raw answers of github.com/ZenMux-1/zenmux-benchmark,
September 2025, judged by GPT-5, answers that no verdict was given on left out): 0.66 of a rate's variance lies between
questions (95% profile interval 0.51 to 0.79); 0.65 is used. Whether a part of the questions has a chance of exactly 0
these answers do not tell: with 60% such ones and 0.4 of the rest's variance between questions the log likelihood is 1.3
higher (`draws.mixed_chances`). Not fitted to, and met: what is published as pass@k of HLE (`PUBLISHED`).

`draws.HLE_FAMILY`: right and wrong of GLM-4.5 and GLM-4.5-Air have a correlation of 0.50 on the 728 questions that both
answered there; over 0.65 that of their chances is 0.77.

The rows: a published share, and the range in which the population has it 95 times of 100 (exact).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import special, stats

from performance.validity.draws import HLE_BETWEEN, row

#: Questions by the number of right answers, of those that a model answered so many times (the length less one).
AGAIN: dict[str, list[tuple[int, ...]]] = {
    "GPT-5": [(53, 9, 15), (8, 0, 2, 3)],
    "GLM-4.5-Air": [(71, 7, 4)],
    "Qwen3-VL-Plus": [(31, 1, 1)],
    "Gemini 2.5 Pro": [(3, 0, 1)],
}
#: pass@1, k, pass@k, questions.
PUBLISHED = {
    "Kimi-Researcher (Moonshot AI, 2025)": (0.269, 4, 0.4017, 2158),
    "Eigen-1, biology and chemistry (Tang et al., 2025)": (0.483, 5, 0.6174, 149),
}


def rows(seed: int, repetitions: int) -> Iterator[dict[str, Any]]:
    """See performance/validity/__main__.py. Nothing is drawn."""
    for model, tables in AGAIN.items():
        right = sum(int(np.arange(len(table)) @ table) for table in tables)
        mean = right / sum((len(table) - 1) * sum(table) for table in tables)
        for table in tables:
            n, k = sum(table), len(table) - 1
            if n < 10:
                continue
            for what, at in (("never", 0), ("always", k)):
                chance = shares(mean, k)[at]
                setting = f"{model}, {n} questions, k={k}, rate {mean:.2f}"
                yield row(f"{what} solved", "fit", setting, table[at] / n, _range(n, chance), n)
    for model, (mean, k, found, n) in PUBLISHED.items():
        drawn = 1 - shares(mean, k)[0]
        setting = f"{model}, pass@1 {mean:.3f}, population {drawn:.3f}"
        allowed = _range(n, drawn)
        yield row(f"pass@{k}", "fit", setting, found, allowed, n)


def shares(mean: float, k: int) -> np.ndarray:
    """(k + 1,): of the questions, those with 0, 1, …, k of k answers right."""
    spread = 1 / HLE_BETWEEN - 1
    a, b, right = mean * spread, (1 - mean) * spread, np.arange(k + 1)
    ways = special.comb(k, right)
    return np.asarray(
        ways * np.exp(special.betaln(a + right, b + k - right) - special.betaln(a, b))
    )


def _range(n: int, chance: float) -> tuple[float, float]:
    low, high = stats.binom.ppf([0.025, 0.975], n, chance) / n
    return float(low), float(high)
