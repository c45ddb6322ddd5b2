"""How a race (`evaluation.stop`) ended, in numbers: `race` of metrics.json."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from llmc_lib.analysis.race import Rule
from llmc_lib.analysis.summary.looks import stopped
from llmc_lib.evaluation.results import Results
from llmc_lib.store import Run


def race_block(run: Run, results: Results) -> dict[str, Any] | None:
    """Who was stopped after which round and why, with each one's comparison at that round, and what the race has saved; None
    without one."""
    race = results.race
    if race is None:
        return None
    reference = next(iter(results.models))
    names = {*results.models, *results.raced.get("model", [])}
    report, samples = run.params.report, run.params.evaluation.asking(race.benchmark).samples
    rule = Rule(
        len(names) - 1, race.rounds, report.smallest_interesting_points / 100, report.significance
    )
    answers = results.answers[results.answers["benchmark"] == race.benchmark]
    order = list(results.questions[race.benchmark])
    rows = []
    for each in race.stopped:
        of = results.answers if race.is_left(each.model) else results.raced
        at = order[: each.n_questions]
        pair = [_right(frame, name, at) for frame, name in ((of, each.model), (answers, reference))]
        found = stopped(pair[0], pair[1], samples, rule.level(each.round))
        rows.append({"model": each.model, "round": each.round, "reason": each.reason, **found})
    used, full = _tokens(pd.concat([answers, results.raced]), race.asked * samples)
    return {
        "benchmark": race.benchmark,
        "asked": race.asked,
        "rounds": race.rounds,
        "round": race.round,
        "n_questions": race.n_questions,
        "settled": race.settled,
        "candidates": len(names) - 1,
        "matters": rule.matters,
        "significance": rule.alpha,
        "stopped": rows,
        "tokens": used,
        "tokens_of_all": full,
    }


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
