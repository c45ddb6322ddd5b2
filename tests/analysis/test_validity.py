"""The simulations of benchmarks/validity, fewer of them: near what they promise, and told when they are not."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmarks.validity import __main__ as runner
from llmc_lib.store import ROOT

#: Three standard errors of a 95% coverage in 150 repetitions.
SLACK = 0.055
KINDS = {"coverage", "type I error", "power", "chance", "bias", "ratio", "miss"}


@pytest.mark.slow
@pytest.mark.parametrize("topic", runner.TOPICS)
def test_a_topic_is_near_what_it_promises(topic: str) -> None:
    table = runner.validity([topic], seed=1, repetitions=150)
    assert set(table["kind"]) <= KINDS
    assert not table.duplicated(["what", "kind", "setting"]).any()
    scale = table["kind"].map({"bias": 6.0, "power": 2.0, "chance": 2.5}).fillna(1.0)
    off = (table["value"] < table["low"] - scale * SLACK) | (
        table["value"] > table["high"] + scale * SLACK
    )
    assert not off.any(), table[off].to_string()


def test_the_same_seed_draws_the_same() -> None:
    first, again = (runner.validity(["intervals"], seed=2, repetitions=20) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)


def test_a_value_outside_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    row = {"topic": "t", "what": "w", "kind": "coverage", "setting": "s", "repetitions": 9}
    table = pd.DataFrame([{**row, "value": v, "low": 0.9, "high": 1.0} for v in (0.95, 0.5)])
    monkeypatch.setattr(runner, "validity", lambda *_: table.assign(holds=[True, False]))
    monkeypatch.setattr(runner, "DOCS", tmp_path / "docs")
    assert runner.main([]) == 1
    assert pd.read_csv(tmp_path / "docs" / "validity.csv")["holds"].tolist() == [True, False]
    figure = (tmp_path / "docs" / "validity.svg").read_text(encoding="utf-8")
    assert "t: w, s" in figure  # text that can be searched
    assert "#D55E00".lower() in figure.lower()


def test_the_table_in_the_docs_holds_and_is_of_enough_repetitions() -> None:
    table = pd.read_csv(ROOT / "docs" / "analysis" / "validity.csv")
    assert table["holds"].all()
    assert (table[table["kind"] == "coverage"]["repetitions"] >= 4_000).all()
