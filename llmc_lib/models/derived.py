"""Models that are made of others once, each by a worker of its own: a folder that is whole or not there."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from llmc_lib.processes.progress import say
from llmc_lib.processes.workers import run_worker
from llmc_lib.store import fingerprint, remove

#: Of the model that another one is made of: its card and licence.
_BESIDE = ("README.md", "LICENSE*", "LICENCE*", "NOTICE*")


def identity(folder: Path) -> str:
    """What a model's weights are, without reading them: where they lie, their sizes and times."""
    weights = [path.stat() for path in sorted(folder.glob("*.safetensors"))]
    return fingerprint(
        folder=str(folder.resolve()), weights=[[s.st_size, s.st_mtime_ns] for s in weights]
    )


def made_once(folder: Path, module: str, sources: Sequence[Path], saying: str) -> Path:
    """`folder`, made by `python -m module SOURCE… FOLDER` unless it is there. Raises `WorkerError`."""
    if not (folder / "config.json").exists():
        say(f"{saying} (once)…")
        folder.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", module, *map(str, sources), str(folder)]
        run_worker(command, folder.with_name(f"{folder.name}.log"), lambda event: None)
    return folder


def fill(folder: Path, base: Path, write: Callable[[Path], None]) -> None:
    """Have `write` put weights and configuration into a folder, add the tokenizer, card and licence of `base`, and swap it in."""
    from transformers import AutoTokenizer

    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    write(part)
    AutoTokenizer.from_pretrained(base).save_pretrained(part)
    for pattern in _BESIDE:
        for path in base.glob(pattern):
            shutil.copyfile(path, part / path.name)
    if os.path.lexists(folder):
        remove(folder)
    os.replace(part, folder)
