"""The choice among several candidates: the rule of the run, and what choosing hides."""

from __future__ import annotations

from typing import Any

import pandas as pd

from llmc_lib.analysis import outlook
from llmc_lib.reporting import design_figures
from llmc_lib.reporting.elements import NOTHING, Block, paragraph, table_block
from llmc_lib.reporting.report import Report
from llmc_lib.words import as_p, as_percent, as_points, leaving, listed, share


def selection(report: Report) -> Block:
    """Which candidate the run's rule chooses, all candidates with intervals that hold at once, and what is
    left of the winner's lead."""
    found = report.block["selection"]
    if found is None:
        return paragraph(
            "One model was compared with the reference: there was nothing to choose.", "note"
        )
    blocks = paragraph(_rule(report, found["rule"])) if found["rule"] else NOTHING
    if len(found.get("candidates", ())) < 2:
        return blocks
    return (
        blocks
        + design_figures.candidates(report.block)
        + paragraph(_hidden(report, found))
        + _table(report, found)
    )


def _rule(report: Report, rule: dict[str, Any]) -> str:
    n = report.block["n_questions"]
    where = listed(["overall", *(f"in {name}" for name in rule["better_in"])])
    start = (
        f"The rule of this run chooses a model that answers more than {report.reference} {where}"
    )
    among = f"of {rule['candidates']} compared"
    if rule["chosen"] is None:
        return f"{start}: none {among} does."
    others = len(rule["eligible"]) - 1
    also = f", as do {others} more," if others > 1 else ", as does one more," if others else ""
    return (
        f"{start}: {rule['chosen']} {among}{also} with {as_points(rule['difference'], n)} overall. The rule "
        f"takes no account of chance; the verdict on this model is: {rule['verdict']}."
    )


def _hidden(report: Report, found: dict[str, Any]) -> str:
    """What the winner's difference hides, and how much of that the corrected figures still hide."""
    n = report.block["n_questions"]
    if found["chosen"] is None:
        chance = _resampled(found, "none_chosen")
        what = "meets the rule" if found["rule"] else f"answers more than {report.reference}"
        return (
            f"No candidate {what}; with the questions drawn anew, none does {chance} of the time."
        )
    row = next(r for r in found["candidates"] if r["model"] == found["chosen"])
    winner = next(c for c in report.block["comparisons"] if c["model"] == found["chosen"])
    overstated = _overstated(found["chosen"], row["difference"], found["optimism"], n)
    mean, reference = (as_points(row[name], n) for name in ("shrunken", "sceptical"))
    return (
        f"Who picks the best of several on the same questions sees more than will come back on new ones. "
        f"{overstated} Shrunken to the mean of all candidates it is {mean}, to {report.reference} {reference}. "
        f"{_LEFT.format(reference=report.reference)} With the questions drawn anew {found['chosen']} is chosen again "
        f"{_resampled(found, 'chosen_again')} of the time. "
        f"{outlook.sign_sentence(outlook.of_block(winner['rerun']))}"
    )


def _overstated(chosen: str, difference: float, optimism: float | None, n: int) -> str:
    seen, part, rest = leaving(difference, optimism or 0.0, n)
    if optimism is None:
        return f"{chosen} shows {as_points(difference, n)}."
    by = f"{part} point{'' if part == '1' else 's'}"
    return f"{chosen}'s {seen} points are expected to overstate by {by}, which leaves {rest}."


def _resampled(found: dict[str, Any], name: str) -> str:
    """The share of the resamples, never all of them where it is not."""
    return share(round(found[name] * found["resamples"]), found["resamples"])


#: Shown by benchmarks/validity/winners.py, for candidates that all equal the reference.
_LEFT = (
    "Luck is left in all three: were the candidates no better than {reference}, about a third of what it adds with two "
    "candidates (almost nothing with eight), two thirds (a quarter), and a quarter (a sixth). Where all truly are "
    "better, the last takes away too much."
)


def _table(report: Report, found: dict[str, Any]) -> Block:
    n, level = report.block["n_questions"], report.block["thresholds"]["significance"]
    printed = {c["model"]: c["interval"]["printed"] for c in report.block["comparisons"]}
    rows = [
        {
            "Candidate": row["model"],
            "Difference": as_points(row["difference"], n, unit=False),
            "Interval": " to ".join(printed[row["model"]]),
            "p": as_p(row["p_adjusted"], level).removeprefix("= "),
            "Shrunken": as_points(row["shrunken"], n, unit=False),
            "To the reference": as_points(row["sceptical"], n, unit=False),
            "Best, %": as_percent(row["best"], 1).rstrip("%"),
            "Chosen, %": as_percent(row["chosen"], 1).rstrip("%"),
        }
        for row in found["candidates"]
    ]
    rule = (
        "by the rule above"
        if found["rule"]
        else "as the best overall, if it is above the reference"
    )
    caption = (
        f"Differences in percentage points. Intervals ({100 * (1 - level):.4g}%) and p-values are those of the "
        "verdicts, adjusted for all candidates at once. Shrunken: to the mean of all candidates, and to the "
        "reference. Best: the highest rate of all candidates; "
        f"chosen: {rule}; both in {found['resamples']:,} bootstrap samples "
        f"of the questions, seed {found['seed']}."
    )
    return table_block("selection", pd.DataFrame(rows), caption, pd.DataFrame(found["candidates"]))
