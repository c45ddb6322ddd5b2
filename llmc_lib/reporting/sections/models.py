"""Models and candidates: tables, the choice among them, the words."""

from __future__ import annotations

from typing import Any

import pandas as pd

from llmc_lib.analysis.verdict import words
from llmc_lib.reporting import figures
from llmc_lib.reporting.elements import NOTHING, Block, FigureBlock, paragraph, table_block
from llmc_lib.reporting.report import Report, thresholds
from llmc_lib.words import as_bound, as_p, as_percent, as_points, as_size, counted


def models_note(report: Report) -> Block:
    """How the answers came about, and what an interval is."""
    asked = (
        "The answers are finished ones of another evaluator; nothing was sampled for this page."
        if report.imported
        else "Every model answers the same questions."
    )
    return Block(
        f"<p>{asked} A <em>95% interval</em> is the range of true rates that fit the answers seen: were the "
        "whole study repeated on new questions, about 19 of 20 such intervals would hold the true rate.</p>"
    )


def models_table(report: Report) -> Block:
    """Every model: accuracy and what became of its answers."""
    n = report.block["n_questions"]
    rows = [
        {
            "Model": name,
            "What it is": report.results.models[name],
            "Correct, %": as_percent(model["accuracy"], n).rstrip("%"),
            "95% interval": _interval(model["ci95"], n),
            **_outcomes(report, model),
        }
        for name, model in report.block["models"].items()
    ]
    data = pd.DataFrame(
        [
            {"model": name, **{k: v for k, v in model.items() if not isinstance(v, dict | list)},
             "low": model["ci95"][0], "high": model["ci95"][1]}
            for name, model in report.block["models"].items()
        ]
    )  # fmt: skip
    caption = (
        f"Accuracy over {counted(n, 'question')} with {_interval_words(report)}. Truncated, unanswered and failed "
        "questions stay in the denominator and count as wrong."
    )
    if report.imported:
        caption += (
            " Missing: the file has no answer. Many evaluators do not store one that was cut at the token "
            "limit or whose request failed."
        )
    return table_block("models", pd.DataFrame(rows), caption, data) + _official_note(report)


def comparisons_table(report: Report) -> Block:
    """Every candidate against the reference."""
    n = report.block["n_questions"]
    rows = [
        {
            "Candidate": c["model"],
            "Difference, points": as_points(c["difference"], n, unit=False),
            "95% interval": _interval(c["ci95"], n, points=True),
            "Gained": f"{c['gained']}",
            "Lost": f"{c['lost']}",
            "p": as_p(c["p_value"]).removeprefix("= "),
            "p adjusted": as_p(c["p_adjusted"]).removeprefix("= "),
            "Verdict": c["verdict"],
        }
        for c in report.block["comparisons"]
    ]
    data = pd.DataFrame(
        [{**{k: v for k, v in c.items() if not isinstance(v, dict | list)},
          "low": c["ci95"][0], "high": c["ci95"][1]} for c in report.block["comparisons"]]
    )  # fmt: skip
    caption = (
        f"Each model minus {report.reference} on the same questions: paired interval, "
        f"{_test_words(report)}, p adjusted by Holm's method for {counted(len(rows), 'comparison')}. The headline is "
        "the last model, whatever the results are."
    )
    return table_block("candidates", pd.DataFrame(rows), caption, data) + _missing(report)


_CASES = {
    "candidate_right": "only those of {model} right",
    "reference_right": "only those of {reference} right",
    "complete": "left out, with their questions",
}


