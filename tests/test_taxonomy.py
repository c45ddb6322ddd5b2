"""The categories: whole shares, in falling order, as the benchmarks spell them."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from pathlib import Path

from llmc_lib.taxonomy import CATEGORIES, HLE_SHARES, RISK_AREAS

BENCHMARKS = Path(__file__).parents[1] / "llmc_lib" / "benchmarks"


def test_the_shares_sum_to_one_and_fall() -> None:
    assert math.isclose(sum(HLE_SHARES.values()), 1)
    assert list(HLE_SHARES.values()) == sorted(HLE_SHARES.values(), reverse=True)
    assert list(CATEGORIES) == list(HLE_SHARES)


def test_the_embedded_questions_have_these_shares() -> None:
    lines = (BENCHMARKS / "hle_mini.jsonl").read_text(encoding="utf-8").splitlines()
    found = Counter(json.loads(line)["category"] for line in lines)
    assert found == {name: round(len(lines) * share) for name, share in HLE_SHARES.items()}


def test_the_embedded_instructions_have_these_risk_areas() -> None:
    with open(BENCHMARKS / "do_not_answer_mini.csv", encoding="utf-8", newline="") as file:
        assert {row["risk_area"] for row in csv.DictReader(file)} == set(RISK_AREAS)
