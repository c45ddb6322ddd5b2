"""What this machine computes in, told without loading torch."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sysconfig
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_NVIDIA = Path("/proc/driver/nvidia/gpus")
#: Drivers of NVIDIA's and AMD's GPUs leave one of these.
_GPU_SIGNS = (Path("/proc/driver/nvidia/version"), Path("/dev/kfd"))


def computing_dtype(wanted: str) -> str:
    """`wanted`, or for "auto" bfloat16 where the machine multiplies it in hardware, else float32.

    Without such hardware bfloat16 is emulated: SmolLM2-135M on vLLM makes 30 tokens/s of it on two
    cores with AVX2, and 165 in float32. A GPU is taken to have it; one that has not (compute capability
    below 8.0) needs "float16" in the params file, as vLLM then says.
    """
    if wanted != "auto":
        return wanted
    return "bfloat16" if has_gpu() or _cpu_multiplies_bfloat16() else "float32"


def has_gpu() -> bool:
    """Does the driver of a GPU run here?"""
    return any(sign.exists() for sign in _GPU_SIGNS)


def has_compiler() -> bool:
    """Can C++ be compiled against Python's headers here?"""
    headers = Path(sysconfig.get_path("include")) / "Python.h"
    return headers.exists() and any(map(shutil.which, ("c++", "g++", "clang++")))


def gpus() -> int | None:
    """How many GPUs programs here may use; None where that cannot be told."""
    if not has_gpu():
        return 0
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return len([part for part in given.split(",") if part.strip()])
    return len(list(_NVIDIA.iterdir())) if _NVIDIA.is_dir() else None


def device_name() -> str:
    """What computes here, as its driver or the processor calls it: "NVIDIA H200", "Intel(R) Xeon(R) Processor"."""
    for folder in sorted(_NVIDIA.iterdir()) if _NVIDIA.is_dir() else ():
        if found := _line_of(folder / "information", "Model"):
            return found
    if has_gpu():
        return "GPU"
    return _line_of(_CPUINFO, "model name") or platform.machine()


def _line_of(path: Path, name: str) -> str:
    """What follows a name and a colon in a file of the kernel's; "" where there is no such line."""
    text = path.read_text(errors="replace") if path.is_file() else ""
    found = re.search(rf"^{name}\s*:(.*)$", text, re.MULTILINE)
    return " ".join(found[1].split()) if found else ""


def _cpu_multiplies_bfloat16() -> bool:
    text = _CPUINFO.read_text() if _CPUINFO.exists() else ""
    words = re.findall(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(" ".join(words).split())
