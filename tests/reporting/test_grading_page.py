"""Two graders side by side: the numbers in words, and disagreements to read, safely."""

from __future__ import annotations

import html
from typing import Any
from xml.etree import ElementTree

import pandas as pd

from llmc_lib.evaluation.results import Results
from llmc_lib.records import Question
from llmc_lib.reporting.grading_page import agreements, grading

HOSTILE = "<script>alert(1)</script> $\\href{javascript:alert(1)}{x}$ \x1b[31m\x00 \u202e"


def _results(
    pairs: list[tuple[str, str | None]], text: str = "It is 2.", grader: str = "judge"
) -> Results:
    """An answer of one model to each question: its grade by the rules and by the judge."""
    questions = {
        f"q{n}": Question(f"q{n}", "hle", f"What is {n}?", "2", "exactMatch", "Math", "")
        for n in range(len(pairs))
    }
    rows: list[dict[str, Any]] = [
        {"benchmark": "hle", "model": "base", "question_id": id_, "sample": 0, "category": "Math",
         "status": by_judge or by_rules, "by_rules": by_rules, "by_judge": by_judge, "explanation": text}
        for id_, (by_rules, by_judge) in zip(questions, pairs, strict=True)
    ]  # fmt: skip
    texts = {("hle", "base", id_, 0): ("", "x" * 900 + text) for id_ in questions}
    return Results(
        pd.DataFrame(rows),
        {"base": "Base"},
        {"hle": questions},
        {},
        graders={"hle": grader},
        texts=texts,
    )


RIGHT, WRONG = ("correct", "correct"), ("incorrect", "incorrect")


def test_the_sentence_has_the_numbers_and_who_decides() -> None:
    results = _results([RIGHT] * 20 + [("correct", "incorrect")] * 5 + [("incorrect", "correct")] * 10 + [WRONG] * 15
                       + [("ungraded", "correct"), ("correct", None)])  # fmt: skip
    markup = grading(results, agreements(results), imported=False, seed=0).markup
    assert (
        "HLE: the judge has a grade for 51 answers that the rules have graded too. Of the 50 that both "
        "decided they agree on 35 (70%): Cohen's kappa, the agreement beyond chance, is 0.40 (95% interval "
    ) in html.unescape(markup)
    assert "In the figures of this page the judge decides." in markup
    assert "15 disagreements to read" in markup
    tree = ElementTree.fromstring(f"<div>{markup}</div>")
    cells = [["".join(c.itertext()) for c in row] for row in tree.findall(".//tbody/tr")]
    assert cells == [
        ["correct", "20", "5", "0"], ["incorrect", "10", "15", "0"], ["ungraded", "1", "0", "0"],
    ]  # fmt: skip


def test_imported_verdicts_and_rules_that_decide_are_named() -> None:
    results = _results([RIGHT, WRONG], grader="rules")
    markup = grading(results, agreements(results), imported=True, seed=0).markup
    assert "HLE: the imported verdicts have a grade for 2 answers" in markup
    assert "In the figures of this page the rules decide." in markup
    assert "to read" not in markup


def test_what_a_model_and_a_judge_wrote_is_text() -> None:
    results = _results([("correct", "incorrect")] * 30, HOSTILE)
    markup = grading(results, agreements(results), imported=False, seed=0).markup
    tree = ElementTree.fromstring(f"<div>{markup}</div>")
    assert not tree.findall(".//script")
    assert not [a for a in tree.iter() if "javascript" in str(a.attrib)]
    assert "\x1b" not in markup
    assert len(tree.findall(".//dt")) == 20
    assert "20 of 30 disagreements to read" in markup
    assert max(len("".join(dd.itertext())) for dd in tree.findall(".//dd")) < 2_500


def test_without_a_judge_there_is_nothing_to_compare() -> None:
    results = _results([("correct", None)])
    assert agreements(results) == {}
