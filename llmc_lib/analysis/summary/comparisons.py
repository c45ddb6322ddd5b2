"""The figures of every candidate beside the reference, of the design, and of the choice among candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llmc_lib.analysis.comparison import PairedComparison, adjust
from llmc_lib.analysis.design import detectable, needed, power_curve
from llmc_lib.analysis.intervals import standard_error
from llmc_lib.analysis.optimism import selection_noise
from llmc_lib.analysis.permutation import permutation_test
from llmc_lib.analysis.selection import select
from llmc_lib.analysis.sequential import FamilyAtLook
from llmc_lib.analysis.simultaneous import Family
from llmc_lib.analysis.summary import again, answered, keys, missing, nearest
from llmc_lib.analysis.summary import prompts as under
from llmc_lib.analysis.summary.repeats import Repeats, without_verdict
from llmc_lib.analysis.summary.table import Table, ends, groups_key, plain, records
from llmc_lib.analysis.variance import VarianceParts, difference_variance_parts
from llmc_lib.analysis.verdict import ALPHA, Thresholds, verdict
from llmc_lib.benchmarks import measure

# Samples of a question in the table of designs.
_SAMPLES = (1, 2, 4, 8, 16)


def blocks(
    table: Table,
    thresholds: Thresholds,
    of_all: Family,
    better_in: Sequence[str] | None = None,
    near: Mapping[str, Mapping[str, nearest.Near]] | None = None,
    seed: int = 0,
    *,
    repeats: Repeats,
    prompts: Mapping[str, Table],
) -> list[dict[str, Any]]:
    """A block a candidate. `near`: of each candidate and question the nearest row of what the candidate was trained on; `seed` of
    its permutations; `repeats` of the benchmark: where one is clear no verdict is given; `prompts` as `prompts.tables_of` has
    them."""
    candidates = table.outcomes.candidates
    choice = again.Choice.of(table, of_all.covariance, better_in)
    alone = {c: table.paired(c) for c in candidates}
    found = [
        _block(table, thresholds, comparison, model, of_all, choice, repeats)
        | {
            "p_holm": _holm(table, alone, model),
            "prompts": under.block(prompts, model, thresholds, of_all, blocked=repeats.blocks),
        }
        for model, comparison in alone.items()
    ]
    if measure(table.kind) == "accuracy":
        of_keys = keys.Keys(table)
        for each in found:
            each["keys"] = keys.block(of_keys, each, thresholds, of_all)
            rows = (near or {}).get(each["model"])
            each["nearest"] = rows and nearest.block(table, each, thresholds, of_all, rows, seed)
    return [_blocked(each, groups_key(table.kind)) for each in found] if repeats.blocks else found


def _blocked(comparison: dict[str, Any], groups: str) -> dict[str, Any]:
    """A comparison on which no verdict is given: its numbers stay, and nothing is called clear by them."""
    parts = {name: {**part, "significant": False} for name, part in comparison[groups].items()}
    found = {**without_verdict(comparison), "missing": None, groups: parts}
    if of_keys := comparison.get("keys"):
        rest = {"original": None, "uncertain": None, "fewest": None}
        found["keys"] = {"parts": [without_verdict(each) for each in of_keys["parts"]], **rest}
    if "nearest" in comparison:
        found["nearest"] = None
    return found


def _holm(table: Table, alone: Mapping[str, PairedComparison], model: str) -> float:
    """A candidate's p-value by Holm's method, among one candidate a recipe."""
    names = table.units_with(model).candidates
    return adjust([alone[name].p_value for name in names])[names.index(model)]


def _block(
    table: Table,
    thresholds: Thresholds,
    alone: PairedComparison,
    model: str,
    of_all: Family,
    choice: again.Choice,
    repeats: Repeats,
) -> dict[str, Any]:
    right, reference = table.outcomes.correct, table.outcomes.reference
    base = right[reference]
    decides = alone if of_all.level == ALPHA else table.paired(model, of_all.level)
    p_adjusted = of_all.adjust(alone.p_value)
    groups = _groups(table, model, thresholds, of_all)
    parts = difference_variance_parts(right[model], base, table.outcomes.cluster)
    clear = p_adjusted < thresholds.significance
    is_accuracy = measure(table.kind) == "accuracy"
    at_end = of_all.level_at_end
    more = again.blocks(table, model, thresholds, choice, repeats, clear=clear, level=at_end)
    word = verdict(decides, thresholds, p_adjusted, low_is_good=table.low_is_good)
    lacking = missing.block(table, model, thresholds, word, of_all.adjust, level=of_all.level)
    if word == "equal" and lacking and lacking["changes"]:
        word = "unclear"  # that a difference is small must be shown by answers that are there
    looks = isinstance(of_all, FamilyAtLook) and not of_all.look.alone
    return {
        "model": model,
        "reference": reference,
        **_comparison(alone),
        "p_adjusted": p_adjusted,
        "test": alone.test,
        "significant": clear,
        "verdict": word,
        "interval": {
            **ends(decides),
            "level": of_all.level,
            "candidates": of_all.candidates,
            **({"looks": True} if looks else {}),
        },
        "detectable_difference": detectable(
            alone.n, *as_run(table, model, parts), of_all.level, thresholds.power
        ),
        "standard_error": plain(alone.standard_error),
        "correlation": alone.correlation,
        "variance_reduction": alone.variance_reduction,
        "unpaired": _unpaired(alone),
        "p_permutation": plain(permutation_test(right[model], base, table.outcomes.cluster)),
        "variance": {
            "total": parts.total,
            "within": parts.within,
            "between": parts.between,
        },
        **more,
        "missing": lacking,
        **({"answered": answered.paired(table, model)} if is_accuracy else {}),
        groups_key(table.kind): groups,
    }


def _unpaired(comparison: PairedComparison) -> dict[str, Any]:
    found = comparison.unpaired
    return {
        "standard_error": plain(found.standard_error),
        "ci95": [found.low, found.high],
        "p_value": found.p_value,
    }


def _groups(
    table: Table, model: str, thresholds: Thresholds, of_all: Family
) -> dict[str, dict[str, Any]]:
    """The comparison in each category, adjusted for all candidates, as the whole is, and then for the number of
    categories; `interval` holds for all candidates, in this category alone."""
    parts = {name: table.paired(model, at=at) for name, at in table.groups.items()}
    shown = parts
    if of_all.level != ALPHA:
        shown = {name: table.paired(model, of_all.level, at) for name, at in table.groups.items()}
    of_one = [of_all.adjust(part.p_value) for part in parts.values()]
    adjusted = adjust(of_one, thresholds.correction)
    return {
        name: {
            **_comparison(part),
            "interval": ends(shown[name]),
            "p_adjusted": p,
            "significant": p < thresholds.significance,
        }
        for (name, part), p in zip(parts.items(), adjusted, strict=True)
    }


def _comparison(comparison: PairedComparison) -> dict[str, Any]:
    return {
        "difference": comparison.difference,
        "ci95": [comparison.low, comparison.high],
        "p_value": comparison.p_value,
        "gained": comparison.gained,
        "lost": comparison.lost,
        "n": comparison.n,
        "narrow": comparison.narrow,
    }


def power_block(table: Table, thresholds: Thresholds, of_all: Family) -> dict[str, Any] | None:
    """What this design finds for the last candidate, and what others would; None without a candidate. At the level
    of one of all candidates: the more there are, the larger a difference must be."""
    outcomes = table.outcomes
    if not outcomes.candidates:
        return None
    model, n = outcomes.candidates[-1], outcomes.n_questions
    parts = difference_variance_parts(
        outcomes.correct[model], outcomes.correct[outcomes.reference], outcomes.cluster
    )
    alpha, target = of_all.level_at_end, thresholds.power
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
        "n_samples": outcomes.n_samples,
        "level": alpha,
        "candidates": of_all.candidates,
        "variance_known": parts.within is not None,
        "curve": records(power_curve(n, *as_run(table, model, parts), alpha=alpha)),
        "designs": designs,
    }


def as_run(table: Table, model: str, parts: VarianceParts) -> tuple[VarianceParts, int]:
    """The variance parts and samples with which power describes this design. Of unequal numbers of samples all of a mean's
    variance is taken for variance between questions, which no number of samples changes."""
    right, base = (table.outcomes.correct[name] for name in (model, table.outcomes.reference))
    if right.shape == base.shape:
        return parts, right.shape[1]
    error, groups = standard_error(right.mean(axis=1) - base.mean(axis=1), table.outcomes.cluster)
    whole = parts.cluster_size if groups == 1 else min(parts.cluster_size, len(right) * error**2)
    return VarianceParts(whole, 0.0, parts.cluster_size), max(right.shape[1], base.shape[1])


def selection_block(
    table: Table, block: dict[str, Any], better_in: Sequence[str] | None, seed: int
) -> dict[str, Any] | None:
    """The rule as given, and what choosing hides; None without a rule or with one candidate and no rule.

    Without a rule, of two candidates and more the best overall is looked at, as a reader will. Of a recipe with several trainings
    the last one is its candidate (`Table.units`).
    """
    outcomes = table.units
    if not outcomes.candidates or (better_in is None and len(outcomes.candidates) < 2):
        return None
    names = outcomes.candidates
    compared = [found for found in block["comparisons"] if found["model"] in names]
    rule = {**block, "comparisons": compared}
    found = select(rule, better_in or ()) if better_in is not None else None
    values: dict[str, Any] = {"rule": found}
    if (outcomes.n_clusters or outcomes.n_questions) >= 2:
        noise = selection_noise(outcomes, tuple(better_in or ()), alpha=ALPHA, seed=seed)
        values |= {
            name: plain(value)
            for name, value in vars(noise).items()
            if name not in ("candidates", "better_in")
        }
        values["candidates"] = records(noise.candidates)
        for row, comparison in zip(values["candidates"], compared, strict=True):
            # The one family of the verdicts, at the significance of the params.
            interval = comparison["interval"]
            row |= {"low": interval["low"], "high": interval["high"]}
            row |= {"p_adjusted": comparison["p_adjusted"]}
    return values
