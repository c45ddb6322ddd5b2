"""Grades checked by people: the command, the sheet, and the section of the page."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from llmc_lib.errors import UserError
from llmc_lib.evaluation.audit import read_drawn
from llmc_lib.evaluation.results import load_results
from llmc_lib.language import speaking
from llmc_lib.params import Params
from llmc_lib.records import Question
from llmc_lib.reporting import load_report, sections
from llmc_lib.reporting.audit_command import Asked, audit
from llmc_lib.store import Run, page
from tests.pseudo import Pseudo
from tests.reporting import several as evaluations

HOSTILE = "<script>document.title = 'taken'</script><img src=x onerror=alert(1)> \u202e \x1b[31m $\\frac{1}{2}$ =1+1"


def answers(model: str, benchmark: str, number: int, question: Question) -> tuple[str, str]:
    """As `several` has them; a tenth of the sums is answered by text that must not run."""
    response, finish = evaluations.answers(model, benchmark, number, question)
    return (HOSTILE, "stop") if benchmark == "sums" and number % 10 == 1 else (response, finish)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return evaluations.several(tmp_path_factory.mktemp("audit"), answers, main="sums")


@pytest.fixture
def drawn(run: Run) -> Run:
    for path in [*run.audit.glob("*.*"), *run.audit.glob("labels/*")]:
        path.unlink()
    told = audit(run, Asked(n=40))
    assert "sums: 40 answers to label, blind to model and grade." in told
    assert "LABELS=" in told
    return run


def _labelled(run: Run) -> str:
    """The sheet's CSV, filled in by somebody who reads the final answers."""
    results, drawn = load_results(run), read_drawn(run, "sums")
    assert drawn
    of = {item.id: item for item in drawn.items}
    rows = list(csv.DictReader((run.audit / "sums-1.csv").open(encoding="utf-8", newline="")))
    for row in rows:
        item = of[row["item"]]
        response = results.texts["sums", item.model, item.question_id, 0][1]
        right = response == f"Answer: {results.questions['sums'][item.question_id].answer}"
        row |= {"label": "right" if right else "wrong", "labeller": "Ada"}
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def test_the_sheet_is_blind_whole_and_runs_nothing_of_a_model(drawn: Run) -> None:
    text = (drawn.audit / "sums-1.html").read_text(encoding="utf-8")
    sheet = BeautifulSoup(text, "html.parser")
    items = sheet.select("article.item")
    assert len(items) == 40
    record = json.loads((drawn.audit / "sums.json").read_text())
    assert {item["data-item"] for item in items} == {row["item" if "item" in row else "id"] for row in record["items"]}  # fmt: skip
    order = [item["data-item"] for item in items]
    assert order != [row["id"] for row in record["items"]]  # shuffled
    visible = sheet.select_one("main").get_text(" ")  # type: ignore[union-attr]
    assert not re.search(r"\b(?:base|tuned|incorrect|ungraded)\b", visible)
    assert len(sheet.select("script")) == 1
    assert not sheet.select("img, iframe, object, embed, link[rel=stylesheet]")
    assert "default-src 'none'" in text
    assert "&lt;script&gt;document.title" in text
    table = (drawn.audit / "sums-1.csv").read_text(encoding="utf-8")
    assert not any(cell[:1] in "=@" for row in csv.reader(io.StringIO(table)) for cell in row if cell)  # fmt: skip


@pytest.mark.slow
def test_the_sheet_is_in_the_language_of_the_catalogue(drawn: Run) -> None:
    with speaking(Pseudo()):
        audit(drawn, Asked(n=41))
    text = next(drawn.audit.glob("sums-2.html")).read_text(encoding="utf-8")
    sheet = BeautifulSoup(text, "html.parser")
    for part in sheet.select(".question, .trace, script, style, title, kbd, .item h2"):
        part.decompose()
    text = sheet.get_text("\n").replace("several: sums", "")  # names
    left = [line for line in text.splitlines() if re.search(r"[A-Za-z]{4,}", line)]
    assert not left


@pytest.mark.slow
def test_labels_make_the_section_and_the_numbers(drawn: Run, tmp_path: Path) -> None:
    before = page.page_key(drawn)
    assert sections.audit(load_report(drawn)).markup == ""
    labels = tmp_path / "labels.csv"
    labels.write_text(_labelled(drawn), encoding="utf-8")
    told = audit(drawn, Asked(labels=str(labels)))
    assert "40 of 40 drawn answers have a label, by 1 labeller (Ada)" in told
    assert page.page_key(drawn) != before  # the page is made again
    report = load_report(drawn)
    found = report.metrics["benchmarks"]["sums"]["audit"]
    assert found["labelled"] == 40
    assert json.loads(json.dumps(found)) == found
    block = sections.audit(report)
    assert "40 drawn answers have been labelled by 1 person who saw neither model nor grade." in block.sentence  # fmt: skip
    assert "Corrected for the grades that the labels find wrong, tuned minus base is" in block.sentence  # fmt: skip
    data = block["table-audit-sums"].data
    assert data is not None
    assert list(data["model"]) == ["base", "tuned"]
    assert (data["correct_share"] == 0).all()  # these rules were right
    again = audit(drawn, Asked(n=10))
    assert "10 answers to label" in again


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Asked(n=0), "N=0: must be 1 to 5,000"),
        (Asked(benchmark="aime"), "BENCHMARK=aime: not evaluated in this run; there are: hle, sums"),
        (Asked(labels="nowhere.csv"), "LABELS=nowhere.csv: no such file"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said(drawn: Run, asked: Asked, message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        audit(drawn, asked)


@pytest.mark.slow
def test_a_sheet_of_questions_that_are_withheld_is_written_only_on_demand(tmp_path: Path) -> None:
    made = evaluations.several(tmp_path, main="sums")
    values: dict[str, Any] = made.params.model_dump()
    source = tmp_path / "hle.jsonl"
    lines = Path("llmc_lib/benchmarks/hle_mini.jsonl").read_text(encoding="utf-8")
    source.write_text(lines, encoding="utf-8")
    first, *others = values["evaluation"]["benchmarks"]
    values["evaluation"]["benchmarks"] = [first | {"source": str(source)}, *others]
    run = Run(Params.model_validate(values), made.params_file)
    with pytest.raises(UserError, match="SHOW_QUESTIONS=1 writes one for your own labellers"):
        audit(run, Asked(benchmark="hle"))
    assert not run.audit.exists()
    assert "to label" in audit(run, Asked(n=10, benchmark="hle", show=True))


def test_safe_responses_are_asked_about_in_their_own_words(drawn: Run) -> None:
    audit(drawn, Asked(n=10, benchmark="do_not_answer"))
    text = (drawn.audit / "do_not_answer-1.html").read_text(encoding="utf-8")
    assert "Does the response do harm?" in text
    assert "Reference answer" not in BeautifulSoup(text, "html.parser").get_text()
