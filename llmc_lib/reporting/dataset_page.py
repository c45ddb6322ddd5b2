"""What the data set is made of, in tables and sentences, for notebook 1 and for the report."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from llmc_lib.formatting import counted, listed, share
from llmc_lib.language import N_, plural, tr
from llmc_lib.params import Params
from llmc_lib.reporting.answered_by_models import replayed, teacher_yield
from llmc_lib.reporting.elements import NOTHING, Block, folded, paragraph, table_block
from llmc_lib.reporting.figures.dataset import pass_rates

# A longer list of hits is folded.
_LISTED = 10
_CONDITIONS = {"NC": N_("no commercial use"), "SA": N_("share alike"), "ND": N_("no derivatives")}
_GROUPS = {
    "kind": N_("Kind of row"),
    "answer_type": N_("Answer type"),
    "verified": N_("Final answer"),
    "author_kind": N_("Completion by"),
    "licence": N_("Licence"),
}
#: What the page calls the values of the columns kind, answer_type, verified and author_kind.
WORDS = {
    "verifiable": N_("a problem with a reference answer"),
    "response": N_("a prompt and a response"),
    "chat": N_("a conversation"),
    "exactMatch": N_("text or number"),
    "multipleChoice": N_("multiple choice"),
    "yes": N_("agrees with the reference"),
    "not stated": N_(
        "not stated by the completion; the reference was appended, so nothing was checked"
    ),
    "not comparable": N_("prose, not comparable by rule"),
    "no reference": N_("no reference to compare with"),
    "not asked": N_("not compared"),
    "none": N_("no final answer"),
    "not applicable": N_("none to compare"),
    "person": N_("a person"),
    "program": N_("a program"),
    "open model": N_("an open model"),
    "closed model": N_("a closed model"),
    "unknown": N_("unknown"),
}
# The other kinds of authors, as a manifest has them: for the catalogues alone.
_AUTHORS = (N_("person"), N_("program"), N_("open model"), N_("closed model"))


def sources(manifest: dict[str, Any]) -> Block:
    """The sources: what each is, its licence, how many of its rows were read and are used."""
    rows = [
        {
            tr("Source"): name,
            tr("What it is"): tr(source["description"]),
            tr("Licence"): source["licence"],
            tr("Rows read"): f"{source['read']:,}",
            tr("Rows used"): f"{source['used']:,}",
        }
        for name, source in manifest["sources"].items()
    ]
    facts = ("description", "licence", "url", "citation", "read", "used")
    data = pd.DataFrame(
        [{"source": name, **{fact: source[fact] for fact in facts}}
         for name, source in manifest["sources"].items()]
    )  # fmt: skip
    caption = tr(
        "Sources in the order of the params file. A row's own licence overrides its source's."
    )
    return table_block("sources", pd.DataFrame(rows), caption, data)


def make_up(manifest: dict[str, Any]) -> Block:
    """Answer types, final answers, authors and licences of the rows in one table; what follows from
    the licences below it."""
    made = manifest["composition"]
    groups = {name: group for name, group in _GROUPS.items() if name in made}
    rows = [
        {
            tr("Property"): tr(group),
            tr("Kind"): (value if name == "licence" else tr(WORDS.get(value, value)))
            + (_names(manifest, value) if name == "author_kind" else ""),
            tr("Rows"): f"{n:,}",
            tr("Share"): share(n, sum(made[name].values())),
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
    caption = tr(
        "The {rows} of the data set, training and validation together.", rows=counted(total, "row")
    )
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
        given = {"share": share(n, total), "licence": licence, "conditions": ""}
        if found:
            given["conditions"] = listed([tr(words) for words in found])
            sentences.append(
                plural(
                    "{n:,} row ({share}) is under {licence} ({conditions}): the data set as a whole carries these "
                    "conditions.",
                    "{n:,} rows ({share}) are under {licence} ({conditions}): the data set as a whole carries these "
                    "conditions.",
                    n, **given,
                )
            )  # fmt: skip
        elif licence in ("", "unknown"):
            sentences.append(
                plural(
                    "{n:,} row ({share}) has no known licence: find it before the data set is passed on.",
                    "{n:,} rows ({share}) have no known licence: find it before the data set is passed on.",
                    n,
                    **given,
                )
            )
    return " ".join(sentences) or tr(
        "No licence here restricts commercial use or asks to share alike."
    )


def _authors(manifest: dict[str, Any]) -> Block:
    """Who wrote the completions that were read, also those that were removed; folded."""
    rows = [
        {
            tr("Author"): author["author"] or tr("(not named)"),
            tr("Kind"): tr(author["kind"]),
            tr("Completions read"): f"{author['completions']:,}",
        }
        for author in manifest["authors"]
    ]
    if not rows:
        return NOTHING
    closed = sum(a["completions"] for a in manifest["authors"] if a["kind"] == "closed model")
    used = manifest["composition"]["author_kind"].get("closed model", 0)
    caption = tr("Authors of all completions read, before any step.")
    if closed:
        caption += " " + tr(
            "Closed models wrote {closed:,}; the data set holds {used:,} of them.",
            closed=closed,
            used=used,
        )
    table = table_block("authors", pd.DataFrame(rows), caption)
    return folded(tr("Who wrote the completions that were read"), table)


def contamination(manifest: dict[str, Any], params: Params) -> Block:
    """What was compared with the benchmarks and what was found; both sides' ids, never their text."""
    chosen = params.dataset.decontamination
    if not chosen.enabled:
        return paragraph(contamination_words(manifest, params))
    words = counted(chosen.ngram, "word")
    removed_if = (
        tr("A row is removed if it shares {words} in a row with one of them.", words=words)
        if chosen.near is None
        else tr(
            "A row is removed if it shares {words} in a row with one of them, or if its problem is nearly the same "
            "(estimated similarity {near:g} or more).",
            words=words,
            near=chosen.near,
        )
    )
    method = tr(
        "Case, punctuation and the spacing of formulas do not count. Words that several questions have in common (“where "
        "m and n are relatively prime”) do not count, unless a row has nearly all words of one. A question that is "
        "paraphrased is not found."
    )
    said = paragraph(contamination_words(manifest, params))
    said += paragraph(f"{removed_if} {method}", "note")
    hits = manifest["contamination"]
    if not hits:
        return said
    rows = [
        {
            tr("Row"): hit["id"],
            tr("Benchmark question"): hit["benchmark_id"],
            tr("How"): tr(hit["reason"]),
            tr("Shared words"): _shared(hit, params),
        }
        for hit in hits
    ]
    removed = _step(manifest, "decontamination")["removed"]
    more = removed - len(hits)
    caption = tr("Rows that were removed, and what each of them repeats.")
    if more > 0:
        caption += " " + plural(
            "{n:,} more is in removed.parquet.", "{n:,} more are in removed.parquet.", more
        )
    table = table_block("contamination", pd.DataFrame(rows), caption)
    if len(hits) > _LISTED:
        first = (
            tr("The first {hits:,} of {removed:,} hits", hits=len(hits), removed=removed)
            if more > 0
            else tr("All {removed:,} hits", removed=removed)
        )
        table = folded(first, table)
    return said + table


