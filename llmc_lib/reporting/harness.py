"""How the answers of a report were made, as recorded with each, and those of its variants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from llmc_lib.evaluation.results import Results
from llmc_lib.evaluation.variant_answers import (
    UNRECORDED,
    Answered,
    Counts,
    differing,
    harness_counts,
    variant_answers,
)
from llmc_lib.store import Run


class Harness:
    """The harnesses of the answers of a run, and the answers of its variants."""

    def __init__(self, run: Run, results: Results) -> None:
        self._results = results
        imported = bool(run.params.evaluation.imports)
        self._counts = {} if imported else harness_counts(run, results.answers)
        self._variants: list[Answered] = [] if imported else variant_answers(run, results)

    @property
    def repeats(self) -> dict[str, pd.DataFrame]:
        """Name of a repeat → the answers of the second time."""
        return {each.of.place: each.answers for each in self._variants if each.of.kind == "repeat"}

    @property
    def prompts(self) -> dict[str, pd.DataFrame]:
        """Further prompt → the answers of all models under it."""
        prompts = [each for each in self._variants if each.of.kind == "prompt"]
        return {each.of.params.evaluation.prompt: each.answers for each in prompts}

    def with_settings(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """What `summarise` found, with the harness of each benchmark's answers and, of each repeat, what its settings change."""
        blocks = {}
        for name, block in found["benchmarks"].items():
            repeats = [
                {**each, "settings": self._changed(name, each["name"], each["model"])}
                for each in block["repeats"]
            ]
            blocks[name] = {**block, "repeats": repeats, "harness": self._block(name, block)}
        return {**found, "benchmarks": blocks}

    def _block(self, benchmark: str, block: Mapping[str, Any]) -> dict[str, Any]:
        """`harness` of a benchmark: `settings` that all recorded answers share, those that `differs` (→ model → value → answers),
        of these the `confounded`, in which the reference and the last candidate have no value in common, and how many
        answers have no record."""
        counts = {m: self._counts.get((benchmark, m), {}) for m in self._results.models}
        differs = differing(counts)
        shared = {
            key: next(iter(values))
            for found in counts.values()
            for key, values in found.items()
            if key != UNRECORDED and key not in differs
        }
        last = block["comparisons"][-1] if block["comparisons"] else None
        return {
            "settings": shared,
            "differs": differs,
            "confounded": _apart(differs, [last["reference"], last["model"]]) if last else [],
            "unrecorded": {
                model: sum(found[UNRECORDED].values())
                for model, found in counts.items()
                if UNRECORDED in found
            },
        }

    def _changed(self, benchmark: str, place: str, model: str) -> dict[str, list[dict[str, int]]]:
        again = next(each for each in self._variants if each.of.place == place)
        key = benchmark, model
        both: dict[str, Counts] = {
            "first": self._counts.get(key, {}),
            "again": again.harness.get(key, {}),
        }
        changed = differing(both)
        return {
            setting: [values.get(name, {}) for name in both] for setting, values in changed.items()
        }


def _apart(
    differs: Mapping[str, Mapping[str, Mapping[str, int]]], models: Sequence[str]
) -> list[str]:
    """The settings of which two models, both with records, have no value in common."""
    return [
        key
        for key, of in differs.items()
        if all(model in of for model in models) and not set(of[models[0]]) & set(of[models[1]])
    ]
