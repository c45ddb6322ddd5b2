"""Exact and near duplicates of problem texts, and what keeps two problems apart."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from llmc_lib.dataset.texts.duplicates import duplicates, exact_duplicates, exact_keys, number_keys
from llmc_lib.dataset.texts.signatures import signatures

DATA = Path(__file__).parents[3] / "shared" / "data"


def _of(texts: list[str], near: float | None = 0.8, rank: list[int] | None = None) -> list[int]:
    ranks = np.array(rank if rank is not None else range(len(texts)))
    keys = exact_keys(texts), signatures(texts), number_keys(texts)
    return [int(row) for row in duplicates(*keys, ranks, near)]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("1,000 people", "1000 people"),
        ("$1,\\!000,\\!000$", "1{,}000{,}000"),
        ("from 2 to 7", "to 7 from 2"),
        ("non-negative, 5", "nonnegative: 5"),
        ("x − 5", "x - 5"),
        ("it’s 5", "its 5"),
        ("it's 5", "its 5"),
        ("a set of 5", "the set of 5"),
        ("\\frac{1}{2}", "\\dfrac 1 2"),
        ("$P^{}_{}$ of $AB$", "$P$ of AB"),
        ("3.50 m", "3.50m"),
    ],
)
def test_the_same_numbers_have_one_key(left: str, right: str) -> None:
    assert number_keys([left])[0] == number_keys([right])[0]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("12 and 34", "13 and 24"),
        ("5 and 5", "5"),
        ("x + 5", "x - 5"),
        ("x^2 - x + 1", "x^2 + x - 1"),
        ("x = -5", "x = 5"),
        ("2.5", "25"),
        ("2.5", "5.2"),
        ("1,0000", "10000"),
        ("1, 000", "1000"),
        ("x < 3", "x > 3"),
        ("the value of $x$", "the value of $y$"),
        ("the word RADII", "the word TOOT"),
        ("angle $HAC$", "angle $GAC$"),
    ],
)
def test_other_numbers_signs_or_names_have_another_key(left: str, right: str) -> None:
    assert number_keys([left])[0] != number_keys([right])[0]


def test_exact_keys_forget_case_spacing_and_punctuation_alone() -> None:
    same = ["Find $x=5$.", "find  $ x = 5 $", "FIND \\(x\\,=\\,5\\)"]
    other = ["Find $x=-5$.", "Find $x=5!$", "Find x5", "Find $x=.5$, 5", "", "?", "??", "．"]
    keys = [tuple(key) for key in exact_keys([*same, *other]).tolist()]
    assert len(set(keys[:3])) == 1
    assert len(set(keys[2:])) == len(other) + 1


def test_the_best_ranked_of_equal_texts_is_kept() -> None:
    texts = ["A b c.", "other", "a B c", "a b c!!", "$a$ b c"]
    found = exact_duplicates(exact_keys(texts), np.array([3, 0, 1, 2, 1]))
    assert found.tolist() == [2, -1, -1, -1, 2]  # of equal ranks the first; "!" is a sign
    assert exact_duplicates(exact_keys([]), np.array([], np.int64)).tolist() == []


BASE = (
    "A farmer has a long field beside the river and wants to fence three sides of it with wire "
    "that costs 7 coins a metre while the fourth side along the water needs no fence at all. "
    "How large is the field of greatest area that he can fence with 900 coins?"
)


def test_problems_that_differ_in_one_number_are_two_problems() -> None:
    near = BASE.replace("greatest", "largest")
    assert _of([BASE, near, BASE.replace("900", "901")]) == [-1, 0, -1]
    assert _of([BASE, near], near=None) == [-1, -1]


def test_an_equal_of_a_near_duplicate_duplicates_what_is_kept() -> None:
    near = BASE.replace("greatest", "largest")
    assert _of([near + ".", near, BASE], rank=[1, 2, 0]) == [2, 2, -1]
    assert _of([near + ".", near, BASE], rank=[1, 2, 0], near=None) == [-1, 0, -1]


def test_chinese_problems_are_compared_character_by_character() -> None:
    text = "已知非负整数数列满足首项为 2016 且任意两项均不相等求这样的数列的个数是多少请说明理由"
    texts = [text, text.replace("请", ""), text.replace(" ", ""), text.replace("2016", "2017")]
    assert _of(texts, near=0.7) == [-1, 0, 0, -1]


def test_the_order_of_rows_does_not_matter() -> None:
    rng = random.Random(0)
    texts = [BASE, *(BASE.replace(word, "thing") for word in ("farmer", "river", "wire", "coins"))]
    texts += [text.upper() for text in texts] + ["", "", "Something else 1", "something else 1."]
    rank = list(range(len(texts)))
    found = _of(texts)
    order = rng.sample(rank, len(rank))
    shuffled = _of([texts[i] for i in order], rank=[rank[i] for i in order])
    again = {order[i]: order[of] if of >= 0 else -1 for i, of in enumerate(shuffled)}
    assert [again[i] for i in rank] == found
    assert sum(of >= 0 for of in found) >= 7


@pytest.mark.skipif(not (DATA / "hardmath").is_dir(), reason="real data sets are not here")
def test_problems_made_from_one_template_are_not_duplicates() -> None:
    rows = json.loads((DATA / "hardmath" / "HARDMath_mini.json").read_text(encoding="utf-8"))
    problems = sorted({row["question"] for row in rows.values()})
    assert len(problems) > 300
    assert [of for of in _of(problems) if of >= 0] == []


@pytest.mark.skipif(not (DATA / "math").is_dir(), reason="real data sets are not here")
def test_a_problem_that_two_real_sets_have_is_found() -> None:
    """Counts by eye: MATH repeats few problems, and has some hundred of AIME's."""
    sets = [
        [row["problem"] for row in json.loads((DATA / "math" / name).read_text(encoding="utf-8"))]
        for name in ("aime.json", "math.json")
    ]
    aime, both = len(sets[0]), [*sets[0], *sets[1]]
    found = np.array(_of(both))
    across = (found[aime:] >= 0) & (found[aime:] < aime)
    assert 340 < across.sum() < 400
    assert ((found[aime:] >= aime).sum()) < 30
