"""Unfinished evaluations: what there is so far, how far each model is, and what is compared with what."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from llmc_lib import evaluation, question_bank
from llmc_lib.analysis.sequential import KEPT, spending, unplanned_level
from llmc_lib.errors import UserError
from llmc_lib.evaluation import status_table
from llmc_lib.evaluation.asked import requests
from llmc_lib.evaluation.results import Results
from llmc_lib.evaluation.stored import predictions_file
from llmc_lib.models.resolve import Model, ServedModel
from llmc_lib.params import Params
from llmc_lib.records import Prediction
from llmc_lib.reporting import load_report
from llmc_lib.reporting import sections as page
from llmc_lib.store import Run, write_jsonl
from tests.engines.chat_server import ChatServer, echo

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
def _warm(warm_python: None) -> None:
    """A model is asked in a process of its own."""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    values = {
        "run": "small",
        "runs_dir": str(tmp_path / "runs"),
        "evaluation": {
            "benchmarks": [{"name": "hle", "questions": 40}, {"name": "do_not_answer"}],
            "samples": 2,
            "temperature": 0.7,
        },
    }
    return Run(Params.model_validate(values), tmp_path / "small.yaml")


@pytest.fixture
def models(tmp_path: Path) -> list[Model]:
    found = []
    for name in ("base", "tuned", "late"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "config.json").write_text("{}")
        found.append(Model(name, folder, name.capitalize()))
    return found


def _answer(
    run: Run, model: str, numbers: list[int], right: bool | set[int] = True, **changed: Any
) -> None:
    """Answer the questions at these places of the order, both samples, one a minute until NOW; all or some are right."""
    benchmark = run.params.evaluation.benchmarks[0]
    asked = question_bank.asked(benchmark, run.params.seed)
    rows = []
    for place, number in enumerate(numbers):
        request = requests(run, "hle", [asked[number]])[0]
        is_right = right if isinstance(right, bool) else number in right
        answer = asked[number].answer if is_right else "no idea at all"
        for sample in (0, 1):
            finished = NOW - timedelta(minutes=len(numbers) - 1 - place)
            prediction = Prediction(
                request.question_id, sample, "", f"Answer: {answer}", "stop", 9, 60, 1.0,
                request.prompt_sha256, "vllm", finished.isoformat(), "",
            )  # fmt: skip
            rows.append({**asdict(prediction), **changed})
    path = predictions_file(run, "hle", model)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_jsonl(path, rows)


@pytest.mark.slow
def test_a_report_so_far_has_the_beginning_that_all_models_have_answered(
    run: Run, models: list[Model]
) -> None:
    _answer(run, "base", list(range(30)))
    _answer(run, "tuned", [0, 1, 2, 4, 5, 7, 35], right=False)
    results = evaluation.so_far(run, models)
    order = [q.id for q in question_bank.asked(run.params.evaluation.benchmarks[0], 0)]
    assert (
        list(results.questions["hle"]) == order[:3]
    )  # what is behind a gap is there as it is short
    assert results.partial is not None
    assert results.partial["hle"] == {"asked": 40, "answered": 3, "ahead": 3}
    assert list(results.models) == ["base", "tuned"]
    assert results.manifest["not_begun"] == ["late"]
    assert len(results.answers) == 3 * 2 * 2
    report = load_report(run, results)
    assert (report.block["n_questions"], report.block["n_samples"]) == (3, 2)
    assert report.block["models"]["base"]["accuracy"] == 1
    assert report.headline["difference"] == -1
    markup = page.verdict(report).markup
    assert "the first 3 of 40 questions in their random order" in markup
    assert "3 later questions have also been answered by all" in markup
    assert "No answers yet: late." in markup
    assert report.headline["interval"]["candidates"] == 2  # the one that waits has its part


@pytest.mark.slow
def test_a_candidate_that_has_answered_all_while_another_waits_has_its_part_of_the_level(
    run: Run, models: list[Model]
) -> None:
    _answer(run, "base", list(range(40)))
    _answer(run, "tuned", list(range(40)), right=False)
    report = load_report(run, evaluation.so_far(run, models))
    interval = report.headline["interval"]
    assert interval["candidates"] == 2
    assert interval["level"] == pytest.approx(KEPT * 0.05 / 2)
    markup = page.verdict(report).markup
    assert "the first 40 of 40 questions" in markup
    assert "This is the first look. No answers yet: late." in markup


@pytest.mark.slow
def test_a_look_is_counted_once_and_the_finished_report_pays_for_it(
    run: Run, models: list[Model]
) -> None:
    def answered(n: int) -> Results:
        _answer(run, "base", list(range(n)), right=set(range(0, 40, 2)))
        _answer(run, "tuned", list(range(n)), right=set(range(40)) - {0, 20})
        return evaluation.so_far(run, models[:2])

    first = load_report(run, answered(20))
    again = load_report(run, answered(20))
    assert [row["n_questions"] for row in again.looks] == [20]
    assert first.metrics["benchmarks"] == again.metrics["benchmarks"]
    assert first.block["look"]["level"] == pytest.approx(unplanned_level(0.5))
    assert first.headline["verdict_code"] == "unclear"
    assert first.headline["p_value"] < 0.05 < first.headline["p_adjusted"]  # it was found at once
    assert "This is the first look." in page.verdict(first).markup
    second = load_report(run, answered(30))
    assert second.block["look"]["earlier"] == 1
    table = page.looks(second).markup
    assert "20 of 40" in table
    assert "30 of 40" in table
    low, high = second.headline["bets"]["full"]
    assert -1 <= low < second.headline["difference"] * 30 / 40 < high <= 1
    last = load_report(run, answered(40))
    assert last.block["look"]["level"] == pytest.approx(0.04)
    assert (
        "There were 2 looks at this evaluation before it was finished" in page.verdict(last).markup
    )
    assert [row["what"] for row in last.looks] == ["partial", "partial", "finished"]


@pytest.mark.slow
def test_planned_looks_are_at_their_places_and_cannot_be_planned_anew(
    run: Run, models: list[Model]
) -> None:
    planned = _planned(run, 4)
    _answer(run, "base", list(range(17)))
    _answer(run, "tuned", list(range(17)), right=False)
    results = evaluation.so_far(planned, models[:2])
    assert results.partial is not None
    assert results.partial["hle"] == {"asked": 40, "answered": 10, "ahead": 7}
    report = load_report(planned, results)
    assert report.block["look"]["level"] == pytest.approx(
        spending([0.25, 0.5, 0.75, 1])[0], rel=1e-6
    )
    assert "look 1 of 4 planned looks" in page.verdict(report).markup
    with pytest.raises(UserError, match=r"evaluation\.looks: 0, and it was 4 when"):
        load_report(run, evaluation.so_far(run, models[:2]))
    with pytest.raises(
        UserError, match=r"the first of 2 planned looks .* is at 20 questions of hle"
    ):
        evaluation.so_far(_planned(run, 2), models[:2])


def _planned(run: Run, looks: int) -> Run:
    changed = run.params.evaluation.model_copy(update={"looks": looks})
    return Run(run.params.model_copy(update={"evaluation": changed}), run.params_file)


def test_half_the_samples_are_no_answer(run: Run, models: list[Model]) -> None:
    _answer(run, "base", [0, 1])
    _answer(run, "tuned", [0, 1])
    path = predictions_file(run, "hle", "tuned")
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    assert len(evaluation.so_far(run, models).questions["hle"]) == 1


def test_with_nothing_in_common_there_is_no_report(run: Run, models: list[Model]) -> None:
    _answer(run, "base", [0, 1])
    with pytest.raises(UserError, match="no question has been answered by two models yet"):
        evaluation.so_far(run, models)
    _answer(run, "tuned", [2, 3])
    with pytest.raises(UserError, match="no question has been answered by two models yet"):
        evaluation.so_far(run, models)


def test_models_sampled_under_different_settings_are_not_compared(
    run: Run, models: list[Model]
) -> None:
    for name, tokens in (("base", 256), ("tuned", 512)):
        _answer(run, name, [0, 1])
        path = predictions_file(run, "hle", name).with_suffix(".settings.json")
        path.write_text(json.dumps({"max_tokens": tokens, "seed": 0, "model": name}))
    with pytest.raises(UserError, match="tuned was sampled with max_tokens 512, base with 256"):
        evaluation.so_far(run, models)


def test_the_status_says_what_is_done_how_fast_and_how_long(run: Run) -> None:
    _answer(run, "base", list(range(11)))
    _answer(run, "tuned", list(range(40)))
    _answer(run, "late", [3], finish_reason="failed")
    found = evaluation.progress(run, ["base", "tuned", "late", "none"], NOW)
    base, tuned, late, none = (p for p in found if p.benchmark == "hle")
    assert (base.wanted, base.done, base.failed, base.mean_tokens) == (80, 22, 0, 60)
    # 22 completions, two a minute; all but the first ended in the ten minutes after it.
    assert base.tokens_per_second == pytest.approx(21 * 60 / 600)
    assert base.seconds_left == pytest.approx(58 * 60 / 2.1)
    assert (tuned.done, tuned.seconds_left) == (80, 0)
    assert (late.done, late.failed) == (0, 2)
    assert (none.done, none.tokens_per_second, none.seconds_left) == (0, None, None)
    later = evaluation.progress(run, ["base"], NOW + timedelta(hours=1))[0]
    assert (later.tokens_per_second, later.seconds_left) == (None, None)
    lines = status_table(found).splitlines()
    assert lines[0].split()[:4] == ["model", "benchmark", "done", "truncated"]
    assert lines[1].split()[:5] == ["base", "hle", "22", "of", "80"]
    assert lines[1].endswith("28 min")
    assert lines[2].endswith("done")
    assert lines[4].endswith("not started")


@pytest.mark.slow
def test_answers_that_were_given_up_are_asked_again(tmp_path: Path) -> None:
    async def broken(server: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
        return web.json_response({"choices": []}, status=200)

    with ChatServer(broken) as server:
        server.models = [{"id": "base"}]
        engine = {"kind": "openai", "endpoints": [server.address], "retries": 0}
        values = {
            "run": "served",
            "runs_dir": str(tmp_path / "runs"),
            "evaluation": {"benchmarks": [{"name": "hle", "questions": 3}], "engine": engine},
        }
        run = Run(Params.model_validate(values), tmp_path / "served.yaml")
        base = [ServedModel("base", "base", "Base")]
        assert evaluation.evaluate(run, base).answers["failed"].all()
        assert not evaluation.finished(run, base)
        server.behaviour = echo
        assert not evaluation.evaluate(run, base).answers["failed"].any()
        assert evaluation.finished(run, base)


@pytest.mark.parametrize("put", [os.mkfifo, os.mkdir])
def test_what_is_no_file_of_answers_is_none_and_the_message_names_the_folder(
    run: Run, models: list[Model], put: Callable[[Path], None]
) -> None:
    _answer(run, "base", [0])
    put(predictions_file(run, "hle", "tuned"))
    with pytest.raises(UserError) as caught:
        evaluation.so_far(run, models)
    assert str(caught.value).startswith(f"{run.predictions}: no question has been answered by two")


def test_one_later_question_is_told_as_one(run: Run, models: list[Model]) -> None:
    for name in ("base", "tuned"):
        _answer(run, name, [5])
    with pytest.raises(
        UserError, match="all models have answered 1 question, but not yet the first"
    ):
        evaluation.so_far(run, models)
