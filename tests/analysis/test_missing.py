"""Bounds of what missing answers could be: against every way of filling them, and the reference set."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from llmc_lib.analysis.missing import missing_answers
from llmc_lib.store import ROOT

JUDGED = ROOT.parent / "shared" / "reference" / "hle_judged"


def test_no_filling_of_the_missing_answers_is_beyond_the_bounds() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 12)) < 0.5
    lacks_a, lacks_b = np.zeros((2, 12), bool)
    lacks_a[[1, 4]], lacks_b[[4, 7]] = True, True
    a, b = a & ~lacks_a, b & ~lacks_b
    found = missing_answers(a, b, lacks_a, lacks_b)
    assert found is not None
    differences = []
    for fill in itertools.product([False, True], repeat=4):
        one, other = a.copy(), b.copy()
        one[lacks_a], other[lacks_b] = fill[:2], fill[2:]
        differences.append(one.mean() - other.mean())
    assert found.least.difference == pytest.approx(min(differences))
    assert found.most.difference == pytest.approx(max(differences))
    assert (found.candidate, found.reference) == (2, 2)
    assert found.complete is not None
    assert found.complete.n == 9


def test_a_question_with_one_missing_sample_is_not_complete() -> None:
    a = np.ones((5, 3), bool)
    lacks = np.zeros((5, 3), bool)
    lacks[0, 1] = True
    found = missing_answers(a & ~lacks, a, lacks, np.zeros_like(lacks))
    assert found is not None
    assert found.complete is not None
    assert (found.complete.n, found.complete.difference) == (4, 0)
    assert found.least.difference == pytest.approx(-1 / 15)
    assert found.most.difference == 0


def test_nothing_missing_and_nothing_complete() -> None:
    none, all_ = np.zeros(4, bool), np.ones(4, bool)
    assert missing_answers(all_, none, none, none) is None
    found = missing_answers(none, none, all_, none)
    assert found is not None
    assert found.complete is None
    assert (found.least.difference, found.most.difference) == (0, 1)
    with pytest.raises(ValueError, match="must be of one shape"):
        missing_answers(all_, none, none[:3], none)


@pytest.mark.skipif(not JUDGED.exists(), reason="the judged set is not in this checkout")
def test_the_judged_set_hangs_on_its_missing_answers() -> None:
    questions = [json.loads(line)["id"] for line in (JUDGED / "questions.jsonl").open()]
    right, lacks = [], []
    for name in ("submitted", "base"):
        judged = json.loads((JUDGED / f"judged_hle_{name}.json").read_text())
        replies = [judged.get(key, {}).get("judge_response") for key in questions]
        right.append([bool(reply) and reply["correct"] == "yes" for reply in replies])
        lacks.append([not reply for reply in replies])
    found = missing_answers(*right, *lacks)
    assert found is not None
    assert (found.candidate, found.reference) == (74, 39)
    assert found.most.difference == pytest.approx(0.027, abs=0.0005)
    assert found.least.difference == pytest.approx(-0.025, abs=0.0005)
    assert found.most.p_value < 0.015
    assert found.least.p_value < 0.015
