"""Build the data set of a run: sources in, a mixture with a target composition out.

Three passes. The first streams all rows through the steps that look at one row (`prepare`) to a file
of their texts. The second works on ids and hashes alone: duplicates, measured difficulty, a teacher's
completions, the mixture. The third writes the chosen rows in training order.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections import Counter
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from llmc_lib import benchmarks
from llmc_lib.chat import ChatFormat, tokenizer_folder
from llmc_lib.dataset.card.page import card
from llmc_lib.dataset.collect import collect
from llmc_lib.dataset.decontamination import Screen, benchmark_texts
from llmc_lib.dataset.finish import Written, write
from llmc_lib.dataset.ledger import Ledger
from llmc_lib.dataset.mixture import mix
from llmc_lib.dataset.parallel import Workers
from llmc_lib.dataset.prepare import Context
from llmc_lib.dataset.rows import RemovedFile
from llmc_lib.dataset.select import select
from llmc_lib.dataset.sources import about, identity
from llmc_lib.store import (
    Run,
    fingerprint,
    read_manifest,
    sha256_file,
    sha256_text,
    write_atomic,
    write_manifest,
)
from llmc_lib.taxonomy import HLE_SHARES

# Raised when the same params would give other rows, so that old data sets are built anew.
_VERSION = 3


@dataclass(frozen=True)
class BuiltDataset:
    """A finished data set. Its rows are read from disk when they are asked for."""

    manifest: dict[str, Any]
    folder: Path

    @cached_property
    def train(self) -> pd.DataFrame:
        """All training rows, in training order: the columns of `rows.FINAL`, of which `prompt` is the
        user turn and `completion` the assistant turn."""
        return self.read("train")

    @cached_property
    def validation(self) -> pd.DataFrame:
        """The held-out rows, with the columns of `train`."""
        return self.read("validation")

    def first(self, rows: int) -> pd.DataFrame:
        """The first training rows: as the order is random, a fair sample of them all."""
        with pq.ParquetFile(self.folder / "train.parquet") as file:
            frame: pd.DataFrame = next(file.iter_batches(rows), pa.table({})).to_pandas()
        return frame

    def read(self, part: str, columns: list[str] | None = None) -> pd.DataFrame:
        """Some columns of "train", "validation" or "removed": a large set need not fit into memory."""
        return pd.read_parquet(self.folder / f"{part}.parquet", columns=columns)


def build(run: Run) -> BuiltDataset:
    """Build the data set, or take it as it is where it is complete and its params have not changed.

    Raises `UserError` for a source, a benchmark or a composition that cannot be had; then nothing has
    been written.
    """
    key = stage_key(run)
    manifest = read_manifest(run.dataset, key)
    if manifest is None:
        work = run.dataset / ".work"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        try:
            manifest = _build(run, key, work)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return BuiltDataset(manifest, run.dataset)


def finished(run: Run) -> bool:
    """Is the data set complete and made from the present params?"""
    return read_manifest(run.dataset, stage_key(run)) is not None


def stage_key(run: Run) -> str:
    """The fingerprint of what the data set is made from."""
    params = run.params
    texts = benchmark_texts(run)
    return fingerprint(
        version=_VERSION,
        seed=params.seed,
        model=params.model.model_dump(mode="json"),
        max_length=params.max_length,
        dataset=params.dataset.model_dump(mode="json", exclude={"processes"}),
        sources=[identity(source) for source in params.dataset.sources],
        benchmarks=sha256_text(json.dumps(texts, ensure_ascii=False)),
        shares=target_shares(run)[0],
        dtype=params.evaluation.dtype if _samples(run) else None,
    )


def _samples(run: Run) -> bool:
    """Does a model answer problems of the data set?"""
    return run.params.dataset.difficulty.enabled or run.params.dataset.completions.enabled


def target_shares(run: Run) -> tuple[dict[str, float], str]:
    """The target share of each category, and where it comes from, in words."""
    if run.params.dataset.shares is not None:
        return dict(run.params.dataset.shares), "set by the params file"
    for benchmark in run.params.evaluation.benchmarks:
        if benchmark.name == "hle":
            questions = benchmarks.load(benchmark)
            counts = Counter(question.category for question in questions)
            shares = {name: counts[name] / len(questions) for name in HLE_SHARES}
            return shares, f"counted from the {len(questions):,} HLE questions of this run"
    return dict(HLE_SHARES), "HLE's published shares"


def _build(run: Run, key: str, work: Path) -> dict[str, Any]:
    start = time.monotonic()
    params = run.params.dataset
    context = _context(run)
    processes = params.processes or len(os.sched_getaffinity(0))
    ledger, removed = Ledger(), RemovedFile(work / "removed.parquet")
    rows, written = work / "rows.arrow", Written()
    with Workers(context, processes) as workers:
        collected = collect(context, workers, rows, ledger, removed)
        selection = select(run, collected, rows, context)
        left = collected.index[selection.alive]
        shares, origin = target_shares(run)
        if not params.mixture:
            shares = {str(k): n / len(left) for k, n in left["category"].value_counts().items()}
            origin = "that of the rows that are left: the mixture was off"
        mixture = mix(left, shares, params)
        chosen = np.zeros(len(collected.index), bool)
        chosen[mixture.train] = chosen[mixture.validation] = True
        for removals in selection.removals(rows, chosen):
            ledger.remove_rows(removals)
            removed.add(removals)
        removed.close()
        write("train", mixture.train, selection, work, workers, written)
        write("validation", mixture.validation, selection, work, workers, written)
    facts: dict[str, Any] = {
        "sources": {
            source.name: {
                **asdict(about(source)),
                "identity": identity(source),
                "read": collected.read[source.name],
                "used": written.by["source"][source.name],
            }
            for source in params.sources
        },
        "steps": ledger.steps(collected.read.total()),
        "licences_read": dict(collected.licences.most_common()),
        "authors": [
            {"kind": kind, "author": author, "completions": n}
            for (kind, author), n in sorted(
                collected.authors.items(), key=lambda item: (-item[1], item[0])
            )
        ],
        "compared": {name: len(found) for name, found in benchmark_texts(run).items()},
        "contamination": collected.hits,
        "teacher": selection.teacher,
        "reference": selection.reference,
        "target": shares,
        "target_origin": origin,
        "available": {str(name): int(n) for name, n in left["category"].value_counts().items()},
        "mixed": mixture.counts,
        "limiting_category": mixture.limiting_category,
        "mixture_cost": mixture.cost,
        "total_variation": round(mixture.total_variation, 4),
        "rows": written.rows,
        "composition": {name: dict(sorted(n.items())) for name, n in written.by.items()},
        "tokens": written.token_facts(),
    }
    # A build that is cut off here must not leave files under the manifest of an earlier one.
    (run.dataset / "manifest.json").unlink(missing_ok=True)
    facts["files"] = {}
    for name in ("train.parquet", "validation.parquet", "removed.parquet"):
        os.replace(work / name, run.dataset / name)
        facts["files"][name] = sha256_file(run.dataset / name)
    write_atomic(run.dataset / "README.md", card(run, facts))
    return write_manifest(run.dataset, key, time.monotonic() - start, **facts)


def _context(run: Run) -> Context:
    params = run.params.dataset
    texts = benchmark_texts(run)
    return Context(
        params,
        run.params.seed,
        run.params.max_length,
        ChatFormat(tokenizer_folder(run)),
        Screen(texts, params.decontamination) if texts else None,
    )
