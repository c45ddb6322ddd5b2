"""The waterfall: every step is there, its numbers add up, and nothing in it is run."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from llmc_lib.dataset.steps import STEPS
from llmc_lib.reporting.elements import Block
from llmc_lib.reporting.figures.waterfall import removals, switched_off, waterfall
from tests.dataset_manifest import HOSTILE, made_manifest, made_params

MINUS = "−"
TITLES = {step.name: step.title for step in STEPS}


def _texts(block: Block) -> list[str]:
    """Those of the figure for wide screens, which comes first."""
    wide = next(ElementTree.fromstring(block.markup).iter("{http://www.w3.org/2000/svg}svg"))
    found = wide.iter("{http://www.w3.org/2000/svg}text")
    return ["".join(text.itertext()).strip() for text in found]


def _rows(block: Block) -> dict[str, list[str]]:
    """The first table's cells by the row's head."""
    table = re.search(r"<table>.*?</table>", block.markup)
    assert table
    rows = ElementTree.fromstring(table[0]).findall(".//tbody/tr")
    return {str(row[0].text): [cell.text or "" for cell in row[1:]] for row in rows}


def _with_step(name: str, **facts: Any) -> dict[str, Any]:
    manifest = made_manifest()
    steps = [{**s, **facts} if s["step"] == name else s for s in manifest["steps"]]
    return {**manifest, "steps": steps}


@pytest.mark.slow
def test_the_title_says_what_is_left_and_what_cost_most() -> None:
    title = waterfall(made_manifest(), made_params()).title
    assert title == (
        "Of 1,600 rows, 920 are trained on and 80 held out; the mixture's shares cost most"
    )
    chosen = waterfall(made_manifest(limiting_category=None), made_params()).title
    assert chosen.endswith("; most of the others were left out by dataset.max_rows")
    alone = made_manifest(limiting_category=None)
    for step in alone["steps"]:
        step["removed"] = 600 if step["step"] == "mixture" else 0
    title = waterfall(alone, made_params()).title
    assert title.endswith("; the others were left out by dataset.max_rows")
    few = _with_step("duplicates", removed=700)
    assert waterfall(few, made_params()).title.endswith("; duplicates cost most")


@pytest.mark.slow
def test_where_nothing_was_removed_nothing_is_blamed() -> None:
    steps = [{**step, "removed": 0} for step in made_manifest()["steps"]]
    manifest = made_manifest(steps=steps, rows={"train": 1600, "validation": 0})
    assert waterfall(manifest, made_params()).title == "Of 1,600 rows, 1,600 are trained on"


@pytest.mark.slow
def test_every_step_and_source_has_a_bar_with_its_number() -> None:
    texts = _texts(waterfall(made_manifest(), made_params()))
    assert {"hard_math", "textbook", "All rows", *TITLES.values()} <= set(texts)
    assert {"600", "1,000", "1,600", "920", "80", f"{MINUS}580", f"{MINUS}10"} <= set(texts)
    assert "34 completions removed" in texts


@pytest.mark.slow
def test_a_step_that_ran_in_vain_is_told_from_one_that_is_off() -> None:
    params = made_params()
    assert switched_off(params) == {"difficulty", "pass rate"}
    texts = _texts(waterfall(made_manifest(), params))
    assert texts.count("off") == 2
    assert "Declared level off; Provenance 0" in waterfall(made_manifest(), params).alt
    assert _rows(removals(made_manifest(), params))["Pass rate"][-1] == "off"


@pytest.mark.parametrize(
    ("dataset", "off"),
    [
        ({"provenance": {"remove_closed": False}}, {"difficulty", "pass rate", "provenance"}),
        ({"provenance": {"remove_closed": False, "unknown": "drop"}}, {"difficulty", "pass rate"}),
        ({"difficulty": {"enabled": True}}, {"difficulty"}),
        ({"sources": [{"name": "textbook", "min_difficulty": 0.0}]}, {"pass rate"}),
        (
            {"decontamination": {"enabled": False}, "deduplication": {"enabled": False}},
            {"difficulty", "pass rate", "decontamination", "duplicates"},
        ),
    ],
)
def test_what_is_off_is_read_off_the_params(dataset: dict[str, Any], off: set[str]) -> None:
    assert switched_off(made_params(**dataset)) == off


@pytest.mark.slow
def test_repeated_rows_have_a_bar_of_their_own() -> None:
    manifest = made_manifest(rows={"train": 1170, "validation": 80})
    assert "+250" in _texts(waterfall(manifest, made_params()))
    assert "Repeated" not in _texts(waterfall(made_manifest(), made_params()))


def test_the_table_has_the_numbers_and_the_reasons() -> None:
    rows = _rows(removals(made_manifest(), made_params()))
    assert list(rows) == list(TITLES.values())
    assert rows["Provenance"] == ["0", "34", "1,600", "closed model: gpt-4o (34)"]
    assert rows["Mixture"] == ["580", "0", "1,000", "not drawn (580)"]


def test_many_reasons_are_summed_up() -> None:
    reasons = {f"closed model: m{n}": 10 - n for n in range(8)}
    rows = _rows(removals(_with_step("provenance", completion_reasons=reasons), made_params()))
    assert rows["Provenance"][-1].endswith("closed model: m4 (6), 3 other reasons (12)")


def test_examples_are_folded_and_escaped() -> None:
    example = {"id": f"textbook/{HOSTILE}", "reason": HOSTILE, "detail": f"{HOSTILE} instead of 3"}
    markup = removals(_with_step("form", examples=[example]), made_params()).markup
    assert "<script" not in markup
    assert markup.count("&lt;script&gt;") == 3
    assert "<details><summary>Examples of removed rows</summary>" in markup


@pytest.mark.slow
def test_a_source_of_any_name_is_a_label() -> None:
    source = made_manifest()["sources"]["textbook"]
    manifest = made_manifest(sources={HOSTILE: source, "$x_1$ & y": source, "n" * 200: source})
    block = waterfall(manifest, made_params())
    assert "<script" not in block.markup
    assert "$x_1$ & y" in _texts(block)
    assert max(map(len, _texts(block))) < 60


def test_a_step_that_is_off_has_no_numbers() -> None:
    params = made_params()
    off = {TITLES[step] for step in switched_off(params)}
    rows = _rows(removals(made_manifest(), params))
    assert all(rows[name][:2] == ["–", "–"] for name in off)
