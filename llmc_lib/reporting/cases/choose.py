"""Which questions are shown, and which of the answers to them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from llmc_lib.errors import UserError, near
from llmc_lib.evaluation.results import Results
from llmc_lib.params import CasesParams
from llmc_lib.taxonomy import ordered

LENGTHS = ("short", "middling", "long")
# Outcome → is the answer of the reference to be shown a right one, and that of the candidate?
_RIGHT = {
    "both right": (True, True),
    "gained": (False, True),
    "lost": (True, False),
    "both wrong": (False, False),
}


@dataclass(frozen=True)
class Case:
    """A question that is shown, with a row of `Results.answers` of either model, the reference first."""

    question_id: str
    outcome: str
    answers: tuple[dict[Any, Any], dict[Any, Any]]


def key_of(answer: dict[Any, Any]) -> tuple[str, str, str, int]:
    """The key of an answer in `Results.texts`."""
    return answer["benchmark"], answer["model"], answer["question_id"], answer.get("sample", 0)


def outcomes(results: Results, benchmark: str, reference: str, candidate: str) -> pd.DataFrame:
    """For each question: category, outcome, and the mean length of both models' answers in tokens.

    The outcome is "both right", "gained", "lost" or "both wrong". With several samples: "gained" where the
    candidate is right more often than the reference, "lost" where it is less often; else "both right" where at
    least half of the samples are right.
    """
    answers = results.answers[results.answers["benchmark"] == benchmark]
    return paired_outcomes(answers, reference, candidate)


def paired_outcomes(answers: pd.DataFrame, reference: str, candidate: str) -> pd.DataFrame:
    """`outcomes` from the rows of one benchmark: model, question_id, category, correct, completion_tokens."""
    rate = answers.pivot_table(
        index="question_id", columns="model", values="correct", aggfunc="mean", sort=False
    ).astype(float)
    both = answers[answers["model"].isin([reference, candidate])].groupby("question_id", sort=False)
    category = answers.drop_duplicates("question_id").set_index("question_id")["category"]
    outcome = [
        "gained" if after > before else "lost" if after < before
        else "both right" if after >= 0.5 else "both wrong"
        for before, after in zip(rate[reference], rate[candidate], strict=True)
    ]  # fmt: skip
    return pd.DataFrame(
        {
            "category": category.loc[rate.index],
            "outcome": outcome,
            "tokens": both["completion_tokens"].mean().loc[rate.index],
        },
        index=rate.index,
    )


def choose(table: pd.DataFrame, cases: int | CasesParams, seed: int) -> list[str]:
    """The ids of the questions to show, of a table of `outcomes`.

    Raises `UserError` for an id or a category that the benchmark has not.
    """
    if isinstance(cases, int):
        return _in_turn(_pools(table, f"{seed}/cases"), cases)
    if cases.ids:
        for id_ in cases.ids:
            if id_ not in table.index:
                raise UserError(f"report.cases.ids: no question {id_!r}{_near(id_, table.index)}")
        return list(cases.ids)
    if cases.categories is not None:
        known = ordered(table["category"])
        for name in cases.categories:
            if name not in known:
                raise UserError(
                    f"report.cases.categories: no question in {name!r}; there are {', '.join(known)}"
                )
        table = table[table["category"].isin(cases.categories)]
    drawn: list[str] = []
    for name, part in _parts(table, cases.per):
        gained, lost = _pools(part, f"{seed}/cases/{name}")
        drawn += _in_turn([gained[::-1][: cases.gained][::-1], lost[::-1][: cases.lost][::-1]])
    return drawn


def chosen_cases(
    results: Results,
    benchmark: str,
    models: tuple[str, str],
    cases: int | CasesParams,
    seed: int,
) -> list[Case]:
    """The questions that `cases` asks for; of several samples the first that shows the difference.

    `models`: reference and candidate. Raises `UserError` as `choose` does.
    """
    table = outcomes(results, benchmark, *models)
    drawn = choose(table, cases, seed)
    rows = results.answers[results.answers["benchmark"] == benchmark]
    rows = rows[rows["question_id"].isin(drawn) & rows["model"].isin(models)]
    answers: dict[tuple[str, str], list[dict[Any, Any]]] = {}
    for row in rows.to_dict("records"):
        answers.setdefault((row["model"], row["question_id"]), []).append(row)
    found = []
    for id_ in drawn:
        outcome = str(table["outcome"][id_])
        before, after = _RIGHT[outcome]
        shown = _first(answers[models[0], id_], before), _first(answers[models[1], id_], after)
        found.append(Case(id_, outcome, shown))
    return found


def _first(samples: list[dict[Any, Any]], right: bool) -> dict[Any, Any]:
    """The first sample that is right, or that is wrong; the first of all where there is none."""
    return next((row for row in samples if bool(row["correct"]) == right), samples[0])


def _parts(table: pd.DataFrame, per: str) -> Iterator[tuple[str, pd.DataFrame]]:
    if per == "category":
        for name in ordered(table["category"]):
            yield name, table[table["category"] == name]
    elif per == "length":
        ranks = table["tokens"].rank(method="first", pct=True)
        for number, name in enumerate(LENGTHS):
            yield name, table[(ranks > number / 3) & (ranks <= (number + 1) / 3)]
    else:
        yield "all", table


def _pools(table: pd.DataFrame, seed: str) -> list[list[str]]:
    """The gained and the lost questions in a random order, to be taken from the end."""
    draw = random.Random(seed)
    pools = []
    for outcome in ("gained", "lost"):
        ids = sorted(str(id_) for id_ in table.index[table["outcome"] == outcome])
        draw.shuffle(ids)
        pools.append(ids)
    return pools


def _in_turn(pools: list[list[str]], n: int | None = None) -> list[str]:
    """Up to `n` ids, one of each pool in turn as long as they last."""
    most = sum(map(len, pools)) if n is None else n
    pools = [list(pool) for pool in pools]
    drawn: list[str] = []
    while len(drawn) < most and any(pools):
        for pool in pools:
            if pool and len(drawn) < most:
                drawn.append(pool.pop())
    return drawn


def _near(id_: str, known: pd.Index) -> str:
    found = near(id_, known)
    return f"; did you mean {found!r}?" if found else f"; one is {known[0]!r}"
