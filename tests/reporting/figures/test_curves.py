"""Axes that curves share."""

from __future__ import annotations

import warnings

from llmc_lib.reporting.figures.curves import token_axis
from llmc_lib.reporting.figures.drawing import canvas


def test_completions_of_one_length_have_an_axis_and_no_warning() -> None:
    _, axes = canvas(2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a notebook would show it in red
        token_axis(axes, 12, 12)
    low, high = axes.get_xlim()
    assert low < 12 < high
    assert list(axes.get_xticks()) == [12]
