"""A lock that a killed compiler left is taken away; one that is held is not."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils.file_baton import FileBaton

from llmc_lib.training import extensions

pytestmark = pytest.mark.slow  # loads torch

HOLD = """
import sys, time
from torch.utils.file_baton import FileBaton
assert FileBaton(sys.argv[1]).try_acquire()
print("held", flush=True)
time.sleep(60)
"""


def test_the_lock_of_a_killed_process_goes_and_that_of_a_living_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(extensions.FOLDER, str(tmp_path))
    lock = tmp_path / "an_op" / "lock"
    lock.parent.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        extensions.prepare()
        assert not FileBaton(str(lock)).try_acquire()
    finally:
        process.kill()
        process.wait()
    assert lock.exists()
    extensions.prepare()
    assert FileBaton(str(lock)).try_acquire()


def test_each_machine_and_each_environment_has_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(extensions.FOLDER, raising=False)
    monkeypatch.setattr(extensions, "get_default_build_root", lambda: str(tmp_path))
    extensions.prepare()
    folder = Path(os.environ[extensions.FOLDER])
    assert folder.parent == tmp_path / socket.gethostname()
    assert torch.__version__ in folder.name
    monkeypatch.delenv(extensions.FOLDER)
    monkeypatch.setattr(sys, "prefix", "/another/checkout/.venv")
    assert extensions.default_folder() != folder
