"""Rows to read: a few of each category, the same ones each time, whatever their texts hold."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from llmc_lib.reporting.dataset_sample import sample
from llmc_lib.reporting.plain import notebook_html
from llmc_lib.taxonomy import CATEGORIES
from tests.dataset_manifest import HOSTILE, made_rows


def _parts(markup: str) -> list[str]:
    """Headings and rows in their order."""
    return re.findall(r"<(h3|details)\b", markup)


def test_each_category_gives_rows_in_turn() -> None:
    markup = sample(made_rows(), 16, 0).markup
    assert re.findall(r"<h3>(.*?)</h3>", markup) == list(CATEGORIES)
    assert _parts(markup) == ["h3", "details", "details"] * 8
    assert "16 of 24 rows, drawn at random (seed 0)" in markup


@pytest.mark.parametrize(("n", "shown"), [(0, 0), (1, 1), (11, 11), (24, 24), (99, 24)])
def test_no_row_is_shown_twice(n: int, shown: int) -> None:
    markup = sample(made_rows(), n, 0).markup
    ids = re.findall(r"textbook/\d{5}", markup)
    assert len(ids) == len(set(ids)) == shown


def test_a_rare_category_leaves_room_for_others() -> None:
    rows = made_rows().drop(index=[0, 8])  # one row of mathematics is left
    assert _parts(sample(rows, 16, 0).markup).count("details") == 16


def test_the_seed_decides() -> None:
    assert sample(made_rows(), 8, 1).markup == sample(made_rows(), 8, 1).markup
    assert sample(made_rows(), 8, 1).markup != sample(made_rows(), 8, 2).markup


def test_a_row_shows_its_parts_and_where_it_comes_from() -> None:
    markup = sample(made_rows().iloc[:1], 1, 0).markup
    assert re.findall(r"<h4>(.*?)</h4>", markup) == ["Question", "Reasoning", "Response"]
    assert "textbook/00000 · Algebra · completion by Qwen3-4B (open model)" in markup
    assert "licence Apache-2.0 · final answer: agrees with the reference · 100 tokens" in markup
    assert "<math" in markup
    # A notebook has no style that keeps line breaks.
    assert "white-space: pre-wrap" in notebook_html(markup)


@pytest.mark.parametrize(
    ("author", "kind", "words"),
    [
        ("program", "program", "completion by a program ·"),
        ("", "unknown", "completion by an unknown author ·"),
        ("somebody", "person", "completion by somebody (person) ·"),
        ("this project", "unknown", "completion by this project (kind unknown) ·"),
    ],
)
def test_the_author_is_named_once(author: str, kind: str, words: str) -> None:
    assert words in sample(made_rows(author=author, author_kind=kind), 1, 0).markup


def test_a_long_text_is_cut_visibly() -> None:
    markup = sample(made_rows(question="x " * 3000), 1, 0).markup
    assert "(2,000 more characters are not shown)" in markup
    assert len(markup) < 6000


def test_nothing_in_a_row_is_run() -> None:
    columns = ("id", "subject", "question", "completion", "author", "licence", "verified")
    markup = sample(made_rows(**dict.fromkeys(columns, HOSTILE)), 3, 0).markup
    assert "<script" not in markup
    assert markup.count("&lt;script&gt;") >= 3 * len(columns)
    ElementTree.fromstring(f"<div>{markup}</div>")


def test_a_category_of_any_name_is_left_out_and_not_a_crash() -> None:
    assert "details" not in _parts(sample(made_rows(category=HOSTILE), 3, 0).markup)
