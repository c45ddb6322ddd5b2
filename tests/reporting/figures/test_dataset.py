"""Composition, lengths, pass rates: the finding says what the numbers say."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pandas as pd
import pytest

from llmc_lib.reporting.elements import Block
from llmc_lib.reporting.figures.dataset import composition, lengths, pass_rates
from llmc_lib.reporting.figures.drawing import FigureBlock
from llmc_lib.taxonomy import HLE_SHARES
from tests.dataset_manifest import REFERENCE, made_manifest, made_params, made_rows


def _caption(block: Block) -> str:
    found = ElementTree.fromstring(block.markup).find("figcaption")
    assert found is not None
    return str(found.text)


@pytest.mark.slow
def test_the_target_and_what_it_cost_are_said() -> None:
    block = composition(made_manifest())
    assert block.title == "The data set has the target's composition"
    caption = _caption(block)
    assert "the target, counted from this run's 200 benchmark questions." in caption
    assert "Shares and target agree exactly (total-variation distance 0)." in caption
    assert (
        "Physics has the fewest rows for its share and limits the size; 580 usable rows" in caption
    )


@pytest.mark.slow
def test_a_size_that_was_set_is_no_category_s_fault() -> None:
    caption = _caption(composition(made_manifest(limiting_category=None, mixture_cost=1)))
    assert caption.endswith("dataset.max_rows sets the size; 1 usable row was left out.")
    caption = _caption(composition(made_manifest(mixture_cost=0)))
    assert caption.endswith("limits the size; no usable row was left out.")


@pytest.mark.slow
def test_a_missed_target_names_the_category() -> None:
    mixed = {name: round(1000 * share) for name, share in HLE_SHARES.items()}
    mixed["Math"] -= 123
    mixed["Physics"] += 123
    block = composition(made_manifest(mixed=mixed, total_variation=0.123))
    assert block.title == (
        "The data set misses the target's composition by 12.3%; Math has 12 points too few"
    )
    assert "123 rows of 1,000 would have to be of another category" in _caption(block)


@pytest.mark.slow
def test_a_category_without_rows_is_drawn() -> None:
    mixed = {name: 100 for name in HLE_SHARES if name != "Engineering"}
    assert "Engineering (0)" in composition(made_manifest(mixed=mixed, total_variation=0.3)).markup


@pytest.mark.slow
def test_lengths_have_a_median_and_a_limit() -> None:
    block = lengths(made_rows(), 512)
    assert block.title == "Half of the examples have at most 210 tokens, the longest 330"
    assert "median 210" in block.markup
    assert "limit 512" in block.markup
    assert "all together 5,160" in _caption(block)


@pytest.mark.slow
def test_a_limit_far_away_is_said_and_not_drawn() -> None:
    block = lengths(made_rows(), 32_768)
    assert ">limit" not in block.markup
    assert "up to 32,768\u00a0tokens" in _caption(block)


@pytest.mark.slow
def test_examples_beyond_the_limit_are_counted() -> None:
    assert lengths(made_rows(), 320).title.endswith("; 1 is longer than training takes")
    assert lengths(made_rows(n_tokens=400), 320).title.endswith("24 are longer than training takes")


def test_nothing_is_shown_where_no_pass_rate_was_measured() -> None:
    assert pass_rates(made_manifest(), made_params()).markup == ""
    nobody = {**REFERENCE, "problems": 0, "mean": None}
    assert pass_rates(made_manifest(reference=nobody), made_params()).markup == ""


@pytest.mark.slow
def test_pass_rates_say_how_many_and_how_sure() -> None:
    block = pass_rates(made_manifest(reference=REFERENCE), made_params())
    assert isinstance(block, FigureBlock)
    assert block.title == (
        "SmolLM2-135M solves 60 of 100 problems at least once in 4 samples; 31% of its samples are right"
    )
    assert "with 2 of 4 samples right, its 95% Wilson interval goes from 15% to 85%" in _caption(
        block
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("low", "high", "kept"),
    [(0.0, 1.0, 10), (0.1, 0.79, 7), (0.1, 0.8, 8), (1.0, 1.0, 1), (0, 0, 1)],
)
def test_bars_inside_the_band_stand_out(low: float, high: float, kept: int) -> None:
    band = {"enabled": True, "min_pass_rate": float(low), "max_pass_rate": float(high)}
    reference = {**REFERENCE, "histogram": [10] * 10}
    block = pass_rates(made_manifest(reference=reference), made_params(difficulty=band))
    wide = block.markup.partition("</svg>")[0]
    bars = re.findall(
        r'<path d="[^"]*" clip-path="[^"]*" style="fill: var\(--(model-1|base),', wide
    )
    assert len(bars) == 10
    assert bars.count("model-1") == kept


@pytest.mark.slow
def test_as_many_examples_are_as_short_as_is_said() -> None:
    for rows in (
        pd.DataFrame({"n_tokens": [*range(1, 20), 900]}),
        pd.DataFrame({"n_tokens": [10] * 94 + [50] * 2 + [90] * 4}),
    ):
        found = re.search(r"95% have at most ([\d,]*\d)", lengths(rows, 1_000).markup)
        assert found
        most = int(found[1].replace(",", ""))
        assert (rows["n_tokens"] <= most).mean() >= 0.95
        assert (rows["n_tokens"] < most).mean() < 0.95
