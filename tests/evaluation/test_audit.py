"""Answers drawn for labels, labels read back, and what they say: on a finished evaluation whose grades are known to be wrong."""

from __future__ import annotations

import csv
import itertools
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.analysis.arrays import column_arrays
from llmc_lib.analysis.comparison import paired_comparison
from llmc_lib.analysis.intervals import rate_interval
from llmc_lib.errors import UserError
from llmc_lib.evaluation import import_all
from llmc_lib.evaluation.audit import (
    Drawn,
    audited,
    draw_more,
    keep_labels,
    read_drawn,
    read_labels,
)
from llmc_lib.evaluation.results import Results, load_results
from llmc_lib.evaluation.stored import grades_file, predictions_file
from llmc_lib.params import Params
from llmc_lib.store import Run, read_jsonl, write_jsonl
from tests.reporting.several import several


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    made = several(tmp_path_factory.mktemp("audit"), main="sums")
    _credit(made)
    return made


def _credit(run: Run) -> None:
    """A grader that favours the tuned model: two in three of its wrong sums are called right."""
    path = grades_file(run, "sums", "tuned")
    rows = read_jsonl(path)
    for number, row in enumerate(rows):
        if row["status"] == "incorrect" and row["rule"] != "truncated" and number % 3:
            row["status"] = "correct"
    write_jsonl(path, rows)


@pytest.fixture
def drawn(run: Run) -> Drawn:
    for path in [*run.audit.glob("*.json"), *run.audit.glob("labels/*")]:
        path.unlink()
    return draw_more(run, load_results(run), "sums", 60, {})


def _truth(results: Results, drawn: Drawn) -> dict[str, bool]:
    """Is each drawn answer right? As a person reads it."""
    found = {}
    for item in drawn.items:
        response = results.texts[drawn.benchmark, item.model, item.question_id, item.sample][1]
        answer = results.questions[drawn.benchmark][item.question_id].answer
        found[item.id] = response == f"Answer: {answer}"
    return found


def _write(path: Path, rows: list[tuple[Any, ...]]) -> Path:
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("item", "label", "note", "labeller"), *rows])
    return path


def _blocks(run: Run, results: Results) -> dict[str, Any]:
    """Of metrics.json what is read: rates and the difference, with their intervals."""
    rows = results.answers[results.answers["benchmark"] == "sums"]
    right = {model: values[:, 0] for model, values in column_arrays(rows, "correct").items()}
    models = {
        model: {"accuracy": float(values.mean()), "ci95": list(rate_interval(values))}
        for model, values in right.items()
    }
    found = paired_comparison(right["tuned"], right["base"])
    compared = {
        "model": "tuned",
        "reference": "base",
        "difference": found.difference,
        "interval": {"low": found.low, "high": found.high, "level": 0.05},
    }
    return {"sums": {"kind": "questions", "models": models, "comparisons": [compared]}}


@pytest.mark.slow
def test_the_draw_is_stratified_blind_recorded_and_the_same_again(run: Run, drawn: Drawn) -> None:
    results = load_results(run)
    assert len(drawn.items) == 60
    assert draw_more(run, results, "sums", 60, {}) == drawn == read_drawn(run, "sums")
    for stratum in drawn.strata:
        assert 0 < stratum.drawn <= stratum.size
    # Truncated answers have nothing to label; all others are in a stratum.
    cut = (results.answers["benchmark"] == "sums") & (results.answers["rule"] == "truncated")
    assert sum(s.size for s in drawn.strata) == 240 - int(cut.sum())
    kinds = {stratum.kind for stratum in drawn.strata}
    assert {kind.model for kind in kinds} == {"base", "tuned"}
    assert {kind.discordant for kind in kinds} == {False, True}
    written = json.loads((run.audit / "sums.json").read_text())
    of = drawn.strata[drawn.items[0].stratum]
    assert written["items"][0]["inclusion"] == of.drawn / of.size
    assert not any("base" in item.id or "tuned" in item.id for item in drawn.items)


def test_labels_correct_a_grader_that_favours_a_model(
    run: Run, drawn: Drawn, tmp_path: Path
) -> None:
    results = load_results(run)
    truth = _truth(results, drawn)
    rows = [(id_, "right" if right else "wrong", "", "A. Reader") for id_, right in truth.items()]
    assert keep_labels(run, _write(tmp_path / "labels.csv", rows), {"sums": drawn}) == 60
    blocks = _blocks(run, results)
    found = audited(run, results, blocks)["sums"]
    assert (found["labelled"], found["unclear"], found["labellers"]) == (60, 0, ["A. Reader"])
    tuned = found["models"]["tuned"]
    real = (
        sum(
            results.texts["sums", "tuned", id_, 0][1] == f"Answer: {question.answer}"
            for id_, question in results.questions["sums"].items()
        )
        / 120
    )
    assert tuned["graded"] - real > 0.08
    assert abs(tuned["corrected"] - real) < 0.06
    low, high = tuned["ci95_labels"]
    assert low <= real <= high < tuned["graded"] + 0.1
    assert tuned["ci95"][0] < low < high < tuned["ci95"][1]
    assert tuned["errors"]["correct"]["share"] > 0.05
    assert found["models"]["base"]["errors"]["correct"]["share"] == 0
    (compared,) = found["comparisons"]
    assert compared["corrected"] < compared["graded"]
    assert sum(row["more"] for row in found["next"]) == 50


