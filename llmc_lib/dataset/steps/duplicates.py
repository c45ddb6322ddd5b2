"""Duplicates: of equal problems one stays, by author and source the best."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from llmc_lib.dataset.steps.step import SetStep
from llmc_lib.language import N_

if TYPE_CHECKING:
    from llmc_lib.dataset.select import Selection


def _look(selection: Selection) -> Iterator[tuple[int, str, str]]:
    """Of equal problems keep the one with a completion, the better author, the earlier source."""
    from llmc_lib.dataset.texts.duplicates import duplicates  # numba

    rows, near = selection.rows, selection.context.params.deduplication.near
    order = np.lexsort([rows.author_rank, ~rows.index["has_completion"].to_numpy()])
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    of = duplicates(rows.exact, rows.signatures, rows.numbers, rank, near)
    ids = rows.index["id"].array
    for row in np.flatnonzero(of >= 0):
        same = bool((rows.exact[row] == rows.exact[of[row]]).all())
        reason = N_("the same problem") if same else N_("nearly the same problem")
        yield int(row), reason, str(ids[of[row]])


STEP = SetStep(
    name="duplicates",
    title="Duplicates",
    removes="rows with the same or nearly the same problem as a kept one",
    cost="duplicates cost most",
    is_on=lambda params: params.deduplication.enabled,
    look=_look,
)
