"""What candidates trained by reinforcement are compared with besides the reference: what each of them started from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from llmc_lib.analysis.comparison import adjust
from llmc_lib.analysis.outcomes import Outcomes
from llmc_lib.analysis.reinforced import mean_change, paired_block
from llmc_lib.analysis.summary.table import Table
from llmc_lib.analysis.verdict import ALPHA
from llmc_lib.evaluation.results import Results
from llmc_lib.params import Recipe
from llmc_lib.reporting.claims_page import check_sample
from llmc_lib.store import Run


def reinforced(
    run: Run, results: Results, training: Mapping[str, Any], benchmark: str
) -> list[dict[str, Any]]:
    """A block a pair of models: the last one of each candidate that was trained by reinforcement, against what it started
    from, against the reference, and against the first candidate with the same start and other rewards; [] where there is no
    such candidate.

    model, against, role ("start", "base" or "rewards"), what `analysis.reinforced.paired_block` says, p_adjusted (of pass@1, Holm's of
    all pairs), and claims: false (in an answer), with_false (the share of answers with one), stated (claims that could
    be decided, in an answer), each a `Change`; rewards: name → weight.
    """
    pairs = _pairs(run, results, training)
    if not pairs:
        return []
    rows = results.answers[results.answers["benchmark"] == benchmark]
    table = Table.of(results.kinds[benchmark], rows).outcomes
    checked = check_sample(
        results, benchmark, run.params.report.claims, run.params.seed, run.reasoning, every=True
    )
    blocks = [
        {
            "model": model,
            "against": against,
            "role": role,
            "rewards": weights,
            **paired_block(table.correct[model], table.correct[against], ALPHA, table.cluster),
            "claims": _claims(checked, table, model, against),
        }
        for model, against, role, weights in pairs
    ]
    p_values = adjust([block["pass_at_1"]["p_value"] for block in blocks])
    return [{**block, "p_adjusted": p} for block, p in zip(blocks, p_values, strict=True)]


def add_reinforced(
    run: Run, results: Results, training: Mapping[str, Any], blocks: dict[str, Any]
) -> None:
    """Put `reinforced` into the block of each benchmark of right and wrong answers, where there is something to say."""
    for name, block in blocks.items():
        if block["measure"] == "accuracy" and (found := reinforced(run, results, training, name)):
            block["reinforced"] = found


def learnt(
    run: Run, results: Results, training: Mapping[str, Any], methods: Sequence[str]
) -> Iterator[tuple[Recipe, str, str | None]]:
    """The candidates of these methods whose last model was evaluated: each with that model, and the model that it started from
    (None: the base, or one that was not evaluated)."""
    last = {
        name: facts["models"][-1]["name"]
        for name, facts in training.get("candidates", {}).items()
        if facts.get("models")
    }
    for recipe in run.params.recipes:
        model, start = last.get(recipe.name), last.get(recipe.start or "")
        if recipe.training.method in methods and model in results.models:
            yield recipe, str(model), start if start in results.models else None


def _pairs(
    run: Run, results: Results, training: Mapping[str, Any]
) -> list[tuple[str, str, str, dict[str, float]]]:
    """Model, what it is compared with, what that is to it, and its rewards."""
    reference = next(iter(results.models))
    found = []
    # Start → the first candidate from it.
    first: dict[str | None, tuple[str, dict[str, float]]] = {}
    for recipe, model, start in learnt(run, results, training, ("grpo",)):
        if start is not None:
            found.append((model, start, "start", _weights(recipe)))
        found.append((model, reference, "base", _weights(recipe)))
        other, rewards = first.setdefault(recipe.start, (model, _weights(recipe)))
        if rewards != _weights(recipe):
            found.append((model, other, "rewards", _weights(recipe)))
    return found


def _weights(recipe: Recipe) -> dict[str, float]:
    return dict(recipe.training.grpo.rewards.weights) if recipe.training.grpo else {}


def _claims(
    checked: pd.DataFrame, table: Outcomes, model: str, against: str
) -> dict[str, Any] | None:
    """The claims of both models' answers to the questions that were checked; None without any."""
    both = checked[checked["model"].isin([model, against])]
    if both.empty:
        return None
    samples = table.n_samples
    ids = pd.unique(both["question_id"])
    cluster = None
    if table.cluster is not None:
        cluster = pd.Series(table.cluster, table.question_ids).reindex(ids).to_numpy()

    def counts(name: str, column: str) -> np.ndarray:
        """(questions, samples); an answer that is missing states nothing."""
        found = np.zeros((len(ids), samples), dtype=np.int64)
        rows = both[both["model"] == name]
        found[pd.Index(ids).get_indexer(pd.Index(rows["question_id"])), rows["sample"]] = rows[
            column
        ]
        return found

    after, before = (
        {column: counts(name, column) for column in ("false", "checked")}
        for name in (model, against)
    )
    return {
        "false": asdict(mean_change(after["false"], before["false"], ALPHA, cluster)),
        "with_false": asdict(
            mean_change(
                (after["false"] > 0).astype(np.int64),
                (before["false"] > 0).astype(np.int64),
                ALPHA,
                cluster,
            )
        ),
        "stated": asdict(mean_change(after["checked"], before["checked"], ALPHA, cluster)),
    }
