"""The figures of a training: findings that the log bears out, and every candidate in them."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from llmc_lib.reporting.figures.training import losses, optimizer

NAN = float("nan")


def _history(
    train: list[float], held: dict[int, float] | None = None, **columns: Any
) -> pd.DataFrame:
    rows: list[dict[str, float]] = [
        {"step": step, "epoch": step / len(train), "loss": loss, "learning_rate": 1e-5}
        | {name: values[step - 1] for name, values in columns.items()}
        for step, loss in enumerate(train, 1)
    ]
    rows += [{"step": s, "epoch": s / len(train), "eval_loss": v} for s, v in (held or {}).items()]
    return pd.DataFrame(rows)


def _texts(markup: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", markup)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("history", "title"),
    [
        (_history([2.5, 1.25]), "Training loss 2.50 in the first step, 1.25 in the last"),
        (_history([2.6, *[2.0] * 8, *[1.5] * 11]), "Training loss falls: 2.15 in the first 4 steps, 1.50 in the last"),
        # The first and the last step alone would say that it falls.
        (_history([2.0, *[1.0, 1.5] * 9, 1.0]), "Training loss does not clearly fall: 1.38 in the first 4 steps, 1.25 in the last"),
        (_history([1.0]), "Training loss 1.00 in one step"),
        (_history([1.0], {0: 1.0, 1: 2.0}), "Validation loss does not fall: 1.00 before training, 2.00 after"),
        (_history([1.0, NAN], {0: 1.0}), "Training loss 1.00 in one step"),
        (_history([NAN]), "No loss was logged"),
        (pd.DataFrame(), "No loss was logged"),
    ],
)  # fmt: skip
def test_the_title_is_what_the_losses_did(history: pd.DataFrame, title: str) -> None:
    drawn = losses({"main": history})
    assert drawn.sentence == title
    assert "Optimizer step" in drawn.markup
    optimizer({"main": history})  # draws whatever was logged


@pytest.mark.slow
def test_a_loss_that_is_not_finite_is_marked_at_its_step() -> None:
    markup = losses({"main": _history([2.0, 1.9, math.inf, NAN], {0: 2.1, 4: NAN})}).markup
    assert "not finite: step 3" in _texts(markup)


@pytest.mark.slow
def test_validation_losses_without_training_losses_are_drawn() -> None:
    """As an imported log can have them."""
    history = pd.DataFrame([{"step": 1, "eval_loss": 1.5}, {"step": 2, "eval_loss": math.inf}])
    assert "not finite: step 2" in _texts(losses({"main": history}, imported=True).markup)


@pytest.mark.slow
def test_a_spike_is_written_out_and_does_not_press_the_rest_flat() -> None:
    texts = _texts(losses({"main": _history([2.0, 1.9, 80.0, 1.8, 1.7])}).markup)
    assert "▲ 80" in texts
    assert not any(re.fullmatch(r"[2-9]0|100", text) for text in texts)


@pytest.mark.slow
def test_every_candidate_has_a_panel_and_the_title_names_those_that_look_wrong() -> None:
    fine = _history(list(np.linspace(2.0, 1.4, 20)), {0: 2.0, 10: 1.7, 20: 1.6})
    over = _history(list(np.linspace(2.0, 1.0, 20)), {0: 2.0, 10: 1.6, 20: 1.9})
    block = losses({"math": fine, "mix": over, "broken": _history([2.0, NAN])})
    assert block.sentence == "Overfitting: mix; the loss is not a number: broken"
    assert {"math", "mix", "broken"} <= set(_texts(block.markup))
    assert (
        losses({"a": fine, "b": fine}).sentence == "The losses of 2 candidates show nothing wrong"
    )


def test_what_was_not_logged_has_no_panel() -> None:
    texts = _texts(optimizer({"main": _history([2.0, 1.9])}).markup)
    assert "Learning rate" in texts
    assert not {"Gradient norm", "Tokens per second"} & set(texts)


@pytest.mark.slow
def test_an_exploding_gradient_norm_is_drawn_on_a_logarithmic_axis() -> None:
    norms = [1.0] * 8 + [1e6, 1e6]
    block = optimizer({"main": _history([2.0] * 10, grad_norm=norms)})
    assert "The axis of the gradient norm is logarithmic." in block.markup
    assert block.sentence == "The gradient norm is at most 1000000.0 times its median"


@pytest.mark.slow
def test_a_long_training_is_drawn_with_as_many_points_as_can_be_seen() -> None:
    def history(n: int) -> pd.DataFrame:
        return _history(
            list(2 + np.sin(np.arange(n))), grad_norm=list(1 + np.cos(np.arange(n)) / 2)
        )

    long = losses({"main": history(20_000)})
    assert len(long.markup) < 3 * len(losses({"main": history(400)}).markup)
    assert "each point is the mean of a few neighbouring ones" in long.markup


@pytest.mark.slow
@pytest.mark.parametrize("last", [1.0, 2.9, 300.0])
def test_a_last_step_unlike_the_others_leaves_the_panel_its_room(last: float) -> None:
    """A layout that fails is an error here: pyproject.toml."""
    figure = losses({"main": _history([*(2 + 0.01 * np.sin(np.arange(5_000))), last])}).figure
    assert figure is not None
    figure.canvas.draw()
    (axes,) = figure.axes
    panel = axes.get_window_extent()
    (name,) = [text for text in axes.texts if text.get_text() == "training"]
    words = name.get_window_extent()
    assert panel.y0 <= (words.y0 + words.y1) / 2 <= panel.y1
    assert panel.height > 0.5 * figure.bbox.height


@pytest.mark.slow
def test_a_name_cannot_break_the_page() -> None:
    name = "<script>alert(1)</script>"
    for block in (losses({name: _history([2.0, 1.0]), "b": _history([2.0, NAN])}),
                  optimizer({name: _history([2.0, 1.0]), "b": _history([2.0, 1.0])})):  # fmt: skip
        assert "<script" not in block.markup
