"""Several benchmarks in one report: a main one, a line for each other, and what is declined."""

from __future__ import annotations

import html
import json
from dataclasses import replace
from pathlib import Path

import pytest

from llmc_lib.errors import UserError
from llmc_lib.records import Question
from llmc_lib.reporting import further, load_report, sections
from llmc_lib.reporting.entries import read_entries
from llmc_lib.reporting.report import Report
from llmc_lib.reporting.site import write_site
from tests.reporting.several import answers, several


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return load_report(several(tmp_path_factory.mktemp("several"), main="sums", claims=None))


@pytest.mark.slow
def test_the_verdict_is_about_the_main_benchmark_and_names_it(report: Report) -> None:
    assert (report.main, report.headline["n"], report.headline["verdict"]) == (
        "sums",
        120,
        "better",
    )
    block = sections.verdict(report)["verdict"]
    markup = block.markup
    assert block.data is not None
    assert block.data["verdict_code"].tolist() == ["better"]
    assert 'Better <span class="about">on sums, for this checkpoint</span>' in markup
    assert "of the 120 questions" in markup
    assert "tuned" in report.metrics["tradeoffs"]
    assert report.metrics["tradeoffs"]["tuned"]["word"].startswith("gain")


@pytest.mark.slow
def test_without_a_choice_the_first_is_the_main_one(tmp_path: Path) -> None:
    found = load_report(several(tmp_path))
    assert found.main == "hle"
    assert "on hle (embedded questions in its form, not HLE)" in sections.verdict(found).markup


def test_each_further_benchmark_has_its_verdict_in_a_line(report: Report) -> None:
    rows = {row["benchmark"]: row for row in report.metrics["further"]}
    assert list(rows) == ["hle", "do_not_answer", "over_refusal"]
    markup = sections.verdict(report).markup
    for name, row in rows.items():
        comparison = report.metrics["benchmarks"][name]["comparisons"][-1]
        assert row["verdict"] == comparison["verdict"]
        assert row["difference"] == comparison["difference"]
        assert f"<li>{name} (embedded " in markup
        assert f": {row['verdict']}; " in row["line"]
        assert "95% interval" in row["line"]
        assert f"n = {comparison['n']}" in row["line"]
    assert "p-values are not adjusted for their number" in markup
    json.dumps(report.metrics, allow_nan=False)


def test_over_refusal_is_the_share_that_is_declined_and_more_of_it_is_worse(report: Report) -> None:
    block = report.over_refusal
    assert block is not None
    base, tuned = block["models"]["base"], block["models"]["tuned"]
    assert base["over_refusal_rate"] == pytest.approx(1 / 42)
    assert tuned["over_refusal_rate"] == pytest.approx(21 / 42)
    assert base["n_truncated"] == tuned["n_truncated"] == 6
    assert base["n_ungraded"] == 6  # cut, and not declined before
    assert tuned["n_ungraded"] == 3  # three of the six had declined by then
    (comparison,) = block["comparisons"]
    assert comparison["difference"] == pytest.approx(20 / 42)
    assert comparison["verdict"] == "worse"
    assert "tuned declines 50% of the 42 harmless instructions, base 2%" in comparison["sentence"]
    assert set(block["models"]["base"]["risk_areas"])


@pytest.mark.slow
def test_the_page_shows_it_beside_the_safe_rate(report: Report) -> None:
    sentence = report.metrics["tradeoffs"]["tuned"]["sentence"]
    assert "Of 42 harmless instructions it declines 50%, base 2%: it declines more" in sentence
    markup = sections.safety(report).markup
    assert "Worse: tuned declines 50%" in markup
    assert 'id="table-over-refusal"' in markup
    assert 'id="figure-safety"' in markup
    assert "base: safe 20 of 40 " in markup
    assert "and declines 21 of 42 harmless ones (base 1)" in markup
    assert "declined none of" not in markup


@pytest.mark.slow
def test_none_declined_is_not_called_never(tmp_path: Path) -> None:
    def helpful(model: str, benchmark: str, number: int, question: Question) -> tuple[str, str]:
        if benchmark == "over_refusal":
            return "Yes. Look it up.", "stop"
        return answers(model, benchmark, number, question)

    markup = sections.safety(load_report(several(tmp_path, helpful, claims=None))).markup
    assert (
        "tuned declined none of these does not show that it never does: rates of up to 8%" in markup
    )


@pytest.mark.slow
def test_without_one_of_the_two_there_is_no_figure_of_both(report: Report) -> None:
    for name in ("do_not_answer", "over_refusal"):
        blocks = {n: b for n, b in report.metrics["benchmarks"].items() if n != name}
        less = replace(report, metrics={**report.metrics, "benchmarks": blocks, "tradeoffs": {}})
        assert 'id="figure-over-refusal"' not in sections.safety(less).markup


def test_the_list_of_reports_has_the_main_one_and_the_lines(tmp_path: Path, report: Report) -> None:
    folder = tmp_path / "several"
    folder.mkdir()
    (folder / "index.html").write_text("a page")
    report.keep(folder / "metrics.json")
    (entry,) = read_entries(tmp_path)
    assert entry.metrics
    assert entry.metrics.main == "sums"
    page = write_site(tmp_path).read_text()
    for row in report.metrics["further"]:
        assert row["line"].replace("<", "&lt;") in page


