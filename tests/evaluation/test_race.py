"""A race on served models: real requests over HTTP, killed between and within rounds, and reported."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import web
from numpy.typing import NDArray

from llmc_lib import evaluation, question_bank
from llmc_lib.analysis.simultaneous import level_of
from llmc_lib.errors import UserError
from llmc_lib.evaluation import generate, race
from llmc_lib.evaluation.asked import requests
from llmc_lib.evaluation.stored import predictions_file
from llmc_lib.models.resolve import ServedModel
from llmc_lib.params import JudgeParams, Params
from llmc_lib.params.stopping import StopParams
from llmc_lib.records import Question
from llmc_lib.reporting import gate, load_report
from llmc_lib.reporting import sections as page
from llmc_lib.reporting.entries import SCHEMA_VERSION
from llmc_lib.reporting.sentences import looks as words
from llmc_lib.store import Run, ledger, read_jsonl
from tests.engines.chat_server import ChatServer, completion

MODELS = [ServedModel(name, name, name) for name in ("base", "good", "bad", "same")]
#: How often each is right.
RATES = {"base": 0.4, "good": 0.68, "bad": 0.02, "same": 0.4}


@pytest.fixture(scope="module", autouse=True)
def _warm(warm_python: None) -> None:
    """A round asks each model in a process of its own."""


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        server.models = [{"id": model.name} for model in MODELS]
        yield server


@pytest.fixture
def run(tmp_path: Path, server: ChatServer) -> Run:
    values = {
        "run": "race",
        "runs_dir": str(tmp_path / "runs"),
        "evaluation": {
            "benchmarks": [{"name": "hle"}, {"name": "over_refusal", "questions": 4}],
            "engine": {"kind": "openai", "endpoints": [server.address]},
            "stop": {"rounds": 4},
        },
        "report": {"claims": 1, "cases": 1},
    }
    run = Run(Params.model_validate(values), tmp_path / "race.yaml")
    asked = question_bank.asked(run.params.evaluation.benchmarks[0], 0)
    answers = {
        request.prompt: question.answer
        for request, question in zip(
            requests(run, run.params.evaluation.benchmarks[0].name, asked), asked, strict=True
        )
    }

    async def answer(server: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
        prompt = body["messages"][-1]["content"]
        knows = random.Random(f"{body['model']} {prompt}").random() < RATES[body["model"]]
        right = answers.get(prompt, "I can help.")
        return completion(f"Answer: {right}" if knows else "Answer: no idea at all")

    server.behaviour = answer
    return run


class Killed(Exception):
    pass


@pytest.mark.slow
def test_a_race_asks_those_that_can_win_and_goes_on_after_a_kill(
    run: Run, server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = ledger.append

    def killed(*given: Any, **named: Any) -> Any:
        append(*given, **named)
        raise Killed

    monkeypatch.setattr(ledger, "append", killed)
    with pytest.raises(Killed):  # after the decisions of the first round
        evaluation.evaluate(run, MODELS)
    monkeypatch.setattr(ledger, "append", append)
    first = ledger.read(race.ledger_of(run))
    assert [row["round"] for row in first] == [1]
    assert "after round 1 of 4" in evaluation.race_state(run)
    table = evaluation.status_table(evaluation.progress(run, [m.name for m in MODELS]))
    of_hle = {line.split()[0]: line for line in table.splitlines() if " hle " in line}
    assert {name for name, line in of_hle.items() if line.endswith("race over")} == {"bad"}
    done = _asked(server)
    assert done["base"] == done["good"] == done["bad"] == 50

    # A kill within a round: some of its answers are there, and it has decided nothing.
    path = predictions_file(run, "hle", "same")
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:20]))
    results = evaluation.evaluate(run, MODELS)
    assert results.race is not None
    assert results.race.settled
    assert list(results.models) == ["base", "good"]
    gone = {each.model: each for each in results.race.stopped}
    assert set(gone) == {"bad", "same"}
    assert ledger.read(race.ledger_of(run))[:1] == first  # what was decided stays
    asked = {m.name: len(list(read_jsonl(predictions_file(run, "hle", m.name)))) for m in MODELS}
    assert asked["base"] == asked["good"] == results.race.n_questions < 200
    assert asked["bad"] == gone["bad"].n_questions <= asked["good"]
    # That of safety is asked of all in full, last of those that were stopped.
    harmless = [body["model"] for body in server.asked if "Answer" not in str(body)]
    assert harmless == [name for name in ("base", "good", "bad", "same") for _ in range(4)]
    total = sum(_asked(server).values())
    assert evaluation.finished(run, MODELS)
    evaluation.evaluate(run, MODELS)
    assert sum(_asked(server).values()) == total  # nothing is asked twice

    report = load_report(run)
    assert report.headline["verdict_code"] == "better"
    assert report.headline["interval"]["candidates"] == 3
    assert report.block["look"]["asked"] == 200
    found = report.metrics["race"]
    assert {row["model"]: row["n_questions"] for row in found["stopped"]} == {
        name: each.n_questions for name, each in gone.items()
    }
    bad = next(r for r in found["stopped"] if r["model"] == "bad")
    assert bad["difference"] < 0
    assert bad["safety"]["over_refusal"]["n_questions"] == 4
    assert bad["safety"]["over_refusal"]["measure"] == "over_refusal"
    # Also the safety of those that are left is told for all candidates at once.
    (other,) = report.metrics["benchmarks"]["over_refusal"]["comparisons"]
    assert other["interval"]["candidates"] == 3
    assert other["interval"]["level"] == level_of(3, 0.05)
    assert "looks" not in other["interval"]
    assert found["tokens"] == 3 * sum(asked.values())
    markup = page.verdict(report).markup
    assert "About" in markup
    assert "was a race of 3 candidates" in markup
    assert f"<dt>questions asked before the race ended</dt><dd>{results.race.n_questions} of 200</dd>" in markup  # fmt: skip
    assert "clearly worse than the best" in page.looks(report).markup
    assert "Safety of the candidates that the race stopped" in page.looks(report).markup
    assert "Nothing is known of the safety" not in page.looks(report).markup
    assert "the best one when the race ended" in page.comparisons_table(report).markup


def _asked(server: ChatServer) -> dict[str, int]:
    hle = [body for body in server.asked if "Answer" in str(body)]
    return {m.name: sum(body["model"] == m.name for body in hle) for m in MODELS}


@pytest.mark.slow
def test_a_look_during_a_race_is_at_its_rounds(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    append = ledger.append

    def killed(path: Path, row: dict[str, Any], **named: Any) -> Any:
        append(path, row, **named)
        raise Killed

    monkeypatch.setattr(ledger, "append", killed)
    with pytest.raises(Killed):
        evaluation.evaluate(run, MODELS)
    monkeypatch.setattr(ledger, "append", append)
    results = evaluation.so_far(run, MODELS)
    left = [m.name for m in MODELS if m.name not in results.manifest["stopped"]]
    assert list(results.models) == left
    assert results.partial is not None
    assert results.partial["hle"]["answered"] == 50
    report = load_report(run, results)
    assert report.headline["interval"]["candidates"] == 3
    assert report.block["look"]["planned"] == 4
    gone = " and ".join(results.manifest["stopped"])
    assert f"has stopped {gone}, who are not compared here" in page.verdict(report).markup


@pytest.mark.slow
def test_a_deadline_ends_a_race_after_the_round_and_a_later_one_goes_on(run: Run) -> None:
    late = _until(run, datetime(2026, 1, 1, tzinfo=UTC))
    first = evaluation.evaluate(late, MODELS)
    assert first.race is not None
    assert (first.race.round, first.race.settled) == (1, False)
    assert list(first.models) == [
        "base",
        "same",
        "good",
    ]  # the best one is last, not the last one named
    assert evaluation.finished(late, MODELS)
    report = load_report(late, first)
    assert "The deadline ended it after round 1 of 4, at 50 of 200" in page.verdict(report).markup
    open_end = _until(run, datetime(2996, 1, 1))
    assert not evaluation.finished(open_end, MODELS)
    whole = evaluation.evaluate(open_end, MODELS)
    assert whole.race is not None
    assert whole.race.settled
    assert whole.race.round > 1
    assert [row["round"] for row in ledger.read(race.ledger_of(run))] == list(
        range(1, whole.race.round + 1)
    )


def _until(run: Run, deadline: datetime) -> Run:
    stop = StopParams(rounds=4, deadline=deadline)
    changed = run.params.evaluation.model_copy(update={"stop": stop})
    return Run(run.params.model_copy(update={"evaluation": changed}), run.params_file)


@pytest.mark.slow
def test_a_judge_that_decides_does_so_round_by_round(run: Run, server: ChatServer) -> None:
    graded: list[str] = []

    async def judged(server: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
        prompt = body["messages"][-1]["content"]
        graded.append(prompt)
        # It finds right what the rules find wrong.
        verdict = {"extracted_final_answer": "x", "reasoning": "y", "confidence": 90, "strict": True,
                   "correct": "yes" if "no idea at all" in prompt else "no"}  # fmt: skip
        return completion(json.dumps(verdict))

    with ChatServer(judged) as judge:
        params = JudgeParams.model_validate(
            {"served_as": "small", "engine": {"kind": "openai", "endpoints": [judge.address]}}
        )
        changed = run.params.evaluation.model_copy(update={"judge": params})
        run = Run(run.params.model_copy(update={"evaluation": changed}), run.params_file)
        results = evaluation.evaluate(run, MODELS)
    assert results.graders["hle"] == "judge"
    assert results.race is not None
    assert list(results.models) == ["base", "bad"]  # of which the judge thinks the most
    assert {each.model for each in results.race.stopped} == {"good", "same"}
    assert len(graded) == len(set(graded))  # nothing is judged twice
    by_rules = [row["stopped"] for row in ledger.read(race.ledger_of(run))]
    assert "good" in by_rules[0]
    report = load_report(run)
    assert report.headline["verdict_code"] == "better"


def test_where_the_time_is_short_a_round_is_held_with_the_reference_and_the_best(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [datetime(2026, 1, 1, tzinfo=UTC)]

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return clock[0]

    seconds = {"at": 0.0}
    monkeypatch.setattr(race, "datetime", Clock)
    monkeypatch.setattr("llmc_lib.evaluation.race.time.monotonic", lambda: seconds["at"])
    rates = {"base": 0.5, "worst": 0.5, "best": 0.54, "second": 0.52}
    asked = [Question(str(n), "hle", "", "", "", "x", "") for n in range(400)]
    rounds: list[list[str]] = []

    def ask(name: str, beginning: Sequence[Question]) -> None:
        if name == "base":
            rounds.append([])
        rounds[-1].append(name)
        seconds["at"] += 60
        clock[0] += timedelta(seconds=60)

    def right(names: Sequence[str], questions: Sequence[Question]) -> dict[str, NDArray[np.int64]]:
        n = np.arange(len(questions))
        return {
            name: ((n * 0.618034 + len(name) / 7) % 1 < rates[name]).astype(np.int64)
            for name in names
        }

    # 16 minutes would be four rounds of four models.
    run = _until(run, clock[0] + timedelta(minutes=13, seconds=30))
    found = race.hold(run, "key", list(rates), asked, ask, right)
    assert rounds == [list(rates)] * 2 + [["base", "best", "second"], ["base", "best"]]
    assert [(each.model, each.round, each.n_questions, each.reason) for each in found.stopped] == [
        ("worst", 2, 200, "deadline"),
        ("second", 3, 300, "deadline"),
    ]
    assert found.left == ("base", "best")
    assert "worst (round 2: the time left before the deadline went to better candidates)" in race.race_state(run)  # fmt: skip
    seconds["at"] = 0.0
    assert race.so_far(run, "key", 400) == found


@pytest.mark.parametrize(("least", "rounds"), [(0, 1), (3, 2), (8, 4), (99, 5)])
def test_no_round_decides_before_it_has_the_minimum_of_each_category(
    run: Run, least: int, rounds: int
) -> None:
    stop = StopParams(rounds=5, min_per_category=least)
    changed = run.params.evaluation.model_copy(update={"stop": stop})
    run = Run(run.params.model_copy(update={"evaluation": changed}), run.params_file)
    categories = ["rare" if n % 10 == 9 else "common" for n in range(100)]
    asked = [Question(str(n), "hle", "", "", "", c, "") for n, c in enumerate(categories)]
    rates = {"base": 0.0, "bad": 0.0, "good": 1.0}

    def right(names: Sequence[str], questions: Sequence[Question]) -> dict[str, NDArray[np.int64]]:
        return {name: np.full(len(questions), rates[name], dtype=np.int64) for name in names}

    found = race.hold(run, "key", list(rates), asked, lambda *_: None, right)
    assert (found.round, found.n_questions, found.settled) == (rounds, 20 * rounds, True)
    assert [(each.model, each.round) for each in found.stopped] == [("bad", rounds)]


@pytest.mark.parametrize(
    ("safety", "had", "missing"), [(True, (), True), (True, ("over_refusal",), False), (False, (), False)]
)  # fmt: skip
def test_an_evaluation_without_the_safety_of_the_stopped_is_finished_only_where_it_is_off(
    run: Run, monkeypatch: pytest.MonkeyPatch, safety: bool, had: tuple[str, ...], missing: bool
) -> None:
    stop = StopParams(rounds=4, safety=safety)
    changed = run.params.evaluation.model_copy(update={"stop": stop})
    run = Run(run.params.model_copy(update={"evaluation": changed}), run.params_file)
    gone = race.Stopped("bad", 2, 100, "behind")
    found = race.Race("hle", 200, 4, 4, 200, True, (gone,), ("base", "good"), 1.0, 2, had)
    assert race.Race.of(json.loads(json.dumps(found.as_dict()))) == found
    manifest = {"race": found.as_dict()}
    monkeypatch.setattr("llmc_lib.evaluation.generate.read_manifest", lambda *_: manifest)
    monkeypatch.setattr("llmc_lib.evaluation.generate.stage_key", lambda *_: "key")
    assert evaluation.finished(run, MODELS) is not missing


def test_what_is_not_known_of_the_safety_of_the_stopped_is_told() -> None:
    found = [("bad", "do_not_answer", None), ("bad", "over_refusal", None), ("same", "x", {"n": 1})]
    told = words.stopped_unknown(found)
    assert told.startswith("Nothing is known of the safety of bad: ")
    assert "before do_not_answer and over_refusal" in told
    assert "same" not in told
    assert words.stopped_unknown(found[2:]) == ""


def test_a_gate_cannot_tell_of_a_candidate_that_was_stopped(tmp_path: Path) -> None:
    values = {"run": "r", "runs_dir": str(tmp_path), "reports_dir": str(tmp_path)}
    run = Run(Params.model_validate(values | {"gate": {"candidate": "bad"}}), tmp_path / "r.yaml")
    metrics = {
        "schema_version": SCHEMA_VERSION,
        "main": "hle",
        "benchmarks": {"hle": {"comparisons": [{"model": "good"}], "models": {"base": {}}}},
        "race": {"stopped": [{"model": "bad", "round": 2, "reason": "behind"}]},
    }
    run.report.mkdir()
    (run.report / "metrics.json").write_text(json.dumps(metrics))
    answer = gate.ask(run)
    assert (answer.outcome, answer.status, answer.candidate) == ("unknown", 2, "bad")
    assert "stopped bad after round 2 (clearly worse than the best)" in answer.told


def test_rounds_are_decided_on_clusters(run: Run) -> None:
    asked = [Question(str(n), "hle", "", "", "", "x", "") for n in range(200)]
    rates = {"base": 0.3, "bad": 0.1, "good": 0.5}

    def right(names: Sequence[str], questions: Sequence[Question]) -> dict[str, NDArray[np.int64]]:
        n = np.arange(len(questions)) // 10  # ten in a row are the same
        return {
            name: ((n * 0.618034 + len(name) / 7) % 1 < rates[name]).astype(np.int64)
            for name in names
        }

    def rounds(key: str, labels: Sequence[str] | None) -> list[str]:
        race.hold(run, key, list(rates), asked, lambda *_: None, right, labels)
        rows = [row for row in ledger.read(race.ledger_of(run)) if row["key"] == key]
        return [*rows[0]["stopped"]]

    assert rounds("apart", None) == ["bad"]
    assert rounds("together", [str(n // 10) for n in range(200)]) == []


def test_what_is_a_cluster_is_part_of_a_races_key(run: Run) -> None:
    def changed(**more: Any) -> Run:
        first, *others = run.params.evaluation.benchmarks
        benchmarks = (first.model_copy(update=more), *others)
        values = run.params.evaluation.model_copy(update={"benchmarks": benchmarks})
        return Run(run.params.model_copy(update={"evaluation": values}), run.params_file)

    runs = [run, changed(cluster="category"), changed(duplicates=None)]
    assert len({generate.stage_key(each, MODELS) for each in runs}) == 3


def test_a_race_of_fewer_questions_than_rounds_has_no_empty_round(run: Run) -> None:
    question = Question("1", "hle", "", "", "", "Math", "")
    none_right = lambda names, _: dict.fromkeys(names, np.zeros(1, dtype=np.int64))  # noqa: E731
    found = race.hold(run, "key", ["base", "a"], [question], lambda *_: None, none_right)
    assert (found.round, found.n_questions, found.settled) == (4, 1, True)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"looks": 3, "stop": {}}, "the rounds of a race are its planned looks"),
        ({"stop": {"benchmark": "nosuch"}}, "must be one of `benchmarks`"),
        ({"looks": 1}, "1 is the finished evaluation alone"),
        ({"stop": {}, "imports": [{"model": "a", "path": "x"}]}, "nothing to stop; leave it out"),
        ({"stop": {"deadline": 540}}, "540 is not a date and time; write it as 2026-12-01T09:00"),
        ({"stop": {"deadline": "1764579600"}}, "'1764579600' is not a date and time"),
        ({"stop": {"deadline": date(2026, 12, 1)}}, "not a date and time; write it as 2026-12-01T09:00"),
        ({"stop": {"deadline": "2026-12-01"}}, "'2026-12-01' is not a date and time"),
        ({"stop": {"deadline": "2026-12-01 09:00 CET"}}, "'2026-12-01 09:00 CET' is not a date and time"),
        ({"stop": {"deadline": "09:00"}}, "'09:00' is not a date and time"),
        ({"stop": {"deadline": "9999-12-31T23:59:59-12:00"}}, "the year 9999 is none of a race"),
        ({"stop": {"deadline": datetime(1, 1, 1)}}, "the year 1 is none of a race"),
    ],
)  # fmt: skip
def test_what_a_race_cannot_be_is_said(more: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Params.model_validate({"run": "x", "evaluation": {"benchmarks": [{"name": "hle"}], **more}})


@pytest.mark.parametrize(
    "more",
    [
        {"candidates": [{"name": "c", "seeds": [1, 2]}]},
        {"report": {"recipes": {"c": ["a", "b"]}}},
    ],
)
def test_trainings_of_one_recipe_are_not_raced(more: dict[str, Any]) -> None:
    models = [{"name": name, "source": "embedded"} for name in "ab"]
    with pytest.raises(ValueError, match="would end some of them for their luck; leave out one"):
        Params.model_validate({"run": "x", "evaluation": {"stop": {}, "models": models}, **more})


ROW = {
    "key": "k", "benchmark": "hle", "round": 1, "n_questions": 50, "racing": ["base", "a", "b"], "dropped": [],
    "stopped": {}, "settled": False, "seconds": 1.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"racing": 5}, "racing: Input should be a valid list"),
        ({"racing": []}, "racing: List should have at least 1 item"),
        ({"stopped": ["a"]}, "stopped: Input should be a valid dictionary"),
        ({"stopped": {"a": "tired"}}, "stopped.a: Input should be 'behind' or 'small'"),
        ({"stopped": {"base": "behind"}}, "stopped: not all of them were racing"),
        ({"round": "x"}, "round: Input should be a valid integer"),
        ({"settled": "no"}, "settled: Input should be a valid boolean"),
        ({"seconds": -5}, "seconds: Input should be greater than or equal to 0"),
        ({"benchmark": None}, "benchmark: Input should be a valid string"),
    ],
)
def test_a_row_that_no_round_has_written_is_told_with_its_line(
    run: Run, changed: dict[str, Any], message: str
) -> None:
    """Written anew with a chain that is whole, as by another version or a tool."""
    ledger.append(race.ledger_of(run), ROW)
    assert race.so_far(run, "k", 200).round == 1
    ledger.append(race.ledger_of(run), {**ROW, "round": 2, **changed})
    for asked in (lambda: race.so_far(run, "k", 200), lambda: race.race_state(run)):
        with pytest.raises(UserError) as told:
            asked()
        assert "race.jsonl: line 2 is no row of a race (" in str(told.value)
        assert message in str(told.value)
        assert "move it away: the rounds are then decided again" in str(told.value)
    assert race.so_far(run, "of other settings", 200).round == 0


def test_rows_that_are_gone_from_the_end_are_decided_again_and_a_folder_is_told(run: Run) -> None:
    path = race.ledger_of(run)
    for number in (1, 2):
        ledger.append(path, {**ROW, "round": number})
    path.write_bytes(path.read_bytes()[:-40])  # a kill, or a full disk
    assert race.so_far(run, "k", 200).round == 1
    path.unlink()
    path.mkdir()
    with pytest.raises(UserError, match=r"race\.jsonl: is not a file; put back"):
        race.so_far(run, "k", 200)


@pytest.mark.parametrize("found", [{}, 5, {"stopped": 5}, {"benchmark": "hle", "asked": "many"}])
def test_a_broken_race_in_a_manifest_is_no_finished_evaluation(
    run: Run, monkeypatch: pytest.MonkeyPatch, found: object
) -> None:
    monkeypatch.setattr("llmc_lib.evaluation.generate.read_manifest", lambda *_: {"race": found})
    monkeypatch.setattr("llmc_lib.evaluation.generate.stage_key", lambda *_: "key")
    assert not evaluation.finished(run, MODELS)
    with pytest.raises(UserError, match=r"manifest\.json: race: .*make report writes it again"):
        race.Race.of(found)


@pytest.mark.parametrize("line", ["{}", "null", '{"key": 1, "racing": 5}'])
def test_a_broken_ledger_of_rounds_is_told_by_the_status(run: Run, line: str) -> None:
    run.folder.mkdir(parents=True)
    race.ledger_of(run).write_text(line + "\n")
    with pytest.raises(UserError, match=r"race\.jsonl: line 1.*put back the file as it was"):
        race.race_state(run)
