"""Rows of the data set to open and read."""

from __future__ import annotations

import html
import random
from typing import Any

import pandas as pd

from llmc_lib.formatting import counted
from llmc_lib.language import N_, tr
from llmc_lib.models.prompts import split_reasoning
from llmc_lib.records import read_history
from llmc_lib.reporting.dataset_page import WORDS
from llmc_lib.reporting.elements import Block, paragraph
from llmc_lib.reporting.text import text_to_html
from llmc_lib.taxonomy import ROW_CATEGORIES

_ROLES = {
    "system": N_("System prompt"),
    "user": N_("Earlier prompt"),
    "assistant": N_("Earlier response"),
}
# Characters of a question, a reasoning or a response that are shown.
_SHOWN = 4_000


def sample(rows: pd.DataFrame, n: int, seed: int) -> Block:
    """`n` rows to open and read, drawn by the seed from each category in turn.

    Parameters: `rows` with the columns of `llmc_lib.dataset.rows.FINAL`.
    """
    drawn = _draw(rows, n, seed)
    parts = []
    for category, chosen in drawn.items():
        parts.append(f"<h3>{html.escape(category)}</h3>")
        parts += [_row(row) for row in chosen.to_dict("records")]
    shown = sum(len(chosen) for chosen in drawn.values())
    head = tr(
        "{shown:,} of {rows}, drawn at random (seed {seed}) from each category in turn. Open one to read it.",
        shown=shown,
        rows=counted(len(rows), "row"),
        seed=seed,
    )
    return paragraph(head, "note") + Block(f'<div class="cases">{"".join(parts)}</div>')


def to_open(rows: pd.DataFrame) -> str:
    """Rows as HTML, each folded to its first line."""
    return f'<div class="cases">{"".join(_row(row) for row in rows.to_dict("records"))}</div>'


def _draw(rows: pd.DataFrame, n: int, seed: int) -> dict[str, pd.DataFrame]:
    """The drawn rows of each category, HLE's categories in its order, then the others."""
    draw = random.Random(f"{seed}/sample")
    pools = {}
    for name in ROW_CATEGORIES:
        places = (rows["category"] == name).to_numpy().nonzero()[0].tolist()
        if places:
            pools[name] = draw.sample(places, min(n, len(places)))
    quota = dict.fromkeys(pools, 0)
    while sum(quota.values()) < min(n, sum(map(len, pools.values()))):
        for name, pool in pools.items():
            if quota[name] < len(pool) and sum(quota.values()) < n:
                quota[name] += 1
    return {name: rows.iloc[pools[name][:count]] for name, count in quota.items() if count}


def _row(row: dict[Any, Any]) -> str:
    reasoning, response = split_reasoning(row["completion"])
    first = row["question"].strip().split("\n")[0]
    short = first if len(first) <= 110 else first[:108].rsplit(" ", 1)[0] + " …"
    facts = " · ".join(
        [
            row["id"],
            row["subject"] or tr("no subject"),
            tr("completion by {author}", author=_author(row)),
            tr("licence {licence}", licence=row["licence"]),
            *_kind(row),
            counted(row["n_tokens"], "token"),
        ]
    )
    asked = tr("Question") if row.get("kind", "verifiable") == "verifiable" else tr("Prompt")
    parts = [(tr(_ROLES[turn.role]), turn.content) for turn in read_history(row.get("history"))]
    parts += [(asked, row["question"]), (tr("Reasoning"), reasoning), (tr("Response"), response)]
    texts = "".join(f"<h4>{name}</h4>{_text(text)}" for name, text in parts if text)
    return (
        f'<details class="case"><summary>{text_to_html(short)}</summary>'
        f'<p class="note">{text_to_html(facts)}</p>{texts}</details>'
    )


def _kind(row: dict[Any, Any]) -> list[str]:
    """What the row is, in words."""
    if row.get("kind", "verifiable") == "verifiable":
        return [
            tr("final answer: {verified}", verified=tr(WORDS.get(row["verified"], row["verified"])))
        ]
    if row["kind"] == "chat":
        if row["loss"] == "all":
            return [tr("a conversation, of which the assistant learns all turns")]
        return [tr("a conversation, of which the assistant learns the last turn")]
    return [tr(WORDS[row["kind"]])]


def _author(row: dict[Any, Any]) -> str:
    author, kind = row["author"], row["author_kind"]
    if author in ("", kind):
        return tr("an unknown author") if kind == "unknown" else tr(WORDS[kind])
    return f"{author} ({tr('kind unknown') if kind == 'unknown' else tr(kind)})"


def _text(text: str) -> str:
    return f'<div class="trace">{text_to_html(text, _SHOWN)}</div>'
