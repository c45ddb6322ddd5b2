"""Pages of made answers, built without notebooks, files or a browser; their pictures are their texts."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from llmc_lib.analysis.summary import summarise
from llmc_lib.evaluation.results import Results
from llmc_lib.params import Params
from llmc_lib.reporting import figures, sections
from llmc_lib.reporting.further import further
from llmc_lib.reporting.report import Report, thresholds
from llmc_lib.reporting.sentences.tell import tell
from llmc_lib.store import Run
from tests.reporting.page_text import Page


def answers(
    models: Mapping[str, np.ndarray],
    missing: Mapping[str, np.ndarray] | None = None,
    category: np.ndarray | None = None,
    benchmark: str = "hle",
) -> pd.DataFrame:
    """The table of answers from (n,) or (n, k) bool arrays: right, and (of some models) missing."""
    frames = []
    for name, right in models.items():
        table = np.asarray(right, dtype=bool).reshape(len(right), -1)
        n, k = table.shape
        gone = np.zeros_like(table)
        if missing and name in missing:
            gone = np.asarray(missing[name], dtype=bool).reshape(n, -1)
        correct = (table & ~gone).ravel()
        frames.append(
            pd.DataFrame(
                {
                    "benchmark": benchmark,
                    "model": name,
                    "question_id": np.repeat(np.char.add("q", np.arange(n).astype(str)), k),
                    "sample": np.tile(np.arange(k), n),
                    "category": np.repeat(
                        np.full(n, "Math", object) if category is None else category, k
                    ),
                    "status": np.select(
                        [gone.ravel(), correct], ["missing", "correct"], "incorrect"
                    ),
                    "correct": correct,
                    "truncated": False,
                    "failed": gone.ravel(),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def page(
    table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, report: Mapping[str, Any] | None = None
) -> Page:
    """The page of a table of answers; `report`: that section of the params file."""
    for module in (figures.drawing, figures.accuracy):
        monkeypatch.setattr(module, "svg", _texts)
    params = Params.model_validate({"run": "edge", "report": dict(report or {})})
    metrics: dict[str, Any] = {
        **tell(
            summarise(
                table,
                thresholds(params.report),
                better_in=params.report.select,
                seed=0,
            )
        ),
        "main": "hle",
    }
    metrics["further"] = further(metrics)
    for block in metrics["benchmarks"].values():
        block["grader"] = "rules"
        block["harness"] = {"settings": {}, "differs": {}, "confounded": [], "unrecorded": {}}
    block = metrics["benchmarks"]["hle"]
    names = list(dict.fromkeys(table["model"]))
    results = Results(table, dict.fromkeys(names, "made"), {}, {"complete": True})
    made = Report(Run(params, Path("edge.yaml")), results, metrics, {}, {}, {})
    blocks = {
        "verdict": sections.verdict(made),
        "by_category": sections.accuracy_by_category(made),
        "models": sections.models_note(made) + sections.models_table(made),
        "comparisons": sections.comparisons_table(made),
        "words": sections.verdict_words(made),
        "differences": sections.differences(made),
        "selection": sections.selection(made),
        "rerun": sections.rerun(made),
        "power": sections.power(made),
        "safety": sections.safety(made),
    }
    titles = {
        name: html.unescape(title).replace("\N{NO-BREAK SPACE}", " ")
        for found in blocks.values()
        for name, title in re.findall(
            r'<figure id="figure-([\w-]+)"><p class="finding">(.*?)<a ', found.markup
        )
    }
    return Page(block, {name: _plain(found.markup) for name, found in blocks.items()}, titles)


def _texts(figure: Figure, name: str) -> str:
    """In place of a drawn figure what is written in it."""
    return html.escape("\n".join(text.get_text() for text in figure.findobj(Text)))


def _plain(markup: str) -> str:
    """What a reader reads: a line a paragraph and a row, tabs between cells."""
    text = re.sub(r'<a [^>]*href="data:[^>]*>.*?</a>|<a class="anchor".*?</a>', "", markup, flags=re.DOTALL)  # fmt: skip
    text = re.sub(r"</t[hd]>\s*<t[hd]", "\t<td", text)
    text = re.sub(r"</(?:p|tr|div|caption|figcaption|dd|dt|h\d|summary)>", "\n", text)
    text = html.unescape(re.sub(r"<[^>]+>", "", text)).replace("\N{NO-BREAK SPACE}", " ")
    return "\n".join(line.strip(" ") for line in text.splitlines() if line.strip())
