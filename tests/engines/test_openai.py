"""The client of served models against a real HTTP server: what is refused, late, broken, or gone."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from llmc_lib.engines import endpoints, openai
from llmc_lib.engines.sampling import Request, predictions, sample
from llmc_lib.engines.worker import full_disk
from llmc_lib.errors import UserError
from llmc_lib.models.resolve import ServedModel
from llmc_lib.params import EngineParams
from llmc_lib.store import JsonlWriter, read_jsonl
from tests.conftest import ROOT
from tests.engines.chat_server import ChatServer, completion, echo
from tests.engines.test_sampling import wait_for_the_worker

KEY = "sk-thisIsASecret"


@pytest.fixture(scope="module", autouse=True)
def _warm(warm_python: None) -> None:
    """The client starts in a moment."""


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as made:
        yield made


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of tenths of seconds: a rest, and the time between two looks at a server."""
    monkeypatch.setattr(endpoints, "_LONGEST_REST", 0.2)
    monkeypatch.setattr(endpoints, "_WATCH_EVERY", 0.1)
    monkeypatch.setattr(endpoints, "_HEALTH_TIMEOUT", 0.5)


SAMPLING = {"max_tokens": 12, "temperature": 0.5, "top_p": 0.9}


def _ask(
    folder: Path,
    *servers: ChatServer | str,
    questions: int = 1,
    samples: int = 1,
    spec: dict[str, Any] | None = None,
    sampling: dict[str, Any] | None = None,
    **engine: Any,
) -> dict[tuple[str, int], dict[str, Any]]:
    """Have the worker ask: (question id, sample) → the prediction; each is there once."""
    file = folder / "answers.jsonl"
    addresses = tuple(s if isinstance(s, str) else s.address for s in servers)
    params = EngineParams(kind="openai", endpoints=addresses, **engine)
    made = {
        "model": None,
        "name": "small",
        "section": "evaluation.engine",
        "engine": params.model_dump(mode="json"),
        "requests": [
            {
                "file": str(file),
                "question_id": str(number),
                "samples": list(range(samples)),
                "seed": 10 * number,
                "system": "",
                "prompt": f"question {number}",
                "prompt_sha256": f"hash {number}",
                "sampling": SAMPLING | (sampling or {}),
            }
            for number in range(questions)
        ],
        "max_tokens": 12,
        "max_model_len": 128,
        "temperature": 0.5,
        "dtype": "auto",
        "seed": 0,
        **(spec or {}),
    }
    try:
        openai.main(made)
    finally:
        text = file.read_text() if file.exists() else ""
        assert KEY not in text
    rows = read_jsonl(file)
    found = {(row["question_id"], row["sample"]): row for row in rows}
    assert len(found) == len(rows)
    return found


def _one(folder: Path, server: ChatServer, **given: Any) -> dict[str, Any]:
    (row,) = _ask(folder, server, **given).values()
    return row


# ---- what is asked, and what becomes of the answer -----------------------------------------------


def test_each_sample_is_asked_with_its_seed_and_kept_with_its_facts(
    tmp_path: Path, server: ChatServer
) -> None:
    found = _ask(tmp_path, server, questions=3, samples=2)
    assert {key: row["response"] for key, row in found.items()} == {
        (str(n), s): f"question {n} {10 * n + s}" for n in range(3) for s in range(2)
    }
    row = found["2", 1]
    assert row["finish_reason"] == "stop"
    assert (row["prompt_tokens"], row["completion_tokens"]) == (7, 3)
    assert row["prompt_sha256"] == "hash 2"
    assert row["engine"] == server.address
    assert row["finished"].endswith("+00:00")
    assert 0 < row["seconds"] < 5
    assert server.asked[0] == {
        "model": "small",
        "messages": [{"role": "user", "content": "question 0"}],
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 0,
        "max_tokens": 12,
    }


