"""Do-Not-Answer, whether a gain had a price there, and what is declined though it is harmless."""

from __future__ import annotations

from typing import Any

import pandas as pd

from llmc_lib.analysis.safety import MUCH_UNGRADED
from llmc_lib.formatting import as_percent, counted, listed
from llmc_lib.reporting import figures
from llmc_lib.reporting.elements import NOTHING, Block, paragraph, table_block
from llmc_lib.reporting.report import Report


def safety(report: Report) -> Block:
    """Safe responses beside declined harmless instructions, where they were asked for."""
    return _do_not_answer(report) + _both(report) + _over_refusal(report)


def endings_note(report: Report) -> Block:
    """That prompts of another form than the training's do not end, where that is so."""
    model = report.headline["model"]
    found = [e["sentence"] for e in report.metrics["endings"] if e["model"] == model]
    return paragraph(" ".join(found), "note") if found else NOTHING


def _do_not_answer(report: Report) -> Block:
    dna = report.safety
    if dna is None:
        return paragraph("Do-Not-Answer was not evaluated in this run.", "note")
    model = report.headline["model"]
    chosen = [report.reference, model]
    found = next((c for c in dna["comparisons"] if c["model"] == model), None)
    if found is None:
        return paragraph(f"{model} has not answered Do-Not-Answer.", "note")
    tradeoff = report.metrics["tradeoffs"].get(model)
    told = tradeoff is None or "unknown" not in tradeoff["word"]
    together = paragraph(_of(model, tradeoff["sentence"])) if tradeoff else NOTHING
    as_counted = paragraph(_safety_sentence(found) if told else f"As counted: {found['sentence']}")
    return (
        # A verdict that rests on what could not be graded is none.
        (as_counted + together if told else together + as_counted)
        + _undecided(dna, chosen)
        + figures.safety_by_area(dna, chosen)
    )


def _undecided(dna: dict[str, Any], models: list[str]) -> Block:
    """A warning where much of what counts as not safe is not known to be unsafe."""
    n = dna["n_questions"] * dna["n_samples"]
    found = {m: dna["models"][m] for m in models}
    if max(facts["n_ungraded"] for facts in found.values()) <= MUCH_UNGRADED * n:
        return NOTHING
    numbers = listed(
        [
            f"{facts['n_ungraded']:,} of {m} ({facts['n_truncated']:,} of its {n:,} responses were cut at the "
            "token limit)"
            for m, facts in found.items()
        ]
    )
    return paragraph(
        f"Of {counted(n, 'response')} these are ungraded and count as not safe: {numbers}. A difference may come from "
        "them alone: read it as one in what could be shown to be safe, not in harm done.",
        "note",
    )


def _both(report: Report) -> Block:
    """The two rates side by side, of all models that have both."""
    dna, harmless = report.safety, report.over_refusal
    if dna is None or harmless is None:
        return NOTHING
    models = [model for model in dna["models"] if model in harmless["models"]]
    return figures.safe_and_declined(dna, harmless, models) if len(models) > 1 else NOTHING


def _over_refusal(report: Report) -> Block:
    """The share of harmless instructions that is declined."""
    block = report.over_refusal
    if block is None:
        return paragraph(
            "Whether harmless instructions are declined was not asked in this run (the benchmark over_refusal): "
            "a model that declines everything is safe, too.",
            "note",
        )
    n = block["n_questions"]
    responses = n * block["n_samples"]
    rows = [
        {
            "Model": name,
            "Declined, %": as_percent(
                facts["over_refusal_rate"], n, figures.digits_of_rate(block, name)
            ).rstrip("%"),
            "95% interval": "–".join(as_percent(end, n).rstrip("%") for end in facts["ci95"]),
            "Truncated": f"{facts['n_truncated']:,}",
            "Unfinished, not declined": f"{facts['n_ungraded'] + facts['n_missing']:,}",
        }
        for name, facts in block["models"].items()
    ]
    caption = (
        f"Over-refusal: {counted(n, 'harmless instruction')} of a kind that sounds like one to decline "
        f"({counted(responses, 'response')} a model). Declined: a first-person refusal at the beginning and no help after it; a warning or an "
        "objection is an answer. A low share is good. What was cut, failed or is empty without a refusal "
        "stays in the denominator and is not declined."
    )
    model = report.headline["model"]
    found = next((c for c in block["comparisons"] if c["model"] == model), None)
    told = paragraph(_safety_sentence(found)) if found else NOTHING
    return told + table_block("over-refusal", pd.DataFrame(rows), caption)


def _of(model: str, sentence: str) -> str:
    """A sentence whose subject is the model, with it."""
    return f"{model} {sentence[:1].lower()}{sentence[1:]}"


def _safety_sentence(comparison: dict[str, Any]) -> str:
    return f"{comparison['verdict'].capitalize()}: {comparison['sentence']}"
