"""How much of a difference may be due to the harness and the prompt."""

from __future__ import annotations

from typing import Any

import pandas as pd

from llmc_lib.formatting import as_bound, as_percent_cell, as_points
from llmc_lib.language import tr
from llmc_lib.reporting.elements import NOTHING, Block, case_cells, paragraph, table_block
from llmc_lib.reporting.report import Report
from llmc_lib.reporting.sentences import harness as words


def harness(report: Report) -> Block:
    """Models that answered twice, and where the harness of the answers differs; nothing without either."""
    block = NOTHING
    for repeat in report.block["repeats"]:
        block += paragraph(repeat["sentence"])
    if report.block["repeats"]:
        block += paragraph(
            tr(
                "Only the engine changed here, not the model. How often answers change is part of the spread of the next run; a "
                "clear difference blocks the verdict."
            ),
            "note",
        )
    return block + _differing(report)


def confounded_note(report: Report) -> Block:
    """For the first screen: the two models of the verdict were not sampled under one harness."""
    keys = report.block["harness"]["confounded"]
    if not keys:
        return NOTHING
    return paragraph(
        tr(
            "{model} and {reference} were not sampled under the same harness ({settings}): part of the difference may be the "
            "engine's. Sample both under one, or measure what it changes with evaluation.repeat.",
            model=report.headline["model"],
            reference=report.reference,
            settings=", ".join(keys),
        ),
        "note warning",
    )


def _differing(report: Report) -> Block:
    found = report.block["harness"]
    if not found["differs"]:
        return NOTHING
    models = list(report.results.models)
    rows = [
        {tr("Setting"): key}
        | {model: words.values_words(values.get(model, {})) for model in models}
        for key, values in found["differs"].items()
    ]
    data = pd.DataFrame(
        [
            {"setting": key, "model": model, "value": value, "answers": n}
            for key, values in found["differs"].items()
            for model, counts in values.items()
            for value, n in counts.items()
        ]
    )
    caption = tr(
        "What differs in how the answers were made, as recorded with each. Such settings change answers by rounding; they are "
        "part of this comparison's noise, and of its difference where the two models have different values."
    )
    return table_block("harness", pd.DataFrame(rows), caption, data)


def prompts(report: Report) -> Block:
    """Every candidate against the reference under each prompt; nothing with one."""
    under = [c for c in report.block["comparisons"] if c["prompts"]]
    if not under:
        return NOTHING
    level = report.block["thresholds"]["significance"]
    data = pd.DataFrame(
        [{"model": c["model"], **case} for c in under for case in c["prompts"]["cases"]]
    )
    rows = [
        _row({str(k): v for k, v in row.items()}, level, report) for row in data.to_dict("records")
    ]
    caption = tr(
        "The same questions under each prompt. The verdict at the top of the page is on the first prompt, {first}.",
        first=under[0]["prompts"]["cases"][0]["prompt"],
    )
    return table_block("prompts", pd.DataFrame(rows), caption, data) + paragraph(_over(report))


def _row(row: dict[str, Any], level: float, report: Report) -> dict[str, str]:
    n = row["n"]
    return {
        tr("Candidate"): row["model"],
        tr("Prompt"): row["prompt"],
        tr("{model}, %", model=report.reference): as_percent_cell(row["reference_rate"], n),
        tr("Candidate, %"): as_percent_cell(row["rate"], n),
        **case_cells(row, level),
    }


def _over(report: Report) -> str:
    """The difference for other questions and other prompts, and how much of it is the prompts'."""
    comparison = report.headline
    under, n = comparison["prompts"], comparison["n"]
    over = under["over"]
    text = words.prompts_sentence(report.block, comparison) or tr(
        "It is not shown that the difference depends on the prompt."
    )
    if over is None:
        return text
    low, high = (as_bound(over[end], n) for end in ("low", "high"))
    return (
        text
        + " "
        + tr(
            "Over these prompts it is {difference} on average; for other questions and other prompts like these the interval is {low} to "
            "{high} ({prompts} prompts say little about how others differ). Its standard deviation from prompt "
            "to prompt is estimated as {spread}.",
            difference=as_points(over["difference"], n),
            low=low,
            high=high,
            prompts=len(under["cases"]),
            spread=as_points(over["spread"], n, sign=False),
        )
    )
