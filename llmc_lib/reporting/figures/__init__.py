"""The figures of the pages, a module for what they are about: `figures.lengths.accuracy_at_limits(…)`.

Each function returns a `FigureBlock`; canvas and style are in `drawing`, colours in `reporting.palette`.
"""

from llmc_lib.reporting.figures import (
    accuracy,
    calibration,
    dataset,
    design,
    lengths,
    nearest,
    preferences,
    recipes,
    rewards,
    safety,
    samples,
    training,
    waterfall,
)

__all__ = [
    "accuracy", "calibration", "dataset", "design", "lengths", "nearest", "preferences", "recipes", "rewards", "safety", "samples", "training", "waterfall",
]  # fmt: skip
