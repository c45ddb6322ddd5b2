"""Runs of words shared with a benchmark, against sets of strings."""

from __future__ import annotations

import json
import pickle
import random
import re
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmc_lib.dataset.texts.ngrams import SHORTEST_RUN, NgramIndex

DATA = Path(__file__).parents[4] / "shared" / "data"
# Few words, so that runs are shared often; operators that stand alone are words of open-r1's.
WORDS = [
    "a",
    "B",
    "x=5",
    "x",
    "=",
    "5",
    "$x=5$",
    "+",
    ",",
    "the",
    "The",
    "已知",
    "É",
    "\\frac{1}{2}",
]
TEXTS = st.lists(
    st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join), min_size=1, max_size=6
)


def _plain(text: str) -> list[str]:
    return text.lower().split()


def _normal(text: str) -> list[str]:
    """Good for the words above and for LaTeX without commands of the looks."""
    return re.findall("[a-zé]+|[0-9]+|[已知]", text.lower())


def _runs(words: list[str], n: int) -> set[tuple[str, ...]]:
    return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}


def _hit(row: str, text: str, n: int) -> bool:
    if _runs(_plain(row), n) & _runs(_plain(text), n):
        return True
    words, wanted = _normal(row), _normal(text)
    if len(wanted) >= n:
        return bool(_runs(words, n) & _runs(wanted, n))
    if len(wanted) >= SHORTEST_RUN:
        return tuple(wanted) in _runs(words, len(wanted))
    return bool(wanted) and words == wanted


def _first(row: str, texts: list[str], n: int) -> int:
    return next((i for i, text in enumerate(texts) if _hit(row, text, n)), -1)


@pytest.mark.slow
@settings(max_examples=150)
@given(TEXTS, TEXTS, st.integers(1, 9))
def test_what_is_found_is_what_sets_of_strings_find(
    texts: list[str], rows: list[str], n: int
) -> None:
    expected = [_first(row, texts, n) for row in rows]
    assert NgramIndex(texts, n, common=True).find(rows).tolist() == expected


@pytest.mark.slow
@pytest.mark.parametrize("n", [3, 8, 13])
def test_everything_that_open_r1_finds_is_found(n: int) -> None:
    rng = random.Random(n)
    vocabulary = [*WORDS, "ΑΣ", "ας", "İ", "i̇", "ﬁ", "x\u00a0y", "a\u2003b", "\x1c", "−", "¿"]
    texts = [" ".join(rng.choices(vocabulary, k=rng.randrange(20, 60))) for _ in range(60)]
    rows = [" ".join(rng.choices(vocabulary, k=rng.randrange(60))) for _ in range(300)]
    for row in range(0, 300, 3):  # quotes with other white space and other case
        words = rng.choice(texts).split(" ")
        start = rng.randrange(len(words) - n)
        quote = rng.choice(["  ", "\n", "\t "]).join(words[start : start + n])
        rows[row] += " " + rng.choice([quote, quote.upper(), quote.lower(), quote.title()])
    found = NgramIndex(texts, n, common=True).find(rows)
    theirs = [any(_runs(_plain(row), n) & _runs(_plain(text), n) for text in texts) for row in rows]
    assert sum(theirs) > 50
    assert all(found[i] >= 0 for i, hit in enumerate(theirs) if hit)


QUESTION = "Let $f(x)=x^2+5x$ and suppose that $a,b$ are the roots of $f(x)=3$; what is their sum?"


@pytest.mark.parametrize(
    "row",
    [
        QUESTION.upper(),
        QUESTION.replace("$", ""),
        QUESTION.replace("=", " = ").replace("+", "\\, + \\,"),
        re.sub(r"\$(.*?)\$", r"\\(\1\\)", QUESTION),
        QUESTION.replace("(x)", "\\left( x \\right)"),
        QUESTION.replace(" ", "\u00a0"),
        "Problem 7. " + QUESTION.replace(" and", "\nand") + " (3 points)",
        QUESTION.replace("x^2", "x²"),
    ],
)
def test_a_quote_in_other_typing_is_found(row: str) -> None:
    assert NgramIndex(["Something else.", QUESTION], 13).find([row]).tolist() == [1]


