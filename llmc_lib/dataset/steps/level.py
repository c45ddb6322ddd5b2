"""The first step: the level that a source declares for a row is within the source's band."""

from __future__ import annotations

from llmc_lib.dataset.steps.step import Context, Out, Row, RowStep
from llmc_lib.params import DatasetParams


def _is_on(params: DatasetParams) -> bool:
    return any(
        bound is not None
        for source in params.sources
        for bound in (source.min_difficulty, source.max_difficulty)
    )


def _look(row: Row, context: Context) -> Out | None:
    source, level = context.source(row.example.source), row.example.difficulty
    low, high = source.min_difficulty, source.max_difficulty
    if low is None and high is None:
        return None
    if level is None:
        return Out("no declared level")
    if low is not None and level < low:
        return Out(f"level below {low:g}")
    if high is not None and level > high:
        return Out(f"level above {high:g}")
    return None


STEP = RowStep(
    name="difficulty",
    title="Declared level",
    removes="levels declared by the source outside the band asked for",
    cost="the declared level costs most",
    is_on=_is_on,
    look=_look,
)
