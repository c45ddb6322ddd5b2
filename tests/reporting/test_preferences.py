"""What the page says of candidates that were trained on preference pairs: gain in safety, and its price."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.language import speaking
from llmc_lib.params import Params
from llmc_lib.records import Question
from llmc_lib.reporting import load_report, sections
from llmc_lib.reporting.preferences import Price, Rate, prices
from llmc_lib.reporting.report import Report
from llmc_lib.reporting.sentences.preferences import price_sentence
from llmc_lib.store import Run, write_manifest
from tests.pseudo import Pseudo
from tests.reporting.several import several


def _answers(model: str, benchmark: str, n: int, question: Question) -> tuple[str, str]:
    """The tuned model refuses more of everything, and is right less often."""
    tuned = model == "tuned"
    if benchmark == "sums":
        right = n % 3 == 0 if tuned else n % 3 != 1
        return f"Answer: {question.answer if right else 999}", "stop"
    if benchmark == "hle":
        return "Answer: none of them", "stop"
    refuses = tuned or n % 3 == 0 if benchmark == "do_not_answer" else tuned and n % 2 == 0
    return ("I'm sorry, but I can't help with that." if refuses else "Sure, here is how:"), "stop"


def _run(folder: Path, others: tuple[dict[str, Any], ...] = (), **candidate: Any) -> Run:
    made = several(folder, _answers, main="sums")
    values = made.params.model_dump(mode="json")
    values["candidates"] = [{"name": "careful", "method": "dpo", **candidate}, *others]
    run = Run(Params.model_validate(values), made.params_file)
    facts = {"careful": {"models": [{"name": "tuned", "step": 3, "of": 3}]}}
    write_manifest(run.training, "key", 1.0, candidates=facts)
    return run


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return load_report(_run(tmp_path_factory.mktemp("preferences")))


@pytest.mark.slow
def test_a_run_without_pairs_has_no_such_section(tmp_path: Path) -> None:
    found = load_report(several(tmp_path, _answers, main="sums"))
    assert not any("preferences" in block for block in found.metrics["benchmarks"].values())
    assert sections.preferences(found).markup == ""


@pytest.mark.slow
def test_the_gain_is_beside_its_price(report: Report) -> None:
    (price,) = prices(report.metrics["benchmarks"])
    assert (price.model, price.against, price.role) == ("tuned", "base", "base")
    assert {rate.benchmark: rate.sign for rate in price.rates} == {
        "hle": 0, "sums": -1, "do_not_answer": 1, "over_refusal": -1,
    }  # fmt: skip
    (sums,) = [rate for rate in price.rates if rate.benchmark == "sums"]
    assert sums.change["difference"] == pytest.approx(-1 / 3)
    assert sums.change["low"] < sums.change["difference"] < sums.change["high"] < 0
    assert (sums.change["gained"], sums.change["lost"]) == (0, 40)
    # The same comparison as the verdict's.
    verdict = report.metrics["benchmarks"]["do_not_answer"]["comparisons"][0]
    safety = price.of("safety")[0].change
    assert (safety["difference"], safety["low"], safety["p_value"]) == (
        verdict["difference"], *verdict["ci95"][:1], verdict["p_value"],
    )  # fmt: skip


def test_the_section_says_so_in_words(report: Report) -> None:
    block = sections.preferences(report)
    said = " ".join(block.text.split())
    assert "right answers to sums go from 67% to 33% (−33 points, 95% interval −42 to −24)" in said
    assert "It is clearly safer (do_not_answer)." in said
    assert "It answers clearly fewer questions correctly (sums)." in said
    assert "It declines clearly more harmless instructions (over_refusal)." in said
    assert "The gain in safety has a price in right answers." in said
    data = block["table-preferences"].data
    assert data is not None
    assert data["benchmark"].tolist() == ["hle", "sums", "do_not_answer", "over_refusal"]


@pytest.mark.slow
def test_what_it_started_from_comes_first_and_once(tmp_path: Path) -> None:
    run = _run(tmp_path, ({"name": "sft"},), start="sft")
    facts = {
        n: {"models": [{"name": model}]} for n, model in (("careful", "tuned"), ("sft", "base"))
    }
    write_manifest(run.training, "key", 1.0, candidates=facts)
    found = list(prices(load_report(run).metrics["benchmarks"]))
    assert [(price.against, price.role) for price in found] == [("base", "start")]
    assert price_sentence(found[0]).startswith("tuned against base, which it started from:")


@pytest.fixture
def pseudo() -> Iterator[None]:
    with speaking(Pseudo()):
        yield


def test_all_of_it_is_in_the_language_of_the_catalogue(report: Report, pseudo: None) -> None:
    said = sections.preferences(report).text
    for word in ("clearly", "Against", "interval", "price"):
        assert word not in said


# ---- sentences -------------------------------------------------------------------------------


def _rate(measure: str, difference: float, p: float = 0.001, *, unknown: bool = False) -> Rate:
    change = {
        "before": 0.5, "after": 0.5 + difference, "difference": difference, "low": difference - 0.04,
        "high": difference + 0.04, "p_adjusted": p, "n": 300, "unknown": unknown,
    }  # fmt: skip
    return Rate({"safety": "dna", "accuracy": "sums"}.get(measure, "mild"), measure, change)


@pytest.mark.parametrize(
    ("rates", "said", "unsaid"),
    [
        ([("safety", 0.1), ("accuracy", -0.02, 0.4)], "not clear; a loss of up to 6 points on sums is not ruled out", "price in right answers."),
        ([("safety", 0.1), ("accuracy", 0.06)], "It answers clearly more questions correctly (sums).", "ruled out"),
        ([("safety", 0.03, 0.2), ("accuracy", 0.0, 1.0)], "No gain in safety is clear.", "ruled out"),
        ([("safety", -0.1), ("accuracy", 0.0, 1.0)], "It is clearly less safe (dna).", "No gain"),
        ([("accuracy", -0.1)], "No benchmark of safety was asked", "price"),
        ([("safety", 0.1), ("over_refusal", 0.1)], "It declines clearly more harmless instructions (mild).", "ruled out"),
    ],
)  # fmt: skip
def test_gain_and_price_are_read_together(rates: list[Any], said: str, unsaid: str) -> None:
    price = Price("careful", "sft", "start", tuple(_rate(*given) for given in rates))
    text = price_sentence(price)
    assert said in text
    assert unsaid not in text


def test_what_could_not_be_graded_is_no_gain() -> None:
    rates = (_rate("safety", 0.2, unknown=True), _rate("accuracy", 0.0, 1.0))
    text = price_sentence(Price("careful", "sft", "start", rates))
    assert "as counted: most could not be graded" in text
    assert "Whether it is safer is unknown" in text
    assert "clearly" not in text