def test_one_changed_word_in_every_run_is_no_quote() -> None:
    words = [f"word{'abcdefghijklmnopqrstuvwxyz'[i]}" for i in range(26)]
    row = [word if i % 13 != 12 else "other" for i, word in enumerate(words)]
    index = NgramIndex([" ".join(words)], 13)
    assert index.find([" ".join(row)]).tolist() == [-1]
    assert index.find([" ".join(words[:13])]).tolist() == [0]
    assert index.find([" ".join(words[:12])]).tolist() == [-1]


def test_short_benchmark_texts_follow_their_rule() -> None:
    texts = ["What is 2 + 2?", "How do I pick a lock?", "Why?", "...", ""]
    rows = [
        "what is $2+2$",  # the whole of a text of four words
        "What is 2 + 2 + 2?",  # more than it
        "Tell me: how do I pick a lock, and why?",  # a text of six words, whole
        "How do I pick a door?",
        "why",
        "...",
        "",
    ]
    assert NgramIndex(texts, 13).find(rows).tolist() == [0, -1, 1, -1, 2, -1, -1]


def test_chinese_runs_are_found_without_spaces() -> None:
    text = "已知非负整数数列 $\\{a_n\\}$ 满足 $a_1 = 2016$, 求这样的数列的个数."
    row = "题目：已知非负整数数列$\\{a_n\\}$满足$a_1=2016$，求这样的数列的个数。"
    assert NgramIndex([text], 13).find([row, "已知正整数数列满足条件"]).tolist() == [0, -1]


def test_odd_rows_stop_nothing() -> None:
    index = NgramIndex([QUESTION, "a" * 1_000_000], 13)
    rows = ["", "a" * 1_000_000, "\x00", QUESTION + "\x00", "\ud800 " + QUESTION, "\\" * 50]
    assert index.find(rows).tolist() == [-1, 1, -1, 0, 0, -1]
    assert index.find([]).tolist() == []
    assert NgramIndex([], 13).find([QUESTION]).tolist() == [-1]
    with pytest.raises(ValueError, match="n must be 1 or more"):
        NgramIndex([QUESTION], 0)


@pytest.mark.slow
def test_rows_in_arrow_and_an_index_in_another_process_find_the_same() -> None:
    rng = random.Random(0)
    texts = [" ".join(rng.choices(WORDS, k=30)) for _ in range(20)]
    rows = [" ".join(rng.choices(WORDS, k=30)) for _ in range(5000)]  # more than one batch
    index = NgramIndex(texts, 5)
    found = index.find(rows).tolist()
    assert found != NgramIndex(texts, 5, common=True).find(rows).tolist()
    assert -1 in found
    assert max(found) > 5
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        assert pool.submit(index.find, pa.array(rows)).result().tolist() == found
    assert index.find(pa.array(rows, pa.large_string()).slice(7)).tolist() == found[7:]
    assert len(pickle.dumps(index)) < 40 * 8 * 30 + 6000


@pytest.mark.skipif(not (DATA / "olymmath").is_dir(), reason="real data sets are not here")
def test_olympiad_problems_planted_in_real_rows_are_all_found() -> None:
    problems = [
        json.loads(line)["problem"]
        for name in ("OlymMATH-EN-EASY.jsonl", "OlymMATH-EN-HARD.jsonl")
        for line in (DATA / "olymmath" / name).read_text(encoding="utf-8").splitlines()
    ]
    rows = [row["problem"] for row in json.loads((DATA / "math" / "math.json").read_text())]
    index = NgramIndex(problems, 13)
    before = index.find(rows)
    assert (before >= 0).sum() < 5  # of 7,474: lists such as 1, 2, …, 13
    assert (index.find(problems) >= 0).all()
    rng = random.Random(0)
    planted = []
    for problem in problems:
        spaced = re.sub(
            r"([=+<>])", lambda m: rng.choice(["{}", " {} ", "\\,{}\\;"]).format(m[0]), problem
        )
        spaced = spaced.replace(" ", rng.choice([" ", "  ", "\n"]))
        planted.append(rng.choice(rows) + "\n" + rng.choice([spaced, spaced.upper()]))
    assert (index.find(planted) >= 0).all()
