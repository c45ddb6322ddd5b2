"""Sampling through the engine: what is missing only, nothing mixed, nothing lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.engines.sampling import Request, predictions, sample, stream
from llmc_lib.models.resolve import Model
from llmc_lib.params import EngineParams
from llmc_lib.processes.workers import WorkerError
from llmc_lib.records import Prediction
from llmc_lib.store import read_jsonl, read_settings, write_jsonl
from tests.conftest import ROOT

SETTINGS: dict[str, Any] = {
    "max_tokens": 24,
    "max_model_len": 128,
    "temperature": 0.8,
    "top_p": 0.95,
    "dtype": "float32",
    "seed": 3,
}

ENGINE = EngineParams(max_num_seqs=8, vllm={"kv_cache_memory_bytes": 2**26})


def _answer(request: Request, number: int = 0, **changed: Any) -> dict[str, Any]:
    prediction = Prediction(
        request.question_id, number, "", "Answer: 4", "stop", 9, 5, 0.1, request.prompt_sha256
    )
    return {**asdict(prediction), **changed}


def _sample(model: Model, path: Path, requests: list[Request], **changed: Any) -> None:
    names = {*SETTINGS, "json_schema"}
    settings = {**SETTINGS, **{k: v for k, v in changed.items() if k in names}}
    others = {k: v for k, v in changed.items() if k not in names}
    log = path.parent / "logs" / "model.log"
    sample(
        model,
        {path: requests},
        settings,
        log,
        **{"desc": "", "engine": ENGINE, **others},
    )


@pytest.fixture(scope="module", autouse=True)
def _warm(warm_python: None) -> None:
    """vLLM starts in a moment."""


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    """A folder that is no model, and an engine that fails at once: whoever starts one is told."""
    monkeypatch.setattr(sys, "executable", "false")
    (tmp_path / "stub").mkdir()
    (tmp_path / "stub" / "config.json").write_text("{}")
    return Model("stub", tmp_path / "stub", "")


def test_only_answers_to_the_present_prompt_and_samples_asked_for_count(tmp_path: Path) -> None:
    request = Request("a", "2 + 2?", samples=2)
    path = tmp_path / "answers.jsonl"
    rows = [
        _answer(request, 0, response="first"),
        _answer(request, 0, response="second"),
        _answer(request, 1, prompt_sha256="of an earlier wording"),
        _answer(request, 2),
        _answer(Request("b", "3 + 3?")),
    ]
    write_jsonl(path, rows)
    found = predictions(path, [request])
    assert {key: prediction.response for key, prediction in found.items()} == {("a", 0): "second"}


def test_no_engine_starts_where_every_answer_is_there(tmp_path: Path, stub: Model) -> None:
    requests = [Request("a", "2 + 2?", samples=2), Request("b", "3 + 3?")]
    path = tmp_path / "answers.jsonl"
    write_jsonl(path, [_answer(requests[0], 1), _answer(requests[1]), _answer(requests[0])])
    before = path.read_bytes()
    _sample(stub, path, requests)
    assert path.read_bytes() == before
    assert not (tmp_path / "logs").exists()


def test_what_failed_counts_as_answered_only_where_it_is_not_retried(
    tmp_path: Path, stub: Model
) -> None:
    request = Request("a", "2 + 2?")
    path = tmp_path / "answers.jsonl"
    write_jsonl(path, [_answer(request, finish_reason="failed")])
    _sample(stub, path, [request], retry_failed=False)
    assert not (tmp_path / "logs").exists()
    with pytest.raises(WorkerError, match=r"llmc_lib\.engines\.vllm ended with status 1"):
        _sample(stub, path, [request])


def test_answers_under_other_settings_are_set_aside_and_kept(tmp_path: Path, stub: Model) -> None:
    request = Request("a", "2 + 2?")
    path = tmp_path / "answers.jsonl"
    write_jsonl(path, [_answer(request)])
    _sample(stub, path, [request])
    with pytest.raises(WorkerError, match="ended with status"):  # it has to be sampled anew
        _sample(stub, path, [request], temperature=0.5)
    assert not path.exists()
    (aside,) = (tmp_path / "earlier").glob("*/answers.jsonl")
    assert read_jsonl(aside) == [_answer(request)]
    assert read_settings(aside.with_suffix(".settings.json")) == {
        **SETTINGS,
        "model": stub.fingerprint,
    }


def test_a_byte_of_the_settings_that_changed_costs_no_answer(tmp_path: Path, stub: Model) -> None:
    request = Request("a", "2 + 2?")
    path, sidecar = tmp_path / "answers.jsonl", tmp_path / "answers.settings.json"
    with pytest.raises(WorkerError, match="ended with status"):
        _sample(stub, path, [request])
    write_jsonl(path, [_answer(request)])
    whole = sidecar.read_text()
    sidecar.write_text(whole.replace('"max_tokens": ', '"max_tokens": 9'))
    _sample(stub, path, [request])  # no engine is started
    assert read_jsonl(path) == [_answer(request)]
    assert sidecar.read_text() == whole
    assert not (tmp_path / "earlier").exists()


# ---- on a real engine ------------------------------------------------------------------------

PROMPTS = ["What is 2 + 2?", "Name a planet.", "Which gas do plants take in?"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Model:
    from tests.tiny import make_tiny_model

    folder = tmp_path_factory.mktemp("tiny") / "model"
    make_tiny_model(folder)
    return Model("tiny", folder, "")


def _texts(path: Path) -> dict[tuple[str, int], str]:
    rows = read_jsonl(path)
    texts = {(row["question_id"], row["sample"]): row["response"] for row in rows}
    assert len(texts) == len(rows)  # nothing twice
    return texts


#: Settings of a file of its own.
NARROW: dict[str, Any] = {
    "max_tokens": 6,
    "top_k": 1,
    "min_p": 0.1,
    "presence_penalty": 0.5,
    "chat_template_kwargs": {"enable_thinking": False},
}


def _requests(samples: int) -> list[Request]:
    return [Request(str(n), prompt, samples, seed=1000 * n + 1) for n, prompt in enumerate(PROMPTS)]


@pytest.fixture(scope="module")
def sampled(tiny: Model) -> Path:
    """Two samples of each prompt, and of one that is too long; beside it narrow.jsonl, three by other settings."""
    path = tiny.folder.parent / "answers.jsonl"
    narrow = path.with_name("narrow.jsonl")
    sample(
        tiny,
        {path: [*_requests(2), Request("long", "plants " * 120, samples=2)], narrow: _requests(3)},
        {path: SETTINGS, narrow: SETTINGS | NARROW},
        path.parent / "logs" / "model.log",
        desc="",
        engine=ENGINE,
    )
    return path


@pytest.mark.slow
def test_a_prompt_that_does_not_fit_fails_and_the_others_are_answered(sampled: Path) -> None:
    rows = read_jsonl(sampled)
    reasons = {(row["question_id"], row["sample"]): row["finish_reason"] for row in rows}
    assert set(reasons) == {(id_, s) for id_ in ("0", "1", "2", "long") for s in range(2)}
    failed = {key for key, reason in reasons.items() if reason == "failed"}
    assert failed == {("long", 0), ("long", 1)}


@pytest.mark.slow
def test_each_file_is_sampled_by_its_own_settings(tiny: Model, sampled: Path) -> None:
    narrow = sampled.with_name("narrow.jsonl")
    assert {row["completion_tokens"] <= 6 for row in read_jsonl(narrow)} == {True}
    assert max(row["completion_tokens"] for row in read_jsonl(sampled)) > 6
    # Of one token that may be drawn all samples are the same.
    texts = _texts(narrow)
    assert all(len({texts[str(n), s] for s in range(3)}) == 1 for n in range(3))
    free = [text for key, text in _texts(sampled).items() if key[0] != "long"]
    assert len(set(free)) == len(free) >= 6
    assert read_settings(narrow.with_suffix(".settings.json")) == {
        **SETTINGS, **NARROW, "model": tiny.fingerprint
    }  # fmt: skip
    assert read_settings(sampled.with_suffix(".settings.json")) == {
        **SETTINGS, "model": tiny.fingerprint
    }  # fmt: skip


@pytest.mark.slow
def test_further_samples_are_added_and_each_has_its_own_seed(tiny: Model, sampled: Path) -> None:
    before = sampled.read_bytes()
    _sample(tiny, sampled, [*_requests(3), Request("no seed", PROMPTS[0])])
    assert sampled.read_bytes().startswith(before)
    found = _texts(sampled)
    texts = {key: text for key, text in found.items() if key[0] in ("0", "1", "2")}
    assert set(texts) == {(str(n), s) for n in range(3) for s in range(3)}
    assert len(set(texts.values())) == 9
    # Sample 2 of a seed is sample 0 of the seed two higher, which here is that of the settings.
    assert found["no seed", 0] == found["0", 2]


@pytest.mark.slow
def test_a_reply_can_be_made_to_have_a_form(tmp_path: Path, tiny: Model) -> None:
    schema = {
        "type": "object",
        "properties": {"answer": {"type": "string", "enum": ["yes", "no"]}},
        "required": ["answer"],
        "additionalProperties": False,
    }
    path = tmp_path / "answers.jsonl"
    _sample(tiny, path, _requests(1), json_schema=schema, max_tokens="max")
    rows = read_jsonl(path)
    ended = [row for row in rows if row["finish_reason"] == "stop"]
    assert ended
    assert all(json.loads(row["response"])["answer"] in ("yes", "no") for row in ended)
    # A reply that goes on for ever does so in white space.
    cut = [row for row in rows if row["finish_reason"] == "length"]
    assert all(row["prompt_tokens"] + row["completion_tokens"] == 128 for row in cut)
    assert json.loads(path.with_suffix(".settings.json").read_text())["json_schema"] == schema


_WORKER = """
import json, sys
from pathlib import Path
from llmc_lib.models.resolve import Model
from tests.engines.test_sampling import _sample, many
_sample(Model("tiny", Path(sys.argv[1]), ""), Path(sys.argv[2]), many())
"""


def many() -> list[Request]:
    return [Request(str(n), f"What is {n} + {n}?", samples=4) for n in range(60)]


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, tiny: Model) -> None:
    path = tmp_path / "answers.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-c", _WORKER, str(tiny.folder), str(path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    )
    while not path.exists() or path.read_bytes().count(b"\n") < 20:
        assert process.poll() is None
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_for_the_worker(path)
    before = path.read_bytes()
    kept = len(read_jsonl(path))
    assert 20 <= kept < 240
    with open(path, "ab") as handle:  # what a power cut leaves
        handle.write(b'{"question_id": "5')
    _sample(tiny, path, many())
    assert path.read_bytes().startswith(before[: before.rfind(b"\n") + 1])
    assert set(_texts(path)) == {(str(n), s) for n in range(60) for s in range(4)}
    assert (
        json.loads((tmp_path / "logs" / "model.spec.json").read_text())["engine"]["max_num_seqs"]
        == 8
    )


def wait_for_the_worker(path: Path) -> None:
    """The engine ends with its parent, and gives the file back."""
    import fcntl

    for _ in range(200):
        with open(path, "ab") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.1)
                continue
            return
    raise AssertionError("the engine outlived its parent")


def test_answers_are_taken_back_when_their_settings_return(tmp_path: Path, stub: Model) -> None:
    request = Request("a", "2 + 2?")
    path = tmp_path / "answers.jsonl"
    write_jsonl(path, [_answer(request)])
    _sample(stub, path, [request])
    first = path.read_bytes()
    with pytest.raises(WorkerError):  # nothing is there for these: an engine starts
        _sample(stub, path, [request], max_tokens=48)
    assert not path.exists()
    _sample(stub, path, [request])
    assert path.read_bytes() == first


@pytest.mark.slow
def test_one_answer_is_in_memory_at_a_time(tmp_path: Path) -> None:
    requests = [Request(str(n), "2 + 2?") for n in range(40)]
    path = tmp_path / "answers.jsonl"
    write_jsonl(path, [_answer(request, reasoning="so " * 300_000) for request in requests])
    tracemalloc.start()
    assert sum(len(p.reasoning) for p in stream(path, requests)) == 40 * 900_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8_000_000
    assert {p.reasoning + p.response for p in stream(path, requests, texts=False)} == {""}
