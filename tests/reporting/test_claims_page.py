"""False claims: counted by model, compared between wrong and right answers, and kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from llmc_lib.evaluation.results import Results
from llmc_lib.records import Question
from llmc_lib.reporting import claims_page
from llmc_lib.reporting.cases.trace import whole
from llmc_lib.store import sha256_text


def _results(n: int) -> Results:
    """`base` is wrong, with a false claim, on each third question; `tuned` on none."""
    rows, texts = [], {}
    for model in ("base", "tuned"):
        for number in range(n):
            wrong = model == "base" and number % 3 == 0
            rows.append(
                {"benchmark": "hle", "model": model, "question_id": f"q{number}", "sample": 0,
                 "status": "incorrect" if wrong else "correct", "correct": not wrong}
            )  # fmt: skip
            said = f"{number} + 1 = {number + (5 if wrong else 1)}"
            texts["hle", model, f"q{number}", 0] = (f"So {said}.", "Answer: 1")
    questions = {
        "hle": {
            f"q{n}": Question(f"q{n}", "hle", "?", "1", "exactMatch", "Math", "") for n in range(n)
        }
    }
    return Results(pd.DataFrame(rows), {"base": "", "tuned": ""}, questions, {}, texts=texts)


def test_the_claims_of_each_model_are_counted(tmp_path: Path) -> None:
    checked = claims_page.check_sample(_results(30), "hle", None, 0, tmp_path)
    sums = checked.groupby("model")[["checked", "false"]].sum().to_dict("index")
    assert sums == {"base": {"checked": 30, "false": 10}, "tuned": {"checked": 30, "false": 0}}
    tree = ElementTree.fromstring(f"<div>{claims_page.claims(checked, 30).markup}</div>")
    rows = [["".join(cell.itertext()) for cell in row] for row in tree.findall(".//tbody/tr")]
    assert rows[0] == ["base", "30", "10", "30", "33", "19–51"]
    assert rows[1][:5] == ["tuned", "30", "0", "30", "0"]


def test_a_sample_is_drawn_by_the_seed_the_same_of_all_models(tmp_path: Path) -> None:
    results = _results(30)
    draws = [claims_page.check_sample(results, "hle", 7, seed, tmp_path) for seed in (1, 1, 2)]
    ids = [list(draw.groupby("model")["question_id"].agg(tuple)) for draw in draws]
    assert ids[0] == ids[1] != ids[2]
    assert ids[0][0] == ids[0][1]
    assert "7 questions, drawn at random from 30" in claims_page.claims(draws[0], 30).markup


def test_wrong_answers_with_more_false_claims_are_told() -> None:
    draw = np.random.default_rng(0)
    right = draw.random(400) < 0.6
    false = draw.random(400) < np.where(right, 0.1, 0.5)
    table = pd.DataFrame(
        {"model": "m", "question_id": [f"q{n // 2}" for n in range(400)], "correct": right,
         "checked": 3, "false": false.astype(int)}
    )  # fmt: skip
    found = claims_page.association(table)
    assert found is not None
    assert found.difference == pytest.approx(false[~right].mean() - false[right].mean())
    assert 0 < found.low < found.difference < found.high
    assert found.p_value < 0.001
    assert claims_page.sentence(table).startswith("Wrong answers carry false claims more often")
    alike = table.assign(false=(draw.random(400) < 0.2).astype(int))
    assert claims_page.sentence(alike).startswith("It cannot be told")


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    draw = np.random.default_rng(1)
    covered = 0
    for _ in range(300):
        hardness = np.repeat(draw.random(80), 3)
        right = draw.random(240) > hardness
        false = draw.random(240) < np.where(right, 0.15, 0.35)
        table = pd.DataFrame(
            {"model": "m", "question_id": np.repeat(np.arange(80), 3), "correct": right,
             "checked": 1, "false": false.astype(int)}
        )  # fmt: skip
        found = claims_page.association(table)
        assert found is not None
        covered += found.low <= 0.2 <= found.high
    assert 0.91 <= covered / 300 <= 0.985


def test_few_questions_say_nothing() -> None:
    table = pd.DataFrame(
        {
            "model": "m",
            "question_id": ["a", "b"],
            "correct": [True, False],
            "checked": 1,
            "false": [0, 1],
        }
    )
    assert claims_page.association(table) is None
    assert "cannot be told" in claims_page.sentence(table)


def test_marks_are_places_in_the_trace(tmp_path: Path) -> None:
    results = _results(3)
    found = claims_page.marks(
        results, [("hle", "base", "q0", 0), ("hle", "base", "q1", 0)], tmp_path
    )
    text = whole(*results.texts["hle", "base", "q0", 0])
    (mark,) = found[sha256_text(text)]
    assert text[mark.start : mark.end] == "0 + 1 = 5"
    assert mark.note == "0 + 1 = 1, not 5"
    assert len(found) == 1


def test_no_claim_at_all_is_said(tmp_path: Path) -> None:
    results = _results(3)
    silent = replace(results, texts=dict.fromkeys(results.texts, ("", "Paris")))
    checked = claims_page.check_sample(silent, "hle", None, 0, tmp_path)
    assert "No answer states one" in claims_page.claims(checked, 3).markup
