"""The machine that is planned for: by name, with own numbers, or this one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import get_args

import pytest

from llmc_lib.params import PlanParams
from llmc_lib.plan import machine as module
from llmc_lib.plan.machine import GIB, GPUS, machine, this_gpu, this_machine


def test_the_names_of_the_schema_are_those_of_the_table() -> None:
    literal = get_args(PlanParams.model_fields["gpu"].annotation)[0]
    assert set(get_args(literal)) == {"none", *GPUS}


def test_a_gpu_by_name_and_with_own_numbers() -> None:
    known = machine(PlanParams(gpu="A100-80GB"))
    assert (known.memory, known.tflops, known.on_gpu, known.ram) == (80 * GIB, 312.0, True, None)
    own = machine(PlanParams(gpu="A100-80GB", memory_gib=39.0, tflops=100.0, ram_gib=500.0))
    assert (own.memory, own.tflops, own.ram) == (39 * GIB, 100.0, 500 * GIB)


def test_processors_alone_have_what_ram_is_free() -> None:
    here = machine(PlanParams(gpu="none"))
    assert not here.on_gpu
    assert here.memory is not None
    assert here.ram is not None
    assert 0 < here.memory <= here.ram
    assert f"{len(os.sched_getaffinity(0))} cores" in here.name
    assert machine(PlanParams(gpu="none", ram_gib=4.0)).memory == 4 * GIB


def _driver(folder: Path, lines: str, monkeypatch: pytest.MonkeyPatch, status: int = 0) -> None:
    """A program in the driver's place that answers as nvidia-smi does."""
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{lines}\nEND\nexit {status}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_this_machines_smallest_gpu_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _driver(tmp_path, "81559, NVIDIA H100 80GB HBM3\n40960, NVIDIA H100 80GB HBM3", monkeypatch)
    monkeypatch.setattr(module, "has_gpu", lambda: True)
    here = this_machine(PlanParams(gpu="L40S-48GB", memory_gib=1.0))
    assert (here.name, here.on_gpu) == ("NVIDIA H100 80GB HBM3", True)
    assert here.memory == 40960 * 2**20
    assert here.tflops == 989.0


@pytest.mark.parametrize("answer", ["", "no devices were found", "x, y"])
def test_a_driver_that_does_not_answer_is_no_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    _driver(tmp_path, answer, monkeypatch, status=6 if answer else 0)
    assert this_gpu() is None
