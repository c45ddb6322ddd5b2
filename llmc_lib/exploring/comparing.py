"""The two models compared on the chosen questions, and the comparisons made so far."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets
import pandas as pd

from llmc_lib.analysis import PairedComparison, outcomes, paired_comparison
from llmc_lib.exploring.choosing import Choice
from llmc_lib.exploring.looks import adjusted, keep_look, read_looks, share_of
from llmc_lib.exploring.panel import Panel, paragraph, row, table
from llmc_lib.formatting import (
    as_bound,
    as_p,
    as_p_cell,
    as_points,
    as_range,
    counted,
    listed,
    unbroken,
)

_TESTS = {
    "mcnemar_midp": "McNemar's test, mid-p",
    "sign_flip": "exact sign-flip test",
    "paired_t": "paired t-test over questions",
    "clustered_t": "t-test over clusters",
    "unequal_t": "t-test for unequal numbers of samples",
}


class Comparison(Panel):
    """Compares the two models on the chosen questions, and counts how many such comparisons were looked at.

    It is `analysis.paired_comparison`. Each distinct set of questions and models that was compared is a look; looks
    are kept in a ledger of the run, so that neither a new kernel nor another notebook forgets them, and the p-value of
    each is adjusted for its number: see `looks.share_of`. Looking at plots is free. No test is given on questions that
    were chosen by their answers.

    `data`: the looks, a row each: look, subset, reference, candidate, questions, gained, lost, difference, low, high
    (points, 95% interval of this look alone), p_value, p_adjusted. `found`: the last `PairedComparison`.
    """

    found: PairedComparison | None = None

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        self._button = widgets.Button(
            description="Compare on these questions", button_style="", layout={"width": "auto"}
        )
        super().__init__([row(self._button)])
        self.on(self._button, self._compare)
        choice.then(self.update)
        self.update()

    @property
    def _folders(self) -> list[Any]:
        return [run.state for run in self._choice.folders]

    def _show(self) -> str:
        """What the next comparison would be, before it is made."""
        self.found = None
        self._button.disabled, self.data = True, told([])  # also where the looks cannot be read
        looks = read_looks(self._folders)
        self.data = told(looks)
        problem = self._problem()
        self._button.disabled = bool(problem)
        number = len(looks) + 1
        price = f"The next one is look {number}: its p-value is multiplied by {round(1 / share_of(number)):,}."
        line = problem or (
            f"{self._choice.pair[1]} against {self._choice.pair[0]} on {counted(len(self._choice.questions), 'question')} "
            f"({self._choice.told}). {counted(len(looks), 'comparison')} made so far. {price}"
        )
        return paragraph(line, "note") + self._made()

    def _made(self) -> str:
        if self.data.empty:
            return ""
        shown = self.data.copy()
        numbers = shown[["questions", "difference", "low", "high"]] / [1, 100, 100, 100]
        shown[["difference, points", "95% interval"]] = [
            (as_points(d, n, unit=False), unbroken(as_range(as_bound(low, n), as_bound(high, n))))
            for n, d, low, high in numbers.itertuples(index=False)
        ]
        for name in ("p_value", "p_adjusted"):
            shown[name] = [
                as_p_cell(value).replace(" ", "\N{NO-BREAK SPACE}") for value in shown[name]
            ]
        columns = ["look", "subset", "candidate", "questions", "gained", "lost", "difference, points", "95% interval",
                   "p_value", "p_adjusted"]  # fmt: skip
        return (
            f"<details open><summary>{counted(len(self.data), 'comparison')} so far</summary>"
            f"{table(shown[columns].rename(columns={'p_value': 'p', 'p_adjusted': 'p, adjusted'}))}</details>"
        )

    def _problem(self) -> str:
        choice = self._choice
        if choice.pair[0] == choice.pair[1]:
            return "Choose two different models to compare."
        if choice.questions.empty:
            return "No question is chosen."
        if choice.by_answers:
            return (
                f"No test here: the questions are chosen by the answers that would be compared ({listed(choice.by_answers)}), "
                "so the choice decides the difference. Choose by category or by a word in the question."
            )
        return ""

    def _compare(self) -> str:
        """Compare, and count it."""
        if self._problem():
            return self._show()
        choice = self._choice
        rows = choice.outcomes(choice.questions["question"])
        reference, candidate = choice.pair
        both = outcomes(rows, reference=reference, common="refuse")
        alpha = choice.runs.first.thresholds.significance
        arrays = both.correct[candidate], both.correct[reference]
        found = paired_comparison(*arrays, 0.05, both.cluster)
        models = ["/".join(choice.model(who)) for who in choice.pair]
        facts = {
            "told": choice.told, "benchmark": choice.benchmark, "reference": reference, "candidate": candidate,
            "n": found.n, "gained": found.gained, "lost": found.lost, "difference": found.difference,
            "low": found.low, "high": found.high, "p_value": found.p_value,
        }  # fmt: skip
        subset = [choice.benchmark, *models, *sorted(map(str, both.question_ids))]
        number, looks = keep_look(self._folders, subset, facts)
        together = paired_comparison(*arrays, alpha * share_of(number), both.cluster)
        self.found, self.data = found, told(looks)
        return self._sentences(found, together, number, alpha) + self._made()

    def _sentences(
        self, found: PairedComparison, together: PairedComparison, number: int, alpha: float
    ) -> str:
        choice, n = self._choice, found.n
        p = adjusted(found.p_value, number)
        clear = "clear" if p < alpha else "not clear"
        head = f"{as_points(found.difference, n)} on {counted(n, 'question')} ({choice.told})"
        alone = (
            f"{choice.pair[1]} minus {choice.pair[0]}: {found.gained:,} gained, {found.lost:,} lost; 95% interval "
            f"{as_bound(found.low, n)} to {as_bound(found.high, n)} points, p {as_p(found.p_value)} ({_TESTS[found.test]})."
        )
        all_looks = (
            f"This is look {number}. Adjusted for that, p {as_p(p, alpha)}: {clear} at {alpha:g}; the interval that holds "
            f"simultaneously with those of all other looks is {as_bound(together.low, n)} to {as_bound(together.high, n)} points."
        )
        return paragraph(head, "big") + paragraph(alone) + paragraph(all_looks, "finding")


def told(looks: list[dict[str, Any]]) -> pd.DataFrame:
    """The looks as a table: see `Comparison`."""
    rows = [
        {
            "look": number,
            "subset": f"{look.get('benchmark')}: {look.get('told')}",
            "reference": look.get("reference"),
            "candidate": look.get("candidate"),
            "questions": look["n"],
            "gained": look.get("gained"),
            "lost": look.get("lost"),
            **{name: 100 * look[name] for name in ("difference", "low", "high")},
            "p_value": look["p_value"],
            "p_adjusted": adjusted(look["p_value"], number),
        }
        for number, look in enumerate(looks, 1)
    ]
    return pd.DataFrame(rows)
