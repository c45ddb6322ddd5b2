"""runs.csv: what metrics.json says, a row a run, benchmark and model, for a spreadsheet that runs nothing."""

from __future__ import annotations

import copy
import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from llmc_lib.reporting.site import write_site
from llmc_lib.store import ROOT


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    metrics: dict[str, Any] = json.loads((ROOT / "reports/example/metrics.json").read_text())
    return metrics


def _sheet(folder: Path, **runs: Any) -> pd.DataFrame:
    for name, metrics in runs.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "index.html").write_text("a page")
        text = metrics if isinstance(metrics, str) else json.dumps(metrics)
        (folder / name / "metrics.json").write_text(text, encoding="utf-8")
    write_site(folder)
    return pd.read_csv(folder / "runs.csv")


def test_scores_intervals_categories_settings_and_cost(
    tmp_path: Path, example: dict[str, Any]
) -> None:
    table = _sheet(tmp_path, one=example, broken="{")
    assert set(table["run"]) == {"one"}
    assert len(table) == sum(len(block["models"]) for block in example["benchmarks"].values())
    main = example["main"]
    block = example["benchmarks"][main]
    comparison = block["comparisons"][-1]
    row = table[(table["benchmark"] == main) & (table["model"] == comparison["model"])].iloc[0]
    figures = block["models"][comparison["model"]]
    assert row["score_percent"] == pytest.approx(100 * figures["accuracy"], abs=1e-3)
    assert [row["low_percent"], row["high_percent"]] == pytest.approx([100 * e for e in figures["ci95"]], abs=1e-3)  # fmt: skip
    assert row["difference"] == pytest.approx(100 * comparison["difference"], abs=1e-3)
    assert (row["verdict"], row["reference"]) == (comparison["verdict"], "base")
    category, part = next(iter(figures["categories"].items()))
    assert row[f"category:{category}"] == pytest.approx(100 * part["accuracy"], abs=1e-3)
    assert row[f"category:{category}:n"] == part["n"]
    facts = example["provenance"]["training"]["candidates"]["main"]
    assert row["step"] == row["steps"] == facts["steps"]
    assert row["training.learning_rate"] == 0.00025
    assert row["training_process_hours"] == pytest.approx(facts["train_seconds"] / 3600, abs=1e-3)
    assert row["evaluation_hours"] > 0
    reference = table[(table["benchmark"] == main) & (table["model"] == "base")].iloc[0]
    empty = ["difference", "verdict", "step", "training.learning_rate"]
    assert reference[empty].isna().all()
    safety = table[table["measure"] == "safety"]
    assert safety["score_percent"].notna().all()
    assert 'href="runs.csv"' in (tmp_path / "index.html").read_text()


def test_a_candidate_has_its_own_settings(tmp_path: Path, example: dict[str, Any]) -> None:
    metrics = copy.deepcopy(example)
    params = metrics["provenance"]["params"]
    params["candidates"] = [{"name": "main", "training": {"learning_rate": 1e-5, "lora": {"rank": 8}}}]  # fmt: skip
    table = _sheet(tmp_path, one=metrics)
    trained = table[table["step"].notna()].iloc[0]
    assert (trained["training.learning_rate"], trained["training.lora.rank"]) == (1e-5, 8)
    assert trained["training.epochs"] == params["training"]["epochs"]


def test_no_cell_is_a_formula(tmp_path: Path, example: dict[str, Any]) -> None:
    metrics = copy.deepcopy(example)
    for model in metrics["provenance"]["evaluation"]["models"]:
        model["label"] = '=HYPERLINK("http://example.org","x")\n@x'
    _sheet(tmp_path, one=metrics)
    with open(tmp_path / "runs.csv", newline="", encoding="utf-8") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert '\'=HYPERLINK("http://example.org","x") @x' in cells
    assert not [cell for cell in cells if cell[:1] in "=@" and cell]


@pytest.mark.parametrize("place", ["training", "params", "models"])
def test_what_a_file_has_not_leaves_cells_empty(
    tmp_path: Path, example: dict[str, Any], place: str
) -> None:
    metrics = copy.deepcopy(example)
    if place == "models":
        for block in metrics["benchmarks"].values():
            block["models"] = {key: [1] for key in block["models"]}
    else:
        metrics["provenance"][place] = {}
    assert len(_sheet(tmp_path, one=metrics))