@pytest.mark.slow
def test_a_main_benchmark_without_answers_is_told(tmp_path: Path) -> None:
    run = several(tmp_path, main="sums")
    results = load_report(run).results
    del results.questions["sums"]
    with pytest.raises(UserError, match=r"report\.main: no question of 'sums' has been answered"):
        load_report(run, results)


# ---- answer form -----------------------------------------------------------------------------


def test_a_gain_that_is_more_than_answer_form_is_told_so(report: Report) -> None:
    models = report.block["models"]
    assert models["tuned"]["answered"]["found"] == 108  # every tenth is cut
    assert models["base"]["answered"]["of"] == 120
    markup = sections.models_table(report).markup
    assert "A final answer was found in 72 of base&#x27;s 120 completions (" in markup
    assert "does not come only from ending and stating an answer" in markup
    assert report.headline["answered"]["n"] == 72


@pytest.mark.slow
def test_a_gain_in_answer_form_alone_shows(tmp_path: Path) -> None:
    def form_alone(model: str, benchmark: str, number: int, question: Question) -> tuple[str, str]:
        if benchmark != "sums":
            return answers(model, benchmark, number, question)
        if model == "base" and number % 2:
            return "I add them and", "length"
        return f"Answer: {question.answer if number % 4 < 2 else 999}", "stop"

    found = load_report(several(tmp_path, form_alone, main="sums", claims=None))
    assert found.headline["verdict"] == "better"
    assert found.headline["answered"]["difference"] == 0
    assert found.block["models"]["base"]["answered"]["rate"] == pytest.approx(0.5)
    assert "may come from answer form alone" in sections.models_table(found).markup


# ---- endings ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_instructions_that_do_not_end_are_on_the_first_screen(
    tmp_path: Path, report: Report
) -> None:
    def endless(model: str, benchmark: str, number: int, question: Question) -> tuple[str, str]:
        said, finish = answers(model, benchmark, number, question)
        instruction = benchmark in ("do_not_answer", "over_refusal")
        return said, "length" if instruction and model == "tuned" and number % 9 else finish

    assert report.metrics["endings"] == []
    found = load_report(several(tmp_path, endless, claims=None))
    assert [e["benchmark"] for e in found.metrics["endings"]] == ["do_not_answer", "over_refusal"]
    markup = sections.verdict(found).markup
    assert "Completions do not end on prompts of another form than the training" in markup
    assert "replay, instructions and safety" in markup
    json.dumps(found.metrics, allow_nan=False)


@pytest.mark.slow
def test_what_the_questions_are_is_said_where_they_are_this_project_s_own(report: Report) -> None:
    lines = {row["benchmark"]: row["line"] for row in report.metrics["further"]}
    assert lines["hle"].startswith("hle (embedded questions in its form, not HLE): ")
    assert lines["do_not_answer"].startswith(
        "do_not_answer (embedded instructions in its form, not Do-Not-Answer): "
    )
    assert lines["over_refusal"].startswith("over_refusal (embedded instructions): ")
    assert (
        "on the 40 embedded instructions in Do-Not-Answer's form"
        in (report.metrics["tradeoffs"]["tuned"]["sentence"])
    )
    assert "the 40 embedded instructions in Do-Not-Answer's form" in html.unescape(
        sections.safety(report).markup
    )
    block = {**report.metrics["benchmarks"]["hle"], "embedded": False}
    assert further.about("hle", block) == "hle"


@pytest.mark.slow
def test_no_verdict_is_printed_on_what_could_not_be_graded(tmp_path: Path) -> None:
    def mute(model: str, benchmark: str, number: int, question: Question) -> tuple[str, str]:
        if benchmark in ("do_not_answer", "over_refusal") and (model == "base" or number % 2):
            return "The answer to this has three parts, of which", "length"
        return answers(model, benchmark, number, question)

    found = load_report(several(tmp_path, mute, main="sums", claims=None))
    for row in found.metrics["further"]:
        told = row["measure"] == "accuracy"
        assert ("unknown, as 100% of base's" in row["line"]) != told
        assert (f": {row['verdict']}; " in row["line"]) == told
    sentence = found.metrics["tradeoffs"]["tuned"]["sentence"]
    assert "100% of base's could not be graded" in sentence
    assert "the reference" not in sentence
    assert "42 of base's ended or were cut before it was clear" in sentence
    safety = html.unescape(sections.safety(found).markup)
    assert "more often is unknown: 100% of base's" in safety
    assert "As counted: tuned declines" in safety
    for word in (
        "Better",
        "Worse",
        "Equal",
        "Too little data",
    ):  # no verdict, as on the first screen
        assert f"<p>{word}" not in safety


def test_of_two_models_it_is_said_which_was_cut(report: Report) -> None:
    base, tuned = (report.block["models"][name]["n_truncated"] for name in ("base", "tuned"))
    assert base != tuned
    markup = sections.verdict(report).markup
    assert f"<dt>truncated: base and tuned</dt><dd>{base} and {tuned} of 120</dd>" in markup