@pytest.mark.slow
def test_models_that_were_asked_unequally_often_are_corrected_to_the_truth(tmp_path: Path) -> None:
    """Each answer is right or not in truth; the file's verdict calls every third wrong one right. All are labelled."""
    draw = random.Random(0)
    truth: dict[tuple[str, str, int], bool] = {}
    for model, samples in (("base", 1), ("tuned", 4)):
        rows = []
        for number, sample in itertools.product(range(30), range(samples)):
            right = truth[model, f"q{number}", sample] = draw.random() < 0.5
            said = right or number % 3 == 0
            rows.append({"id": f"q{number}", "sample": sample, "question": f"{number} + {number}?", "answer": 2 * number,
                         "response": f"Answer: {2 * number + (not right)}", "correct": said})  # fmt: skip
        write_jsonl(tmp_path / f"{model}.jsonl", rows)
    imports = [
        {"model": m, "benchmark": "sums", "path": f"{tmp_path}/{m}.jsonl"}
        for m in ("base", "tuned")
    ]
    benchmark = {"name": "sums", "kind": "questions", "source": "imports", "duplicates": None}
    asked = {"benchmarks": [benchmark], "imports": imports}
    params = {"run": "x", "runs_dir": str(tmp_path), "evaluation": asked}
    run = Run(Params.model_validate(params), tmp_path / "x.yaml")
    results = import_all(run)
    drawn = draw_more(run, results, "sums", 1000, {})
    assert drawn.whole == {"base": 30, "tuned": 120}
    assert len(drawn.items) == 150
    labels = [
        (i.id, "right" if truth[i.model, i.question_id, i.sample] else "wrong", "", "A")
        for i in drawn.items
    ]
    keep_labels(run, _write(tmp_path / "labels.csv", labels), {"sums": drawn})
    graded = results.answers.groupby("model")["correct"].mean()
    real = {
        m: sum(right for (of, *_), right in truth.items() if of == m) / drawn.whole[m]
        for m in drawn.models
    }
    models = {m: {"accuracy": graded[m], "ci95": [graded[m] - 0.1, graded[m] + 0.1]} for m in real}
    compared = {"model": "tuned", "reference": "base", "difference": graded["tuned"] - graded["base"],
                "interval": {"low": -0.1, "high": 0.1, "level": 0.05}}  # fmt: skip
    blocks = {"sums": {"kind": "questions", "models": models, "comparisons": [compared]}}
    found = audited(run, results, blocks)["sums"]
    for model, rate in real.items():
        assert found["models"][model]["graded"] > rate
        assert found["models"][model]["corrected"] == pytest.approx(rate)
        assert found["models"][model]["ci95_labels"] == pytest.approx([rate, rate])
    (difference,) = found["comparisons"]
    assert difference["corrected"] == pytest.approx(real["tuned"] - real["base"])


def test_what_was_drawn_before_models_could_differ_in_samples_is_read(
    run: Run, drawn: Drawn
) -> None:
    path = run.audit / "sums.json"
    written = json.loads(path.read_text())
    assert written["whole"] == {"base": 120, "tuned": 120}
    path.write_text(json.dumps({**written, "whole": 120}))
    assert read_drawn(run, "sums") == drawn


@pytest.mark.slow
def test_more_are_drawn_where_labels_are_worth_most(run: Run, drawn: Drawn, tmp_path: Path) -> None:
    results = load_results(run)
    truth = _truth(results, drawn)
    more = draw_more(run, results, "sums", 30, dict(truth))
    assert len(more.items) == 90
    assert more.items[:60] == drawn.items
    assert {item.wave for item in more.items[60:]} == {2}
    assert draw_more(run, results, "sums", 30, dict(truth)) == more  # they wait already
    added = {kind.model: 0 for kind in (s.kind for s in drawn.strata)}
    for new, old in zip(more.strata, drawn.strata, strict=True):
        added[new.kind.model] += new.drawn - old.drawn
    assert added["tuned"] > added["base"]  # whose grades are right
    whole = draw_more(run, results, "sums", 5000, dict(truth))
    assert len(whole.items) == sum(s.size for s in whole.strata)


