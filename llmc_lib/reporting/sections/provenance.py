"""What a sceptic needs to repeat the run."""

from __future__ import annotations

import html
import json
from typing import Any

import pandas as pd
import yaml

from llmc_lib.formatting import listed
from llmc_lib.reporting.elements import NOTHING, Block, paragraph, table_block
from llmc_lib.reporting.report import Report
from llmc_lib.reporting.sentences import words


def provenance(report: Report) -> Block:
    """Params, versions, hashes, durations: what a sceptic needs to repeat the run."""
    made = report.metrics["provenance"]
    here = made["report"]
    stages = [
        ("dataset", report.dataset),
        ("training", report.training),
        ("import" if report.imported else "evaluation", report.results.manifest),
    ]
    rows = pd.DataFrame(
        [
            {
                "Stage": name,
                "Finished (UTC)": manifest["finished"].replace("T", " ").removesuffix("+00:00"),
                "Duration, s": f"{manifest['seconds']:.0f}",
                "Commit": manifest["environment"]["commit"][:10]
                + ("+" if manifest["environment"]["commit"].endswith("+changes") else ""),
                "Fingerprint": manifest["fingerprint"],
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
            "What was run. Durations leave out the start of Python. + after a commit: there were uncommitted changes.",
        )
        + paragraph(words.seal_sentence(made["seal"], imported=report.imported))
        + paragraph(
            f"Seed {report.run.params.seed}. {here['machine']}, Python {here['python']}; {versions}."
        )
        + Block(
            "<details><summary>All params, defaults included</summary>"
            f"<pre>{html.escape(params)}</pre></details>"
            "<details><summary>metrics.json: the numbers of this page</summary>"
            f"<pre>{html.escape(data)}</pre></details>"
        )
    )


def _imports_table(report: Report) -> Block:
    """The files that the answers are from."""
    sources: list[dict[str, Any]] = report.results.manifest["imports"]
    rows = [
        {
            "Model": source["model"],
            "Benchmark": source["benchmark"],
            "File": name,
            "Format": file["format"],
            "SHA-256": file["sha256"][:12],
        }
        for source in sources
        for name, file in source["files"].items()
    ]
    caption = "The files that the answers are from."
    if unknown := [f"{s['unknown']:,} of {s['model']}" for s in sources if s["unknown"]]:
        caption += (
            f" Answers to questions that the benchmark has not are left out: {listed(unknown)}."
        )
    data = pd.DataFrame(sources).drop(columns="files")
    return table_block("imports", pd.DataFrame(rows), caption, data)
