"""False claims: counted by model, compared between wrong and right answers, and kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

from llmc_lib.analysis.false_claims import summarise_claims
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
    tree = ElementTree.fromstring(
        f"<div>{claims_page.claims(summarise_claims(checked, 30)).markup}</div>"
    )
    rows = [["".join(cell.itertext()) for cell in row] for row in tree.findall(".//tbody/tr")]
    assert rows[0] == ["base", "30", "10", "30", "33", "19–51"]
    assert rows[1][:5] == ["tuned", "30", "0", "30", "0"]


def test_a_sample_is_drawn_by_the_seed_the_same_of_all_models(tmp_path: Path) -> None:
    results = _results(30)
    draws = [claims_page.check_sample(results, "hle", 7, seed, tmp_path) for seed in (1, 1, 2)]
    ids = [list(draw.groupby("model")["question_id"].agg(tuple)) for draw in draws]
    assert ids[0] == ids[1] != ids[2]
    assert ids[0][0] == ids[0][1]
    assert (
        "7 questions, drawn at random from 30"
        in claims_page.claims(summarise_claims(draws[0], 30)).markup
    )


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.02, 0.2, "Wrong answers contain false claims more often than right ones. 30% of 40 wrong answers "),
        (-0.2, -0.02, "Right answers contain false claims more often than wrong ones."),
        (-0.02, 0.2, "It is not clear whether wrong answers contain more false claims than right ones."),
    ],
)  # fmt: skip
def test_the_sentence_goes_no_further_than_the_interval(low: float, high: float, said: str) -> None:
    found = {"wrong": 0.3, "right": 0.2, "n_wrong": 40, "n_right": 60, "difference": (low + high) / 2,
             "low": low, "high": high, "p_value": 0.04}  # fmt: skip
    assert claims_page.sentence(found).startswith(said)
    assert "is not known" in claims_page.sentence(None)
    assert claims_page.sentence(found | {"p_value": 0.06}).startswith("It is not clear")


def test_what_is_not_checked_is_said(tmp_path: Path) -> None:
    checked = claims_page.check_sample(_results(3), "hle", None, 0, tmp_path)
    markup = claims_page.claims(summarise_claims(checked, 3)).markup
    assert "written in symbols" in markup
    assert "Claims in words (“3 is less than 2”) are not checked" in markup


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
    assert "No answer states one" in claims_page.claims(summarise_claims(checked, 3)).markup
