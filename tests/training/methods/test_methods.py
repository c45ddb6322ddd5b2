"""What a method declares, and that the rest of a training asks for nothing else."""

from __future__ import annotations

import subprocess
import sys
import typing

import pytest

from llmc_lib.params import TrainingParams
from llmc_lib.store import ROOT
from llmc_lib.training.arguments import further_fields
from llmc_lib.training.methods import METHODS, Method


def test_each_method_of_a_params_file_is_there() -> None:
    names = typing.get_args(TrainingParams.model_fields["method"].annotation)
    assert set(names) == set(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_whole(name: str) -> None:
    method: Method = METHODS[name]
    settings = TrainingParams(method=name).model_dump()  # type: ignore[arg-type]
    assert further_fields(method, settings) == {}
    assert method.unusable({"completed": 1, "answered": 1, "paired": 1}) is None
    assert method.unusable({"completed": 0, "answered": 0, "paired": 0})
    assert method.VALIDATION[1]([1.0, 2.0]) in (1.0, 2.0)
    assert set(method.COLUMNS) >= {"prompt"}
    assert method.TRAINER
    assert all(format(1.5, how) for how in method.MEASURES.values())
    assert not set(method.LOGGED) & set(method.MEASURES)


@pytest.mark.slow
def test_the_launcher_reads_methods_without_torch() -> None:
    code = (
        "import sys, llmc_lib.training.launch\n"
        "print(*{'torch', 'trl', 'transformers', 'deepspeed', 'datasets'} & set(sys.modules))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stdout.strip()) == (0, ""), ran.stderr
