"""Wrong reference answers: on which parts of the questions the verdict holds, and how few wrong answers would turn it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from llmc_lib.formatting import (
    as_bounds,
    as_percent_cell,
    as_points,
    counted,
)
from llmc_lib.language import N_, tr
from llmc_lib.reporting.elements import NOTHING, Block, case_cells, paragraph, table_block
from llmc_lib.reporting.report import Report

#: Without subsets or revised answers the page says how few wrong ones would turn a verdict only where these are at most so large a
#: share of the questions: benchmarks that were checked had more wrong answers than that (6.5% of MMLU's: Gema et al., 2024).
_FEW = 0.05
_CASES = {
    "all": N_("all questions, as counted"),
    "verified": N_("verified"),
    "revised": N_("revised"),
    "verified_and_revised": N_("verified and revised"),
    "uncertain": N_("uncertain"),
    "original": N_("all questions, by the original answers"),
    "least": N_("all questions, uncertain answers against {model}"),
    "most": N_("all questions, uncertain answers for {model}"),
}


def keys(report: Report) -> Block:
    """The verdict on parts of the questions, by the original answers, and at the extremes of uncertain ones; nothing where a
    benchmark marks none of them and many answers would have to be wrong for another verdict."""
    comparison, found = report.headline, report.block["keys"]
    sentence, fewest = (comparison["keys"][name] for name in ("sentence", "fewest"))
    if found is None:
        few = fewest is not None and fewest["n"] <= _FEW * comparison["n"]
        claims = comparison["verdict_code"] != "unclear"
        return paragraph(sentence) if few and claims else NOTHING
    return (paragraph(sentence) if sentence else NOTHING) + _parts(report) + _revised(report)


def _parts(report: Report) -> Block:
    """The verdict on each part of the questions and under each set of reference answers."""
    data = pd.DataFrame(
        [{"model": c["model"], **case} for c in report.block["comparisons"] for case in _cases(c)]
    )
    level = report.block["thresholds"]["significance"]
    shown = data[data["model"] == report.headline["model"]]
    rows = [
        {
            tr("Questions"): _name(row["case"], row["model"]),
            tr("Number"): f"{row['n']:,}",
            **case_cells(row, level),
        }
        for row in shown.to_dict("records")
    ]
    caption = tr(
        "{model} against {reference}, on parts of the questions and under other reference answers. These are checks of one "
        "verdict: each is tested at the same level, and not adjusted for their number. Uncertain answers count as given except in the "
        "rows that say otherwise: there each is the one that favours a model most, as far as the final answers of the two allow.",
        model=report.headline["model"],
        reference=report.reference,
    )
    return table_block("keys", pd.DataFrame(rows), caption, data)


def _cases(comparison: dict[str, Any]) -> list[dict[str, Any]]:
    found = comparison["keys"]
    as_is = {name: comparison[name] for name in ("n", "difference", "p_adjusted", "verdict")}
    as_is |= {name: comparison["interval"][name] for name in ("low", "high")}
    more = [found["original"]] if found["original"] else []
    uncertain = found["uncertain"]["cases"] if found["uncertain"] else []
    names = ("case", "n", "difference", "low", "high", "p_adjusted", "verdict")
    cases = [{"case": "all", **as_is}, *found["parts"], *more, *uncertain]
    return [{name: case[name] for name in names} for case in cases]


def _name(case: str, model: str) -> str:
    return tr(_CASES[case], model=model) if case in _CASES else case


def _revised(report: Report) -> Block:
    """The accuracy of each model by the original and by the revised answers."""
    found = report.block["keys"].get("revised")
    if found is None:
        return NOTHING
    n = found["n"]
    data = pd.DataFrame([{"model": m, "n": n, **facts} for m, facts in found["models"].items()])
    data[["low", "high"]] = data.pop("ci95").tolist()
    rows = [
        {
            tr("Model"): row["model"],
            tr("Original, %"): as_percent_cell(row["original"], n),
            tr("Revised, %"): as_percent_cell(row["revised"], n),
            tr("Difference, points"): as_points(row["difference"], n, unit=False),
            tr("95% interval"): as_bounds((row["low"], row["high"]), n),
        }
        for row in data.to_dict("records")
    ]
    caption = tr(
        "Accuracy on the {questions} whose reference answer was revised: the same completions, graded by the original answer and "
        "by the revised one. Where the text of a question was revised, too, its original answer belongs to the earlier text.",
        questions=counted(n, "question"),
    )
    return table_block("revised", pd.DataFrame(rows), caption, data)
