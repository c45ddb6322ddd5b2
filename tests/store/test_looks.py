"""The ledger of all runs: a run that was removed, or made elsewhere, shows."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import random
import shutil
import time
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


def test_no_runs_have_no_looks(tmp_path: Path) -> None:
    assert looks.of_all(tmp_path / "none") == ([], [])


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