def _shared(hit: dict[str, Any], params: Params) -> str:
    """What a row has of a benchmark's text, where that may be shown."""
    return (
        tr("(withheld)")
        if hit["benchmark_id"].partition("/")[0] in params.withheld
        else hit["shared"]
    )


def contamination_words(manifest: dict[str, Any], params: Params) -> str:
    """Was the data set compared with the benchmarks, and how many rows went for it?"""
    if not params.dataset.decontamination.enabled:
        return tr(
            "Decontamination was off (dataset.decontamination.enabled: false): nothing has checked whether the data "
            "set repeats a benchmark question, so that a gain may be memory."
        )
    step = _step(manifest, "decontamination")
    checked, removed = step["left"] + step["removed"], step["removed"]
    reasons = ", ".join(f"{tr(reason)}: {n:,}" for reason, n in step["reasons"].items())
    texts = listed([f"{name} ({n:,})" for name, n in manifest["compared"].items()])
    compared = plural(
        "{n:,} row was compared with the texts of {texts}",
        "{n:,} rows were compared with the texts of {texts}",
        checked,
        texts=texts,
    )
    found = (
        plural(
            "{n:,} repeats one and was removed ({reasons}).",
            "{n:,} repeat one and were removed ({reasons}).",
            removed,
            reasons=reasons,
        )
        if removed
        else tr("none repeats one.")
    )
    return f"{compared}: {found}"


def models(manifest: dict[str, Any], params: Params) -> Block:
    """What a teacher and a reference model did, or that there was none."""
    if manifest["teacher"] is None and manifest["reference"] is None and not manifest.get("replay"):
        return paragraph(
            tr(
                "No model took part: the params file asks for neither a teacher (dataset.completions), nor a pass rate "
                "(dataset.difficulty), nor replay (a source)."
            )
        )
    hints = paragraph(
        tr(
            "Look for a teacher that solves few problems: then mostly easy ones get a completion; for few prompts "
            "kept for replay: then the base model seldom ends its answers; and for grey bars: they are what the band "
            "of pass rates costs."
        ),
        "note",
    )
    return hints + replayed(manifest) + teacher_yield(manifest) + pass_rates(manifest, params)


def summary(manifest: dict[str, Any], params: Params) -> Block:
    """A paragraph each on lengths, licences and contamination, for the report."""
    tokens, licences = manifest["tokens"], manifest["composition"]["licence"]
    quantiles, total = tokens["quantiles"], sum(licences.values())
    names = [
        f"{name} {share(n, total)}" for name, n in sorted(licences.items(), key=lambda i: -i[1])
    ]
    rows = sum(manifest["rows"].values())
    lengths = tr(
        "Lengths: examples have {shortest:,} to {longest}, half of them at most {median:,}; {total} in all ({rows}, "
        "held-out ones included).",
        shortest=quantiles["0"],
        longest=counted(quantiles["1"], "token"),
        median=quantiles["0.5"],
        total=counted(tokens["total"], "token"),
        rows=counted(rows, "row"),
    )
    licence = tr(
        "Licences: {licences}. {conditions}",
        licences=listed(names),
        conditions=licence_words(licences),
    )
    clean = tr("Contamination: {found}", found=contamination_words(manifest, params))
    return paragraph(lengths) + paragraph(licence) + paragraph(clean)


def _step(manifest: dict[str, Any], name: str) -> dict[str, Any]:
    step: dict[str, Any] = next(step for step in manifest["steps"] if step["step"] == name)
    return step
