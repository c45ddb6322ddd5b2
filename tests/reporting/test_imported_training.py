"""Curves of trainings that other programs ran: drawn where there is a loss, told in a table where there are rewards."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from llmc_lib.evaluation.importers.curves import read
from llmc_lib.reporting.imported_training import curves
from tests.evaluation.importers import logs


def _history(path: Path) -> pd.DataFrame:
    return pd.DataFrame(read(path).rows)


@pytest.mark.slow
def test_losses_and_what_they_show(tmp_path: Path) -> None:
    page = curves({"tuned": _history(logs.trainer_state(tmp_path / "trainer_state.json"))}).markup
    assert "Validation loss falls: 1.90 at step 5, 1.15 in the end" in page
    assert "As the trainer logged it" in page
    assert "the prompt is not counted" not in page
    assert '<ul class="diagnosis">' in page
    assert "Looks right" in page
    assert "Throughput counts" not in page


@pytest.mark.slow
def test_rewards_have_a_table_and_no_diagnosis_of_a_loss(tmp_path: Path) -> None:
    page = curves({"tuned": _history(logs.reinforcement(tmp_path / "grpo.log"))}).markup
    assert "0.325 → 0.485" in page
    assert "Tokens of a completion" in page
    assert "diagnosis" not in page


def test_no_log_no_section() -> None:
    assert not curves({}).markup
