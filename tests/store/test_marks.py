"""Marked questions: the last comment counts, nothing is lost, and a page that shows them is made again."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from llmc_lib.errors import UserError
from llmc_lib.params import Params
from llmc_lib.params.reader import load
from llmc_lib.store import JsonlWriter, Run, read_marks, write_mark
from llmc_lib.store.marks import LONGEST
from llmc_lib.store.page import page_key


def test_the_last_comment_counts_and_an_empty_one_unmarks(tmp_path: Path) -> None:
    for question, comment in (("a", "first"), ("b", "second"), ("a", " other \ud800"), ("c", "x"), ("c", "")):  # fmt: skip
        write_mark(tmp_path, "hle", question, comment)
    write_mark(tmp_path, "sums", "a", "y" * LONGEST)
    found = read_marks(tmp_path)
    assert found == {
        ("hle", "a"): "other ?",
        ("hle", "b"): "second",
        ("sums", "a"): "y" * LONGEST,
    }
    before = (tmp_path / "marks.jsonl").read_bytes()
    write_mark(tmp_path, "hle", "b", "second")  # nothing new
    assert (tmp_path / "marks.jsonl").read_bytes() == before


def test_what_is_no_mark_is_left_out(tmp_path: Path) -> None:
    assert read_marks(tmp_path) == {}
    write_mark(tmp_path, "hle", "a", "kept")
    with open(tmp_path / "marks.jsonl", "a") as file:
        file.write('{"benchmark": 3}\nnot JSON\n{"benchmark": "hle", "question": "a", "comm')
    assert read_marks(tmp_path) == {("hle", "a"): "kept"}
    write_mark(tmp_path, "hle", "b", "after a line that was cut off")
    assert list(read_marks(tmp_path)) == [("hle", "a"), ("hle", "b")]


def test_a_comment_that_is_too_long_is_refused_not_cut(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"'a' has 1,000,000 characters, and 2,000 can be kept; shorten"
    ):
        write_mark(tmp_path, "hle", "a", "y" * 1_000_000)
    assert read_marks(tmp_path) == {}


def test_a_second_notebook_waits_for_its_turn(tmp_path: Path) -> None:
    with JsonlWriter(tmp_path / "marks.jsonl") as first:
        turn = threading.Timer(0.1, first.close)
        turn.start()
        write_mark(tmp_path, "hle", "a", "x")
        turn.join()
    assert read_marks(tmp_path) == {("hle", "a"): "x"}


@pytest.mark.slow
def test_two_do_not_write_at_once(tmp_path: Path) -> None:
    with JsonlWriter(tmp_path / "marks.jsonl"), pytest.raises(UserError, match="another process"):
        write_mark(tmp_path, "hle", "a", "x")


@pytest.mark.parametrize(("marked", "again"), [(True, True), (False, False)])
def test_a_page_that_shows_marks_is_made_again(tmp_path: Path, marked: bool, again: bool) -> None:
    values = {"run": "x", "runs_dir": str(tmp_path), "report": {"cases": {"marked": marked}}}
    run = Run(Params.model_validate(values), tmp_path / "x.yaml")
    before = page_key(run)
    write_mark(run.exploring, "hle", "a", "look at this")
    assert (page_key(run) != before) is again


def test_marks_are_not_asked_for_beside_ids(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("run: x\nreport:\n  cases: {marked: true, ids: [a]}\n")
    with pytest.raises(UserError, match=r"line 3: report\.cases.*ids: are not used beside `marked`"):  # fmt: skip
        load(file)
