"""The log of a training: what may be gone on from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmc_lib.store import write_jsonl
from llmc_lib.training.callbacks import has_steps

pytestmark = pytest.mark.slow

ROWS: list[dict[str, Any]] = [
    {"step": 0, "seconds": 0.1, "eval_loss": 3.0},
    *({"step": n, "seconds": n, "loss": 2.0} for n in (1, 2, 3)),
]


@pytest.mark.parametrize(
    ("lost", "last", "whole"), [(None, 3, True), (None, 2, True), (None, 4, False), (2, 3, False), (2, 1, True)]
)  # fmt: skip
def test_a_log_that_lacks_a_step_is_told(
    tmp_path: Path, lost: int | None, last: int, whole: bool
) -> None:
    write_jsonl(tmp_path / "history.jsonl", [row for row in ROWS if row["step"] != lost])
    assert has_steps(tmp_path, last) == whole


def test_a_log_that_is_gone_has_no_step(tmp_path: Path) -> None:
    assert not has_steps(tmp_path, 1)
