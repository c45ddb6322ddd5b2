"""What the page says of candidates that were trained by reinforcement."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmc_lib.language import speaking
from llmc_lib.params import Params
from llmc_lib.records import Question
from llmc_lib.reporting import load_report, sections
from llmc_lib.reporting.report import Report
from llmc_lib.reporting.sentences.reinforced import claims_sentence, number, pair_sentence
from llmc_lib.store import Run, write_manifest
from tests.pseudo import Pseudo
from tests.reporting.several import several


def _answers(model: str, benchmark: str, n: int, question: Question) -> tuple[str, str]:
    """The tuned model is right more often, and states less that is false."""
    tuned = model == "tuned"
    if benchmark != "sums":
        return "I can't help with that.", "stop"
    right = n % 3 != 0 if tuned else n % 3 == 1
    value = question.answer if right else "999"
    sum_ = question.question.removesuffix(" = ?")
    claim = "" if tuned and n % 6 == 0 else f"{sum_} = {value}. "
    return f"{claim}Answer: {value}", "stop"


def _run(folder: Path, others: tuple[dict[str, Any], ...] = (), **candidate: Any) -> Run:
    made = several(folder, _answers, main="sums", claims=1000)
    values = made.params.model_dump(mode="json")
    training = {"grpo": {"rewards": {"claims": 0.5}}}
    values["candidates"] = [
        {"name": "rl", "method": "grpo", "training": training, **candidate},
        *others,
    ]
    run = Run(Params.model_validate(values), made.params_file)
    facts = {"rl": {"models": [{"name": "tuned", "step": 3, "of": 3}]}}
    write_manifest(run.training, "key", 1.0, candidates=facts)
    return run


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return load_report(_run(tmp_path_factory.mktemp("reinforced")))


@pytest.mark.slow
def test_a_run_without_reinforcement_has_no_such_section(tmp_path: Path) -> None:
    found = load_report(several(tmp_path, _answers, main="sums"))
    assert "reinforced" not in found.block
    assert sections.reinforced(found).markup == ""


@pytest.mark.slow
def test_a_candidate_is_compared_with_the_base_on_answers_and_claims(report: Report) -> None:
    (block,) = report.block["reinforced"]
    assert (block["model"], block["against"], block["role"]) == ("tuned", "base", "base")
    assert block["rewards"] == {"answer": 1.0, "claims": 0.5}
    assert block["pass_at_1"]["difference"] == pytest.approx(1 / 3)
    assert (block["pass_at_1"]["gained"], block["pass_at_1"]["lost"]) == (40, 0)
    assert block["p_adjusted"] == block["pass_at_1"]["p_value"]  # of one
    claims = block["claims"]
    assert claims["false"]["before"] == pytest.approx(2 / 3)
    assert claims["false"]["after"] == pytest.approx(1 / 6)
    assert claims["stated"]["after"] == pytest.approx(5 / 6)
    assert claims["false"]["low"] < claims["false"]["difference"] < claims["false"]["high"] < 0


def test_the_section_says_so_in_words(report: Report) -> None:
    block = sections.reinforced(report)
    said = " ".join(block.text.split())  # numbers and their units are kept together
    assert (
        "tuned against base: pass@1 goes from 33% to 67% (+33 points, 95% interval +24 to +42)."
        in said
    )
    assert "per answer: 0.67 before, 0.17 after (−0.50, 95% interval −0.58" in said
    assert "Part of this is silence: it also states fewer claims (1.00 before, 0.83 after)." in said
    assert "0.67 → 0.17" in said
    data = block["table-reinforced"].data
    assert data is not None
    assert data["pass_at_1_difference"].tolist() == [pytest.approx(1 / 3)]


@pytest.mark.slow
def test_what_it_started_from_comes_first(tmp_path: Path) -> None:
    run = _run(tmp_path, ({"name": "sft"},), start="sft")
    facts = {
        name: {"models": [{"name": model}]} for name, model in (("rl", "tuned"), ("sft", "base"))
    }
    write_manifest(run.training, "key", 1.0, candidates=facts)
    roles = [(b["against"], b["role"]) for b in load_report(run).block["reinforced"]]
    assert roles == [("base", "start"), ("base", "base")]


@pytest.mark.slow
def test_candidates_that_differ_in_their_rewards_are_compared_with_each_other(
    tmp_path: Path,
) -> None:
    run = _run(tmp_path, ({"name": "plain", "method": "grpo"},))
    facts = {n: {"models": [{"name": m}]} for n, m in (("rl", "base"), ("plain", "tuned"))}
    write_manifest(run.training, "key", 1.0, candidates=facts)
    blocks = load_report(run).block["reinforced"]
    assert [(b["model"], b["against"], b["role"]) for b in blocks[1:]] == [
        ("tuned", "base", "base"), ("tuned", "base", "rewards"),
    ]  # fmt: skip
    assert pair_sentence(blocks[-1]).startswith("tuned against base, which had other rewards:")


@pytest.fixture
def pseudo() -> Iterator[None]:
    with speaking(Pseudo()):
        yield


def test_all_of_it_is_in_the_language_of_the_catalogue(report: Report, pseudo: None) -> None:
    said = sections.reinforced(report).text
    assert "before" not in said
    assert "Against" not in said
    assert "interval" not in said


# ---- sentences -------------------------------------------------------------------------------


def _block(**given: Any) -> dict[str, Any]:
    change = {"before": 0.4, "after": 0.5, "difference": 0.1, "low": 0.02, "high": 0.18, "n": 300}
    return {
        "model": "rl", "against": "sft", "role": "start", "k": 4, "reach": "sharper", "pass_at_1": change,
        "pass_at_k": {**change, "before": 0.7, "after": 0.71, "difference": 0.01, "low": -0.04}, **given,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("reach", "said"),
    [
        ("sharper", "does not clearly solve more questions in 4 tries"),
        ("more", "also solves more questions in 4 tries"),
        ("narrower", "surer at the price of answers"),
        ("fewer", "solves fewer questions in 4 tries than sft"),
        ("open", "Neither differs clearly"),
    ],
)
def test_each_reach_has_its_words(reach: str, said: str) -> None:
    sentence = pair_sentence(_block(reach=reach))
    assert sentence.startswith("rl against sft, which it started from: pass@1 goes from 40% to 50%")
    assert "; pass@4 goes from 70% to 71% (+1 point" in sentence
    assert said in sentence


@pytest.mark.parametrize(
    ("stated", "false", "said"),
    [
        ((1.0, 0.2), (0.5, 0.1), "Most of this is silence"),
        ((1.0, 0.8), (0.5, 0.1), "Part of this is silence"),
        ((1.0, 1.0), (0.5, 0.1), "Claims stated per answer: 1.00 before, 1.00 after."),
    ],
)
def test_fewer_false_claims_by_stating_fewer_are_called_silence(
    stated: tuple[float, float], false: tuple[float, float], said: str
) -> None:
    def change(before: float, after: float) -> dict[str, float]:
        d = after - before
        return {
            "before": before,
            "after": after,
            "difference": d,
            "low": d - 0.05,
            "high": d + 0.05,
        }

    claims = {"false": change(*false), "stated": change(*stated), "with_false": change(*false)}
    assert said in claims_sentence(_block(claims=claims))


def test_no_claims_are_not_spoken_of() -> None:
    assert claims_sentence(_block(claims=None)) == ""
    nothing = {"before": 0.0, "after": 0.0, "difference": 0.0, "low": 0.0, "high": 0.0}
    assert claims_sentence(_block(claims={"false": nothing, "stated": nothing})) == ""


def test_counts_are_written_with_two_decimals() -> None:
    assert (number(0.314), number(-0.004, signed=True), number(-0.05, signed=True)) == (
        "0.31",
        "0.00",
        "−0.05",
    )
    assert number(float(np.float64(0.1)), signed=True) == "+0.10"
