"""Two traces as columns of steps: aligned, what both say dimmed, the parting marked, false claims underlined."""

from __future__ import annotations

import html
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from llmc_lib.formatting import counted
from llmc_lib.language import tr
from llmc_lib.reasoning.alignment import Alignment, align
from llmc_lib.reasoning.mathematics import spans
from llmc_lib.reasoning.steps import Step, split
from llmc_lib.reporting.text import text_to_html

#: Characters of a trace that are read, and of one that are written into the page.
READ, SHOWN = 300_000, 20_000
# So many rows are shown whole; of more, so many on either side of the parting.
_ROWS, _AROUND = 12, 3


@dataclass(frozen=True)
class Mark:
    """A place of a trace to underline, and what is said of it beside the step."""

    start: int
    end: int
    note: str
    kind: str = "claim"  # or "leap": a model's opinion


@dataclass(frozen=True)
class Trace:
    """What a model wrote: its reasoning and its response, with marks."""

    reasoning: str
    response: str
    marks: Sequence[Mark] = field(default_factory=tuple)

    @property
    def text(self) -> str:
        """All of it; the places of marks are places in this."""
        return whole(self.reasoning, self.response)

    @property
    def responds_at(self) -> int:
        """Where in the text the response begins."""
        return len(self.reasoning) + 2 if self.reasoning and self.response else 0


def whole(reasoning: str, response: str) -> str:
    """Reasoning and response as one text."""
    return "\n\n".join(part for part in (reasoning, response) if part)


def columns(name: str, left: Trace, right: Trace, heads: tuple[str, str]) -> str:
    """The two columns of a case; `heads` is the markup above them, `name` an id for the page."""
    steps = split(left.text[:READ]), split(right.text[:READ])
    found = align([step.text for step in steps[0]], [step.text for step in steps[1]])
    near = _near(found, steps, (left, right))
    folded = len(found.rows) - len(near)
    cells = [
        _column(found, side, steps[side], trace, head, near)
        for side, (trace, head) in enumerate(zip((left, right), heads, strict=True))
    ]
    control = ""
    if folded:
        show = tr("Show all {n:,} steps ({folded:,} folded)", n=len(found.rows), folded=folded)
        control = (
            f'<p class="unfold"><input type="checkbox" id="{name}-all"/><label for="{name}-all"> '
            f"{show}</label></p>"
        )
    return f'{control}<div class="columns">{"".join(cells)}</div>'


def _near(
    found: Alignment, steps: tuple[list[Step], list[Step]], traces: tuple[Trace, Trace]
) -> set[int]:
    """The rows that are not folded: those around the parting, those with a mark, and the last ones."""
    total = len(found.rows)
    if total <= _ROWS:
        return set(range(total))
    middle = 0 if found.parting is None else found.parting
    near = set(range(max(0, middle - _AROUND), min(total, middle + 2 * _AROUND)))
    for side, trace in enumerate(traces):  # the ends, and where the responses begin
        own = [n for n in range(total) if _place(found, n, side) is not None]
        responds = [n for n in own if steps[side][_at(found, n, side)].start >= trace.responds_at]
        near |= {*own[-1:], *(responds[:1] if trace.responds_at else [])}
    for number, row in enumerate(found.rows):
        for place, column, trace in zip((row.left, row.right), steps, traces, strict=True):
            if place is not None and _marks_of(column[place], trace.marks):
                near.add(number)
    return near


