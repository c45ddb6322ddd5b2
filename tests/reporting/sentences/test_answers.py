"""Sentences on answers that are missing, that do not end, or that allow no figure."""

from __future__ import annotations

from typing import Any

from llmc_lib.analysis import Thresholds
from llmc_lib.benchmarks import Measure
from llmc_lib.reporting.sentences import answers as words


def _missing(
    candidate: int,
    reference: int,
    *cases: str,
    changes: bool = True,
    measure: Measure = Measure.ACCURACY,
) -> str:
    told = [
        {"case": case, "n": 200, "difference": 0.1, "p_adjusted": 0.01, "verdict": "better"}
        for case in cases
    ]
    missing = {"candidate": candidate, "reference": reference, "cases": told, "changes": changes}
    found: dict[str, Any] = {"model": "tuned", "reference": "base", "missing": missing}
    return words.missing_sentence(measure, Thresholds(), found)


def test_a_verdict_that_depends_on_missing_answers_says_on_which() -> None:
    assert _missing(1, 0, "candidate_right", "complete") == (
        "1 answer of tuned is missing and counts as wrong, and the verdict depends on it: if it were right, better "
        "(+10 points, p = 0.01); on the 200 questions that both answered, better (+10 points, p = 0.01)."
    )
    both = _missing(2, 3, "candidate_right", "reference_right")
    assert both.startswith(
        "2 answers of tuned and 3 answers of base are missing and count as wrong"
    )
    assert "if only those of tuned were right" in both
    assert "if only those of base were right" in both
    assert "if they were right" in _missing(0, 2, "reference_right")
    declined = _missing(0, 2, "reference_right", measure=Measure.OVER_REFUSAL)
    assert "count as not declined" in declined
    assert "if they were declined" in declined


def test_a_verdict_that_does_not_depend_on_them_says_nothing() -> None:
    assert _missing(1, 0, "candidate_right", changes=False) == ""


def test_instructions_that_no_longer_end_have_their_remedy() -> None:
    ending = {
        "model": "tuned", "benchmark": "instructions", "trained_on": "hle", "share": 0.95, "reference": 0.5,
        "trained": 0.2, "p_value": 1e-6,
    }  # fmt: skip
    sentence = words.endings_sentence([ending, {**ending, "benchmark": "chats"}], "base")
    assert "On instructions tuned is cut at the token limit on 95% of the prompts" in sentence
    assert "base on 50%, and tuned on 20% of those of hle, which have the training's form" in sentence  # fmt: skip
    assert "On chats" in sentence
    assert sentence.count("replay, instructions and safety") == 1  # the remedy of both


def test_a_reason_has_its_numbers() -> None:
    reason = {"code": "lengths_missing", "model": "base", "missing": 1_200, "right": 3_000}
    assert words.not_known(reason).startswith("base: 1,200 of 3,000 right answers have no length")
