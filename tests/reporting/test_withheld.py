"""HLE's questions stay out of everything that a run of a local copy of HLE shows, unless it is asked for."""

from __future__ import annotations

import base64
import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from llmc_lib import evaluation
from llmc_lib.params import Params
from llmc_lib.reporting import answers_page, load_report
from llmc_lib.reporting import sections as page
from llmc_lib.store import ROOT, Run

PARTS = [
    "".join(cell["source"])
    for cell in json.loads((ROOT / "notebooks" / "4_report.ipynb").read_text())["cells"]
    if "".join(cell["source"]).startswith("page.")
]


def _run(folder: Path, *, shown: bool) -> Run:
    """A run of imported answers to a local file of 60 questions in HLE's schema."""
    lines = (ROOT / "llmc_lib" / "benchmarks" / "hle_mini.jsonl").read_text().splitlines()[:60]
    (folder / "hle.jsonl").write_text("\n".join(lines) + "\n")
    values: dict[str, Any] = {
        "run": "local",
        "runs_dir": str(folder / "runs"),
        "evaluation": {
            "benchmarks": [{"name": "hle", "source": str(folder / "hle.jsonl")}],
            "imports": [
                {"model": model, "path": f"params/compare/judged_hle_{model}.json"}
                for model in ("base", "tuned")
            ],
        },
        "report": {"show_questions": shown, "cases": 20},
    }
    return Run(Params.model_validate(values), folder / "local.yaml")


def _everything(run: Run, parts: list[str] = PARTS) -> str:
    """All that notebooks 3 and 4 show, or some parts of the latter, downloads decoded."""
    results = evaluation.import_all(run)
    report = load_report(run, results)
    blocks = [getattr(page, part.split("(")[0].removeprefix("page."))(report) for part in parts]
    some = answers_page.some(results, 50, 0)
    assert some.data is not None
    markup = "".join(block.markup for block in [*blocks, some]) + some.data.to_html()
    files = re.findall(r"base64,([A-Za-z0-9+/=]+)", markup)
    decoded = "".join(base64.b64decode(file).decode() for file in files)
    return _plain(html.unescape(markup) + decoded + json.dumps(report.metrics))


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[A-Za-z]{2,}", text))


def _runs_of_words(run: Run) -> list[str]:
    """Six words in a row of each question."""
    rows = [
        json.loads(line)
        for line in Path(run.params.evaluation.benchmarks[0].source).read_text().splitlines()
    ]
    words = [_plain(row["question"]).split() for row in rows]
    return [" ".join(w[n : n + 6]) for w in words for n in range(0, len(w) - 6)]


@pytest.mark.slow
def test_no_six_words_of_a_question_are_shown_unless_asked_for(tmp_path: Path) -> None:
    assert len(PARTS) > 10
    hidden = _run(tmp_path, shown=False)
    shown = _everything(hidden)
    assert [run for run in _runs_of_words(hidden) if run in shown] == []
    responses = [
        _plain(item["response"])[:60]
        for name in ("base", "tuned")
        for item in json.loads(
            (ROOT / f"params/compare/judged_hle_{name}.json").read_text()
        ).values()
    ]
    assert [text for text in responses if len(text) == 60 and text in shown] == []
    assert "show questions true" in shown
    open_ = _everything(_run(tmp_path, shown=True), ["page.side_by_side(report)"])
    assert any(run in open_ for run in _runs_of_words(hidden))


@pytest.mark.parametrize(
    ("benchmark", "withheld"),
    [
        ({"name": "hle"}, False),
        ({"name": "hle", "source": "cais/hle", "revision": "1" * 40}, True),
        ({"name": "mine", "kind": "hle", "source": "mine.jsonl"}, True),
        ({"name": "mine", "kind": "questions", "source": "mine.jsonl",
          "fields": {"question": "q", "answer": "a"}}, False),
    ],
)  # fmt: skip
def test_what_is_withheld(benchmark: dict[str, Any], withheld: bool) -> None:
    params = Params.model_validate({"run": "a", "evaluation": {"benchmarks": [benchmark]}})
    assert params.withheld == (frozenset({benchmark["name"]}) if withheld else frozenset())
