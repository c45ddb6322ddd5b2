"""Rows of the data set to open and read."""

from __future__ import annotations

import html
import random
from typing import Any

import pandas as pd

from llmc_lib.formatting import counted
from llmc_lib.models.prompts import split_reasoning
from llmc_lib.records import read_history
from llmc_lib.reporting.dataset_page import WORDS
from llmc_lib.reporting.elements import Block, paragraph
from llmc_lib.reporting.text import text_to_html
from llmc_lib.taxonomy import ROW_CATEGORIES

_ROLES = {"system": "System prompt", "user": "Earlier prompt", "assistant": "Earlier response"}
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
    head = (
        f"{shown:,} of {counted(len(rows), 'row')}, drawn at random (seed {seed}) from each category in "
        "turn. Open one to read it."
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
            row["subject"] or "no subject",
            f"completion by {_author(row)}",
            f"licence {row['licence']}",
            *_kind(row),
            counted(row["n_tokens"], "token"),
        ]
    )
    asked = "Question" if row.get("kind", "verifiable") == "verifiable" else "Prompt"
    parts = [(_ROLES[turn.role], turn.content) for turn in read_history(row.get("history"))]
    parts += [(asked, row["question"]), ("Reasoning", reasoning), ("Response", response)]
    texts = "".join(f"<h4>{name}</h4>{_text(text)}" for name, text in parts if text)
    return (
        f'<details class="case"><summary>{text_to_html(short)}</summary>'
        f'<p class="note">{text_to_html(facts)}</p>{texts}</details>'
    )


def _kind(row: dict[Any, Any]) -> list[str]:
    """What the row is, in words."""
    if row.get("kind", "verifiable") == "verifiable":
        return [f"final answer: {WORDS.get(row['verified'], row['verified'])}"]
    if row["kind"] == "chat":
        learnt = "all turns" if row["loss"] == "all" else "the last turn"
        return [f"{WORDS['chat']}, of which the assistant learns {learnt}"]
    return [WORDS[row["kind"]]]


def _author(row: dict[Any, Any]) -> str:
    author, kind = row["author"], row["author_kind"]
    if author in ("", kind):
        return "an unknown author" if kind == "unknown" else WORDS[kind]
    return f"{author} ({'kind unknown' if kind == 'unknown' else kind})"


def _text(text: str) -> str:
    # The style is the page's; a notebook has none and would run the lines together.
    return f'<div class="trace" style="white-space: pre-wrap">{text_to_html(text, _SHOWN)}</div>'
