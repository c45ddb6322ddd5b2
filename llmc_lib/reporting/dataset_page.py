"""What the data set is made of, in tables and sentences, for notebook 1 and for the report."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from llmc_lib.formatting import are, counted, listed, share, were
from llmc_lib.params import Params
from llmc_lib.reporting.elements import NOTHING, Block, folded, paragraph, table_block
from llmc_lib.reporting.figures.dataset import pass_rates

# A longer list of hits is folded.
_LISTED = 10
_CONDITIONS = {"NC": "no commercial use", "SA": "share alike", "ND": "no derivatives"}
_GROUPS = {
    "kind": "Kind of row",
    "answer_type": "Answer type",
    "verified": "Final answer",
    "author_kind": "Completion by",
    "licence": "Licence",
}
#: What the page calls the values of the columns kind, answer_type, verified and author_kind.
WORDS = {
    "verifiable": "a problem with a reference answer",
    "response": "a prompt and a response",
    "chat": "a conversation",
    "exactMatch": "text or number",
    "multipleChoice": "multiple choice",
    "yes": "agrees with the reference",
    "not stated": "not stated by the completion; the reference was appended, so nothing was checked",
    "not comparable": "prose, not comparable by rule",
    "no reference": "no reference to compare with",
    "not asked": "not compared",
    "none": "no final answer",
    "not applicable": "none to compare",
    "person": "a person",
    "program": "a program",
    "open model": "an open model",
    "closed model": "a closed model",
    "unknown": "unknown",
}


def sources(manifest: dict[str, Any]) -> Block:
    """The sources: what each is, its licence, how many of its rows were read and are used."""
    rows = [
        {
            "Source": name,
            "What it is": source["description"],
            "Licence": source["licence"],
            "Rows read": f"{source['read']:,}",
            "Rows used": f"{source['used']:,}",
        }
        for name, source in manifest["sources"].items()
    ]
    facts = ("description", "licence", "url", "citation", "read", "used")
    data = pd.DataFrame(
        [{"source": name, **{fact: source[fact] for fact in facts}}
         for name, source in manifest["sources"].items()]
    )  # fmt: skip
    caption = "Sources in the order of the params file. A row's own licence overrides its source's."
    return table_block("sources", pd.DataFrame(rows), caption, data)


def make_up(manifest: dict[str, Any]) -> Block:
    """Answer types, final answers, authors and licences of the rows in one table; what follows from
    the licences below it."""
    made = manifest["composition"]
    groups = {name: group for name, group in _GROUPS.items() if name in made}
    rows = [
        {
            "Property": group,
            "Kind": (value if name == "licence" else WORDS.get(value, value))
            + (_names(manifest, value) if name == "author_kind" else ""),
            "Rows": f"{n:,}",
            "Share": share(n, sum(made[name].values())),
        }
        for name, group in groups.items()
        for value, n in sorted(made[name].items(), key=lambda item: (-item[1], item[0]))
    ]
    data = [
        {"group": name, "kind": value, "rows": n}
        for name in groups
        for value, n in made[name].items()
    ]
    total = sum(manifest["rows"].values())
    caption = f"The {counted(total, 'row')} of the data set, training and validation together."
    table = table_block("make-up", pd.DataFrame(rows), caption, pd.DataFrame(data))
    return table + paragraph(licence_words(made["licence"])) + _authors(manifest)


def _names(manifest: dict[str, Any], kind: str, most: int = 3) -> str:
    """The authors of a kind, after its name: " (this project)"; "" where none is named."""
    names = [
        a["author"]
        for a in manifest["authors"]
        if a["kind"] == kind and a["author"] not in ("", None, kind)
    ]
    more = [counted(len(names) - most, "other")] if len(names) > most else []
    return f" ({listed([*names[:most], *more])})" if names else ""


def licence_words(licences: dict[str, int]) -> str:
    """What the licences ask of whoever uses or passes on the data set, in sentences.

    Parameters: SPDX identifier → rows. A licence that forbids commercial use, asks to share alike or
    forbids derivatives is told by NC, SA or ND in its identifier.
    """
    total = sum(licences.values())
    sentences = []
    for licence, n in sorted(licences.items(), key=lambda item: (-item[1], item[0])):
        found = [words for mark, words in _CONDITIONS.items() if re.search(rf"\b{mark}\b", licence)]
        rows = f"{counted(n, 'row')} ({share(n, total)})"
        if found:
            sentences.append(
                f"{rows} {are(n)} under {licence} ({listed(found)}): the data set as a whole carries "
                "these conditions."
            )
        elif licence in ("", "unknown"):
            sentences.append(
                f"{rows} {'has' if n == 1 else 'have'} no known licence: find it out before the data "
                "set is passed on."
            )
    return " ".join(sentences) or "No licence here restricts commercial use or asks to share alike."


def _authors(manifest: dict[str, Any]) -> Block:
    """Who wrote the completions that were read, also those that were removed; folded."""
    rows = [
        {
            "Author": author["author"] or "(not named)",
            "Kind": author["kind"],
            "Completions read": f"{author['completions']:,}",
        }
        for author in manifest["authors"]
    ]
    if not rows:
        return NOTHING
    closed = sum(a["completions"] for a in manifest["authors"] if a["kind"] == "closed model")
    used = manifest["composition"]["author_kind"].get("closed model", 0)
    caption = "Authors of all completions read, before any step."
    if closed:
        caption += f" Closed models wrote {closed:,}; the data set holds {used:,} of them."
    table = table_block("authors", pd.DataFrame(rows), caption)
    return folded("Who wrote the completions that were read", table)


def contamination(manifest: dict[str, Any], params: Params) -> Block:
    """What was compared with the benchmarks and what was found; both sides' ids, never their text."""
    chosen = params.dataset.decontamination
    if not chosen.enabled:
        return paragraph(contamination_words(manifest, params))
    near = (
        f", or if its problem is nearly the same (estimated similarity {chosen.near:g} or more)"
        if chosen.near is not None
        else ""
    )
    method = (
        f"A row is removed if it shares {counted(chosen.ngram, 'word')} in a row with one of them"
        f"{near}. Case, punctuation and the spacing of formulas do not count. Words that several questions have in "
        "common (“where m and n are relatively prime”) do not count, unless a row has nearly all words of "
        "one. A question that is paraphrased is not found."
    )
    said = paragraph(contamination_words(manifest, params)) + paragraph(method, "note")
    hits = manifest["contamination"]
    if not hits:
        return said
    rows = [
        {
            "Row": hit["id"],
            "Benchmark question": hit["benchmark_id"],
            "How": hit["reason"],
            "Shared words": _shared(hit, params),
        }
        for hit in hits
    ]
    removed = _step(manifest, "decontamination")["removed"]
    more = removed - len(hits)
    caption = "Rows that were removed, and what each of them repeats." + (
        f" {more:,} more {are(more)} in removed.parquet." if more > 0 else ""
    )
    table = table_block("contamination", pd.DataFrame(rows), caption)
    if len(hits) > _LISTED:
        first = (
            f"The first {len(hits):,} of {removed:,} hits" if more > 0 else f"All {removed:,} hits"
        )
        table = folded(first, table)
    return said + table


