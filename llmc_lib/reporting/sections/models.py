"""Models and candidates: tables, the choice among them, the words."""

from __future__ import annotations

from typing import Any

import pandas as pd

from llmc_lib.analysis.verdict import ALPHA
from llmc_lib.formatting import (
    all_of,
    as_bound,
    as_p,
    as_p_cell,
    as_percent,
    as_points,
    as_size,
    counted,
    listed,
)
from llmc_lib.reporting import figures
from llmc_lib.reporting.elements import NOTHING, Block, folded, paragraph, table_block
from llmc_lib.reporting.figures.drawing import FigureBlock
from llmc_lib.reporting.report import Report, thresholds
from llmc_lib.reporting.sections.missing import missing_answers
from llmc_lib.reporting.sentences import words


def models_note(report: Report) -> Block:
    """How the answers came about, and what an interval is."""
    asked = (
        "The answers are finished ones of another evaluator; nothing was sampled for this page."
        if report.imported
        else "Every model answers the same questions."
    )
    return Block(
        f"<p>{asked} A <em>95% interval</em> is the range of true rates that fit the answers seen: were the "
        "whole study repeated on new questions, about 19 of 20 such intervals would contain the true rate.</p>"
    )


def models_table(report: Report) -> Block:
    """Every model: accuracy, and its answers by outcome."""
    n = report.block["n_questions"]
    rows = [
        {
            "Model": name,
            "What it is": report.results.models[name],
            "Correct, %": as_percent(
                model["accuracy"], n, figures.accuracy.digits_of_rate(report.block, name)
            ).rstrip("%"),
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
    return (
        table_block("models", pd.DataFrame(rows), caption, data)
        + _answered(report)
        + _official_note(report)
    )


def comparisons_table(report: Report) -> Block:
    """Every candidate against the reference."""
    n, level = report.block["n_questions"], report.block["thresholds"]["significance"]
    rows = [
        {
            "Candidate": c["model"],
            "Difference, points": as_points(c["difference"], n, c["digits"], unit=False),
            "Interval": " to ".join(c["interval"]["printed"])
            + (" *" if c["interval"]["narrow"] else ""),
            "Gained": f"{c['gained']}",
            "Lost": f"{c['lost']}",
            "p": as_p_cell(c["p_value"], level),
            **_p_adjusted(report, c, level),
            "Verdict": c["verdict"],
        }
        for c in report.block["comparisons"]
    ]
    data = pd.DataFrame(
        [{**{k: v for k, v in c.items() if not isinstance(v, dict | list)},
          "low": c["interval"]["low"], "high": c["interval"]["high"]} for c in report.block["comparisons"]]
    )  # fmt: skip
    caption = (
        f"Each model minus {report.reference} on the same questions: {report.headline['interval']['label']}, "
        f"{_test_words(report)}{_adjusted(len(rows))}. The verdict at the top of the page is on the last candidate, whatever the results are."
    )
    if any(c["interval"]["narrow"] for c in report.block["comparisons"]):
        caption += figures.accuracy.NARROW_MARK
    return table_block("candidates", pd.DataFrame(rows), caption, data) + missing_answers(report)


def _p_adjusted(report: Report, comparison: dict[str, Any], level: float) -> dict[str, str]:
    """The column of adjusted p-values; none for a single candidate, whose p-value needs no adjustment."""
    if len(report.block["comparisons"]) == 1:
        return {}
    return {"p adjusted": as_p_cell(comparison["p_adjusted"], level)}


def differences(report: Report) -> FigureBlock:
    """Where the headline candidate gained and lost."""
    return figures.accuracy.differences(report.block, report.headline)


def verdict_words(report: Report) -> Block:
    """What each verdict word means."""
    rows = pd.DataFrame(
        [
            {"Verdict": word, "Given when": when}
            for word, when in words.verdict_rules(thresholds(report.run.params.report)).items()
        ]
    )
    smallest = as_size(report.run.params.report.smallest_interesting_points / 100)
    caption = (
        f"The first that holds. A difference that matters is one of {smallest} or more (set by the params "
        "file). With several candidates the interval is one that holds for all at once. An interval that is marked as "
        "too narrow cannot show equality."
    )
    table = table_block("verdict-words", rows, caption)
    return folded("What the verdict words mean", table)


def _answered(report: Report) -> Block:
    """How often a final answer was found, and accuracy among these: a gain in form alone shows here."""
    told = []
    for name in (report.reference, report.headline["model"]):
        found = report.block["models"][name]["answered"]
        of = counted(found["of"], "completion")
        text = f"in {found['found']:,} of {name}'s {of}"
        if found["rate"] is not None:
            right, interval = as_percent(found["rate"], found["found"]), found["ci95"]
            text += (
                f" ({right} of these are right, 95% interval {_interval(interval, found['found'])})"
            )
        told.append(text)
    return paragraph(f"A final answer was found {listed(told)}.{_both_answered(report)}")


def _both_answered(report: Report) -> str:
    """The difference where both models gave a final answer, and what it says of the whole."""
    comparison = report.headline
    both = comparison["answered"]
    if both is None:
        return " There is no question that both answered."
    n = both["n"]
    low, high = (as_bound(bound, n) for bound in both["ci95"])
    text = (
        f" Where both gave one ({counted(n, 'question')}) the difference is {as_points(both['difference'], n)} (95% interval "
        f"{low} to {high}, p {as_p(both['p_value'], ALPHA)})"
    )
    same = both["p_value"] < ALPHA and both["difference"] * comparison["difference"] > 0
    if not comparison["significant"]:
        return f"{text}."
    what = "gain" if comparison["difference"] > 0 else "loss"
    if same:
        return f"{text}: the {what} does not come only from ending and stating an answer."
    return (
        f"{text}: it is not clear there, so the {what} may come from answer form alone, that is from ending and stating "
        "an answer."
    )


def _outcomes(report: Report, model: dict[str, Any]) -> dict[str, str]:
    """The columns that count a model's answers by outcome."""
    ungraded = "No verdict" if report.judged else "Ended without an answer"
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
    by = figures.accuracy.grouped(report.block)
    return f"intervals clustered {by}" if by else "Wilson intervals"


def _test_words(report: Report) -> str:
    by = figures.accuracy.grouped(report.block)
    if by is None:
        return "McNemar mid-p test"
    few = "questions" if report.block["n_clusters"] is None else "clusters"
    return f"test clustered {by} (t-test; where few {few} differ, a sign-flip test)"


def _adjusted(compared: int) -> str:
    if compared < 2:
        return ""
    return f". The interval and p adjusted hold for {all_of(compared)} candidates at once, p for one alone"


def _interval(bounds: list[float], n: int) -> str:
    return "–".join(as_percent(bound, n).rstrip("%") for bound in bounds)
