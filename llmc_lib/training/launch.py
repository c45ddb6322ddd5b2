"""Run the training of a run in processes of its own, show its progress, keep its log."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from llmc_lib.errors import UserError
from llmc_lib.models import Model, base_model
from llmc_lib.progress import progress_bar
from llmc_lib.store import (
    Run,
    fingerprint,
    read_jsonl,
    read_manifest,
    write_atomic,
    write_jsonl,
    write_manifest,
)
from llmc_lib.workers import run_worker

_VERSION = 1


@dataclass(frozen=True)
class Training:
    """A finished training. `history` has a row a logged step: step, epoch, loss, grad_norm,
    learning_rate, eval_loss, num_tokens (so far), seconds (since the start)."""

    history: pd.DataFrame
    candidates: list[Model]
    manifest: dict[str, Any]


def train(run: Run) -> Training:
    """Train the run's candidates, or load them where they are complete and nothing has changed."""
    base = base_model(run)
    key = stage_key(run, base)
    if read_manifest(run.training, key) is None:
        _launch(run, base, key)
    return load_training(run)


def load_training(run: Run) -> Training:
    """The finished training of a run."""
    manifest = read_manifest(run.training)
    if manifest is None:
        raise UserError(f"{run.training}: no finished training; run notebook 2 first")
    history = pd.DataFrame(read_jsonl(run.training / "history.jsonl"))
    return Training(history, candidates(run), manifest)


def finished(run: Run) -> bool:
    """Are the candidates complete and made from the present params and data set?"""
    return read_manifest(run.training, stage_key(run, base_model(run))) is not None


def stage_key(run: Run, base: Model) -> str:
    """The fingerprint of what the candidates are made from."""
    dataset = read_manifest(run.dataset)
    if dataset is None:
        raise UserError(f"{run.dataset}: no finished data set; run notebook 1 first")
    return fingerprint(
        version=_VERSION,
        seed=run.params.seed,
        training=run.params.training.model_dump(mode="json"),
        dataset=dataset["files"],
        base=base.fingerprint,
    )


def candidates(run: Run) -> list[Model]:
    """The trained candidates, in training order."""
    manifest = read_manifest(run.training)
    return [
        Model(c["name"], run.models / c["name"], f"checkpoint after step {c['step']} of {c['of']}")
        for c in (manifest or {}).get("candidates", [])
    ]


def _launch(run: Run, base: Model, key: str) -> dict[str, Any]:
    start = time.monotonic()
    params = run.params.training
    shutil.rmtree(run.training, ignore_errors=True)
    shutil.rmtree(run.models, ignore_errors=True)
    spec = {
        "seed": run.params.seed,
        "base": str(base.folder),
        "train": str(run.dataset / "train.parquet"),
        "validation": str(run.dataset / "validation.parquet"),
        "models": str(run.models),
        "scratch": str(run.training / "scratch"),
        **params.model_dump(mode="json"),
    }
    write_atomic(run.training / "spec.json", json.dumps(spec, indent=1))
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone",
        "--nproc-per-node", str(params.processes),
        "-m", "llmc_lib.training.sft", str(run.training / "spec.json"),
    ]  # fmt: skip
    history: list[dict[str, Any]] = []
    facts: dict[str, Any] = {"candidates": []}
    with progress_bar(desc="Training", unit="step") as bar:

        def on_event(event: dict[str, Any]) -> None:
            match event.pop("kind"):
                case "plan":
                    facts.update(event)
                    bar.reset(event["steps"])
                case "log":
                    history.append(event)
                    if "loss" in event:
                        bar.n = event["step"]
                        bar.set_postfix(loss=f"{event['loss']:.3f}", refresh=False)
                        bar.refresh()
                case "candidate":
                    facts["candidates"].append(event)
                case "end":
                    facts.update(event)

        run_worker(command, run.training / "train.log", on_event, _environment(params.processes))
    shutil.rmtree(run.training / "scratch", ignore_errors=True)
    write_jsonl(run.training / "history.jsonl", history)
    return write_manifest(run.training, key, time.monotonic() - start, base=base.label, **facts)


def _environment(processes: int) -> dict[str, str]:
    """What the workers need beside this process's environment."""
    cores = len(os.sched_getaffinity(0))
    return {
        # torchrun would set one thread a process, which halves the speed on a CPU.
        "OMP_NUM_THREADS": str(max(1, cores // processes)),
        # DeepSpeed compiles a small C++ op with the ninja of this environment.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        # Buffers of 4 MiB and more come from the kernel and go back to it, so that batches of many
        # lengths fragment the heap less (it grew by 150 MiB a step); huge pages keep that fast.
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=4194304",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",  # the base is a local folder by now
    }