def _shared(hit: dict[str, Any], params: Params) -> str:
    """What a row has of a benchmark's text, where that may be shown."""
    return (
        "(withheld)" if hit["benchmark_id"].partition("/")[0] in params.withheld else hit["shared"]
    )


def contamination_words(manifest: dict[str, Any], params: Params) -> str:
    """Was the data set compared with the benchmarks, and how many rows went for it?"""
    if not params.dataset.decontamination.enabled:
        return (
            "Decontamination was off (dataset.decontamination.enabled: false): nothing has checked "
            "whether the data set repeats a benchmark question, so that a gain may be memory."
        )
    step = _step(manifest, "decontamination")
    checked, removed = step["left"] + step["removed"], step["removed"]
    reasons = ", ".join(f"{reason}: {n:,}" for reason, n in step["reasons"].items())
    found = (
        f"{removed:,} {'repeats' if removed == 1 else 'repeat'} one and {were(removed)} removed ({reasons})"
        if removed
        else "none repeats one"
    )
    texts = [f"{name} ({n:,})" for name, n in manifest["compared"].items()]
    return f"{counted(checked, 'row')} {were(checked)} compared with the texts of {listed(texts)}: {found}."


def models(manifest: dict[str, Any], params: Params) -> Block:
    """What a teacher and a reference model did, or that there was none."""
    if manifest["teacher"] is None and manifest["reference"] is None and not manifest.get("replay"):
        return paragraph(
            "No model took part: the params file asks for neither a teacher (dataset.completions), nor "
            "a pass rate (dataset.difficulty), nor replay (a source)."
        )
    hints = paragraph(
        "Look for a teacher that solves few problems: then mostly easy ones get a completion; for few prompts kept for "
        "replay: then the base model seldom ends its answers; and for grey bars: they are what the band of pass rates "
        "costs.",
        "note",
    )
    return hints + replayed(manifest) + teacher_yield(manifest) + pass_rates(manifest, params)


