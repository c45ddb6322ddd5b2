"""The check of the network before a long job: real processes with gloo, and what it says of results of every kind."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.__main__ import main
from llmc_lib.errors import UserError
from llmc_lib.params import Params
from llmc_lib.processes.workers import WorkerError
from llmc_lib.store import Run
from llmc_lib.training import cluster, network
from llmc_lib.training.network import Rank, told

VERSIONS = "torch 2.9, NCCL 2.27.5, CUDA 12.9"
RANKS = [
    Rank(rank, f"gpu-{rank // 4}", "NVIDIA H200", VERSIONS, True, 390.0, 42.0, 0.002)
    for rank in range(8)
]


def test_what_is_right_is_told_in_a_line_a_machine() -> None:
    assert told(RANKS).splitlines() == [
        f"gpu-0: 4 × NVIDIA H200, {VERSIONS}, within it 390 GB/s",
        f"gpu-1: 4 × NVIDIA H200, {VERSIONS}, within it 390 GB/s",
        "Between the 2 machines: 42 GB/s",
        "",
        "All 8 processes find each other and add up right.",
    ]


PROBLEMS: dict[str, tuple[dict[int, dict[str, Any]], str]] = {
    "a wrong sum": ({5: {"right": False}}, "rank 5 on gpu-1 got a wrong sum"),
    "other versions": ({4: {"versions": "torch 2.8"}}, "different versions: gpu-1 has torch 2.9"),
    "another device": ({3: {"device": "NVIDIA A100"}}, "different devices"),
    "a slow one": ({6: {"compute": 0.005}}, "rank 6 on gpu-1 computes 2.5 times as long"),
    "Ethernet": (
        {n: {"over": 1.1} for n in range(8)},
        "1.1 GB/s between machines is that of Ethernet",
    ),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_each_problem_is_named_with_its_machine(name: str) -> None:
    changed, message = PROBLEMS[name]
    ranks = [replace(each, **changed.get(each.rank, {})) for each in RANKS]
    lines = [line for line in told(ranks).splitlines() if line.startswith("PROBLEM: ")]
    assert any(message in line for line in lines), lines
    assert "add up right" not in told(ranks)


def test_one_machine_without_gpus_has_nothing_between() -> None:
    alone = [replace(RANKS[0], device="2-core CPU", within=None, over=None)]
    assert "Between" not in told(alone)
    assert "PROBLEM" not in told(alone)
    slow = [replace(each, device="2-core CPU", over=0.4) for each in RANKS]
    assert "Ethernet" not in told(slow)  # a CPU has no other


MEANINGS = {
    "RuntimeError: NCCL error: unhandled system error": "NCCL_SOCKET_IFNAME",
    "torch.distributed.DistStoreError: Timed out after 121 seconds waiting for clients": "A machine is missing",
    "torch.OutOfMemoryError: CUDA out of memory.": "nvidia-smi",
    "ncclInvalidUsage: invalid usage": "the same GPU",
}


@pytest.mark.parametrize("error", MEANINGS)
def test_an_error_is_told_with_what_it_most_often_means(
    tmp_path: Path, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "first_error", lambda folder: f"Rank 1 on gpu-2: {error}")
    found = network._explained(tmp_path)
    assert found is not None
    assert found.startswith("Rank 1 on gpu-2")
    assert MEANINGS[error] in found


def _run(tmp_path: Path, processes: int = 2, **keys: object) -> Run:
    training = {
        "batch_size": 64,
        "micro_batch_size": 1,
        "nproc_per_node": processes,
        "cluster": keys,
    }
    params = {"run": "x", "runs_dir": str(tmp_path / "runs"), "training": training}
    return Run(Params.model_validate(params), tmp_path / "x.yaml")


def test_machines_that_cannot_know_of_each_other_are_told_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    with pytest.raises(UserError, match="in their Slurm job"):
        network.check(_run(tmp_path, nodes=2, endpoint="a:1"))


@pytest.mark.slow
@pytest.mark.usefixtures("warm_python")
def test_two_processes_find_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(
        f"run: x\nruns_dir: {json.dumps(str(tmp_path / 'runs'))}\n"
        "training: {nproc_per_node: 2, batch_size: 16, micro_batch_size: 1}\n"
    )
    assert main(["network", str(path)]) == 0
    out = capsys.readouterr().out
    assert "2 × " in out
    assert "GB/s" in out
    assert "All 2 processes find each other and add up right." in out


@pytest.mark.slow
@pytest.mark.usefixtures("warm_python")
def test_a_process_that_dies_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = tmp_path / "bad.py"
    source = Path(network.__file__).with_name("network_rank.py").read_text()
    bad.write_text(
        source.replace(
            "    mine, _ = dist", "    assert rank != 1, 'CUDA out of memory'\n    mine, _ = dist"
        )
    )
    monkeypatch.setattr(network, "WORKER", [str(bad)])
    with pytest.raises(WorkerError, match=r"Rank 1 on .*(?s:.*)nvidia-smi"):
        network.check(_run(tmp_path))
