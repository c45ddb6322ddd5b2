"""Pages of answers at the edges: no sentence, table or title says more than another one, or something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.reporting.edge_pages import answers, page
from tests.reporting.page_rules import violations
from tests.reporting.page_text import VERDICT, Page

Made = tuple[pd.DataFrame, dict[str, Any]]


def _split(n: int, gained: int, lost: int, both: int = 0, **report: Any) -> Made:
    """One sample per question: so many that only the candidate, only the reference, or both have right."""
    tuned, base = np.zeros((2, n), bool)
    tuned[:gained] = base[gained : gained + lost] = True
    tuned[gained + lost : gained + lost + both] = base[gained + lost : gained + lost + both] = True
    return answers({"base": base, "tuned": tuned}), report


def _drawn(
    seed: int, n: int, k: int, gains: list[float], categories: int = 1, **report: Any
) -> Made:
    """Most questions are never solved; each candidate gains so much where there is something to gain."""
    rng = np.random.default_rng(seed)
    chance = rng.beta(0.25, 1.0, n)
    models = {"base": rng.random((n, k)) < chance[:, None]}
    for at, gain in enumerate(gains):
        models[f"tuned-{at + 1}"] = rng.random((n, k)) < (chance + gain * (chance > 0.05))[:, None]
    names = np.array(["Math", "Physics", "Chemistry", "Engineering", "Other"], object)
    return answers(models, category=names[np.arange(n) % categories]), report


def _lacking(of_tuned: int, of_base: int, n: int = 400, gained: int = 40, lost: int = 40) -> Made:
    """The questions that no model has right lack an answer of one model, then of the other."""
    table, report = _split(n, gained, lost)
    missing = {name: np.zeros(n, bool) for name in ("tuned", "base")}
    missing["tuned"][n - of_tuned :] = of_tuned > 0
    missing["base"][n - of_tuned - of_base : n - of_tuned] = True
    right = {
        name: table[table["model"] == name]["correct"].to_numpy() for name in ("base", "tuned")
    }
    return answers(right, missing), report


def _four_questions() -> Made:
    """Four questions are gained by one of four samples each, all others are alike."""
    base = np.zeros((100, 4), bool)
    base[20:40] = True
    tuned = base.copy()
    tuned[:4, 0] = True
    return answers({"base": base, "tuned": tuned}), {}


CASES: dict[str, Callable[[], Made]] = {
    "one question, level": lambda: _split(1, 0, 0, 1),
    "one question, gained": lambda: _split(1, 1, 0),
    "two questions": lambda: _split(2, 1, 0),
    "identical models": lambda: _split(200, 0, 0, 60),
    "all right": lambda: _split(60, 0, 0, 60),
    "all right, four samples": lambda: (
        answers({"base": np.ones((60, 4)), "tuned": np.ones((60, 4))}), {}
    ),
    "all wrong": lambda: _split(60, 0, 0),
    "all gained": lambda: _split(60, 60, 0),
    "a tie of many": lambda: _split(2158, 110, 110, 300),
    "a tie of few": lambda: _split(500, 1, 1, 100),
    "near the threshold": lambda: _split(400, 20, 6, 60),
    "just clear": lambda: _split(400, 22, 8, 60),
    "even and narrow": lambda: _split(500, 45, 44, 60),
    "a bound near 0": lambda: _split(250, 23, 10, 40),
    "thirds": lambda: _split(30, 12, 2, 8),
    "rounding apart": lambda: _split(500, 60, 19, 183),
    "less than a point": lambda: _split(200, 2, 1, 38),
    "worse": lambda: _split(300, 20, 60, 40),
    "huge": lambda: _split(60_000, 3_000, 2_700, 9_000, smallest_interesting_points=1.0),
    "level 0.01": lambda: _split(400, 30, 10, 60, significance=0.01),
    "level 0.1": lambda: _split(400, 20, 10, 60, significance=0.1),
    "half a point matters": lambda: _split(2158, 60, 30, 300, smallest_interesting_points=0.5),
    "many points matter": lambda: _split(300, 30, 20, 60, smallest_interesting_points=12.5),
    "eight near the threshold": lambda: _drawn(5, 400, 1, [0.06] * 8),
    "eight that are equal": lambda: _drawn(6, 300, 4, [0.0] * 8, select=[]),
    "eight that are worse": lambda: _drawn(7, 200, 2, [-0.2] * 8, select=["Math"]),
    "two candidates": lambda: _drawn(8, 200, 1, [0.1, 0.1], 2, select=["Math"]),
    "two that are the same": lambda: _split_twice(),
    "four samples": lambda: _drawn(9, 150, 4, [0.15], 5),
    "sixteen samples of few": lambda: _drawn(10, 12, 16, [0.2]),
    "four questions by one answer each": _four_questions,
    "categories of one question": lambda: _drawn(11, 5, 1, [0.3], 5),
    "eight and one question": lambda: _drawn(12, 1, 1, [0.3] * 8, select=[]),
    "one sample in clusters": lambda: _clustered(13, 1),
    "four samples in clusters": lambda: _clustered(14, 4),
    "many missing of the candidate": lambda: _lacking(60, 0),
    "missing on both sides": lambda: _lacking(30, 25),
    "one missing": lambda: _lacking(1, 0),
    "missing without consequence": lambda: _lacking(2, 3, gained=90, lost=20),
    "a few answers of many samples": lambda: _one_answer_each(6, 900, 16),
    "one question of many": lambda: _split(900, 1, 0, 2),
    "nearly all right": lambda: _split(900, 2, 1, 896),
    "opposite models": lambda: _split(300, 160, 140),
    "large shift": lambda: _split(300, 150, 12, 30, smallest_interesting_points=10),
    "clusters that are all or nothing": lambda: _texts_all_or_nothing(),
    "one cluster and a rule": lambda: _one_cluster(),
    "clear alone, not among eight": lambda: _one_of_eight(),
    "clear at 0.1, not at 0.05": lambda: _split(200, 14, 6, 40, significance=0.1),
    "questions, safety and over-refusal": lambda: _three_benchmarks(),
    "eight that are alike and clear": lambda: _alike(1001, 50),
    "eight that are alike, of few": lambda: _alike(10, 1),
    "all gained, several samples": lambda: (
        answers({"base": np.zeros((40, 3)), "tuned": np.ones((40, 3))}), {}
    ),
    "alike, several samples": lambda: (
        answers({name: np.arange(160).reshape(40, 4) % 3 == 0 for name in ("base", "tuned")}), {}
    ),
    "a base asked once": lambda: _unequal(20, 300, 1, 5),
    "a base asked more often": lambda: _unequal(21, 120, 4, 2, select=["Math"]),
    "unequally often, few": lambda: _unequal(22, 25, 1, 3),
    "unequally often, in clusters": lambda: _unequal_texts(),
    "unequally often, all right": lambda: (
        answers({"base": np.ones((40, 1)), "tuned": np.ones((40, 3))}), {}
    ),
    "all of the candidate missing": lambda: _lacking(320, 0, gained=0, lost=80),
    "equal but for missing ones": lambda: _lacking(120, 120, gained=5, lost=5),
}  # fmt: skip


def _unequal(seed: int, n: int, base: int, tuned: int, **report: Any) -> Made:
    """A base with so many samples of each question, two candidates with so many."""
    table, given = _drawn(seed, n, max(base, tuned), [0.03, 0.12], 2, **report)
    of = np.where(table["model"] == "base", base, tuned)
    return table[table["sample"] < of].reset_index(drop=True), given


def _unequal_texts() -> Made:
    table, report = _clustered(23, 4)
    return table[(table["sample"] == 0) | (table["model"] != "base")].reset_index(drop=True), report


def _clustered(seed: int, k: int) -> Made:
    """Questions on 30 texts of very different lengths."""
    table, report = _drawn(seed, 200, k, [0.1, 0.2])
    texts = np.repeat(
        np.arange(30), np.random.default_rng(seed).multinomial(200, np.arange(1, 31) / 465)
    )
    return table.assign(cluster=texts[table["question_id"].str[1:].astype(int)]), report


def _one_answer_each(gained: int, n: int, k: int) -> Made:
    """So many questions are gained by one of k samples each: clear, and next to nothing."""
    base = np.zeros((n, k), bool)
    base[n // 2 :] = True
    tuned = base.copy()
    tuned[:gained, 0] = True
    return answers({"base": base, "tuned": tuned}), {}


def _alike(n: int, gained: int) -> Made:
    """Eight candidates that differ from each other on a question or two."""
    base = np.arange(n) % 2 == 0
    models = {"base": base}
    for at in range(8):
        models[f"tuned-{at + 1}"] = base | (np.arange(n) < 2 * (gained + at % 3))
    return answers(models), {}


def _texts_all_or_nothing() -> Made:
    """Ten texts of 30 questions, each wholly right or wholly wrong."""
    rng = np.random.default_rng(15)
    text = np.repeat(np.arange(10), 30)
    models = {name: rng.random(10)[text] < 0.5 for name in ("base", "tuned")}
    table = answers(models)
    return table.assign(cluster=text[table["question_id"].str[1:].astype(int)]), {}


def _one_cluster() -> Made:
    table, report = _drawn(17, 60, 2, [0.1, 0.2], select=[])
    return table.assign(cluster="the only text"), report


def _one_of_eight() -> Made:
    """22 gained and 10 lost: p 0.035 by itself, and more among eight candidates; all questions are of one category."""
    table, report = _drawn(18, 400, 1, [0.0] * 7)
    base = table[table["model"] == "base"]
    right = base["correct"].to_numpy().copy()
    lost, gained = np.flatnonzero(right)[:10], np.flatnonzero(~right)[:22]
    right[lost], right[gained] = False, True
    status = np.where(right, "correct", "incorrect")
    last = base.assign(model="tuned-8", correct=right, status=status)
    return pd.concat([table, last], ignore_index=True), report


def _three_benchmarks() -> Made:
    rng = np.random.default_rng(16)
    frames = [_split(300, 40, 20, 60)[0]]
    for name, rate in (("do_not_answer", 0.8), ("over_refusal", 0.1)):
        models = {m: rng.random(60) < rate for m in ("base", "tuned")}
        frames.append(answers(models, benchmark=name))
    return pd.concat(frames, ignore_index=True), {}


def _split_twice() -> Made:
    table, report = _split(200, 20, 12, 40)
    again = table[table["model"] == "tuned"].assign(model="twin")
    return pd.concat([table, again], ignore_index=True), report


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_page_agrees_with_itself(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    table, report = CASES[case]()
    found = violations(page(table, monkeypatch, report))
    assert not found, "\n".join(found)


# ---- the rules find what they are for ----------------------------------------------------------


@pytest.fixture(scope="module")
def clear() -> Iterator[Page]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield page(_split(400, 60, 20, 60)[0], monkeypatch)


def _with_headline(made: Page, **changed: Any) -> Page:
    block = {**made.block, "comparisons": [{**made.headline, **changed}]}
    return replace(made, block=block)


BREAKS: dict[str, Callable[[Page], Page]] = {
    "rule_word": lambda p: _with_headline(p, verdict="too little data"),
    "rule_sums": lambda p: _with_headline(
        p, sentence=p.headline["sentence"].replace("20%: +10 points", "20%: +11 points")
    ),
    "rule_bounds": lambda p: _with_headline(
        p, sentence=p.headline["sentence"].replace(f"interval {_low(p)} to", "interval 0 to")
    ),
    "rule_nothing": lambda p: _with_headline(p, difference=0.0),
    "rule_allowed": lambda p: _with_headline(
        p,
        verdict="too little data",
        sentence=p.headline["sentence"].split(" (paired")[0] + ". A loss of 5 points is not ruled out.",
    ),
    "rule_interval_and_p": lambda p: replace(
        p, parts={**p.parts, "rerun": "the 95% interval −1 to +20 (p = 0.01)"}
    ),
    "rule_designs": lambda p: _with_headline(p, detectable_difference=0.001),
    "rule_methods": lambda p: replace(
        p, parts={**p.parts, "models": p.parts["models"] + "\nclustered by question"}
    ),
    "rule_narrow": lambda p: replace(
        p, parts={**p.parts, "differences": p.parts["differences"].replace("All questions (400)", "All questions (400) *")}
    ),
    "rule_clear_categories": lambda p: _with_headline(
        p,
        categories={"Math": {**p.headline["categories"]["Math"], "interval": {"low": -0.1, "high": 0.1, "narrow": False}}},
    ),
    "rule_p": lambda p: _with_headline(
        p, sentence=p.headline["sentence"].replace("p < 0.001", "p = 0.4")
    ),
    "rule_table_and_sentence": lambda p: replace(
        p, parts={**p.parts, "models": p.parts["models"].replace("\t30\t", "\t33\t")}
    ),
    "rule_one_interval": lambda p: replace(
        p, parts={**p.parts, "verdict": p.parts["verdict"].replace(_low(p), "+1")}
    ),
    "rule_categories": lambda p: replace(
        p, titles={**p.titles, "categories": "No category differs clearly"}
    ),
    "rule_candidates": lambda p: replace(
        p, titles={**p.titles, "candidates": "None of the 1 candidates differs clearly"}
    ),
    "rule_power": lambda p: replace(
        p, titles={**p.titles, "power": "This design finds differences of 0 points and more"}
    ),
    "rule_shrunken": lambda p: replace(
        p,
        block={
            **p.block,
            "selection": {"candidates": [{"difference": 0.1, "shrunken": 0.1, "sceptical": 0.0, "p_adjusted": 1e-6}]},
        },
    ),
    "rule_unknown": lambda p: replace(p, block={**p.block, "n_clusters": 3}),
    "rule_rerun": lambda p: _with_headline(
        replace(p, titles={**p.titles, "next-run": "A rerun would come out the same way"}),
        difference=0.0,
    ),
    "rule_needed": lambda p: _with_headline(p, needed="To settle a difference of this size"),
    "rule_missing": lambda p: _with_headline(p, missing={"changes": True, "cases": [], "sentence": ""}),
    "rule_language": lambda p: replace(p, parts={**p.parts, "power": "the 1 questions, nan"}),
    "rule_ranges": lambda p: replace(p, parts={**p.parts, "power": "104% of all"}),
}  # fmt: skip


def _low(made: Page) -> str:
    found = VERDICT.search(made.headline["sentence"])
    assert found
    return found["low"]


@pytest.mark.parametrize("rule", BREAKS)
def test_a_rule_tells_a_page_that_breaks_it(rule: str, clear: Page) -> None:
    assert not violations(clear)
    found = violations(BREAKS[rule](clear))
    assert any(text.startswith(f"{rule}: ") for text in found), found