def replayed(manifest: dict[str, Any]) -> Block:
    """What the base model's answers to the prompts of replay came to; nothing where it was not asked."""
    outcomes = {
        "kept": "kept: it ended by itself",
        "truncated": "cut at the token limit",
        "repetitive": "repeats itself",
        "empty": "empty",
        "failed": "prompt too long for the model",
    }
    block = NOTHING
    for name, made in manifest.get("replay", {}).items():
        text = (
            f"{made['model']} answered {counted(made['prompts'], 'prompt')} of the source {name} itself, "
            f"{counted(made['samples'], 'time')} each: {made['kept']:,} "
            f"({share(made['kept'], made['prompts'])}) {'has' if made['kept'] == 1 else 'have'} an answer "
            "that can be trained on."
        )
        rows = [
            {
                "Outcome": words,
                "Prompts": f"{made[key]:,}",
                "Share": share(made[key], made["prompts"]),
            }
            for key, words in outcomes.items()
        ]
        caption = f"Prompts of {name} by the first usable answer, or by the first answer where none is usable."
        block += paragraph(text) + table_block(f"replay-{name}", pd.DataFrame(rows), caption)
    return block


def teacher_yield(manifest: dict[str, Any]) -> Block:
    """What the teacher's samples came to; nothing where there was no teacher."""
    made = manifest["teacher"]
    if made is None:
        return NOTHING
    if not made["samples"]:
        return paragraph(
            f"The teacher {made['teacher']} had nothing to do: no problem lacks a completion."
        )
    text = (
        f"{made['teacher']} answered {counted(made['problems'], 'problem')} that had no completion, "
        f"{counted(made['samples'], 'sample')} in all: {made['solved']:,} "
        f"({share(made['solved'], made['problems'])}) {'has' if made['solved'] == 1 else 'have'} at "
        f"least one right answer. It wrote {counted(made['tokens'], 'token')}"
        + (f", {made['tokens'] / made['solved']:,.0f} for each solved problem." if made["solved"] else ".")
    )  # fmt: skip
    outcomes = {
        "right": "right: the final answer agrees with the reference",
        "wrong": "wrong",
        "truncated": "cut at the token limit",
        "without_answer": "no final answer found",
        "failed": "prompt too long for the model",
    }
    rows = [
        {
            "Outcome": words,
            "Samples": f"{made[name]:,}",
            "Share": share(made[name], made["samples"]),
        }
        for name, words in outcomes.items()
    ]
    caption = "Outcomes of the teacher's samples. Only right ones can become completions."
    return paragraph(text) + table_block("teacher", pd.DataFrame(rows), caption)


def summary(manifest: dict[str, Any], params: Params) -> Block:
    """A paragraph each on lengths, licences and contamination, for the report."""
    tokens, licences = manifest["tokens"], manifest["composition"]["licence"]
    quantiles, total = tokens["quantiles"], sum(licences.values())
    names = [
        f"{name} {share(n, total)}" for name, n in sorted(licences.items(), key=lambda i: -i[1])
    ]
    rows = sum(manifest["rows"].values())
    lengths = (
        f"Lengths: examples have {quantiles['0']:,} to {counted(quantiles['1'], 'token')}, half of them at most "
        f"{quantiles['0.5']:,}; {counted(tokens['total'], 'token')} in all ({counted(rows, 'row')}, held-out ones included)."
    )
    licence = f"Licences: {listed(names)}. {licence_words(licences)}"
    clean = f"Contamination: {contamination_words(manifest, params)}"
    return paragraph(lengths) + paragraph(licence) + paragraph(clean)


def _step(manifest: dict[str, Any], name: str) -> dict[str, Any]:
    step: dict[str, Any] = next(step for step in manifest["steps"] if step["step"] == name)
    return step
