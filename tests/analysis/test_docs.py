"""What docs/analysis.md says in numbers is what is computed and simulated."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from llmc_lib.analysis.power import detectable_difference, mcnemar_power
from llmc_lib.analysis.rerun import rerun_of_rates
from llmc_lib.store import ROOT
from performance.validity import __main__ as runner
from performance.validity import population
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


def test_what_is_left_of_the_winners_luck() -> None:
    """Of what a winner overstates that is above a reference which all candidates equal: by each estimate."""
    words = {"a third": 1 / 3, "next to nothing": 0.0, "two thirds": 2 / 3, "a quarter": 1 / 4, "a fifth": 1 / 5}  # fmt: skip
    said = {
        ("less optimism", 8): "with eight candidates next to nothing is left",
        ("less optimism", 2): "with two a third",
        ("shrunken to the mean", 8): "a quarter is left with eight",
        ("shrunken to the mean", 2): "two thirds with two",
        ("shrunken to the reference", 8): "a fifth is left with eight",
        ("shrunken to the reference", 2): "a third with two",
    }
    rows = SIMULATED[SIMULATED["topic"] == "winners"]
    for (what, m), sentence in said.items():
        row = rows[
            (rows["what"] == f"winner {what}, above")
            & rows["setting"].str.contains(f"{m} candidates, (?:true sd 0, mean 0|equal)")
        ].iloc[0]
        seen = float(row["setting"].split("as seen ")[1])
        assert sentence in DOCS
        (share,) = (value for word, value in words.items() if word in sentence)
        assert row["value"] / seen == pytest.approx(share, abs=0.07)


def test_the_population_in_words() -> None:
    published = SIMULATED[
        (SIMULATED["topic"] == "population") & SIMULATED["what"].str.startswith("pass@")
    ]
    assert len(published) == 2
    for _, row in published.iterrows():
        drawn = float(row["setting"].split("population ")[1])
        assert f"{row['what']} of {row['value']:.1%}" in DOCS
        assert f"({'the population has ' if row['what'] == 'pass@4' else ''}{drawn:.1%})" in DOCS
    for mean, share in ((0.05, 88), (0.2, 59)):
        assert round(100 * float(population.shares(mean, 16)[0])) == share
    assert "is right on 88% of the questions, at 20% on 59%" in DOCS
    assert sum(sum(table) for tables in population.AGAIN.values() for table in tables) == 209


def test_what_is_said_of_hle() -> None:
    misses = SIMULATED[SIMULATED["topic"] == "hle_differences"]
    few = misses[misses["setting"].str.contains("k=16") & (misses["kind"] == "miss")]
    covers = few["setting"].str.extract(r"covers ([\d.]+)", expand=False).astype(float)
    told = f"up to {1 - covers.min():.1%} of intervals miss the truth, at most {few['value'].max():.1%} do and are not marked"
    assert told in DOCS
    found = SIMULATED[SIMULATED["what"] == "detectable difference"]["value"]
    assert f"found in {100 * found.min():.0f}% to {100 * found.max():.0f}%" in DOCS
