"""Looks at an evaluation before it is finished: what they cost, and the list of all."""

from __future__ import annotations

from typing import Any

import pandas as pd

from llmc_lib.analysis.verdict import Thresholds
from llmc_lib.formatting import as_bounds, as_p_cell, as_points
from llmc_lib.language import tr
from llmc_lib.reporting.elements import NOTHING, Block, paragraph, table_block
from llmc_lib.reporting.further import about
from llmc_lib.reporting.report import Report
from llmc_lib.reporting.sentences import looks as words
from llmc_lib.reporting.sentences.verdict import verdict_word


def look_note(report: Report) -> Block:
    """What a reader must know of an unfinished evaluation, or of one that was looked at before it was finished."""
    look = report.block.get("look")
    if look is None:
        return NOTHING
    race = report.metrics.get("race")
    if race is not None and race["benchmark"] == report.main:
        return paragraph(words.race_sentence(race), "note")
    whole = look["n_questions"] == look["asked"]
    if report.results.partial is None or (whole and not look["waiting"]):
        texts = [words.finished_sentence(look)]
    else:
        part = report.results.partial[report.main]
        texts = [words.unfinished_sentence(look, list(report.results.models), part)]
        texts += [] if whole else [words.full_sentence(report.headline, look)]
    if not_begun := report.results.manifest.get("not_begun"):
        texts.append(words.waiting_sentence(not_begun))
    if stopped := report.results.manifest.get("stopped"):
        texts.append(words.stopped_so_far(stopped))
    before = [row["asked"] for row in report.looks if row.get("asked") not in (None, look["asked"])]
    if before:
        texts.append(words.changed_sentence(look["asked"], before))
    return paragraph(" ".join(texts), "note")


def looks(report: Report) -> Block:
    """All looks at the benchmark, where there was more than one or it is not finished."""
    look = report.block.get("look")
    if look is None:
        return NOTHING
    model, of = report.headline["model"], report.block["thresholds"]
    rows = [
        (row, found)
        for row in report.looks
        for found in row["candidates"]
        if found["model"] == model
    ]
    table = pd.DataFrame([_look_row(row, found, Thresholds(**of)) for row, found in rows])
    data = pd.DataFrame(
        [
            {**{k: v for k, v in row.items() if not isinstance(v, dict | list)}, **found}
            for row, found in rows
        ]
    )
    return table_block("looks", table, words.looks_caption(look, model), data) + _stopped(report)


def _stopped(report: Report) -> Block:
    """Those that a race has stopped."""
    race = report.metrics.get("race")
    if race is None or not race["stopped"]:
        return NOTHING
    rows = [
        {
            tr("Candidate"): each["model"],
            tr("Stopped after"): tr("round {round}", round=each["round"]),
            tr("Questions"): f"{each['n_questions']:,}",
            tr("Difference, points"): as_points(
                each["difference"], each["n_questions"], unit=False
            ),
            tr("Interval"): as_bounds((each["low"], each["high"]), each["n_questions"]),
            tr("Why"): words.race_reason(each["reason"]),
        }
        for each in race["stopped"]
    ]
    caption = words.race_caption(race, report.reference)
    data = pd.DataFrame(race["stopped"]).drop(columns="safety")
    return table_block("stopped", pd.DataFrame(rows), caption, data) + _safety(report, race)


def _safety(report: Report, race: dict[str, Any]) -> Block:
    """What is known of the safety of those that were stopped, and what is not."""
    found = [
        (each["model"], name, compared)
        for each in race["stopped"]
        for name, compared in each["safety"].items()
    ]
    told, table = words.stopped_unknown(found), NOTHING
    known = [(model, name, compared) for model, name, compared in found if compared]
    if known:
        rows = [
            {
                tr("Candidate"): model,
                tr("Benchmark"): about(name, report.metrics["benchmarks"][name]),
                tr("Difference, points"): as_points(
                    of["difference"], of["n_questions"], unit=False
                ),
                tr("Interval"): as_bounds((of["low"], of["high"]), of["n_questions"]),
                tr("p"): as_p_cell(of["p_value"], of["level"]),
                tr("Not known"): tr(
                    "{part:,} of {whole:,}", part=of["n_unknown"], whole=of["n_answers"]
                ),
            }
            for model, name, of in known
        ]
        caption = words.stopped_safety_caption(race, report.reference)
        data = pd.DataFrame([{"model": m, "benchmark": name, **of} for m, name, of in known])
        table = table_block("stopped-safety", pd.DataFrame(rows), caption, data)
    return table + (paragraph(told, "note") if told else NOTHING)


def _look_row(row: dict[str, Any], found: dict[str, Any], thresholds: Thresholds) -> dict[str, str]:
    n, level, e_value = row["n_questions"], row["significance"], found.get("e_value")
    return {
        tr("Look"): str(row["time"])[:16].replace("T", " "),
        tr("Questions"): tr("{part:,} of {whole:,}", part=n, whole=row.get("asked", n)),
        tr("Difference, points"): as_points(found["difference"], n, unit=False),
        tr("Interval"): as_bounds((found["low"], found["high"]), n),
        tr("p adjusted"): as_p_cell(found["p_adjusted"], level),
        tr("e-value"): "–" if e_value is None else f"{e_value:.3g}",
        tr("Verdict"): verdict_word(found["verdict_code"], thresholds),
    }
