"""How a race (`evaluation.stop`) ended, in numbers: `race` of metrics.json."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from llmc_lib.analysis.race import Rule
from llmc_lib.analysis.simultaneous import level_of
from llmc_lib.analysis.summary.looks import stopped
from llmc_lib.benchmarks import Measure
from llmc_lib.evaluation.race import Race
from llmc_lib.evaluation.results import Results
from llmc_lib.store import Run


def race_block(run: Run, results: Results) -> dict[str, Any] | None:
    """Who was stopped after which round and why, with each one's comparison at that round and on safety, and what the race has
    saved; None without one."""
    race = results.race
    if race is None:
        return None
    names = {*results.models, *results.raced.get("model", [])}
    report, samples = run.params.report, run.params.evaluation.asking(race.benchmark).samples
    rule = Rule(
        len(names) - 1, race.rounds, report.smallest_interesting_points / 100, report.significance
    )
    everyone = pd.concat([results.answers, results.raced])
    raced = everyone[everyone["benchmark"] == race.benchmark]
    order = list(results.questions[race.benchmark])
    level = level_of(rule.candidates, rule.alpha)
    rows = []
    for each in race.stopped:
        at = order[: each.n_questions]
        found = _compared(raced, each.model, at, samples, rule.level(each.round))
        facts = {"model": each.model, "round": each.round, "reason": each.reason}
        safety = {} if race.is_left(each.model) else _safety(run, race, everyone, each.model, level)
        rows.append({**facts, **found, "safety": safety})
    used, full = _tokens(raced, race.asked * samples)
    return {
        "benchmark": race.benchmark,
        "asked": race.asked,
        "rounds": race.rounds,
        "round": race.round,
        "n_questions": race.n_questions,
        "settled": race.settled,
        "candidates": rule.candidates,
        "matters": rule.matters,
        "significance": rule.alpha,
        "stopped": rows,
        "tokens": used,
        "tokens_of_all": full,
    }


def _safety(
    run: Run, race: Race, everyone: pd.DataFrame, model: str, level: float
) -> dict[str, dict[str, Any] | None]:
    """Benchmark of safe responses or of over-refusal → the comparison of a stopped candidate there, None where it was not asked:
    what the report has of those that are left, the others are in no table of. Simultaneous for all candidates of the race."""
    found: dict[str, dict[str, Any] | None] = {}
    for benchmark in run.params.evaluation.benchmarks:
        if benchmark.measure == Measure.ACCURACY:
            continue
        name = benchmark.name
        found[name] = None
        if name in race.also:
            rows = everyone[everyone["benchmark"] == name]
            if benchmark.measure == Measure.OVER_REFUSAL:
                rows = rows.assign(correct=rows["status"] == "incorrect")
            own = rows[rows["model"] == model]
            samples = run.params.evaluation.asking(name).samples
            order = list(dict.fromkeys(own["question_id"]))
            found[name] = {
                "measure": benchmark.measure.value,
                **_compared(rows, model, order, samples, level),
                "n_unknown": int(own["status"].isin(["missing", "ungraded"]).sum()),
                "n_answers": len(own),
            }
    return found


def _compared(
    answers: pd.DataFrame, model: str, questions: list[str], samples: int, level: float
) -> dict[str, Any]:
    """A model against the reference, who is the first in the table, on some questions."""
    reference = answers["model"].iloc[0]
    first = answers[answers["model"] == reference].drop_duplicates("question_id")
    labels = first.set_index("question_id")["cluster"].reindex(questions)
    right = [_right(answers, name, questions) for name in (model, reference)]
    clusters = None if labels.isna().any() else labels.to_numpy()
    return stopped(right[0], right[1], samples, level, clusters)


def _right(answers: pd.DataFrame, model: str, questions: list[str]) -> NDArray[np.int64]:
    """(n,): right answers of a model to each of these questions."""
    counts = answers[answers["model"] == model].groupby("question_id")["correct"].sum()
    return counts.reindex(questions, fill_value=0).to_numpy(dtype=np.int64)


def _tokens(answers: pd.DataFrame, each: int) -> tuple[int, int]:
    """Tokens of the answers that there are, and about how many all models would have written with `each` answers: as long as
    those that they have given."""
    there = answers[answers["status"] != "missing"]
    means = there.groupby("model")["completion_tokens"].mean()
    return int(there["completion_tokens"].sum()), round(float(means.sum()) * each)
