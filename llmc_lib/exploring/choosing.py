"""Which questions are looked at, and which two models are compared: what the other panels follow."""

from __future__ import annotations

import math
from collections.abc import Callable

import ipywidgets as widgets
import pandas as pd

from llmc_lib.errors import UserError
from llmc_lib.exploring.opened import Key, Opened, Runs
from llmc_lib.exploring.panel import Panel, between, buttons, named, paragraph, row, span
from llmc_lib.formatting import counted
from llmc_lib.reporting.cases import paired_outcomes
from llmc_lib.taxonomy import ordered

_ALL = "all"
_OUTCOMES = {"all": None, "gained": "gained", "lost": "lost", "both": "both right", "neither": "both wrong"}  # fmt: skip
_ENDS = {
    "any": (), "stopped by itself": ("stop",), "cut at the limit": ("length",), "failed or missing": ("failed", "missing"),
}  # fmt: skip
_IN = ("question", "what both wrote")


class Choice(Panel):
    """Chooses questions by what they are and by what became of them, and two models to compare on them.

    `data`: the answers of the chosen models to the chosen questions, as `Runs.answers` has them, with the column `who`
    (the model, and with several runs its run). `questions`: a row a chosen question: its id, category, outcome, the mean
    length of both answers. All filters choose whole questions, so that comparisons stay paired. Other panels follow it.
    """

    def __init__(self, runs: Runs) -> None:
        self.runs = runs
        self._followers: list[Callable[[], object]] = []
        pairs = runs.answers[["run", "model"]].drop_duplicates().astype(str)
        #: What a model is called → its run, and its name there.
        self._whos = {runs.called(*pair): pair for pair in pairs.itertuples(index=False, name=None)}
        names = runs.benchmarks()
        if not names:
            raise UserError("PARAMS: none of these runs has answers yet; run its evaluation first")
        self._benchmark = named(widgets.Dropdown, "Benchmark", options=names)
        self._reference = named(widgets.Dropdown, "Reference", options=[""])
        self._candidate = named(widgets.Dropdown, "Candidate", options=[""])
        self._models = named(widgets.SelectMultiple, "Models", options=[], rows=5)
        self._models.layout.min_width = "18rem"
        self._categories = named(widgets.SelectMultiple, "Categories", options=[], rows=5)
        self._categories.layout.min_width = "18rem"
        self._outcome = buttons(list(_OUTCOMES), "Outcome")
        self._tokens = between("Tokens")
        self._ending = named(widgets.Dropdown, "Ended", options=list(_ENDS))
        self._apart = widgets.Checkbox(
            description="judge and rules disagree", indent=False, layout={"width": "auto"}
        )
        self._word = named(
            widgets.Text, "Word", placeholder="in question or trace", continuous_update=False
        )
        self._in = widgets.Dropdown(options=_IN, layout={"width": "10rem"})
        left = widgets.VBox([self._benchmark, self._reference, self._candidate, self._ending])
        middle, right = widgets.VBox([self._categories]), widgets.VBox([self._models])
        words = widgets.HBox([self._word, self._in])
        super().__init__(
            [row(left, middle, right), self._outcome, row(self._tokens, words, self._apart)]
        )
        self._found: dict[tuple[str, str], bool] = {}  # (word, question) → is it there?
        self._enter_benchmark()
        self._benchmark.observe(self._enter_benchmark, "value")
        self._word.observe(lambda _: self._found.clear(), "value")
        self._in.observe(lambda _: self._found.clear(), "value")
        for pair in (self._reference, self._candidate):
            pair.observe(self._enter_pair, "value")
        self.follow(
            self._models, self._categories, self._outcome, self._tokens, self._ending, self._apart, self._word, self._in,
        )  # fmt: skip

    def then(self, action: Callable[[], object]) -> None:
        """Do something after each change of what is chosen."""
        self._followers.append(action)

    # ---- what is chosen ----------------------------------------------------------------------

    @property
    def benchmark(self) -> str:
        """The chosen benchmark."""
        return str(self._benchmark.value)

    @property
    def pair(self) -> tuple[str, str]:
        """Reference and candidate, as the column `who` has them."""
        return str(self._reference.value), str(self._candidate.value)

    @property
    def folders(self) -> list[Opened]:
        """The runs that the pair is of."""
        return [
            self.runs.opened[name] for name in dict.fromkeys(self.model(w)[0] for w in self.pair)
        ]

    @property
    def by_answers(self) -> list[str]:
        """The filters in use that look at the answers themselves: a test on what they choose would be circular."""
        used = {
            "outcome": self._outcome.value != _ALL,
            "length": self._tokens.value != (self._tokens.min, self._tokens.max),
            "how an answer ended": self._ending.value != "any",
            "judge and rules disagree": self._apart.value,
            "a word in what models wrote": self._word.value.strip() and self._in.value != _IN[0],
        }
        return [name for name, on in used.items() if on]

    @property
    def told(self) -> str:
        """What chooses the questions, in words."""
        parts = [", ".join(self._categories.value)] if self._categories.value else []
        parts += [f"“{self._word.value.strip()}”"] if self._word.value.strip() else []
        return "; ".join([*parts, *self.by_answers]) or "all questions"

    def model(self, who: str) -> tuple[str, str]:
        """The run of a model, and its name there."""
        return self._whos[who]

    def key(self, who: str, question: str, sample: int) -> tuple[str, Key]:
        """The run and the key of an answer."""
        run, model = self.model(who)
        return run, (self.benchmark, model, question, sample)

    def outcomes(self, questions: pd.Series | None = None) -> pd.DataFrame:
        """The answers of the pair as `analysis` takes them: model (who), question_id, sample, category, correct,
        completion_tokens, finish_reason, and cluster where one is set. The reference's are first."""
        reference, candidate = self.pair
        rows = self._pair_rows if questions is None else self._pair_rows[self._pair_rows["question_id"].isin(questions)]  # fmt: skip
        first = rows[rows["model"] == reference]
        return pd.concat([first, rows[rows["model"] == candidate]], ignore_index=True)

    # ---- changes -----------------------------------------------------------------------------

    def _enter_benchmark(self, *_: object) -> None:
        answers = self.runs.answers
        self._rows = answers[answers["benchmark"] == self.benchmark].copy(deep=False)
        pairs = zip(self._rows["run"], self._rows["model"], strict=True)
        self._rows["who"] = pd.Categorical([self.runs.called(*pair) for pair in pairs])
        whos = list(dict.fromkeys(self._rows["who"]))
        with self.setting():
            self._reference.options, self._candidate.options, self._models.options = (
                whos,
                whos,
                whos,
            )
            self._reference.value, self._candidate.value, self._models.value = whos[0], whos[-1], ()
            self._categories.options = ordered(self._rows["category"].astype(str))
            self._categories.value = ()
            self._outcome.value, self._ending.value, self._apart.value = _ALL, "any", False
            judged = self._rows["by_judge"].notna() & self._rows["by_rules"].notna()
            self._apart.disabled = not bool(judged.any())
        self._enter_pair()

    def _enter_pair(self, *_: object) -> None:
        if self._quiet:
            return
        reference, candidate = self.pair
        rows = self._rows[self._rows["who"].isin(self.pair)]
        names = {"question": "question_id", "tokens": "completion_tokens"}
        rows = rows.drop(columns="model").rename(columns={**names, "who": "model"})
        rows = rows.astype({"model": str, "question_id": str, "category": str})
        if (rows["cluster"] == "").all():
            rows = rows.drop(columns="cluster")
        self._pair_rows = rows.assign(
            completion_tokens=rows["completion_tokens"].astype(float), finish_reason=rows["finish_reason"].astype(str)
        )  # fmt: skip
        common = set(rows[rows["model"] == reference]["question_id"])
        common &= set(rows[rows["model"] == candidate]["question_id"])
        self._pair_rows = self._pair_rows[self._pair_rows["question_id"].isin(common)]
        self._all = paired_outcomes(self._pair_rows, reference, candidate)
        most = float(self._all["tokens"].max())  # NaN: no length is known
        with self.setting():
            span(self._tokens, 1 if math.isnan(most) else math.ceil(most))
            self._tokens.disabled = math.isnan(most)
        self._found.clear()
        self.update()

    def update(self, *_: object) -> None:
        """Choose again, and have the followers do what they do."""
        if not self._quiet:
            super().update()
            for follow in self._followers:
                follow()

    def _show(self) -> str:
        table = self._chosen(self._all)
        self.questions = table.rename_axis("question").reset_index()
        models = self._models.value or self._models.options
        rows = self._rows
        self.data = rows[rows["question"].isin(table.index) & rows["who"].isin(models)].reset_index(
            drop=True
        )
        lost = counted(len(self._all), "question")
        of = f"{len(table):,} of {lost}" if len(table) < len(self._all) else lost
        found = f"{of}, {counted(len(self.data), 'answer')} of {counted(len(models), 'model')}"
        counts = self._all.loc[table.index, "outcome"].value_counts()
        words = ", ".join(
            f"{counts.get(name, 0):,} {word}" for word, name in _OUTCOMES.items() if name
        )
        return paragraph(found, "finding") + paragraph(
            f"{self.pair[1]} against {self.pair[0]}: {words}", "note"
        )

    def _chosen(self, table: pd.DataFrame) -> pd.DataFrame:
        if self._categories.value:
            table = table[table["category"].isin(self._categories.value)]
        if outcome := _OUTCOMES[self._outcome.value]:
            table = table[table["outcome"] == outcome]
        low, high = self._tokens.value
        if (low, high) != (0, self._tokens.max):
            table = table[table["tokens"].between(low, high)]
        if ends := _ENDS[self._ending.value]:
            rows = self._pair_rows
            table = table[table.index.isin(rows[rows["finish_reason"].isin(ends)]["question_id"])]
        if self._apart.value:
            table = table[table.index.isin(self._disagreed())]
        if word := self._word.value.strip().lower():
            table = table[[self._has(word, str(id_)) for id_ in table.index]]
        return table

    def _disagreed(self) -> pd.Series:
        """The questions to which the judge and the rules graded an answer of the pair differently."""
        rows = self._pair_rows
        rules, judge = rows["by_rules"].astype(object), rows["by_judge"].astype(object)
        return rows[rules.notna() & judge.notna() & (rules != judge)]["question_id"]

    def _has(self, word: str, id_: str) -> bool:
        """Is a word in a question, or in what one of the two models wrote about it? Texts are read once."""
        if (word, id_) not in self._found:
            if self._in.value == _IN[0]:
                question = self.runs.question(self.benchmark, id_)
                texts = [question.question] if question else []
            else:
                samples = range(int(self._pair_rows["sample"].max()) + 1)
                keys = (self.key(who, id_, sample) for who in self.pair for sample in samples)
                texts = [part for run, key in keys for part in self.runs.text(run, key)]
            self._found[word, id_] = any(word in text.lower() for text in texts)
        return self._found[word, id_]
