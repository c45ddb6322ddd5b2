"""All figures of a run in one plain dictionary: metrics.json, which tools read, before it has sentences.

Rates and differences are fractions in [0, 1]; the `official` block alone is in percent, as HLE's
own evaluator prints it. Every question counts in every rate: one that is unanswered, truncated or
ungraded is not correct (not safe). What cannot be computed is None, beside the code of a reason where one helps.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from llmc_lib.analysis.endings import Cut, endings
from llmc_lib.analysis.summary import (
    comparisons,
    keys,
    lengths,
    looks,
    models,
    recipes,
    safety,
)
from llmc_lib.analysis.summary.looks import LookAt
from llmc_lib.analysis.summary.nearest import Near
from llmc_lib.analysis.summary.prompts import tables_of
from llmc_lib.analysis.summary.recipes import Trained
from llmc_lib.analysis.summary.repeats import repeats_of, without_verdict
from llmc_lib.analysis.summary.table import Table, groups_key, rate_key
from llmc_lib.analysis.verdict import Thresholds
from llmc_lib.benchmarks import measure

__all__ = ["LookAt", "Near", "Trained", "groups_key", "rate_key", "summarise"]


def summarise(
    answers: pd.DataFrame,
    thresholds: Thresholds | None = None,
    kinds: Mapping[str, str] | None = None,
    *,
    main: str | None = None,
    trained_form: bool = False,
    better_in: Sequence[str] | None = None,
    seed: int = 0,
    embedded: Collection[str] = (),
    greedy: Collection[str] = (),
    looks_at: Mapping[str, LookAt] | None = None,
    trained: Trained | None = None,
    near: Mapping[str, Mapping[str, Mapping[str, Near]]] | None = None,
    again: Mapping[str, pd.DataFrame] | None = None,
    prompts: Mapping[str, pd.DataFrame] | None = None,
    prompt: str = "",
) -> dict[str, Any]:
    """The `benchmarks` block of metrics.json, and `tradeoffs`.

    Parameters: `answers`, a row a (benchmark, model, question_id, sample; without that column one
    sample each), with the boolean columns correct, truncated, failed, and category, status, and optionally
    confidence (percent or NaN), completion_tokens, extracted, cluster, subsets (names with spaces between), original_key and
    revised_key (the statuses by both, where an answer was revised); every model has the same questions,
    each its own number of samples of all of them, and the first is the reference that the others are compared with. `thresholds` of the
    verdict words. `kinds`: benchmark → a key of `benchmarks.DECLARED`; a benchmark that is not in
    it is of the kind that it is called. `main`: the benchmark of right and wrong answers that `tradeoffs` are
    about; None: the first. `better_in`: the categories of the rule by which one of several
    candidates is chosen (`selection.select`; None: none is). `seed` of bootstraps. `embedded`: the benchmarks
    whose questions are this project's own. `greedy`: those whose answers were sampled at temperature 0. `looks_at`: of a benchmark that is
    not finished, or was looked at before it was, which look this is; the others are analysed once. `near`: benchmark → candidate →
    question id → the nearest row of what the candidate was trained on, where it is known.

    `again`: name → the answers of one model that answered twice (`repeats.repeats_of`). `prompts`: another prompt → the answers
    of all models under it (`prompts.block`), `prompt` being the name of the one of `answers`. Both may lack benchmarks.
    `trained`: which models are trainings of one recipe; these count as one candidate, and the block has `recipes`.

    `trained_form`: are questions put in the form that the training's rows have? Then it is looked at whether
    prompts of another form no longer end (`endings.endings`).

    Returns {"benchmarks": {name: …}, "tradeoffs": {candidate: …}, "endings": [finding, …]}, in numbers and codes
    (`reporting.sentences` puts them into words); the second is empty without both a
    benchmark of right and wrong answers and one of safe responses.

    Raises `ValueError` for an empty table and for a sample that is there twice.
    """
    if answers.empty:
        raise ValueError("no answers to summarise")
    limits = thresholds or Thresholds()
    tables = {
        str(name): Table.of(
            (kinds or {}).get(str(name), str(name)),
            rows,
            greedy=str(name) in greedy,
            embedded=str(name) in embedded,
            recipes=trained.recipes if trained else None,
        )
        for name, rows in answers.groupby("benchmark", sort=False)
    }
    blocks = {
        name: _benchmark(
            table,
            limits,
            better_in,
            seed,
            (looks_at or {}).get(name),
            trained,
            (near or {}).get(name),
            name=name,
            again=_of(again, name),
            prompts=tables_of(table, _of(prompts, name), prompt),
        )
        for name, table in tables.items()
    }
    return {
        "benchmarks": blocks,
        "tradeoffs": safety.tradeoff_blocks(tables, blocks, limits, main),
        "endings": _endings(tables, main) if trained_form else [],
    }


def _of(answers: Mapping[str, pd.DataFrame] | None, benchmark: str) -> dict[str, pd.DataFrame]:
    """Those of several tables that have answers to a benchmark, each with these alone."""
    parts = {name: rows[rows["benchmark"] == benchmark] for name, rows in (answers or {}).items()}
    return {name: rows for name, rows in parts.items() if len(rows)}


def _endings(tables: Mapping[str, Table], main: str | None) -> list[dict[str, Any]]:
    """Candidates that no longer end where a prompt has another form than a question."""
    asked = [name for name, table in tables.items() if measure(table.kind) == "accuracy"]
    if not asked:
        return []
    trained = main if main in asked else asked[0]
    cut = {name: table.arrays("truncated") for name, table in tables.items()}
    reference = tables[trained].outcomes.reference
    found = endings(
        [
            Cut(model, name, trained, cut[name][model], cut[name][reference], cut[trained][model])
            for name in tables
            if name not in asked
            for model in tables[trained].outcomes.candidates
            if {model, reference} <= set(cut[name])
        ]
    )
    return [asdict(each) for each in found]


def _benchmark(
    table: Table,
    thresholds: Thresholds,
    better_in: Sequence[str] | None,
    seed: int,
    at: LookAt | None,
    trained: Trained | None,
    near: Mapping[str, Mapping[str, Near]] | None,
    *,
    name: str,
    again: Mapping[str, pd.DataFrame],
    prompts: Mapping[str, Table],
) -> dict[str, Any]:
    outcomes = table.outcomes
    # The rounds of a race have no repeat; it is asked when they are over.
    look = None if at is None or at.raced else at.look
    repeats = repeats_of(table, again, thresholds, look)
    of_all = looks.family_of(table, thresholds, at, seed)
    block: dict[str, Any] = {
        "kind": table.kind,
        "measure": measure(table.kind).value,
        "embedded": table.embedded,
        "n_questions": outcomes.n_questions,
        "n_samples": outcomes.n_samples,
        "n_clusters": outcomes.n_clusters,
        "thresholds": thresholds.as_dict(),
        "models": {model: models.facts(table, model, repeats) for model in outcomes.models},
        "repeats": repeats.found,
        "comparisons": comparisons.blocks(
            table, thresholds, of_all, better_in, near, seed, repeats=repeats, prompts=prompts
        ),
    }
    if at is not None and (found := looks.block(at, of_all, thresholds)):
        block["look"] = found
        for comparison in block["comparisons"]:
            comparison["bets"] = looks.bets(table, comparison["model"], at)
    if table.recipes and trained:
        block["recipes"] = recipes.block(table, thresholds, at, trained, name)
        if repeats.blocks and block["recipes"]:
            block["recipes"] = {
                kind: [without_verdict(each) for each in found]
                for kind, found in block["recipes"].items()
            }
    if measure(table.kind) == "accuracy":
        block |= lengths.blocks(table)
        block["keys"] = keys.facts(keys.Keys(table))
        block["power"] = comparisons.power_block(table, thresholds, of_all)
        block["selection"] = comparisons.selection_block(table, block, better_in, seed)
    return block
