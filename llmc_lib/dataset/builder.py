"""Build the data set of a run: sources in, a mixture with a target composition out.

A candidate with a mixture of its own has its rows, in files like the run's own, in a folder of its name
beside them (`Run.data`). They are drawn from the same selected rows, and no row on which one mixture is
validated is trained on by another (`mixture.held_out`).

Three passes. The first streams all rows through the steps that look at one row (`prepare`) to a file
of their texts. The second works on ids and hashes alone: duplicates, measured difficulty, a teacher's
completions, the mixtures. The third writes the chosen rows in training order.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from llmc_lib.dataset.card.page import card
from llmc_lib.dataset.collect import collect
from llmc_lib.dataset.draw import (
    Drawn,
    draw,
    in_common,
    mixture_settings,
    takes_problems,
    target_shares,
)
from llmc_lib.dataset.finish import write
from llmc_lib.dataset.ledger import Ledger
from llmc_lib.dataset.parallel import Workers
from llmc_lib.dataset.replay import replay, replayed
from llmc_lib.dataset.rows import RemovedFile
from llmc_lib.dataset.select import select
from llmc_lib.dataset.sources import about, identity
from llmc_lib.dataset.steps.decontamination import benchmark_texts
from llmc_lib.dataset.steps.mixture import ELSEWHERE
from llmc_lib.dataset.steps.step import Context
from llmc_lib.dataset.stored_rates import stored_digest
from llmc_lib.dataset.texts.overlap import Screen
from llmc_lib.engines.arguments import what_matters
from llmc_lib.errors import UserError
from llmc_lib.models.chat import ChatFormat, tokenizer_folder
from llmc_lib.params import DatasetParams
from llmc_lib.store import (
    Run,
    fingerprint,
    put,
    read_manifest,
    remove,
    sha256_file,
    sha256_text,
    working,
    write_atomic,
    write_manifest,
)

# Raised when the same params would give other rows, so that old data sets are built again.
_VERSION = 6


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
        """Some columns of "train", "validation" or "removed": a large set need not fit into memory.

        "math/train" is that of the mixture of candidate "math".
        """
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
        with working(run.folder, "data set"):
            remove(work)
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
        dataset=_settings(params.dataset),
        sources=[identity(source) for source in params.dataset.sources],
        benchmarks=sha256_text(json.dumps(texts, ensure_ascii=False)),
        withheld=sorted(run.params.withheld),
        shares=target_shares(run, params.dataset)[0],
        mixtures=mixture_settings(run),
        dtype=params.evaluation.dtype if _samples(run) else None,
        **({"problems": problems} if (problems := takes_problems(run)) else {}),
    )


def _settings(params: DatasetParams) -> dict[str, Any]:
    """The section `dataset` without what does not change a row: processes, where servers are, and keys that are off."""
    found = params.model_dump(mode="json", exclude={"processes"})
    for source in found["sources"]:
        if source["rejected"] is None:
            del source["rejected"]
    for name in ("difficulty", "completions"):
        engine = getattr(params, name).engine
        del found[name]["engine"]
        if engine is not None:
            found[name]["engine"] = {
                "vllm": what_matters(engine.vllm),
                "served_as": engine.served_as,
            }
    rates = found["difficulty"].pop("rates")
    if rates is not None:
        found["difficulty"]["rates"] = {**rates, "sha256": stored_digest(rates["path"])}
    return found


def _samples(run: Run) -> bool:
    """Does a model answer problems or prompts of the data set?"""
    params = run.params.dataset
    return params.difficulty.enabled or params.completions.enabled or bool(replayed(run))


def _build(run: Run, key: str, work: Path) -> dict[str, Any]:
    start = time.monotonic()
    params = run.params.dataset
    context = _context(run)
    processes = params.processes or len(os.sched_getaffinity(0))
    files = work / "files"
    files.mkdir()
    made, replays = replay(run)
    ledger, removed = Ledger(), RemovedFile(files / "removed.parquet")
    rows = work / "rows.arrow"
    with Workers(context, processes) as workers:
        collected = collect(context, workers, rows, ledger, removed, made)
        selection = select(run, collected, rows, context)
        try:
            own, *candidates = draw(run, selection.left)
        except UserError as error:  # mostly too few rows: say why others were removed
            raise UserError(f"{error}{ledger.told()}") from None
        for removals in selection.removals(*_chosen(len(collected.index), own, candidates)):
            ledger.remove_rows(removals)
            removed.add([row for row in removals if row["reason"] != ELSEWHERE])
        removed.close()
        written = {
            drawn.folder: write(drawn.mixture, files / drawn.folder, work, selection, workers)
            for drawn in (own, *candidates)
        }
    facts: dict[str, Any] = {
        "sources": {
            source.name: {
                **asdict(about(source)),
                "identity": identity(source),
                "read": collected.read[source.name],
                "used": written[own.folder].by["source"][source.name],
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
        "replay": {name: asdict(facts) for name, facts in replays.items()},
        **own.facts(written[own.folder]),
        "mixtures": {drawn.folder: drawn.facts(written[drawn.folder]) for drawn in candidates},
        "in_common": in_common(run, candidates),
    }
    _move(files, run.dataset, facts)
    write_atomic(run.dataset / "README.md", card(run, facts))
    outputs = [run.dataset / name for name in (*facts["files"], "README.md")]
    manifest = write_manifest(run.dataset, key, time.monotonic() - start, outputs=outputs, **facts)
    _remove_stale(run.dataset, facts)
    return manifest


def _chosen(rows: int, own: Drawn, candidates: list[Drawn]) -> tuple[np.ndarray, np.ndarray]:
    """Which rows (bool) the run's own mixture uses, and which a candidate's."""
    ours, theirs = np.zeros(rows, bool), np.zeros(rows, bool)
    for chosen, drawn in [(ours, own), *((theirs, candidate) for candidate in candidates)]:
        chosen[drawn.mixture.train] = chosen[drawn.mixture.validation] = True
    return ours, theirs


def _move(files: Path, folder: Path, facts: dict[str, Any]) -> None:
    """Move the finished files to their places, and enter their digests in the facts."""
    # A build that is cut off here must not leave files under the manifest of an earlier one.
    (folder / "manifest.json").unlink(missing_ok=True)
    names = ["train.parquet", "validation.parquet", "removed.parquet"]
    names += [f"{name}/{part}" for name in facts["mixtures"] for part in names[:2]]
    facts["files"] = {}
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        put(files / name, folder / name)
        facts["files"][name] = sha256_file(folder / name)


def _remove_stale(folder: Path, facts: dict[str, Any]) -> None:
    """Remove the rows of candidates that are no longer listed, and nothing that is not ours."""
    for path in list(folder.iterdir()):
        if path.is_dir() and not path.name.startswith(".") and path.name not in facts["mixtures"]:
            for part in ("train", "validation"):
                (path / f"{part}.parquet").unlink(missing_ok=True)
            if not any(path.iterdir()):
                path.rmdir()


def _context(run: Run) -> Context:
    params = run.params.dataset
    texts = benchmark_texts(run)
    # Side by side, as the first run of all compiles the loops over texts (15 s) while a process of its own
    # converts the embedded model (14 s).
    with ThreadPoolExecutor(1) as pool:
        screen = (
            pool.submit(Screen, texts, params.decontamination, run.params.withheld)
            if texts
            else None
        )
        chat = ChatFormat(tokenizer_folder(run))
        made = screen.result() if screen else None
    return Context(
        params, run.params.seed, run.params.max_length, chat, made, bool(takes_problems(run))
    )
