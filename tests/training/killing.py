"""A training that is killed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from llmc_lib.store import ROOT, Run
from llmc_lib.training import checkpoints


def killed(run: Run, code: str, folder: Path, step: int) -> None:
    """Run `code` on the params file; kill -9 it, and all that it has started, once `folder` has a checkpoint of `step`."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(run.params_file)],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        while (last := checkpoints.latest(folder)) is None or checkpoints.step(last) < step:
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.05)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
