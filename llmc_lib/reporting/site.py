"""`make site`: one page that lists all reports of a folder, beside them."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from llmc_lib.errors import UserError
from llmc_lib.formatting import as_p_cell, as_points, as_range, as_tick, counted
from llmc_lib.language import N_, language, plural, tr
from llmc_lib.params.changes import Change, changes
from llmc_lib.reporting.entries import FILES, Comparison, Entry, read_entries
from llmc_lib.reporting.palette import INK, MODELS, MUTED, RULE
from llmc_lib.reporting.sentences.tried import TRIED_WORDS, tried_family, tried_line, tried_note
from llmc_lib.reporting.sheet import sheet
from llmc_lib.reporting.tried import Family, Trial, Tried, tried
from llmc_lib.store import write_atomic

_TEMPLATES = Path(__file__).parent / "template"
_WIDTH, _HEIGHT = 200, 26  # of a strip, in its own units
_NOTE = N_(
    "Each row is a comparison within one run: the candidate of its verdict minus its reference, in percentage points, with the 95% "
    "interval, all on one scale. Rows are not comparisons with each other: other questions, limits or samples give other "
    "numbers, and the best of many rows is partly luck."
)
_OPEN = 4  # so many changed params are shown unfolded
_MODELS = 4  # so many models are named


@dataclass(frozen=True)
class Scale:
    """The common axis of all strips: from `-reach` to `reach` percentage points, marked every `step`."""

    reach: float
    step: float

    @classmethod
    def of(cls, comparisons: list[Comparison]) -> Scale:
        """One on which all intervals have room."""
        ends = [
            100 * abs(end)
            for c in comparisons
            for end in (c.interval.low, c.interval.high, c.difference)
        ]
        reach = 1.08 * max([2.0, *ends])
        power = 10 ** math.floor(math.log10(reach / 2))
        step = power * max(m for m in (1, 2, 5) if m * power <= reach / 2 or m == 1)
        return cls(reach, step)

    def place(self, points: float) -> float:
        """A difference in points as a place on the strip, in pixels from its left end."""
        return _WIDTH / 2 * (1 + points / self.reach)

    @property
    def ticks(self) -> list[float]:
        """The differences, in points, that have a line."""
        most = int(self.reach / self.step)
        return [self.step * n for n in range(-most, most + 1)]


def write_site(folder: Path) -> Path:
    """Write `folder`/index.html, a list of all reports in the folder, and runs.csv, a table of all their scores; returns the
    page's path.

    Raises `UserError` where there is no such folder, or no run in it.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; make a report first (make report)")
    entries = read_entries(folder)
    if not entries:
        raise UserError(f"{folder}: no report in it; make one first (make report)")
    folders = dict.fromkeys(entry.runs for entry in entries)
    write_atomic(folder / "runs.csv", sheet(entries))
    write_atomic(folder / "index.html", render_site(entries, tried(folders)))
    return folder / "index.html"


def render_site(entries: list[Entry], counted_runs: Tried = Tried([], [])) -> str:  # noqa: B008
    """The page; every text from the files is escaped, and it asks for nothing outside itself.

    `counted_runs`: all evaluations that the ledgers of the runs know of.
    """
    good = [entry for entry in entries if entry.metrics]
    scale = Scale.of([entry.metrics.headline for entry in good if entry.metrics])
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES / "site"), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["tr"] = tr
    style = (_TEMPLATES / "report" / "style.css", _TEMPLATES / "site" / "site.css")
    return environment.get_template("index.html.j2").render(
        rows=[
            _row(entry, older, scale) | {"tried": _tried(entry, counted_runs)}
            for entry, older in itertools.zip_longest(good, good[1:])
        ],
        families=[
            _family(family, entries) for family in counted_runs.families if family.evaluations > 1
        ],
        problems=counted_runs.problems,
        tried_note=tried_note(),
        broken=[_facts(entry) for entry in entries if not entry.metrics],
        axis=_axis(scale),
        style=Markup("".join(path.read_text(encoding="utf-8") for path in style)),  # noqa: S704 - ours
        script=Markup((_TEMPLATES / "site" / "site.js").read_text(encoding="utf-8")),  # noqa: S704
        language=language(),
        lead=plural("{n:,} report, newest first.", "{n:,} reports, newest first.", len(good)),
        note=tr(_NOTE),
        made=tr("Made {time:%Y-%m-%d %H:%M} UTC.", time=datetime.now(UTC)),
    )


def _facts(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "date": entry.date,
        "problem": entry.problem,
        "links": [(f"{entry.place}/{file}", tr(FILES[file])) for file in entry.files],
        "page": f"{entry.place}/index.html" if "index.html" in entry.files else "",
    }


