"""The number type that "auto" stands for."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmc_lib.models import hardware
from llmc_lib.models.hardware import computing_dtype


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without a GPU whose /proc/cpuinfo is the file that is returned."""
    monkeypatch.setattr(hardware, "_CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(hardware, "_GPU_SIGNS", (tmp_path / "gpu",))
    return tmp_path / "cpuinfo"


@pytest.mark.parametrize(
    ("cpuinfo", "expected"),
    [
        ("flags\t\t: fpu avx avx2 avx512f avx512_bf16\n", "bfloat16"),
        ("flags\t\t: fpu amx_bf16 amx_tile\n", "bfloat16"),
        ("Features\t: fp asimd bf16 i8mm\n", "bfloat16"),
        ("model name\t: has bf16 in its name\nflags\t\t: fpu avx avx2\n", "float32"),
        ("flags\t\t: avx512_bf16_not_quite\n", "float32"),
        ("", "float32"),
    ],
)
def test_auto_follows_the_processor(machine: Path, cpuinfo: str, expected: str) -> None:
    machine.write_text(cpuinfo)
    assert computing_dtype("auto") == expected


def test_auto_is_bfloat16_on_a_gpu_and_float32_where_nothing_is_known(machine: Path) -> None:
    assert computing_dtype("auto") == "float32"
    (machine.parent / "gpu").touch()
    assert computing_dtype("auto") == "bfloat16"


@pytest.mark.parametrize("wanted", ["float32", "bfloat16", "float16"])
def test_what_is_asked_for_is_taken(machine: Path, wanted: str) -> None:
    assert computing_dtype(wanted) == wanted
