"""What the log of a training on pairs is said to show, on made histories."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from llmc_lib.reporting.sentences.training import finding_sentence, finding_title
from llmc_lib.training.diagnosis import diagnose


def _history(
    chosen: float, rejected: float, n: int = 40, seed: Any = 0, **columns: float
) -> pd.DataFrame:
    """A log of n steps in which the rewards go from 0 to these, with the noise of small batches."""
    random = np.random.default_rng(seed)
    part = np.linspace(0, 1, n)
    rewards = {name: end * part + 0.1 * random.standard_normal(n) for name, end in (("chosen", chosen), ("rejected", rejected))}  # fmt: skip
    margin = rewards["chosen"] - rewards["rejected"]
    return pd.DataFrame(
        {
            "step": range(1, n + 1), "loss": np.log1p(np.exp(-margin)), "grad_norm": 1.0, "learning_rate": 1e-6,
            "rewards/chosen": rewards["chosen"], "rewards/rejected": rewards["rejected"], "rewards/margins": margin,
            "rewards/accuracies": (margin > 0).astype(float), **columns,
        }
    )  # fmt: skip


def _kinds(history: pd.DataFrame) -> list[str]:
    return [finding.kind for finding in diagnose(history)]


@pytest.mark.parametrize("seed", range(30))
def test_a_chosen_response_that_rises_or_stays_raises_no_alarm(seed: int) -> None:
    for chosen in (1.0, 0.0):
        assert "chosen falls" not in _kinds(_history(chosen, -2.0, seed=seed))
    assert "chosen falls" not in _kinds(_history(0.0, 0.0, seed=seed))


@pytest.mark.parametrize("seed", range(5))
def test_a_chosen_response_that_falls_with_the_rejected_one_does(seed: int) -> None:
    found = diagnose(_history(-1.5, -4.0, seed=seed))
    assert found[0].kind == "chosen falls"
    assert found[0].alarm
    assert found[0].numbers["last"] < -1.0
    assert finding_title(found[0]) == "The chosen responses become less likely too"
    said = finding_sentence(found[0])
    assert "the margin rises because both fall" in said
    assert "dpo.sft_weight" in said
    assert "the margin rises" in finding_sentence(diagnose(_history(-1.5, -4.0, seed=seed))[0])
    odds = finding_sentence(diagnose(_history(-1.5, -4.0, seed=seed, log_odds_chosen=1.0))[0])
    assert "sft_weight" not in odds


def test_what_is_little_or_too_short_to_tell_is_not_said() -> None:
    assert "chosen falls" not in _kinds(_history(-0.3, -8.0))  # a small part of the margin
    assert "chosen falls" not in _kinds(_history(-1.5, -4.0, n=9))
    assert "chosen falls" not in _kinds(_history(-4.0, -1.0))  # the margin does not rise
