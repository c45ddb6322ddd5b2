"""The data set card: what the data set is made of, how, and under which licence.

Its form is the hub's: metadata in YAML, then Markdown
(https://github.com/huggingface/hub-docs/blob/main/datasetcard.md). It names no folder of the machine
that it was made on, and holds no text of a benchmark.
"""

from __future__ import annotations

import re
from typing import Any

from llmc_lib.dataset.card.impersonal import impersonal
from llmc_lib.dataset.card.licences import Terms, terms
from llmc_lib.dataset.card.markdown import Markdown, link, plain_text, some, table
from llmc_lib.dataset.card.method import decontamination, form, limits, making, steps
from llmc_lib.params import SOURCES, SourceParams
from llmc_lib.store import Run


def card(run: Run, facts: dict[str, Any]) -> str:
    """The README.md of a data set; `facts` are those of its manifest (see `build`)."""
    from huggingface_hub import DatasetCard  # half a second to import

    facts = impersonal(run, facts)
    holds = terms(facts["composition"]["licence"])
    sections = [
        *_introduction(run, facts, holds),
        *_composition(facts),
        *_sources(facts),
        *licence_section(facts),
        *_authors(facts),
        *steps(facts),
        *decontamination(run, facts),
        *form(),
        *making(run, facts),
        *limits(facts),
    ]
    header = _metadata(run, facts, holds)
    text = f"---\n{header}\n---\n\n" + "\n\n".join(sections) + "\n"
    return str(DatasetCard(text))


def licence_section(facts: dict[str, Any]) -> list[str]:
    """The licences of the rows, as paragraphs of Markdown."""
    counts = facts["composition"]["licence"]
    return [
        "## Licences",
        "Each row keeps the licence in its column `licence`. The most restrictive one decides what may be "
        "done with the data set as a whole.",
        table(["Licence", "Rows"], [[name, n] for name, n in sorted(counts.items())]),
        *terms(counts).notices,
    ]


def _metadata(run: Run, facts: dict[str, Any], holds: Terms) -> str:
    from huggingface_hub import DatasetCardData

    total = sum(facts["rows"].values())
    sizes = ["n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M"]
    size = sum(total >= 1000 * 10**n for n in range(len(sizes) - 1))
    used = [
        source for source in run.params.dataset.sources if facts["sources"][source.name]["used"]
    ]
    splits = [name for name in ("train", "validation") if facts["rows"].get(name)]
    data = DatasetCardData(
        pretty_name=run.name,
        license=holds.licence,
        language=sorted(set().union(*(languages(source) for source in used))) or None,
        size_categories=[sizes[size]],
        task_categories=["text-generation", "question-answering"],
        source_datasets=_origins(facts) or None,
        tags=["reasoning", "supervised-fine-tuning"],
        configs=[
            {
                "config_name": "default",
                "data_files": [{"split": name, "path": f"data/{name}.parquet"} for name in splits],
            }
        ],
        license_name=holds.name or None,
        license_link="LICENSE.md" if holds.name else None,
    )
    return str(data.to_yaml())


def languages(source: SourceParams) -> set[str]:
    """The languages of a source; nobody says which those of the user's files are."""
    kind = source.kind or source.name
    if not kind.startswith("olymmath"):
        return {"en"} if kind in SOURCES else set()
    if source.subset is None and source.path:
        return {"en", "zh"}
    return {(source.subset or "en")[:2]}


def _origins(facts: dict[str, Any]) -> list[str]:
    """The hub ids of the sources in use, and "original" for what was made for this project."""
    urls = [source["url"] for source in facts["sources"].values() if source["used"]]
    ids = [re.match(r"https://huggingface\.co/datasets/([\w.-]+/[\w.-]+)$", url) for url in urls]
    return sorted(
        {match[1] for match in ids if match} | {"original" for u in urls if u == "embedded"}
    )


def _introduction(run: Run, facts: dict[str, Any], holds: Terms) -> list[str]:
    rows = facts["rows"]
    notices = list(holds.notices)
    closed = facts["composition"]["author_kind"].get("closed model", 0)
    if closed:
        notices.insert(
            0,
            f"**Contains output of closed models.** A closed model wrote the completions of {closed:,} rows; "
            "the terms of such models forbid to train others on what they write.",
        )
    if not run.params.dataset.decontamination.enabled:
        notices.append("**Not decontaminated.** No row was compared with a benchmark.")
    used = [name for name, source in facts["sources"].items() if source["used"]]
    return [
        f"# {plain_text(run.name)}",
        *(f"> {notice}" for notice in notices),
        f"{_kinds(facts)} for supervised fine-tuning: "
        f"{rows.get('train', 0):,} to train on, {rows.get('validation', 0):,} held out for the validation "
        f"loss, {facts['tokens']['total']:,} tokens together. They come from "
        f"{some([plain_text(name) for name in used])} and are mixed to target shares of "
        f"{len(facts['target'])} categories. llmc-report built the data set and wrote this card from the "
        "build's own counts.",
    ]


