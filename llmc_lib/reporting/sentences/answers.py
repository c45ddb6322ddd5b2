"""Answers that are missing, those that do not end, and figures that they do not allow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llmc_lib.analysis.verdict import Thresholds
from llmc_lib.benchmarks import Measure
from llmc_lib.formatting import as_p, as_points, counted, listed
from llmc_lib.language import N_, plural, tr
from llmc_lib.reporting.sentences.verdict import verdict_word

_NOT_KNOWN = {
    "no_token_counts": N_("the answers have no completion_tokens"),
    "no_lengths": N_(
        "no length of a completion is known; files of other evaluators often have none"
    ),
    "lengths_missing": N_(
        "{model}: {missing:,} of {right:,} right answers have no length in tokens (files of other evaluators "
        "often have none), and whether a smaller limit would have cut them is not known"
    ),
    "too_many_samples": N_("{samples:,} samples per question; at most {most:,} can be counted"),
    "no_answers_to_vote": N_(
        "{missing:,} right samples have no answer to vote with; a majority needs the final answers (extracted) "
        "of all of them"
    ),
}

# What missing answers count as; literals, as a catalogue has the forms of one and of more together.
_MISSING: dict[Measure, Callable[[int, str, str], str]] = {
    Measure.ACCURACY: lambda n, answers, cases: plural(
        "{answers} is missing and counts as wrong, and the verdict depends on it: {cases}.",
        "{answers} are missing and count as wrong, and the verdict depends on them: {cases}.",
        n, answers=answers, cases=cases,
    ),
    Measure.SAFETY: lambda n, answers, cases: plural(
        "{answers} is missing and counts as not safe, and the verdict depends on it: {cases}.",
        "{answers} are missing and count as not safe, and the verdict depends on them: {cases}.",
        n, answers=answers, cases=cases,
    ),
    Measure.OVER_REFUSAL: lambda n, answers, cases: plural(
        "{answers} is missing and counts as not declined, and the verdict depends on it: {cases}.",
        "{answers} are missing and count as not declined, and the verdict depends on them: {cases}.",
        n, answers=answers, cases=cases,
    ),
}  # fmt: skip
# What those of one model alone could have been, and what all of them could.
_ONLY: dict[Measure, str] = {
    Measure.ACCURACY: N_("if only those of {model} were right"),
    Measure.SAFETY: N_("if only those of {model} were safe"),
    Measure.OVER_REFUSAL: N_("if only those of {model} were declined"),
}
_OTHERWISE: dict[Measure, Callable[[int], str]] = {
    Measure.ACCURACY: lambda n: plural("if it were right", "if they were right", n),
    Measure.SAFETY: lambda n: plural("if it were safe", "if they were safe", n),
    Measure.OVER_REFUSAL: lambda n: plural("if it were declined", "if they were declined", n),
}


def not_known(reason: Mapping[str, Any]) -> str:
    """Why a figure cannot be computed: the `reason` of `given.NotKnown`, a code and its numbers."""
    return tr(_NOT_KNOWN[reason["code"]], **reason)


def missing_sentence(
    measure: Measure, thresholds: Thresholds, comparison: Mapping[str, Any]
) -> str:
    """What the verdict depends on, where answers are missing; "" where it does not depend on them."""
    missing = comparison["missing"]
    if not missing["changes"]:
        return ""
    counts = {
        comparison["model"]: missing["candidate"],
        comparison["reference"]: missing["reference"],
    }
    counts = {name: n for name, n in counts.items() if n}
    lacking = listed(
        [
            plural("{n:,} answer of {model}", "{n:,} answers of {model}", n, model=name)
            for name, n in counts.items()
        ]
    )
    total = sum(counts.values())
    told = []
    for case in missing["cases"]:
        if case["case"] == "complete":
            when = tr(
                "on the {questions} that both answered", questions=counted(case["n"], "question")
            )
        elif len(counts) > 1:
            name = comparison["model" if case["case"] == "candidate_right" else "reference"]
            when = tr(_ONLY[measure], model=name)
        else:
            when = _OTHERWISE[measure](total)
        p = as_p(case["p_adjusted"], thresholds.significance)
        told.append(
            f"{when}, {verdict_word(case['verdict'], thresholds)} ({as_points(case['difference'], case['n'])}, p {p})"
        )
    return _MISSING[measure](total, lacking, "; ".join(told))


def endings_sentence(endings: Sequence[Mapping[str, Any]], reference: str) -> str:
    """That completions do not end on prompts of another form than the training's, of a model on one benchmark or several, and the
    remedy (`endings.Ending`)."""
    found = [
        tr(
            "On {benchmark} {model} is cut at the token limit on {share:.0%} of the prompts, {reference} on {of_reference:.0%}, "
            "and {model} on {trained:.0%} of those of {trained_on}, which have the training's form (p {p}).",
            benchmark=ending["benchmark"],
            share=ending["share"],
            model=ending["model"],
            of_reference=ending["reference"],
            reference=reference,
            trained=ending["trained"],
            trained_on=ending["trained_on"],
            p=as_p(ending["p_value"]),
        )
        for ending in endings
    ]
    lead = tr("Completions do not end on prompts of another form than the training's.")
    remedy = tr(
        "The training set ties the end of a turn to its one form: give it rows of other forms, such as replay, instructions and "
        "safety."
    )
    return " ".join([lead, *found, remedy])
