"""What the log of a training by reinforcement is said to show, on made histories."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from llmc_lib.reporting.sentences.training import finding_sentence, finding_title
from llmc_lib.training.diagnosis import KINDS, Finding, diagnose
from llmc_lib.training.reward_diagnosis import trend

N = 40
#: A healthy training: its columns at the start and at the end, and what steps differ by.
HEALTHY = {
    "reward": (0.3, 0.6, 0.05),
    "correct": (0.3, 0.6, 0.05),
    "completions/mean_length": (60, 55, 3),
    "completions/clipped_ratio": (0.05, 0.03, 0.01),
    "entropy": (0.8, 0.5, 0.05),
    "frac_reward_zero_std": (0.2, 0.3, 0.1),
    "groups/all_wrong": (0.15, 0.05, 0.05),
    "groups/all_right": (0.05, 0.25, 0.05),
    "claims/per_thousand_tokens": (20.0, 21.0, 2.0),
    "rewards/claims/mean": (-0.2, -0.1, 0.03),
}


def _history(
    held: tuple[float, ...] = (0.3, 0.45, 0.55), n: Any = N, seed: Any = 0, **changed: Any
) -> pd.DataFrame:
    """A log of n steps with the columns of `HEALTHY` or as `changed`, and validation passes over the training."""
    random = np.random.default_rng(seed)
    names = {name.replace("/", "__"): name for name in HEALTHY}
    columns = HEALTHY | {names[name]: given for name, given in changed.items()}
    rows: list[dict[str, float]] = [
        {"step": step, "loss": 0.0, "grad_norm": 1.0, "learning_rate": 1e-6}
        for step in range(1, n + 1)
    ]
    for name, (first, last, noise) in columns.items():
        for row, level in zip(rows, np.linspace(first, last, n), strict=True):
            row[name] = level + noise * random.standard_normal()
    rows += [
        {"step": step, "eval_reward": value, "eval_correct": value}
        for step, value in zip(np.linspace(0, n, len(held)), held, strict=True)
    ]
    return pd.DataFrame(rows)


def _kinds(history: pd.DataFrame) -> list[tuple[str, str]]:
    return [(finding.kind, finding.case) for finding in diagnose(history)]


@pytest.mark.parametrize("seed", range(20))
def test_a_healthy_training_raises_no_alarm(seed: int) -> None:
    assert _kinds(_history(seed=seed)) == [("rewarded", "held out")]


@pytest.mark.parametrize(
    ("kind", "case", "history", "said"),
    [
        (
            "reward alone", "held out", _history(held=(0.30, 0.32, 0.28)),
            r"reward rises from 0\.3\d in the first 8 steps to 0\.5\d in the last, .* held-out prompts goes from 30% to 28%",
        ),
        (
            "reward alone", "training", _history(held=(), correct=(0.3, 0.3, 0.02)),
            r"share of right answers goes from \d+% to \d+%: the other rewards pay",
        ),
        (
            "length collapse", "", _history(completions__mean_length=(60, 5, 3)),
            r"had 5\d tokens in the first 8 steps and have \d+ in the last",
        ),
        ("entropy collapse", "", _history(entropy=(0.8, 0.01, 0.05)), r"was 0\.7\d nats .* is 0\.\d\d in the last"),
        (
            "no variance", "hard", _history(frac_reward_zero_std=(0.8, 0.9, 0.03), groups__all_wrong=(0.8, 0.88, 0.02), groups__all_right=(0, 0, 0)),
            r"too hard for this model: start from one that was fine-tuned",
        ),
        (
            "no variance", "easy", _history(frac_reward_zero_std=(0.3, 0.9, 0.03), groups__all_wrong=(0.1, 0, 0), groups__all_right=(0.3, 0.9, 0.02)),
            r"in 8\d% all are right, in \d+% all wrong\. The prompts have become too easy",
        ),
        (
            "no variance", "both", _history(frac_reward_zero_std=(0.8, 0.8, 0.03), groups__all_wrong=(0.4, 0.4, 0.02), groups__all_right=(0.4, 0.4, 0.02)),
            r"prompts of a middle difficulty",
        ),
        (
            "truncation", "", _history(completions__clipped_ratio=(0.05, 0.5, 0.03)),
            r"^\d+% of the completions were cut .* and 4\d% are in the last",
        ),
        (
            "silence", "", _history(claims__per_thousand_tokens=(20.0, 1.0, 1.0)),
            r"states \d\.\d claims in 1,000 tokens where it stated 1\d\.\d",
        ),
    ],
)  # fmt: skip
def test_each_thing_that_goes_wrong_is_told_alone_and_in_words(
    kind: str, case: str, history: pd.DataFrame, said: str
) -> None:
    (finding,) = diagnose(history)
    assert (finding.kind, finding.case) == (kind, case)
    assert finding.alarm
    assert re.search(said, finding_sentence(finding))


def test_fewer_false_claims_at_the_same_density_are_no_silence() -> None:
    assert _kinds(_history(rewards__claims__mean=(-0.4, -0.05, 0.02))) == [("rewarded", "held out")]


def test_a_trend_within_the_noise_is_none() -> None:
    flat = _history(held=(), reward=(0.3, 0.32, 0.1), correct=(0.3, 0.32, 0.1))
    (finding,) = diagnose(flat)
    assert (finding.kind, finding.case, finding.alarm) == ("no gain", "flat", False)
    assert "standard error" in finding_sentence(finding)


@pytest.mark.slow
def test_noise_alone_raises_no_alarm_in_thirty_trainings() -> None:
    still = {
        name.replace("/", "__"): (first, first, noise)
        for name, (first, _, noise) in HEALTHY.items()
    }
    alarms = [
        finding.kind
        for seed in range(30)
        for finding in diagnose(_history(held=(0.3, 0.3), seed=seed, **still))
        if finding.alarm
    ]
    assert len(alarms) <= 1


def test_few_steps_are_too_short_but_groups_without_variance_are_told() -> None:
    short = _history(
        n=4,
        frac_reward_zero_std=(1, 1, 0),
        groups__all_wrong=(1, 1, 0),
        groups__all_right=(0, 0, 0),
    )
    assert _kinds(short) == [("no variance", "hard"), ("too short", "rewards")]
    assert _kinds(_history(n=1)) == [("too short", "rewards")]
    assert "1 logged step is too few" in finding_sentence(diagnose(_history(n=1))[0])


def test_a_falling_reward_and_one_that_is_no_number() -> None:
    assert _kinds(_history(held=(), reward=(0.6, 0.2, 0.05))) == [("no gain", "falls")]
    broken = _history()
    broken.loc[5, "loss"] = float("nan")
    assert _kinds(broken) == [("not finite", "training loss")]


def test_a_trend_needs_ten_steps() -> None:
    assert trend(_history(n=9), "reward") is None
    assert trend(_history(), "nothing") is None


def test_every_kind_has_a_title() -> None:
    assert all(finding_title(Finding(kind, "")) for kind in KINDS)