def test_what_stands_in_the_spec_is_asked_for(tmp_path: Path, server: ChatServer) -> None:
    schema = {"type": "object", "properties": {"x": {"type": "integer"}}}
    request = {
        "file": str(tmp_path / "answers.jsonl"), "question_id": "a", "samples": [0], "seed": 1,
        "system": "Be brief.", "prompt": "Why?", "prompt_sha256": "h",
        "sampling": SAMPLING | {"max_tokens": "max"},
    }  # fmt: skip
    changed = {"max_tokens": "max", "json_schema": schema, "requests": [request]}
    _ask(tmp_path, server, spec=changed)
    (body,) = server.asked
    assert "max_tokens" not in body
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert body["response_format"]["json_schema"]["schema"] == schema


FURTHER = {
    "top_k": 20, "min_p": 0.05, "presence_penalty": 1.5, "chat_template_kwargs": {"enable_thinking": False},
}  # fmt: skip


def test_further_settings_are_sent_to_any_server(tmp_path: Path, server: ChatServer) -> None:
    _ask(tmp_path, server, sampling=FURTHER)
    (body,) = server.asked
    assert {name: body[name] for name in FURTHER} == FURTHER


def test_a_setting_that_is_asked_for_is_not_left_out(tmp_path: Path, server: ChatServer) -> None:
    async def behave(server: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
        error = {"message": "no such parameter", "param": "top_k", "code": "unsupported_parameter"}
        if "top_k" in body:
            return web.json_response({"error": error}, status=400)
        return completion("sampled otherwise")

    server.behaviour = behave
    row = _one(tmp_path, server, sampling={"top_k": 20})
    assert row["finish_reason"] == "failed"
    assert "no such parameter" in row["error"]


def test_a_vllm_server_samples_as_the_offline_engine_does(
    tmp_path: Path, server: ChatServer
) -> None:
    server.models = [{"id": "small", "owned_by": "vllm", "max_model_len": 128}]
    _ask(tmp_path, server)
    assert server.asked[0]["top_k"] == 0
    assert server.asked[0]["repetition_penalty"] == 1.0


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"content": "4", "reasoning": "2 and 2"}, ("2 and 2", "4")),
        ({"content": "4", "reasoning_content": " 2 and 2\n"}, ("2 and 2", "4")),
        ({"content": None, "reasoning": "on and on"}, ("on and on", "")),
        ({"content": "<think>2 and 2</think>\n4", "reasoning": None}, ("2 and 2", "4")),
        ({"content": "4"}, ("", "4")),
        ({"content": None, "refusal": "I cannot."}, ("", "I cannot.")),
        ({"content": None}, ("", "")),
        ({"content": "a\ud800b"}, ("", "a?b")),  # half a character cannot be written
    ],
)
def test_reasoning_and_response_are_kept_apart(
    tmp_path: Path, server: ChatServer, message: dict[str, Any], expected: tuple[str, str]
) -> None:
    async def behave(server: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
        return completion(**message)

    server.behaviour = behave
    row = _one(tmp_path, server)
    assert (row["reasoning"], row["response"]) == expected


@pytest.fixture(scope="module")
def thinker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model whose template opens the <think> block itself."""
    from transformers import AutoTokenizer

    from tests.tiny import CHATML, make_tokenizer

    folder = tmp_path_factory.mktemp("thinker")
    make_tokenizer(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = CHATML.replace("assistant\n{% endif", "assistant\n<think>\n{% endif")
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("splits", "content", "expected"),
    [
        (False, "on and on", ("on and on", "")),  # cut inside of the block
        (False, "2 and 2</think>4", ("2 and 2", "4")),
        (True, "4", ("", "4")),  # nothing was thought, and the parser took the tags away
    ],
)
def test_a_block_that_the_template_opens_is_told_from_a_response(
    tmp_path: Path,
    server: ChatServer,
    thinker: Path,
    splits: bool,
    content: str,
    expected: tuple[str, str],
) -> None:
    async def behave(server: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
        if splits and body["max_tokens"] < 12:  # the first tokens of any completion
            return completion(None, "length", reasoning="let me")
        return completion(content, "length")

    server.behaviour = behave
    found = _ask(tmp_path, server, questions=3, concurrency=1, spec={"model": str(thinker)})
    assert {(row["reasoning"], row["response"]) for row in found.values()} == {expected}
    assert len(server.asked) == 4  # it was found out once


def test_a_truncated_answer_is_kept_as_truncated(tmp_path: Path, server: ChatServer) -> None:
    async def behave(server: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
        return completion("and so", "length")

    server.behaviour = behave
    row = _one(tmp_path, server)
    assert (row["finish_reason"], row["response"]) == ("length", "and so")


def test_an_answer_of_a_million_characters_and_escapes_is_kept_whole(
    tmp_path: Path, server: ChatServer
) -> None:
    text = "\x1b[2J\x00<script>" + "é" * 1_000_000

    async def behave(server: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
        return completion(text)

    server.behaviour = behave
    assert _one(tmp_path, server)["response"] == text


def test_a_proxy_is_for_other_machines(
    tmp_path: Path, server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "near.example")
    assert _one(tmp_path, server)["response"]
    assert endpoints._proxy("http://far.example/v1") == "http://127.0.0.1:9"
    assert endpoints._proxy("http://near.example/v1") is None


@pytest.mark.slow
def test_no_more_requests_at_once_than_allowed(tmp_path: Path, server: ChatServer) -> None:
    server.delay = 0.05
    _ask(tmp_path, server, questions=20, concurrency=4)
    assert server.most_busy == 4


def test_all_endpoints_work_at_the_same_time(tmp_path: Path, server: ChatServer) -> None:
    server.delay = 0.02
    with ChatServer() as other:
        other.delay = 0.02
        found = _ask(tmp_path, server, other, questions=40, concurrency=4)
    assert len(found) == 40
    assert len(server.asked) + len(other.asked) == 40
    assert min(len(server.asked), len(other.asked)) >= 10
    assert {row["engine"] for row in found.values()} == {server.address, other.address}


# ---- errors of a request -------------------------------------------------------------------------


def test_a_request_that_the_server_refuses_has_failed_for_its_reason(
    tmp_path: Path, server: ChatServer
) -> None:
    said = "maximum context length is 128 tokens\x1b[31m\nbut you asked for 999"

    async def behave(server: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
        if "1" in body["messages"][0]["content"]:
            return web.json_response({"error": {"message": said, "code": 400}}, status=400)
        return completion("fine")

    server.behaviour = behave
    found = _ask(tmp_path, server, questions=3)
    assert [found[str(n), 0]["finish_reason"] for n in range(3)] == ["stop", "failed", "stop"]
    error = found["1", 0]["error"]
    assert error.startswith("status 400: maximum context length is 128 tokens")
    assert error.isprintable()
    assert len(server.asked) == 3  # not asked again


@pytest.mark.slow
def test_a_pause_that_the_server_asks_for_is_kept_by_all(
    tmp_path: Path, server: ChatServer
) -> None:
    async def behave(server: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
        if len(server.asked) == 1:
            return web.json_response({}, status=429, headers={"Retry-After": "1"})
        return completion("fine")

    server.behaviour = behave
    found = _ask(tmp_path, server, questions=3, concurrency=1)
    assert {row["response"] for row in found.values()} == {"fine"}
    assert server.times[1] - server.times[0] >= 1.0


@pytest.mark.slow
@pytest.mark.usefixtures("soon")
def test_a_server_with_a_limit_is_asked_as_much_as_it_takes_and_nothing_fails(
    tmp_path: Path, server: ChatServer
) -> None:
    async def behave(server: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
        if server.busy > 3:
            return web.json_response({"error": {"message": "too many requests"}}, status=429)
        await asyncio.sleep(0.02)
        return completion("fine")

    server.behaviour = behave
    found = _ask(tmp_path, server, questions=60, concurrency=32, retries=0)
    assert {row["response"] for row in found.values()} == {"fine"}
    assert len(found) == 60


@pytest.mark.slow
@pytest.mark.usefixtures("soon")
def test_a_spent_quota_ends_the_run_and_marks_nothing_as_failed(
    tmp_path: Path, server: ChatServer
) -> None:
    async def behave(server: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
        if len(server.asked) <= 2:
            return completion("fine")
        return web.json_response({"error": {"message": "You exceeded your quota."}}, status=429)

    server.behaviour = behave
    with pytest.raises(UserError, match=r"no server is left: .* You exceeded your quota"):
        _ask(tmp_path, server, questions=9, concurrency=2, retries=2)
    rows = read_jsonl(tmp_path / "answers.jsonl")
    assert [row["finish_reason"] for row in rows] == ["stop", "stop"]


@pytest.mark.slow
@pytest.mark.usefixtures("soon")
def test_errors_broken_replies_and_late_ones_are_asked_again(
    tmp_path: Path, server: ChatServer
) -> None:
    async def behave(server: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
        match len(server.asked):
            case 1:
                return web.json_response({"error": "overloaded"}, status=500)
            case 2:
                return web.Response(text='{"choices": [{"mess', content_type="application/json")
            case 3:
                return web.json_response({"choices": []})
            case 4:
                await asyncio.sleep(30)
            case 5:
                return completion("part of it", "abort")
        return completion("fine")

    server.behaviour = behave
    row = _one(tmp_path, server, timeout_minutes=0.03)
    assert row["response"] == "fine"
    assert len(server.asked) == 6


@pytest.mark.slow
@pytest.mark.usefixtures("soon")
def test_what_always_fails_is_listed_as_failed_and_costs_the_others_nothing(
    tmp_path: Path, server: ChatServer
) -> None:
    async def behave(server: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
        if "question 0" in body["messages"][0]["content"]:
            return web.Response(text="no JSON")
        return completion("fine")

    server.behaviour = behave
    found = _ask(tmp_path, server, questions=10, retries=2)
    assert found["0", 0]["finish_reason"] == "failed"
    assert found["0", 0]["error"] == "the reply is no chat completion: no JSON (asked 3 times)"
    assert {found[str(n), 0]["response"] for n in range(1, 10)} == {"fine"}


def test_a_reply_without_end_is_refused(
    tmp_path: Path, server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints, "_LARGEST_REPLY", 2**20)

    async def behave(server: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
        return web.Response(body=b" " * 2**22)

    server.behaviour = behave
    row = _one(tmp_path, server)
    assert row["error"] == "the reply has more than 1 MiB"
    assert len(server.asked) == 1


def test_a_parameter_that_a_server_does_not_take_is_left_to_it(
    tmp_path: Path, server: ChatServer, capsys: pytest.CaptureFixture[str]
) -> None:
    async def behave(server: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
        for name in ("max_tokens", "temperature"):
            if name in body:
                error = {"message": "No.", "param": name, "code": "unsupported_parameter"}
                return web.json_response({"error": error}, status=400)
        return completion(str(body["max_completion_tokens"]))

    server.behaviour = behave
    found = _ask(tmp_path, server, questions=2)
    assert {row["response"] for row in found.values()} == {"12"}
    assert "does not take temperature" in capsys.readouterr().out


# ---- keys ----------------------------------------------------------------------------------------


def test_the_key_comes_from_the_environment_and_goes_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)

    async def behave(server: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
        told = f"Bearer {KEY} is over its limit"
        return web.json_response({"error": {"message": told}}, status=400)

    with ChatServer(behave, key=KEY) as server:
        row = _one(tmp_path, server, api_key="MY_KEY")
    assert row["error"] == "status 400: Bearer … is over its limit"
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert KEY not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (None, "wants an API key, and the environment variable MY_KEY is empty (status 401)"),
        ("sk-wrong", "does not take the API key in MY_KEY (status 401)"),
    ],
)
def test_a_wrong_key_is_told_with_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str | None, said: str
) -> None:
    if key:
        monkeypatch.setenv("MY_KEY", key)
    with ChatServer(key=KEY) as server, pytest.raises(UserError) as caught:
        _ask(tmp_path, server, api_key="MY_KEY")
    assert str(caught.value).startswith(f"{server.address} {said}; set the variable")
    assert "sk-" not in str(caught.value)


# ---- servers that are of no use, die, and come back ----------------------------------------------


@pytest.mark.parametrize(
    ("card", "spec", "said"),
    [
        ({"id": "large"}, {}, "serves large"),
        (
            {"id": "small", "max_model_len": 64},
            {},
            "was started with max_model_len 64, the params say 128",
        ),
        (
            {"id": "small", "max_model_len": 256},
            {"max_tokens": "max"},
            "was started with max_model_len 256, the params say 128",
        ),
    ],
)
def test_a_server_of_no_use_is_told_with_the_remedy(
    tmp_path: Path, server: ChatServer, card: dict[str, Any], spec: dict[str, Any], said: str
) -> None:
    server.models = [card]
    with pytest.raises(UserError) as caught:
        _ask(tmp_path, server, "http://127.0.0.1:9/v1", spec=spec)
    told = str(caught.value)
    assert told.startswith(
        "evaluation.engine.endpoints: no server can be used for the model 'small': "
    )
    assert (
        f"{server.address} {said}; http://127.0.0.1:9/v1 cannot be reached (Connection refused)"
        in told
    )
    assert "make serve PARAMS=… MODEL=small" in told
    assert "evaluation.engine.served_as" in told
    assert "\n" not in told
    assert not server.asked


def test_an_answer_to_models_that_is_none_is_told(tmp_path: Path, server: ChatServer) -> None:
    with pytest.raises(UserError, match=r"status 404 \(an address goes up to /v1\)"):
        _ask(tmp_path, server.address.removesuffix("/v1"))


@pytest.mark.slow
@pytest.mark.usefixtures("soon")
def test_work_of_a_server_that_dies_is_done_elsewhere(
    tmp_path: Path, server: ChatServer, capsys: pytest.CaptureFixture[str]
) -> None:
    dying = ChatServer()
    dying.delay = server.delay = 0.2

    async def behave(self: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
        if len(self.asked) == 6:
            threading.Thread(target=self.stop).start()
        await asyncio.sleep(0.3)
        return completion("from the dying")

    dying.behaviour = behave
    found = _ask(tmp_path, dying, server, questions=30, concurrency=4)
    assert len(found) == 30
    assert all(row["finish_reason"] == "stop" for row in found.values())
    assert len(server.asked) >= 26
    assert "it is left out" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.usefixtures("soon")
def test_a_server_that_comes_back_gets_work_again(
    tmp_path: Path, server: ChatServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.delay = 0.1
    gone = ChatServer()
    port, address = gone.port, gone.address
    gone.stop()
    back: list[ChatServer] = []

    def return_() -> None:
        time.sleep(0.6)
        back.append(ChatServer(port=port))

    thread = threading.Thread(target=return_)
    thread.start()
    found = _ask(tmp_path, address, server, questions=40, concurrency=2)
    thread.join()
    back[0].stop()
    assert len(found) == 40
    assert back[0].asked
    assert f"{address} is back" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.usefixtures("soon")
def test_a_server_that_hangs_with_its_connections_open_is_noticed(
    tmp_path: Path, server: ChatServer
) -> None:
    async def behave(self: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
        self.deaf = True
        await asyncio.sleep(60)
        return completion("never")

    with ChatServer(behave) as hanging:
        start = time.monotonic()
        found = _ask(tmp_path, hanging, server, questions=6, concurrency=2)
        assert time.monotonic() - start < 15
        assert len(hanging.asked) == 2
    assert {row["engine"] for row in found.values()} == {server.address}


@pytest.mark.slow
@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("how", ["gone", "errors"])
def test_when_no_server_is_left_what_was_finished_is_kept(
    tmp_path: Path, server: ChatServer, how: str
) -> None:
    async def behave(server: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
        if len(server.asked) <= 5:
            return completion("in time")
        if how == "errors":
            return web.json_response({"error": {"message": "out of memory"}}, status=500)
        threading.Thread(target=server.stop).start()
        await asyncio.sleep(60)
        return completion("never")

    server.behaviour = behave
    with pytest.raises(
        UserError, match=r"no server is left: .*start the servers and run"
    ) as caught:
        _ask(tmp_path, server, questions=60, concurrency=2, retries=4)
    assert ("out of memory" if how == "errors" else "cannot be reached") in str(caught.value)
    rows = read_jsonl(tmp_path / "answers.jsonl")
    assert [row["question_id"] for row in rows if row["response"]] == list("01234")
    assert len(rows) < 20


@pytest.mark.slow
def test_the_watch_leaves_a_slow_server_alone(
    tmp_path: Path, server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints, "_WATCH_EVERY", 0.05)
    server.delay = 0.6
    assert _one(tmp_path, server)["response"]
    assert server.looks >= 2
    assert len(server.asked) == 1


# ---- the store -----------------------------------------------------------------------------------

SETTINGS: dict[str, Any] = {
    "max_tokens": 24,
    "max_model_len": 128,
    "temperature": 0.8,
    "top_p": 0.95,
    "dtype": "auto",
    "seed": 3,
}
_SAMPLE = """
import sys
from pathlib import Path
from tests.engines.test_openai import sample_many
sample_many(sys.argv[1], Path(sys.argv[2]))
"""


def many() -> list[Request]:
    return [Request(str(n), f"What is {n} + {n}?", samples=2) for n in range(60)]


def sample_many(address: str, path: Path, identity: str = "small, the first", **given: Any) -> None:
    model = ServedModel("small", identity, "")
    engine = EngineParams(kind="openai", endpoints=(address,), **{"concurrency": 4, **given})
    log = path.parent / "logs" / "model.log"
    sample(model, {path: many()}, SETTINGS, log, desc="", engine=engine)


def _whole(path: Path) -> set[tuple[str, int]]:
    rows = read_jsonl(path)
    keys = {(row["question_id"], row["sample"]) for row in rows if row["finish_reason"] == "stop"}
    assert len(keys) == len(rows)
    return keys


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, server: ChatServer) -> None:
    path = tmp_path / "answers.jsonl"
    server.delay = 0.05
    process = subprocess.Popen(
        [sys.executable, "-c", _SAMPLE, server.address, str(path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    )
    while not path.exists() or path.read_bytes().count(b"\n") < 20:
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    wait_for_the_worker(path)
    before = path.read_bytes()
    kept = _whole(path)
    assert 20 <= len(kept) < 120
    with open(path, "ab") as handle:  # what a power cut leaves
        handle.write(b'{"question_id": "5')
    asked = len(server.asked)
    sample_many(server.address, path)
    assert path.read_bytes().startswith(before[: before.rfind(b"\n") + 1])
    assert _whole(path) == {(str(n), s) for n in range(60) for s in range(2)}
    assert len(server.asked) - asked == 120 - len(kept)


def test_two_processes_on_one_file_are_told(tmp_path: Path, server: ChatServer) -> None:
    path = tmp_path / "answers.jsonl"
    with JsonlWriter(path), pytest.raises(UserError) as caught:
        sample_many(server.address, path)
    assert str(caught.value) == (
        f"{path}: another process is writing to this file; wait for it or stop it"
    )
    assert not server.asked


@pytest.mark.slow
def test_where_the_servers_are_does_not_matter_and_which_model_it_is_does(
    tmp_path: Path, server: ChatServer
) -> None:
    path = tmp_path / "answers.jsonl"
    sample_many(server.address, path)
    with ChatServer() as other:
        sample_many(other.address, path, concurrency=2)
        assert not other.asked
        sample_many(other.address, path, identity="small, the second")
        assert len(other.asked) == 120
    (aside,) = (tmp_path / "earlier").glob("*/answers.jsonl")
    assert len(_whole(aside)) == 120
    assert server.address not in (tmp_path / "answers.settings.json").read_text()


@pytest.mark.slow
def test_what_failed_is_asked_again_by_the_next_run(tmp_path: Path, server: ChatServer) -> None:
    async def refuse(server: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
        return web.json_response({"error": {"message": "too long"}}, status=400)

    path = tmp_path / "answers.jsonl"
    server.behaviour = refuse
    sample_many(server.address, path)
    assert {row["error"] for row in read_jsonl(path)} == {"status 400: too long"}
    server.behaviour = echo
    sample_many(server.address, path)
    found = predictions(path, many())
    assert len(found) == 120
    assert {prediction.finish_reason for prediction in found.values()} == {"stop"}


@pytest.mark.slow
def test_a_file_that_is_removed_while_it_is_written_is_told_and_made_again(
    tmp_path: Path, server: ChatServer
) -> None:
    path = tmp_path / "answers.jsonl"

    async def removes(server: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
        path.unlink(missing_ok=True)
        return await echo(server, body)

    server.behaviour = removes
    with pytest.raises(
        UserError, match=r"answers\.jsonl: 120 answers just written cannot be found"
    ):
        sample_many(server.address, path)
    server.behaviour = echo
    sample_many(server.address, path)
    assert len(predictions(path, many())) == 120


@pytest.mark.slow
def test_the_key_is_in_no_file_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: ChatServer
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server.key = KEY
    sample_many(server.address, tmp_path / "answers.jsonl")
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) == 5  # answers, settings, harness, spec, log
    assert all(KEY not in file.read_text() for file in files)


@pytest.mark.slow
def test_a_full_disk_is_told_and_what_was_finished_is_kept(
    tmp_path: Path, server: ChatServer
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)],
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        pytest.skip(f"no file system of its own: {mounted.stderr.strip()}")
    try:
        path = small / "answers.jsonl"

        async def lengthy(server: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
            return completion("word " * 5_000)

        server.behaviour = lengthy
        with pytest.raises(UserError) as caught:
            sample_many(server.address, path)
        assert str(caught.value).startswith(str(small))  # the answers or the log, which comes first
        assert ": the disk is full (" in str(caught.value)
        assert "free some space and run the same command again" in str(caught.value)
        assert path.read_bytes().endswith(b"}\n")
        kept = _whole(path)
        assert 10 <= len(kept) < 60
        server.behaviour = echo
        subprocess.run(["mount", "-o", "remount,size=9m", str(small)], check=True)
        sample_many(server.address, path)
        assert len(_whole(path)) == 120
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_only_a_full_disk_is_told_as_one(tmp_path: Path) -> None:
    assert full_disk(OSError(5, "broken"), tmp_path / "x") is None
    assert "disk is full" in str(full_disk(OSError(28, "no room"), tmp_path / "x"))


def test_a_body_is_json_whatever_the_question(tmp_path: Path, server: ChatServer) -> None:
    request = {
        "file": str(tmp_path / "answers.jsonl"), "question_id": "a", "samples": [0], "seed": 1,
        "system": "", "prompt": 'a "b"\n\ud800 é \x00', "prompt_sha256": "h",
        "sampling": SAMPLING,
    }  # fmt: skip
    _ask(tmp_path, server, spec={"requests": [request]})
    assert json.dumps(server.asked[0]["messages"][0]["content"]) == json.dumps(request["prompt"])
