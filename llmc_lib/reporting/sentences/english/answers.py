"""Answers that are missing, those that do not end, and figures that they do not allow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmc_lib.analysis.verdict import Thresholds
from llmc_lib.benchmarks import Measure
from llmc_lib.formatting import are, as_p, as_points, counted, listed
from llmc_lib.reporting.sentences.english.verdict import verdict_word

_NOT_KNOWN = {
    "no_token_counts": "the answers have no completion_tokens",
    "no_lengths": "no length of a completion is known; files of other evaluators often have none",
    "lengths_missing": "{model}: {missing:,} of {right:,} right answers have no length in tokens (files of other "
    "evaluators often have none), and whether a smaller limit would have cut them cannot be told",
    "too_many_samples": "{samples:,} samples a question; at most {most:,} can be counted",
    "no_answers_to_vote": "{missing:,} right samples have no answer to vote with; a majority needs the final answers "
    "(extracted) of all of them",
}

#: What a missing answer counts as, and what it could have been.
_COUNTED = {
    Measure.ACCURACY: ("wrong", "right"),
    Measure.SAFETY: ("not safe", "safe"),
    Measure.OVER_REFUSAL: ("not declined", "declined"),
}


def not_known(reason: Mapping[str, Any]) -> str:
    """Why a figure cannot be computed: the `reason` of `given.NotKnown`, a code and its numbers."""
    return _NOT_KNOWN[reason["code"]].format(**reason)


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
    lacking = listed([f"{counted(n, 'answer')} of {name}" for name, n in counts.items()])
    total = sum(counts.values())
    one = total == 1
    counted_as, other = _COUNTED[measure]
    told = []
    for case in missing["cases"]:
        if case["case"] == "complete":
            when = f"on the {counted(case['n'], 'question')} that both answered"
        elif len(counts) > 1:
            name = comparison["model" if case["case"] == "candidate_right" else "reference"]
            when = f"if only those of {name} were {other}"
        else:
            when = f"if it were {other}" if one else f"if they were {other}"
        p = as_p(case["p_adjusted"], thresholds.significance)
        told.append(
            f"{when}, {verdict_word(case['verdict'], thresholds)} ({as_points(case['difference'], case['n'])}, p {p})"
        )
    return (
        f"{lacking} {are(total)} missing and {'counts' if one else 'count'} as {counted_as}, and the verdict "
        f"depends on {'it' if one else 'them'}: {'; '.join(told)}."
    )


def ending_sentence(ending: Mapping[str, Any], reference: str) -> str:
    """That prompts of another form than the training's do not end, and the remedy (`endings.Ending`)."""
    return (
        f"Prompts of another form than the training's do not end. On {ending['benchmark']} {ending['share']:.0%} of "
        f"{ending['model']}'s completions are cut at the token limit, {ending['reference']:.0%} of {reference}'s, and "
        f"{ending['trained']:.0%} of its own on {ending['trained_on']}, whose prompts are put as in the training (p "
        f"{as_p(ending['p_value'])}). The training set ties the end of a turn to its one form: give it rows of other "
        "forms, such as replay, instructions and safety."
    )
