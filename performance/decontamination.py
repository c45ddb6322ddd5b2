"""Claim: decontamination is at least ten times as fast as open-r1's approach and finds all that it finds.

    .venv/bin/python performance/decontamination.py [--rows 20000 100000] [--large]

Both approaches run on the same rows in the same run, each with two processes, from a data set on disk to
one answer a row. The rows have 2,000 characters each, with the vocabulary of the embedded data; one in a
hundred quotes one of 2,500 questions word for word, one in two hundred with other spacing.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import re
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa

from llmc_lib.dataset.texts.ngrams import NgramIndex

PROCESSES = 2
QUESTIONS = 2_500
CHARACTERS = 2_000
PACKAGE = Path(__file__).parents[1] / "llmc_lib"

_index: NgramIndex


# ---- the rows --------------------------------------------------------------------------------


def vocabulary() -> list[str]:
    """The words of the embedded data as they are, so with their frequencies."""
    texts = []
    for name in ("dataset/sources/textbook.jsonl", "benchmarks/hle_mini.jsonl"):
        for line in (PACKAGE / name).read_text(encoding="utf-8").splitlines():
            texts += [value for value in json.loads(line).values() if isinstance(value, str)]
    return " ".join(texts).split()


def write_rows(path: Path, count: int, words: list[str], questions: list[str]) -> None:
    """A data set in the format that the datasets library keeps on disk."""
    rng = random.Random(0)
    schema = pa.schema({"problem": pa.string()})
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, schema) as stream:
        for start in range(0, count, 1000):
            texts = []
            for row in range(start, min(start + 1000, count)):
                text = " ".join(rng.choices(words, k=450))
                if row % 100 == 0:
                    text = f"{text[:300]} {rng.choice(questions)} {text[300:]}"
                elif row % 200 == 1:
                    quote = re.sub(r"([=+])", r" \1\\, ", rng.choice(questions))
                    text = f"{text[:300]} {quote.replace(' ', ' ~ ')} {text[300:]}"
                texts.append(text[:CHARACTERS])
            stream.write_batch(pa.record_batch([pa.array(texts)], schema))


# ---- the two approaches ----------------------------------------------------------------------


def peer(path: Path, questions: list[str], n: int) -> np.ndarray:
    """What open-r1's scripts/decontaminate.py does: lower case, single spaces, all runs of n words as
    strings, a look into a dictionary of the questions' runs; row by row through `Dataset.map`."""

    def runs(text: str) -> list[str]:
        words = text.lower().split()
        return [" ".join(words[i : i + n]) for i in range(len(words) - n + 1)]

    known: dict[str, set[int]] = defaultdict(set)
    for number, question in enumerate(questions):
        for run in runs(question):
            known[run].add(number)

    def mark(row: dict[str, Any]) -> dict[str, Any]:
        row["contaminated"] = any(run in known for run in set(runs(row["problem"])))
        return row

    marked = datasets.Dataset.from_file(str(path)).map(mark, num_proc=PROCESSES)
    return np.asarray(marked["contaminated"], bool)


def ours(path: Path, questions: list[str], n: int) -> np.ndarray:
    """The same with the project's index; a process takes every second batch."""
    global _index
    _index = NgramIndex(questions, n)
    with multiprocessing.get_context("fork").Pool(PROCESSES) as pool:
        parts = pool.starmap(_part, [(path, worker) for worker in range(PROCESSES)])
    found = {number: hits for part in parts for number, hits in part}
    return np.asarray(np.concatenate([found[number] for number in sorted(found)]) >= 0)


def _part(path: Path, worker: int) -> list[tuple[int, np.ndarray]]:
    return [
        (number, _index.find(column))
        for number, column in enumerate(_columns(path))
        if number % PROCESSES == worker
    ]


def _columns(path: Path) -> Iterator[pa.Array]:
    with pa.memory_map(str(path)) as file, pa.ipc.open_stream(file) as stream:
        for batch in stream:
            yield batch.column(0)


# ---- the comparison --------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[20_000, 100_000])
    parser.add_argument("--large", action="store_true", help="ours alone on 1,000,000 rows (2 GB)")
    parser.add_argument("--ngrams", type=int, nargs="+", default=[8, 13])
    options = parser.parse_args()
    datasets.disable_progress_bars()
    datasets.disable_caching()
    words = vocabulary()
    rng = random.Random(1)
    questions = [" ".join(rng.choices(words, k=rng.randint(15, 200))) for _ in range(QUESTIONS)]
    start = _clocks()
    NgramIndex(questions[:2], 8).find(pa.array(["one row"]))
    print(f"Compiling, or loading what was compiled: {_clocks()[0] - start[0]:.1f} s\n")
    print(
        "| rows | n | open-r1's approach | ours | times as fast | in CPU time | its hits | our hits |"
    )
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for count in [*options.rows, *([1_000_000] if options.large else [])]:
            path = Path(folder) / "rows.arrow"
            write_rows(path, count, words, questions)
            for n in options.ngrams:
                start = _clocks()
                mine = ours(path, questions, n)
                fast = _clocks() - start
                cells = [
                    f"{count:,}",
                    str(n),
                    "",
                    _speed(fast, count),
                    *[""] * 3,
                    f"{mine.sum():,}",
                ]
                if count in options.rows:
                    start = _clocks()
                    theirs = peer(path, questions, n)
                    slow = _clocks() - start
                    if (theirs & ~mine).any():
                        raise SystemExit("a hit of the other approach was not found")
                    cells[2] = _speed(slow, count)
                    cells[4:6] = [f"{ratio:.1f}" for ratio in slow / fast]
                    cells[6] = f"{theirs.sum():,}"
                print(f"| {' | '.join(cells)} |", flush=True)
    print(f"\nLoad of the machine at the end: {os.getloadavg()[0]:.1f}")


def _clocks() -> np.ndarray:
    """Seconds by the wall clock, and of processor time of this process and those that have ended.

    On a machine that others use too, the second is the fairer one.
    """
    return np.array([time.perf_counter(), sum(os.times()[:4])])


def _speed(seconds: np.ndarray, rows: int) -> str:
    wall, processor = seconds
    return f"{wall:.2f} s ({rows / wall:,.0f} rows/s; CPU {processor:.2f} s)"


if __name__ == "__main__":
    main()
