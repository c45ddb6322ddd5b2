"""Side by side: seeded, gained and lost in turn, and nothing that a model wrote is live."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from pydantic import ValidationError

from llmc_lib.errors import UserError
from llmc_lib.evaluation.results import Results
from llmc_lib.params import CasesParams, Params
from llmc_lib.records import Question
from llmc_lib.reporting import cases, sections
from llmc_lib.reporting.cases.trace import Mark, Trace, columns
from llmc_lib.reporting.report import Report
from llmc_lib.store import Run, write_mark

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
    assert (
        "4 of the 5 questions gained and 2 of the 2 lost, drawn at random (seed 1)" in block.markup
    )
    assert "says nothing about how often each happens" in block.markup


def test_where_all_are_shown_nothing_was_drawn() -> None:
    markup = cases.side_by_side(_results("ggl"), "hle", "base", "tuned", 12, 0).markup
    assert "All questions on which the two disagree: 2 gained and 1 lost." in markup
    assert "at random" not in markup


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
    assert not [name for element in tree.iter() for name in element.attrib if name == "onclick"]
    links = [element.attrib["href"] for element in tree.iter() if "href" in element.attrib]
    assert all(link.startswith("#question-") for link in links)  # ours
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
    counts = ["2", "3", "1", "4", "40%"]
    assert rows == [["Math", *counts], ["All questions", *counts]]


def test_of_several_samples_the_first_that_shows_the_difference_is_shown() -> None:
    one = _results("gl")
    samples = []
    for sample in range(3):  # the reference right in none, one, two of three
        rows = one.answers.assign(sample=sample)
        rows["correct"] = (rows["model"] == "tuned") == (rows["question_id"] == "q00")
        rows.loc[rows.index[0], "correct"] = sample == 0
        samples.append(rows)
    several = replace(one, answers=pd.concat(samples, ignore_index=True))
    found = cases.chosen_cases(several, "hle", ("base", "tuned"), 2, 0)
    assert [case.outcome for case in found] == ["gained", "lost"]
    assert [[cases.key_of(answer)[1:] for answer in case.answers] for case in found] == [
        [("base", "q00", 1), ("tuned", "q00", 0)],
        [("base", "q01", 0), ("tuned", "q01", 0)],
    ]


# ---- which are shown ---------------------------------------------------------------------------


def _table() -> pd.DataFrame:
    outcome = ["gained", "lost", "both right", "gained", "lost", "both wrong"] * 5
    return pd.DataFrame(
        {
            "outcome": outcome,
            "category": ["Math", "Physics", "Chemistry"] * 10,
            "tokens": [float(n) for n in range(30)],
        },
        index=[f"q{n:02}" for n in range(30)],
    )


def test_so_many_of_each_category_or_length_are_drawn() -> None:
    table = _table()
    of_each = cases.choose(table, CasesParams(gained=1, lost=1, per="category"), 0)
    assert table.loc[of_each].groupby("category")["outcome"].agg(list).to_dict() == {
        "Math": ["gained"],
        "Physics": ["lost"],
    }
    by_length = table.loc[cases.choose(table, CasesParams(gained=2, lost=1, per="length"), 0)]
    thirds = by_length["tokens"].floordiv(10).to_list()
    assert thirds == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    only = CasesParams(gained=9, lost=9, categories=("Physics",))
    assert table.loc[cases.choose(table, only, 0)]["category"].unique().tolist() == ["Physics"]


def test_named_questions_are_shown_in_their_order() -> None:
    assert cases.choose(_table(), CasesParams(ids=("q08", "q02")), 0) == ["q08", "q02"]
    markup = cases.side_by_side(
        _results("gbn"), "hle", "base", "tuned", CasesParams(ids=("q01", "q02")), 0
    ).markup
    assert re.findall(r'class="outcome ([a-z-]+)"', markup) == ["both-right", "both-wrong"]


def test_unknown_questions_and_categories_are_named_with_a_remedy() -> None:
    with pytest.raises(UserError, match=r"report\.cases\.ids: no question 'q0'; did you mean 'q"):
        cases.choose(_table(), CasesParams(ids=("q0",)), 0)
    with pytest.raises(UserError, match=r"report\.cases\.categories: .*'Maths'; there are Math"):
        cases.choose(_table(), CasesParams(categories=("Maths",)), 0)
    with pytest.raises(ValidationError, match="give one of the two"):
        CasesParams(ids=("a",), categories=("Math",))


# ---- two traces --------------------------------------------------------------------------------


def _columns(left: Trace, right: Trace) -> ElementTree.Element:
    return ElementTree.fromstring(
        f"<div>{columns('x', left, right, ('<p>a</p>', '<p>b</p>'))}</div>"
    )


def _with(tree: ElementTree.Element, name: str) -> list[str]:
    return [
        "".join(e.itertext()).strip() for e in tree.iter() if name in e.get("class", "").split()
    ]


def test_the_common_is_dimmed_and_the_parting_marked_in_both() -> None:
    start = "We add the first three odd numbers, 1, 3 and 5."
    tree = _columns(
        Trace(f"{start}\n\nThe sum is 1 + 3 + 5 = 9.", "Answer: 9"),
        Trace(f"{start}\n\nThe sum is 1 + 3 + 5 = 8.", "Answer: 8"),
    )
    assert _with(tree, "common") == [start, start]
    assert [text.removeprefix("They part here") for text in _with(tree, "parting")] == [
        "The sum is 1 + 3 + 5 = 9.",
        "The sum is 1 + 3 + 5 = 8.",
    ]
    assert not _with(tree, "far")


def test_a_false_claim_is_underlined_with_its_check() -> None:
    text = "We get $3 \\cdot 14 + 5 = 57$ of them."
    at = text.index("3")
    mark = Mark(at, at + len("3 \\cdot 14 + 5 = 57"), "3·14 + 5 = 47, not 57")
    tree = _columns(Trace("", text, (mark,)), Trace("", "Nothing to see."))
    assert [t for t in _with(tree, "check") if "3·14 + 5 = 47, not 57" in t]
    (claim,) = [e for e in tree.iter() if e.get("class") == "claim"]
    assert claim.find("{http://www.w3.org/1998/Math/MathML}math") is not None  # all of it, whole


def test_long_traces_are_folded_around_the_parting_and_marks() -> None:
    steps = [f"Step {n}: the value of f({n}) is {n * n}." for n in range(60)]
    other = steps[:30] + [f"Otherwise {n}, we take {n + 7} cats." for n in range(20)]
    at = len("\n\n".join(steps[:10])) + 2
    tree = _columns(
        Trace("\n\n".join(steps), "", (Mark(at, at + 6, "a note"),)), Trace("\n\n".join(other), "")
    )
    far = set(_with(tree, "far"))
    assert steps[10] not in far
    assert "a note" in "".join(_with(tree, "check"))
    assert steps[2] in far
    assert steps[29] not in far
    assert len(_with(tree, "gap")) >= 4
    boxes = list(tree.iter("input"))
    labels = [e.get("for") for e in tree.iter("label")]
    assert [box.get("id") for box in boxes] == labels


def test_a_million_characters_are_cut_and_the_cut_is_said() -> None:
    start = time.process_time()
    markup = columns("x", Trace("a b c. " * 150_000, "x" * 1_000), Trace("", "y"), ("", ""))
    assert time.process_time() - start < 5
    assert len(markup) < 60_000
    assert "more characters of this trace are not shown" in markup


# ---- questions that must not be published ------------------------------------------------------


def test_of_withheld_benchmarks_no_word_is_shown() -> None:
    results = _results("gl", "The zebra crossing equation, I believe.")
    hidden = replace(results, withheld=frozenset({"hle"}))
    markup = cases.side_by_side(hidden, "hle", "base", "tuned", 2, 0).markup
    for word in ("What is", "Say it", "zebra", "So.", "believe"):
        assert word not in markup
    assert "q00" in markup
    assert "Math" in markup
    assert "show_questions: true" in markup
    assert "7 tokens" in markup


def test_a_leap_is_labelled_as_an_opinion_and_escaped() -> None:
    mark = Mark(0, 7, "Nothing <b>shows</b> it.", "leap")
    markup = columns("x", Trace("", "Clearly so.", (mark,)), Trace("", "No."), ("", ""))
    assert '<span class="leap">Clearly</span>' in markup
    assert "the judge’s opinion: Nothing &lt;b&gt;shows&lt;/b&gt; it." in markup


def test_the_categories_of_the_outcomes_are_in_the_order_of_the_questions_ids() -> None:
    results = _results("gl")
    names = {"q00": "Z first", "q01": "A second"}
    answers = results.answers.assign(category=results.answers["question_id"].map(names))
    shuffled = answers.sort_values("category", ascending=False, kind="stable")
    for rows in (
        answers,
        shuffled.iloc[::-1],
    ):  # answers come in any order; the figures' is that of the ids
        markup = cases.outcome_table(replace(results, answers=rows), "hle", "base", "tuned").markup
        tree = ElementTree.fromstring(markup)
        assert tree.find(".//tbody/tr/th").text == "Z first"  # type: ignore[union-attr]


# ---- marked questions ------------------------------------------------------------------------


def _report(outcomes: str, folder: Path, **more: object) -> Report:
    values = {"run": "x", "runs_dir": str(folder), "report": {"cases": {"marked": True}}}
    metrics = {"main": "hle", "benchmarks": {"hle": {"comparisons": [{"model": "tuned"}]}}}
    results = replace(_results(outcomes), **more)  # type: ignore[arg-type]
    run = Run(Params.model_validate(values), folder / "x.yaml")
    return Report(run, results, metrics, {}, {}, {})


def test_marked_questions_are_shown_with_their_comments_whatever_became_of_them(tmp_path: Path) -> None:  # fmt: skip
    report = _report("glbn", tmp_path)
    for benchmark, question in (("hle", "q03"), ("hle", "gone"), ("other", "q01"), ("hle", "q00")):
        write_mark(report.run.exploring, benchmark, question, f"{question}: {HOSTILE}")
    markup = sections.side_by_side(report).markup
    shown = re.findall(r'id="question-(\w+)"', markup)
    assert shown == ["q03", "q00"]
    assert "2 questions marked while exploring." in markup
    assert markup.count('<p class="comment"><b>Comment</b> q0') == 2
    tree = ElementTree.fromstring(f"<div>{markup}</div>")
    assert not tree.findall(".//script")
    assert len(sections.shown_traces(report)) == 1  # the same text four times


def test_where_nothing_is_marked_it_is_said(tmp_path: Path) -> None:
    markup = sections.side_by_side(_report("gl", tmp_path)).markup
    assert "No question of this benchmark is marked" in markup
    assert "case" not in re.findall(r'class="([\w-]+)"', markup)


def test_comments_on_withheld_questions_are_not_shown(tmp_path: Path) -> None:
    report = _report("gl", tmp_path, withheld=frozenset({"hle"}))
    write_mark(report.run.exploring, "hle", "q00", "it quotes the question")
    markup = sections.side_by_side(report).markup
    assert 'id="question-q00"' in markup
    assert "quotes" not in markup
