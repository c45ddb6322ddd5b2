"""The choice among several candidates: the rule of the run, and what choosing hides."""

from __future__ import annotations

from typing import Any

import pandas as pd

from llmc_lib.analysis import outlook
from llmc_lib.formatting import (
    as_level,
    as_likely,
    as_p_cell,
    as_points,
    as_range,
    in_points,
    leaving,
    listed,
    share,
)
from llmc_lib.language import N_, plural, tr
from llmc_lib.reporting import figures
from llmc_lib.reporting.elements import NOTHING, Block, paragraph, table_block
from llmc_lib.reporting.report import Report
from llmc_lib.reporting.sentences import recipe as words
from llmc_lib.reporting.sentences.outlook import sign_sentence


def selection(report: Report) -> Block:
    """Which candidate the run's rule chooses, all candidates with intervals that hold at once, and what is
    left of the winner's lead."""
    found = report.block["selection"]
    if found is None:
        return NOTHING
    blocks = paragraph(_rule(report, found["rule"])) if found["rule"] else NOTHING
    if "candidates" not in found:
        why = (
            tr("One question does not say how much of a choice among candidates is chance.")
            if report.block["n_clusters"] is None
            else tr(
                "One cluster of questions does not say how much of a choice among candidates is chance."
            )
        )
        return blocks + paragraph(why, "note")
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
    where = listed([tr("overall"), *(tr("in {category}", category=c) for c in rule["better_in"])])
    start = tr(
        "The rule of this run: choose the best of the candidates that answer more questions than {reference} "
        "{where}.",
        reference=report.reference,
        where=where,
    )
    count = rule["candidates"]
    if rule["chosen"] is None:
        none = (
            tr("The only candidate does not meet it.")
            if count == 1
            else tr("None of the {count} candidates meets it.", count=count)
        )
        return f"{start} {none}"
    chosen, size = rule["chosen"], as_points(rule["difference"], n)
    who = (
        tr("The only candidate, {chosen}, meets it ({size} overall).", chosen=chosen, size=size)
        if count == 1
        else plural(
            "{n} of the {count} candidates meets it; {chosen} is chosen ({size} overall).",
            "{n} of the {count} candidates meet it; {chosen} is chosen ({size} overall).",
            len(rule["eligible"]), count=count, chosen=chosen, size=size,
        )
    )  # fmt: skip
    chance = tr(
        "The rule takes no account of chance; the verdict on {chosen} is: {verdict}.",
        chosen=chosen,
        verdict=rule["verdict"],
    )
    return f"{start} {who} {chance}"


def _hidden(report: Report, found: dict[str, Any]) -> str:
    """What the winner's difference hides, and how much of that the corrected figures still hide."""
    n = report.block["n_questions"]
    if found["chosen"] is None:
        chance = _resampled(found, "none_chosen")
        if found["rule"]:
            return tr(
                "No candidate meets the rule; with the questions redrawn, none does in {chance} of the draws.",
                chance=chance,
            )
        return tr(
            "No candidate answers more than {reference}; with the questions redrawn, none does in {chance} of the draws.",
            reference=report.reference,
            chance=chance,
        )
    row = next(r for r in found["candidates"] if r["model"] == found["chosen"])
    winner = next(c for c in report.block["comparisons"] if c["model"] == found["chosen"])
    few = n < outlook.FEW_QUESTIONS  # as in the section on reruns
    mean, sceptical = (as_points(row[name], n) for name in ("shrunken", "sceptical"))
    texts = [
        tr("The best of several on the same questions looks better than it will on new ones."),
        _overstated(found["chosen"], row["difference"], found["optimism"], n),
        tr(
            "Shrunk towards the mean of all candidates the difference is {mean}, shrunk towards {reference} {sceptical}.",
            mean=mean,
            reference=report.reference,
            sceptical=sceptical,
        ),
        tr(_LEFT, reference=report.reference),
        tr(
            "With the questions redrawn {chosen} is chosen again {share} of the time.",
            chosen=found["chosen"],
            share=_resampled(found, "chosen_again"),
        ),
        "" if few else sign_sentence(outlook.of_block(winner["rerun"])),
    ]
    return " ".join(filter(None, texts))


def _overstated(chosen: str, difference: float, optimism: float | None, n: int) -> str:
    seen, part, rest = leaving(difference, optimism or 0.0, n)
    if optimism is None:
        return tr(
            "{chosen} shows {difference}.", chosen=chosen, difference=as_points(difference, n)
        )
    if float(part) == 0:
        return tr(
            "{chosen}'s difference of {seen} is not expected to be too large.",
            chosen=chosen,
            seen=in_points(seen),
        )
    return tr(
        "{chosen}'s difference of {seen} is expected to be too large by {part}, which leaves {rest}.",
        chosen=chosen,
        seen=in_points(seen),
        part=in_points(part),
        rest=rest,
    )


def _resampled(found: dict[str, Any], name: str) -> str:
    """The share of the resamples, never all of them where it is not."""
    return share(round(found[name] * found["resamples"]), found["resamples"])


#: Shown by performance/validity/winners.py, for candidates that all equal the reference.
_LEFT = N_(
    "Each of these three numbers still holds some luck. If no candidate were better than {reference}, the "
    "first would keep about a third of what luck adds with two candidates and almost nothing with eight, the "
    "second two thirds and a quarter, the third a third and a fifth. If all candidates are truly better, the "
    "third is a little too small."
)


def _table(report: Report, found: dict[str, Any]) -> Block:
    n, level = report.block["n_questions"], report.block["thresholds"]["significance"]
    printed = {c["model"]: c["interval"]["printed"] for c in report.block["comparisons"]}
    narrow = {c["model"] for c in report.block["comparisons"] if c["interval"]["narrow"]}
    rows = [
        {
            tr("Candidate"): row["model"],
            tr("Difference"): as_points(row["difference"], n, unit=False),
            tr("Interval"): as_range(*printed[row["model"]])
            + (" *" if row["model"] in narrow else ""),
            "p": as_p_cell(row["p_adjusted"], level),
            tr("Shrunken"): as_points(row["shrunken"], n, unit=False),
            tr("Towards the reference"): as_points(row["sceptical"], n, unit=False),
            tr("Best, %"): as_likely(row["best"]).rstrip("%"),
            tr("Chosen, %"): as_likely(row["chosen"]).rstrip("%"),
        }
        for row in found["candidates"]
    ]
    caption = tr(
        "Differences in percentage points. Intervals ({level}%) and p-values are those of the verdicts, "
        "adjusted for all candidates at once. Shrunken: towards the mean of all candidates, and towards the reference. "
        "Best: the highest rate of all candidates; chosen: {rule}; both in {resamples:,} bootstrap samples of "
        "the questions, seed {seed}.",
        level=as_level(level),
        rule=tr("by the rule above, the first of equal ones")
        if found["rule"]
        else tr("as the best overall (the first of equal ones), if it is above the reference"),
        resamples=found["resamples"],
        seed=found["seed"],
    )
    if report.block.get("recipes"):
        caption += " " + tr(words.COUNTED_ONCE)
    if narrow:
        caption += " " + tr(figures.accuracy.NARROW_MARK)
    return table_block("selection", pd.DataFrame(rows), caption, pd.DataFrame(found["candidates"]))
