"""Imports in the store of a run: what an evaluation leaves, with nothing dropped and nothing counted twice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from llmc_lib.errors import UserError
from llmc_lib.evaluation import import_all, imported
from llmc_lib.evaluation.results import load_results
from llmc_lib.evaluation.stored import curves_file, predictions_file, questions_file
from llmc_lib.params import Params
from llmc_lib.records import Grade, Prediction
from llmc_lib.store import ROOT, Run, read_jsonl, read_manifest, write_atomic
from tests.evaluation.importers import logs

QUESTIONS = [
    {"id": f"q{n}", "question": f"What is {n} + 1?", "image": "", "answer": str(n + 1),
     "answer_type": "exactMatch", "category": "Math" if n % 2 else "Physics"}
    for n in range(6)
]  # fmt: skip


def _lines(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def _judged(path: Path, verdicts: dict[str, str | None]) -> str:
    """A judged file: question → "yes", "no", or None where the judge failed."""
    rows: dict[str, Any] = {}
    for id_, said in verdicts.items():
        # The rules would find the right answer in each: it is the verdict that decides.
        answer = str(int(id_[1:]) + 1)
        rows[id_] = {"model": "m", "response": f"Answer: {answer}\nConfidence: 80%", "usage": {}}
        if said is not None:
            rows[id_]["judge_response"] = {
                "correct_answer": "", "model_answer": answer, "reasoning": "", "correct": said,
                "confidence": 80,
            }  # fmt: skip
    path.write_text(json.dumps(rows), encoding="utf-8")
    return str(path)


def _run(tmp_path: Path, *imports: tuple[str, str], **benchmark: str) -> Run:
    source = _lines(tmp_path / "questions.jsonl", QUESTIONS)
    benchmarks = [{"name": "hle", "source": source, **benchmark}]
    values = {
        "run": "compared",
        "runs_dir": str(tmp_path / "runs"),
        "evaluation": {
            "benchmarks": benchmarks,
            "imports": [
                {"model": model, "path": path, "benchmark": benchmarks[0]["name"]}
                for model, path in imports
            ],
        },
    }
    return Run(Params.model_validate(values), tmp_path / "compared.yaml")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    base: dict[str, str | None] = {
        "q0": "yes",
        "q1": "no",
        "q2": "no",
        "q9": "yes",
    }  # q9: a question with an image, perhaps
    tuned: dict[str, str | None] = {"q0": "yes", "q1": "yes", "q2": "no", "q3": "yes", "q4": None}
    return _run(
        tmp_path,
        ("base", _judged(tmp_path / "base.json", base)),
        ("tuned", _judged(tmp_path / "tuned.json", tuned)),
    )


def test_verdicts_decide_and_missing_questions_are_wrong(run: Run) -> None:
    answers = import_all(run).answers
    assert len(answers) == 12
    status = answers.pivot(index="question_id", columns="model", values="status")
    assert list(status["base"]) == ["correct", "incorrect", "incorrect"] + ["missing"] * 3
    assert list(status["tuned"]) == [
        "correct", "correct", "incorrect", "correct", "ungraded", "missing",
    ]  # fmt: skip
    assert answers["correct"].sum() == 4
    judged = answers[answers["rule"] == "imported"]
    assert set(judged["confidence"]) == {80}
    assert len(judged) == 7
    # What the rules say is there beside it.
    assert (judged["by_rules"] == "correct").all()


def test_the_store_is_that_of_an_evaluation(run: Run) -> None:
    import_all(run)
    path = predictions_file(run, "hle", "tuned")
    predictions = [Prediction(**row) for row in read_jsonl(path)]
    assert [p.question_id for p in predictions] == ["q0", "q1", "q2", "q3", "q4"]
    assert {p.engine for p in predictions} == {"imported from tuned.json"}
    rules = [Grade(**row) for row in read_jsonl(path.with_suffix(".grades.jsonl"))]
    assert [grade.status for grade in rules] == ["correct"] * 5
    judge = [Grade(**row) for row in read_jsonl(path.with_suffix(".judge.jsonl"))]
    assert [grade.rule for grade in judge] == ["imported"] * 4 + ["no verdict"]
    manifest = read_manifest(run.predictions)
    assert manifest
    assert [model["name"] for model in manifest["models"]] == ["base", "tuned"]
    assert manifest["questions"] == {"hle": 6}
    base, tuned = manifest["imports"]
    assert (base["answers"], base["verdicts"], base["unknown"], base["missing"]) == (3, 3, 1, 3)
    assert (tuned["answers"], tuned["verdicts"], tuned["missing"]) == (5, 4, 1)
    assert base["files"]["base.json"]["format"] == "hle_judged"
    assert not list(run.predictions.rglob("*.part"))


def test_an_import_is_done_once_until_a_file_changes(run: Run, tmp_path: Path) -> None:
    assert not imported(run)
    import_all(run)
    assert imported(run)
    written = predictions_file(run, "hle", "base").stat().st_mtime_ns
    import_all(run)
    assert predictions_file(run, "hle", "base").stat().st_mtime_ns == written
    _judged(tmp_path / "base.json", {"q0": "no"})
    assert not imported(run)
    answers = import_all(run).answers
    assert not answers[answers["model"] == "base"]["correct"].any()


def test_without_verdicts_the_rules_decide(run: Run, tmp_path: Path) -> None:
    import_all(run)
    for name in ("base", "tuned"):
        _judged(tmp_path / f"{name}.json", {"q0": None, "q1": None})
    answers = import_all(run).answers
    assert answers["correct"].sum() == 4
    assert "imported" not in set(answers["rule"])
    assert not predictions_file(run, "hle", "base").with_suffix(".judge.jsonl").exists()


def test_a_judge_whose_every_word_is_unreadable_is_not_replaced_by_the_rules(
    run: Run, tmp_path: Path
) -> None:
    for name in ("base", "tuned"):
        _judged(tmp_path / f"{name}.json", {"q0": "perhaps", "q1": "?"})
    answers = import_all(run).answers
    assert set(answers["status"]) == {"ungraded", "missing"}


def test_two_graders_are_not_compared(tmp_path: Path) -> None:
    run = _run(
        tmp_path,
        ("base", _judged(tmp_path / "base.json", {"q0": "yes"})),
        ("tuned", _judged(tmp_path / "tuned.json", {"q0": None})),
    )
    with pytest.raises(UserError, match=r"tuned.json: has no verdicts, while .*base.json has"):
        import_all(run)
    assert not imported(run)
    with pytest.raises(UserError, match="no finished evaluation"):
        load_results(run)


def test_several_imports_of_a_model_are_samples(tmp_path: Path) -> None:
    run = _run(
        tmp_path,
        ("base", _judged(tmp_path / "base1.json", {"q0": "yes"})),
        ("base", _judged(tmp_path / "base2.json", {"q0": "yes"})),
        ("tuned", _judged(tmp_path / "one.json", {"q0": "yes", "q1": "no"})),
        ("tuned", _judged(tmp_path / "two.json", {"q0": "no"})),
    )
    answers = import_all(run).answers
    path = predictions_file(run, "hle", "tuned")
    keys = [(row["question_id"], row["sample"]) for row in read_jsonl(path)]
    assert keys == [("q0", 0), ("q1", 0), ("q0", 1)]
    assert len(answers) == 2 * 6 * 2
    mine = answers[(answers["model"] == "tuned") & (answers["status"] != "missing")]
    found = {(row["question_id"], row["sample"]): row["correct"] for row in mine.to_dict("records")}
    assert found == {("q0", 0): True, ("q1", 0): False, ("q0", 1): False}


def test_each_model_has_as_many_samples_as_imports(tmp_path: Path) -> None:
    run = _run(
        tmp_path,
        ("base", _judged(tmp_path / "base.json", {"q0": "yes"})),
        ("tuned", _judged(tmp_path / "one.json", {"q0": "yes"})),
        ("tuned", _judged(tmp_path / "two.json", {"q0": "no"})),
    )
    results = import_all(run)
    assert results.manifest["samples_of"] == {"hle": {"base": 1, "tuned": 2}}
    asked = results.answers.groupby("model", sort=False).size()
    assert asked.to_dict() == {"base": 6, "tuned": 12}


def test_an_answer_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "tuned"
    folder.mkdir()
    _judged(folder / "a.json", {"q0": "yes", "q1": "yes"})
    _judged(folder / "b.json", {"q1": "no"})
    run = _run(
        tmp_path,
        ("base", _judged(tmp_path / "base.json", {"q0": "yes"})),
        ("tuned", str(folder)),
    )
    with pytest.raises(UserError, match=r"question 'q1' is answered twice .* in a file b.json"):
        import_all(run)
    assert not predictions_file(run, "hle", "tuned").exists()


def test_answers_to_another_benchmark_are_told(tmp_path: Path) -> None:
    run = _run(
        tmp_path,
        ("base", _judged(tmp_path / "base.json", {"q70": "yes", "q71": "no"})),
        ("tuned", _judged(tmp_path / "tuned.json", {"q0": "yes"})),
    )
    with pytest.raises(UserError, match=r"none of its 2 answers is to a question of the benchmark 'hle'"):  # fmt: skip
        import_all(run)


def test_answers_that_were_sampled_here_are_never_overwritten(run: Run) -> None:
    path = predictions_file(run, "hle", "base")
    write_atomic(path, '{"question_id": "q0"}\n')
    write_atomic(path.with_suffix(".settings.json"), '{"max_tokens": 256}')
    with pytest.raises(UserError, match=r"answers that were sampled in this run; give .* another `run`"):  # fmt: skip
        import_all(run)
    assert path.read_text() == '{"question_id": "q0"}\n'


@pytest.mark.parametrize("content", ["{}", '{"imporued": true}', "null", ""])
def test_damaged_settings_do_not_stop_an_import(run: Run, content: str) -> None:
    import_all(run)
    path = predictions_file(run, "hle", "base")
    before = path.read_bytes()
    path.with_suffix(".settings.json").write_text(content)
    import_all(run)
    assert path.read_bytes() == before
    assert (path.parent / "base.jsonl.damaged-1").read_bytes() == before


@pytest.mark.slow
def test_half_a_surrogate_pair_and_a_million_characters_are_data(tmp_path: Path) -> None:
    text = "\ud800 \x1b[31m <script>" + "x" * 1_000_000 + " Answer: 1"
    files = {}
    for name in ("base", "tuned"):
        files[name] = str(tmp_path / f"{name}.json")
        Path(files[name]).write_text(json.dumps({"q0": {"response": text, "usage": {}}}))
    run = _run(tmp_path, *files.items())
    _, response = import_all(run).texts["hle", "base", "q0", 0]
    assert len(response) >= 1_000_000
    response.encode()


def test_safety_results_meet_the_instructions_of_the_benchmark(tmp_path: Path) -> None:
    row = {
        "id": "3", "category": "", "question": "", "answer_type": "exactMatch", "gold": "safe",
        "prediction": "I can't help with that.", "correct": 1, "judgment": "<answer>0</answer>",
        "reasoning_content": "",
    }  # fmt: skip
    harm = {**row, "id": "4", "correct": 0, "judgment": "<answer>6</answer>"}
    files = [(name, _lines(tmp_path / f"{name}.jsonl", [row, harm])) for name in ("base", "tuned")]
    values = {
        "run": "safe",
        "runs_dir": str(tmp_path / "runs"),
        "evaluation": {
            "benchmarks": [{"name": "do_not_answer"}],
            "imports": [
                {"model": name, "path": path, "benchmark": "do_not_answer"} for name, path in files
            ],
        },
    }
    answers = import_all(Run(Params.model_validate(values), tmp_path / "safe.yaml")).answers
    mine = answers[(answers["model"] == "base") & (answers["status"] != "missing")]
    assert dict(zip(mine["question_id"], mine["status"], strict=True)) == {
        "dna-3": "correct",
        "dna-4": "incorrect",
    }
    assert len(answers) == 2 * 40


# ---- benchmarks whose questions are in the files -----------------------------------------------


def _sample(number: int, text: str, right: bool, question: str = "") -> dict[str, Any]:
    return {
        "doc_id": number,
        "doc": {"question": question or f"Question {number}"},
        "target": "yes",
        "arguments": {},
        "resps": [[text]],
        "filtered_resps": [text],
        "filter": "none",
        "metrics": ["exact_match"],
        "exact_match": float(right),
    }


def _lm_eval(tmp_path: Path, **rows: list[dict[str, Any]]) -> Run:
    imports = []
    for model, samples in rows.items():
        (tmp_path / model).mkdir()
        _lines(tmp_path / model / "samples_t_2026-01-02T03-04-05.678901.jsonl", samples)
        imports.append((model, str(tmp_path / model)))
    return _run(tmp_path, *imports, name="t", kind="questions", source="imports")


def test_questions_come_from_the_files_of_all_models(tmp_path: Path) -> None:
    run = _lm_eval(
        tmp_path,
        base=[_sample(0, "yes", True), _sample(1, "no", False)],
        tuned=[_sample(1, "yes", True), _sample(2, "yes", True)],
    )
    results = import_all(run)
    assert list(results.questions["t"]) == ["t/0", "t/1", "t/2"]
    assert len(read_jsonl(questions_file(run, "t"))) == 3
    status = results.answers.pivot(index="question_id", columns="model", values="status")
    assert list(status["base"]) == ["correct", "incorrect", "missing"]
    assert list(status["tuned"]) == ["missing", "correct", "correct"]
    manifest = read_manifest(run.predictions)
    assert manifest
    assert [source["missing"] for source in manifest["imports"]] == [1, 1]


def test_models_without_a_question_in_common_are_refused(tmp_path: Path) -> None:
    run = _lm_eval(tmp_path, base=[_sample(0, "yes", True)], tuned=[_sample(1, "yes", True)])
    with pytest.raises(UserError, match=r"tuned answers no question of 't' that base answers in .*like 't/1', and like 't/0'"):  # fmt: skip
        import_all(run)


def test_another_question_under_the_same_number_is_refused(tmp_path: Path) -> None:
    run = _lm_eval(
        tmp_path,
        base=[_sample(0, "yes", True)],
        tuned=[_sample(0, "yes", True, "Another question")],
    )
    with pytest.raises(UserError, match=r"question 't/0' or its answer is another one than in the files"):  # fmt: skip
        import_all(run)


def test_files_without_questions_need_a_benchmark_with_some(tmp_path: Path) -> None:
    run = _run(
        tmp_path,
        ("base", _judged(tmp_path / "base.json", {"q0": "yes"})),
        ("tuned", _judged(tmp_path / "tuned.json", {"q0": "yes"})),
        name="t", kind="questions", source="imports",
    )  # fmt: skip
    with pytest.raises(UserError, match="its format does not hold the questions"):
        import_all(run)


# ---- large files -------------------------------------------------------------------------------

# Not ru_maxrss, which a new process has of the one that starts it.
_MEASURE = """
import re, sys
from llmc_lib.evaluation.importers import read
from llmc_lib.params import ImportParams
from pathlib import Path
def peak():
    return int(re.search("VmHWM: *([0-9]+) kB", Path("/proc/self/status").read_text().replace("\\t", " "))[1])
