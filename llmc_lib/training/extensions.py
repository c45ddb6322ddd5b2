"""The C++ that DeepSpeed compiles at first use, where an earlier process was killed while compiling."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import torch
from torch.utils.cpp_extension import get_default_build_root

from llmc_lib.store import sha256_text

FOLDER = "TORCH_EXTENSIONS_DIR"


def prepare() -> None:
    """Choose where extensions are compiled, and take away locks that nobody holds.

    While torch compiles an extension, a file called "lock" keeps other processes waiting, without an
    end: it stays if the one that compiles is killed, and every later training would hang there. Who
    compiles has the file open, which only its own machine can see; each machine therefore gets a folder
    of its own, as a home is often shared. A folder that the user has set is used as it is.
    """
    root = os.environ.setdefault(FOLDER, str(default_folder()))
    for lock in Path(root).rglob("lock"):
        if lock.is_file() and not _open_somewhere(lock):
            lock.unlink(missing_ok=True)


def default_folder() -> Path:
    """Where this machine compiles: apart by what an extension is compiled against, and by the environment, whose paths are
    in the build: two would compile it again in turns, a minute or two each time."""
    python = f"py{sys.version_info.major}{sys.version_info.minor}"
    against = f"{python}_torch{torch.__version__}_{sha256_text(sys.prefix)[:8]}"
    return Path(get_default_build_root()) / socket.gethostname() / against


def _open_somewhere(file: Path) -> bool:
    """Has a process of this machine the file open?"""
    found = file.stat()
    return any((s.st_dev, s.st_ino) == (found.st_dev, found.st_ino) for s in _open_files())


def _open_files() -> Iterator[os.stat_result]:
    for folder in Path("/proc").glob("[0-9]*/fd"):
        with suppress(OSError):  # the process is gone, or another user's
            for handle in folder.iterdir():
                with suppress(OSError):
                    yield handle.stat()
