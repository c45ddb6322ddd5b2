"""Benchmarks that are asked each in its own way, and models that are asked unequally often, at a server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from llmc_lib import evaluation
from llmc_lib.benchmarks import do_not_answer
from llmc_lib.evaluation.asked import settings
from llmc_lib.evaluation.generate import stage_key
from llmc_lib.evaluation.stored import predictions_file
from llmc_lib.models.resolve import ServedModel
from llmc_lib.params import Params
from llmc_lib.reporting import load_report
from llmc_lib.store import Run, read_settings
from tests.engines.chat_server import ChatServer, completion
from tests.evaluation.grading.test_judge import reply

MODELS = [ServedModel(name, name, name) for name in ("base", "tuned")]


@pytest.fixture(scope="module", autouse=True)
def _warm(warm_python: None) -> None:
    """Each model is asked in a process of its own."""


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as made:
        made.models = [{"id": name, "owned_by": "me"} for name in ("base", "tuned", "small")]
        yield made


def _run(tmp_path: Path, server: ChatServer | None = None, **values: Any) -> Run:
    engine = {"engine": {"kind": "openai", "endpoints": [server.address]}} if server else {}
    given: dict[str, Any] = {
        "run": "own",
        "runs_dir": str(tmp_path / "runs"),
        "evaluation": {**engine, **values},
    }
    given["evaluation"]["models"] = [{"name": "tuned", "source": "own/tuned", "revision": "a" * 40}]
    return Run(Params.model_validate(given), tmp_path / "own.yaml")


BENCHMARKS = [
    {"name": "hle", "questions": 3},
    {
        "name": "do_not_answer",
        "questions": 2,
        "settings": {"named": "official", "top_k": 20, "chat_template_kwargs": {"enable_thinking": False}},
    },
]  # fmt: skip


@pytest.mark.slow
def test_each_benchmark_is_asked_in_its_own_way_and_each_model_as_often_as_it_is_to_be(
    tmp_path: Path, server: ChatServer
) -> None:
    run = _run(
        tmp_path, server, benchmarks=BENCHMARKS, samples=3, samples_of={"base": 1}, temperature=0.9
    )
    results = evaluation.evaluate(run, MODELS)
    asked = [
        (body["model"], body["temperature"], body["max_tokens"], body.get("top_k"), body.get("chat_template_kwargs"),
         body["messages"][0]["content"] == do_not_answer._SYSTEM)
        for body in server.asked
    ]  # fmt: skip
    plain, own = (0.9, 256, None, None, False), (0.7, 512, 20, {"enable_thinking": False}, True)
    for model, k in (("base", 1), ("tuned", 3)):
        assert asked.count((model, *plain)) == 3 * k
        assert asked.count((model, *own)) == 2 * k
    assert len(asked) == 5 * 4
    assert results.manifest["samples_of"] == {
        name: {"base": 1, "tuned": 3} for name in ("hle", "do_not_answer")
    }
    assert results.manifest["settings"]["do_not_answer"]["max_tokens"] == 512
    report = load_report(run, results)
    assert [m["n_samples"] for m in report.block["models"].values()] == [1, 3]
    assert report.headline["test"] == "unequal_t"
    # Nothing is asked twice, and what was sampled in another way is set aside.
    evaluation.evaluate(run, MODELS)
    assert len(server.asked) == 20
    warmer = _run(tmp_path, server, benchmarks=[{**b, **({"settings": "official"} if b["name"] != "hle" else {})} for b in BENCHMARKS],
                  samples=3, samples_of={"base": 1}, temperature=0.9)  # fmt: skip
    evaluation.evaluate(warmer, MODELS)
    assert len(server.asked) == 20 + 2 * 4


def test_settings_that_are_off_leave_no_trace(tmp_path: Path) -> None:
    run = _run(tmp_path, benchmarks=[{"name": "hle", "questions": 3}])
    found = settings(run, "hle")
    assert set(found) == {"max_tokens", "max_model_len", "temperature", "top_p", "dtype", "seed"}
    assert found == settings(run)
    key = stage_key(run, MODELS)
    assert key == stage_key(
        _run(tmp_path, benchmarks=[{"name": "hle", "questions": 3, "settings": {}}]), MODELS
    )
    for other in ({"top_k": 4}, {"samples_of": {"base": 1}}, {"system": "Be brief."}):
        assert (
            stage_key(_run(tmp_path, benchmarks=[{"name": "hle", "questions": 3}], **other), MODELS)
            != key
        )
    judged = {"name": "hle", "questions": 3, "settings": {"judge": {"max_tokens": 99}}}
    assert stage_key(_run(tmp_path, benchmarks=[judged]), MODELS) != key


@pytest.mark.slow
def test_the_judge_is_asked_as_the_benchmark_says(tmp_path: Path, server: ChatServer) -> None:
    async def behave(server: ChatServer, body: dict[str, Any]) -> Any:
        if body["model"] == "small":
            return await reply(server, body)
        return completion("I can't help with that. 2")

    server.behaviour = behave
    judge = {"served_as": "small", "engine": {"kind": "openai", "endpoints": [server.address]}}
    run = _run(
        tmp_path,
        server,
        benchmarks=[*BENCHMARKS, {"name": "over_refusal", "questions": 2}],
        judge=judge,
    )
    results = evaluation.evaluate(run, MODELS[:1])
    assert set(results.graders.values()) == {"judge", "rules"}
    by_system: dict[str, set[int]] = {}
    for body in server.asked:
        if body["model"] == "small":
            first = body["messages"][0]
            system = first["content"] if first["role"] == "system" else ""
            by_system.setdefault(system, set()).add(body["max_tokens"])
    assert by_system == {"": {4096}, do_not_answer._JUDGE: {512}}
    kept = {path.name for path in (run.predictions / "judge").glob("*.jsonl")}
    assert "answer.first.jsonl" in kept
    assert any(name.startswith("safety-") for name in kept)


@pytest.mark.slow
def test_the_systems_prompt_takes_the_place_of_the_styles(
    tmp_path: Path, server: ChatServer
) -> None:
    quiet = {"name": "hle", "questions": 1, "settings": {"prompt": "official", "system": ""}}
    own = {"name": "super", "kind": "hle", "questions": 1, "settings": {"system": "Be brief."}}
    run = _run(tmp_path, server, benchmarks=[quiet, own])
    evaluation.evaluate(run, MODELS[:1])
    roles = [[turn["role"] for turn in body["messages"]] for body in server.asked]
    assert sorted(roles) == [["system", "user"], ["user"]]
    sidecar = predictions_file(run, "super", "base").with_suffix(".settings.json")
    assert "system" not in (read_settings(sidecar) or {})  # it is part of the prompts' digests


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unknown name": ({"benchmarks": [{"name": "hle", "settings": "offical"}]}, "did you mean 'official'"),
    "none declared": (
        {"benchmarks": [{"name": "over_refusal", "settings": "official"}]}, "not a setting of this benchmark"
    ),
    "samples at temperature 0": (
        {"temperature": 0.6, "samples": 4, "benchmarks": [{"name": "hle", "settings": "official"}]}, "all are the same"
    ),
    "samples of a model at temperature 0": ({"samples_of": {"base": 2}}, "all are the same"),
    "no room": ({"benchmarks": [{"name": "hle", "settings": {"max_tokens": 4096}}]}, "no room for a prompt"),
    "a template": ({"chat_template_kwargs": {"chat_template": "{{ 1 }}"}}, "not a variable of a chat template"),
    "an argument": (
        {"benchmarks": [{"name": "hle", "settings": {"chat_template_kwargs": {"tools": "x"}}}]}, "not a variable"
    ),
    "no model": ({"temperature": 0.5, "samples_of": {"tunde": 2}}, "did you mean 'tuned'"),
    "a race": ({"temperature": 0.5, "stop": {}, "samples_of": {"base": 2}}, "equally often"),
    "a judge without room": (
        {"judge": {"served_as": "j", "max_model_len": 600, "max_tokens": 100, "engine": {"kind": "openai", "endpoints": ["http://x/v1"]}},
         "benchmarks": [{"name": "hle", "settings": {"judge": {"max_tokens": 700}}}]}, "judge.max_model_len"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_settings_that_cannot_be_are_refused(tmp_path: Path, name: str) -> None:
    values, message = WRONG[name]
    with pytest.raises(ValidationError, match=message):
        _run(tmp_path, **values)


def test_a_benchmarks_own_number_of_samples_is_every_models(tmp_path: Path) -> None:
    often = {"name": "hle", "settings": {"samples": 16}}
    run = _run(tmp_path, benchmarks=[often, {"name": "do_not_answer"}], temperature=0.6,
               samples=2, samples_of={"base": 1, "step-3": 4, "step": 5})  # fmt: skip
    params = run.params.evaluation
    assert {params.samples_for("hle", model) for model in ("base", "tuned", "step-3")} == {16}
    counts = [
        params.samples_for("do_not_answer", m) for m in ("base", "tuned", "step-3", "step-30")
    ]
    assert counts == [1, 2, 4, 5]
    assert json.loads(run.params.model_dump_json())["evaluation"]["samples_of"]["base"] == 1
