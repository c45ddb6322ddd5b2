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
    as_percent_cell,
    as_percent_range,
    as_points,
    as_range,
    as_size,
    counted,
    listed,
)
from llmc_lib.language import plural, tr
from llmc_lib.reporting import figures
from llmc_lib.reporting.elements import NOTHING, Block, folded, paragraph, table_block
from llmc_lib.reporting.figures.drawing import FigureBlock
from llmc_lib.reporting.graders import graded_by
from llmc_lib.reporting.report import Report, thresholds
from llmc_lib.reporting.sections.missing import missing_answers
from llmc_lib.reporting.sentences import verdict as words
from llmc_lib.reporting.sentences.recipe import COUNTED_ONCE


def models_note(report: Report) -> Block:
    """How the answers came about, and what an interval is."""
    asked = (
        tr("The answers are finished ones of another evaluator; nothing was sampled for this page.")
        if report.imported
        else tr("Every model answers the same questions.")
    )
    interval = tr(
        "A <em>95% interval</em> is the range of true rates that fit the answers seen: were the whole study repeated on "
        "new questions, about 19 of 20 such intervals would contain the true rate."
    )
    return Block(f"<p>{asked} {interval}</p>")


def models_table(report: Report) -> Block:
    """Every model: accuracy, and its answers by outcome."""
    n = report.block["n_questions"]
    rows = [
        {
            tr("Model"): name,
            tr("What it is"): report.results.models[name],
            tr("Correct, %"): as_percent_cell(
                model["accuracy"], n, figures.accuracy.digits_of_rate(report.block, name)
            ),
            tr("95% interval"): as_percent_range(model["ci95"], n),
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
    caption = tr(
        "Accuracy over {questions} with {how}. Truncated, unanswered and failed questions stay in the "
        "denominator and count as wrong.",
        questions=counted(n, "question"),
        how=", ".join(filter(None, (_interval_words(report), graded_by(report.block)))),
    )
    if report.imported:
        caption += " " + tr(
            "Missing: the file has no answer. Many evaluators do not store one that was cut at the token limit or "
            "whose request failed."
        )
    return (
        table_block("models", pd.DataFrame(rows), caption, data)
        + _answered(report)
        + _official_note(report)
        + _duplicates_note(report)
    )


def comparisons_table(report: Report) -> Block:
    """Every candidate against the reference."""
    n, level = report.block["n_questions"], report.block["thresholds"]["significance"]
    rows = [
        {
            tr("Candidate"): c["model"],
            tr("Difference, points"): as_points(c["difference"], n, c["digits"], unit=False),
            tr("Interval"): as_range(*c["interval"]["printed"])
            + (" *" if c["interval"]["narrow"] else ""),
            tr("Gained"): f"{c['gained']}",
            tr("Lost"): f"{c['lost']}",
            "p": as_p_cell(c["p_value"], level),
            **_p_adjusted(report, c, level),
            tr("Verdict"): c["verdict"],
        }
        for c in report.block["comparisons"]
    ]
    data = pd.DataFrame(
        [{**{k: v for k, v in c.items() if not isinstance(v, dict | list)},
          "low": c["interval"]["low"], "high": c["interval"]["high"]} for c in report.block["comparisons"]]
    )  # fmt: skip
    caption = [
        tr(
            "Each model minus {reference} on the same questions: {label}, {test}. Each verdict is about that one checkpoint.",
            reference=report.reference,
            label=report.headline["interval"]["label"],
            test=_test_words(report),
        )
    ]
    if (compared := report.headline["interval"]["candidates"]) > 1:
        text = tr(
            "The interval and p adjusted hold for {all_of} candidates at once, p for one alone.",
            all_of=all_of(compared),
        )
        caption.append(text)
    if report.block.get("recipes"):
        caption.append(tr(COUNTED_ONCE))
    text = (
        tr(
            "The verdict at the top of the page is on the last of these candidates: the best one when the race ended. Interval and p "
            "adjusted allow for that choice."
        )
        if report.metrics.get("race")
        else tr(
            "The verdict at the top of the page is on the last candidate, whatever the results are."
        )
    )
    caption.append(text)
    if any(c["interval"]["narrow"] for c in report.block["comparisons"]):
        caption.append(tr(figures.accuracy.NARROW_MARK))
    table = table_block("candidates", pd.DataFrame(rows), " ".join(caption), data)
    return table + missing_answers(report)


def _p_adjusted(report: Report, comparison: dict[str, Any], level: float) -> dict[str, str]:
    """The column of adjusted p-values; none for a single candidate at a single look, whose p-value needs no adjustment."""
    if len(report.block["comparisons"]) == 1 and not comparison["interval"].get("looks"):
        return {}
    return {tr("p adjusted"): as_p_cell(comparison["p_adjusted"], level)}


def differences(report: Report) -> FigureBlock:
    """Where the headline candidate gained and lost."""
    return figures.accuracy.differences(report.block, report.headline)


def verdict_words(report: Report) -> Block:
    """What each verdict word means."""
    rows = pd.DataFrame(
        [
            {tr("Verdict"): word, tr("Given when"): when}
            for word, when in words.verdict_rules(
                thresholds(report.run.params.report), repeated=bool(report.block["repeats"])
            ).items()
        ]
    )
    smallest = as_size(report.run.params.report.smallest_interesting_points / 100)
    caption = tr(
        "The first that holds. A difference that matters is one of {smallest} or more (set by the params file). "
        "With several candidates the interval is one that holds for all at once. An interval that is marked as "
        "too narrow cannot show equality.",
        smallest=smallest,
    )
    table = table_block("verdict-words", rows, caption)
    return folded(tr("What the verdict words mean"), table)


def _answered(report: Report) -> Block:
    """How often a final answer was found, and accuracy among these: a gain in form alone shows here."""
    told = []
    for name in (report.reference, report.headline["model"]):
        found = report.block["models"][name]["answered"]
        given = {
            "found": found["found"],
            "model": name,
            "completions": counted(found["of"], "completion"),
        }
        told.append(
            tr("in {found:,} of {model}'s {completions}", **given)
            if found["rate"] is None
            else tr(
                "in {found:,} of {model}'s {completions} ({right} of these are right, 95% interval {interval})",
                right=as_percent(found["rate"], found["found"]),
                interval=as_percent_range(found["ci95"], found["found"]),
                **given,
            )
        )
    text = tr("A final answer was found {in_completions}.", in_completions=listed(told))
    return paragraph(f"{text} {_both_answered(report)}")


def _both_answered(report: Report) -> str:
    """The difference where both models gave a final answer, and what it says of the whole."""
    comparison = report.headline
    both = comparison["answered"]
    if both is None:
        return tr("There is no question that both answered.")
    n = both["n"]
    low, high = (as_bound(bound, n) for bound in both["ci95"])
    text = tr(
        "Where both gave one ({questions}) the difference is {difference} (95% interval {low} to {high}, p {p})",
        questions=counted(n, "question"),
        difference=as_points(both["difference"], n),
        low=low,
        high=high,
        p=as_p(both["p_value"], ALPHA),
    )
    same = both["p_value"] < ALPHA and both["difference"] * comparison["difference"] > 0
    if not comparison["significant"]:
        return f"{text}."
    gains = comparison["difference"] > 0
    if same:
        what = (
            tr("the gain does not come only from ending and stating an answer.")
            if gains
            else tr("the loss does not come only from ending and stating an answer.")
        )
    else:
        what = (
            tr(
                "it is not clear there, so the gain may come from answer form alone, that is from ending and stating an "
                "answer."
            )
            if gains
            else tr(
                "it is not clear there, so the loss may come from answer form alone, that is from ending and stating an "
                "answer."
            )
        )
    return f"{text}: {what}"


def _outcomes(report: Report, model: dict[str, Any]) -> dict[str, str]:
    """The columns that count a model's answers by outcome."""
    ungraded = tr("No verdict") if report.judged else tr("Ended without an answer")
    columns = {
        tr("Truncated"): f"{model['n_truncated']}",
        ungraded: f"{model['n_ungraded']}",
        tr("Failed"): f"{model['n_failed']}",
    }
    return columns | {tr("Missing"): f"{model['n_missing']}"} if report.imported else columns


def _official_note(report: Report) -> Block:
    """What HLE's own evaluator prints of imported verdicts."""
    printed = []
    for name, model in report.block["models"].items():
        found = model.get("official")
        if not (report.imported and report.judged and found and found["n"]):
            return NOTHING
        # Below two bins the official formula is 0 whatever the answers are.
        error = found["calibration_error"] if found["n"] >= 200 else None
        numbers = [f"n = {found['n']:,}"]
        if error is not None:
            numbers.append(tr("calibration error {error:g}", error=error))
        rate = f"{found['accuracy']:.2f}% ± {found['wald_half_width']:.2f}"
        printed.append(f"{name} {rate} ({', '.join(numbers)})")
    return paragraph(
        tr(
            "HLE's own evaluator leaves unanswered questions out. Of the same verdicts it prints: {figures}. Two of its "
            "figures may rest on different questions.",
            figures="; ".join(printed),
        ),
        "note",
    )


def _duplicates_note(report: Report) -> Block:
    """That questions nearly repeat others, which are then no independent ones."""
    n = len(report.block.get("duplicates", {}))
    if not n:
        return NOTHING
    text = plural(
        "{n:,} question nearly repeats another one. The two are one cluster in every interval and test.",
        "{n:,} questions nearly repeat another one. They are in one cluster with it in every interval and test.",
        n,
    )
    return paragraph(text, "note")


def _interval_words(report: Report) -> str:
    by = figures.accuracy.grouped(report.block)
    return tr("intervals {clustered}", clustered=by) if by else tr("Wilson intervals")


def _test_words(report: Report) -> str:
    by = figures.accuracy.grouped(report.block)
    if by is None:
        return tr("McNemar mid-p test")
    if report.block["n_clusters"] is None:
        return tr(
            "test {clustered} (t-test; where few questions differ, a sign-flip test)", clustered=by
        )
    return tr(
        "test {clustered} (t-test; where few clusters differ, a sign-flip test)", clustered=by
    )
