"""False claims in what the models wrote: how many, and whether wrong answers carry more of them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm

from llmc_lib.analysis.intervals import wilson
from llmc_lib.evaluation.results import Results
from llmc_lib.reasoning.claims import TraceCheck, check_traces
from llmc_lib.reasoning.leaps import read_leaps
from llmc_lib.reporting.cases.trace import Mark, whole
from llmc_lib.reporting.elements import Block, paragraph, table_block
from llmc_lib.store import sha256_text
from llmc_lib.words import as_p, as_percent, as_points, counted

# With fewer questions on either side a test by questions means nothing.
_FEW = 10


@dataclass(frozen=True)
class Association:
    """Traces with a false claim among wrong answers, minus among right ones; fractions."""

    wrong: float
    right: float
    n_wrong: int
    n_right: int
    difference: float
    low: float
    high: float
    p_value: float


def check_sample(
    results: Results, benchmark: str, n: int | None, seed: int, folder: Path
) -> pd.DataFrame:
    """The claims of one answer of each model to each of `n` questions (None: all).

    Questions and samples are drawn by the seed, the same for all models. One row an answer: model,
    question_id, correct, checked (claims that were decided), false. The outcomes are kept in `folder`.
    """
    rows = _drawn(results, benchmark, n, seed)
    keys = [(benchmark, r["model"], r["question_id"], r.get("sample", 0)) for r in rows]
    checks = _checked(results, keys, folder)
    return pd.DataFrame(
        [
            {
                "model": row["model"],
                "question_id": row["question_id"],
                "correct": bool(row["correct"]),
                "checked": check.checked,
                "false": len(check.failed),
            }
            for row, check in zip(rows, checks, strict=True)
        ],
        columns=["model", "question_id", "correct", "checked", "false"],
    )


def marks(
    results: Results, keys: Iterable[tuple[str, str, str, int]], folder: Path
) -> dict[str, list[Mark]]:
    """SHA-256 of a trace → its false claims, and the leaps that a judge saw in it, if one was asked."""
    wanted = [key for key in keys if key in results.texts]
    found = check_traces(_texts(results, wanted), folder)
    read = read_leaps(folder)
    marked = {
        text: [
            *(Mark(failed.start, failed.end, failed.check) for failed in check.failed),
            *(
                Mark(leap.start, leap.end, leap.why, "leap")
                for leap in (read[text].leaps if text in read else ())
            ),
        ]
        for text, check in found.items()
    }
    return {text: places for text, places in marked.items() if places}


def _checked(
    results: Results, keys: Sequence[tuple[str, str, str, int]], folder: Path
) -> list[TraceCheck]:
    checks = check_traces(_texts(results, keys), folder)
    return [checks[sha256_text(_writable(text))] for text in _texts(results, keys)]


def _texts(results: Results, keys: Sequence[tuple[str, str, str, int]]) -> Iterator[str]:
    for key in keys:
        yield whole(*results.texts.get(key, ("", "")))


def _drawn(results: Results, benchmark: str, n: int | None, seed: int) -> list[dict[Any, Any]]:
    answers = results.answers
    given = answers[(answers["benchmark"] == benchmark) & (answers["status"] != "missing")]
    draw = random.Random(f"{seed}/claims")
    ids = sorted(set(given["question_id"]))
    chosen = ids if n is None or n >= len(ids) else draw.sample(ids, n)
    samples = sorted(set(given["sample"])) if "sample" in given else [0]
    sample = {id_: draw.choice(samples) for id_ in sorted(chosen)}
    rows = given[given["question_id"].isin(chosen)].to_dict("records")
    return [row for row in rows if row.get("sample", 0) == sample[row["question_id"]]]


def association(checked: pd.DataFrame) -> Association | None:
    """Do wrong answers carry a false claim more often than right ones? Of a table of `check_sample`.

    The difference of the two shares among answers with a claim that could be decided, all models together, by
    a linear probability model with standard errors clustered by question (Liang and Zeger 1986; statsmodels'
    OLS), as answers to one question are no independent ones. None where fewer than ten questions have a wrong,
    or a right, such answer, or where all are alike.
    """
    rows = checked[checked["checked"] > 0]
    wrong = ~rows["correct"].to_numpy(dtype=bool)
    has = rows["false"].to_numpy() > 0
    questions = rows["question_id"].to_numpy()
    if min(len(set(questions[wrong])), len(set(questions[~wrong]))) < _FEW or len(set(has)) < 2:
        return None
    design = sm.add_constant(wrong.astype(float))
    groups = pd.factorize(questions)[0]
    fit = sm.OLS(has.astype(float), design).fit(
        cov_type="cluster", cov_kwds={"groups": groups}, use_t=True
    )
    low, high = (float(bound) for bound in np.asarray(fit.conf_int())[1])
    return Association(
        wrong=float(has[wrong].mean()),
        right=float(has[~wrong].mean()),
        n_wrong=int(wrong.sum()),
        n_right=int((~wrong).sum()),
        difference=float(fit.params[1]),
        low=low,
        high=high,
        p_value=float(fit.pvalues[1]),
    )


def claims(checked: pd.DataFrame, total: int) -> Block:
    """The counts of each model, and what they say. `checked`: of `check_sample`, `total` questions in all."""
    decided = checked[checked["checked"] > 0]
    asked = checked["question_id"].nunique()
    part = "" if asked >= total else f", drawn at random from {total:,}"
    intro = (
        f"Every equality and inequality between numbers that an answer states was worked out, in one answer of each model to "
        f"each of {counted(asked, 'question')}{part}. What has a variable, is supposed, asked, denied or "
        "rounded is left alone, so that what is flagged is false; not everything that is false is flagged."
    )
    if decided.empty:
        return paragraph(intro, "note") + paragraph(
            "No answer states one that could be decided.", "note"
        )
    rows, data = [], []
    for model in dict.fromkeys(checked["model"]):
        mine = decided[decided["model"] == model]
        traces, false = len(mine), int((mine["false"] > 0).sum())
        low, high = wilson(false, traces)
        rows.append(
            {
                "Model": model,
                "Claims checked": f"{int(mine['checked'].sum()):,}",
                "False": f"{int(mine['false'].sum()):,}",
                "Answers with a claim": f"{traces:,}",
                "with a false one, %": as_percent(false / traces, traces).rstrip("%")
                if traces
                else "–",
                "95% interval": "–".join(as_percent(b, traces).rstrip("%") for b in (low, high))
                if traces
                else "–",
            }
        )
        data.append({"model": model, "claims": int(mine["checked"].sum()), "false": int(mine["false"].sum()),
                     "answers": traces, "answers_with_false": false, "low": low, "high": high})  # fmt: skip
    caption = (
        "Arithmetic that the models state. Share of the answers with at least one claim that could be decided "
        "in which one is false, with Wilson intervals."
    )
    table = table_block("claims", pd.DataFrame(rows), caption, pd.DataFrame(data))
    return paragraph(intro, "note") + paragraph(sentence(checked)) + table


def sentence(checked: pd.DataFrame) -> str:
    """Do wrong answers carry more false claims than right ones? In words."""
    found = association(checked)
    if found is None:
        return (
            "Whether wrong answers carry more false claims than right ones cannot be told: too few questions "
            "have such answers, or all answers are alike in it."
        )
    n = min(found.n_wrong, found.n_right)
    numbers = (
        f"{as_percent(found.wrong, n)} of {counted(found.n_wrong, 'wrong answer')} and {as_percent(found.right, n)} of "
        f"{counted(found.n_right, 'right one')} with checkable claims state a false one: {as_points(found.difference, n)} "
        f"(95% interval {as_points(found.low, n, unit=False)} to {as_points(found.high, n, unit=False)}, by "
        f"questions, p {as_p(found.p_value)})"
    )
    if found.low > 0:
        return f"Wrong answers carry false claims more often than right ones. {numbers}."
    if found.high < 0:
        return f"Right answers carry false claims more often than wrong ones. {numbers}."
    return f"It cannot be told whether wrong answers carry more false claims than right ones. {numbers}."


def _writable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
