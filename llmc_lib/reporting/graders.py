"""Who graded: beside every score, which grader and which version, and the scores by each where there are several."""

from __future__ import annotations

import hashlib
from typing import Any

import pandas as pd

from llmc_lib.analysis.summary.by_grader import by_grader
from llmc_lib.analysis.summary.table import rate_key
from llmc_lib.benchmarks import declared
from llmc_lib.evaluation import grading
from llmc_lib.evaluation.results import Results
from llmc_lib.formatting import (
    as_bounds,
    as_percent_cell,
    as_percent_range,
    as_points,
    listed,
)
from llmc_lib.language import tr
from llmc_lib.reporting.elements import Block, table_block
from llmc_lib.store import Run


def graders(run: Run, results: Results, benchmark: str) -> list[dict[str, Any]]:
    """Who has graded the answers to a benchmark: grader ("rules", "judge", "imported"), name, version and decides; the one that
    decides comes first.

    The version of the rules is a number that rises with each change of them; of a judge it is its commit, where it is of the hub, and its rubric
    with the digest of its prompt; of imported verdicts what the files are.
    """
    decides = results.graders.get(benchmark, "rules")
    found = [
        {
            "grader": "rules",
            "name": "rules",
            "version": str(grading.VERSION),
            "decides": decides == "rules",
        }
    ]
    rows = results.answers[results.answers["benchmark"] == benchmark]
    if "by_judge" in rows and rows["by_judge"].notna().any():
        other = _imported(results, benchmark) if run.params.evaluation.imports else _judge(run, results, benchmark)  # fmt: skip
        found.append({**other, "decides": decides == "judge"})
    return sorted(found, key=lambda one: not one["decides"])


def _judge(run: Run, results: Results, benchmark: str) -> dict[str, Any]:
    params = run.params.evaluation.judge
    rubric = declared(results.kinds[benchmark]).rubric
    name, commit = "", ""
    if params is not None and params.served_as is not None and params.engine.kind == "openai":
        name = params.served_as
    elif params is not None and params.model is not None:
        name, commit = params.model.source, (params.model.revision or "")[:10]
    prompt = hashlib.sha256(rubric.prompt.encode()).hexdigest()[:8] if rubric else ""
    parts = [commit, f"{rubric.name} {prompt}" if rubric else ""]
    return {"grader": "judge", "name": name, "version": ", ".join(filter(None, parts))}


def _imported(results: Results, benchmark: str) -> dict[str, Any]:
    """The formats of the files: who judged is in none of them for sure."""
    files = [
        file
        for source in results.manifest.get("imports", ())
        if source["benchmark"] == benchmark
        for file in source["files"].values()
    ]
    formats = dict.fromkeys(file["format"] for file in files)
    return {"grader": "imported", "name": "", "version": ", ".join(formats)}


def add_graders(run: Run, results: Results, block: dict[str, Any], benchmark: str) -> None:
    """Put `graders` and, where there are several, `by_grader` into a benchmark's block of metrics.json."""
    block["graders"] = graders(run, results, benchmark)
    rows = results.answers[results.answers["benchmark"] == benchmark]
    if len(block["graders"]) > 1 and (found := by_grader(rows, block["kind"])):
        block["by_grader"] = found


def graded_by(block: dict[str, Any]) -> str:
    """Who decides in a benchmark's figures, in a few words: "graded by rules, version 8"; "" where it is not recorded."""
    given = block.get("graders")
    return tr("graded by {grader}", grader=_named(given[0])) if given else ""


def _named(one: dict[str, Any]) -> str:
    if one["grader"] == "rules":
        return tr("rules, version {version}", version=one["version"])
    if one["grader"] == "imported":
        return tr("imported verdicts ({version})", version=one["version"])
    if not one["name"]:
        return tr("a judge")
    return tr("the judge {name} ({version})", name=one["name"], version=one["version"])


def graders_table(name: str, block: dict[str, Any]) -> Block:
    """The score of each model by each grader of a benchmark."""
    n, key = block["n_questions"], rate_key(block["kind"])
    given = {"rules": "rules", "judge": "judge", "imported": "judge"}
    rows, data = [], []
    for one in block["graders"]:
        scores = block["by_grader"][given[one["grader"]]]
        differences = {c["model"]: c for c in scores["comparisons"]}
        for model, facts in scores["models"].items():
            compared = differences.get(model)
            rows.append(
                {
                    tr("Graded by"): _named(one),
                    tr("Model"): model,
                    tr("Score, %"): as_percent_cell(facts[key], n),
                    tr("95% interval"): as_percent_range(facts["ci95"], n),
                    tr("Difference, points"): as_points(compared["difference"], n, unit=False) if compared else "–",
                    tr("Its 95% interval"): as_bounds(compared["ci95"], n) if compared else "–",
                }
            )  # fmt: skip
            data.append({"grader": one["grader"], "model": model, key: facts[key],
                         "low": facts["ci95"][0], "high": facts["ci95"][1],
                         "difference": compared["difference"] if compared else None})  # fmt: skip
    caption = tr(
        "Each model's score by each grader ({benchmark}); the first grader decides in the figures of this page. A grader that was not asked about an answer, or could "
        "not decide, did not call it correct.",
        benchmark=name,
    )
    return table_block(f"by-grader-{name}", pd.DataFrame(rows), caption, pd.DataFrame(data))


def graders_sentence(blocks: dict[str, dict[str, Any]]) -> str:
    """Who decides in the figures of each benchmark."""
    told = [f"{name}, {graded_by(block)}" for name, block in blocks.items() if graded_by(block)]
    return tr("The benchmarks of this page: {benchmarks}.", benchmarks=listed(told)) if told else ""
