"""Grade predictions by rules: one at a time, or many in processes that no single answer can hang."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from llmc_lib.benchmarks import declared
from llmc_lib.benchmarks.declaration import Rules
from llmc_lib.evaluation.grading import harm, refusal, rules
from llmc_lib.processes import limited
from llmc_lib.processes.progress import progress_bar
from llmc_lib.records import Grade, Prediction, Question

Pair = tuple[Question, Prediction]

# Of one answer, in a process of its own. Mathematics has a limit of its own, far below (`answers`).
_SECONDS = 30.0
# Of one process: what outgrows it fails there, and does not take the machine's memory.
_MEMORY_GIB = 4
# So many plain answers are graded here at most: starting processes takes longer.
_FEW, _SHORT = 1_000, 2_000
_RULES: dict[Rules, Callable[[Question, Prediction], Grade]] = {
    "answer": rules.grade,
    "harm": harm.grade,
    "refusal": refusal.grade,
}
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


def grade_all(
    pairs: Sequence[Pair], *, processes: int | None = None, desc: str = "Grading"
) -> list[Grade]:
    """`grade` for many, in their order, in `processes` (None: one a core), with a progress bar.

    An answer on which a process hangs or dies, whatever the reason, is `ungraded` with the rule "time
    limit" or "crashed"; the process is replaced and the rest goes on.
    """
    plain = _few_and_plain(pairs)
    grades = (grade(*pair) for pair in pairs) if plain else _in_processes(pairs, processes)
    return list(
        progress_bar(iterable=grades, total=len(pairs), desc=desc, unit="answer", leave=False)
    )


def _few_and_plain(pairs: Sequence[Pair]) -> bool:
    """Are these few, and short where mathematics may be needed, without what grows in it?"""
    return len(pairs) <= _FEW and all(
        not _exact(question)
        or (
            len(prediction.response) <= _SHORT
            and not _GROWS.search(
                f"{prediction.response} {question.answer} {question.original_answer}"
            )
        )
        for question, prediction in pairs
    )


def _exact(question: Question) -> bool:
    return (
        declared(question.benchmark).rules == "answer" and question.answer_type != "multipleChoice"
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