def _kinds(facts: dict[str, Any]) -> str:
    """What the rows are, and how many of each kind."""
    counts = facts["composition"].get("kind") or {"verifiable": sum(facts["rows"].values())}
    words = {
        "verifiable": "problems with worked solutions",
        "response": "prompts with a response",
        "chat": "conversations",
    }
    parts = [f"{counts[kind]:,} {what}" for kind, what in words.items() if counts.get(kind)]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _composition(facts: dict[str, Any]) -> list[str]:
    mixed, total = facts["mixed"], sum(facts["mixed"].values())
    rows: list[list[object]] = [
        [name, mixed.get(name, 0), f"{mixed.get(name, 0) / total:.1%}", f"{share:.1%}",
         facts["available"].get(name, 0)]
        for name, share in facts["target"].items()
    ]  # fmt: skip
    limit = facts["limiting_category"]
    limiting = (
        f" {plain_text(limit)} has the fewest rows for its share and limits the size."
        if limit
        else ""
    )
    return [
        "## Composition",
        table(["Category", "Rows", "Share", "Target", "Rows available"], rows),
        f"The target is {plain_text(facts['target_origin'])}. The total-variation distance between shares "
        f"and target is {facts['total_variation']:.4f} (0: the same, 1: nothing in common).{limiting} "
        f"{facts['mixture_cost']:,} rows of these categories were left out.",
    ]


def _sources(facts: dict[str, Any]) -> list[str]:
    rows: list[list[object]] = []
    about = []
    for name, source in facts["sources"].items():
        kept = source["identity"]
        # A digest of 64 digits is told from another by its first twelve.
        revisions = [
            f"{key}: {value[:12] if len(value) == 64 else value}" for key, value in kept.items()
        ]
        rows.append(
            [link(name, source["url"]), source["licence"], Markdown(some(map(plain_text, revisions), 4)),
             source["read"], source["used"]]
        )  # fmt: skip
        scale = f" Difficulty: {plain_text(source['difficulty'])}." if source["difficulty"] else ""
        cited = f" {plain_text(source['citation'])}." if source["citation"] else ""
        about.append(f"- **{plain_text(name)}**: {plain_text(source['description'])}{scale}{cited}")
    return [
        "## Sources",
        table(["Source", "Licence", "Revision", "Rows read", "Rows used"], rows),
        "\n".join(about),
    ]


def _authors(facts: dict[str, Any]) -> list[str]:
    used = facts["composition"]["author_kind"]
    read: dict[str, list[tuple[str, int]]] = {}
    for entry in facts["authors"]:
        read.setdefault(entry["kind"], []).append((entry["author"], entry["completions"]))
    kinds = sorted({*used, *read}, key=lambda kind: (-used.get(kind, 0), kind))
    rows: list[list[object]] = []
    for kind in kinds:
        names = [plain_text(name) for name, _ in read.get(kind, []) if name and name != kind]
        n_read = sum(n for _, n in read.get(kind, []))
        rows.append([kind, Markdown(some(names)), n_read, used.get(kind, 0)])
    closed = sum(
        count
        for step in facts["steps"]
        for reasons in (step["completion_reasons"], step["reasons"])
        for reason, count in reasons.items()
        if reason.startswith("closed model")
    )
    text = [
        "## Who wrote the completions",
        table(["Author", "Names read", "Completions read", "Rows used"], rows),
        f"{closed:,} completions of closed models were removed; their problems stay where another author "
        "solved them."
        if closed
        else "No completion of a closed model was removed.",
    ]
    for name, made in facts.get("replay", {}).items():
        text.append(
            f"{plain_text(made['model'])} answered the {made['prompts']:,} prompts of {plain_text(name)} itself, "
            f"{made['samples']:,} times each; {made['kept']:,} have an answer that ended, says something and "
            "does not repeat itself, and only such answers are used."
        )
    if teacher := facts.get("teacher"):
        text.append(
            f"{plain_text(teacher['teacher'])} was asked for completions of {teacher['problems']:,} problems "
            f"that had none: of its {teacher['samples']:,} answers {teacher['right']:,} reach the reference, "
            f"and {teacher['solved']:,} problems have one that does. Only such answers are used."
        )
    return text
