"""The parent of a process of a training, with less patience for one that goes on after another failed."""

from __future__ import annotations

import sys
from pathlib import Path

from llmc_lib.training import rank

rank._LOOK_SECONDS, rank._GRACE_SECONDS = 0.2, 1.0

if __name__ == "__main__":
    sys.exit(rank.main(Path(sys.argv[1]), sys.argv[2:]))
