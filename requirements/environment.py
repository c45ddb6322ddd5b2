"""Make the virtual environment from a lock, or the locks from pyproject.toml. Standard library only.

    python3.11 requirements/environment.py install [--venv .venv] [--accelerator auto|cpu|cuda|none]
    python3.11 requirements/environment.py kernel  [--venv .venv]    (part of install)
    python3.11 requirements/environment.py lock    [--venv .venv]

`none` is the light half: what a report from finished predictions needs, without torch and vLLM. `auto`
takes CUDA where there is a GPU, else the CPU, and leaves a light environment light.

Packages come from wherever pip is configured to look. If that offers no CPU build of torch, it comes
from PyTorch's own index of CPU wheels (uv knows its address), or from the folder or index that the
variable TORCH_INDEX names.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "requirements"
UV = "uv==0.13.9"
KERNEL = ("llmc", "LLMC report")
#: For which machine → the lock and the extras of pyproject.toml that are in it.
LOCKED = {
    "cpu": ("cpu.txt", ("train", "cpu", "inspect", "dev", "install")),
    "cuda": ("cuda.txt", ("train", "cuda", "inspect", "dev", "install")),
    "none": ("report.txt", ("inspect", "install")),
}
STAMP = ".llmc-installed"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=("install", "kernel", "lock"))
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv")
    parser.add_argument("--accelerator", choices=("auto", *LOCKED), default="auto")
    options = parser.parse_args()
    accelerator = options.accelerator
    if accelerator == "auto":
        accelerator = "none" if is_light(options.venv) else detect_accelerator()
    check_prerequisites(compiler=accelerator == "cuda" and options.task == "install")
    try:
        if options.task == "lock":
            lock(options.venv)
        elif options.task == "kernel":
            install_kernel(options.venv)
        else:
            install(options.venv, accelerator)
    except subprocess.CalledProcessError as error:
        command = " ".join(str(word) for word in error.cmd[:4])
        sys.exit(f"environment: '{command} …' failed with status {error.returncode}; see above")


def check_prerequisites(*, compiler: bool = True) -> None:
    """End with one line that says what to install, if something is missing; a `compiler` and Python's
    headers only where they are asked for."""
    if sys.version_info[:2] != (3, 11):
        found = ".".join(map(str, sys.version_info[:2]))
        sys.exit(f"Python 3.11 is needed, {sys.executable} is {found}: install python3.11 "
                 "(or: make PYTHON=/path/to/python3.11)")  # fmt: skip
    if importlib.util.find_spec("ensurepip") is None:
        sys.exit(
            "Python's venv module is needed: on Debian and Ubuntu, apt-get install python3.11-venv"
        )
    if not compiler:
        return
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        sys.exit("Python's headers are needed on a machine with a GPU (Triton compiles against them): "
                 "on Debian and Ubuntu, apt-get install python3.11-dev")  # fmt: skip
    if not (shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")):
        sys.exit("A C++ compiler is needed on a machine with a GPU (Triton and DeepSpeed compile with it): "
                 "install g++, on Debian and Ubuntu: apt-get install g++")  # fmt: skip


def detect_accelerator() -> str:
    """ "cuda" where the NVIDIA driver lists a GPU, else "cpu"."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return "cpu"
    return "cuda" if listed.returncode == 0 and "GPU" in listed.stdout else "cpu"


def is_light(venv: Path) -> bool:
    """Was the environment made with the accelerator `none`?"""
    stamp = venv / STAMP
    return stamp.exists() and stamp.read_text().startswith("none ")


def install(venv: Path, accelerator: str) -> None:
    """Bring `venv` to the lock of `accelerator`; does nothing where it is there already."""
    requirements = LOCKS / LOCKED[accelerator][0]
    parts = [requirements, ROOT / "pyproject.toml", Path(__file__)]
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in parts)).hexdigest()
    stamp = venv / STAMP
    if stamp.exists() and stamp.read_text() == f"{accelerator} {wanted}":
        return
    print(f"Installing {requirements.relative_to(ROOT)} into {venv} …", flush=True)
    uv = bootstrap(venv)
    python = ["--python", str(venv / "bin" / "python")]
    sources = package_sources(venv)
    if accelerator == "cpu":
        sources += torch_source(uv, requirements, sources)
    run([uv, "pip", "sync", *python, *sources, str(requirements)])
    run([uv, "pip", "install", "--quiet", *python, *sources, "--no-deps", "--editable", str(ROOT)])
    install_kernel(venv)
    stamp.write_text(f"{accelerator} {wanted}")


