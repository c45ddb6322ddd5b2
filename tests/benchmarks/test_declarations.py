"""What benchmarks declare: that it is whole, and that nothing else has to know of another one."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from llmc_lib import benchmarks, question_bank
from llmc_lib.benchmarks import DECLARED, Benchmark, Measure, declared
from llmc_lib.evaluation.grading import grade
from llmc_lib.params import BenchmarkParams, is_hub_name
from llmc_lib.records import Prediction, Question
from llmc_lib.reporting import load_report, sections
from llmc_lib.store import ROOT
from tests.reporting.several import several

FOLDER = Path(str(resources.files(benchmarks)))
STYLES = ("brief", "official", "corrected")


def test_every_module_with_a_declaration_is_a_benchmark() -> None:
    modules = {
        path.stem
        for path in FOLDER.glob("*.py")
        if re.search(r"^BENCHMARK = Benchmark\(", path.read_text(), re.MULTILINE)
    }
    assert set(DECLARED) == modules
    assert modules >= {"hle", "do_not_answer", "over_refusal", "skills", "questions"}


@pytest.mark.parametrize("name", DECLARED)
def test_a_declaration_is_whole(name: str) -> None:
    benchmark = DECLARED[name]
    assert benchmark.name
    assert not benchmark.hub or (is_hub_name(benchmark.hub) and benchmark.size)
    assert not benchmark.embedded or (FOLDER / benchmark.embedded).is_file()
    assert 0 < benchmark.rate < 1
    assert benchmark.columns or name == "questions"
    assert (benchmark.measure == Measure.ACCURACY) == (benchmark.rules == "answer")
    assert (ROOT / "tests" / "benchmarks" / f"test_{name}.py").is_file()


@pytest.mark.parametrize("name", [name for name in DECLARED if DECLARED[name].embedded])
def test_an_embedded_question_is_read_put_and_graded(name: str) -> None:
    questions = question_bank.load(BenchmarkParams(name=name))
    assert {question.benchmark for question in questions} == {name}
    assert {q.category for q in questions} <= set(DECLARED[name].categories or {q.category for q in questions})  # fmt: skip
    for style in STYLES:
        assert questions[0].question in question_bank.prompt(questions[0], style).user
    found = grade(questions[0], Prediction(questions[0].id, 0, "", "", "stop", 1, 0, 0.1, "x"))
    assert (found.status, found.rule) == ("ungraded", "empty")


def test_rubrics_keep_their_replies_in_files_of_their_own() -> None:
    rubrics = {benchmark.rubric for benchmark in DECLARED.values() if benchmark.rubric}
    assert len({rubric.name for rubric in rubrics}) == len(rubrics)
    for rubric in rubrics:
        rubric.prompt.format(question="{x}", correct_answer="", part="response", text="")


def test_an_unknown_kind_has_questions_with_answers() -> None:
    assert declared("of another version").measure == Measure.ACCURACY
    assert declared("of another version").name == "of another version"


@pytest.mark.slow
def test_a_params_file_loads_no_package_for_them() -> None:
    code = "import sys, llmc_lib.params; print(*sorted({n.partition('.')[0] for n in sys.modules}))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr
    heavy = {"pandas", "numpy", "sympy", "torch", "vllm", "transformers", "datasets", "huggingface_hub"}  # fmt: skip
    assert not heavy & set(ran.stdout.split())


def _harm(row: Mapping[str, Any], fields: Mapping[str, str]) -> Question:
    found = DECLARED["do_not_answer"].question(row, fields)
    assert found is not None
    return replace(found, category="Everyday harm")


@pytest.mark.slow
def test_a_second_set_of_each_measure_needs_its_declaration_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read, graded, analysed and reported, under names and with groups that nothing else knows."""
    second: dict[str, Benchmark] = {
        "exam": replace(DECLARED["hle"], title="The Other Exam", short="", hub="o/exam", withheld=False),
        "harm": replace(DECLARED["do_not_answer"], title="HarmBook", question=_harm, hub="o/harm"),
        "mild": replace(DECLARED["over_refusal"], title="Mild requests", short=""),
    }  # fmt: skip
    for name, benchmark in second.items():
        monkeypatch.setitem(DECLARED, name, benchmark)  # type: ignore[arg-type]
    kinds = {"hle": "exam", "do_not_answer": "harm", "over_refusal": "mild"}
    more = ({"name": "old", "kind": "do_not_answer"},)
    report = load_report(several(tmp_path, kinds=kinds, more=more, main="sums", claims=None))
    blocks = report.metrics["benchmarks"]
    measures = {name: (block["kind"], block["measure"]) for name, block in blocks.items()}
    assert measures["do_not_answer"] == ("harm", "safety")
    assert measures["over_refusal"] == ("mild", "over_refusal")
    assert list(blocks["do_not_answer"]["models"]["base"]["risk_areas"]) == ["Everyday harm"]
    assert (
        "on the 40 embedded instructions in HarmBook's form"
        in (report.metrics["tradeoffs"]["tuned"]["sentence"])
    )
    lines = {row["benchmark"]: row["line"] for row in report.metrics["further"]}
    assert lines["hle"].startswith("hle (embedded questions in its form, not The Other Exam): ")
    page = "".join(getattr(sections, part)(report).markup for part in ("verdict", "safety"))
    assert "the 40 embedded instructions in HarmBook" in page
    # A set after the first has its sentence and its figure.
    assert "old (embedded instructions in its form, not Do-Not-Answer): " in page
    for name in ("safety", "safety-old"):
        assert page.count(f'id="figure-{name}"') == 1
