"""A model that answers twice, and two prompts, through real servers: what is kept, compared and shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from llmc_lib import evaluation
from llmc_lib.engines.harness import harness_file, read_harnesses
from llmc_lib.errors import UserError
from llmc_lib.evaluation.stored import predictions_file
from llmc_lib.evaluation.variants import variants
from llmc_lib.models.resolve import ServedModel
from llmc_lib.params import GateParams, Params
from llmc_lib.reporting import gate, load_report, sections
from llmc_lib.reporting.report import Report
from llmc_lib.store import Run, read_jsonl, write_jsonl
from tests.engines.chat_server import ChatServer

N = 60
MODELS = [ServedModel(name, name, name.capitalize()) for name in ("base", "tuned")]


def _server(fingerprint: str, shift: int = 0) -> ChatServer:
    """Base is right on even sums up to 40, less the first `shift`; tuned on all even ones but, by the official prompt, the last ten."""

    async def answer(server: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
        told = body["messages"][-1]["content"]
        number = int(re.search(r"(\d+) \+ 1 = ", told)[1])  # type: ignore[index]
        official = body["messages"][0]["role"] == "system"
        right = number % 2 == 0 and shift <= number < 40
        if body["model"] == "tuned":
            right = number % 2 == 0 or (number < (50 if not official else 25))
        said = f"Answer: {number + 1 if right else 'no idea'}"
        choice = {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": said},
        }
        usage = {"prompt_tokens": 7, "completion_tokens": 3}
        return web.json_response(
            {"choices": [choice], "usage": usage, "system_fingerprint": fingerprint}
        )

    server = ChatServer(answer)
    server.models = [
        {"id": name, "owned_by": "vllm", "max_model_len": 1024} for name in ("base", "tuned")
    ]
    return server


def _run(folder: Path, address: str, **changed: Any) -> Run:
    rows = [{"id": f"s{n}", "q": f"{n} + 1 = ?", "a": str(n + 1)} for n in range(N)]
    write_jsonl(folder / "sums.jsonl", rows)
    fields = {"id": "id", "question": "q", "answer": "a"}
    benchmark = {
        "name": "sums",
        "kind": "questions",
        "source": str(folder / "sums.jsonl"),
        "fields": fields,
    }
    values = {
        "run": "twice",
        "runs_dir": str(folder / "runs"),
        "reports_dir": str(folder / "reports"),
        "evaluation": {
            "benchmarks": [benchmark],
            "engine": {"kind": "openai", "endpoints": [address]},
            "dtype": "float32",
            **changed,
        },
        "report": {"claims": None},
    }
    (folder / "twice.yaml").write_text(json.dumps(values))
    return Run(Params.model_validate(values), folder / "twice.yaml")


@pytest.fixture(scope="module", autouse=True)
def _warm(warm_python: None) -> None:
    """Each model is asked in a process of its own."""


@pytest.fixture(scope="module")
def served() -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        made = {
            "one": _server("vllm-0.32.0-aaaaaaaa"),
            "two": _server("vllm-0.32.0-tp2-bbbbbbbb", 24),
        }
        yield {name: stack.enter_context(server).address for name, server in made.items()}


@pytest.fixture(scope="module")
def shifted(served: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The second engine loses twelve of twenty right answers."""
    repeat = {"engine": {"endpoints": [served["two"]]}}
    folder = tmp_path_factory.mktemp("twice")
    run = _run(folder, served["one"], repeat=repeat, prompts=["brief", "official"])
    assert not evaluation.finished(run, MODELS)
    evaluation.evaluate(run, MODELS)
    assert evaluation.finished(run, MODELS)
    return load_report(run)


@pytest.mark.slow
def test_a_repeat_is_a_variant_and_is_no_candidate(shifted: Report) -> None:
    again, official = variants(shifted.run)
    assert [other.kind for other in (again, official)] == ["repeat", "prompt"]
    assert len(read_jsonl(predictions_file(again, "sums", "base"))) == N
    assert not predictions_file(again, "sums", "tuned").exists()
    assert list(shifted.results.models) == ["base", "tuned"]
    (record,) = read_harnesses(predictions_file(again, "sums", "base")).values()
    assert (record["server"], record["configuration"]) == ("vllm-0.32.0-tp2", "bbbbbbbb")


def test_the_status_counts_variants(shifted: Report) -> None:
    found = {
        p.model: (p.done, p.wanted) for p in evaluation.progress(shifted.run, ["base", "tuned"])
    }
    again = variants(shifted.run)[0].place
    names = [
        "base",
        "tuned",
        f"base ({again})",
        "base (prompt-official)",
        "tuned (prompt-official)",
    ]
    assert found == dict.fromkeys(names, (N, N))


def test_a_planted_shift_raises_the_alarm_everywhere(shifted: Report) -> None:
    (repeat,) = shifted.block["repeats"]
    assert (repeat["lost"], repeat["gained"], repeat["clear"]) == (12, 0, True)
    assert repeat["settings"]["server"] == [{"vllm-0.32.0": N}, {"vllm-0.32.0-tp2": N}]
    headline = shifted.headline
    assert (headline["verdict"], headline["verdict_code"]) == ("no verdict", "harness")
    assert "base differs clearly from itself" in headline["sentence"]
    first = sections.verdict(shifted).markup
    assert "No verdict" in first
    assert "Better" not in first
    assert [row["verdict_code"] for row in shifted.looks[-1]["candidates"]] == ["harness"]
    run = replace(shifted.run, params=shifted.run.params.model_copy(update={"gate": GateParams()}))
    shifted.keep(run.report / "metrics.json")
    answer = gate.ask(run)
    assert (answer.outcome, answer.findings[0].reason) == ("unknown", "harness")
    assert "differs clearly from itself" in answer.told
    section = sections.harness(shifted).markup
    assert "server vllm-0.32.0, then vllm-0.32.0-tp2" in section
    assert "no verdict" in sections.verdict_words(shifted).markup


