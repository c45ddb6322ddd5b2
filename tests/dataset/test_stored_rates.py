"""Pass rates from a file, and pass rates and completions by served models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from aiohttp import web
from pydantic import ValidationError

from llmc_lib.dataset.builder import stage_key
from llmc_lib.dataset.problems import Problem
from llmc_lib.dataset.steps.completions import complete
from llmc_lib.dataset.steps.pass_rate import PassRate, outside_band, pass_rates
from llmc_lib.dataset.stored_rates import stored_rates
from llmc_lib.errors import UserError
from llmc_lib.params import DifficultyParams, Params, StoredRatesParams
from llmc_lib.store import Run, open_run
from tests.engines.chat_server import ChatServer, completion

PROBLEMS = [
    Problem(f"mine-{n}", f"What is {n} + {n}?", str(2 * n), "exactMatch") for n in range(1, 5)
]


@pytest.fixture(scope="module", autouse=True)
def _warm(warm_python: None) -> None:
    """Models are asked in a process of their own."""


def _write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _rates(path: Path, **fields: str) -> StoredRatesParams:
    values: dict[str, Any] = {"path": str(path), **({"fields": fields} if fields else {})}
    return StoredRatesParams.model_validate(values)


def _run(tmp_path: Path, **difficulty: Any) -> Run:
    values = {
        "run": "x", "runs_dir": str(tmp_path / "runs"),
        "dataset": {"difficulty": {"enabled": True, **difficulty}},
    }  # fmt: skip
    return Run(Params.model_validate(values), tmp_path / "x.yaml")


def test_rates_are_found_by_the_text_whatever_its_case_and_spaces(tmp_path: Path) -> None:
    file = _write(
        tmp_path / "rates.jsonl",
        [
            {"question": "what is  1 + 1 ?", "pass_rate": 0.25, "level": 3},
            {"question": "What is 2 + 2?", "pass_rate": "0.5"},
            {"question": "What is 2 - 2?", "pass_rate": 1},
        ],
    )
    found = stored_rates(_rates(file), PROBLEMS)
    assert {id_: rate.rate for id_, rate in found.items()} == {"mine-1": 0.25, "mine-2": 0.5}


@pytest.mark.parametrize("suffix", ["csv", "parquet", "json"])
def test_counts_of_a_problem_are_added_and_have_an_interval(tmp_path: Path, suffix: str) -> None:
    rows = pd.DataFrame(
        {"name": ["mine-1", "mine-1", "mine-3"], "right": [1, 2, 0], "tries": [4, 4, 8]}
    )
    file = tmp_path / f"rates.{suffix}"
    if suffix == "csv":
        rows.to_csv(file, index=False)
    elif suffix == "parquet":
        rows.to_parquet(file)
    else:
        file.write_text(rows.to_json(orient="records"))
    run = _run(
        tmp_path,
        rates={"path": str(file), "fields": {"id": "name", "correct": "right", "samples": "tries"}},
    )
    rates = pass_rates(run, PROBLEMS)
    assert (rates["mine-1"].correct, rates["mine-1"].samples) == (3, 8)
    assert rates["mine-1"].low == pytest.approx(0.137, abs=1e-3)
    assert rates["mine-3"].rate == 0
    assert (
        outside_band(rates.get("mine-2"), run.params.dataset.difficulty) == "pass rate not measured"
    )


def test_a_rate_without_counts_is_held_to_the_band() -> None:
    params = DifficultyParams(min_pass_rate=0.1, max_pass_rate=0.9)
    assert outside_band(PassRate(0, 0, 0.0, 1.0, given=0.5), params) is None
    assert (
        outside_band(PassRate(0, 0, 0.0, 1.0, given=0.95), params) == "pass rate 0.95 is above 0.9"
    )


WRONG: dict[str, tuple[list[dict[str, Any]], dict[str, str], str]] = {
    "percent": ([{"question": "a", "pass_rate": 62.5}], {}, r"line 1: 'pass_rate' is 62.5; a pass rate is a fraction"),
    "no field": ([{"question": "a", "rate": 0.5}], {}, "has no field 'pass_rate'; it has: question, rate"),
    "no number": ([{"question": "a", "pass_rate": None}], {}, "must be a number"),
    "two rates": (
        [{"question": "a b", "pass_rate": 0.5}, {"question": "A  B.", "pass_rate": 0.25}], {},
        "appears twice, with the rates 0.5 and 0.25"
    ),
    "too many right": ([{"id": "a", "c": 5, "n": 4}], {"id": "id", "correct": "c", "samples": "n"}, "5 of 4 right"),
    "other problems": ([{"question": "a", "pass_rate": 0.5}], {}, "none of its 1 questions is one of the 4 problems"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_cannot_be_meant_is_told(tmp_path: Path, name: str) -> None:
    rows, fields, message = WRONG[name]
    with pytest.raises(UserError, match=message):
        stored_rates(_rates(_write(tmp_path / "rates.jsonl", rows), **fields), PROBLEMS)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rates": {"path": "r", "fields": {"rate": "x"}}}, "which field holds the problem"),
        ({"rates": {"path": "r", "fields": {"id": "i", "correct": "c"}}}, "which field holds the rate"),
        ({"rates": {"path": "r"}, "problems": 5}, r"is not used with `rates`"),
        ({"engine": {"kind": "openai"}}, "required: addresses"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused(
    tmp_path: Path, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        _run(tmp_path, **values)


def test_the_data_set_is_made_again_when_the_rates_change_and_not_for_another_server(
    tmp_path: Path,
) -> None:
    plain = _run(tmp_path)
    served = {"kind": "openai", "endpoints": ["http://127.0.0.1:1/v1"]}
    elsewhere = {**served, "endpoints": ["http://127.0.0.1:2/v1"]}
    assert stage_key(_run(tmp_path, engine=served)) == stage_key(_run(tmp_path, engine=elsewhere))
    file = _write(tmp_path / "rates.jsonl", [{"question": "a", "pass_rate": 0.5}])
    first = stage_key(_run(tmp_path, rates={"path": str(file)}))
    _write(file, [{"question": "a", "pass_rate": 0.25}])
    assert len({first, stage_key(_run(tmp_path, rates={"path": str(file)})), stage_key(plain)}) == 3


def test_a_file_that_is_not_there_is_told_before_anything_starts(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(
        "run: x\ndataset: {difficulty: {enabled: true, rates: {path: no/such.jsonl}}}\n"
    )
    with pytest.raises(UserError, match=r"difficulty.rates.path: no file or folder"):
        open_run(path)


# ---- served models -------------------------------------------------------------------------------


async def solve(server: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
    """Doubles what it is asked to add to itself, below 4; of samples with an odd seed it has no idea."""
    n = int(body["messages"][-1]["content"].split()[2])
    if n == 4 or body["seed"] % 2:
        return completion("I have no idea.")
    return completion(f"<think>Twice {n}.</think>\n\nAnswer: {2 * n}")


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(solve) as made:
        made.models = [{"id": "big", "owned_by": "me"}]
        yield made


def _served(tmp_path: Path, server: ChatServer, section: str, called: str) -> Run:
    settings = {
        "enabled": True, "samples": 2, "model": {"source": "an/open-teacher", "revision": "a" * 40},
        "engine": {"kind": "openai", "endpoints": [server.address], "served_as": {called: "big"}, "retries": 0},
    }  # fmt: skip
    values = {"run": "x", "runs_dir": str(tmp_path / "runs"), "dataset": {section: settings}}
    return Run(Params.model_validate(values), tmp_path / "x.yaml")


@pytest.mark.slow
def test_served_models_measure_pass_rates_and_write_completions(
    tmp_path: Path, server: ChatServer
) -> None:
    rates = pass_rates(_served(tmp_path, server, "difficulty", "reference"), PROBLEMS)
    assert {rate.correct for id_, rate in rates.items() if id_ != "mine-4"} == {1}
    assert rates["mine-4"].correct == 0
    assert all(rate.samples == 2 for rate in rates.values())
    assert len(server.asked) == 8
    found, made = complete(_served(tmp_path, server, "completions", "teacher"), PROBLEMS)
    assert set(found) == {"mine-1", "mine-2", "mine-3"}
    assert (made.teacher, made.right, made.failed) == ("an/open-teacher", 3, 0)


@pytest.mark.slow
def test_answers_that_servers_gave_up_are_no_wrong_answers(
    tmp_path: Path, server: ChatServer
) -> None:
    async def fail(server: ChatServer, body: dict[str, Any]) -> web.StreamResponse:
        if "2 + 2" in body["messages"][-1]["content"]:
            return web.json_response({"error": {"message": "busy"}}, status=500)
        return await solve(server, body)

    server.behaviour = fail
    run = _served(tmp_path, server, "difficulty", "reference")
    with pytest.raises(
        UserError, match=r"difficulty.engine.endpoints: 2 of 8 answers could not be obtained"
    ):
        pass_rates(run, PROBLEMS)
    server.behaviour = solve
    assert pass_rates(run, PROBLEMS)["mine-2"].correct == 1
    assert len(server.asked) == 8 + 2
