"""The choice among several candidates: the rule of the run, and what choosing hides."""

from __future__ import annotations

from typing import Any

import pandas as pd

from llmc_lib.analysis import outlook
from llmc_lib.formatting import as_likely, as_p_cell, as_points, in_points, leaving, listed, share
from llmc_lib.reporting import figures
from llmc_lib.reporting.elements import NOTHING, Block, paragraph, table_block
from llmc_lib.reporting.report import Report
from llmc_lib.reporting.sentences import words


def selection(report: Report) -> Block:
    """Which candidate the run's rule chooses, all candidates with intervals that hold at once, and what is
    left of the winner's lead."""
    found = report.block["selection"]
    if found is None:
        return NOTHING
    blocks = paragraph(_rule(report, found["rule"])) if found["rule"] else NOTHING
    if "candidates" not in found:
        what = "question" if report.block["n_clusters"] is None else "cluster of questions"
        return blocks + paragraph(
            f"One {what} does not say how much of a choice among candidates is chance.", "note"
        )
    if len(found["candidates"]) < 2:
        return blocks
    return (
        blocks
        + figures.design.candidates(report.block)
        + paragraph(_hidden(report, found))
        + _table(report, found)
    )


def _rule(report: Report, rule: dict[str, Any]) -> str:
    n = report.block["n_questions"]
    where = listed(["overall", *(f"in {name}" for name in rule["better_in"])])
    start = (
        f"The rule of this run: choose the best of the candidates that answer more questions than "
        f"{report.reference} {where}."
    )
    count = rule["candidates"]
    if rule["chosen"] is None:
        none = (
            "The one candidate does not meet it"
            if count == 1
            else f"None of {count} candidates meets it"
        )
        return f"{start} {none}."
    met = len(rule["eligible"])
    size = f"{as_points(rule['difference'], n)} overall"
    who = (
        f"The one candidate, {rule['chosen']}, meets it ({size})"
        if count == 1
        else f"Of {count} candidates {met} {'meets' if met == 1 else 'meet'} it; chosen is {rule['chosen']} ({size})"
    )
    return f"{start} {who}. The rule takes no account of chance; the verdict on {rule['chosen']} is: {rule['verdict']}."


def _hidden(report: Report, found: dict[str, Any]) -> str:
    """What the winner's difference hides, and how much of that the corrected figures still hide."""
    n = report.block["n_questions"]
    if found["chosen"] is None:
        chance = _resampled(found, "none_chosen")
        what = "meets the rule" if found["rule"] else f"answers more than {report.reference}"
        return (
            f"No candidate {what}; with the questions redrawn, none does in {chance} of the draws."
        )
    row = next(r for r in found["candidates"] if r["model"] == found["chosen"])
    winner = next(c for c in report.block["comparisons"] if c["model"] == found["chosen"])
    few = n < outlook.FEW_QUESTIONS  # as in the section on reruns
    again = "" if few else f" {words.sign_sentence(outlook.of_block(winner['rerun']))}"
    overstated = _overstated(found["chosen"], row["difference"], found["optimism"], n)
    mean, reference = (as_points(row[name], n) for name in ("shrunken", "sceptical"))
    return (
        f"The best of several on the same questions looks better than it will on new ones. {overstated} Shrunken to "
        f"the mean of all candidates the difference is {mean}, shrunken to {report.reference} {reference}. "
        f"{_LEFT.format(reference=report.reference)} With the questions redrawn {found['chosen']} is chosen again "
        f"{_resampled(found, 'chosen_again')} of the time.{again}"
    )


def _overstated(chosen: str, difference: float, optimism: float | None, n: int) -> str:
    seen, part, rest = leaving(difference, optimism or 0.0, n)
    if optimism is None:
        return f"{chosen} shows {as_points(difference, n)}."
    of = f"{chosen}'s difference of {in_points(seen)}"
    if float(part) == 0:
        return f"{of} is not expected to be too large."
    return f"{of} is expected to be too large by {in_points(part)}, which leaves {rest}."


def _resampled(found: dict[str, Any], name: str) -> str:
    """The share of the resamples, never all of them where it is not."""
    return share(round(found[name] * found["resamples"]), found["resamples"])


#: Shown by performance/validity/winners.py, for candidates that all equal the reference.
_LEFT = (
    "Each of these three numbers still holds some luck. If no candidate were better than {reference}, the first would "
    "keep about a third of what luck adds with two candidates and almost nothing with eight, the second two thirds "
    "and a quarter, the third a third and a fifth. If all candidates are truly better, the third is a little too small."
)


def _table(report: Report, found: dict[str, Any]) -> Block:
    n, level = report.block["n_questions"], report.block["thresholds"]["significance"]
    printed = {c["model"]: c["interval"]["printed"] for c in report.block["comparisons"]}
    narrow = {c["model"] for c in report.block["comparisons"] if c["interval"]["narrow"]}
    rows = [
        {
            "Candidate": row["model"],
            "Difference": as_points(row["difference"], n, unit=False),
            "Interval": " to ".join(printed[row["model"]])
            + (" *" if row["model"] in narrow else ""),
            "p": as_p_cell(row["p_adjusted"], level),
            "Shrunken": as_points(row["shrunken"], n, unit=False),
            "To the reference": as_points(row["sceptical"], n, unit=False),
            "Best, %": as_likely(row["best"]).rstrip("%"),
            "Chosen, %": as_likely(row["chosen"]).rstrip("%"),
        }
        for row in found["candidates"]
    ]
    rule = (
        "by the rule above, of equal ones the first"
        if found["rule"]
        else "as the best overall (of equal ones the first), if it is above the reference"
    )
    caption = (
        f"Differences in percentage points. Intervals ({100 * (1 - level):.4g}%) and p-values are those of the "
        "verdicts, adjusted for all candidates at once. Shrunken: to the mean of all candidates, and to the "
        "reference. Best: the highest rate of all candidates; "
        f"chosen: {rule}; both in {found['resamples']:,} bootstrap samples "
        f"of the questions, seed {found['seed']}.{figures.accuracy.NARROW_MARK if narrow else ''}"
    )
    return table_block("selection", pd.DataFrame(rows), caption, pd.DataFrame(found["candidates"]))
