"""Side by side: seeded, gained and lost in turn, and nothing that a model wrote is live."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pandas as pd
import pytest

from llmc_lib.evaluation.results import Results
from llmc_lib.records import Question
from llmc_lib.reporting import cases

HOSTILE = "<script>alert(1)</script></div> $\\href{javascript:alert(1)}{x}$ \x00 \u202e"


def _results(outcomes: str, text: str = "Answer: 1") -> Results:
    """A question for each letter: (g)ained, (l)ost, (b)oth right, (n)one right."""
    questions = {
        f"q{n:02}": Question(f"q{n:02}", "hle", f"What is {n}?\nSay it.", "1", "exactMatch", "Math", "", "So.")
        for n in range(len(outcomes))
    }  # fmt: skip
    rows = [
        {
            "benchmark": "hle",
            "model": model,
            "question_id": id_,
            "category": "Math",
            "status": "correct" if outcome in right else "incorrect",
            "correct": outcome in right,
            "truncated": False,
            "failed": False,
            "extracted": text[:40],
            "rule": "marked",
            "finish_reason": "stop",
            "completion_tokens": 7,
        }
        for model, right in (("base", "lb"), ("tuned", "gb"))
        for id_, outcome in zip(questions, outcomes, strict=True)
    ]
    texts = {("hle", str(row["model"]), str(row["question_id"]), 0): (text, text) for row in rows}
    return Results(
        pd.DataFrame(rows), {"base": "", "tuned": ""}, {"hle": questions}, {}, texts=texts
    )


def _shown(markup: str) -> list[tuple[str, str]]:
    return re.findall(r'id="question-(q\d+)"><summary><span class="outcome (\w+)"', markup)


def test_gained_and_lost_alternate_while_both_last() -> None:
    block = cases.side_by_side(_results("gggggllbn"), "hle", "base", "tuned", 6, 1)
    shown = _shown(block.markup)
    assert [outcome for _, outcome in shown] == ["gained", "lost", "gained", "lost", "gained", "gained"]  # fmt: skip
    assert len({id_ for id_, _ in shown}) == 6
    assert "6 of the 7 questions" in block.markup


def test_the_seed_decides_what_is_shown() -> None:
    results = _results("gl" * 15)
    draws = [
        cases.side_by_side(results, "hle", "base", "tuned", 6, seed).markup for seed in (1, 1, 2)
    ]
    assert draws[0] == draws[1]
    assert _shown(draws[0]) != _shown(draws[2])


def test_no_more_than_there_are_is_shown() -> None:
    assert (
        len(_shown(cases.side_by_side(_results("gl"), "hle", "base", "tuned", 12, 0).markup)) == 2
    )


def test_nothing_to_show_is_said() -> None:
    same = cases.side_by_side(_results("bn"), "hle", "base", "tuned", 5, 0).markup
    assert "exactly the same questions" in same
    none = cases.side_by_side(_results("gl"), "hle", "base", "tuned", 0, 0).markup
    assert "report.cases is 0" in none


def test_a_hostile_completion_is_escaped() -> None:
    markup = cases.side_by_side(_results("gl", HOSTILE), "hle", "base", "tuned", 2, 0).markup
    markup.encode()
    tree = ElementTree.fromstring(f"<div>{markup}</div>")
    assert not tree.findall(".//script")
    assert not [name for element in tree.iter() for name in element.attrib if name in ("href", "onclick")]  # fmt: skip
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in markup


def test_a_hostile_model_name_is_escaped() -> None:
    results = _results("gl")
    name = '<b>"x"</b>'
    answers = results.answers.replace({"model": {"tuned": name}})
    other = Results(answers, {"base": "", name: ""}, results.questions, {})
    assert "<b>&quot;" not in cases.side_by_side(other, "hle", "base", name, 2, 0).markup
    assert "&lt;b&gt;" in cases.side_by_side(other, "hle", "base", name, 2, 0).markup


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"truncated": True}, "cut at the token limit"),
        ({"status": "ungraded"}, "no answer found"),
        ({"status": "missing"}, "no completion"),
        ({}, "(nothing)"),
    ],
)
def test_what_became_of_an_answer_is_said(change: dict[str, object], words: str) -> None:
    results = _results("g")
    answers = results.answers.assign(**change)  # type: ignore[arg-type]
    other = Results(answers, results.models, results.questions, {})
    assert words in cases.side_by_side(other, "hle", "base", "tuned", 1, 0).markup


def test_the_outcomes_add_up() -> None:
    results = _results("ggglbbnnnn")
    table = cases.outcomes(results, "hle", "base", "tuned")
    assert table["outcome"].value_counts().to_dict() == {
        "both wrong": 4,
        "gained": 3,
        "both right": 2,
        "lost": 1,
    }
    tree = ElementTree.fromstring(cases.outcome_table(results, "hle", "base", "tuned").markup)
    rows = [["".join(cell.itertext()) for cell in row] for row in tree.findall(".//tbody/tr")]
    assert rows == [["Math", "2", "3", "1", "4"], ["All questions", "2", "3", "1", "4"]]
