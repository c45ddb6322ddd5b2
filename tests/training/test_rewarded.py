"""The rewards in a real training: each logged apart, with what is told beside them, and the user's own where it is allowed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from llmc_lib import training
from llmc_lib.rewards import LOGGED
from llmc_lib.training.diagnosis import diagnose
from tests.tiny import make_tiny_model
from tests.training.test_grpo import _run

pytestmark = pytest.mark.slow


@pytest.mark.usefixtures("warm_python")
def test_a_training_logs_each_reward_and_what_the_diagnosis_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "mine").mkdir()
    make_tiny_model(tmp_path / "model")
    (tmp_path / "mine" / "own_rewards.py").write_text(
        "def brief(completions, answer, **_):\n    return [-len(completions[0]) / 100]\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "mine"))
    monkeypatch.setenv("LLMC_OWN_REWARD", "own_rewards.brief")
    rewards = {
        "answer": 1.0, "claims": 0.5, "form": 0.1, "length": 0.1,
        "own": {"function": "own_rewards.brief", "weight": 0.2},
    }  # fmt: skip
    run = _run(
        tmp_path, tmp_path / "model", grpo={"rewards": rewards, "steps": 3, "min_mixed_groups": 0.0}
    )
    history = training.train(run).candidates["main"].history
    steps = history[history["loss"].notna()]
    assert len(steps) == 3
    for name in ("answer", "claims", "form", "length", "own"):
        assert steps[f"rewards/{name}/mean"].notna().all(), name
    for name in LOGGED:
        assert steps[name].notna().all(), name
    assert (steps["rewards/own/mean"] < 0).all()
    weights = run.params.training.grpo.rewards.weights  # type: ignore[union-attr]
    parts = np.column_stack([steps[f"rewards/{name}/mean"] for name in weights])
    total = parts @ np.array(list(weights.values()))
    assert steps["reward"].to_numpy() == pytest.approx(total, abs=1e-5)
    # A model of random weights answers nothing, and a few steps are too few.
    assert (steps["correct"] == 0).all()
    assert [finding.kind for finding in diagnose(history)][-1] == "too short"
