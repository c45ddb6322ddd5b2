"""Decontamination: no row may repeat a question of the benchmarks that the run is judged by."""

from __future__ import annotations

from llmc_lib import question_bank
from llmc_lib.dataset.steps.step import Batch, BatchStep, Context, Out
from llmc_lib.errors import UserError
from llmc_lib.store import ROOT, Run
from llmc_lib.store.data_files import file_texts


def benchmark_texts(run: Run) -> dict[str, dict[str, str]]:
    """The texts that the data set must not repeat: benchmark → question id → text.

    The questions of all benchmarks of the run, and the rows of `decontamination.files`. Empty where
    decontamination is off. Raises `UserError` for a file that cannot be read.
    """
    params = run.params.dataset.decontamination
    if not params.enabled:
        return {}
    # All of them: what is excluded from this evaluation may be asked in another one.
    whole = [b.model_copy(update={"exclude": ()}) for b in run.params.evaluation.benchmarks]
    texts: dict[str, dict[str, str]] = {
        benchmark.name: {
            question.id: question.question for question in question_bank.load(benchmark)
        }
        for benchmark in whole
    }
    return texts | {name: _file_texts(name) for name in params.files}


def _file_texts(name: str) -> dict[str, str]:
    try:
        return dict(file_texts(ROOT / name, name))
    except UserError as error:
        raise UserError(f"dataset.decontamination.files: {error}") from None


def _look(batch: Batch, context: Context) -> list[Out | None]:
    screen, turns = context.screen, [row.turns for row in batch.rows]
    if screen is None:  # there is no text to repeat
        return [None] * len(turns)
    hits = screen.find(
        [f"{turn.system}\n\n{turn.asked}" if turn.system else turn.asked for turn in turns],
        [turn.said for turn in turns],
        batch.signatures,
    )
    # One question among several is nearly a benchmark's, while all of them together are not.
    several = [
        (number, text)
        for number, turn in enumerate(turns)
        if hits[number] is None and len(turn.user) > 1
        for text in turn.user
    ]
    for (number, _), hit in zip(several, screen.near([text for _, text in several]), strict=True):
        hits[number] = hits[number] or hit
    show = context.params.decontamination.show_text
    return [
        Out(hit.reason, hit.benchmark_id, hit.shared, shows_question=show) if hit else None
        for hit in hits
    ]


STEP = BatchStep(
    name="decontamination",
    title="Decontamination",
    removes="rows that share text with a benchmark",
    cost="overlap with a benchmark costs most",
    is_on=lambda params: params.decontamination.enabled,
    look=_look,
)
