"""What a verdict is worth among all evaluations under one base."""

from __future__ import annotations

from llmc_lib.analysis.verdict import Word
from llmc_lib.formatting import as_p, counted

#: Verdicts where what matters to a run is not said.
TRIED_WORDS: dict[Word, str] = {
    "better": "better",
    "better_small": "better, by less than matters",
    "worse": "worse",
    "worse_small": "worse, by less than matters",
    "equal": "equal",
    "unclear": "not clear",
}
#: Of a family, above its table.
TRIED_HEAD = "Every evaluation, counted"
TRIED_NOTE = (
    "A verdict of a run knows nothing of the other runs. Of twenty candidates that are no better than their base, each "
    "in a run of its own, some is called better in about 40% of the cases. So each evaluation of a benchmark under one "
    "base is counted here, from the ledgers of the runs, and its p-value is held against a smaller and smaller level: "
    "the first against the significance α, the k-th against α / (k · (k − 1)), and against more after one in which all "
    "candidates differ (online fallback procedure). The chance of any false better is then at most α, however many runs follow, "
    "and no later run takes a verdict back. Holm's p-value, adjusted for all candidates so far, is right where their "
    "number was fixed in advance."
)


def tried_line(
    place: int, evaluations: int, code: Word, p: float, level: float, *, lost: bool
) -> str:
    """Of a run's verdict: what is left of it among all evaluations under its base; "" of the only one."""
    if evaluations == 1:
        return ""
    needs = f" (p {as_p(p, level)}, needs p < {level:.2g})" if lost else ""
    return (
        f"Number {place} of {counted(evaluations, 'evaluation')} under this base: "
        f"{TRIED_WORDS[code]}{needs}"
    )


def tried_family(benchmark: str, base: str, evaluations: int, candidates: int) -> str:
    """The head of a family."""
    return f"{benchmark}, against {base}: {counted(evaluations, 'evaluation')}, {counted(candidates, 'candidate')}"
