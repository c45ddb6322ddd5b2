"""What models answered for the data set: the base model, for replay, and a teacher."""

from __future__ import annotations

from typing import Any

import pandas as pd

from llmc_lib.formatting import counted, share
from llmc_lib.language import plural, tr
from llmc_lib.reporting.elements import NOTHING, Block, paragraph, table_block


def replayed(manifest: dict[str, Any]) -> Block:
    """What the base model's answers to the prompts of replay came to; nothing where it was not asked."""
    outcomes = {
        "kept": tr("kept: it ended by itself"),
        "truncated": tr("cut at the token limit"),
        "repetitive": tr("repeats itself"),
        "empty": tr("empty"),
        "failed": tr("prompt too long for the model"),
    }
    block = NOTHING
    for name, made in manifest.get("replay", {}).items():
        text = plural(
            "{model} answered {prompts} of the source {source} itself, {times} each: {n:,} ({share}) has an answer that can "
            "be trained on.",
            "{model} answered {prompts} of the source {source} itself, {times} each: {n:,} ({share}) have an answer that can "
            "be trained on.",
            made["kept"],
            model=made["model"],
            prompts=counted(made["prompts"], "prompt"),
            source=name,
            times=counted(made["samples"], "time"),
            share=share(made["kept"], made["prompts"]),
        )
        rows = [
            {
                tr("Outcome"): words,
                tr("Prompts"): f"{made[key]:,}",
                tr("Share"): share(made[key], made["prompts"]),
            }
            for key, words in outcomes.items()
        ]
        caption = tr(
            "Prompts of {source} by the first usable answer, or by the first answer where none is usable.",
            source=name,
        )
        block += paragraph(text) + table_block(f"replay-{name}", pd.DataFrame(rows), caption)
    return block


def teacher_yield(manifest: dict[str, Any]) -> Block:
    """What the teacher's samples came to; nothing where there was no teacher."""
    made = manifest["teacher"]
    if made is None:
        return NOTHING
    if not made["samples"]:
        return paragraph(
            tr(
                "The teacher {teacher} had nothing to do: no problem lacks a completion.",
                teacher=made["teacher"],
            )
        )
    texts = [
        plural(
            "{teacher} answered {problems} that had no completion, {samples} in all: {n:,} ({share}) has at least one right "
            "answer.",
            "{teacher} answered {problems} that had no completion, {samples} in all: {n:,} ({share}) have at least one right "
            "answer.",
            made["solved"],
            teacher=made["teacher"],
            problems=counted(made["problems"], "problem"),
            samples=counted(made["samples"], "sample"),
            share=share(made["solved"], made["problems"]),
        ),
        tr(
            "It wrote {tokens}, {each:,.0f} for each solved problem.",
            tokens=counted(made["tokens"], "token"),
            each=made["tokens"] / made["solved"],
        )
        if made["solved"]
        else tr("It wrote {tokens}.", tokens=counted(made["tokens"], "token")),
    ]
    outcomes = {
        "right": tr("right: the final answer agrees with the reference"),
        "wrong": tr("wrong"),
        "truncated": tr("cut at the token limit"),
        "without_answer": tr("no final answer found"),
        "failed": tr("prompt too long for the model"),
    }
    rows = [
        {
            tr("Outcome"): words,
            tr("Samples"): f"{made[name]:,}",
            tr("Share"): share(made[name], made["samples"]),
        }
        for name, words in outcomes.items()
    ]
    caption = tr("Outcomes of the teacher's samples. Only right ones can become completions.")
    return paragraph(" ".join(texts)) + table_block("teacher", pd.DataFrame(rows), caption)
