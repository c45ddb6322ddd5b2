"""The power curve: what is written beside it can be read."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from llmc_lib.reporting.figures.design import _draw_smallest
from llmc_lib.reporting.figures.drawing import canvas, style


@pytest.mark.parametrize("size", [0.2, 0.5, 1.7, 2, 3, 5, 7, 8, 8.8, 9.5])
def test_the_name_of_the_smallest_difference_is_on_no_line(size: float) -> None:
    figure, axes = canvas(2.6)
    x = np.linspace(0, 13.4, 400)
    y = 100 * (stats.norm.cdf(x * 2.8 / 8.8 - 1.96) + stats.norm.cdf(-x * 2.8 / 8.8 - 1.96))
    axes.set(xlim=(0, 14), ylim=(0, 100))
    with style():
        point = size, float(np.interp(size, x, y))
        _draw_smallest(axes, point, "5 points: 36%", (8.8, 80.0))
        figure.draw_without_rendering()
    box = axes.texts[-1].get_window_extent()
    assert box.x0 > axes.get_window_extent().x0 - 12
    along = np.linspace(0, 1, 400)
    dashed = [np.column_stack([8.8 * along, 0 * along + 80]), np.column_stack([0 * along + 8.8, 80 * along])]  # fmt: skip
    for line in (np.column_stack([x, y]), *dashed):
        places = axes.transData.transform(line)
        assert not any(box.contains(*place) for place in places)