def install_kernel(prefix: Path) -> None:
    """Give the environment at `prefix` the Jupyter kernel that the notebooks name."""
    name, title = KERNEL
    python = prefix / "bin" / "python"
    run(
        [python, "-m", "ipykernel", "install", "--prefix", prefix, "--name", name,
         "--display-name", title],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    # What a cell raises is in its notebook. Below this level a kernel warns in the terminal that it talks over
    # loopback TCP, and now and then that it was interrupted, which is how it is asked to end.
    path = prefix / "share" / "jupyter" / "kernels" / name / "kernel.json"
    spec = json.loads(path.read_text())
    spec["argv"].append("--log-level=CRITICAL")
    path.write_text(json.dumps(spec, indent=1))


def lock(venv: Path) -> None:
    """Recompile the locks; versions that still fit are kept unless the lock file is deleted."""
    uv = bootstrap(venv)
    sources = package_sources(venv)
    for accelerator, (name, extras) in LOCKED.items():
        extra = torch_source(uv, LOCKS / name, sources) if accelerator == "cpu" else []
        overrides = LOCKS / f"overrides-{accelerator}.txt"
        # The light half has the versions of the whole, so that both compute the same.
        constraint = ("--constraint", "requirements/cpu.txt") if accelerator == "none" else ()
        run(
            [uv, "pip", "compile", "--quiet", *sources, *extra, "pyproject.toml",
             *(word for extra_name in extras for word in ("--extra", extra_name)),
             *(("--overrides", f"requirements/{overrides.name}") if overrides.exists() else ()),
             *constraint,
             "--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_28",
             "--no-emit-index-url", "--no-emit-find-links", "--no-annotate",
             "--custom-compile-command", "make lock",
             "--output-file", f"requirements/{name}"],
            cwd=ROOT,
        )  # fmt: skip


def bootstrap(venv: Path) -> Path:
    """The venv's uv; both are made where they are not there."""
    python, uv, wheel = venv / "bin" / "python", venv / "bin" / "uv", pip_wheel()
    if not python.exists():
        # With pip, venv compiles it and setuptools, a quarter of the time of an installation.
        run([sys.executable, "-m", "venv", *(["--without-pip"] if wheel else []), venv])
    if not uv.exists():
        pip: list[str | Path] = [python, "-m", "pip"]
        packages: list[str | Path] = [UV]
        if wheel and not (venv / "bin" / "pip").exists():
            pip, packages = [python, wheel / "pip"], [wheel, UV]
        run([*pip, "install", "--quiet", "--no-compile", *packages])
    return uv


def pip_wheel() -> Path | None:
    """The wheel of pip that Python comes with, which can install itself; None where it is not where it should be."""
    import ensurepip  # not there on every machine: see `check_prerequisites`

    own = Path(ensurepip.__file__).parent / "_bundled"
    found = Path(sysconfig.get_config_var("WHEEL_PKG_DIR") or own).glob("pip-*.whl")
    return max(found, default=None)


def package_sources(venv: Path) -> list[str]:
    """pip's own settings (files and PIP_* variables) as options of uv, which does not read them."""
    listed = subprocess.run(
        [venv / "bin" / "python", "-m", "pip", "config", "list"], capture_output=True, text=True
    )
    if (
        listed.returncode
    ):  # a venv that uv has synced has no pip: ask the interpreter it was made by
        listed = subprocess.run(
            [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True
        )
    return uv_options(listed.stdout)


def uv_options(config: str) -> list[str]:
    """The output of `pip config list` as options of uv. An environment variable beats a file."""
    settings: dict[str, str] = {}
    for line in sorted(config.splitlines(), key=lambda line: line.startswith(":env:")):
        found = re.match(r"(?:global|install|:env:)\.([\w-]+)=(.*)$", line)
        if found:
            settings[found[1]] = str(ast.literal_eval(found[2]))
    options = []
    for folder in settings.get("find-links", "").split():
        options += ["--find-links", folder]
    if settings.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        options.append("--no-index")
    if "index-url" in settings:
        options += ["--default-index", settings["index-url"]]
    for index in settings.get("extra-index-url", "").split():
        options += ["--index", index]
    if "extra-index-url" in settings:
        # pip takes the best version of all indexes; uv would stop at the first that has the name.
        options += ["--index-strategy", "unsafe-best-match"]
    if "cert" in settings:
        os.environ.setdefault("SSL_CERT_FILE", settings["cert"])
    return options


def torch_source(uv: Path, requirements: Path, sources: list[str]) -> list[str]:
    """Further options of uv where pip's settings offer no CPU build of torch; [] where they do."""
    locked = requirements.read_text() if requirements.exists() else ""  # deleted to lock anew
    pinned = re.search(r"^torch==\S+\+cpu", locked, re.MULTILINE)
    wanted = pinned[0] if pinned else "torch==2.13.0+cpu"
    offered = subprocess.run(
        [uv, "pip", "compile", "--quiet", "--no-deps", "--python-version", "3.11", *sources, "-"],
        input=wanted, text=True, capture_output=True,
    )  # fmt: skip
    if offered.returncode == 0:
        return []
    index = os.environ.get("TORCH_INDEX")
    if not index:
        return ["--torch-backend", "cpu"]
    if Path(index).is_dir():
        return ["--find-links", index]
    # PyTorch's index has other packages too, in few versions: they must not hide the rest.
    strategy = ["--index-strategy", "unsafe-best-match"]
    return ["--index", index, *([] if "--index-strategy" in sources else strategy)]


def run(command: list[str | Path], **settings: object) -> None:
    subprocess.run(command, check=True, **settings)  # type: ignore[call-overload]


if __name__ == "__main__":
    main()