def _column(
    found: Alignment, side: int, steps: list[Step], trace: Trace, head: str, near: set[int]
) -> str:
    left_over = SHOWN
    parts: list[str] = []
    order = sorted(range(len(found.rows)), key=lambda n: n not in near)
    shown: set[int] = set()
    for number in order:  # what is not folded first
        place = _place(found, number, side)
        if place is not None and left_over > 0:
            left_over -= len(steps[place].text)
            shown.add(number)
    parted = _parting_row(found, side)
    hidden = 0
    responds = next((s.start for s in steps if s.start >= trace.responds_at), None)
    skipped = 0
    for number in range(len(found.rows)):
        if number not in near:
            skipped += _place(found, number, side) is not None
        elif skipped:
            parts.append(_gap(skipped, number))
            skipped = 0
        place = _place(found, number, side)
        if place is None:
            continue
        if number not in shown:
            hidden += len(steps[place].text)
            continue
        step = steps[place]
        title = ""
        if trace.responds_at and step.start == responds:
            title = f"<h4>{tr('Response')}</h4>"
        classes = ["step"]
        classes += ["common"] if found.rows[number].same else []
        classes += ["parting"] if number == parted else []
        classes += ["far"] if number not in near else []
        parts.append(
            f'<div class="{" ".join(classes)}" style="grid-row:{number + 2}">{title}'
            f"{_parted(number == parted)}{_step(step, trace.marks)}</div>"
        )
    if skipped:
        parts.append(_gap(skipped, len(found.rows)))
    hidden += max(0, len(trace.text) - READ)
    if hidden:
        cut = tr("… {n:,} more characters of this trace are not shown.", n=hidden)
        parts.append(f'<p class="note cut" style="grid-row:{len(found.rows) + 2}">{cut}</p>')
    if not steps:
        parts.append(f'<p class="note step" style="grid-row:2">{tr("(nothing)")}</p>')
    return f'<div class="side side-{side + 1}">{head}{"".join(parts)}</div>'


def _place(found: Alignment, number: int, side: int) -> int | None:
    row = found.rows[number]
    return row.right if side else row.left


def _at(found: Alignment, number: int, side: int) -> int:
    place = _place(found, number, side)
    assert place is not None
    return place


def _parting_row(found: Alignment, side: int) -> int | None:
    """The row of a column's first step from the parting on."""
    if found.parting is None:
        return None
    rows = range(found.parting, len(found.rows))
    return next((number for number in rows if _place(found, number, side) is not None), None)


def _gap(skipped: int, number: int) -> str:
    return f'<p class="gap" style="grid-row:{number + 1}">⋮ {counted(skipped, "step")}</p>'


def _parted(here: bool) -> str:
    return f'<p class="here">{tr("They part here")}</p>' if here else ""


def _marks_of(step: Step, marks: Sequence[Mark]) -> list[Mark]:
    return [mark for mark in marks if mark.start < step.end and mark.end > step.start]


def _step(step: Step, marks: Sequence[Mark]) -> str:
    """A step's text with its marks underlined, and their notes below."""
    own = _marks_of(step, marks)
    if not own:
        return f'<div class="text">{text_to_html(step.text, len(step.text))}</div>'
    pieces = []
    place = 0
    for start, end, kind in _widened(step, own):
        pieces.append(text_to_html(step.text[place:start], len(step.text)))
        pieces.append(f'<span class="{kind}">{text_to_html(step.text[start:end], end)}</span>')
        place = end
    pieces.append(text_to_html(step.text[place:], len(step.text)))
    notes = "".join(
        f'<p class="check {mark.kind}-note"><span class="sign">{_SIGNS[mark.kind]}</span> {_note(mark)}</p>'
        for mark in own
    )
    return f'<div class="text">{"".join(pieces)}</div>{notes}'


_SIGNS = {"claim": "✗", "leap": "?"}


def _note(mark: Mark) -> str:
    note = text_to_html(mark.note, 400)
    return tr("the judge’s opinion: {opinion}", opinion=note) if mark.kind == "leap" else note


def _widened(step: Step, marks: Sequence[Mark]) -> list[tuple[int, int, str]]:
    """The places to underline in a step, none through the middle of mathematics, none overlapping."""
    mathematics = spans(step.text)
    starts = [start for start, _, _ in mathematics]
    found: list[tuple[int, int, str]] = []
    for mark in sorted(marks, key=lambda mark: mark.start):
        start = max(0, mark.start - step.start)
        end = min(len(step.text), mark.end - step.start)
        for a, b, _ in mathematics[max(0, bisect_right(starts, start) - 1) :]:
            if a >= end:
                break
            if b > start:
                start, end = min(start, a), max(end, b)
        if found and start < found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1]), found[-1][2]
        else:
            found.append((start, end, html.escape(mark.kind, quote=True)))
    return found
