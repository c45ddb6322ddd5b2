"""The reports in a folder, as far as their files can be read: what the index of all reports lists."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import BaseModel, Field, FiniteFloat, ValidationError

from llmc_lib.benchmarks import Measure, measure
from llmc_lib.language import N_, tr
from llmc_lib.records import Sign, Word
from llmc_lib.reporting.sentences import runs as words
from llmc_lib.store import ROOT, json_reader

#: The version of metrics.json. 2: verdict words from the interval; p_value is McNemar's mid-p or the sign-flip test's;
#: p_adjusted and `interval` are those of the family of all candidates.
SCHEMA_VERSION = 2
#: What a folder of a run may hold for a reader: file → its name in a link.
FILES = {
    "index.html": N_("report"),
    "report.pdf": "PDF",
    "metrics.json": "metrics.json",
    "dataset.html": N_("data set"),
    "partial.html": N_("report so far"),
}
_SAFETY: dict[Sign, str] = {
    "gain": N_("safer"),
    "loss": N_("less safe"),
    "unclear": N_("no change shown"),
    "unknown": N_("unknown"),
}


class _Interval(BaseModel):
    """The interval that a verdict rests on: fractions, and its ends as they are printed, in points."""

    low: FiniteFloat
    high: FiniteFloat
    printed: tuple[str, str]


class Comparison(BaseModel):
    """A candidate against the reference: `difference` is a fraction of the questions."""

    model: str
    reference: str
    difference: FiniteFloat
    interval: _Interval
    n: int
    verdict: Annotated[str, Field(min_length=1)]
    verdict_code: Word | None = None  # None: of a file before it was told there


class Benchmark(BaseModel):
    """The part of a benchmark's block of metrics.json that an index shows."""

    kind: str
    measure: Measure | None = None  # None: of a file before it was told there
    n_questions: int
    n_samples: int
    models: dict[str, Any]
    comparisons: Annotated[list[Comparison], Field(min_length=1)]

    @property
    def samples(self) -> str:
        """Samples of a question, in words: of models asked unequally often the least and the most."""
        given = {
            name: facts if isinstance(facts, dict) else {} for name, facts in self.models.items()
        }
        models = {
            n: {"n_samples": facts.get("n_samples", self.n_samples)} for n, facts in given.items()
        }
        return words.samples_of({"models": models})

    @property
    def measures(self) -> Measure:
        """What its rate is a rate of."""
        return self.measure or measure(self.kind)


class _Further(BaseModel):
    line: str


class _Tradeoff(BaseModel):
    word: str
    safety: Sign | None = None  # None: of a file before it was told there


class _Model(BaseModel):
    name: str
    label: str = ""


class _Evaluation(BaseModel):
    finished: str = ""
    seconds: FiniteFloat | None = None
    models: list[_Model] = []


class _Provenance(BaseModel):
    params: dict[str, Any] = {}
    training: dict[str, Any] = {}
    evaluation: _Evaluation = _Evaluation()


class Metrics(BaseModel):
    """The part of metrics.json that an index shows."""

    benchmarks: dict[str, Benchmark]
    named: Annotated[str | None, Field(alias="main")] = None
    further: list[_Further] = []
    tradeoffs: dict[str, _Tradeoff] = {}
    provenance: _Provenance = _Provenance()

    @property
    def main(self) -> str:
        """The benchmark that the verdict is about, as in the report; raises `StopIteration` without one."""
        if self.named in self.benchmarks:
            return self.named
        return next(name for name, b in self.benchmarks.items() if b.measures == "accuracy")

    @property
    def headline(self) -> Comparison:
        """The comparison that the verdict is about."""
        return self.benchmarks[self.main].comparisons[-1]

    @property
    def safety(self) -> str:
        """The headline candidate's safety, in a word; "–" where it was not looked at."""
        found = self.tradeoffs.get(self.headline.model)
        if found is not None:
            return tr(_SAFETY[found.safety]) if found.safety else found.word
        others = [b for b in self.benchmarks.values() if b.measures == "safety"]
        return others[0].comparisons[-1].verdict if others else "–"

    def label(self, model: str) -> str:
        """What a model is, in the run's own words; "" where they are not given."""
        models = self.provenance.evaluation.models
        return next((m.label for m in models if m.name == model), "")


@dataclass(frozen=True)
class Entry:
    """A run's folder: what its metrics.json says, or the `problem` with it."""

    name: str
    date: datetime
    files: tuple[str, ...] = ()
    metrics: Metrics | None = None
    problem: str = ""
    folder: str = ""  # as the disk has its name, which need not be text; "": `name`

    @property
    def place(self) -> str:
        """The folder in a link."""
        return quote(os.fsencode(self.folder or self.name))

    @property
    def runs(self) -> Path:
        """The folder of its run's folder."""
        return ROOT / str(self.params.get("runs_dir", "runs"))

    @property
    def params(self) -> dict[str, Any]:
        """The settings that the run has used; {} where they are not recorded."""
        return self.metrics.provenance.params if self.metrics else {}


def read_entries(folder: Path) -> list[Entry]:
    """Every run with something to read in a folder of reports, the newest first.

    A run whose metrics.json is missing, half written, or of another version has a `problem` instead of
    numbers; nothing in a folder raises.
    """
    entries = []
    for run in sorted(folder.iterdir()):
        files = tuple(name for name in FILES if (run / name).is_file())
        if files and not run.name.startswith("."):
            entries.append(_entry(run, files))
    return sorted(entries, key=lambda entry: entry.date, reverse=True)


def _entry(run: Path, files: tuple[str, ...]) -> Entry:
    name = os.fsencode(run.name).decode(errors="replace")
    manifest = json_reader.readable(run / "manifest.json")
    made = _time(manifest.get("finished")) if isinstance(manifest, dict) else None
    written = datetime.fromtimestamp((run / files[0]).stat().st_mtime, UTC)
    try:
        metrics = _metrics(run / "metrics.json")
    except ValueError as error:
        return Entry(name, made or written, files, problem=str(error), folder=run.name)
    evaluated = _time(metrics.provenance.evaluation.finished)
    return Entry(name, made or evaluated or written, files, metrics, folder=run.name)


def _metrics(path: Path) -> Metrics:
    """Raises `ValueError` that says what is wrong with the file, and what to do."""
    if not path.exists():
        raise ValueError(tr("no metrics.json: the report is not finished; make report resumes it"))
    values = json_reader.readable(path)
    if not isinstance(values, dict):
        raise ValueError(tr("metrics.json is broken or half written; make report writes it again"))
    version = values.get("schema_version")
    if version != SCHEMA_VERSION:
        other = (
            N_(
                "metrics.json has no schema_version, and {read} is what can be read; make report writes it again"
            )
            if version is None
            else N_(
                "metrics.json has schema_version {version!r}, and {read} is what can be read; make report writes it again"
            )
        )
        raise ValueError(tr(other, version=version, read=SCHEMA_VERSION))
    try:
        metrics = Metrics.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        problem = tr(
            "metrics.json: {place}: {problem}; make report writes it again",
            place=place,
            problem=first["msg"].lower(),
        )
        raise ValueError(problem) from None
    if all(benchmark.measures != "accuracy" for benchmark in metrics.benchmarks.values()):
        raise ValueError(
            tr(
                "metrics.json has no benchmark with right and wrong answers; make report writes it again"
            )
        )
    return metrics


def _time(text: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
