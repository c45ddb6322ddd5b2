"""What several trainings of a recipe would show, for `make power`."""

from __future__ import annotations

from collections.abc import Sequence

from llmc_lib.analysis.recipe_design import detectable_effect, one_checkpoint_misleads
from llmc_lib.analysis.variance import VarianceParts
from llmc_lib.formatting import aligned, as_points, as_size
from llmc_lib.params import Params

#: Standard deviations of trainings that are shown where none is given.
_SPREADS = (0.005, 0.01, 0.02)
_TRAININGS = (2, 3, 4, 5, 8)


def recipe_power(
    params: Params,
    n: int,
    parts: VarianceParts,
    samples: int,
    seeds: Sequence[int],
    spread: float | None = None,
) -> list[str]:
    """Lines on a benchmark of n questions with `samples` each: how often one checkpoint misleads about its recipe, and which effects of a recipe
    would be found with as many trainings as it has (`seeds`) and with others, for a `spread` of trainings or for several."""
    report = params.report
    counts = sorted({*_TRAININGS, *(count for count in seeds if count > 1)})
    level = report.significance / max(1, len(seeds))
    head = ["spread", "1 misleads", *(f"{c} trainings{' *' if c in seeds else ''}" for c in counts)]
    rows = []
    for sd in _SPREADS if spread is None else (spread,):
        misleads = one_checkpoint_misleads(sd, n, parts, samples, report.significance)
        sizes = [
            detectable_effect(count, sd, n, parts, samples, level, report.power) for count in counts
        ]
        finds = [as_points(s, n, sign=False, unit=False) if s < 1 else "nothing" for s in sizes]
        rows.append([as_size(sd), f"{misleads:.0%}", *finds])
    return [
        "",
        aligned([head, *rows], "l" + "r" * (len(head) - 1)),
        "spread: the standard deviation of the trainings of a recipe; 1 misleads: how often one checkpoint of a recipe that does nothing is "
        f"called better or worse; then the effect of a recipe, in points, that so many trainings find {report.power:.0%} of the time"
        + (" (*: these seeds)." if seeds else "."),
        "",
    ]