def _row(entry: Entry, older: Entry | None, scale: Scale) -> dict[str, Any]:
    metrics = entry.metrics
    assert metrics is not None
    block, headline = metrics.benchmarks[metrics.main], metrics.headline
    candidates = [name for name in block.models if name != headline.reference]
    others = [name for name in candidates if name != headline.model]
    low, high = headline.interval.printed
    both = older and older.params and entry.params
    changed = changes(older.params, entry.params) if older and both else []
    return {
        **_facts(entry),
        "reference": headline.reference,
        "label": metrics.label(headline.reference),
        "model": headline.model,
        # Its two values are escaped
        "models": Markup(tr("<b>{model}</b> against <b>{reference}</b>")).format(  # noqa: S704
            model=headline.model, reference=headline.reference
        ),
        "others": _others(others),
        "benchmark": metrics.main,
        "lines": [row.line for row in metrics.further],
        "size": f"{counted(block.n_questions, 'question')} × {block.samples}",
        "questions": block.n_questions,
        "verdict": headline.verdict,
        "code": (headline.verdict_code or "").removesuffix("_small"),
        "difference": headline.difference,
        "points": as_points(headline.difference, headline.n),
        "interval": as_range(low, high),
        "strip": _strip(headline, scale),
        "safety": metrics.safety,
        "older": older.name if older else "",
        "changed": changed,
        "folded": len(changed) > _OPEN,
        "told": _told(older, entry, changed),
    }


def _tried(entry: Entry, counted_runs: Tried) -> str:
    """What the headline's verdict is worth among all evaluations under its base; "" where no ledger has it."""
    metrics = entry.metrics
    assert metrics is not None
    found = counted_runs.of(entry.runs, entry.name, metrics.headline.model, metrics.main)
    if found is None:
        return ""
    family, trial = found
    own = trial.candidate
    lost = trial.code != own.verdict_code
    return tried_line(
        trial.place, family.evaluations, trial.code, own.p_adjusted, trial.level, lost=lost
    )


def _family(family: Family, entries: list[Entry]) -> dict[str, Any]:
    pages = {(e.runs, e.name): f"{e.place}/index.html" for e in entries if "index.html" in e.files}
    benchmark = family.trials[-1].look.benchmark
    return {
        "head": tried_family(benchmark, family.reference, family.evaluations, len(family.trials)),
        "trials": [_trial(trial, pages) for trial in family.trials],
    }


def _trial(trial: Trial, pages: dict[tuple[Path, str], str]) -> dict[str, Any]:
    look, own = trial.look, trial.candidate
    return {
        "place": trial.place,
        "run": look.run,
        "page": pages.get((look.home, look.run), ""),
        "model": own.model,
        "questions": look.n_questions,
        "points": as_points(own.difference, look.n_questions),
        "own": tr(TRIED_WORDS[own.verdict_code]),
        "p": as_p_cell(own.p_adjusted, trial.level),
        "level": f"{trial.level:.2g}",
        "verdict": tr(TRIED_WORDS[trial.code]),
        "code": trial.code.removesuffix("_small"),
        "holm": as_p_cell(trial.p_holm),
    }


def _others(models: list[str]) -> str:
    """The candidates beside the headline's; "" where there is none."""
    if not models:
        return ""
    named, more = ", ".join(models[:_MODELS]), len(models) - _MODELS
    if more > 0:
        return tr("also {models} and {n} more", models=named, n=more)
    return tr("also {models}", models=named)


def _told(older: Entry | None, entry: Entry, changed: list[Change]) -> str:
    """The head of the list of changes, or what is in its place."""
    if older is None:
        return tr("the first run")
    if not (older.params and entry.params):
        return tr("params not recorded")
    if not changed:
        return tr("as {run}", run=older.name)
    return plural(
        "{n:,} change from {run}", "{n:,} changes from {run}", len(changed), run=older.name
    )


def _strip(comparison: Comparison, scale: Scale) -> Markup:
    """The difference and its interval, as at the head of the report, on the common scale."""
    low, high = (
        scale.place(100 * end) for end in (comparison.interval.low, comparison.interval.high)
    )
    x, y = scale.place(100 * comparison.difference), _HEIGHT / 2
    blue = f"var(--model-1, {MODELS[0]})"
    marks = (
        f'<path d="M{low:.1f} {y}H{high:.1f}" stroke="{blue}" stroke-width="5" stroke-opacity=".55"/>'
        f'<path d="M{scale.place(0):.1f} 2V{_HEIGHT - 2}" stroke="var(--ink, {INK})" stroke-width="1.2"/>'
        f'<path d="M{x:.1f} {y - 6}l6 6l-6 6l-6 -6z" fill="{blue}"/>'
    )
    return _svg(_grid(scale) + marks, _HEIGHT)


def _axis(scale: Scale) -> Markup:
    """The numbers of the scale, for the head of the column."""
    labels = "".join(
        f'<text x="{scale.place(tick):.1f}" y="10" text-anchor="middle" font-size="10" '
        f'fill="var(--muted, {MUTED})">{as_tick(tick)}</text>'
        for tick in scale.ticks
    )
    return _svg(labels, 13)


def _grid(scale: Scale) -> str:
    lines = "".join(f"M{scale.place(tick):.1f} 0V{_HEIGHT}" for tick in scale.ticks)
    return f'<path d="{lines}" stroke="var(--rule, {RULE})" stroke-width=".8"/>'


def _svg(inside: str, height: int) -> Markup:
    return Markup(  # noqa: S704 - numbers and colours alone
        f'<svg aria-hidden="true" viewBox="0 0 {_WIDTH} {height}" fill="none">{inside}</svg>'
    )
