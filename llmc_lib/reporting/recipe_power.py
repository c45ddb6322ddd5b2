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
    seeds: Sequence[int],
    spread: float | None = None,
) -> list[str]:
    """Lines on a benchmark of n questions: how often one checkpoint misleads about its recipe, and which effects of a recipe
    would be found with as many trainings as it has (`seeds`) and with others, for a `spread` of trainings or for several."""
    report, samples = params.report, params.evaluation.samples
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
        "Trainings of a recipe differ by the spread (standard deviation). So often one checkpoint of a recipe that does nothing is "
        f"better or worse; with so many trainings effects of a recipe of so many points are found {report.power:.0%} of the time"
        + (" (*: these seeds)." if seeds else "."),
        "",
    ]
