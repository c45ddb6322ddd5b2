"""All runs of a folder as a table for a spreadsheet: `runs.csv` beside the list of all reports.

A row a run, benchmark and model, the newest run first, references before candidates. Scores, their ends and differences
are in percent and percentage points; an empty cell is not known or not so. Column names are English and stay as they are,
as programs read them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from llmc_lib.benchmarks import Measure
from llmc_lib.reporting.entries import Benchmark, Comparison, Entry, Metrics

#: What a benchmark's rate is called in metrics.json, and what its categories are.
_RATES = {
    Measure.ACCURACY: ("accuracy", "categories"),
    Measure.SAFETY: ("safe_rate", "risk_areas"),
    Measure.OVER_REFUSAL: ("over_refusal_rate", "risk_areas"),
}
#: Settings of a training and of an evaluation that people keep, by their keys in a params file.
_TRAINING = (
    "method", "learning_rate", "lr_scheduler", "epochs", "batch_size", "max_length", "lora.rank", "lora.alpha", "deepspeed",
)  # fmt: skip
_EVALUATION = (
    "prompt",
    "samples",
    "temperature",
    "top_p",
    "max_tokens",
    "judge.served_as",
    "judge.model.source",
)
#: What a spreadsheet takes for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_Row = dict[str, Any]


def sheet(entries: Iterable[Entry]) -> str:
    """The table as CSV; runs whose numbers cannot be read are left out."""
    rows = [row for entry in entries if entry.metrics for row in _rows(entry, entry.metrics)]
    columns = dict.fromkeys(key for row in rows for key in row if not key.startswith("category:"))
    columns |= dict.fromkeys(key for row in rows for key in row)  # categories come last
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
    return text.getvalue()


def _rows(entry: Entry, metrics: Metrics) -> Iterable[_Row]:
    for name, benchmark in metrics.benchmarks.items():
        comparisons = {comparison.model: comparison for comparison in benchmark.comparisons}
        for model, figures in benchmark.models.items():
            yield {
                "run": entry.name,
                "date": f"{entry.date:%Y-%m-%d %H:%M}",
                "benchmark": name,
                "main": name == metrics.main,
                "measure": str(benchmark.measures),
                "model": model,
                "label": metrics.label(model),
                **_made(metrics, model),
                **_scores(benchmark, figures if isinstance(figures, dict) else {}),
                **_against(comparisons.get(model)),
                **_settings(entry, metrics, model),
                **_cost(metrics, model),
                **_categories(benchmark, figures if isinstance(figures, dict) else {}),
            }


def _scores(benchmark: Benchmark, figures: Mapping[str, Any]) -> _Row:
    rate, _ = _RATES[benchmark.measures]
    low, high = _pair(figures.get("ci95"))
    counts = {
        key: figures.get(f"n_{key}") for key in ("truncated", "failed", "missing", "ungraded")
    }
    return {
        "score_percent": _percent(figures.get(rate)),
        "low_percent": low,
        "high_percent": high,
        "questions": benchmark.n_questions,
        "samples": figures.get("n_samples", benchmark.n_samples),
        **counts,
    }


def _against(comparison: Comparison | None) -> _Row:
    """The comparison with the run's reference; none of the reference itself."""
    if comparison is None:
        return dict.fromkeys(
            ("reference", "difference", "difference_low", "difference_high", "verdict")
        )
    return {
        "reference": comparison.reference,
        "difference": _percent(comparison.difference),
        "difference_low": _percent(comparison.interval.low),
        "difference_high": _percent(comparison.interval.high),
        "verdict": comparison.verdict,
    }


def _categories(benchmark: Benchmark, figures: Mapping[str, Any]) -> _Row:
    rate, groups = _RATES[benchmark.measures]
    row: _Row = {}
    found = figures.get(groups)
    for category, part in (found if isinstance(found, dict) else {}).items():
        if isinstance(part, dict):
            low, high = _pair(part.get("ci95"))
            name = f"category:{category}"
            row |= {
                name: _percent(part.get(rate)),
                f"{name}:low": low,
                f"{name}:high": high,
                f"{name}:n": part.get("n"),
            }
    return row


# ---- how it was made ---------------------------------------------------------------------------


def _trained(metrics: Metrics, model: str) -> tuple[str, Mapping[str, Any], Mapping[str, Any]]:
    """The candidate that a model is a checkpoint of, its training's facts, and those of the checkpoint."""
    candidates = _group(metrics.provenance.training, "candidates")
    for name, facts in candidates.items():
        for exported in _list(facts, "models"):
            if isinstance(exported, dict) and exported.get("name") == model:
                return str(name), facts, exported
    return "", {}, {}


def _made(metrics: Metrics, model: str) -> _Row:
    candidate, facts, exported = _trained(metrics, model)
    step, steps = exported.get("step"), exported.get("of")
    return {
        "candidate": candidate,
        "step": step,
        "steps": steps,
        "training_rows": facts.get("rows"),
    }


def _settings(entry: Entry, metrics: Metrics, model: str) -> _Row:
    """What the run's params file sets, with what the model's candidate changes of it."""
    candidate, facts, _ = _trained(metrics, model)
    training = dict(_group(entry.params, "training"))
    for given in _list(entry.params, "candidates"):
        if isinstance(given, dict) and given.get("name") == candidate:
            training |= _group(given, "training")
    evaluation = _group(entry.params, "evaluation")
    source = _group(entry.params, "model")
    base = "@".join(str(source[key]) for key in ("source", "revision") if source.get(key))
    trained = {f"training.{key}": _at(training, key) if facts else None for key in _TRAINING}
    return {
        "base": base,
        "seed": entry.params.get("seed"),
        **trained,
        **{f"evaluation.{key}": _at(evaluation, key) for key in _EVALUATION},
    }


def _cost(metrics: Metrics, model: str) -> _Row:
    """Times and tokens as measured; a process is a GPU, where there are GPUs. The evaluation's is that of all models."""
    _, facts, _ = _trained(metrics, model)
    seconds, processes = facts.get("train_seconds"), facts.get("processes")
    hours = None
    if isinstance(seconds, int | float) and isinstance(processes, int | float):
        hours = round(seconds * processes / 3600, 3)
    evaluated = metrics.provenance.evaluation.seconds
    return {
        "training_device": facts.get("device"),
        "training_process_hours": hours,
        "training_tokens": facts.get("tokens"),
        "evaluation_hours": None if evaluated is None else round(evaluated / 3600, 3),
    }


# ---- what files may hold -----------------------------------------------------------------------


def _group(values: Any, key: str) -> Mapping[str, Any]:
    found = values.get(key) if isinstance(values, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _list(values: Any, key: str) -> list[Any]:
    found = values.get(key) if isinstance(values, Mapping) else None
    return found if isinstance(found, list) else []


def _at(values: Any, keys: str) -> Any:
    """The setting at a key such as "lora.rank"; None where a group on the way is none."""
    for key in keys.split("."):
        values = values.get(key) if isinstance(values, Mapping) else None
    return values


def _percent(value: Any) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    return round(100 * value, 3) if usable else None


def _pair(value: Any) -> tuple[float | None, float | None]:
    low, high = value if isinstance(value, list) and len(value) == 2 else (None, None)
    return _percent(low), _percent(high)


def _cell(value: Any) -> Any:
    """A cell that no spreadsheet runs: a text that looks like a formula gets an apostrophe in front."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return value
    text = " ".join(str(value).split())
    return f"'{text}" if text.startswith(_FORMULA) else text
