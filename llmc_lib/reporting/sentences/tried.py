"""What a verdict is worth among all evaluations against one base."""

from __future__ import annotations

from llmc_lib.formatting import as_p, counted
from llmc_lib.language import N_, tr
from llmc_lib.records import Word
from llmc_lib.reporting.sentences.verdict import WORDS

#: Verdicts where what matters to a run is not said.
TRIED_WORDS: dict[Word, str] = WORDS | {"equal": N_("equal"), "unclear": N_("not clear")}


def tried_note() -> str:
    """How evaluations are counted, above their tables."""
    return tr(
        "The verdict of a run does not account for other runs. Of twenty candidates that are no better than their base, "
        "each in a run of its own, at least one is called better in about 40% of the cases. So the evaluations of a "
        "benchmark against one base are counted here, from the ledgers of the runs, and tested at decreasing levels: the "
        "first at the significance α, the k-th at α / (k · (k − 1)), and at more after one in which all candidates are "
        "better, or all worse (online fallback procedure). The probability of any false better is then at most α, however many runs follow, "
        "and no later run revokes a verdict. Holm's p-value, adjusted for all candidates so far, is valid if their number "
        "was fixed in advance."
    )


def tried_line(
    place: int, evaluations: int, code: Word, p: float, level: float, *, lost: bool
) -> str:
    """A run's verdict, adjusted for all evaluations against its base; "" of the only one."""
    if evaluations == 1:
        return ""
    told = {
        "place": place,
        "evaluations": counted(evaluations, "evaluation"),
        "verdict": tr(TRIED_WORDS[code]),
    }
    if not lost:
        return tr("Number {place} of {evaluations} against this base: {verdict}", **told)
    return tr(
        "Number {place} of {evaluations} against this base: {verdict} (p {p}, needs p < {level})",
        p=as_p(p, level),
        level=f"{level:.2g}",
        **told,
    )


def tried_family(benchmark: str, base: str, evaluations: int, candidates: int) -> str:
    """The head of a family."""
    return tr(
        "{benchmark}, against {base}: {evaluations}, {candidates}",
        benchmark=benchmark,
        base=base,
        evaluations=counted(evaluations, "evaluation"),
        candidates=counted(candidates, "candidate"),
    )
