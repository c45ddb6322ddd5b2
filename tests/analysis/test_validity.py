"""The simulations of performance/validity, fewer of them: near what they promise, and told when they are not."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from llmc_lib.store import ROOT
from performance.validity import __main__ as runner

#: Three standard errors of a 95% coverage in 150 repetitions.
SLACK = 0.055
KINDS = {"coverage", "type I error", "power", "chance", "bias", "miss", "fit"}


@pytest.mark.slow
@pytest.mark.parametrize("topic", runner.TOPICS)
def test_a_topic_is_near_what_it_promises(topic: str) -> None:
    table = runner.validity(topic, seed=2, repetitions=150)
    assert set(table["kind"]) <= KINDS
    assert not table.duplicated(["what", "kind", "setting"]).any()
    scale = table["kind"].map({"bias": 6.0, "power": 2.0, "chance": 2.5}).fillna(1.0)
    off = (table["value"] < table["low"] - scale * SLACK) | (
        table["value"] > table["high"] + scale * SLACK
    )
    assert not off.any(), table[off].to_string()


@pytest.mark.slow
def test_the_same_seed_draws_the_same() -> None:
    first, again = (runner.validity("intervals", seed=2, repetitions=20) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)


@pytest.mark.slow
def test_a_value_outside_is_told_and_a_topic_replaces_its_rows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def of(topic: str, values: list[float]) -> pd.DataFrame:
        row = {"topic": topic, "what": "w", "kind": "coverage", "repetitions": 9}
        settings = [{"setting": f"s{at}", "value": value} for at, value in enumerate(values)]
        table = pd.DataFrame([{**row, **each, "low": 0.9, "high": 1.0} for each in settings])
        return table.assign(holds=table["value"] > 0.9)

    drawn = {"power": of("power", [0.95, 0.5]), "length": of("length", [0.93])}
    monkeypatch.setattr(runner, "validity", lambda topic, *_: drawn[topic])
    monkeypatch.setattr(runner, "DOCS", tmp_path / "docs")
    assert runner.main(["--only", "power", "length"]) == 1
    assert "3 rows, 1 outside" in capsys.readouterr().out
    written = pd.read_csv(tmp_path / "docs" / "validity.csv")
    assert written[["topic", "holds"]].to_numpy().tolist() == [
        ["length", True], ["power", True], ["power", False]
    ]  # fmt: skip
    figure = (tmp_path / "docs" / "validity.svg").read_text(encoding="utf-8")
    assert "power: w, s1" in figure  # text that can be searched
    assert "#D55E00".lower() in figure.lower()

    drawn["power"] = of("power", [0.97])
    assert runner.main(["--only", "power"]) == 0
    written = pd.read_csv(tmp_path / "docs" / "validity.csv")
    assert written["value"].tolist() == [0.93, 0.97]
    assert runner.main(["--only", "length", "--repetitions", "10"]) == 0  # printed alone
    assert len(pd.read_csv(tmp_path / "docs" / "validity.csv")) == 2


def test_the_table_in_the_docs_holds_and_is_of_enough_repetitions() -> None:
    table = pd.read_csv(ROOT / "docs" / "analysis" / "validity.csv")
    assert set(table["topic"]) <= set(runner.TOPICS)
    assert table["holds"].all()
    assert (table[table["kind"] == "coverage"]["repetitions"] >= 4_000).all()
