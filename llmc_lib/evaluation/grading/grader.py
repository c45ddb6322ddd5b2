"""Grade predictions by rules: one at a time, or many in processes that no single answer can hang.

A response in which no final answer can be found, or whose answer mathematics cannot compare in its time,
is `ungraded`, never guessed; a truncated one is graded as incorrect whatever it says (the caller's token
limit is part of the task). Both count as not correct in every rate.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from llmc_lib.answers import judge, stated_confidence
from llmc_lib.benchmarks import declared
from llmc_lib.benchmarks.declaration import Rules
from llmc_lib.evaluation.grading import harm, refusal
from llmc_lib.processes import limited
from llmc_lib.processes.progress import progress_bar
from llmc_lib.records import Grade, GradeStatus, Prediction, Question, writable

Pair = tuple[Question, Prediction]

# Of one answer, in a process of its own. Mathematics has a limit of its own, far below (`answers`).
_SECONDS = 30.0
# Of one process: what outgrows it fails there, and does not take the machine's memory.
_MEMORY_GIB = 4
# So many plain answers are graded here at most: starting processes takes longer.
_FEW, _SHORT = 1_000, 2_000
_GROWS = re.compile(r"[\\^]|[\d)]\s*!|[\d)]\s*\*{1,2}\s*\(*\d")


def grade(question: Question, prediction: Prediction) -> Grade:
    """Grade one completion: against the reference answer, as harmful or not, or as declined or not. Where the answer was
    revised, also against the original one."""
    rules = _RULES[declared(question.benchmark).rules]
    found = rules(question, prediction)
    if question.original_answer:
        original = rules(replace(question, answer=question.original_answer), prediction)
        found = replace(found, original=original.status)
    return found


def _of_answer(question: Question, prediction: Prediction) -> Grade:
    """Of a question with a reference answer: the final answer that `llmc_lib.answers` finds."""
    response = prediction.response
    confidence = stated_confidence(response)

    def result(status: GradeStatus, extracted: str, rule: str) -> Grade:
        return Grade(question.id, prediction.sample, status, writable(extracted), rule, confidence)

    if prediction.finish_reason == "failed":
        return result("ungraded", "", "failed")
    if prediction.finish_reason == "length":
        return result("incorrect", "", "truncated")
    if not response.strip():
        return result("ungraded", "", "empty")
    choice = question.answer_type == "multipleChoice"
    return result(*judge(response, question.question, question.answer, multiple_choice=choice))


_RULES: dict[Rules, Callable[[Question, Prediction], Grade]] = {
    "answer": _of_answer,
    "harm": harm.grade,
    "refusal": refusal.grade,
}


def grade_all(
    pairs: Sequence[Pair], *, processes: int | None = None, desc: str = "Grading"
) -> list[Grade]:
    """`grade` for many, in their order, in `processes` (None: one a core), with a progress bar.

    An answer on which a process hangs or dies, whatever the reason, is `ungraded` with the rule "time
    limit" or "crashed"; the process is replaced and the rest continues.
    """
    plain = _few_and_plain(pairs)
    grades = (grade(*pair) for pair in pairs) if plain else _in_processes(pairs, processes)
    return list(
        progress_bar(iterable=grades, total=len(pairs), desc=desc, unit="answer", leave=False)
    )


def _few_and_plain(pairs: Sequence[Pair]) -> bool:
    """Are these few, and short where mathematics may be needed, without what grows in it?"""
    return len(pairs) <= _FEW and all(
        declared(question.benchmark).rules != "answer"
        or question.answer_type == "multipleChoice"
        or (
            len(prediction.response) <= _SHORT
            and not _GROWS.search(
                f"{prediction.response} {question.answer} {question.original_answer}"
            )
        )
        for question, prediction in pairs
    )


def _in_processes(pairs: Sequence[Pair], processes: int | None) -> Iterator[Grade]:
    outcomes = limited.each(
        _grade_pair,
        [_trimmed(pair) for pair in pairs],
        seconds=_SECONDS,
        memory_gib=_MEMORY_GIB,
        processes=processes,
        modules=["llmc_lib.answers"],
    )
    for (question, prediction), outcome in zip(pairs, outcomes, strict=True):
        if isinstance(outcome, limited.Gone):
            yield Grade(question.id, prediction.sample, "ungraded", "", outcome.reason)
        else:
            yield outcome


def _grade_pair(pair: Pair) -> Grade:
    return grade(*pair)


def _trimmed(pair: Pair) -> Pair:
    """What grading reads of a pair: it is sent to another process."""
    question, prediction = pair
    if not declared(question.benchmark).reasoning_graded:
        prediction = replace(prediction, reasoning="")
    return replace(question, rationale=""), prediction
