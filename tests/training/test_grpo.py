"""Reinforcement learning for real, in processes of its own, with a reward that is easy to learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file

from llmc_lib import training
from llmc_lib.store import Run, open_run, write_manifest
from llmc_lib.training import cluster
from tests.training.killing import killed
from tests.training.methods import grpo_easy

pytestmark = pytest.mark.slow

TRAIN = (
    "import sys\nfrom llmc_lib import open_run, training\nfrom llmc_lib.training import cluster\n"
    f"cluster.worker = lambda spec: [{grpo_easy.__file__!r}, str(spec)]\n"
    "training.train(open_run(sys.argv[1]))"
)
STEPS = 12


@pytest.fixture(scope="module", autouse=True)
def _warm(warm_python: None) -> None:
    """Training starts in a moment."""


@pytest.fixture(autouse=True)
def _easy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "worker", lambda spec: [grpo_easy.__file__, str(spec)])


def _run(folder: Path, model: Path, grpo: dict[str, Any] | None = None, **settings: Any) -> Run:
    candidates = settings.pop("candidates", [])
    values = {
        "candidates": candidates,
        "run": "x",
        "runs_dir": str(folder / "runs"),
        "reports_dir": str(folder / "reports"),
        "model": {"source": str(model)},
        "training": {
            "method": "grpo",
            "learning_rate": 1e-2,
            "lr_scheduler": "constant",
            "warmup_ratio": 0.0,
            "weight_decay": 0.0,
            "batch_size": 16,
            "micro_batch_size": 4,
            "precision": "float32",
            "max_length": 100,
            "save_minutes": 0.0,
            "evaluations": 1,
            "grpo": {
                "group_size": 4, "max_completion_length": 12, "steps": STEPS,
                **(grpo or {}),
            },
            **settings,
        },
    }  # fmt: skip
    path = folder / "x.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    run = open_run(path)
    run.dataset.mkdir(parents=True)
    rows = [
        {
            "id": f"row/{n}", "question": f"{n} + {n + 1}", "prompt": f"What is {n} + {n + 1}?",
            "answer": str(2 * n + 1), "completion": f"It is {2 * n + 1}." if n % 2 else "", "answer_type": "exactMatch", "kind": "verifiable",
            "history": "", "loss": "last",
        }
        for n in range(14)
    ]  # fmt: skip
    pd.DataFrame(rows[:10]).to_parquet(run.dataset / "train.parquet")
    pd.DataFrame(rows[10:]).to_parquet(run.dataset / "validation.parquet")
    files = {"train.parquet": "1", "validation.parquet": "2"}
    write_manifest(run.dataset, "rows", 1.0, files=files, tokens={}, rows={"train": 10})
    return run


def _weights(run: Run, step: int) -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = load_file(run.models / f"step-{step}" / "model.safetensors")
    return weights


@pytest.fixture(scope="module")
def undisturbed(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = _run(tmp_path_factory.mktemp("undisturbed"), model)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(cluster, "worker", lambda spec: [grpo_easy.__file__, str(spec)])
        training.train(run)
    return run


def test_an_easy_reward_is_learnt(undisturbed: Run) -> None:
    done = training.load_training(undisturbed).candidates["main"]
    steps = done.history[done.history["loss"].notna()]
    assert steps["step"].tolist() == list(range(1, STEPS + 1))
    # Of 48 completions of 12 tokens each, which the standard error of their rewards makes more than four of.
    first, last = steps["reward"].iloc[:3].mean(), steps["reward"].iloc[-3:].mean()
    assert last - first > 4 * (2 * steps["reward_std"].mean() ** 2 / 48) ** 0.5
    measured = done.history["eval_reward"].dropna()
    assert len(measured) == 2
    assert measured.iloc[-1] > measured.iloc[0]
    assert done.facts["eval_reward"]["best"] == measured.max()
    for name in ("length", "entropy", "groups/mixed", "rewards/answer/mean", "completions/clipped_ratio", "grad_norm"):  # fmt: skip
        assert steps[name].notna().all(), name
    shares = steps[["groups/all_right", "groups/all_wrong", "groups/mixed"]].sum(axis="columns")
    assert (shares - 1).abs().max() < 1e-6
    assert done.facts["correct"]["last"] == steps["correct"].iloc[-1]


def test_kill_9_and_go_on_ends_where_an_undisturbed_run_ends(
    undisturbed: Run, model: Path, tmp_path: Path
) -> None:
    run = _run(tmp_path, model)
    killed(run, TRAIN, run.training / "main" / "checkpoints", step=4)
    training.train(run)
    got = training.load_training(run).candidates["main"]
    expected = training.load_training(undisturbed).candidates["main"]
    assert got.facts["resumed_from"][0] >= 4
    columns = ["step", "loss", "reward", "length", "entropy", "num_tokens", "epoch", "eval_reward"]
    pd.testing.assert_frame_equal(
        got.history[columns], expected.history[columns], rtol=0, atol=1e-4
    )
    for name, weight in _weights(run, STEPS).items():
        torch.testing.assert_close(weight, _weights(undisturbed, STEPS)[name], rtol=0, atol=1e-5)


def test_zero_3_in_two_processes_is_one_process(
    undisturbed: Run, model: Path, tmp_path: Path
) -> None:
    run = _run(tmp_path, model, nproc_per_node=2, deepspeed="zero3", grpo={"steps": 3})
    got = training.train(run).candidates["main"].history
    expected = training.load_training(undisturbed).candidates["main"].history
    steps = [h[h["loss"].notna()].head(3).reset_index() for h in (got, expected)]
    columns = ["reward", "correct", "length", "num_tokens", "groups/mixed"]
    # The same completions, token for token, of the same prompts.
    pd.testing.assert_frame_equal(steps[0][columns], steps[1][columns], rtol=0, atol=1e-5)
    pd.testing.assert_series_equal(
        steps[0]["grad_norm"], steps[1]["grad_norm"], rtol=1e-3, atol=1e-5
    )


def test_a_candidate_starts_from_the_last_model_of_another(model: Path, tmp_path: Path) -> None:
    run = _run(
        tmp_path, model, method="sft", export_at=[1.0], learning_rate=1e-2,
        batch_size=4, micro_batch_size=4, grpo={"steps": 1},
        candidates=[
            {
                "name": "rl", "method": "grpo", "start": "sft",
                "training": {"learning_rate": 1e-12, "batch_size": 16},
            },
            {"name": "sft"},
        ],
    )  # fmt: skip
    done = training.train(run)
    assert list(done.candidates) == ["rl", "sft"]
    sft, rl = done.candidates["sft"], done.candidates["rl"]
    assert (sft.facts["rows"], rl.facts["rows"]) == (5, 10)  # with a completion, and all
    last = sft.models[-1]
    assert rl.facts["base"].startswith(last.name)
    ours, theirs, base = (
        load_file(folder / "model.safetensors")
        for folder in (rl.models[-1].folder, last.folder, model)
    )
    assert any((theirs[name] - base[name]).abs().max() > 1e-3 for name in base)
    for name, weight in theirs.items():
        torch.testing.assert_close(ours[name], weight, rtol=0, atol=1e-6)


def test_next_to_nothing_to_learn_from_is_refused(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from llmc_lib.processes.workers import WorkerError

    monkeypatch.undo()  # the real rewards, which an untrained model never has
    run = _run(tmp_path, model)
    with pytest.raises(
        WorkerError, match=r"min_mixed_groups: 0% of the groups[\s\S]* 100% are wrong throughout"
    ):
        training.train(run)
    assert not list(run.models.glob("*"))
