"""`make serve` for real: two vLLM servers of a tiny model on the CPU, asked by the client of served models."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from llmc_lib.engines.sampling import Request, predictions, sample
from llmc_lib.models.resolve import Model
from llmc_lib.params import EngineParams
from llmc_lib.records import Prediction
from llmc_lib.store import ROOT

pytestmark = pytest.mark.slow

#: Under load, a start on two cores takes minutes.
_START_SECONDS = 900
SETTINGS: dict[str, Any] = {
    "max_tokens": 24,
    "max_model_len": 256,
    "temperature": 0.8,
    "top_p": 0.95,
    "dtype": "float32",
    "seed": 3,
}


class Serving:
    """A running `make serve`, and what it has printed."""

    def __init__(self, folder: Path, model: Path, port: int, **evaluation: Any) -> None:
        self.folder, self.model = folder, model
        params = folder / "serve.yaml"
        settings = {name: value for name, value in SETTINGS.items() if name != "seed"}
        values = {
            "run": "served",
            "runs_dir": str(folder / "runs"),
            "reports_dir": str(folder / "reports"),
            "model": {"source": str(model)},
            "evaluation": {**settings, **evaluation},
        }
        params.write_text(yaml.safe_dump(values))
        self.output = folder / "serve.log"
        with open(self.output, "wb") as handle:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "llmc_lib", "serve", str(params), "--port", str(port)],
                cwd=ROOT,
                stdout=handle,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def told(self) -> str:
        return self.output.read_text().replace("\r", "\n")

    def wait_for(self, words: str) -> None:
        end = time.monotonic() + _START_SECONDS
        while words not in self.told:
            assert self.process.poll() is None, self.told
            assert time.monotonic() < end, self.told
            time.sleep(0.2)

    def endpoints(self) -> list[str]:
        return re.findall(r"- (http://\S+)", self.told)

    def servers(self) -> list[int]:
        """The processes of `vllm serve`, each the first of its group."""
        pid = (Path(sys.executable).parent / f"{self.process.pid}.is").read_text()  # `warm.family`
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(word) for word in listed.split()]


def _groups(pids: list[int]) -> list[int]:
    """The processes that are in the groups of these, and not only wait to be reaped."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            facts = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if facts[0] != "Z" and int(facts[2]) in pids:
            found.append(int(path.parent.name))
    return found


def _free_ports() -> int:
    """The first of two free ports in a row."""
    for port in range(21000, 29000, 2):
        with socket.socket() as one, socket.socket() as two:
            try:
                one.bind(("127.0.0.1", port))
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
    raise AssertionError("no free ports")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.tiny import make_tiny_model

    folder = tmp_path_factory.mktemp("model")
    make_tiny_model(folder)
    return folder


@pytest.fixture(scope="module", autouse=True)
def _warm(warm_python: None) -> None:
    """Servers start in a moment."""


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("serving")
    small = {"kv_cache_memory_bytes": 2**26}
    engine = {"max_num_seqs": 8, "data_parallel": 2, "vllm": small}
    made = Serving(folder, model, _free_ports(), engine=engine)
    try:
        made.wait_for("Ready.")
        yield made
    finally:
        if made.process.poll() is None:
            made.process.terminate()
            made.process.wait(60)


def _ask(
    serving: Serving, name: str, requests: list[Request], **settings: Any
) -> dict[tuple[str, int], Prediction]:
    path = serving.folder / f"{name}.jsonl"
    sample(
        Model("base", serving.model, ""),
        {path: requests},
        {**SETTINGS, **settings},
        serving.folder / "logs" / f"{name}.log",
        desc=name,
        engine=EngineParams(
            kind="openai", endpoints=tuple(serving.endpoints()), concurrency=8, retries=3
        ),
    )
    assert len((path.read_text()).splitlines()) == sum(r.samples for r in requests)
    return predictions(path, requests)


def test_nothing_overwrites_the_log(serving: Serving) -> None:
    assert serving.told.index("Starting: ") < serving.told.index("Ready. ")


def test_all_answers_come_from_both_servers(serving: Serving) -> None:
    requests = [Request(str(n), f"What is {n} + {n}?", samples=2, seed=100 * n) for n in range(40)]
    found = _ask(serving, "both", [*requests, Request("long", "plants " * 240)])
    assert len(found) == 81
    assert {prediction.engine for prediction in found.values()} == set(serving.endpoints())
    long = found.pop(("long", 0))
    assert long.finish_reason == "failed"
    assert "maximum context length is 256 tokens" in long.error
    assert {prediction.finish_reason for prediction in found.values()} == {"stop", "length"}
    for prediction in found.values():
        assert 0 < prediction.completion_tokens <= 24
        assert prediction.prompt_tokens > 5
    texts = [prediction.response for prediction in found.values()]
    assert len(set(texts)) > 70  # each has a seed of its own


def test_max_is_what_the_context_leaves(serving: Serving) -> None:
    found = _ask(serving, "max", [Request("a", "Why?", samples=4)], max_tokens="max")
    lengths = [(p.finish_reason, p.prompt_tokens + p.completion_tokens) for p in found.values()]
    assert any(reason == "length" for reason, _ in lengths)  # noise seldom ends by itself
    assert {total for reason, total in lengths if reason == "length"} == {256}


def test_a_reply_can_be_made_to_have_a_form(serving: Serving) -> None:
    schema = {
        "type": "object",
        "properties": {"answer": {"type": "string", "enum": ["yes", "no"]}},
        "required": ["answer"],
        "additionalProperties": False,
    }
    requests = [Request(str(n), "Is it so?") for n in range(4)]
    found = _ask(serving, "form", requests, json_schema=schema, max_tokens="max")
    ended = [p for p in found.values() if p.finish_reason == "stop"]
    assert ended
    assert all(json.loads(p.response)["answer"] in ("yes", "no") for p in ended)


def test_work_of_a_server_that_is_killed_is_redone_by_the_other(serving: Serving) -> None:
    requests = [Request(str(n), f"Count to {n}.", samples=4) for n in range(60)]
    path = serving.folder / "killed.jsonl"
    victim = serving.servers()[0]

    def kill() -> None:
        while not path.exists() or path.read_bytes().count(b"\n") < 60:
            time.sleep(0.02)
        os.kill(victim, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    found = _ask(serving, "killed", requests)
    thread.join()
    assert len(found) == 240
    assert {prediction.finish_reason for prediction in found.values()} == {"stop", "length"}
    by_server = [prediction.engine for prediction in found.values()]
    counts = sorted(by_server.count(address) for address in serving.endpoints())
    assert 0 < counts[0] < 120 < counts[1]
    serving.wait_for("The process was killed (SIGKILL)")
    assert serving.process.poll() is None  # the other one goes on
    assert not _groups([victim])  # and nothing of the killed one is left


def test_sigterm_leaves_no_process(serving: Serving) -> None:
    servers = serving.servers()
    assert len(_groups(servers)) >= 2  # the server and its engine
    serving.process.terminate()
    assert serving.process.wait(60) == 0
    assert not _groups(servers)
    assert "Stopping the servers" in serving.told


def test_a_server_that_cannot_start_is_told_with_its_first_error(
    model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "no_such_type"}))
    broken = Serving(tmp_path, folder, _free_ports())
    assert broken.process.wait(_START_SECONDS) == 1
    assert "The server of base ended with status 1:" in broken.told
    assert "no_such_type" in broken.told
    assert f"Full log: {tmp_path / 'runs' / 'served' / 'serving' / 'base-'}" in broken.told
