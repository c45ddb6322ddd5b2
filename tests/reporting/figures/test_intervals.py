"""Points with their intervals: models below each other, rows apart, each at its numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex

from llmc_lib.reporting.figures.drawing import canvas
from llmc_lib.reporting.figures.intervals import points
from llmc_lib.reporting.palette import colours


def _drawn(models: int, rows: int, *, lone: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The places of all points, and those of the ends of all lines; each once drawn in its model's colour."""
    names = [f"m{number}" for number in range(models)]
    table = pd.DataFrame(
        {"row": row, "model": name, "value": 10.0 * row + number, "low": 1.0, "high": 90.0}
        for row in range(rows)
        for number, name in enumerate(names)
        if not lone or row == number
    )
    _, axes = canvas(2)
    paint = colours(names)
    points(axes, table, paint, lone=lone)
    assert axes.get_ylim() == (rows - 0.5, -0.5)
    dots: list[Any] = [each for each in axes.collections if isinstance(each, PathCollection)]
    lines: list[Any] = [each for each in axes.collections if isinstance(each, LineCollection)]
    for each in dots:
        for (x, _), colour in zip(each.get_offsets(), each.get_facecolor(), strict=True):
            assert to_hex(colour) == paint[names[round(x) % 10]]
    places = np.concatenate([np.asarray(each.get_offsets()) for each in dots])
    ends = np.concatenate([np.asarray(each.get_segments()) for each in lines])
    return places, ends


@pytest.mark.slow
@pytest.mark.parametrize("models", [1, 2, 8])
def test_models_are_below_each_other_and_rows_apart(models: int) -> None:
    places, ends = _drawn(models, 3)
    assert len(places) == len(ends) == 3 * models
    for x, y in places:
        row, number = divmod(round(x), 10)
        wanted = row + (number - (models - 1) / 2) * 0.6 / models
        assert y == pytest.approx(wanted)
    assert sorted(ends[:, 0, 1]) == pytest.approx(sorted(places[:, 1]))
    assert (np.sort(ends[:, :, 0], axis=1) == (1.0, 90.0)).all()


def test_a_model_alone_in_its_row_is_in_the_middle_of_it() -> None:
    places, _ = _drawn(3, 3, lone=True)
    assert sorted(places[:, 1]) == pytest.approx([0, 1, 2])
