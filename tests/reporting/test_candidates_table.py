"""What each candidate is trained on, in one table."""

from __future__ import annotations

import base64
import re
from typing import Any
from xml.etree import ElementTree

from llmc_lib.params import Params
from llmc_lib.reporting.candidates_table import candidates_table
from llmc_lib.reporting.elements import Block
from tests.dataset_manifest import HOSTILE, made_manifest

MATH = {
    "rows": {"train": 36, "validation": 4},
    "tokens": {"total": 8000, "quantiles": {}},
    "composition": {"source": {"hard_math": 40}, "category": {"Math": 40}},
    "total_variation": 0.59,
}


def _params(*candidates: dict[str, Any]) -> Params:
    return Params.model_validate({"run": "x", "candidates": candidates})


def _rows(block: Block) -> list[list[str]]:
    found = re.search(r"<tbody>.*?</tbody>", block.markup)
    assert found
    return [[cell.text or "" for cell in row] for row in ElementTree.fromstring(found[0])]


def test_nothing_is_shown_where_all_candidates_have_the_runs_rows() -> None:
    assert candidates_table(made_manifest(), _params()).markup == ""
    assert candidates_table(made_manifest(), _params({"name": "a"}, {"name": "b"})).markup == ""


def test_each_candidate_has_a_row_in_the_order_of_the_params() -> None:
    params = _params(
        {"name": "both"},
        {"name": "math", "mixture": {"sources": ["hard_math"], "allow_shortfall": True}},
        {"name": "plain", "mixture": {"sources": ["hard_math"], "mixture": False}},
    )
    manifest = made_manifest(mixtures={"plain": MATH, "math": MATH})
    both, math, plain = _rows(candidates_table(manifest, params))
    assert both == [
        "both", "the run's", "1,000", "80", "210,000", "textbook 59.0%, hard_math 41.0%",
        "Math 41.0%, Biology/Medicine 11.0%, Computer Science/AI 10.0%, Physics 9.0%, "
        "Humanities/Social Science 9.0%, Other 9.0%, Chemistry 7.0%, Engineering 4.0%",
        "0.0000",
    ]  # fmt: skip
    assert math == ["math", "its own", "40", "4", "8,000", "hard_math 100%", "Math 100%", "0.5900"]
    assert plain[-1] == "–"  # there is no target to be distant from


def test_many_sources_are_counted_together_and_the_csv_has_all() -> None:
    sources = {f"s{number:02d}": 100 - number for number in range(12)}
    composition = {"source": sources, "category": {"Math": sum(sources.values())}}
    manifest = made_manifest(mixtures={"math": {**MATH, "composition": composition}})
    params = _params({"name": "math", "mixture": {"max_rows": 40}})
    block = candidates_table(manifest, params)
    (row,) = _rows(block)
    assert row[5].startswith("s00 8.8%, s01 8.7%, ")
    assert row[5].endswith(", s07 8.2%, 4 more 31.9%")
    found = re.search(r"base64,([^\"]+)", block.markup)
    assert found
    csv = base64.b64decode(found[1]).decode().splitlines()
    assert csv[0] == "candidate,group,kind,rows"
    assert "math,source,s11,89" in csv
    assert len(csv) == 14


def test_hostile_names_are_escaped() -> None:
    composition = {"source": {HOSTILE: 40}, "category": {"Math": 40}}
    manifest = made_manifest(mixtures={"math": {**MATH, "composition": composition}})
    params = _params({"name": "math", "mixture": {"max_rows": 40}})
    markup = candidates_table(manifest, params).markup
    assert "<script" not in markup
    assert "&lt;script&gt;" in markup
