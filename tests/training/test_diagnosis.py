"""What the log of a training is said to show: alarms where something is wrong, none where chance may be."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmc_lib.reporting.sentences.training import finding_sentence, finding_title
from llmc_lib.training.diagnosis import KINDS, Finding, diagnose
from llmc_lib.training.history import training_rows, validation_rows

NAN = float("nan")


def _history(
    losses: list[float] | np.ndarray, held: dict[int, float] | None = None, **columns: Any
) -> pd.DataFrame:
    """A log with a step for each loss, two epochs long, and validation losses at some steps."""
    n = len(losses)
    rows: list[dict[str, float]] = [
        {"step": step, "epoch": 2 * step / n, "loss": loss, "grad_norm": 1.0, "learning_rate": 1e-5}
        | {name: values[step - 1] for name, values in columns.items()}
        for step, loss in enumerate(losses, 1)
    ]
    rows += [
        {"step": step, "epoch": 2 * step / n, "eval_loss": loss}
        for step, loss in (held or {}).items()
    ]
    return pd.DataFrame(rows).sort_values("step", kind="stable", ignore_index=True)


def _noisy(n: int, level: float, share: float, seed: int = 0) -> np.ndarray:
    noise: np.ndarray = np.random.default_rng(seed).standard_normal(n)
    return level * (1 + share * noise)


def _falling(n: int, seed: int = 0) -> np.ndarray:
    """A loss that falls from 2.0 to about 1.5 and flattens, with 5% noise."""
    trend: np.ndarray = 1.5 + 0.5 * np.exp(-6 * np.arange(n) / n)
    losses: np.ndarray = trend * _noisy(n, 1, 0.05, seed)
    return losses


def _kinds(history: pd.DataFrame) -> list[str]:
    return [finding.kind for finding in diagnose(history)]


def _only(history: pd.DataFrame) -> Finding:
    (finding,) = diagnose(history)
    return finding


# ---- what is wrong ---------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [NAN, math.inf, -math.inf])
def test_a_loss_that_is_no_number_is_told_with_its_step_and_nothing_else(bad: float) -> None:
    finding = _only(_history([2.0, 1.9, bad, 1.8], {0: 2.1, 4: 1.8}))
    assert finding.kind == "not finite"
    assert finding.alarm
    assert "The training loss is not a finite number at step 3; before it, the loss was 1.9" in (
        finding_sentence(finding)
    )


def test_a_validation_loss_and_a_gradient_that_are_no_numbers_are_told() -> None:
    assert "validation loss is not a finite number at step 2" in (
        finding_sentence(_only(_history([2.0, 1.9], {0: 2.0, 2: NAN})))
    )
    history = _history([2.0, 1.9], grad_norm=[1.0, math.inf])
    assert "gradient norm is not a finite number at step 2" in finding_sentence(_only(history))


def test_a_gradient_norm_that_was_not_logged_is_no_alarm() -> None:
    assert "not finite" not in _kinds(_history([2.0, 1.9, 1.8], grad_norm=[NAN, 1.0, 1.0]))
    assert _kinds(_history(_falling(60)).drop(columns="grad_norm")) == ["fine"]


@pytest.mark.parametrize("n", [12, 40, 400])
def test_a_loss_that_rises_again_is_diverging(n: int) -> None:
    half = n // 2
    losses = [*np.linspace(2.0, 1.5, half), *np.linspace(1.6, 5.0, n - half)]
    (finding, *_) = diagnose(_history(losses))
    assert finding.kind == "diverging"
    assert re.search(r"had come down to 1\.[5-6]", finding_sentence(finding))
    assert finding.numbers["last"] > 4


def test_a_loss_that_only_rises_is_diverging_also_in_few_steps() -> None:
    finding = diagnose(_history([2.0, 2.6, 3.1], {0: 2.0, 3: 3.4}))[0]
    assert finding.kind == "diverging"
    assert "Validation loss rises from 2.00 to 3.40, and training loss does not fall" in (
        finding_sentence(finding)
    )
    assert "in one step" in finding_sentence(diagnose(_history([2.0], {0: 2.0, 1: 3.4}))[0])


def test_an_exploding_gradient_is_told() -> None:
    norms = [1.0] * 40 + [50.0] * 10
    finding = diagnose(_history(_falling(50), grad_norm=norms))[0]
    assert finding.kind == "gradient"
    assert "is 50 over the last 10 steps and was 1 before" in finding_sentence(finding)


def test_overfitting_names_the_epoch_the_step_and_the_losses() -> None:
    losses = np.linspace(2.0, 1.0, 40)
    finding = _only(_history(losses, {0: 2.1, 10: 1.8, 20: 1.7, 30: 1.75, 40: 1.8}))
    assert finding.kind == "overfitting"
    assert finding_title(finding) == "Overfitting after epoch 1 (step 20)"
    assert finding_sentence(finding).startswith(
        "Validation loss is lowest there (1.70) and 1.80 at the end"
    )
    assert finding.numbers == {"step": 20, "lowest": 1.7, "last": 1.8}


def test_one_measurement_must_rise_more_than_two_in_a_row() -> None:
    losses = np.linspace(2.0, 1.0, 12)
    assert _kinds(_history(losses, {0: 2.1, 6: 1.70, 12: 1.75})) == ["fine"]
    assert _kinds(_history(losses, {0: 2.1, 6: 1.70, 12: 1.80})) == ["overfitting"]
    assert _kinds(_history(losses, {0: 2.1, 4: 1.70, 8: 1.75, 12: 1.75})) == ["overfitting"]
    assert _kinds(_history(losses, {0: 2.1, 4: 1.70, 8: 1.72, 12: 1.72})) == ["fine"]


def test_a_validation_loss_that_only_rises_while_training_loss_falls_is_overfitting() -> None:
    finding = _only(_history(np.linspace(2.0, 1.0, 12), {0: 1.7, 6: 1.8, 12: 1.9}))
    assert finding.kind == "overfitting"
    assert "only rises, from 1.70 before training to 1.90" in finding_sentence(finding)


def test_where_epochs_are_not_logged_the_step_is_named() -> None:
    history = _history(np.linspace(2.0, 1.0, 12), {0: 2.1, 6: 1.7, 12: 1.9}).drop(columns="epoch")
    assert finding_title(_only(history)) == "Overfitting after step 6"


def test_a_loss_that_stays_where_it_was_is_no_learning() -> None:
    flat = _noisy(100, 2.0, 0.01)
    finding = _only(_history(flat))
    assert finding.kind == "no learning"
    assert "a fall of 2% would have shown" in finding_sentence(finding)
    finding = _only(_history(flat, {0: 2.05, 50: 2.05, 100: 2.049}))
    assert "Validation loss was 2.050 before training and is 2.049 at its lowest" in (
        finding_sentence(finding)
    )


# ---- what is not -----------------------------------------------------------------------------


def test_the_log_of_the_embedded_run_is_no_alarm() -> None:
    losses = [1.71, 1.52, 1.66, 1.43, 1.55, 1.38, 1.49, 1.31, 1.42, 1.29, 1.45, 1.33]
    finding = _only(_history(losses, {0: 1.62, 6: 1.44, 12: 1.41}))
    assert finding.kind == "fine"
    assert "validation loss falls from 1.62 to 1.41, its lowest" in finding_sentence(finding)


@pytest.mark.slow
@settings(max_examples=60)
@given(n=st.integers(1, 60), seed=st.integers(0, 10_000), share=st.floats(0, 0.25))
def test_a_loss_that_falls_is_never_diverging_nor_overfitting(
    n: int, seed: int, share: float
) -> None:
    trend = 1.2 + 0.8 * np.exp(-3 * np.arange(n) / n)
    kinds = _kinds(_history(trend * _noisy(n, 1, share, seed)))
    assert not {"diverging", "overfitting", "gradient", "not finite"} & set(kinds)


@pytest.mark.slow
def test_noise_alone_is_seldom_an_alarm() -> None:
    """Of 300 trainings of 12 steps whose batches differ by 10%, at most 3 are called diverging, and at
    most 6 that fall by a fifth are said not to learn."""
    flat = [_kinds(_history(_noisy(12, 2.0, 0.1, seed))) for seed in range(300)]
    assert sum("diverging" in kinds for kinds in flat) <= 3
    slope = np.linspace(1.1, 0.9, 12)
    falling = [_kinds(_history(slope * _noisy(12, 2.0, 0.1, seed))) for seed in range(300)]
    assert sum("no learning" in kinds for kinds in falling) <= 6


def test_one_step_and_an_empty_log_are_too_short() -> None:
    assert finding_sentence(_only(_history([2.0]))).startswith("1 logged step is too few")
    assert finding_sentence(_only(pd.DataFrame())) == "No step was logged."
    assert _only(pd.DataFrame([{"step": 0, "epoch": 0.0, "eval_loss": 2.0}])).kind == "too short"


def test_few_steps_with_a_falling_validation_loss_look_right_as_far_as_that_goes() -> None:
    assert _kinds(_history([2.0, 1.9, 1.8], {0: 2.0, 3: 1.7})) == ["fine", "too short"]


def test_what_noise_could_do_as_well_is_not_called_right() -> None:
    finding = _only(_history(_noisy(12, 2.0, 0.2)))
    assert finding.kind == "open"
    assert "which its noise" in finding_sentence(finding)


# ---- what is worth knowing -------------------------------------------------------------------


def test_spikes_are_told_beside_a_loss_that_came_down_again() -> None:
    losses = _falling(100)
    losses[40] = losses[70] = 4.0
    fine, spikes = diagnose(_history(losses))
    assert (fine.kind, spikes.kind) == ("fine", "spikes")
    assert "2 steps have a loss far above the steps around; the highest is 4.00 at step 41" in (
        finding_sentence(spikes)
    )


def test_a_loss_that_still_falls_is_told() -> None:
    fine, falling = diagnose(_history(np.linspace(2.0, 1.0, 40), {0: 2.0, 20: 1.6, 40: 1.2}))
    assert (fine.kind, falling.kind) == ("fine", "still falling")
    assert "from 1.60 at step 20 to 1.20" in finding_sentence(falling)
    assert _kinds(_history(np.linspace(2.0, 1.0, 40)))[1:] == ["still falling"]
    flat = {0: 2.0, 20: 1.3, 40: 1.28}
    assert "still falling" not in _kinds(_history(np.linspace(2.0, 1.0, 40), flat))


# ---- the rows of a log -----------------------------------------------------------------------


def test_a_step_that_was_repeated_after_a_fault_counts_once() -> None:
    history = pd.concat([_history([2.0, 1.9, 1.8], {0: 2.1}), _history([9.0, 1.7], {0: 2.2})])
    train = training_rows(history.reset_index(drop=True))
    assert list(train["step"]) == [1, 2, 3]
    assert list(train["loss"]) == [9.0, 1.7, 1.8]
    assert list(validation_rows(history.reset_index(drop=True))["eval_loss"]) == [2.2]


@pytest.mark.slow
@settings(max_examples=100)
@given(
    st.lists(
        st.fixed_dictionaries(
            {"step": st.integers(0, 30)},
            optional={
                name: st.none() | st.floats(allow_nan=True, allow_infinity=True)
                for name in ("epoch", "loss", "eval_loss", "grad_norm", "learning_rate")
            },
        ),
        max_size=40,
    )
)
def test_any_log_gets_a_sentence_and_alarms_come_first(rows: list[dict[str, Any]]) -> None:
    found = diagnose(pd.DataFrame(rows))
    assert found
    alarms = [finding.alarm for finding in found]
    assert alarms == sorted(alarms, reverse=True)
    for finding in found:
        assert finding.kind in KINDS
        assert finding_sentence(finding).endswith(".")
        assert finding_sentence(finding)[0].isupper() or finding_sentence(finding)[0].isdigit()
