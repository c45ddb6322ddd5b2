"""What the recipe does, as opposed to this checkpoint of it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from llmc_lib.formatting import as_level, as_p_cell, as_percent, as_points, as_range, counted
from llmc_lib.language import tr
from llmc_lib.reporting import figures
from llmc_lib.reporting.elements import NOTHING, Block, paragraph, table_block
from llmc_lib.reporting.report import Report
from llmc_lib.reporting.sentences import recipe as words


def recipes(report: Report) -> Block:
    """The effect of each recipe that was trained several times; nothing where none was."""
    found = report.block.get("recipes")
    if not found:
        return NOTHING
    blocks = NOTHING
    for effect in found["effects"]:
        verdict = effect["verdict"]
        blocks += paragraph(
            tr("{verdict}, as a recipe.", verdict=verdict[0].upper() + verdict[1:])
            + f" {effect['sentence']}"
            + (f" {effect['spread_sentence']} {effect['next_sentence']}" if effect["whole"] else "")
        )
    for pair in found["pairs"]:
        blocks += paragraph(pair["sentence"])
    if elsewhere := _elsewhere(report):
        blocks += paragraph(elsewhere)
    return (
        blocks
        + figures.recipes.trainings(report.block)
        + _table(report, found)
        + paragraph(_note(report), "note")
    )


def _elsewhere(report: Report) -> str:
    """The recipes on the other benchmarks, each in a line."""
    told = [
        tr(
            "{benchmark}: {recipe} {points} ({low} to {high}), {verdict}",
            benchmark=name,
            recipe=effect["recipe"],
            points=as_points(effect["difference"], effect["n"]),
            low=effect["interval"]["printed"][0],
            high=effect["interval"]["printed"][1],
            verdict=effect["verdict"],
        )
        for name, block in report.metrics["benchmarks"].items()
        if name != report.main
        for effect in (block.get("recipes") or {}).get("effects", [])
        if effect["whole"]
    ]
    if not told:
        return ""
    return tr(
        "On the other benchmarks (p-values are not adjusted for their number): {told}.",
        told="; ".join(told),
    )


def _table(report: Report, found: dict[str, Any]) -> Block:
    level = report.block["thresholds"]["significance"]
    rows = [
        {
            tr("Recipe"): effect["recipe"],
            tr("Trainings"): f"{len(effect['models'])}",
            tr("Effect, points"): as_points(effect["difference"], effect["n"], unit=False),
            tr("Interval"): as_range(*effect["interval"]["printed"])
            + (" *" if effect["interval"]["narrow"] else ""),
            tr("Degrees of freedom"): "–"
            if effect["two_trainings"]
            else words.freedom(effect["degrees_of_freedom"]),
            "p": as_p_cell(effect["p_adjusted"], level),
            tr("Spread of trainings"): as_points(
                effect["spread"]["sd"], effect["n"], sign=False, unit=False
            ),
            tr("Verdict"): effect["verdict"],
        }
        for effect in found["effects"]
    ]
    data = pd.DataFrame(
        [
            {
                "recipe": effect["recipe"],
                "model": model,
                "difference": difference,
                "effect": effect["difference"],
                "low": effect["interval"]["low"],
                "high": effect["interval"]["high"],
                "p_adjusted": effect["p_adjusted"],
                "spread": effect["spread"]["sd"],
                "spread_low": effect["spread"]["low"],
                "spread_high": effect["spread"]["high"],
                "verdict": effect["verdict_code"],
            }
            for effect in found["effects"]
            for model, difference in effect["differences"].items()
        ]
    )
    caption = tr(
        "Each recipe minus {reference}, in points, for new trainings and new questions ({level}% intervals): questions and "
        "trainings are random and crossed. The spread is the standard deviation of the trainings' true rates.",
        reference=report.reference,
        level=as_level(level),
    )
    if len(rows) > 1:
        caption += " " + tr(
            "Intervals and p-values are adjusted for {recipes} (Bonferroni).",
            recipes=counted(len(rows), "recipe"),
        )
    if any(effect["interval"]["narrow"] for effect in found["effects"]):
        caption += " " + tr(figures.accuracy.NARROW_MARK)
    return table_block("recipes", pd.DataFrame(rows), caption, data)


def _note(report: Report) -> str:
    """What the two verdicts are about, how trainings are counted, and how alike their rows are."""
    texts = [
        tr(
            "The verdict at the top of the page is about one checkpoint: a test over questions cannot tell what the recipe would do "
            "the next time. Here the trainings are a sample, too, and their effects are assumed to be normal, which so few cannot show."
        ),
        tr(words.COUNTED_ONCE),
    ]
    for name, common in (report.dataset.get("in_common") or {}).items():
        told = (
            tr(
                "All trainings of {recipe} have the same rows in another order, as the mixture leaves none out.",
                recipe=name,
            )
            if common >= 1
            else tr(
                "Each training of {recipe} drew its own rows; any two have {share} in common on average. Rows from elsewhere may make "
                "trainings differ more.",
                recipe=name,
                share=as_percent(common, 100),
            )
        )
        texts.append(told)
    for candidate in report.run.params.candidates:
        if candidate.seeds and candidate.vary == "order":
            told = tr(
                "The trainings of {recipe} have the same rows in another order; with other rows they may differ more.",
                recipe=candidate.name,
            )
            texts.append(told)
    return " ".join(texts)
