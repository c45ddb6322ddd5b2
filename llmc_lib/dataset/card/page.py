"""The data set card: what the data set is made of, how, and under which licence.

Its form is the hub's: metadata in YAML, then Markdown
(https://github.com/huggingface/hub-docs/blob/main/datasetcard.md). It names no folder of the machine
that it was made on, and holds no text of a benchmark.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from llmc_lib.dataset import steps
from llmc_lib.dataset.card.impersonal import impersonal, public_params
from llmc_lib.dataset.card.licences import Terms, terms
from llmc_lib.dataset.card.markdown import CARD, Markdown, render
from llmc_lib.dataset.sources import languages
from llmc_lib.dataset.steps import decontamination
from llmc_lib.formatting import listed
from llmc_lib.store import Run, git_commit

if TYPE_CHECKING:
    from huggingface_hub import DatasetCardData

_TEMPLATES = Path(__file__).parent


def card(run: Run, facts: dict[str, Any]) -> str:
    """The README.md of a data set; `facts` are those of its manifest (see `builder`)."""
    from huggingface_hub import DatasetCard  # half a second to import

    facts = impersonal(run, facts)
    holds = terms(facts["composition"]["licence"])
    yaml_text = yaml.safe_dump(public_params(run), sort_keys=False, allow_unicode=True)
    reasons = {
        step["step"]: Counter(step["reasons"]) + Counter(step["completion_reasons"])
        for step in facts["steps"]
    }
    removed = {step["step"]: step["removed"] for step in facts["steps"]}
    body = render(
        _TEMPLATES / "dataset.md.j2",
        name=run.name,
        params=run.params,
        facts=facts,
        terms=holds,
        licences=Markdown(licence_section(facts)),
        kinds=_kinds(facts),
        used_sources=[name for name, source in facts["sources"].items() if source["used"]],
        mixed=sum(facts["mixed"].values()),
        revisions={name: _revisions(source) for name, source in facts["sources"].items()},
        authors=_authors(facts),
        closed=sum(
            n
            for counts in reasons.values()
            for reason, n in counts.items()
            if reason.startswith("closed model")
        ),
        removes={step.name: step.removes for step in steps.STEPS},
        step_reasons=reasons,
        compared=[f"{Path(name).name} ({n:,} texts)" for name, n in facts["compared"].items()],
        hits=removed.get(decontamination.STEP.name, 0),
        commit=facts.get("environment", {}).get("commit") or git_commit(),
        yaml=yaml_text,
        # Longer than any run of backticks in it.
        fence="`" * max(3, 1 + max(map(len, re.findall("`+", yaml_text)), default=0)),
    )
    return str(
        DatasetCard.from_template(_metadata(run, facts, holds), template_str=CARD, body=body)
    )


def licence_section(facts: dict[str, Any]) -> str:
    """The licences of the rows, as a section of Markdown."""
    counts = facts["composition"]["licence"]
    return render(_TEMPLATES / "licences.md.j2", counts=counts, notices=terms(counts).notices)


def _metadata(run: Run, facts: dict[str, Any], holds: Terms) -> DatasetCardData:
    from huggingface_hub import DatasetCardData

    total = sum(facts["rows"].values())
    sizes = ["n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M"]
    size = sum(total >= 1000 * 10**n for n in range(len(sizes) - 1))
    used = [
        source for source in run.params.dataset.sources if facts["sources"][source.name]["used"]
    ]
    splits = [name for name in ("train", "validation") if facts["rows"].get(name)]
    return DatasetCardData(
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


def _origins(facts: dict[str, Any]) -> list[str]:
    """The hub ids of the sources in use, and "original" for what was made for this project."""
    urls = [source["url"] for source in facts["sources"].values() if source["used"]]
    ids = [re.match(r"https://huggingface\.co/datasets/([\w.-]+/[\w.-]+)$", url) for url in urls]
    return sorted(
        {match[1] for match in ids if match} | {"original" for u in urls if u == "embedded"}
    )


def _kinds(facts: dict[str, Any]) -> str:
    """What the rows are, and how many of each kind."""
    counts = facts["composition"].get("kind") or {"verifiable": sum(facts["rows"].values())}
    words = {
        "verifiable": "problems with worked solutions",
        "response": "prompts with a response",
        "chat": "conversations",
    }
    return listed([f"{counts[kind]:,} {what}" for kind, what in words.items() if counts.get(kind)])


def _revisions(source: dict[str, Any]) -> list[str]:
    """Which files or which commit of a source; a digest of 64 digits is told from others by its first twelve."""
    return [
        f"{key}: {value[:12] if len(value) == 64 else value}"
        for key, value in source["identity"].items()
    ]


def _authors(facts: dict[str, Any]) -> list[tuple[str, list[str], int]]:
    """Each kind of author, the most used first, with its names and how many completions were read."""
    used = facts["composition"]["author_kind"]
    read: dict[str, list[dict[str, Any]]] = {}
    for entry in facts["authors"]:
        read.setdefault(entry["kind"], []).append(entry)
    return [
        (
            kind,
            [e["author"] for e in read.get(kind, []) if e["author"] not in ("", kind)],
            sum(e["completions"] for e in read.get(kind, [])),
        )
        for kind in sorted({*used, *read}, key=lambda kind: (-used.get(kind, 0), kind))
    ]