def _missing(report: Report) -> Block:
    """What missing answers could make of each comparison; nothing where they change no word."""
    found = [c for c in report.block["comparisons"] if c["missing"]]
    if not found:
        return NOTHING
    changed = [c for c in found if c["missing"]["changes"]]
    if not changed:
        return paragraph(
            "Answers are missing, and count as wrong. No verdict here would be another one were they all right, on "
            "either side, or left out.",
            "note",
        )
    data = pd.DataFrame(
        [
            {"model": c["model"], **case}
            for c in changed
            for case in ({**_counted(c), "case": "wrong, as counted"}, *c["missing"]["cases"])
        ]
    )
    level = report.block["thresholds"]["significance"]
    rows = [
        {
            "Candidate": row["model"],
            "Missing answers are": _CASES.get(row["case"], row["case"]).format(
                model=row["model"], reference=report.reference
            ),
            "Questions": f"{row['n']:,}",
            "Difference, points": as_points(row["difference"], row["n"], unit=False),
            "95% interval": _interval([row["low"], row["high"]], row["n"], points=True),
            "p adjusted": as_p(row["p_adjusted"], level).removeprefix("= "),
            "Verdict": row["verdict"],
        }
        for row in data.to_dict("records")
    ]
    caption = (
        "Where the verdict hangs on missing answers: the bounds of what they could have been, and the questions of "
        "which neither model lacks an answer. These are fair only if answers are missing whether or not they would "
        "have been right."
    )
    return table_block("missing", pd.DataFrame(rows), caption, data)


def _counted(comparison: dict[str, Any]) -> dict[str, Any]:
    """A comparison as counted, as a row of the table of missing answers."""
    low, high = comparison["ci95"]
    names = ("n", "difference", "p_adjusted", "verdict")
    return {**{name: comparison[name] for name in names}, "low": low, "high": high}


def differences(report: Report) -> FigureBlock:
    """Where the headline candidate gained and lost."""
    return figures.differences_by_category(report.headline, report.block["thresholds"])


def verdict_words(report: Report) -> Block:
    """What each verdict word means."""
    rows = pd.DataFrame(
        [
            {"Verdict": word, "Given when": when}
            for word, when in words(thresholds(report.run.params.report)).items()
        ]
    )
    smallest = as_size(report.run.params.report.smallest_interesting_points / 100)
    caption = (
        f"A difference worth finding is one of {smallest} or more (set by the params file); "
        f'"most likely" is a probability of {report.run.params.report.power:.0%}.'
    )
    table = table_block("verdict-words", rows, caption)
    return Block(f"<details><summary>What the verdict words mean</summary>{table.markup}</details>")


def _outcomes(report: Report, model: dict[str, Any]) -> dict[str, str]:
    """The columns on what became of a model's answers."""
    ungraded = "No verdict" if report.judged else "No answer found"
    columns = {
        "Truncated": f"{model['n_truncated']}",
        ungraded: f"{model['n_ungraded']}",
        "Failed": f"{model['n_failed']}",
    }
    return columns | {"Missing": f"{model['n_missing']}"} if report.imported else columns


def _official_note(report: Report) -> Block:
    """What HLE's own evaluator prints of imported verdicts."""
    printed = []
    for name, model in report.block["models"].items():
        found = model.get("official")
        if not (report.imported and report.judged and found and found["n"]):
            return NOTHING
        # Below two bins the official formula is 0 whatever the answers are.
        error = found["calibration_error"] if found["n"] >= 200 else None
        calibration = "" if error is None else f", calibration error {error:g}"
        printed.append(
            f"{name} {found['accuracy']:.2f}% ± {found['wald_half_width']:.2f} "
            f"(n = {found['n']:,}{calibration})"
        )
    return paragraph(
        "HLE's own evaluator leaves unanswered questions out. Of the same verdicts it prints: "
        f"{'; '.join(printed)}. Two of its figures may rest on different questions.",
        "note",
    )


def _interval_words(report: Report) -> str:
    several = report.block["n_samples"] > 1
    return "intervals clustered by question" if several else "Wilson intervals"


def _test_words(report: Report) -> str:
    several = report.block["n_samples"] > 1
    return "t-test clustered by question" if several else "exact McNemar test"


def _interval(bounds: list[float], n: int, *, points: bool = False) -> str:
    if points:
        return " to ".join(as_bound(bound, n) for bound in bounds)
    return "–".join(as_percent(bound, n).rstrip("%") for bound in bounds)
