"""What the machines after the first do: wait for a training, take part, end with it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.__main__ import main
from llmc_lib.errors import UserError
from llmc_lib.params import Params, Recipe, TrainingParams
from llmc_lib.processes.workers import WorkerError
from llmc_lib.store import write_atomic, write_manifest
from llmc_lib.training import cluster, follow


class Place:
    """The shared folder of a run, and a first machine that listens."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.key: str | None = "now"
        self.parts: list[tuple[str, str, int]] = []  # recipe's folder, attempt, node rank

    def recipe(self, name: str, nodes: int = 2) -> Recipe:
        training = TrainingParams.model_validate(
            {"batch_size": 64, "cluster": {"nodes": nodes, "endpoint": f"127.0.0.1:{self.port}"}}
        )
        return Recipe(name, True, None, training)

    def begin(self, name: str, key: str = "now", attempt: str = "first") -> None:
        write_atomic(self.folder / name / "spec.json", json.dumps({"key": key, "attempt": attempt}))

    def end(self, name: str, key: str = "now") -> None:
        write_manifest(self.folder / name, key, 1.0)
        (self.folder / name / "spec.json").unlink(missing_ok=True)

    def follow(self, *recipes: Recipe, node_rank: int = 1) -> None:
        def key(recipe: Recipe) -> str:
            if self.key is None:
                raise UserError("no finished data set")
            return self.key

        def take_part(training: TrainingParams, spec: Path, rank: int) -> None:
            self.parts.append((spec.parent.name, json.loads(spec.read_text())["attempt"], rank))

        follow.follow_recipes(
            [*recipes], node_rank, lambda recipe: self.folder / recipe.name, key, take_part
        )


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.delenv(cluster.ENDPOINT, raising=False)
    monkeypatch.delenv("LLMC_PROGRESS", raising=False)
    monkeypatch.setattr(follow, "_POLL_SECONDS", 0.02)
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield Place(tmp_path, server.getsockname()[1])


def _while_it_waits(place: Place, acts: list[Callable[[], Any]], *recipes: Recipe) -> None:
    """Follow, and do one act after the other while it waits; none may have made it take part."""
    thread = threading.Thread(target=place.follow, args=recipes)
    thread.start()
    for act in acts:
        time.sleep(0.3)
        assert thread.is_alive()
        assert place.parts == []
        act()
    thread.join(10)
    assert not thread.is_alive()


