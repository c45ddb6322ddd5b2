"""The numbers of metrics.json: their keys, and that no question leaves the denominator."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from llmc_lib.analysis.summary import summarise
from llmc_lib.reporting.sentences.tell import tell


def _row(model: str, number: int, status: str = "correct", finish: str = "stop") -> dict[str, Any]:
    return {
        "benchmark": "hle",
        "model": model,
        "question_id": f"q{number}",
        "category": "Math" if number % 2 else "Physics",
        "status": status,
        "correct": status == "correct",
        "truncated": finish == "length",
        "failed": finish == "failed",
    }


def _answers() -> pd.DataFrame:
    base = [_row("base", number, "incorrect") for number in range(10)]
    tuned = [_row("tuned", number) for number in range(5)]
    tuned += [
        _row("tuned", 5, "incorrect"),
        _row("tuned", 6, "incorrect", "length"),
        _row("tuned", 7, "ungraded"),
        _row("tuned", 8, "ungraded", "failed"),
        _row("tuned", 9, "missing", "failed"),
    ]
    return pd.DataFrame(base + tuned)


def test_missing_answers_of_a_rate_that_should_be_low() -> None:
    base = [_row("base", n, "correct") for n in range(100)]
    tuned = [_row("tuned", n, "incorrect" if n < 12 else "correct") for n in range(100)]
    tuned[20] |= {"status": "missing", "correct": None}
    for row in base + tuned:
        row["benchmark"] = "over_refusal"
    (block,) = summarise(pd.DataFrame(base + tuned))["benchmarks"]["over_refusal"]["comparisons"]
    assert block["difference"] == pytest.approx(0.12)
    assert [case["verdict"] for case in block["missing"]["cases"]] == ["worse", "worse"]
    assert (block["verdict"], block["missing"]["changes"]) == ("worse", False)


def test_every_question_stays_in_the_denominator() -> None:
    block = summarise(_answers())["benchmarks"]["hle"]
    tuned = block["models"]["tuned"]
    assert block["n_questions"] == 10
    assert tuned["accuracy"] == 0.5
    assert (tuned["n_answered"], tuned["n_truncated"]) == (7, 1)
    assert (tuned["n_failed"], tuned["n_missing"], tuned["n_ungraded"]) == (1, 1, 2)
    assert tuned["categories"]["Physics"] == {
        "accuracy": 0.6,
        "ci95": pytest.approx([0.2307, 0.8824], abs=1e-4),
        "n": 5,
        "n_without": 1,
    }
    assert block["comparisons"][0]["n"] == 10
    assert (block["comparisons"][0]["gained"], block["comparisons"][0]["lost"]) == (5, 0)


def test_the_official_block_drops_what_was_not_answered() -> None:
    official = summarise(_answers())["benchmarks"]["hle"]["models"]["tuned"]["official"]
    assert official == {
        "accuracy": 71.43,
        "wald_half_width": 33.47,  # 1.96 · sqrt(5/7 · 2/7 / 7), in percent
        "calibration_error": None,
        "n": 7,
        "accuracy_per_category": {"Physics": 100.0, "Math": 50.0},
    }


def test_the_keys_are_the_contract_but_for_sentences() -> None:
    block = summarise(_answers())["benchmarks"]["hle"]
    assert set(block) == set(
        "kind measure embedded n_questions n_samples n_clusters thresholds models repeats comparisons finish length limits limit_differences "
        "order_changes length_not_known power selection keys".split()
    )
    assert set(block["models"]["base"]) == set(
        "accuracy ci95 n_samples n_answered n_truncated n_failed n_missing n_ungraded official variance rerun "
        "calibration categories answered".split()
    )
    assert set(block["comparisons"][0]) == set(
        "model reference difference ci95 p_value gained lost n narrow p_adjusted test significant verdict "
        "detectable_difference standard_error correlation variance_reduction unpaired "
        "p_permutation p_holm interval variance rerun needed another_run missing prompts categories answered keys nearest".split()
    )
    assert set(block["comparisons"][0]["categories"]["Math"]) == set(
        "difference ci95 p_value gained lost n narrow interval p_adjusted significant".split()
    )
    assert set(block["comparisons"][0]["interval"]) == set(
        "low high level candidates narrow equivalence".split()
    )
    json.dumps(block, allow_nan=False)  # plain numbers, no numpy


def test_do_not_answer_has_its_own_keys() -> None:
    answers = _answers().assign(benchmark="do_not_answer")
    block = summarise(answers)["benchmarks"]["do_not_answer"]
    assert block["models"]["tuned"]["safe_rate"] == 0.5
    assert "official" not in block["models"]["tuned"]
    assert set(block["models"]["tuned"]["risk_areas"]) == {"Math", "Physics"}


def test_candidates_are_adjusted_together() -> None:
    third = [_row("third", number) for number in range(10)]
    block = summarise(pd.concat([_answers(), pd.DataFrame(third)]))["benchmarks"]["hle"]
    tuned, other = block["comparisons"]
    assert [tuned["reference"], other["reference"]] == ["base", "base"]
    for found in (tuned, other):
        assert found["p_value"] < found["p_adjusted"] <= 2 * found["p_value"]
        assert 0.025 <= found["interval"]["level"] < 0.05
        assert found["interval"]["candidates"] == 2
        assert found["significant"] == (found["interval"]["low"] > 0)
        assert found["interval"]["low"] < found["ci95"][0]
    # Holm's is a check beside it.
    assert [tuned["p_holm"], other["p_holm"]] == pytest.approx(
        [tuned["p_value"], 2 * other["p_value"]]
    )
    row = block["selection"]["candidates"][0]
    assert [row["low"], row["high"]] == [tuned["interval"]["low"], tuned["interval"]["high"]]
    assert row["p_adjusted"] == tuned["p_adjusted"]
    assert other["significant"]


def test_one_model_alone_has_no_comparison() -> None:
    answers = _answers()
    block = summarise(answers[answers["model"] == "base"])["benchmarks"]["hle"]
    assert block["comparisons"] == []


@pytest.mark.slow
def test_the_order_of_the_rows_of_a_model_does_not_matter() -> None:
    answers = _answers()
    turned = answers.sort_values(["model", "question_id"], ascending=[True, False])
    first, second = summarise(answers)["benchmarks"]["hle"], summarise(turned)["benchmarks"]["hle"]
    assert first == second


def test_a_question_answered_twice_is_refused() -> None:
    answers = pd.concat([_answers(), pd.DataFrame([_row("base", 3)])])
    with pytest.raises(ValueError, match="base answers question 'q3', sample 0 more than once"):
        summarise(answers)


def test_several_samples_are_clustered_by_question() -> None:
    draw = np.random.default_rng(2)
    rows = []
    for model, gain in (("base", 0.0), ("tuned", 0.2)):
        for number in range(120):
            rate = min(1.0, (number % 10) / 10 + gain)
            for sample, right in enumerate(draw.random(4) < rate):
                status = "correct" if right else "incorrect"
                rows.append({**_row(model, number, status), "sample": sample})
    block = summarise(pd.DataFrame(rows))["benchmarks"]["hle"]
    table = pd.DataFrame(rows).pivot_table(index="question_id", columns="model", values="correct")
    assert (block["n_questions"], block["n_samples"]) == (120, 4)
    base = table["base"].to_numpy()
    half = stats.t.ppf(0.975, 119) * base.std(ddof=1) / np.sqrt(120)
    assert block["models"]["base"]["accuracy"] == pytest.approx(base.mean())
    assert block["models"]["base"]["ci95"] == pytest.approx(  # in Wilson's form: a little inwards
        [base.mean() - half, base.mean() + half], abs=0.004
    )
    comparison = block["comparisons"][0]
    expected = stats.ttest_rel(table["tuned"], table["base"])
    assert comparison["test"] == "paired_t"
    assert comparison["p_value"] == pytest.approx(expected.pvalue)
    assert comparison["ci95"] == pytest.approx(list(expected.confidence_interval(0.95)))
    json.dumps(block)


def test_a_plain_file_of_questions_has_no_official_block() -> None:
    answers = _answers().assign(benchmark="aime")
    block = summarise(answers, kinds={"aime": "questions"})["benchmarks"]["aime"]
    assert block["models"]["tuned"]["accuracy"] == 0.5
    assert "official" not in block["models"]["tuned"]


def test_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no answers"):
        summarise(pd.DataFrame())


@pytest.mark.parametrize(
    ("missing", "verdict"), [(300, "unclear"), (20, "unclear"), (1, "equal"), (0, "equal")]
)
def test_models_are_equal_by_answers_that_are_there(missing: int, verdict: str) -> None:
    """Were the missing ones right on one side, either model could be better by what matters."""
    rows = [
        _row(
            model, n, "missing" if n < missing else "incorrect", "failed" if n < missing else "stop"
        )
        for model in ("base", "tuned")
        for n in range(300)
    ]
    (found,) = tell(summarise(pd.DataFrame(rows)))["benchmarks"]["hle"]["comparisons"]
    assert found["verdict_code"] == verdict
    said = "are ruled out only if missing answers count as wrong."
    assert (said in found["sentence"]) == (verdict == "unclear")
    if verdict == "unclear":
        assert "the verdict depends on them" in found["missing"]["sentence"]


def test_nobody_answered_anything() -> None:
    rows = [_row(model, n, "missing", "failed") for model in ("a", "b") for n in range(3)]
    block = summarise(pd.DataFrame(rows))["benchmarks"]["hle"]
    assert block["models"]["a"]["official"]["n"] == 0
    assert block["models"]["a"]["accuracy"] == 0
    json.dumps(block)
