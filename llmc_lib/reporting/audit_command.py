"""`make audit`: draw answers and write the sheet to label, or take in labels, and tell what is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from llmc_lib.benchmarks import Measure, measure
from llmc_lib.errors import UserError
from llmc_lib.evaluation.audit import (
    Drawn,
    Labels,
    draw_more,
    keep_labels,
    read_drawn,
    read_labels,
)
from llmc_lib.evaluation.results import Results, load_results
from llmc_lib.formatting import aligned, counted, listed
from llmc_lib.reporting.audit_sheet import check_shown, write_sheets
from llmc_lib.store import Run, locked

#: More are no sheet for people, and no page for a browser.
_MOST = 5_000


@dataclass(frozen=True)
class Asked:
    """What `make audit` was asked for."""

    n: int = 100
    benchmark: str | None = None  # None: the one that the verdict is about
    labels: str | None = None  # a file of labels to take in; None: draw
    show: bool = False  # write the questions of a benchmark that is withheld


def audit(run: Run, asked: Asked) -> str:
    """Do what was asked for and tell it. Raises `UserError` where there is no finished evaluation, for labels that are none,
    and for a number of answers or a benchmark that cannot be."""
    if not 1 <= asked.n <= _MOST:
        raise UserError(f"N={asked.n}: must be 1 to {_MOST:,}, the answers to label")
    results = load_results(run)
    with locked(run):
        if asked.labels is not None:
            return _take_in(run, results, Path(asked.labels))
        return _draw(run, results, asked)


def _draw(run: Run, results: Results, asked: Asked) -> str:
    name = asked.benchmark or run.params.report.main or _first(results)
    if name not in results.questions:
        raise UserError(
            f"{run.params_file.name}: BENCHMARK={name}: not evaluated in this run; there are: {', '.join(results.questions)}"
        )
    if not asked.show:
        check_shown(run, results, name)
    before = read_drawn(run, name)
    labels = read_labels(run, {name: before} if before else {})
    given = labels[name].decided if before else {}
    drawn = draw_more(run, results, name, asked.n, given)
    waiting = [item for item in drawn.items if item.id not in given]
    if not waiting:
        return f"{name}: all {len(drawn.items):,} answers that can be labelled have a label."
    page, table = write_sheets(run, results, drawn, waiting)
    lines = [
        f"{name}: {counted(len(waiting), 'answer')} to label, blind to model and grade.",
        "",
        _strata(drawn),
        "",
        f"Sheet: {page}",
        f"Or fill in: {table}",
        f"What was drawn, with the chance of each answer: {run.audit / name}.json (not for labellers)",
        f"Then: make audit PARAMS={run.shown} LABELS=<exported file>",
    ]
    return "\n".join(lines)


def _first(results: Results) -> str:
    asked = [n for n, kind in results.kinds.items() if measure(kind) == Measure.ACCURACY]
    return (asked or list(results.questions))[0]


def _strata(drawn: Drawn) -> str:
    head = ["model", "graded", "models differ", "graders differ", "answers", "drawn", "chance"]
    rows = [
        [s.kind.model, s.kind.status, *("yes" if yes else "" for yes in s.kind[2:]),
         f"{s.size:,}", f"{s.drawn:,}", f"{s.inclusion:.3g}"]
        for s in drawn.strata
    ]  # fmt: skip
    return aligned([head, *rows], "llllrrr")


def _take_in(run: Run, results: Results, path: Path) -> str:
    drawn = {
        name: found for name in results.questions if (found := read_drawn(run, name)) is not None
    }
    if not drawn:
        raise UserError(
            f"{run.audit}: no answers have been drawn in this run, so there is nothing to label; make audit draws some"
        )
    if not path.is_file():
        raise UserError(f"LABELS={path}: no such file; give the file that the sheet exported")
    count = keep_labels(run, path, drawn)
    return "\n".join([f"{path}: {counted(count, 'label')} read.", *_told(run, drawn)])


def _told(run: Run, drawn: Mapping[str, Drawn]) -> list[str]:
    lines = []
    for name, labels in read_labels(run, drawn).items():
        if labels.by:
            lines.append(f"{name}: {_progress(drawn[name], labels)}")
            lines += [_agreed(found) for found in labels.agreements()]
    return [*lines, f"make report PARAMS={run.shown} shows what they say of the grades."]


def _progress(drawn: Drawn, labels: Labels) -> str:
    decided = labels.decided
    unclear = sum(label is None for label in decided.values())
    who = f"{counted(len(labels.by), 'labeller')} ({listed(list(labels.by))})"
    text = f"{len(decided):,} of {len(drawn.items):,} drawn answers have a label, by {who}"
    return f"{text}; {unclear:,} unclear." if unclear else f"{text}."


def _agreed(found: dict[str, object]) -> str:
    kappa = found["kappa"]
    beyond = f", Cohen's kappa {kappa:.2f}" if isinstance(kappa, float) else ""
    names = listed([str(name) for name in found["labellers"]])  # type: ignore[attr-defined]
    return f"  {names} agree on {found['agreed']} of {found['decided']} that both decided{beyond}."
