"""Questions that nearly repeat others are one cluster."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmc_lib.params import BenchmarkParams
from llmc_lib.records import Question
from llmc_lib.reporting import load_report, sections
from llmc_lib.reporting.duplicates import cluster_labels, duplicates_of, near_duplicates
from llmc_lib.reporting.report import Report
from tests.reporting.several import answers, several

LONG = "A train leaves the station at {} and travels {} miles to the west, while a second one waits for the signal of the guard"


def _questions(*texts: str, clusters: tuple[str, ...] = ()) -> dict[str, Question]:
    given = clusters or ("",) * len(texts)
    return {
        f"q{n}": Question(f"q{n}", "questions", text, "1", "exactMatch", "All", "", "", cluster)
        for n, (text, cluster) in enumerate(zip(texts, given, strict=True))
    }


def test_the_same_in_other_words_is_found_and_other_numbers_are_another_question() -> None:
    texts = [
        LONG.format("9", "120"),
        LONG.format("9", "120") + ".",  # but for punctuation
        LONG.format("9", "130"),
        LONG.format("9", "120")
        .replace("second one", "second train")
        .replace("A train", "One train"),
        "What is the capital of France?",
    ]
    assert near_duplicates(texts, 0.9)[1] == 0
    assert near_duplicates(texts, 0.6) == {1: 0, 3: 0}


@pytest.mark.parametrize("texts", [[], ["alone"], ["two", "of them"], ["", "  "]])
def test_nothing_is_found_where_nothing_is_alike(texts: list[str]) -> None:
    assert near_duplicates(texts[:2] if texts != ["", "  "] else texts[:1], 0.9) == {}


def test_the_params_can_leave_it_out() -> None:
    twice = _questions("2 + 2 = ?", "2 + 2 = ?")
    assert duplicates_of(twice, BenchmarkParams(name="hle")) == {"q1": "q0"}
    assert duplicates_of(twice, BenchmarkParams(name="hle", duplicates=None)) == {}


def test_labels_are_of_clusters_and_near_duplicates() -> None:
    params = BenchmarkParams(name="hle")
    assert cluster_labels([*_questions("2 + 2 = ?", "3 + 3 = ?").values()], params) is None
    twice = [*_questions("2 + 2 = ?", "2 + 2 = ?", "3 + 3 = ?").values()]
    assert cluster_labels(twice, params) == ["question q0", "question q0", "question q2"]
    grouped = _questions("2 + 2 = ?", "2 + 2 = ?", "3", clusters=("a", "b", "b"))
    assert cluster_labels([*grouped.values()], params) == ["a", "a", "a"]


@pytest.mark.slow
def test_each_question_twice_is_half_as_many_clusters(tmp_path: Path) -> None:
    """The report of a benchmark with every question twice has the intervals of the questions once."""
    reports = {name: _report(tmp_path / name, times) for name, times in (("once", 1), ("twice", 2))}
    once, twice = (reports[name].metrics["benchmarks"]["own"] for name in ("once", "twice"))
    assert (once["n_questions"], once["n_clusters"], once["duplicates"]) == (50, None, {})
    assert (twice["n_questions"], twice["n_clusters"]) == (100, 50)
    assert len(twice["duplicates"]) == 50
    (a,), (b,) = once["comparisons"], twice["comparisons"]
    assert b["difference"] == pytest.approx(a["difference"])
    width, other = (c["interval"]["high"] - c["interval"]["low"] for c in (a, b))
    assert other > 0.85 * width  # of 100 independent questions it is 0.7 of it
    assert (
        "50 questions nearly repeat another one" in sections.models_table(reports["twice"]).markup
    )


def _report(folder: Path, times: int) -> Report:
    folder.mkdir()
    rows = [
        {"id": f"{n}-{time}", "q": f"{n} + {n + 3} = ?", "a": str(2 * n + 3)}
        for n in range(50)
        for time in range(times)
    ]
    (folder / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    own = {
        "name": "own",
        "kind": "questions",
        "source": str(folder / "own.jsonl"),
        "fields": {"id": "id", "question": "q", "answer": "a"},
    }
    return load_report(several(folder, _answer, more=(own,), main="own", claims=None))


def _answer(model: str, benchmark: str, number: int, question: Question) -> tuple[str, str]:
    if benchmark != "own":
        return answers(model, benchmark, number, question)
    first = int(question.id.partition("-")[0])
    right = first % 3 == 0 if model == "base" else first % 3 == 0 or first % 5 == 0
    return f"Answer: {question.answer if right else 999}", "stop"
