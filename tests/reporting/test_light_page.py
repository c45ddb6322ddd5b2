"""`make report PARAMS=params/compare.yaml` where nothing heavy is installed, which is how `compare_run` is made."""

from __future__ import annotations

import json
import re

import pytest

from llmc_lib.store import Run
from tests.reporting.conftest import make_light

pytestmark = pytest.mark.slow


def test_the_page_is_made_where_nothing_heavy_is_installed(compare_run: Run) -> None:
    page = (compare_run.report / "index.html").read_text()
    shown = re.sub(
        r"<(style|script|svg).*?</\1>|<pre>.*?</pre>|<[^>]+>", " ", page, flags=re.DOTALL
    )
    for said in (
        "answers missing; they count as wrong",
        "The answers are finished ones of another evaluator",
        "Not part of this run: it compares finished answers and trains no model.",
        "judged_hle_tuned.json",
        "the example's second model",
    ):
        assert said in shown.replace("&#x27;", "'").replace("&#39;", "'"), said
    for not_true in ("token limit, every model", "fine-tuning", "last checkpoint", "every question once"):  # fmt: skip
        assert not_true not in shown
    metrics = json.loads((compare_run.report / "metrics.json").read_text())
    assert metrics["benchmarks"]["hle"]["models"]["base"]["n_missing"] == 5
    assert metrics["provenance"]["dataset"] == metrics["provenance"]["training"] == {}
    assert set(metrics["provenance"]["params"]["evaluation"]) == {"benchmarks", "imports"}
    comparison = metrics["benchmarks"]["hle"]["comparisons"][-1]
    verdict = f"{comparison['verdict'].capitalize()} on hle, for this checkpoint: {comparison['sentence']}"
    made = compare_run.params_file.with_name("made.txt").read_text()
    assert verdict in made.splitlines()
    again = make_light(compare_run.params_file)
    assert again.returncode == 0, again.stderr
    assert verdict in again.stdout.splitlines()
    assert "[1/2] import: unchanged" in again.stderr + again.stdout
    assert "[2/2] report: unchanged" in again.stderr + again.stdout
