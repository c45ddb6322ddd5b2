"""What trains: a kind of GPU by name, or this machine, with its memory and its speed."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from llmc_lib.models.hardware import has_gpu
from llmc_lib.params import PlanParams

GIB = 2**30

#: Memory as nvidia-smi shows it (GiB), and dense bfloat16 peak (TFLOP/s), from NVIDIA's data sheets.
GPUS: dict[str, tuple[float, float]] = {
    "RTX4090-24GB": (24.0, 165.0),
    "A100-40GB": (40.0, 312.0),
    "A100-80GB": (80.0, 312.0),
    "L40S-48GB": (45.0, 362.0),
    "H100-80GB": (79.6, 989.0),
    "H200-141GB": (140.4, 989.0),
    "B200-192GB": (179.0, 2250.0),
}
_PROC = Path("/proc")
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


@dataclass(frozen=True)
class Machine:
    """One of the machines of a run, and what its processes compute on."""

    name: str
    on_gpu: bool
    memory: float | None  # bytes: of one GPU, or, without GPUs, free RAM for all processes together
    ram: float | None  # bytes of the whole machine; None: not known
    tflops: float | None  # peak of one GPU in bfloat16, or of all cores in float32; None: not known
    here: bool  # is it the machine that this runs on?


def machine(params: PlanParams) -> Machine:
    """The machine that the params file plans for."""
    if params.gpu is None and has_gpu() and (found := this_gpu()):
        name, memory = found
        known = next((peak for gpu, (_, peak) in GPUS.items() if gpu.split("-")[0] in name), None)
        return Machine(
            name, True, _bytes(params.memory_gib) or memory, _bytes(params.ram_gib) or total_ram(),
            params.tflops or known, here=params.memory_gib is None,
        )  # fmt: skip
    if params.gpu in (None, "none"):
        cores = len(os.sched_getaffinity(0))
        name = f"{cores} cores of this machine, no GPU"
        ram = _bytes(params.ram_gib)
        return Machine(
            name, False, ram or free_ram(), ram or total_ram(), params.tflops or _cpu_tflops(cores),
            here=ram is None,
        )  # fmt: skip
    memory_gib, peak = GPUS[params.gpu]
    return Machine(
        params.gpu, True, (params.memory_gib or memory_gib) * GIB, _bytes(params.ram_gib),
        params.tflops or peak, here=False,
    )  # fmt: skip


def this_machine(params: PlanParams) -> Machine:
    """The machine that this runs on, whatever the params file plans for."""
    unasked = {"gpu": None, "memory_gib": None, "ram_gib": None}
    return machine(params.model_copy(update=unasked))


def this_gpu() -> tuple[str, float] | None:
    """Name and memory in bytes of the smallest GPU here, asked of NVIDIA's driver; None: no answer."""
    command = ["nvidia-smi", "--query-gpu=memory.total,name", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
        lines = [line.partition(",") for line in done.stdout.splitlines() if line.strip()]
        found = [(name.strip(), float(mebibytes) * 2**20) for mebibytes, _, name in lines]
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return min(found, key=lambda gpu: gpu[1]) if found else None


def free_ram() -> float | None:
    """Bytes that new processes here can use without swapping, as Linux estimates them; within a
    container no more than its limit."""
    text = (_PROC / "meminfo").read_text() if (_PROC / "meminfo").exists() else ""
    found = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE)
    values = [float(found[1]) * 1024] if found else []
    with_limit = _CGROUP_LIMIT.read_text().strip() if _CGROUP_LIMIT.exists() else "max"
    if with_limit.isdigit():
        values.append(float(with_limit))
    return min(values, default=None)


def total_ram() -> float:
    """Bytes of this machine's RAM."""
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def _cpu_tflops(cores: int) -> float | None:
    """Peak of the cores in float32: clock × vector width × 2 (multiply and add) × 2 units."""
    text = (_PROC / "cpuinfo").read_text() if (_PROC / "cpuinfo").exists() else ""
    clock = re.search(r"^cpu MHz\s*:\s*([\d.]+)", text, re.MULTILINE)
    if not clock:
        return None
    width = 16 if "avx512f" in text else 8 if "avx2" in text else 4
    return cores * float(clock[1]) * 1e6 * width * 4 / 1e12


def _bytes(gib: float | None) -> float | None:
    return None if gib is None else gib * GIB
