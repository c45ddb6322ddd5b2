"""The panels: what they choose and draw is what the analysis says, and nothing that a model wrote is live."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from llmc_lib.analysis import compare, outcomes, rates
from llmc_lib.analysis.power import power
from llmc_lib.exploring import (
    Choice,
    Comparison,
    Design,
    Plots,
    Rows,
    Runs,
    Traces,
    Training,
    marks,
    open_runs,
)
from llmc_lib.exploring.panel import paragraph, table
from llmc_lib.exploring.plots import BY, agreement
from llmc_lib.exploring.rows import take
from llmc_lib.store import ROOT
from tests.exploring.made import HOSTILE, asked_twice


@pytest.fixture(scope="module")
def example() -> Runs:
    return open_runs(ROOT / "reports" / "example")


def _html(panel: object) -> str:
    return str(panel._shown.value)  # type: ignore[attr-defined]


# ---- choosing --------------------------------------------------------------------------------


@pytest.mark.slow
def test_filters_choose_whole_questions(choice: Choice) -> None:
    assert (len(choice.questions), len(choice.data)) == (40, 160)
    assert choice.told == "all questions"
    choice._categories.value = ("even",)
    assert (len(choice.questions), len(choice.data)) == (20, 80)
    choice._outcome.value = "gained"
    assert set(choice.questions["outcome"]) == {"gained"}
    right = choice.data.groupby(["question", "who"], observed=True)["correct"].mean().unstack()
    assert (right["tuned"] > right["base"]).all()
    assert choice.by_answers == ["outcome"]
    choice._outcome.value = "all"
    choice._models.value = ("tuned",)
    assert set(choice.data["who"]) == {"tuned"}
    assert len(choice.questions) == 20


@pytest.mark.slow
def test_outcomes_add_up(choice: Choice) -> None:
    sizes = {}
    for name in ("gained", "lost", "both", "neither"):
        choice._outcome.value = name
        sizes[name] = len(choice.questions)
        assert f"{sizes[name]:,} of 40 questions" in _html(choice)
    assert sum(sizes.values()) == 40
    choice._reference.value = "tuned"  # the pair is the other way round
    choice._candidate.value = "base"
    choice._outcome.value = "lost"
    assert len(choice.questions) == sizes["gained"]


@pytest.mark.slow
def test_words_and_lengths(choice: Choice) -> None:
    choice._word.value = "12 +"
    assert list(choice.questions["question"]) == ["s012"]
    assert choice.by_answers == []  # what is in a question is known before any answer
    choice._in.value = "what both wrote"
    assert choice.questions.empty
    choice._word.value = "ANSWER: 27"
    assert list(choice.questions["question"]) == ["s012"]
    assert choice.by_answers == ["a word in what models wrote"]
    choice._word.value = ""
    choice._tokens.value = (0, 45)
    assert choice.questions["tokens"].max() <= 45
    assert 0 < len(choice.questions) < 40
    choice._ending.value = "cut at the limit"
    assert choice.questions.empty


@pytest.mark.slow
def test_judge_and_rules(imported: Path) -> None:
    choice = Choice(open_runs(imported))
    assert not choice._apart.disabled
    choice._apart.value = True
    rows = choice.data.astype({"by_rules": object, "by_judge": object})
    both = rows.dropna(subset=["by_rules", "by_judge"])
    apart = set(both[both["by_rules"] != both["by_judge"]]["question"])
    assert set(choice.questions["question"]) == apart
    assert 0 < len(apart) < 200


def test_another_benchmark_has_its_own_categories(example: Runs) -> None:
    choice = Choice(example)
    assert choice.benchmark == "skills"
    choice._categories.value = ("Count",)
    choice._benchmark.value = "hle"
    assert "Math" in choice._categories.options
    assert choice._categories.value == ()
    assert len(choice.questions) == 200


# ---- plots -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_accuracy_is_what_the_analysis_says(choice: Choice) -> None:
    plots = Plots(choice)
    table = choice.outcomes()
    wanted = rates(outcomes(table), by_category=True).set_index(["model", "category"])
    found = plots.data.set_index(["model", "group"])
    for name in ("rate", "low", "high"):
        assert found[name].loc[wanted.index].tolist() == pytest.approx(wanted[name].tolist())
    assert plots.figure is not None
    choice._categories.value = ("odd",)
    assert set(plots.data["group"]) == {"odd"}


@pytest.fixture(scope="module")
def plots(example: Runs) -> Plots:
    """A panel in which each test chooses what it shows."""
    return Plots(Choice(example))


@pytest.mark.slow
@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("kind", ["Accuracy", "Lengths"])
def test_every_column_can_be_drawn(plots: Plots, kind: str, by: str) -> None:
    plots._kind.value, plots._by.value = kind, by
    assert 'class="warning"' not in _html(plots)
    if by == "confidence":  # which these models do not state
        assert plots.data.empty
        return
    assert not plots.data.empty
    assert "<svg" in _html(plots)
    ElementTree.fromstring(re.search(r"<svg.*</svg>", _html(plots), re.DOTALL)[0])  # type: ignore[index]


@pytest.mark.slow
def test_agreement_is_the_chance_of_two_answers(choice: Choice) -> None:
    plots = Plots(choice)
    plots._kind.value = "Agreement"
    rows = choice.data.pivot_table(
        index="question", columns=["who", "sample"], values="correct", observed=True
    )
    by_hand = np.mean([(rows["base"][a] == rows["tuned"][b]).mean() for a in (0, 1) for b in (0, 1)])  # fmt: skip
    assert plots.data.loc["base", "tuned"] == pytest.approx(by_hand)
    assert plots.data.loc["tuned", "base"] == pytest.approx(by_hand)
    for who in ("base", "tuned"):
        assert plots.data.loc[who, who] == pytest.approx((rows[who][0] == rows[who][1]).mean())
    one = agreement(pd.DataFrame({"a": [1.0, 0.0], "b": [1.0, 1.0]}), {"a": 1, "b": 1})
    assert one.to_numpy().tolist() == [[1.0, 0.5], [0.5, 1.0]]


@pytest.mark.slow
def test_what_flips_between_samples(choice: Choice, example: Runs) -> None:
    plots = Plots(choice)
    plots._kind.value = "Samples"
    rows = choice.data.groupby(["who", "question"], observed=True)["correct"].sum()
    found = plots.data.set_index(["model", "question"])["right"]
    assert found.loc[rows.index].tolist() == rows.tolist()
    once = Plots(Choice(example))
    once._kind.value = "Samples"
    assert "nothing can flip" in _html(once)


# ---- comparing -------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_comparison_is_that_of_the_analysis_and_is_counted(choice: Choice) -> None:
    panel = Comparison(choice)
    assert "its p-value is multiplied by 2" in _html(panel)
    panel._button.click()
    wanted = compare(outcomes(choice.outcomes())).iloc[0]
    (row,) = panel.data.to_dict("records")
    for name in ("difference", "low", "high"):
        assert row[name] == pytest.approx(100 * wanted[name])
    assert (row["gained"], row["lost"]) == (wanted["gained"], wanted["lost"])
    assert row["p_value"] == pytest.approx(wanted["p_value"])
    assert row["p_adjusted"] == pytest.approx(min(1, 2 * wanted["p_value"]))
    panel._button.click()  # the same subset again
    assert len(panel.data) == 1
    choice._categories.value = ("odd",)
    panel._button.click()
    assert panel.data["look"].tolist() == [1, 2]
    assert panel.data["p_adjusted"].iloc[1] == pytest.approx(min(1, 6 * panel.data["p_value"].iloc[1]))  # fmt: skip
    choice._categories.value = ("even", "odd")  # all of them, by another way
    panel._button.click()
    assert len(panel.data) == 2
    assert len(Comparison(Choice(choice.runs)).data) == 2  # a new kernel knows


@pytest.mark.slow
def test_no_test_on_questions_that_were_chosen_by_their_answers(choice: Choice) -> None:
    panel = Comparison(choice)
    choice._outcome.value = "gained"
    assert "No test here" in _html(panel)
    assert panel._button.disabled
    panel._compare()
    assert panel.data.empty
    choice._outcome.value = "all"
    choice._candidate.value = "base"
    assert "two different models" in _html(panel)


@pytest.mark.slow
def test_no_test_where_it_is_not_known_how_many_there_were(choice: Choice) -> None:
    panel = Comparison(choice)
    panel._button.click()
    (run,) = choice.folders
    file = run.state / "looks.jsonl"
    file.write_text(file.read_text().replace('"gained"', '"lost"'))
    again = Comparison(Choice(choice.runs))
    assert 'class="warning"' in _html(again)
    assert "was changed after it was written" in _html(again)
    assert again._button.disabled
    panel._button.click()
    assert "was changed after it was written" in _html(panel)


# ---- designs ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_sliders_show_what_the_analysis_says(choice: Choice) -> None:
    design = Design(choice)
    assert (design._questions.value, design._samples.value) == (40, 2)
    design._questions.value, design._samples.value, design._size.value = 1000, 4, 3.0
    chance = power(0.03, 1000, design._parts, 4)
    assert f"{100 * chance:.0f}%" in _html(design)
    assert np.interp(0.03, design.data["difference"], design.data["power"]) == pytest.approx(chance, abs=0.02)  # fmt: skip
    limit = design._limit.options[3]
    design._limit.value = limit
    rows = choice.outcomes()
    kept = rows["correct"] & (rows["completion_tokens"] <= limit)
    rate = 100 * kept[rows["model"] == "tuned"].mean()
    assert f"Cut at {limit:,}\N{NO-BREAK SPACE}tokens" in _html(design)
    assert f"tuned {rate:.0f}%" in _html(design)


@pytest.mark.slow
def test_where_no_length_is_known_power_is_shown_alone(imported: Path) -> None:
    design = Design(Choice(open_runs(imported)))
    assert "of the time" in _html(design)
    assert 'class="warning"' not in _html(design)


# ---- reading ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_models_wrote_is_escaped_and_false_claims_are_underlined(choice: Choice) -> None:
    traces = Traces(choice)
    shown = _html(traces)
    tree = ElementTree.fromstring(shown.replace(" hidden>", ">"))
    assert not tree.findall(".//script") + tree.findall(".//img")
    handlers = [element.attrib["onclick"] for element in tree.iter() if "onclick" in element.attrib]
    assert len(handlers) == 1  # ours, in which nothing of a text is
    assert "alert" not in handlers[0]
    assert shown.count('class="claim"') == 2
    assert "2 + 2 = 4, not 5" in shown
    assert HOSTILE in traces.markdown
    assert traces.markdown.count("```text\n") == 4


def test_a_fence_of_a_completion_does_not_end_the_fence() -> None:
    from llmc_lib.exploring.reading import _code, _fence

    assert _fence("a\n````\n# no head") == "`````text\na\n````\n# no head\n`````"
    assert _code("a`b\nc") == "`` a`b c ``"


@pytest.mark.slow
def test_next_previous_and_marks(choice: Choice) -> None:
    traces = Traces(choice)
    first = traces.question
    traces._after.click()
    second = traces.question
    assert first != second
    traces._comment.value = "look here"
    traces._mark.click()
    assert marks(choice.runs).to_dict("records") == [
        {"run": "twice", "benchmark": "sums", "question": second, "comment": "look here"}
    ]
    traces._before.click()
    assert (traces.question, traces._comment.value) == (first, "")
    again = Traces(Choice(choice.runs))  # another kernel
    again._at.value = 2
    assert again._comment.value == "look here"
    again._unmark.click()
    assert marks(choice.runs).empty
    choice._word.value = f"{int(second[1:])} +"
    assert traces.question == second
    choice._word.value = "nothing has this"
    assert "No question is chosen" in _html(traces)


@pytest.mark.slow
def test_the_sample_that_shows_the_outcome_is_first(choice: Choice) -> None:
    choice._outcome.value = "gained"
    traces = Traces(choice)
    assert traces._samples[0].label.endswith("(wrong)")
    assert traces._samples[1].label.endswith("(right)")


# ---- training and rows -----------------------------------------------------------------------


@pytest.mark.slow
def test_training_curves(example: Runs) -> None:
    panel = Training(example)
    assert panel.data["loss"].notna().sum() == 23
    for kind in panel._kind.options:
        panel._kind.value = kind
        assert "<svg" in _html(panel)
    before = _html(panel)
    panel._smooth.value = 9
    assert _html(panel) != before


def test_rows_by_source_kind_and_length(example: Runs) -> None:
    panel = Rows(example)
    every = len(panel.data)
    panel._by["source"].value = "safety"
    assert 0 < len(panel.data) < every
    assert set(panel.drawn["source"]) == {"safety"}
    half = int(panel.data["n_tokens"].median())
    panel._tokens.value = (0, half)
    assert panel.drawn["n_tokens"].max() <= half
    shown = _html(panel)
    panel._again.click()
    assert _html(panel) != shown


def test_only_the_rows_that_are_shown_are_read(tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    pd.DataFrame({"n": range(100)}).to_parquet(file, row_group_size=10)
    assert take(file, [0, 9, 10, 57, 99])["n"].tolist() == [0, 9, 10, 57, 99]


# ---- what cannot be shown --------------------------------------------------------------------


@pytest.mark.slow
def test_models_with_different_numbers_of_samples_are_compared(runs: Runs) -> None:
    table = runs.answers
    runs.answers = table[(table["model"] == "base") | (table["sample"] == 0)]
    choice = Choice(runs)
    design, comparison, traces = Design(choice), Comparison(choice), Traces(choice)
    assert "one sample per question" in _html(design) or "× 1 sample" in _html(design)
    comparison._button.click()
    assert "unequal numbers of samples" in _html(comparison)
    assert len(comparison.data) == 1
    assert 'class="columns"' in _html(traces)


@pytest.mark.slow
def test_what_a_name_holds_is_text(runs: Runs) -> None:
    name = "<img src=x>"
    frame = runs.answers.assign(model=runs.answers["model"].cat.rename_categories({"tuned": name}))
    runs.answers = frame
    choice = Choice(runs)
    plots = Plots(choice)
    shown = [_html(choice), _html(Comparison(choice)), _html(Design(choice))]
    for kind in plots._kind.options:
        plots._kind.value = kind
        shown.append(_html(plots))
    assert not [markup for markup in shown if "<img" in markup]
    assert all("&lt;img" in markup for markup in shown)


@pytest.mark.slow
def test_what_would_hide_or_reorder_a_name_is_shown_by_its_code(tmp_path: Path) -> None:
    params = asked_twice(tmp_path)
    file = tmp_path / "sums.jsonl"
    rows = (
        file.read_text().replace('"odd"', '"\\u202eo\\u0000dd"').replace('"s001"', '"s\\u001b001"')
    )
    file.write_text(rows)
    choice = Choice(open_runs(params))
    assert r"\u202eo\x00dd" in choice._categories.options
    plots, traces = Plots(choice), Traces(choice)
    assert r"\u202eo\x00dd" in _html(plots)
    traces._at.value = list(traces.data["question"]).index("s\x1b001") + 1
    assert "sU+001B001" in re.sub("<.*?>", "", _html(traces))
    frame = pd.DataFrame({"id\0": ["a\u202eb"]})
    assert re.findall(r"U\+\w+", table(frame) + paragraph("\x1b")) == ["U+0000", "U+202E", "U+001B"]
