"""Runs are opened by params file, folder or example; their answers are one table."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from llmc_lib.errors import UserError
from llmc_lib.evaluation import load_results
from llmc_lib.evaluation.results import WITHHELD
from llmc_lib.exploring import Choice, Rows, Runs, Training, answers, open_runs
from llmc_lib.exploring.table import COLUMNS, tidy
from llmc_lib.store import ROOT, open_run
from tests.exploring.made import asked_twice


def test_all_answers_are_one_table_in_one_call(made: Path) -> None:
    results = load_results(open_run(made))
    table = answers(made)
    assert tuple(table.columns) == COLUMNS
    assert len(table) == len(results.answers) == 160
    assert table["correct"].tolist() == results.answers["correct"].tolist()
    assert table["tokens"].astype(float).tolist() == results.answers["completion_tokens"].tolist()
    assert table["question"].tolist() == results.answers["question_id"].tolist()
    assert (table["run"] == "twice").all()
    assert {str(table[name].dtype) for name in ("run", "model", "question", "extracted")} == {"category"}  # fmt: skip


def test_texts_are_read_when_asked_for(made: Path) -> None:
    runs = open_runs([made])
    reasoning, response = runs.text("twice", ("sums", "base", "s000", 0))
    assert reasoning.startswith("First, 2 + 2 = 5.")
    assert response == "Answer: 3"
    assert runs.text("twice", ("sums", "base", "s000", 9)) == ("", "")


def test_a_missing_answer_has_a_row_and_unknown_lengths_are_not_zero(made: Path) -> None:
    results = load_results(open_run(made))
    frame = results.answers.copy()
    gone: dict[str, str | int] = {
        "status": "missing",
        "correct": False,
        "completion_tokens": 0,
        "finish_reason": "missing",
    }
    for name, value in gone.items():
        frame.loc[0, name] = value
    table = tidy("x", replace(results, answers=frame))
    first = table.iloc[0]
    assert (first["status"], first["finish_reason"]) == ("missing", "missing")
    assert table["tokens"].isna().tolist() == [True] + [False] * 159


def test_withheld_texts_are_in_no_table_and_no_panel(made: Path) -> None:
    (opened,) = open_runs(made).opened.values()
    assert opened.results is not None
    hidden = replace(opened.results, withheld=frozenset({"sums"}))
    runs = Runs([replace(opened, results=hidden)])
    assert set(runs.answers["extracted"]) == {WITHHELD}
    assert runs.text("twice", ("sums", "base", "s000", 0)) == ("", "")
    assert runs.question("sums", "s000") is None


@pytest.mark.slow
def test_folders_variants_and_several_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    params = asked_twice(tmp_path)
    variant = open_run(params, override={"report.title": "Other"}, name="variant")
    runs = open_runs([params, variant.folder])  # which has no answers yet
    assert "variant: no finished evaluation" in capsys.readouterr().out
    assert set(runs.answers["run"]) == {"twice"}
    shutil.copytree(open_run(params).predictions, variant.predictions, dirs_exist_ok=True)
    runs = open_runs([params, variant.folder])
    assert runs.answers["run"].value_counts().to_dict() == {"twice": 160, "variant": 160}
    assert str(runs.answers["model"].dtype) == "category"
    choice = Choice(runs)
    assert choice.pair == ("twice: base", "variant: tuned")
    assert [opened.name for opened in choice.folders] == ["twice", "variant"]
    assert "160 answers of base, tuned" in repr(runs)


def test_a_copy_of_a_variants_folder_is_not_taken_for_the_variant(tmp_path: Path) -> None:
    variant = open_run(asked_twice(tmp_path), name="variant")
    copy = shutil.copytree(variant.folder, variant.folder.with_name("copy"))
    with pytest.raises(
        UserError, match=r"copy: its params.yaml is that of .*/variant; move it there"
    ):
        open_runs(copy)


def test_answers_that_are_gone_are_not_shown_as_not_given(imported: Path, tmp_path: Path) -> None:
    run = open_run(imported)
    runs = shutil.copytree(run.runs, tmp_path / "runs")
    params = tmp_path / "compare.yaml"
    params.write_text(imported.read_text().replace(str(run.runs), str(runs)))
    assert len(answers(params)) == 400
    next(runs.glob("*/predictions/hle/tuned.jsonl")).unlink()
    with pytest.raises(UserError, match=r"files of the evaluation are gone .* make report PARAMS="):
        answers(params)


def test_a_run_without_training_or_data_set_says_so(made: Path) -> None:
    runs = open_runs(made)
    assert "No training log" in Training(runs)._shown.value
    assert "No data set:" in Rows(runs)._shown.value


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ([], "PARAMS: names no run"),
        (["params/quickstrat.yaml"], "did you mean params/quickstart.yaml?"),
        (["docs"], "is neither the folder of a run of params/docs.yaml nor an example to explore"),
        (["reports/example", str(ROOT / "reports/example")], "PARAMS: two runs are called 'example'"),
    ],
)  # fmt: skip
def test_what_is_no_run_is_refused(places: list[str], message: str) -> None:
    with pytest.raises(UserError) as caught:
        open_runs(places)
    assert message in str(caught.value)


def test_runs_without_any_answer_cannot_be_chosen_from(tmp_path: Path) -> None:
    params = tmp_path / "new.yaml"
    params.write_text(f"run: new\nruns_dir: {tmp_path}/runs\n")
    with pytest.raises(UserError, match="none of these runs has answers yet"):
        Choice(open_runs(params))
