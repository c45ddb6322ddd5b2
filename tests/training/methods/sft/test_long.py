"""Groups of processes that share sequences: how they are set up, and a training that is the same as one process's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file

from llmc_lib import training
from llmc_lib.params import TrainingParams
from llmc_lib.store import Run, open_run, write_manifest
from llmc_lib.training import launch
from llmc_lib.training.methods.sft.long import parallelism
from tests.tiny import make_tiny_model
from tests.training.killing import killed

pytestmark = pytest.mark.slow

TRAIN = (
    "import sys\nfrom llmc_lib import open_run, training\nfrom llmc_lib.training import launch\n"
    "launch.require_gpu = lambda recipe: None\n"
    "training.train(open_run(sys.argv[1]))"
)


@pytest.fixture(scope="module", autouse=True)
def _warm(warm_python: None) -> None:
    """Training starts in a moment."""


def test_groups_of_processes_are_replicas() -> None:
    spec = TrainingParams.model_validate(
        {"nproc_per_node": 8, "sequence_parallel": 2, "batching": "padded", "micro_batch_size": 1}
    )
    fields = parallelism({**spec.model_dump(), "world_size": spec.world_size})
    given = fields["parallelism_config"]
    assert (given.sp_size, given.data_parallel_size) == (2, 4) == (2, spec.replicas)
    assert given.sp_handler.sp_attn_implementation == "sdpa"
    assert fields["pad_to_multiple_of"] == 8
    assert parallelism(TrainingParams().model_dump()) == {}


def _run(folder: Path, model: Path, **settings: Any) -> Run:
    values = {
        "run": "x",
        "runs_dir": str(folder / "runs"),
        "model": {"source": str(model)},
        "training": {
            "learning_rate": 3e-3, "warmup_ratio": 0.0, "batch_size": 4, "micro_batch_size": 1, "precision": "float32",
            "max_length": 128, "batching": "padded", "save_minutes": 0.0, "evaluations": 1, "export_at": [1.0],
            # gloo gathers rows of one length alone; NCCL those of any.
            "sft": {"pad_to_multiple_of": 128}, **settings,
        },
    }  # fmt: skip
    folder.mkdir()
    path = folder / "x.yaml"
    path.write_text(yaml.safe_dump(values))
    run = open_run(path)
    run.dataset.mkdir(parents=True)
    rows = [
        {
            "id": f"row/{n}", "prompt": f"What is {n} + {n + 1}?", "completion": f"It is {2 * n + 1}{' so' * (n % 7)}.",
            "answer": "", "answer_type": "none", "kind": "response", "history": "", "loss": "last", "rejected": "",
        }
        for n in range(28)
    ]  # fmt: skip
    pd.DataFrame(rows[:20]).to_parquet(run.dataset / "train.parquet")
    pd.DataFrame(rows[20:]).to_parquet(run.dataset / "validation.parquet")
    files = {"train.parquet": "1", "validation.parquet": "2"}
    write_manifest(run.dataset, "rows", 1.0, files=files, tokens={}, rows={"train": 20})
    return run


def test_two_processes_that_share_sequences_and_are_killed_end_where_one_process_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "require_gpu", lambda recipe: None)  # for lengths alone: see _run
    make_tiny_model(tmp_path / "model", heads=4)
    alone = _run(tmp_path / "alone", tmp_path / "model")
    shared = _run(
        tmp_path / "shared", tmp_path / "model", nproc_per_node=2, sequence_parallel=2, deepspeed="zero3"
    )  # fmt: skip
    killed(shared, TRAIN, shared.training / "main" / "checkpoints", step=2)
    expected, got = (training.train(run).candidates["main"] for run in (alone, shared))
    assert got.facts["resumed_from"][0] >= 2
    assert got.facts["processes"] == 2
    columns = ["step", "loss", "eval_loss", "grad_norm", "num_tokens", "epoch"]
    pd.testing.assert_frame_equal(
        got.history[columns], expected.history[columns], rtol=1e-4, atol=1e-4
    )
    ours, theirs = (load_file(done.models[-1].folder / "model.safetensors") for done in (got, expected))  # fmt: skip
    for name, weight in ours.items():
        torch.testing.assert_close(weight, theirs[name], rtol=0, atol=1e-4)