path = Path(sys.argv[1])
before = peak()
count = sum(1 for _ in read(ImportParams(model="m", path=str(path), format=sys.argv[2]), path))
print(count, peak() - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize("form", ["hle_predictions", "lm_eval"])
def test_reading_is_a_stream(tmp_path: Path, form: str) -> None:
    text, n = "x" * 8000, 9_000  # 72 MB
    path = tmp_path / "large.json"
    with open(path, "w") as handle:
        if form == "hle_predictions":  # one object
            row = json.dumps({"model": "m", "response": text, "usage": {}})
            handle.write("{" + ",".join(f'"q{number}": {row}' for number in range(n)) + "}")
        else:
            row = json.dumps(_sample(0, text, True))
            handle.writelines(row + "\n" for _ in range(n))
    ran = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(path), form], cwd=ROOT, capture_output=True, text=True, check=True
    )  # fmt: skip
    count, kilobytes = map(int, ran.stdout.split())
    assert count == n
    assert kilobytes < 48_000


def test_the_log_of_a_training_is_kept_in_the_form_of_ours(run: Run, tmp_path: Path) -> None:
    log = logs.trainer_state(tmp_path / "trainer_state.json")
    values = run.params.model_dump(mode="json")
    values["evaluation"]["imports"].append({"model": "tuned", "training": str(log)})
    run = Run(Params.model_validate(values), run.params_file)
    import_all(run)
    rows = list(read_jsonl(curves_file(run, "tuned")))
    assert [row["loss"] for row in rows if "loss" in row] == pytest.approx(logs.LOSSES)
    manifest = read_manifest(run.predictions)
    assert manifest
    assert manifest["trainings"] == {"tuned": {"format": "trainer_state", "path": str(log)}}
    assert imported(run)
    log.write_text('{"log_history": [{"loss": 1.0, "step": 1}]}')
    assert not imported(run)


@pytest.mark.parametrize(
    ("imports", "message"),
    [
        ([{"model": "a"}], "required: the file with the model's answers"),
        ([{"model": "a", "path": "x", "training_run": "r"}], "is the run of a `training`"),
        (
            [{"model": "a", "path": "x"}, {"model": "b", "path": "x"}, {"model": "c", "training": "x"}],
            "'c' has a training and no answers",
        ),
        (
            [{"model": "a", "path": "x", "training": "x"}, {"model": "b", "path": "x"}, {"model": "a", "training": "y"}],
            "'a' has one already",
        ),
    ],
)  # fmt: skip
def test_a_training_belongs_to_a_model_with_answers(
    imports: list[dict[str, str]], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        Params.model_validate({"run": "x", "evaluation": {"imports": imports, "benchmarks": [{"name": "hle"}]}})  # fmt: skip
