"""Training rows to read: by source, kind, category and length."""

from __future__ import annotations

from pathlib import Path

import ipywidgets as widgets
import pandas as pd
import pyarrow.parquet as pq

from llmc_lib.exploring.opened import Runs
from llmc_lib.exploring.panel import Panel, between, named, paragraph, row, span
from llmc_lib.formatting import counted
from llmc_lib.reporting.dataset_sample import to_open

_ANY = "any"
_LIGHT = ("source", "kind", "category", "n_tokens")
#: Rows that are shown at a time.
_SHOWN = 6


class Rows(Panel):
    """Draws rows of a data set to open and read, by source, kind, category and length.

    `data`: the rows that are chosen: source, kind, category, n_tokens. `drawn`: those that are shown, with all columns.
    Of a large data set only the rows that are shown are read whole.
    """

    drawn: pd.DataFrame

    def __init__(self, runs: Runs) -> None:
        self._files: dict[str, Path] = {
            runs.called(run.name, name or "the run's own"): file
            for run in runs.opened.values()
            for name, file in run.rows.items()
            if file.is_file()
        }
        self._seed = runs.first.seed
        self._set = named(widgets.Dropdown, "Data set", options=list(self._files) or [""])
        self._by = {
            name: named(widgets.Dropdown, name.capitalize(), options=[_ANY]) for name in _LIGHT[:3]
        }
        self._tokens = between("Tokens")
        self._again = widgets.Button(description="Others", layout={"width": "auto"})
        super().__init__([row(self._set, *self._by.values()), row(self._tokens, self._again)])
        self._draw = 0
        self._set.observe(self._enter, "value")
        self.on(self._again, self._others)
        self.follow(*self._by.values(), self._tokens)
        self._enter()

    def _others(self) -> str:
        self._draw += 1
        return self._show()

    def _enter(self, *_: object) -> None:
        self._all = pd.DataFrame(columns=list(_LIGHT))
        if self._set.value in self._files:
            file = self._files[self._set.value]
            names = set(pq.read_schema(file).names)
            self._all = pd.read_parquet(file, columns=[name for name in _LIGHT if name in names])
            self._all = self._all.reindex(columns=list(_LIGHT))
        with self.setting():
            for name, control in self._by.items():
                control.options = [_ANY, *sorted(self._all[name].dropna().unique())]
                control.value = _ANY
            span(self._tokens, int(self._all["n_tokens"].max()) if len(self._all) else 1)
        self.update()

    def _show(self) -> str:
        self.data = self.drawn = self._all
        if self._all.empty:
            return paragraph("No data set: these runs compare imported answers, or have not built one yet.", "note")  # fmt: skip
        chosen = self._all["n_tokens"].between(*self._tokens.value)
        for name, control in self._by.items():
            if control.value != _ANY:
                chosen &= self._all[name] == control.value
        self.data = self._all[chosen]
        self.drawn = self.data
        if self.data.empty:
            return paragraph("No row is chosen.", "note")
        seed = self._seed + self._draw
        places = self.data.sample(min(_SHOWN, len(self.data)), random_state=seed).index
        self.drawn = take(self._files[self._set.value], sorted(places))
        head = f"{len(self.data):,} of {counted(len(self._all), 'row')} chosen"
        return paragraph(head, "finding") + to_open(self.drawn)


def take(file: Path, places: list[int]) -> pd.DataFrame:
    """Some rows of a Parquet file by their numbers (rising, from 0), reading no group of rows that has none of them."""
    parts: list[pd.DataFrame] = []
    start = 0
    with pq.ParquetFile(file) as source:
        for number in range(source.num_row_groups):
            end = start + source.metadata.row_group(number).num_rows
            inside = [place - start for place in places if start <= place < end]
            if inside:
                parts.append(source.read_row_group(number).take(inside).to_pandas())
            start = end
    return pd.concat(parts, ignore_index=True)
