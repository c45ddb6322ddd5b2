"""Where training examples come from: one module a source, each with `examples(rows, seed)`.

A new source is a module here and a line in `SOURCES` (and its name in `params.SourceParams`).
"""

from __future__ import annotations

from collections.abc import Callable

from llmc_lib.records import Example


def _hard_math(rows: int | None, seed: int) -> list[Example]:
    from llmc_lib.dataset.sources import hard_math  # reasoning-gym takes five seconds to import

    return hard_math.examples(rows or 500, seed)


def _textbook(rows: int | None, seed: int) -> list[Example]:
    from llmc_lib.dataset.sources import textbook

    return textbook.examples(rows, seed)


SOURCES: dict[str, Callable[[int | None, int], list[Example]]] = {
    "hard_math": _hard_math,
    "textbook": _textbook,
}