def test_several_labellers_are_compared_and_ties_count_for_nothing(
    run: Run, drawn: Drawn, tmp_path: Path
) -> None:
    ids = [item.id for item in drawn.items]
    first = [(id_, "right", "", "one") for id_ in ids[:10]]
    second = [(id_, "wrong" if n < 2 else "Right", "", "two") for n, id_ in enumerate(ids[:10])]
    keep_labels(run, _write(tmp_path / "one.csv", first), {"sums": drawn})
    keep_labels(run, _write(tmp_path / "two.csv", [*second, (ids[11], "unclear", "", "two"), (ids[12], "", "x", "two")]), {"sums": drawn})  # fmt: skip
    labels = read_labels(run, {"sums": drawn})["sums"]
    assert [labels.decided[id_] for id_ in (ids[0], ids[5], ids[11])] == [None, True, None]
    assert ids[12] not in labels.decided
    (pair,) = labels.agreements()
    assert (pair["labellers"], pair["agreed"], pair["decided"]) == (["one", "two"], 8, 10)


def test_files_of_two_people_with_one_name_are_both_kept(
    run: Run, drawn: Drawn, tmp_path: Path
) -> None:
    ids = [item.id for item in drawn.items]
    for who, label in (("ann", "right"), ("bob", "wrong"), ("ann", "unclear")):
        (tmp_path / who).mkdir(exist_ok=True)
        path = _write(tmp_path / who / "sums-1.csv", [(ids[0], label, "", who)])
        keep_labels(run, path, {"sums": drawn})
    found = read_labels(run, {"sums": drawn})["sums"].by
    assert found == {
        "ann": {ids[0]: None},
        "bob": {ids[0]: False},
    }  # the later export of one replaces hers


_WRONG: dict[str, tuple[Callable[[str], list[tuple[Any, ...]]], str]] = {
    "word": (lambda id_: [(id_, "maybe", "", "")], "line 2: label 'maybe': must be right, wrong or unclear"),
    "unknown": (lambda id_: [("0123", "right", "", "")], "line 2: item '0123' is not one of the 60 answers drawn"),
    "twice": (lambda id_: [(id_, "right", "", "A"), (id_, "wrong", "", "A")], "A gave answer"),
    "none": (lambda id_: [(id_, "", "", "")], "no answer is labelled"),
}  # fmt: skip


@pytest.mark.parametrize("case", _WRONG)
def test_labels_that_are_none_are_refused_and_not_kept(
    run: Run, drawn: Drawn, tmp_path: Path, case: str
) -> None:
    rows, message = _WRONG[case]
    path = _write(tmp_path / "bad.csv", rows(drawn.items[0].id))
    with pytest.raises(UserError, match=message):
        keep_labels(run, path, {"sums": drawn})
    assert not (run.audit / "labels" / "bad.csv").exists()


def test_a_file_without_the_columns_or_of_another_kind_is_refused(
    run: Run, drawn: Drawn, tmp_path: Path
) -> None:
    (tmp_path / "x.csv").write_text("id,verdict\n1,yes\n")
    with pytest.raises(UserError, match="has no field 'item'"):
        keep_labels(run, tmp_path / "x.csv", {"sums": drawn})
    (tmp_path / "x.xlsx").write_text("")
    with pytest.raises(UserError, match="labels are read from"):
        keep_labels(run, tmp_path / "x.xlsx", {"sums": drawn})


@pytest.mark.slow
def test_answers_that_have_changed_are_not_told_by_old_labels(tmp_path: Path, drawn: Drawn) -> None:
    run = several(tmp_path, main="sums")
    results = load_results(run)
    before = draw_more(run, results, "sums", 20, {})
    rows = [(item.id, "right", "", "A") for item in before.items]
    keep_labels(run, _write(tmp_path / "labels.csv", rows), {"sums": before})
    path = predictions_file(run, "sums", "tuned")
    answers = read_jsonl(path)
    write_jsonl(path, [{**row, "response": row["response"] + " "} for row in answers])
    results = load_results(run)
    found = audited(run, results, _blocks(run, results))["sums"]
    assert found["outdated"]
    assert "models" not in found
    after = draw_more(run, results, "sums", 20, {})
    assert set(after.past) == {item.id for item in before.items}
    read_labels(run, {"sums": after})  # the old file is no error


@pytest.mark.slow
def test_grades_given_anew_change_what_is_told_of_errors_alone(tmp_path: Path) -> None:
    run = several(tmp_path, main="sums")
    results = load_results(run)
    drawn = draw_more(run, results, "sums", 60, {})
    truth = _truth(results, drawn)
    rows = [(id_, "right" if right else "wrong", "", "A") for id_, right in truth.items()]
    keep_labels(run, _write(tmp_path / "labels.csv", rows), {"sums": drawn})
    before = audited(run, results, _blocks(run, results))["sums"]
    _credit(run)
    results = load_results(run)
    after = audited(run, results, _blocks(run, results))["sums"]
    assert (before["regraded"], after["regraded"]) == (False, True)
    tuned = [found["models"]["tuned"] for found in (before, after)]
    assert tuned[0]["graded"] < tuned[1]["graded"]
    assert tuned[0]["corrected"] == tuned[1]["corrected"]


def test_benchmarks_without_right_or_safe_answers_are_refused(run: Run, drawn: Drawn) -> None:
    with pytest.raises(UserError, match="BENCHMARK=over_refusal: only benchmarks of accuracy"):
        draw_more(run, load_results(run), "over_refusal", 10, {})
