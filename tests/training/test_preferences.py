"""DPO and ORPO for real, in processes of their own, on a preference that is easy to learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file

from llmc_lib import training
from llmc_lib.errors import UserError
from llmc_lib.store import Run, open_run, write_manifest
from tests.training.killing import killed

pytestmark = pytest.mark.slow

TRAIN = "import sys\nfrom llmc_lib import open_run, training\ntraining.train(open_run(sys.argv[1]))"
PAIRS = 24


@pytest.fixture(scope="module", autouse=True)
def _warm(warm_python: None) -> None:
    """Training starts in a moment."""


def _run(
    folder: Path, model: Path, candidates: tuple[dict[str, Any], ...] = (), **settings: Any
) -> Run:
    values = {
        "run": "x",
        "runs_dir": str(folder / "runs"),
        "reports_dir": str(folder / "reports"),
        "model": {"source": str(model)},
        "candidates": list(candidates),
        "training": {
            "method": "dpo", "epochs": 2.0, "learning_rate": 3e-3, "lr_scheduler": "constant", "warmup_ratio": 0.0,
            "weight_decay": 0.0, "batch_size": 4, "micro_batch_size": 2, "precision": "float32", "max_length": 200,
            "save_minutes": 1000.0, "evaluations": 1, "export_at": [1.0], **settings,
        },
    }  # fmt: skip
    path = folder / "x.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    run = open_run(path)
    run.dataset.mkdir(parents=True)
    rows = [
        {
            "id": f"row/{n}", "prompt": f"What is {n} + {n + 1}?", "completion": f"It is {2 * n + 1}, as you can see.",
            "rejected": f"Add {n} and {n + 1} up yourself." if n % 4 else "", "answer": "", "answer_type": "none",
            "kind": "response", "history": "", "loss": "last",
        }
        for n in range(PAIRS * 4 // 3 + 8)
    ]  # fmt: skip
    pd.DataFrame(rows[:-8]).to_parquet(run.dataset / "train.parquet")
    pd.DataFrame(rows[-8:]).to_parquet(run.dataset / "validation.parquet")
    files = {"train.parquet": "1", "validation.parquet": "2"}
    write_manifest(run.dataset, "rows", 1.0, files=files, tokens={}, rows={"train": 32})
    return run


def _steps(done: training.Trained) -> pd.DataFrame:
    steps: pd.DataFrame = done.history[done.history["loss"].notna()].reset_index(drop=True)
    return steps


@pytest.fixture(scope="module")
def undisturbed(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Both methods, all weights under ZeRO-2, and DPO with adapters after DPO."""
    run = _run(
        tmp_path_factory.mktemp("undisturbed"), model,
        candidates=(
            {"name": "dpo"},
            {"name": "orpo", "method": "orpo"},
            {"name": "low", "start": "dpo", "training": {"lora": {"rank": 4}, "deepspeed": "zero1", "epochs": 1.0}},
        ),
    )  # fmt: skip
    training.train(run)
    return run


@pytest.mark.parametrize("name", ["dpo", "orpo"])
def test_an_easy_preference_is_learnt(name: str, undisturbed: Run) -> None:
    done = training.load_training(undisturbed).candidates[name]
    steps = _steps(done)
    assert len(steps) == 2 * PAIRS // 4
    assert done.facts["rows"] == PAIRS  # those without a rejected response are left to others
    margin = steps["rewards/margins"]
    first, last = margin.iloc[:3], margin.iloc[-3:]
    noise = (margin.diff().var() / 2) ** 0.5
    assert last.mean() - first.mean() > 4 * noise * (2 / 3) ** 0.5
    held = done.history.dropna(subset=["eval_loss"])
    assert held["eval_rewards/margins"].iloc[-1] > held["eval_rewards/margins"].iloc[0]
    assert held["eval_loss"].iloc[-1] < held["eval_loss"].iloc[0]
    assert held["eval_rewards/accuracies"].iloc[-1] == 1.0
    for column in ("rewards/chosen", "rewards/rejected", "logps/chosen", "logps/rejected", "grad_norm"):  # fmt: skip
        assert steps[column].notna().all(), column
    gap = steps["rewards/chosen"] - steps["rewards/rejected"]
    torch.testing.assert_close(torch.tensor(gap), torch.tensor(margin), rtol=0, atol=1e-4)
    # Each pair's prompt is counted with both of its responses, and padding is not.
    assert steps["num_tokens"].is_monotonic_increasing


