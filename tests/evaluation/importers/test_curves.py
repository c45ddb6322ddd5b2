"""Logs of other trainers: the same losses from each form, and what is no log is told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from llmc_lib.errors import UserError
from llmc_lib.evaluation.importers.curves import digest, read
from llmc_lib.training.diagnosis import diagnose
from llmc_lib.training.history import training_rows, validation_rows
from tests.evaluation.importers import logs

FORMS: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "trainer_state": ("trainer_state.json", logs.trainer_state),
    "verl": ("verl.log", logs.verl),
    "console": ("train.log", logs.console),
    "trackio": ("project.db", lambda path: logs.trackio(path, "a")),
    "trackio_parquet": ("metrics.parquet", logs.trackio_parquet),
    "wandb": ("run-abc.wandb", lambda path: logs.wandb(path.parent)),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("whole_folder", [False, True])
def test_the_same_losses_from_each_form(tmp_path: Path, form: str, whole_folder: bool) -> None:
    name, write = FORMS[form]
    path = write(tmp_path / name)
    if whole_folder and path.suffix == ".log":
        pytest.skip("a folder may have any text")
    log = read(tmp_path if whole_folder else path)
    assert log.format == form
    history = pd.DataFrame(log.rows)
    steps, passes = training_rows(history), validation_rows(history)
    assert list(steps["step"]) == list(range(1, 21))
    assert list(steps["loss"]) == pytest.approx(logs.LOSSES)
    assert list(passes["step"]) == [5, 10, 15, 20]
    assert list(passes["eval_loss"]) == pytest.approx([loss + 0.1 for loss in logs.LOSSES[4::5]])
    assert diagnose(history)[0].kind == "fine"


def test_a_learning_rate_in_thousandths(tmp_path: Path) -> None:
    log = read(logs.verl(tmp_path / "verl.log"))
    assert log.rows[1]["learning_rate"] == pytest.approx(2e-6)


def test_json_lines_of_a_killed_process(tmp_path: Path) -> None:
    log = read(logs.verl_file(tmp_path / "run.jsonl"))
    assert log.format == "json_lines"
    assert [row["loss"] for row in log.rows] == logs.LOSSES


def test_a_training_by_reinforcement_has_rewards(tmp_path: Path) -> None:
    log = read(logs.reinforcement(tmp_path / "grpo.log"))
    first = log.rows[0]
    assert first["reward"] == pytest.approx(0.31)
    assert first["completions/mean_length"] == 901
    assert (first["entropy"], first["step_time"]) == (0.4, 31.5)
    assert "loss" not in first  # that of a policy's gradient says nothing


@pytest.mark.parametrize("large", [0, 10, 32_760, 100_000])
def test_records_of_any_length(tmp_path: Path, large: int) -> None:
    log = read(logs.wandb(tmp_path, large=large))
    assert [row["loss"] for row in log.rows if "loss" in row] == pytest.approx(logs.LOSSES)


def test_a_damaged_file_of_wandb_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = logs.wandb(tmp_path, large=5_000)
    whole = path.read_bytes()
    path.write_bytes(whole[:60_000])
    cut = [row["loss"] for row in read(path).rows if "loss" in row]
    assert cut == pytest.approx(logs.LOSSES[: len(cut)])
    assert 5 < len(cut) < 20
    damaged = bytearray(whole)
    damaged[20_000] ^= 255
    path.write_bytes(damaged)
    rest = [row["loss"] for row in read(path).rows if "loss" in row]
    assert rest[-1] == pytest.approx(logs.LOSSES[-1])
    assert 10 < len(rest) < 20


def test_a_resumed_run_of_wandb_is_one(tmp_path: Path) -> None:
    logs.wandb(tmp_path / "offline-run-20260101_000000-abc", losses=logs.LOSSES[:12])
    later = logs.wandb(tmp_path / "offline-run-20260102_000000-abc", losses=logs.LOSSES)
    found = training_rows(pd.DataFrame(read(tmp_path).rows))
    assert list(found["loss"]) == pytest.approx(logs.LOSSES)
    before = digest(tmp_path)
    shutil.rmtree(later.parent)
    assert digest(tmp_path) != before


def test_one_of_several_runs_is_named(tmp_path: Path) -> None:
    logs.wandb(tmp_path / "wandb" / "a", "one")
    logs.wandb(tmp_path / "wandb" / "b", "two", losses=[3.0] * 20)
    with pytest.raises(UserError, match=r"has several runs \(one, two\); name one"):
        read(tmp_path / "wandb")
    assert read(tmp_path / "wandb", "two").rows[0]["loss"] == 3
    project = logs.trackio(tmp_path / "project.db", "one", "two")
    with pytest.raises(UserError, match=r"has 2 runs \(one, two\); name one as `training_run`"):
        read(project)
    assert len(read(project, "two").rows) == 24
    with pytest.raises(UserError, match="has no run 'three'; there are: one, two"):
        read(project, "three")


def test_the_last_checkpoint_has_the_whole_log(tmp_path: Path) -> None:
    for step in (5, 20, 100):
        (tmp_path / f"checkpoint-{step}").mkdir()
        path = logs.trainer_state(tmp_path / f"checkpoint-{step}" / "trainer_state.json")
        state = json.loads(path.read_text())
        state["log_history"] = [{"loss": float(step), "step": 1}]
        path.write_text(json.dumps(state))
    assert read(tmp_path).rows == [{"loss": 100.0, "step": 1}]


@pytest.mark.parametrize("name", ["trainer_state.json", "trainer_log.jsonl"])
def test_the_logs_of_two_trainings_in_a_folder_are_not_mixed_up(tmp_path: Path, name: str) -> None:
    write = logs.trainer_state if name.endswith(".json") else logs.verl_file
    for place in ("sft/checkpoint-5", "sft/checkpoint-20", "sft"):
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        write(tmp_path / place / name)
    assert len(read(tmp_path).rows) > 5  # one training and its checkpoints
    (tmp_path / "dpo").mkdir()
    write(tmp_path / "dpo" / name)
    with pytest.raises(UserError, match=r"has the logs of 2 trainings \(.*dpo, .*sft\); give one"):
        read(tmp_path)


def test_a_loss_that_is_no_number_stays(tmp_path: Path) -> None:
    path = tmp_path / "trainer_state.json"
    path.write_text(
        '{"log_history": [{"loss": NaN, "grad_norm": 1.0, "step": 1}, {"loss": "nan", "step": 2}]}'
    )
    history = pd.DataFrame(read(path).rows)
    assert diagnose(history)[0].kind == "not finite"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.log", b"nothing of the kind", "no log of a training that is known"),
        ("a.json", b'{"log_history": 3}', "'log_history' must be a list"),
        ("a.json", b'{"log_history": [', "not a valid trainer_state.json"),
        ("a.json", b'{"log_history": [{"step": 1}]}', "no logged event in it has a loss"),
        ("a.db", b"SQLite format 3\0" + bytes(100), "not a readable project of trackio"),
        ("a.wandb", b":W&B" + bytes(40), "no whole record of W&B"),
        ("a.parquet", b"PAR1 and nothing", "not a readable Parquet file"),
    ],
)
def test_what_is_no_log_is_told(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_folder_without_a_log_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no log of a training in this folder"):
        read(tmp_path)


def test_a_view_in_a_database_is_no_table(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "a.db"
    database = sqlite3.connect(path)
    database.execute("CREATE VIEW metrics AS SELECT 1 AS run_name")
    database.close()
    with pytest.raises(UserError, match="has no table 'metrics'"):
        read(path)
