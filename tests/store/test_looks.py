"""The ledger of all runs: a run that was removed, or made elsewhere, shows."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from llmc_lib.params import Params
from llmc_lib.store import Run, ledger, looks


def _run(folder: Path, name: str) -> Run:
    params = Params.model_validate({"run": name, "runs_dir": str(folder)})
    return Run(params, folder / f"{name}.yaml")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Three runs with two looks each, one after the other."""
    for number in range(6):
        run = _run(tmp_path, f"run-{number % 3}")
        time = f"2026-11-29T07:0{number}:00+00:00"
        looks.record(run, {"what": "finished", "data": str(number), "time": time})
    return tmp_path


def test_rows_of_all_runs_come_in_their_order_in_time(runs: Path) -> None:
    found = looks.of_all(runs)
    assert found.problems == []
    assert [row["data"] for row in found.rows] == list("012345")
    assert [row["run"] for row in found.rows] == ["run-0", "run-1", "run-2"] * 2


def test_a_clock_that_was_put_back_changes_no_earlier_place(runs: Path) -> None:
    looks.record(
        _run(runs, "run-0"), {"what": "finished", "data": "6", "time": "2020-01-01T00:00:00+00:00"}
    )
    assert [row["data"] for row in looks.of_all(runs).rows] == list("0123456")


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "..", "", 5, None, ["a"]])
def test_a_row_of_what_no_run_is_called_is_told_and_counts(runs: Path, name: object) -> None:
    ledger.append(runs / looks.NAME, {"run": name, "row": "d", "data": "x"})
    found = looks.of_all(runs)
    assert [row["data"] for row in found.rows] == [*"012345", "x"]
    assert found.problems == [
        f"{runs / '_'}: the run was removed; 1 row of it in the ledger of all runs"
    ]


@pytest.mark.parametrize("there", ["own", "all"])
@pytest.mark.parametrize(
    "line", ['{"row": [1]}', '{"digest": {}}', '{"data": [1]}', '{"p": NaN}', '{"previous": 3}']
)
def test_what_no_row_has_is_told_and_stops_nothing(runs: Path, there: str, line: str) -> None:
    run = _run(runs, "run-0")
    path = run.looks if there == "own" else runs / looks.NAME
    with open(path, "a") as file:
        file.write(line + "\n")
    looks.record(run, {"what": "finished", "data": "6"}, once="data")
    assert any(str(path) in problem for problem in looks.of_all(runs).problems)
    assert bool(looks.problem(run)) is (there == "own")
    assert {str(row.get("data")) for row in looks.of_all(runs).rows} >= set("0123456")


@pytest.mark.parametrize("put", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/full", path)])
def test_what_is_no_file_makes_way_for_a_ledger(runs: Path, put: Callable[[Path], None]) -> None:
    run = _run(runs, "run-0")
    for path in (run.looks, runs / looks.NAME):
        path.unlink()
        put(path)
    looks.record(run, {"what": "finished", "data": "6"})
    assert len(ledger.read(run.looks)) == len(ledger.read(runs / looks.NAME)) == 1


def test_no_runs_have_no_looks(tmp_path: Path) -> None:
    assert looks.of_all(tmp_path / "none") == ([], [])
    (problem,) = looks.of_all(tmp_path / ("x" * 5000)).problems
    assert "File name too long" in problem


def test_the_same_look_is_recorded_once(runs: Path) -> None:
    row = looks.record(_run(runs, "run-0"), {"what": "finished", "data": "3"}, once="data")
    assert row["time"] == "2026-11-29T07:03:00+00:00"
    assert len(looks.of_all(runs).rows) == 6


def test_a_removed_run_shows_and_counts(runs: Path) -> None:
    shutil.rmtree(runs / "run-1")
    found = looks.of_all(runs)
    assert [row["data"] for row in found.rows] == list("012345")
    assert found.problems == [
        f"{runs / 'run-1'}: the run was removed; 2 rows of it in the ledger of all runs"
    ]


def test_rows_cut_off_the_end_of_a_run_show(runs: Path) -> None:
    path = runs / "run-1" / "looks.jsonl"
    path.write_text(path.read_text().splitlines(keepends=True)[0])
    assert ledger.read(path)  # its own chain is whole
    found = looks.of_all(runs)
    assert len(found.rows) == 6
    assert found.problems == [f"{path}: lacks 1 row that the ledger of all runs has of it"]


def test_a_changed_row_shows(runs: Path) -> None:
    path = runs / "run-2" / "looks.jsonl"
    path.write_text(path.read_text().replace("finished", "partial"))
    assert f"{path}: line 1 was changed after it was written" in looks.of_all(runs).problems


def test_a_removed_ledger_of_all_runs_shows_and_nothing_is_lost(runs: Path) -> None:
    (runs / looks.NAME).unlink()
    found = looks.of_all(runs)
    assert [row["data"] for row in found.rows] == list("012345")
    assert len(found.problems) == 3
    assert all("lacks 2 rows" in problem for problem in found.problems)


def test_what_a_kill_kept_from_the_ledger_of_all_runs_follows(runs: Path) -> None:
    ledger.append(runs / "run-0" / looks.NAME, {"run": "run-0", "data": "killed"})
    assert "lacks 1 row" in looks.of_all(runs).problems[0]
    looks.record(_run(runs, "run-0"), {"data": "killed"}, once="data")
    assert looks.of_all(runs).problems == []
    assert len(looks.of_all(runs).rows) == 7


def test_files_with_anything_in_them_raise_nothing(runs: Path) -> None:
    row = {"run": "../../etc", "row": "x"}
    everywhere = runs / looks.NAME
    everywhere.write_text(everywhere.read_text() + json.dumps(row) + "\n[]\n\0\n{}\n")
    (runs / "run-0" / looks.NAME).write_bytes(b"\xff\xfe{")
    (runs / "run-1" / looks.NAME).unlink()
    (runs / "run-1" / looks.NAME).mkdir()
    assert len(looks.of_all(runs).problems) >= 3


def _record_without_end(folder: Path) -> None:
    for number in itertools.count():
        looks.record(_run(folder, "killed"), {"what": "partial", "data": f"{time.time()} {number}"})


@pytest.mark.slow
def test_kills_at_any_time_break_no_chain(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    draw = random.Random(0)
    before = 0
    for _ in range(6):
        process = context.Process(target=_record_without_end, args=(tmp_path,))
        process.start()
        path = tmp_path / "killed" / looks.NAME
        while len(ledger.scan(path).rows) <= before:
            time.sleep(0.005)
        time.sleep(draw.uniform(0, 0.05))
        process.kill()
        process.join()
        before = len(ledger.read(path))
    looks.record(_run(tmp_path, "killed"), {"what": "finished", "data": "last"})
    found = looks.of_all(tmp_path)
    assert found.problems == []
    assert len(found.rows) == len(ledger.read(path)) == before + 1