def test_dpo_begins_at_its_reference_and_orpo_has_none(undisturbed: Run) -> None:
    found = training.load_training(undisturbed).candidates
    for name in ("dpo", "low"):
        steps = _steps(found[name])
        assert steps["loss"].iloc[0] == pytest.approx(0.6931, abs=1e-3)
        assert steps["rewards/chosen"].iloc[0] == pytest.approx(0.0, abs=1e-3)
    assert found["low"].facts["base"].startswith(found["dpo"].models[-1].name)
    assert found["low"].facts["trained_parameters"] < found["dpo"].facts["trained_parameters"] / 2
    odds = _steps(found["orpo"])
    assert (odds["rewards/chosen"] < 0).all()  # beta times a log-probability
    assert odds["nll_loss"].iloc[-1] < odds["nll_loss"].iloc[0]


def test_zero_3_in_two_processes_is_one_process(
    undisturbed: Run, model: Path, tmp_path: Path
) -> None:
    run = _run(
        tmp_path, model, nproc_per_node=2, deepspeed="zero3", epochs=0.5, candidates=({"name": "dpo"}, {"name": "orpo", "method": "orpo"}),
    )  # fmt: skip
    got = training.train(run).candidates
    expected = training.load_training(undisturbed).candidates
    for name in ("dpo", "orpo"):
        ours, theirs = (_steps(found[name]).head(3) for found in (got, expected))
        columns = ["loss", "rewards/margins", "logps/chosen", "logps/rejected", "num_tokens"]
        pd.testing.assert_frame_equal(ours[columns], theirs[columns], rtol=1e-3, atol=1e-3)
        pd.testing.assert_series_equal(ours["grad_norm"], theirs["grad_norm"], rtol=1e-2, atol=1e-3)  # fmt: skip


def test_kill_9_and_go_on_ends_where_an_undisturbed_run_ends(
    undisturbed: Run, model: Path, tmp_path: Path
) -> None:
    run = _run(tmp_path, model, candidates=({"name": "dpo"},), save_minutes=0.0)
    killed(run, TRAIN, run.training / "dpo" / "checkpoints", step=4)
    training.train(run)
    got = training.load_training(run).candidates["dpo"]
    expected = training.load_training(undisturbed).candidates["dpo"]
    assert got.facts["resumed_from"][0] >= 4
    columns = ["step", "loss", "rewards/margins", "logps/chosen", "num_tokens", "epoch", "eval_loss"]  # fmt: skip
    pd.testing.assert_frame_equal(
        got.history[columns], expected.history[columns], rtol=1e-4, atol=1e-4
    )
    ours, theirs = (load_file(done.models[-1].folder / "model.safetensors") for done in (got, expected))  # fmt: skip
    for name, weight in ours.items():
        torch.testing.assert_close(weight, theirs[name], rtol=0, atol=1e-5)


def test_a_data_set_without_pairs_is_refused(model: Path, tmp_path: Path) -> None:
    run = _run(tmp_path, model)
    rows = pd.read_parquet(run.dataset / "train.parquet")
    rows.assign(rejected="").to_parquet(run.dataset / "train.parquet")
    with pytest.raises(UserError, match="has no row with a rejected response; take a source"):
        training.train(run)
    rows.drop(columns="rejected").to_parquet(run.dataset / "train.parquet")
    with pytest.raises(UserError, match=r"has no column .rejected., which training\.method: dpo"):
        training.train(run)
