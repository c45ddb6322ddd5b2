"""Read the answers of an evaluation's variants: repeats under another engine, and other prompts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from llmc_lib.engines.harness import OWN, read_harnesses
from llmc_lib.evaluation.results import Results, samples_of
from llmc_lib.evaluation.stored import Stored, Texts, judged_file, predictions_file
from llmc_lib.evaluation.variants import Variant, variants
from llmc_lib.store import Run

#: Of the answers of a model to a benchmark: key of the harness → its values, as text → so many answers.
Counts = dict[str, dict[str, int]]
#: Of answers without a record, under this key.
UNRECORDED = ""


@dataclass(frozen=True)
class Answered:
    """Answers of a variant, of whole benchmarks: `answers` has the columns of `Results.answers`."""

    of: Variant
    answers: pd.DataFrame
    harness: dict[tuple[str, str], Counts]  # (benchmark, model) → of these answers


def variant_answers(run: Run, results: Results) -> list[Answered]:
    """The answers of the variants of a run, to the questions of its `results`. A benchmark of which an answer is not there yet,
    or of a model that is not compared any more, is left out."""
    found = []
    for other in variants(run):
        models = [m for m in results.models if other.kind == "prompt" or m == other.model]
        asked = other.asked(
            {name: list(items.values()) for name, items in results.questions.items()}
        )
        parts = [
            rows
            for name in asked
            if models and len(rows := _rows(other, results, name, models)) and not _lacks(rows)
        ]
        if parts:
            rows = pd.concat(parts, ignore_index=True)
            found.append(Answered(other, rows, harness_counts(other, rows)))
    return found


def _rows(other: Variant, results: Results, benchmark: str, models: list[str]) -> pd.DataFrame:
    judged = results.graders[benchmark] == "judge"
    partial = results.partial is not None
    rows: list[dict[str, Any]] = []
    for model in models:
        decides = judged and judged_file(other, benchmark, model).exists()
        if judged != decides or not predictions_file(other, benchmark, model).is_file():
            return pd.DataFrame()  # not comparable, or not begun
        stored = Stored(other, benchmark, model, decides, partial)
        samples = samples_of(results.manifest, benchmark, model)
        rows += stored.rows(results.questions[benchmark], samples, Texts())
    return pd.DataFrame(rows)


def _lacks(rows: pd.DataFrame) -> bool:
    return bool((rows["status"] == "missing").any())


def harness_counts(run: Run, answers: pd.DataFrame) -> dict[tuple[str, str], Counts]:
    """(benchmark, model) → how many of its answers have which value of each key of the harness (`engines.harness`)."""
    found = {}
    given = answers[answers["status"] != "missing"]
    for (benchmark, model), rows in given.groupby(["benchmark", "model"], sort=False):
        records = read_harnesses(predictions_file(run, str(benchmark), str(model)))
        counts: Counts = {}
        for name, n in rows["harness"].value_counts(sort=False).items():
            record = records.get(str(name)) or {UNRECORDED: ""}
            for key, value in record.items():
                values = counts.setdefault(key, {})
                values[str(value)] = values.get(str(value), 0) + int(n)
        found[str(benchmark), str(model)] = counts
    return found


def differing(counts: dict[str, Counts]) -> dict[str, dict[str, dict[str, int]]]:
    """Of several models (or of one, twice): key → model → value → answers, for each key that has more than one value among
    the answers with a record. What is a model's own is compared within it alone."""
    keys = dict.fromkeys(key for found in counts.values() for key in found if key != UNRECORDED)
    differ = {}
    for key in keys:
        of = {
            model: found.get(key, {})
            for model, found in counts.items()
            if found.keys() - {UNRECORDED}
        }
        together = {value for values in of.values() for value in values}
        within = any(len(values) > 1 for values in of.values())
        lacking = any(not values for values in of.values())
        if within or (key not in OWN and (len(together) > 1 or lacking)):
            differ[key] = of
    return differ
