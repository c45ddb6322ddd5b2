"""The first pass: all rows of all sources, through the steps that look at one row, to a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from llmc_lib.dataset.ledger import Ledger
from llmc_lib.dataset.parallel import Workers, batched
from llmc_lib.dataset.prepare import Prepared, prepare
from llmc_lib.dataset.rows import RemovedFile, RowFile
from llmc_lib.dataset.sources import Draft, expected_rows, read
from llmc_lib.dataset.steps import decontamination
from llmc_lib.dataset.steps.step import Context
from llmc_lib.dataset.texts.signatures import SLOTS
from llmc_lib.processes.progress import progress_bar
from llmc_lib.records import Example

# Rows that a process takes at a time. Also the batches of the row file: a change changes its bytes.
_BATCH = 1000
# Hits that the manifest lists; removed.parquet has all of them.
_HITS = 500
_SHARED = 200  # characters of what a row shares with a benchmark, in that list


@dataclass
class Collected:
    """What the first pass leaves in memory: ids and hashes, no texts.

    `index` has a row for each row of the row file: id, source, category, subject, kind, answer_type,
    has_completion, has_answer, and draw and order (uint64, see `prepare.draw_key`).
    """

    index: pd.DataFrame
    exact: np.ndarray
    numbers: np.ndarray
    signatures: np.ndarray
    author_rank: np.ndarray
    read: Counter[str]
    licences: Counter[str]
    authors: Counter[tuple[str, str]]
    hits: list[dict[str, str]]
    stripped: dict[str, str]  # row id → why its completion was taken


def collect(
    context: Context,
    workers: Workers,
    path: Path,
    ledger: Ledger,
    removed: RemovedFile,
    made: Mapping[str, Sequence[Draft]],
) -> Collected:
    """Write the rows that are left to `path`, those that went to `removed`.

    `made`: the rows of sources that a model of the run wrote, by the source's name.
    """
    parts: list[Prepared] = []
    light: list[pa.Table] = []
    read_rows: Counter[str] = Counter()
    licences: Counter[str] = Counter()
    authors: Counter[tuple[str, str]] = Counter()
    hits: list[dict[str, str]] = []
    stripped: dict[str, str] = {}
    batches = batched(_examples(context, made), _BATCH)
    with RowFile(path) as file:
        for part in workers.map(prepare, batches):
            file.append(part.rows)
            light.append(_light(part.rows))
            removed.add(part.removed)
            ledger.remove_rows(part.removed)
            for step, id_, reason, detail in part.stripped:
                ledger.remove_completion(step, id_, reason, detail)
                stripped[id_] = reason
            hits += _hits(part.removed)[: _HITS - len(hits)]
            read_rows.update(part.read)
            licences.update(part.licences)
            authors.update(part.authors)
            part.forget_texts()
            parts.append(part)
    index = pa.concat_tables(light).to_pandas(categories=["source", "category", "subject", "kind"])
    draw = np.concatenate([part.draw for part in parts])
    exact = np.concatenate([part.exact for part in parts])
    numbers = np.concatenate([part.numbers for part in parts])
    author_rank = np.concatenate([part.author_rank for part in parts])
    return Collected(
        index.assign(draw=draw[:, 0], order=draw[:, 1]),
        exact,
        numbers,
        _joined_signatures(parts),
        author_rank,
        read_rows,
        licences,
        authors,
        hits,
        stripped,
    )


def _hits(removed: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The rows that repeat a benchmark, as the manifest lists them."""
    return [
        {
            "id": row["id"],
            "benchmark_id": row["detail"],
            "reason": row["reason"],
            "shared": row["shared"][:_SHARED],
        }
        for row in removed
        if row["step"] == decontamination.STEP.name
    ]


def _joined_signatures(parts: list[Prepared]) -> np.ndarray:
    """The signatures of all parts, which are emptied: 512 bytes a row need not be held twice."""
    joined = np.empty((sum(len(part.numbers) for part in parts), SLOTS), np.uint32)
    start = 0
    while parts:
        part = parts.pop(0)
        joined[start : start + len(part.numbers)] = part.signatures
        start += len(part.numbers)
    return joined


def _examples(context: Context, made: Mapping[str, Sequence[Draft]]) -> Iterator[Example]:
    """All rows of all sources in the order of the params, with a bar."""
    sources = context.params.sources
    counts = [expected_rows(source) for source in sources]
    total = None if None in counts else sum(count or 0 for count in counts)
    with progress_bar(desc="Reading", unit=" rows", total=total, unit_scale=True) as bar:
        for source in sources:
            bar.set_postfix_str(source.name, refresh=False)
            for example in read(source, context.seed, made.get(source.name)):
                bar.update()
                yield example


def _light(rows: pa.RecordBatch) -> pa.Table:
    """The columns that decisions are made on."""
    names = ["id", "source", "category", "subject", "kind", "answer_type"]
    table = pa.Table.from_batches([rows])
    light = table.select(names)
    for name in ("completion", "answer"):
        light = light.append_column(f"has_{name}", pc.greater(pc.binary_length(table[name]), 0))
    return light
