"""Tables of a figure's few rows, whose texts are Python's: with Arrow's, made for millions, seaborn takes longer."""

from __future__ import annotations

import pandas as pd

#: Decorates what draws with seaborn: tables that are made in it have such texts and names of columns.
with_plain_texts = pd.option_context("mode.string_storage", "python")


def plain(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with such texts and names, for what is so decorated."""
    return pd.DataFrame(rows.to_dict("list"))