def test_it_takes_part_in_each_training_that_runs(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.begin("a")
    place.begin("b", attempt="second")
    place.follow(place.recipe("a"), place.recipe("b"), node_rank=1)
    assert place.parts == [("a", "first", 1), ("b", "second", 1)]
    assert capsys.readouterr().out.splitlines() == [
        "a: taking part as machine 1 …",
        "a: this machine's part is done",
        "b: taking part as machine 1 …",
        "b: this machine's part is done",
        "All trainings of the run are done on this machine; the first machine continues.",
    ]


@pytest.mark.slow
def test_what_is_complete_is_skipped_also_when_it_gets_complete_meanwhile(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.end("a")
    _while_it_waits(place, [lambda: place.end("b")], place.recipe("a"), place.recipe("b"))
    assert place.parts == []
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "a: complete"
    assert lines[1].startswith("b: has waited 0 s for the first machine to start this training")
    assert lines[2] == "b: complete"


@pytest.mark.slow
def test_neither_other_params_nor_a_training_of_them_are_taken_for_these(place: Place) -> None:
    place.end("a", key="earlier")
    acts: list[Callable[[], Any]] = [
        lambda: place.begin("a", key="earlier"),
        lambda: place.begin("a"),
    ]
    _while_it_waits(place, acts, place.recipe("a"))
    assert place.parts == [("a", "first", 1)]


@pytest.mark.slow
def test_it_waits_for_the_data_set(place: Place) -> None:
    place.key = None
    place.begin("a")
    _while_it_waits(place, [lambda: setattr(place, "key", "now")], place.recipe("a"))
    assert place.parts == [("a", "first", 1)]


@pytest.mark.slow
def test_what_a_dead_first_machine_left_is_not_followed(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    place.begin("a")  # nobody answers
    place.port = free
    again: list[socket.socket] = []

    def restart() -> None:
        place.begin("a", attempt="second")
        again.append(socket.create_server(("127.0.0.1", free)))

    _while_it_waits(place, [restart], place.recipe("a"))
    again[0].close()
    assert place.parts == [("a", "second", 1)]
    assert f"to answer at 127.0.0.1:{free}\n" in capsys.readouterr().out


def test_a_training_on_fewer_machines_is_left_to_them(place: Place) -> None:
    place.begin("b")
    place.follow(place.recipe("a", nodes=1), place.recipe("b", nodes=4), node_rank=2)
    assert place.parts == [("b", "first", 2)]


@pytest.mark.slow
def test_a_long_wait_is_told_again(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(follow, "_REMIND_SECONDS", 0.1)
    _while_it_waits(place, [lambda: place.begin("a")], place.recipe("a"))
    assert capsys.readouterr().out.count("for the first machine to start this training") > 1


def test_a_failure_ends_it_with_the_first_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tmp_path / "spec.json"
    spec.write_text('{"key": "now", "attempt": "first"}')
    logs = tmp_path / "logs" / "first"
    logs.mkdir(parents=True)
    facts = {"rank": 3, "host": "gpu-1", "pid": 1, "status": -9, "time": 1.0, "error": ""}
    (logs / "rank-3.failed.json").write_text(json.dumps(facts))
    monkeypatch.setattr(cluster, "command", lambda *_: [sys.executable, "-c", "exit('gone')"])
    training = TrainingParams.model_validate({"cluster": {"nodes": 2, "endpoint": "gpu-1:1"}})
    with pytest.raises(WorkerError, match=r"^Rank 3 on gpu-1 was killed by SIGKILL"):
        cluster.run(training, spec, 1)
    assert (logs / "node-1.log").read_text() == "gone\n"


# ---- the command -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "rank", "message"),
    [
        ("seed: 1", "1", "NODE_RANK: 1 is not one of 0 to 0 (training.cluster.nodes: 1)"),
        (
            "training: {cluster: {nodes: 2, endpoint: 'a:1'}}",
            "2",
            "NODE_RANK: 2 is not one of 0 to 1 (training.cluster.nodes: 2)",
        ),
        (
            "training: {cluster: {nodes: 2, launcher: hostfile, hostfile: {hosts}}}",
            "1",
            "NODE_RANK: with launcher: hostfile DeepSpeed starts the processes of all machines",
        ),
        (
            "seed: 1",
            "one",
            "NODE_RANK: 'one' is neither a number nor a variable that is set to one",
        ),
    ],
)
def test_a_machine_that_is_none_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, rank: str, message: str
) -> None:
    path, hosts = tmp_path / "my.yaml", tmp_path / "hosts"
    hosts.write_text("one slots=1\ntwo slots=1\n")
    text = text.replace("{hosts}", str(hosts))
    path.write_text(f"run: x\nruns_dir: {tmp_path}/runs\n{text}\n")
    assert main(["train", str(path), "--node-rank", rank]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(message)
    assert printed.err.count("\n") == 1
    assert {*tmp_path.iterdir()} == {path, hosts}


def test_make_train_hands_its_node_rank_on() -> None:
    for words, rank in (([], "0"), (["NODE_RANK=3"], "3")):
        ran = subprocess.run(
            ["make", "--dry-run", "train", "PARAMS=params/x.yaml", *words],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert f'-m llmc_lib train params/x.yaml --node-rank "{rank}"' in ran.stdout


def test_the_params_of_a_run_name_the_machines() -> None:
    params = Params.model_validate(
        {
            "run": "x",
            "training": {"batch_size": 64, "cluster": {"nodes": 2, "endpoint": "a:1"}},
            "candidates": [
                {"name": "small", "training": {"cluster": {"nodes": 1}}},
                {"name": "large", "training": {"cluster": {"nodes": 4}}},
            ],
        }
    )
    follow.check(params.recipes, 3)
    with pytest.raises(UserError, match="4 is not one of 0 to 3"):
        follow.check(params.recipes, 4)
