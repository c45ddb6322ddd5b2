"""What docs/analysis.md says in numbers is what is computed and simulated."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.validity import __main__ as runner
from llmc_lib.analysis.power import detectable_difference, mcnemar_power
from llmc_lib.analysis.rerun import rerun_of_rates
from llmc_lib.store import ROOT
from tests.analysis.test_rerun import OWN, N

DOCS = " ".join((ROOT / "docs" / "analysis.md").read_text(encoding="utf-8").split())
SIMULATED = pd.read_csv(ROOT / "docs" / "analysis" / "validity.csv")


def test_the_summary_is_of_the_simulated_values() -> None:
    assert " ".join(runner.summary(SIMULATED).split()) in DOCS


def test_the_power_of_the_exact_and_the_mid_p_test() -> None:
    n, found = 40, []
    for expected in (16, 8):
        share = expected / n
        m = np.arange(n + 1)
        # The largest count of the rarer side with which the exact test rejects; -1 where there is none.
        count = stats.binom.ppf(0.025, m, 0.5) - 1
        rejects = stats.binom.cdf(count, m, 0.8) + stats.binom.cdf(count, m, 0.2)
        exact = float(stats.binom.pmf(m, n, share) @ rejects)
        found += [round(100 * p) for p in (exact, mcnemar_power(0.6 * share, n, share))]
    said = r"With 40 questions of which 16 .* 4 to 1 .* in (\d+)% of runs, .* in (\d+)%; with 8 in (\d+)% and (\d+)%"
    assert [int(value) for value in re.search(said, DOCS).groups()] == found  # type: ignore[union-attr]
    errors = [100 * mcnemar_power(0.0, n, expected / n) for expected in range(8, 21)]
    assert f"errs in {min(errors):.1f}% to {max(errors):.1f}%" in DOCS


def test_the_competitions_case() -> None:
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    found = rerun_of_rates(*OWN, N)
    bounds = f"between −{-100 * found.low:.1f} and +{100 * found.high:.1f} points"
    assert bounds in DOCS
    assert bounds in readme
    assert found.sign_flip is not None
    assert f"{100 * found.sign_flip:.0f}% if any was as likely as any other" in DOCS
    half = rerun_of_rates(*OWN, N, within=0.5 * found.within)
    assert half.sign_flip is not None
    assert half.sign_flip_sceptical is not None
    told = f"is {100 * half.sign_flip:.0f}% and {100 * half.sign_flip_sceptical:.0f}%"
    assert told in DOCS
    discordance = 2 * 0.185 * 0.815 * 0.5
    detectable = detectable_difference(N, discordance)
    assert f"a true difference of {100 * detectable:.1f} points four times in five" in DOCS
    assert mcnemar_power(0.01, round(5.5 * N), discordance) == pytest.approx(0.8, abs=0.005)
    for text in (DOCS, readme):
        assert "five and a half times" in text
