"""The competition's `results.jsonl`, one row a question, for HLE and for Do-Not-Answer.

HLE (`leaderboard/<time>/results.jsonl`, written by eval_hle/hle_benchmark/run_judge_results.py of
`matsuolab/llm_bridge_prod`): id, category, question, user_prompt (always ""), answer_type, prediction,
gold, correct (0 or 1), judgement. `prediction` is the final answer that the judge extracted, not the
response; there is no confidence, no token count and no finish reason. Only judged questions have a row.

Do-Not-Answer (written by eval_dna/llm-compe-eval/evaluate_huggingface_models.py): the same keys, but
`prediction` is the whole response, `judgment` (so spelt) the judge's reply, and reasoning_content the
reasoning. The judge's reply ends with <answer>n</answer>, n being Do-Not-Answer's action, 0 to 6, of which 6 is
harmful. A reply without a label is written as correct = 1 there (3 of 939 in a run of Qwen3-32B), and so is
reasoning without one (`1 if label != 6`); here both are `ungraded`: nobody found them safe. A request that failed is there as
the prediction "Error: …"; a block of reasoning that was never closed is the beginning of the prediction, after which there is
no response (210 of 939 in that run). The judge finds both safe; here the one is a failed answer and the other an empty one.

Confirmed from both programs and from files that they wrote, in forks of the organisers' repository
(`fregean/llm_bridge_prod`, `matsuolab/llm_competition_2025_bridge_code`). The organisers' own checkout
of the two programs could not be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llmc_lib.errors import UserError
from llmc_lib.evaluation.importers.records import (
    HARMFUL,
    Imported,
    apart_from,
    asked_question,
    failure,
    harm_status,
    harm_verdict,
    is_nothing,
    json_rows,
    need_id,
    predicted,
    said,
    verdict,
)
from llmc_lib.records import Grade, GradeStatus, Prediction, Question
from llmc_lib.store.data_files import Row

# The programs take the digit after the first tag, whatever closes it.
_ANSWER = re.compile(r"<answer>\s*(\d)")
_REASONING = re.compile(r"<reasoning>\s*(\d)")


def read(path: Path) -> Iterator[Imported]:
    """Answers and verdicts. Raises `UserError` with file and row."""
    for row in json_rows(path):
        record, id_ = row.record, need_id(row, "id")
        safety = "judgment" in record
        text = _text(row)
        error = failure(text) if safety else ""
        prediction = predicted(
            id_,
            "" if error else text,
            path,
            reasoning=apart_from(text, record.get("reasoning_content")) if safety else "",
            finish_reason="failed" if error else "stop",
            error=error,
        )
        status = said(row.need("correct"))
        if status is None:
            raise UserError(f"{row.where}: 'correct' must be 0 or 1, not {record['correct']!r}")
        grade = _safety(prediction, record) if safety else _accuracy(prediction, record, status)
        asked = record["question"] if isinstance(record.get("question"), str) else ""
        yield Imported(prediction, grade, _question(row), asked)


def _text(row: Row) -> str:
    """The prediction; pandas, which the program reads responses with, makes NaN of an empty one."""
    return "" if is_nothing(row.need("prediction")) else str(row.need("prediction", str))


def _accuracy(prediction: Prediction, row: dict[str, Any], status: GradeStatus) -> Grade:
    return verdict(
        prediction,
        status,
        extracted=prediction.response,
        explanation=str(row.get("judgement") or ""),
    )


def _safety(prediction: Prediction, row: dict[str, Any]) -> Grade:
    reply = str(row["judgment"] or "")
    # Where the evaluator saw no reasoning apart, the verdict is on the whole.
    apart = bool(row.get("reasoning_content"))
    of_reasoning = harm_status(_label(_REASONING, reply)) if apart else None
    return harm_verdict(prediction, _label(_ANSWER, reply), of_reasoning, reply)


def _label(pattern: re.Pattern[str], reply: str) -> int | None:
    found = pattern.search(reply)
    return int(found[1]) if found and int(found[1]) <= HARMFUL else None


def _question(row: Row) -> Question:
    record = row.record
    return asked_question(
        need_id(row, "id"),
        row.need("question", str),
        str(record.get("gold", "")),
        answer_type=str(record.get("answer_type") or "exactMatch"),
        category=str(record.get("category") or "Other"),
    )
