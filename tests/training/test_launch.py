"""Trainings for real, in processes of their own: interruptions, faults, experts, adapters."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file

from llmc_lib import store, training
from llmc_lib.dataset import build
from llmc_lib.errors import UserError
from llmc_lib.models.resolve import trained_models
from llmc_lib.params import Params
from llmc_lib.processes.workers import WorkerError
from llmc_lib.store import ROOT, Run, open_run, read_jsonl, read_manifest, write_manifest
from llmc_lib.training import checkpoints, cluster, launch
from llmc_lib.training.methods import METHODS
from tests.tiny import make_tiny_model, make_tiny_moe
from tests.training.methods import other

pytestmark = pytest.mark.slow

STEPS = 6
TRAIN = "import sys\nfrom llmc_lib import open_run, training\ntraining.train(open_run(sys.argv[1]))"


@pytest.fixture(scope="module", autouse=True)
def _warm(warm_python: None) -> None:
    """Training starts in a moment."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    make_tiny_model(folder / "dense")
    make_tiny_moe(folder / "moe")
    return folder


@pytest.fixture(scope="module")
def dataset(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built data set of 24 rows and 2 for validation, for any run with the tiny tokenizer."""
    run = _run(tmp_path_factory.mktemp("data"), models)
    build(run)
    return run.dataset


def _run(folder: Path, models: Path, dataset: Path | None = None, **settings: Any) -> Run:
    """A run on a tiny model; its data set is a copy, if there is one."""
    moe = settings.pop("moe", False)
    candidates = settings.pop("candidates", [])
    values = {
        "run": "x",
        "runs_dir": str(folder / "runs"),
        "reports_dir": str(folder / "reports"),
        # Both have the same tokenizer: the same rows for both.
        "model": {"source": str(models / ("moe" if moe else "dense"))},
        "dataset": {
            "sources": [{"name": "textbook"}],
            "max_rows": 26,
            "mixture": False,
            "decontamination": {"enabled": False},
            "processes": 1,
        },
        "training": {
            "learning_rate": 1e-3,
            "batch_size": 4,
            "micro_batch_size": 2,
            "precision": "float32",
            "max_length": 900,
            "save_minutes": 0.0,
            **settings,
        },
        "candidates": candidates,
    }
    path = folder / "x.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    run = open_run(path)
    if dataset is not None and not run.dataset.exists():
        shutil.copytree(dataset, run.dataset)
    return run


def _weights(run: Run, name: str) -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = load_file(run.models / name / "model.safetensors")
    return weights


def _kill_when(run: Run, seen: Any) -> None:
    """Train in a process, and end it and all its children by kill -9 as soon as `seen()` is true."""
    process = subprocess.Popen(
        [sys.executable, "-c", TRAIN, str(run.params_file)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while not seen():
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.05)
    finally:
        # The whole family at once: a parent that lives would tidy up behind a child that is gone.
        for pid in [*_descendants(process.pid), process.pid]:
            with_pid = Path(f"/proc/{pid}")
            if with_pid.exists():
                os.kill(pid, signal.SIGKILL)
        process.communicate()


def _descendants(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [n for child in children for n in (*_descendants(int(child)), int(child))]


def _folder(run: Run) -> Path:
    return run.training / "main"


@pytest.fixture(scope="module")
def undisturbed(models: Path, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = _run(tmp_path_factory.mktemp("undisturbed"), models, dataset)
    training.train(run)
    return run


def test_a_training_leaves_what_it_says(undisturbed: Run) -> None:
    done = training.load_training(undisturbed).candidates["main"]
    assert done.facts["steps"] == STEPS
    assert [model.name for model in done.models] == ["step-3", "step-6"]
    assert trained_models(undisturbed) == done.models
    assert training.finished(undisturbed)
    history = done.history
    assert history["loss"].notna().sum() == STEPS
    assert history.loc[history["eval_loss"].notna(), "step"].tolist() == [0, 3, 6]
    rows = pd.read_parquet(undisturbed.dataset / "train.parquet")
    assert done.facts["tokens"] == rows["n_tokens"].sum()  # what the data set counted, all of it
    assert done.facts["loss"]["last"] < done.facts["loss"]["first"]
    assert not (_folder(undisturbed) / "checkpoints").exists()
    logs = list((_folder(undisturbed) / "logs").rglob("rank-0.log"))
    assert len(logs) == 1
    assert "built successfully" not in logs[0].read_text()  # DeepSpeed's op for inference


@pytest.mark.parametrize("damaged", [0, 1])
@pytest.mark.parametrize("content", [b"\xff", b"", None])
def test_one_damaged_mark_of_two_loses_no_checkpoint(
    tmp_path: Path, damaged: int, content: bytes | None
) -> None:
    marks = launch._marks(tmp_path)
    for mark in marks:
        store.write_atomic(mark, "present")
    marks[damaged].unlink()
    if content is not None:
        marks[damaged].write_bytes(content)
    assert not launch._has_key(tmp_path, "other")
    assert launch._has_key(tmp_path, "present")
    assert [mark.read_text() for mark in marks] == ["present", "present"]


def test_nothing_but_what_trainings_leave_is_tidied_away(tmp_path: Path) -> None:
    run = Run(Params(run="x", runs_dir=str(tmp_path)), tmp_path / "my.yaml")
    for name in ("step-6", "a-step-6", "my-own-model", ".step-3.part"):
        (run.models / name).mkdir(parents=True)
    (run.training / "mine").mkdir(parents=True)
    store.write_atomic(run.training / "gone" / "key", "key")
    launch._tidy(run, {"main": {"models": [{"name": "step-6"}]}})
    assert sorted(path.name for path in run.models.iterdir()) == ["my-own-model", "step-6"]
    assert [path.name for path in run.training.iterdir()] == ["mine"]


def test_a_finished_training_is_not_done_again(undisturbed: Run) -> None:
    before = {p: p.stat().st_mtime_ns for p in undisturbed.folder.rglob("*") if p.is_file()}
    training.train(undisturbed)
    assert {p: p.stat().st_mtime_ns for p in undisturbed.folder.rglob("*") if p.is_file()} == before


def test_kill_9_and_go_on_ends_where_an_undisturbed_run_ends(
    undisturbed: Run, models: Path, dataset: Path, tmp_path: Path
) -> None:
    run = _run(tmp_path, models, dataset)
    folder = _folder(run)

    def after(step: int) -> bool:
        last = checkpoints.latest(folder / "checkpoints")
        return last is not None and checkpoints.step(last) >= step

    _kill_when(run, lambda: after(2))
    assert read_manifest(run.training) is None
    # A checkpoint that was being written: newer than the last whole one, and without its end.
    last = checkpoints.latest(folder / "checkpoints")
    assert last is not None
    torn = last.with_name("checkpoint-5")
    shutil.rmtree(torn, ignore_errors=True)
    shutil.copytree(last, torn, ignore=shutil.ignore_patterns("complete.json", "*optim_states.pt"))
    training.train(run)
    expected = training.load_training(undisturbed).candidates["main"]
    got = training.load_training(run).candidates["main"]
    assert got.facts["resumed_from"] == [checkpoints.step(last)]
    columns = ["step", "loss", "eval_loss", "num_tokens"]
    pd.testing.assert_frame_equal(
        got.history[columns], expected.history[columns], rtol=0, atol=1e-4
    )
    assert (got.history["seconds"].diff().dropna() >= 0).all()
    for name in ("step-3", "step-6"):
        ours, theirs = _weights(run, name), _weights(undisturbed, name)
        for key, weight in ours.items():
            torch.testing.assert_close(weight, theirs[key], rtol=0, atol=1e-5)


def test_a_loss_that_is_no_number_stops_the_run_at_once(
    models: Path, dataset: Path, tmp_path: Path
) -> None:
    # The learning rate of the first step is 0. After the second the weights are of the order 1e35, which
    # the third finds out.
    run = _run(tmp_path, models, dataset, learning_rate=1e-3, warmup_ratio=0.1)
    # No params file may say so.
    decays = run.params.training.model_copy(update={"weight_decay": 1e38})
    run = dataclasses.replace(run, params=run.params.model_copy(update={"training": decays}))
    with pytest.raises(WorkerError) as caught:
        training.train(run)
    message = str(caught.value)
    good = _folder(run) / "checkpoints" / "checkpoint-1"
    assert "became nan at step 3" in message or "became inf at step 3" in message
    assert f"the last good checkpoint is {good}." in message
    assert [path.name for path in (_folder(run) / "checkpoints").glob("checkpoint-*")] == [
        good.name
    ]
    history = read_jsonl(_folder(run) / "history.jsonl")
    assert [row["step"] for row in history if "loss" in row] == [1, 2]
    assert not list(run.models.glob("*"))
    assert read_manifest(run.training) is None


def test_a_full_disk_is_told_and_what_was_there_is_intact(
    models: Path, dataset: Path, tmp_path: Path
) -> None:
    small = tmp_path / "runs"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=9m", "tmpfs", str(small)],
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        pytest.skip(f"no file system of its own: {mounted.stderr.strip()}")
    try:
        run = _run(tmp_path, models, dataset)
        # Room for two checkpoints of 2.3 MB, and then something else fills the disk.
        filler = small / "filler"

        def fill() -> bool:
            last = checkpoints.latest(_folder(run) / "checkpoints")
            if last is None:
                return False
            free = shutil.disk_usage(small).free
            with suppress(OSError):  # what is written meanwhile takes of the room
                filler.write_bytes(b"x" * max(0, free - 600_000))
            return True

        with _in_background(fill), pytest.raises(WorkerError) as caught:
            training.train(run)
        message = str(caught.value)
        assert "disk" in message
        assert "GiB are free under" in message, message
        last = checkpoints.latest(_folder(run) / "checkpoints")
        assert last is not None
        assert read_manifest(run.dataset) is not None
        filler.unlink()
        training.train(run)
        facts = training.load_training(run).candidates["main"].facts
        assert facts["resumed_from"] == [checkpoints.step(last)]
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


@contextmanager
def _in_background(action: Callable[[], bool]) -> Iterator[None]:
    """Call `action` again and again in a thread, until it returns true or the block ends."""
    done = threading.Event()

    def work() -> None:
        while not done.is_set() and not action():
            time.sleep(0.02)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_experts_under_zero_3_in_two_processes_and_the_exported_weights(
    models: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deepspeed.utils.zero_to_fp32 import get_fp32_state_dict_from_zero_checkpoint
    from transformers import AutoModelForCausalLM

    # Keep what is removed at the end: the trainer's own weights are in its checkpoint.
    kept = tmp_path / "kept"

    def keep(path: Path, ignore_errors: bool = False) -> None:
        if path.name == "checkpoints" and any(path.glob("checkpoint-*")):
            os.replace(path, kept)
        else:
            real(path, ignore_errors=ignore_errors)

    real = shutil.rmtree
    monkeypatch.setattr("llmc_lib.training.launch.shutil.rmtree", keep)
    run = _run(
        tmp_path, models, dataset, moe=True, nproc_per_node=2, deepspeed="zero3", router_aux_loss=0.01,
        micro_batch_size=1, save_minutes=1000.0,  # a checkpoint with the model of step 3 alone
    )  # fmt: skip
    done = training.train(run).candidates["main"]
    assert done.facts["processes"] == 2
    assert (done.history["aux_loss"].dropna() > 0).all()
    assert done.facts["loss"]["last"] < done.facts["loss"]["first"]
    exported = AutoModelForCausalLM.from_pretrained(run.models / "step-3").state_dict()
    theirs = get_fp32_state_dict_from_zero_checkpoint(str(kept / "checkpoint-3"))
    base = AutoModelForCausalLM.from_pretrained(models / "moe").state_dict()
    assert set(theirs) <= set(exported)
    for name, weight in theirs.items():
        torch.testing.assert_close(exported[name], weight, rtol=0, atol=0)
        assert name.endswith("norm.weight") or not torch.equal(base[name], weight), name


def test_candidates_are_trained_one_by_one_and_adapters_are_merged(
    models: Path, dataset: Path, tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM

    lora = {"name": "lora", "training": {"lora": {"rank": 4}, "export_at": [1.0]}}
    run = _run(tmp_path, models, dataset, epochs=0.5, candidates=[lora])
    done = training.train(run)
    facts = done.candidates["lora"].facts
    assert 0 < facts["trained_parameters"] < facts["parameters"]
    assert [model.name for model in trained_models(run)] == ["lora-step-3"]
    merged = AutoModelForCausalLM.from_pretrained(run.models / "lora-step-3").state_dict()
    base = AutoModelForCausalLM.from_pretrained(models / "dense").state_dict()
    assert set(merged) == set(base)
    changed = {name for name in base if not torch.equal(base[name], merged[name])}
    assert changed
    assert all("proj" in name for name in changed)
    # A second candidate: the first is left as it is.
    stamp = (run.training / "lora" / "manifest.json").stat().st_mtime_ns
    # Of 4 sequences in micro-batches of 3 become micro-batches of 2.
    changed_batch = {"batching": "packed", "export_at": [1.0], "micro_batch_size": 3}
    packed = {"name": "packed", "training": changed_batch}
    run = _run(tmp_path, models, epochs=0.5, candidates=[lora, packed])
    assert not training.finished(run)
    training.train(run)
    assert (run.training / "lora" / "manifest.json").stat().st_mtime_ns == stamp
    names = [model.name for model in trained_models(run)]
    assert names[0] == "lora-step-3"
    assert names[1].startswith("packed-step-")
    facts = training.load_training(run).candidates["packed"].facts
    assert facts["batch"]["used"] == {"batch_size": 4, "micro_batch_size": 2}
    assert facts["batch"]["asked"] == {"batch_size": 4, "micro_batch_size": 3}
    assert "batch" not in training.load_training(run).candidates["lora"].facts
    # And one that is not listed any more is gone, its models too.
    run = _run(tmp_path, models, epochs=0.5, candidates=[packed])
    training.train(run)
    assert sorted(p.name for p in run.models.iterdir()) == names[1:]
    assert [p.name for p in run.training.iterdir() if p.is_dir()] == ["packed"]


def test_another_method_trains_by_the_same_worker(
    undisturbed: Run, models: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "worker", lambda spec: [other.__file__, str(spec)])
    monkeypatch.setitem(METHODS, "other", other.Other())
    run = _run(tmp_path, models, dataset)
    changed = run.params.training.model_copy(
        update={"method": "other"}
    )  # no params file may say so
    run = dataclasses.replace(run, params=run.params.model_copy(update={"training": changed}))
    done = training.train(run).candidates["main"]
    rows = done.history[done.history["loss"].notna()]
    assert (rows["learnt"] > 0).all()
    assert (rows["doubled"] == 2 * rows["learnt"]).all()
    assert "unasked" not in rows
    learnt = rows["learnt"].tolist()
    assert done.facts["learnt"] == {"first": learnt[0], "last": learnt[-1]}
    assert "doubled" not in done.facts
    assert rows["learning_rate"].iloc[0] == 0  # of its own warm-up: three steps from 0
    assert rows["learning_rate"].idxmax() == rows.index[3]
    assert [model.name for model in done.models] == ["step-3", "step-6"]
    usual = training.load_training(undisturbed).candidates["main"]
    assert done.facts["tokens"] == usual.facts["tokens"]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (
            lambda path: pd.read_parquet(path).drop(columns="completion").to_parquet(path),
            r"has no column 'completion', which training\.method: sft needs; make dataset builds it again",
        ),
        (
            lambda path: path.write_bytes(b"PAR1"),
            r"cannot be read: .*; make dataset builds it again",
        ),
    ],
)
def test_a_data_set_that_the_method_cannot_use_is_told_before_anything_starts(
    models: Path, dataset: Path, tmp_path: Path, damage: Callable[[Path], Any], words: str
) -> None:
    run = _run(tmp_path, models, dataset)
    facts = read_manifest(run.dataset)
    assert facts is not None
    damage(run.dataset / "train.parquet")
    write_manifest(run.dataset, "another", 1.0, files=facts["files"])
    with pytest.raises(UserError, match=rf"train\.parquet: {words}"):
        training.train(run)
    assert not list(run.training.glob("*/spec.json"))
