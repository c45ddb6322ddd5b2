"""Where training examples come from: one module a source, each with `examples(rows, seed)`.

A new source is a module here and a line in `SOURCES` (and its name in `params.SourceParams`).
"""

from __future__ import annotations

from collections.abc import Callable

from llmc_lib.dataset.sources import hard_math, textbook
from llmc_lib.records import Example

SOURCES: dict[str, Callable[[int | None, int], list[Example]]] = {
    "hard_math": lambda rows, seed: hard_math.examples(rows or 500, seed),
    "textbook": textbook.examples,
}