def test_the_second_prompt_is_shown_and_its_change_told(shifted: Report) -> None:
    under = shifted.headline["prompts"]
    brief, official = under["cases"]
    assert brief["difference"] == pytest.approx(shifted.headline["difference"])
    assert official["difference"] < brief["difference"]
    assert under["depends"]
    assert "depends on the prompt" in sections.verdict(shifted).markup
    markup = sections.prompts(shifted).markup
    assert "official" in markup
    assert markup.count("no verdict") >= 2


@pytest.mark.slow
def test_without_the_repeat_there_is_a_verdict(shifted: Report) -> None:
    evaluation_ = shifted.run.params.evaluation.model_copy(update={"repeat": (), "prompts": ()})
    params = shifted.run.params.model_copy(update={"evaluation": evaluation_})
    plain = load_report(Run(params, shifted.run.params_file))
    assert plain.headline["verdict_code"] == "better"
    assert plain.block["repeats"] == []
    assert plain.headline["rerun"]["basis"] == "bound"
    assert not sections.harness(plain).markup
    assert not sections.prompts(plain).markup


@pytest.mark.slow
def test_engines_that_mix_within_an_evaluation_are_told(
    served: dict[str, str], tmp_path: Path
) -> None:
    """Base has answered on the one server, tuned half there and half, after a change of the params, on the other."""
    half = _run(tmp_path, served["one"])
    evaluation.evaluate(half, MODELS[:1])
    benchmark = half.params.evaluation.benchmarks[0].model_copy(update={"questions": N // 2})
    fewer = half.params.evaluation.model_copy(update={"benchmarks": (benchmark,)})
    evaluation.evaluate(
        Run(half.params.model_copy(update={"evaluation": fewer}), half.params_file), MODELS[1:]
    )
    run = _run(tmp_path, served["two"])
    evaluation.evaluate(run, MODELS)
    report = load_report(run)
    found = report.block["harness"]
    assert found["differs"]["server"] == {
        "base": {"vllm-0.32.0": N},
        "tuned": {"vllm-0.32.0": N // 2, "vllm-0.32.0-tp2": N // 2},
    }
    assert found["confounded"] == []  # half of it is the same
    assert "vllm-0.32.0-tp2 (30 answers)" in sections.harness(report).markup
    path = predictions_file(run, "sums", "tuned")
    other = [row for row in read_jsonl(path) if "two" and row["engine"] == served["two"]]
    write_jsonl(path, other + [{**row, "harness": other[0]["harness"]} for row in read_jsonl(path)])
    again = load_report(run)
    assert again.block["harness"]["confounded"] == ["server"]
    assert "were not sampled under the same harness (server)" in sections.verdict(again).markup


@pytest.mark.slow
def test_answers_without_a_record_are_read_as_before(shifted: Report) -> None:
    path = predictions_file(shifted.run, "sums", "base")
    rows, records = read_jsonl(path), harness_file(path).read_text()
    try:
        harness_file(path).unlink()
        write_jsonl(path, [{k: v for k, v in row.items() if k != "harness"} for row in rows])
        found = load_report(shifted.run).block["harness"]
    finally:
        write_jsonl(path, rows)
        harness_file(path).write_text(records)
    assert found["unrecorded"] == {"base": N}
    assert found["differs"] == {}


@pytest.mark.slow
def test_a_look_has_the_repeat_once_it_is_whole(shifted: Report) -> None:
    whole = evaluation.so_far(shifted.run, MODELS)
    assert load_report(shifted.run, whole).block["repeats"]
    again = variants(shifted.run)[0]
    path = predictions_file(again, "sums", "base")
    rows = read_jsonl(path)
    try:
        write_jsonl(path, rows[:-1])
        partial = evaluation.so_far(shifted.run, MODELS)
        assert load_report(shifted.run, partial).block["repeats"] == []
    finally:
        write_jsonl(path, rows)


def test_a_repeat_of_a_model_that_is_not_there_is_told_first(
    served: dict[str, str], tmp_path: Path
) -> None:
    run = _run(tmp_path, served["one"], repeat={"model": "step-99"})
    with pytest.raises(
        UserError, match=r"evaluation\.repeat\.0\.model: 'step-99' is not a model of the run"
    ):
        evaluation.evaluate(run, MODELS)
    assert not predictions_file(run, "sums", "base").exists()


def test_answers_in_the_folder_of_before_are_found(tmp_path: Path) -> None:
    params = {"run": "x", "runs_dir": str(tmp_path), "evaluation": {"repeat": [{"model": "base"}]}}
    run = Run(Params.model_validate(params), tmp_path / "x.yaml")
    (again,) = variants(run)
    assert again.predictions == run.predictions / "variants" / again.place
    before = run.predictions / "beside" / again.place
    before.mkdir(parents=True)
    assert again.predictions == before
