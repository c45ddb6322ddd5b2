"""The figures of every candidate beside the reference, of the design, and of the choice among candidates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmc_lib.analysis import outlook
from llmc_lib.analysis.comparison import PairedComparison, adjust, paired_comparison
from llmc_lib.analysis.design import needed, power_curve
from llmc_lib.analysis.optimism import selection_noise
from llmc_lib.analysis.permutation import permutation_test
from llmc_lib.analysis.rerun import rerun
from llmc_lib.analysis.selection import select
from llmc_lib.analysis.summary import answered
from llmc_lib.analysis.summary.table import Table, groups_key, plain, rate_key, records
from llmc_lib.analysis.variance import difference_variance_parts
from llmc_lib.analysis.verdict import ALPHA, Thresholds, verdict
from llmc_lib.kinds import measure

_WORDS: dict[str, dict[str, Any]] = {
    "accuracy": {"noun": "questions", "verb": "answers"},
    "safe_rate": {"noun": "instructions", "verb": "is safe on", "group": "risk area"},
    "over_refusal_rate": {"noun": "harmless instructions", "verb": "declines"},
}
# Where a low rate is the good one.
_TURNED = {"better": "worse", "worse": "better"}
# Samples of a question in the table of designs.
_SAMPLES = (1, 2, 4, 8, 16)


def blocks(table: Table, thresholds: Thresholds) -> list[dict[str, Any]]:
    """A block a candidate."""
    right, reference = table.outcomes.correct, table.outcomes.reference
    candidates = table.outcomes.candidates
    low_is_good = measure(table.kind) == "over_refusal"
    overall = {c: _paired(table, c, slice(None)) for c in candidates}
    # One adjustment for all candidates: the more are tried, the likelier that one shines by luck.
    adjusted = adjust([comparison.p_value for comparison in overall.values()])
    found = []
    for (model, comparison), p_adjusted in zip(overall.items(), adjusted, strict=True):
        base = right[reference]
        groups = _groups(table, model, thresholds)
        again = rerun(right[model], base, alpha=ALPHA)
        parts = difference_variance_parts(right[model], base)
        n, samples = comparison.n, table.outcomes.n_samples
        need = outlook.needed_sentence(comparison.difference, n, samples, parts, thresholds)
        words = verdict(
            comparison,
            (float(right[model].mean()), float(base.mean())),
            (model, reference),
            p_adjusted=p_adjusted,
            thresholds=thresholds,
            compared=len(candidates),
            clear_in=None if low_is_good else _clear_in(groups, comparison.difference),
            outlook=" ".join(filter(None, [outlook.sign_sentence(again), need])),
            **_WORDS[rate_key(table.kind)],
        )
        found.append(
            {
                "model": model,
                "reference": reference,
                **_comparison(comparison),
                "p_adjusted": p_adjusted,
                "test": comparison.test,
                "significant": p_adjusted < thresholds.significance,
                "verdict": _TURNED.get(words.word, words.word) if low_is_good else words.word,
                "sentence": words.sentence,
                "detectable_difference": words.detectable,
                "standard_error": plain(comparison.standard_error),
                "correlation": comparison.correlation,
                "variance_reduction": comparison.variance_reduction,
                "unpaired": {
                    "standard_error": plain(comparison.unpaired.standard_error),
                    "ci95": [comparison.unpaired.low, comparison.unpaired.high],
                    "p_value": comparison.unpaired.p_value,
                },
                "p_permutation": permutation_test(right[model], base, table.outcomes.cluster),
                "variance": {
                    "total": parts.total,
                    "within": parts.within,
                    "between": parts.between,
                },
                "rerun": {
                    "low": again.low,
                    "high": again.high,
                    "sign_flip": again.sign_flip,
                    "basis": again.basis,
                    "sentence": outlook.rerun_sentence(again, n, samples),
                },
                "needed": need or None,
                groups_key(table.kind): groups,
            }
        )
        if measure(table.kind) == "accuracy":
            found[-1]["answered"] = answered.paired(table, model)
    return found


def _groups(table: Table, model: str, thresholds: Thresholds) -> dict[str, dict[str, Any]]:
    """The comparison in each category, adjusted for their number."""
    parts = {name: _paired(table, model, at) for name, at in table.groups.items()}
    adjusted = adjust([part.p_value for part in parts.values()], thresholds.correction)
    return {
        name: {
            **_comparison(part),
            "p_adjusted": p,
            "significant": p < thresholds.significance,
        }
        for (name, part), p in zip(parts.items(), adjusted, strict=True)
    }


def _clear_in(groups: dict[str, dict[str, Any]], difference: float) -> list[str] | None:
    """The categories that agree with the whole by themselves; None where there is but one."""
    if len(groups) < 2:
        return None
    return [
        name
        for name, part in groups.items()
        if part["significant"] and part["difference"] * difference > 0
    ]


def _paired(table: Table, model: str, at: Any) -> PairedComparison:
    right, clusters = table.outcomes.correct, table.outcomes.cluster
    return paired_comparison(
        right[model][at],
        right[table.outcomes.reference][at],
        ALPHA,
        None if clusters is None else clusters[at],
    )


def _comparison(comparison: PairedComparison) -> dict[str, Any]:
    return {
        "difference": comparison.difference,
        "ci95": [comparison.low, comparison.high],
        "p_value": comparison.p_value,
        "gained": comparison.gained,
        "lost": comparison.lost,
        "n": comparison.n,
    }


def power_block(table: Table, thresholds: Thresholds) -> dict[str, Any] | None:
    """What this design finds for the last candidate, and what others would; None without a candidate."""
    outcomes = table.outcomes
    if not outcomes.candidates:
        return None
    model, n, k = outcomes.candidates[-1], outcomes.n_questions, outcomes.n_samples
    parts = difference_variance_parts(outcomes.correct[model], outcomes.correct[outcomes.reference])
    alpha, target = thresholds.significance, thresholds.power
    designs = [
        {"difference": size, **row}
        for size in sorted({thresholds.smallest_interesting, 0.01, 0.02, 0.05})
        for row in records(
            needed(
                size,
                parts,
                _SAMPLES if parts.within is not None else (1,),
                available=n,
                alpha=alpha,
                target=target,
            )
        )
    ]
    return {
        "model": model,
        "n_questions": n,
        "n_samples": k,
        "variance_known": parts.within is not None,
        "curve": records(power_curve(n, parts, k, alpha=alpha)),
        "designs": designs,
    }


def selection_block(
    table: Table, block: dict[str, Any], better_in: Sequence[str] | None, seed: int
) -> dict[str, Any] | None:
    """The rule as given, and what choosing hides; None without a rule or with one candidate and no rule.

    Without a rule, of two candidates and more the best overall is looked at, as a reader will.
    """
    outcomes = table.outcomes
    if not outcomes.candidates or (better_in is None and len(outcomes.candidates) < 2):
        return None
    found = select(block, better_in or ()) if better_in is not None else None
    values: dict[str, Any] = {"rule": found}
    if outcomes.n_questions >= 2:
        noise = selection_noise(outcomes, tuple(better_in or ()), alpha=ALPHA, seed=seed)
        values |= {
            name: plain(value)
            for name, value in vars(noise).items()
            if name not in ("candidates", "better_in")
        }
        values["candidates"] = records(noise.candidates)
    return values
