"""A script of a user's that starts its work without a `__main__` guard."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def run_script(path: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Write the script and run it, with the package to import."""
    path.write_text(text)
    return subprocess.run(
        [sys.executable, str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
