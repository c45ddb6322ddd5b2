"""False claims in what the models wrote: how many, and whether wrong answers carry more of them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from llmc_lib.analysis.verdict import ALPHA
from llmc_lib.evaluation.results import Results
from llmc_lib.formatting import (
    as_p,
    as_percent,
    as_percent_cell,
    as_percent_range,
    as_points,
    counted,
)
from llmc_lib.language import tr
from llmc_lib.reasoning.claims import TraceCheck, check_traces
from llmc_lib.reasoning.leaps import read_leaps
from llmc_lib.reporting.cases.choose import key_of
from llmc_lib.reporting.cases.trace import Mark, whole
from llmc_lib.reporting.elements import Block, paragraph, table_block
from llmc_lib.store import sha256_text


def check_sample(
    results: Results, benchmark: str, n: int | None, seed: int, folder: Path, *, every: bool = False
) -> pd.DataFrame:
    """The claims of one answer of each model to each of `n` questions (None: all), with `every` of all its answers.

    Questions and samples are drawn by the seed, the same for all models. One row an answer: model,
    question_id, sample, correct, checked (claims that were decided), false. The outcomes are kept in `folder`.
    """
    rows = _drawn(results, benchmark, n, seed, every=every)
    checks = _checked(results, [key_of(row) for row in rows], folder)
    return pd.DataFrame(
        [
            {
                "model": row["model"],
                "question_id": row["question_id"],
                "sample": row.get("sample", 0),
                "correct": bool(row["correct"]),
                "checked": check.checked,
                "false": len(check.failed),
            }
            for row, check in zip(rows, checks, strict=True)
        ],
        columns=["model", "question_id", "sample", "correct", "checked", "false"],
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
    return [checks[sha256_text(text)] for text in _texts(results, keys)]


def _texts(results: Results, keys: Sequence[tuple[str, str, str, int]]) -> Iterator[str]:
    for key in keys:
        yield whole(*results.texts.get(key, ("", "")))


def _drawn(
    results: Results, benchmark: str, n: int | None, seed: int, *, every: bool
) -> list[dict[Any, Any]]:
    answers = results.answers
    given = answers[(answers["benchmark"] == benchmark) & (answers["status"] != "missing")]
    draw = random.Random(f"{seed}/claims")
    ids = sorted(set(given["question_id"]))
    chosen = ids if n is None or n >= len(ids) else draw.sample(ids, n)
    samples = _common_samples(given)
    sample = {id_: draw.choice(samples) for id_ in sorted(chosen)}
    rows = given[given["question_id"].isin(chosen)].to_dict("records")
    return [row for row in rows if every or row.get("sample", 0) == sample[row["question_id"]]]


def _common_samples(given: pd.DataFrame) -> list[int]:
    """The numbers of the samples that every model has."""
    if "sample" not in given or given.empty:
        return [0]
    return sorted(set.intersection(*(set(part["sample"]) for _, part in given.groupby("model"))))


def claims(found: dict[str, Any]) -> Block:
    """The counts of each model, and what they say. `found`: the `false_claims` block of metrics.json."""
    asked, total = found["n_checked"], found["n_questions"]
    questions = counted(asked, "question")
    if asked < total:
        questions = tr(
            "{questions}, drawn at random from {total:,}", questions=questions, total=total
        )
    intro = tr(
        "Every equality and inequality between numbers that is written in symbols (2 + 2 = 10, 3 < 2) was worked out, in "
        "one answer of each model to each of {questions}. Claims in words (“3 is less than 2”) are not checked; claims "
        "that have a variable, or are supposed, asked, denied or rounded, are skipped. So what is flagged is false, but "
        "not all that is false is flagged.",
        questions=questions,
    )
    models: dict[str, dict[str, Any]] = found["models"]
    if not any(counts["answers"] for counts in models.values()):
        return paragraph(intro, "note") + paragraph(
            tr("No answer states one that could be decided."), "note"
        )
    caption = tr(
        "Arithmetic that the models state: of the answers with at least one claim that could be decided, the "
        "share in which one is false, with Wilson intervals."
    )
    data = pd.DataFrame(
        [
            {"model": name, **{k: v for k, v in counts.items() if k != "ci95"},
             "low": (counts["ci95"] or [None])[0], "high": (counts["ci95"] or [None])[-1]}
            for name, counts in models.items()
        ]
    )  # fmt: skip
    rows = pd.DataFrame([_row(name, counts) for name, counts in models.items()])
    table = table_block("claims", rows, caption, data)
    return paragraph(intro, "note") + paragraph(sentence(found["wrong_against_right"])) + table


def _row(model: str, counts: dict[str, Any]) -> dict[str, str]:
    n = counts["answers"]
    return {
        tr("Model"): model,
        tr("Claims checked"): f"{counts['claims']:,}",
        tr("False"): f"{counts['false']:,}",
        tr("Answers with a claim"): f"{n:,}",
        tr("with a false one, %"): as_percent_cell(counts["answers_with_false"] / n, n)
        if n
        else "–",
        tr("95% interval"): as_percent_range(counts["ci95"], n) if n else "–",
    }


def sentence(found: dict[str, Any] | None) -> str:
    """Do wrong answers carry more false claims than right ones? In words, of a `wrong_against_right` block."""
    if found is None:
        return tr(
            "Whether wrong answers contain more false claims than right ones is not known: too few questions have "
            "wrong, or right, answers with a checked claim, or all answers are alike in this."
        )
    n = min(found["n_wrong"], found["n_right"])
    low, high = (as_points(found[bound], n, unit=False) for bound in ("low", "high"))
    numbers = tr(
        "{wrong} of {answers} and {right} of {ones} with checkable claims state a false one: {difference} (95% "
        "interval {low} to {high}, clustered by question, p {p})",
        wrong=as_percent(found["wrong"], n),
        answers=counted(found["n_wrong"], "wrong answer"),
        right=as_percent(found["right"], n),
        ones=counted(found["n_right"], "right one"),
        difference=as_points(found["difference"], n),
        low=low,
        high=high,
        p=as_p(found["p_value"]),
    )
    # Where few decide, test and interval can differ: then neither is clear.
    clear = found["p_value"] < ALPHA
    if found["low"] > 0 and clear:
        found_out = tr("Wrong answers contain false claims more often than right ones.")
    elif found["high"] < 0 and clear:
        found_out = tr("Right answers contain false claims more often than wrong ones.")
    else:
        found_out = tr(
            "It is not clear whether wrong answers contain more false claims than right ones."
        )
    return f"{found_out} {numbers}."
