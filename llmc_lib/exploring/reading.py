"""What two models wrote about a question, step by step side by side; marking it, and taking it along as Markdown."""

from __future__ import annotations

import html
import re
from typing import Any

import ipywidgets as widgets
import pandas as pd

from llmc_lib.errors import UserError
from llmc_lib.exploring.choosing import Choice
from llmc_lib.exploring.panel import Panel, named, paragraph, row, styled
from llmc_lib.formatting import counted
from llmc_lib.records import Question
from llmc_lib.reporting.cases import facts, whole
from llmc_lib.reporting.cases.trace import Mark, Trace, columns
from llmc_lib.reporting.claims_page import marks
from llmc_lib.reporting.text import text_to_html, visible
from llmc_lib.store import read_marks, sha256_text, write_mark

# Static, with nothing of a text in it: what is copied is the text of the element after the button. Without a secure
# connection there is no clipboard to write to, and the text is selected instead.
_COPY = (
    "const t=this.nextElementSibling;"
    "if(navigator.clipboard){navigator.clipboard.writeText(t.textContent);this.textContent='Copied'}"
    "else{t.hidden=false;getSelection().selectAllChildren(t);document.execCommand('copy')}"
)


class Traces(Panel):
    """Shows what both models wrote about one of the chosen questions, false arithmetic underlined; marks it with a comment.

    Previous and next go through the chosen questions. A mark is kept in the run's directory at once, and
    `report: {cases: {marked: true}}` in the params file shows the marked questions with their comments in the report.

    `data`: the chosen questions: question, category, outcome, tokens, comment. `markdown`: what is copied.
    """

    markdown = ""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        size = {"width": "auto"}
        self._before = widgets.Button(description="◀ Previous", layout=size)
        self._after = widgets.Button(description="Next ▶", layout=size)
        self._at = named(widgets.BoundedIntText, "Question", min=1, max=1, value=1)
        self._of = widgets.HTML()
        self._samples = [
            named(widgets.Dropdown, f"Sample, {side}", options=[0]) for side in ("left", "right")
        ]
        self._comment = named(
            widgets.Textarea, "Comment", placeholder="why it is worth remembering", continuous_update=False, rows=2, wide=True,
        )  # fmt: skip
        self._mark = widgets.Button(description="Mark", layout=size)
        self._unmark = widgets.Button(description="Remove mark", layout=size)
        self._said = widgets.HTML()
        controls = [
            row(self._before, self._after, self._at, self._of, *self._samples),
            row(self._comment, self._mark, self._unmark, self._said),
        ]
        super().__init__(controls)
        self.on(self._before, lambda: self._go(-1))
        self.on(self._after, lambda: self._go(1))
        self.on(self._mark, lambda: self._keep(self._comment.value.strip() or "(no comment)"))
        self.on(self._unmark, lambda: self._keep(""))
        self._at.observe(self._turn, "value")
        self.follow(*self._samples)
        choice.then(self._enter)
        self._enter()

    @property
    def question(self) -> str:
        """The id of the question that is shown."""
        return str(self.data["question"].iloc[self._at.value - 1])

    # ---- moving ------------------------------------------------------------------------------

    def _enter(self, *_: object) -> None:
        """Take over the questions that are chosen now; the one that is shown stays, where it is among them."""
        shown = self.question if len(getattr(self, "data", ())) else None
        comments = self._comments()
        table = self._choice.questions
        self.data = table.assign(comment=[comments.get(str(id_), "") for id_ in table["question"]])
        ids = list(map(str, self.data["question"]))
        with self.setting():
            self._at.max = max(1, len(ids))
            self._at.value = ids.index(shown) + 1 if shown in ids else 1
        self._of.value = f"of {len(ids):,}"
        self._turn()

    def _turn(self, *_: object) -> None:
        if self._quiet:
            return
        with self.setting():
            for number, control in enumerate(self._samples):
                control.options = self._samples_of(self._choice.pair[number])
                control.layout.display = None if len(control.options) > 1 else "none"
        self._comment.value = (
            self.data["comment"].iloc[self._at.value - 1] if len(self.data) else ""
        )
        self._said.value = ""
        for button in (self._mark, self._unmark):
            button.disabled = self.data.empty
        self.update()

    def _go(self, by: int) -> None:
        self._at.value = min(self._at.max, max(1, self._at.value + by))

    def _samples_of(self, who: str) -> list[tuple[str, int]]:
        """The samples of a model's answer, those that show the outcome first."""
        if self.data.empty:
            return [("–", 0)]
        rows = self._choice.outcomes(pd.Series([self.question]))
        own = rows[rows["model"] == who].sort_values("sample")
        marks_ = {True: "right", False: "wrong"}
        found = [(f"{s} ({marks_[bool(c)]})", int(s)) for s, c in zip(own["sample"], own["correct"], strict=True)]  # fmt: skip
        outcome = self.data["outcome"].iloc[self._at.value - 1]
        wanted = outcome == "both right" or outcome == ("gained" if who == self._choice.pair[1] else "lost")  # fmt: skip
        return sorted(found, key=lambda item: (marks_[wanted] not in item[0], item[1]))

    # ---- marks -------------------------------------------------------------------------------

    def _comments(self) -> dict[str, str]:
        return {
            id_: comment
            for run in self._choice.folders
            for (benchmark, id_), comment in read_marks(run.state).items()
            if benchmark == self._choice.benchmark
        }

    def _keep(self, comment: str) -> None:
        """Write a mark, or with "" take it away."""
        try:
            for run in self._choice.folders:
                write_mark(run.state, self._choice.benchmark, self.question, comment)
        except UserError as error:  # beside the comment, which stays as it was entered
            self._said.value = styled(paragraph(str(error), "warning"))
            return
        self.data.loc[self.data.index[self._at.value - 1], "comment"] = comment
        self._comment.value = comment
        self._said.value = styled(
            paragraph("Saved." if comment else "The mark was removed.", "note")
        )

    # ---- showing -----------------------------------------------------------------------------

    def _show(self) -> str:
        if self.data.empty:
            self.markdown = ""
            return paragraph("No question is chosen.", "note")
        choice, id_ = self._choice, self.question
        outcome, category = self.data[["outcome", "category"]].iloc[self._at.value - 1]
        title = (
            f'<p><span class="outcome {html.escape(outcome.replace(" ", "-"))}">{html.escape(outcome)}</span> '
            f'<span class="note">{visible(category)} · {visible(id_)}</span></p>'
        )
        question = choice.runs.question(choice.benchmark, id_)
        answers = [
            self._answer(who, control.value)
            for who, control in zip(choice.pair, self._samples, strict=True)
        ]
        if question is None:
            self.markdown = ""
            columns_ = "".join(
                f'<div class="side side-{n}">{facts(answer | {"extracted": ""}, ())}</div>'
                for n, (answer, _) in enumerate(answers, 1)
            )
            note = paragraph("The questions of this benchmark are not to be shown (report.show_questions).", "note")  # fmt: skip
            return f'{title}{note}<div class="side-by-side"><div class="columns">{columns_}</div></div>'
        traces = [trace for _, trace in answers]
        heads = [facts(answer, trace.marks) for answer, trace in answers]
        self.markdown = markdown(question, answers)
        return (
            f'{title}<div class="side-by-side"><div class="question">{text_to_html(question.question)}</div>'
            f'<div class="reference"><b>Reference answer</b> {text_to_html(question.answer)}</div>'
            f"{columns(f'x{sha256_text(id_)[:10]}', traces[0], traces[1], (heads[0], heads[1]))}</div>"
            f'<p><button class="copy" type="button" onclick="{html.escape(_COPY, quote=True)}">Copy as Markdown</button>'
            f"<span hidden>{html.escape(self.markdown)}</span></p>"
        )

    def _answer(self, who: str, sample: int) -> tuple[dict[Any, Any], Trace]:
        """An answer as `cases.facts` takes it, and its trace with what does not hold in it."""
        run, key = self._choice.key(who, self.question, int(sample))
        opened = self._choice.runs.opened[run]
        results = opened.results
        assert results is not None
        rows = results.answers
        at = (rows["benchmark"] == key[0]) & (rows["model"] == key[1])
        at &= (rows["question_id"] == key[2]) & (rows["sample"] == key[3])
        answer = {**rows[at].iloc[0].to_dict(), "model": who}
        texts = self._choice.runs.text(run, key)
        found: dict[str, list[Mark]] = {}
        if any(texts):
            found = marks(results, [key], opened.reasoning)
        return answer, Trace(*texts, tuple(found.get(sha256_text(whole(*texts)), ())))


def markdown(question: Question, answers: list[tuple[dict[Any, Any], Trace]]) -> str:
    """A question with what models wrote about it, as Markdown in which their texts are in fences: nothing in them is
    markup where it is pasted, and no text can end its fence."""
    parts = [f"### Question {_code(question.id)}", _fence(question.question)]
    parts += ["Reference answer:", _fence(question.answer)] if question.answer else []
    for answer, trace in answers:
        tokens = counted(int(answer["completion_tokens"]), "token") if answer["completion_tokens"] else "length unknown"  # fmt: skip
        parts += [f"### {_code(answer['model'])}: {answer['status']}, {tokens}", _fence(trace.text)]
        parts += [f"Does not hold: {_code(mark.note)}" for mark in trace.marks]
    return "\n\n".join(parts) + "\n"


def _fence(text: str) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text.rstrip()}\n{fence}"


def _code(text: str) -> str:
    """A short text as code within a line."""
    line = " ".join(text.split())
    fence = "`" * (max((len(run) for run in re.findall("`+", line)), default=0) + 1)
    return f"{fence} {line} {fence}" if "`" in line else f"`{line}`"
