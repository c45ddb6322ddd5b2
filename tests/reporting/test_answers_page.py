"""What notebook 3 shows of the answers: counts that add up, and texts that are read and not run."""

from __future__ import annotations

import numpy as np
import pandas as pd

from llmc_lib.evaluation.results import Results
from llmc_lib.records import Question
from llmc_lib.reporting import answers_page
from tests.reporting.edge_pages import answers

RIGHT = {"base": np.arange(20) < 5, "tuned": np.arange(20) < 12}


def _results(withheld: bool = False) -> Results:
    table = answers(RIGHT).assign(completion_tokens=np.arange(40) * 10.0, extracted="7")
    keys = table[["benchmark", "model", "question_id", "sample"]].itertuples(index=False, name=None)
    texts = dict.fromkeys(keys, ("Think.\nMore.", "<script>alert(1)</script>"))
    questions = {
        id_: Question(id_, "hle", f"What is {id_}?", "7", "exactMatch", "Math", "", "")
        for id_ in table["question_id"]
    }
    hidden = frozenset({"hle"} if withheld else ())
    return Results(
        table, dict.fromkeys(RIGHT, "made"), {"hle": questions}, {}, texts=texts, withheld=hidden
    )


def test_the_counts_are_those_of_the_answers() -> None:
    block = answers_page.counts(_results())
    assert block.data is not None
    assert block.data["correct"].tolist() == [5, 12]
    assert block.data["longest_tokens"].tolist() == [190, 390]
    assert "Median, tokens" in str(block)
    assert "295" in str(block)  # of the tuned model, without a decimal


def test_unknown_lengths_are_a_dash() -> None:
    results = _results()
    results.answers["completion_tokens"] = np.nan
    assert "–" in str(answers_page.counts(results))


def test_some_answers_are_escaped_and_are_data() -> None:
    block = answers_page.some(_results(), 3, 0)
    assert block.markup.count("<details") == 3
    assert "<script" not in block.markup
    assert "&lt;script&gt;" in block.markup
    assert isinstance(block.data, pd.DataFrame)
    assert block.data["reasoning"].tolist() == ["Think.\nMore."] * 3


def test_nothing_of_a_withheld_benchmark_is_shown() -> None:
    markup = answers_page.some(_results(withheld=True), 3, 0).markup
    assert "What is" not in markup
    assert "Think." not in markup
