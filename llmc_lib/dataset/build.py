"""Build the data set of a run: sources, mixture, split; Parquet files and a manifest come out."""

from __future__ import annotations

import random
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from llmc_lib import prompts
from llmc_lib.dataset.mixture import apportion, down_sample
from llmc_lib.dataset.sources import SOURCES
from llmc_lib.progress import progress_bar
from llmc_lib.store import (
    Run,
    fingerprint,
    read_manifest,
    sha256_file,
    write_atomic,
    write_manifest,
)

# Raised when the same params would give other rows, so that old data sets are built anew.
_VERSION = 1


@dataclass(frozen=True)
class BuiltDataset:
    """A finished data set. `train` and `validation` have the columns of `Example`, "prompt" (the
    user turn) and "completion" (the assistant turn)."""

    train: pd.DataFrame
    validation: pd.DataFrame
    manifest: dict[str, Any]


def build(run: Run) -> BuiltDataset:
    """Build the data set, or load it where it is complete and its params have not changed."""
    params = run.params.dataset
    key = stage_key(run)
    manifest = read_manifest(run.dataset, key)
    if manifest is None:
        start = time.monotonic()
        rows = _collect(run)
        mixture = down_sample(rows, params.shares, params.max_rows, run.params.seed)
        train, validation = _split(mixture.rows, params.validation, run.params.seed)
        # A build that is cut off must not leave files under the manifest of an earlier one.
        (run.dataset / "manifest.json").unlink(missing_ok=True)
        files = {}
        for name, part in (("train", train), ("validation", validation)):
            path = run.dataset / f"{name}.parquet"
            write_atomic(path, part.to_parquet(index=False))
            files[path.name] = sha256_file(path)
        manifest = write_manifest(
            run.dataset,
            key,
            time.monotonic() - start,
            sources={name: int(n) for name, n in rows["source"].value_counts().items()},
            available={name: int(n) for name, n in rows["category"].value_counts().items()},
            mixed={name: int(n) for name, n in mixture.rows["category"].value_counts().items()},
            target=params.shares,
            limiting_category=mixture.limiting_category,
            total_variation=round(mixture.total_variation, 4),
            rows={"train": len(train), "validation": len(validation)},
            files=files,
        )
    return BuiltDataset(
        pd.read_parquet(run.dataset / "train.parquet"),
        pd.read_parquet(run.dataset / "validation.parquet"),
        manifest,
    )


def finished(run: Run) -> bool:
    """Is the data set complete and made from the present params?"""
    return read_manifest(run.dataset, stage_key(run)) is not None


def stage_key(run: Run) -> str:
    """The fingerprint of what the data set is made from."""
    data = Path(__file__).parent / "sources" / "textbook.jsonl"
    return fingerprint(
        version=_VERSION,
        seed=run.params.seed,
        dataset=run.params.dataset.model_dump(mode="json"),
        textbook=sha256_file(data),
    )


def _collect(run: Run) -> pd.DataFrame:
    """All rows of all sources, with their chat turns."""
    rows = []
    for source in progress_bar(iterable=run.params.dataset.sources, desc="Sources", unit="source"):
        for example in SOURCES[source.name](source.rows, run.params.seed):
            prompt = prompts.question_prompt(example.question, example.answer_type)
            completion = prompts.completion(example.reasoning, example.answer)
            rows.append({**asdict(example), "prompt": prompt, "completion": completion})
    return pd.DataFrame(rows)


def _split(rows: pd.DataFrame, fraction: float, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Hold out a share of every category; both parts come back shuffled (training order)."""
    sizes = rows["category"].value_counts(sort=False)
    held = apportion(
        round(len(rows) * fraction), {str(name): n / len(rows) for name, n in sizes.items()}
    )
    validation: list[int] = []
    for name, count in held.items():
        index = rows.index[rows["category"] == name].tolist()
        validation += random.Random(f"{seed}/validation/{name}").sample(index, count)
    held_out = set(validation)
    train = [index for index in rows.index if index not in held_out]
    random.Random(f"{seed}/order").shuffle(train)
    return (
        rows.loc[train].reset_index(drop=True),
        rows.loc[sorted(validation)].reset_index(drop=True),
    )
