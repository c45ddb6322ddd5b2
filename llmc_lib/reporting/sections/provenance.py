"""What a sceptic needs to repeat the run."""

from __future__ import annotations

import html
import json
from typing import Any

import pandas as pd
import yaml

from llmc_lib.formatting import counted, listed
from llmc_lib.language import tr
from llmc_lib.reporting.elements import NOTHING, Block, folded, paragraph, table_block
from llmc_lib.reporting.report import Report
from llmc_lib.reporting.sentences import seal as words


def provenance(report: Report) -> Block:
    """Params, versions, hashes, durations: what a sceptic needs to repeat the run."""
    made = report.metrics["provenance"]
    here = made["report"]
    stages = [
        (tr("dataset"), report.dataset),
        (tr("training"), report.training),
        (tr("import") if report.imported else tr("evaluation"), report.results.manifest),
    ]
    rows = pd.DataFrame(
        [
            {
                tr("Stage"): name,
                tr("Finished (UTC)"): manifest["finished"].replace("T", " ").removesuffix("+00:00"),
                tr("Duration, s"): f"{manifest['seconds']:.0f}",
                tr("Commit"): manifest["environment"]["commit"][:10]
                + ("+" if manifest["environment"]["commit"].endswith("+changes") else ""),
                tr("Fingerprint"): manifest["fingerprint"],
            }
            for name, manifest in stages
            if "finished" in manifest  # an evaluation may go on
        ]
    )
    versions = ", ".join(f"{name} {version}" for name, version in here["packages"].items())
    data = json.dumps(report.metrics, ensure_ascii=False, indent=1)
    params = yaml.safe_dump(made["params"], sort_keys=False, allow_unicode=True)
    return (
        (_imports_table(report) if report.imported else NOTHING)
        + table_block(
            "stages",
            rows,
            tr(
                "What was run. Durations leave out the start of Python. + after a commit: there were uncommitted changes."
            ),
        )
        + paragraph(words.seal_sentence(made["seal"], imported=report.imported))
        + paragraph(
            tr(
                "Seed {seed}. {machine}, Python {python}; {versions}.",
                seed=report.run.params.seed,
                machine=here["machine"],
                python=here["python"],
                versions=versions,
            )
        )
        + _harness_line(report)
        + folded(tr("All params, defaults included"), Block(f"<pre>{html.escape(params)}</pre>"))
        + Block(
            f"<details><summary>{tr('metrics.json: the numbers of this page')}</summary>"
            f"<pre>{html.escape(data)}</pre></details>",
            shown=(
                paragraph(
                    tr(
                        "All numbers of this page: report.metrics, or metrics.json next to the page."
                    )
                ),
            ),
        )
    )


def _harness_line(report: Report) -> Block:
    """What all answers were made with, as recorded with each."""
    found = report.block["harness"]
    if not found["settings"]:
        return NOTHING
    settings = ", ".join(f"{key} {value}" for key, value in found["settings"].items())
    text = tr(
        "All recorded answers to {benchmark}: {settings}.", benchmark=report.main, settings=settings
    )
    if unrecorded := sum(found["unrecorded"].values()):
        text += " " + tr("Without a record: {answers}.", answers=counted(unrecorded, "answer"))
    return paragraph(text)


def _imports_table(report: Report) -> Block:
    """The files that the answers are from."""
    sources: list[dict[str, Any]] = report.results.manifest["imports"]
    rows = [
        {
            tr("Model"): source["model"],
            tr("Benchmark"): source["benchmark"],
            tr("File"): name,
            tr("Format"): file["format"],
            "SHA-256": file["sha256"][:12],
        }
        for source in sources
        for name, file in source["files"].items()
    ]
    caption = tr("The files that the answers are from.")
    if unknown := [
        tr("{n:,} of {model}", n=s["unknown"], model=s["model"]) for s in sources if s["unknown"]
    ]:
        caption += " " + tr(
            "Answers to questions that the benchmark does not have are left out: {unknown}.",
            unknown=listed(unknown),
        )
    data = pd.DataFrame(sources).drop(columns="files")
    return table_block("imports", pd.DataFrame(rows), caption, data)
