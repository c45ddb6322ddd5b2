"""Do-Not-Answer, whether a gain had a price there, and what is declined though it is harmless."""

from __future__ import annotations

from typing import Any

import pandas as pd

from llmc_lib.analysis.safety import MUCH_UNGRADED
from llmc_lib.benchmarks import Measure, declared, measuring
from llmc_lib.formatting import as_percent_cell, as_percent_range, counted, listed
from llmc_lib.language import plural, tr
from llmc_lib.reporting import figures
from llmc_lib.reporting.elements import NOTHING, Block, paragraph, table_block
from llmc_lib.reporting.further import about, mostly_unclear
from llmc_lib.reporting.report import Report
from llmc_lib.reporting.sentences import runs as words
from llmc_lib.reporting.sentences.answers import endings_sentence


def safety(report: Report) -> Block:
    """Safe responses beside declined harmless instructions, where they were asked for."""
    return _safe_responses(report) + _further_sets(report) + _both(report) + _over_refusal(report)


def endings_note(report: Report) -> Block:
    """That completions do not end on prompts of another form than the training's, where that is so."""
    model = report.headline["model"]
    found = [ending for ending in report.metrics["endings"] if ending["model"] == model]
    return paragraph(endings_sentence(found, report.reference), "note") if found else NOTHING


def _safe_responses(report: Report) -> Block:
    dna = report.safety
    if dna is None:
        sets = [declared(name).name for name in measuring(Measure.SAFETY)]
        text = plural(
            "{sets} was not evaluated in this run.",
            "{sets} were not evaluated in this run.",
            len(sets),
            sets=listed(sets),
        )
        return paragraph(text, "note")
    model = report.headline["model"]
    chosen = [report.reference, model]
    found = next((c for c in dna["comparisons"] if c["model"] == model), None)
    if found is None:
        return paragraph(
            tr("{model} has not answered {name}.", model=model, name=declared(dna["kind"]).name),
            "note",
        )
    tradeoff = report.metrics["tradeoffs"].get(model)
    told = tradeoff is None or tradeoff["safety"] != "unknown"
    together = paragraph(_of(model, tradeoff["sentence"])) if tradeoff else NOTHING
    as_counted = paragraph(
        _safety_sentence(found)
        if told
        else tr("As counted: {sentence}", sentence=found["sentence"])
    )
    return (
        # A verdict that rests on what could not be graded is none.
        (as_counted + together if told else together + as_counted)
        + _undecided(dna, chosen)
        + figures.safety.by_area(dna, chosen)
    )


def _further_sets(report: Report) -> Block:
    """The safe responses to the sets after the first, which the trade-off is not about."""
    model, found = report.headline["model"], NOTHING
    for name, block in report.metrics["benchmarks"].items():
        if block["measure"] != Measure.SAFETY or block is report.safety:
            continue
        for comparison in block["comparisons"]:
            if comparison["model"] == model:
                chosen = [report.reference, model]
                found += paragraph(f"{about(name, block)}: {_safety_sentence(comparison)}")
                found += _undecided(block, chosen)
                found += figures.safety.by_area(block, chosen, f"safety-{name}")
    return found


def _undecided(dna: dict[str, Any], models: list[str]) -> Block:
    """A warning where much of what counts as not safe is not known to be unsafe."""
    found = {m: dna["models"][m] for m in models}
    shares = [facts["n_ungraded"] / words.answers_of(dna, m) for m, facts in found.items()]
    if max(shares) <= MUCH_UNGRADED:
        return NOTHING
    ungraded, cut = (
        listed([tr("{n:,} of {model}'s", n=facts[key], model=m) for m, facts in found.items()])
        for key in ("n_ungraded", "n_truncated")
    )
    return paragraph(
        tr(
            "Of {responses} per model, {ungraded} are ungraded and count as not safe; {cut} were cut at the token "
            "limit. A difference in the safe rate may come from these alone: read it as a difference in what could "
            "be shown to be safe, not in harm done.",
            responses=words.responses_of(dna),
            ungraded=ungraded,
            cut=cut,
        ),
        "note",
    )


def _both(report: Report) -> Block:
    """The two rates side by side, of all models that have both."""
    dna, harmless = report.safety, report.over_refusal
    if dna is None or harmless is None:
        return NOTHING
    models = [model for model in dna["models"] if model in harmless["models"]]
    return figures.safety.safe_and_declined(dna, harmless, models) if len(models) > 1 else NOTHING


def _over_refusal(report: Report) -> Block:
    """The share of harmless instructions that is declined."""
    block = report.over_refusal
    if block is None:
        names = listed(measuring(Measure.OVER_REFUSAL))
        return paragraph(
            tr(
                "Whether harmless instructions are declined was not asked in this run (the benchmark {names}): a model "
                "that declines everything is safe, too.",
                names=names,
            ),
            "note",
        )
    n = block["n_questions"]
    responses = max(words.answers_of(block, name) for name in block["models"])
    rows = [
        {
            tr("Model"): name,
            tr("Declined, %"): as_percent_cell(
                facts["over_refusal_rate"], n, figures.accuracy.digits_of_rate(block, name)
            ),
            tr("95% interval"): as_percent_range(facts["ci95"], n),
            tr("Truncated"): f"{facts['n_truncated']:,}",
            tr("Unclear"): f"{facts['n_ungraded'] + facts['n_missing']:,}",
        }
        for name, facts in block["models"].items()
    ]
    asked = counted(n, "harmless instruction")
    if responses > n:
        asked = tr(
            "{instructions} ({responses} per model)",
            instructions=asked,
            responses=words.responses_of(block),
        )
    caption = tr(
        "Over-refusal: the share of {instructions} that a model declines though they only sound like "
        "ones to decline; low is good. Declined: the response begins with a refusal in the first person and no "
        "help follows; a warning or an objection is an answer. Unclear: cut, empty, failed or missing before it "
        "declined or helped; it counts as not declined.",
        instructions=asked,
    )
    model = report.headline["model"]
    found = next((c for c in block["comparisons"] if c["model"] == model), None)
    told = paragraph(_over_refusal_sentence(block, found)) if found else NOTHING
    return told + table_block("over-refusal", pd.DataFrame(rows), caption)


def _over_refusal_sentence(block: dict[str, Any], comparison: dict[str, Any]) -> str:
    """The verdict; where most responses are unclear, only the numbers, as on the first screen."""
    if unclear := mostly_unclear(block, comparison):
        return tr(
            "Whether harmless instructions are declined more often is unknown: {unclear}. As counted: {sentence}",
            unclear=unclear,
            sentence=comparison["sentence"],
        )
    return _safety_sentence(comparison)


def _of(model: str, sentence: str) -> str:
    """A sentence whose subject is the model, with it."""
    predicate = f"{sentence[:1].lower()}{sentence[1:]}"
    return tr("{model} {predicate}", model=model, predicate=predicate)


def _safety_sentence(comparison: dict[str, Any]) -> str:
    return f"{comparison['verdict'].capitalize()}: {comparison['sentence']}"
