"""Rows that resemble a benchmark question as a whole."""

from __future__ import annotations

import random

import numpy as np
import pytest

from llmc_lib.dataset.texts.overlap import Screen, near_matches, words_from
from llmc_lib.dataset.texts.signatures import SLOTS, signatures
from llmc_lib.params import DecontaminationParams


def _texts(rng: random.Random, count: int) -> list[str]:
    vocabulary = ["".join(rng.choices("abcdefghijklmnop", k=4)) for _ in range(500)]
    return [" ".join(rng.choices(vocabulary, k=50)) for _ in range(count)]


@pytest.mark.parametrize("threshold", [0.3, 0.8, 1.0])
def test_the_most_similar_text_is_named(threshold: float) -> None:
    rng = random.Random(0)
    texts = _texts(rng, 40)
    rows = []
    for text in [*texts, *_texts(rng, 40)]:
        words = text.split()
        for place in rng.sample(range(50), rng.randrange(8)):
            words[place] = "other"
        rows.append(" ".join(words))
    ours, theirs = signatures(rows), signatures(texts)
    similarity = (ours[:, None, :] == theirs[None, :, :]).mean(axis=2)
    expected = np.where(similarity.max(axis=1) >= threshold, similarity.argmax(axis=1), -1)
    found = near_matches(ours, theirs, threshold)
    assert found.tolist() == expected.tolist()
    assert 0 < (found >= 0).sum() <= 40


def test_another_number_does_not_hide_a_question() -> None:
    question = (
        "A train leaves the town at noon with a speed of 60 km/h and another follows an hour later "
        "on the same track; when and where does the second one, at 90 km/h, reach the first?"
    )
    rows = [question.replace("60", "50"), question.upper(), "A train leaves."]
    assert near_matches(signatures(rows), signatures(["Else", question]), 0.8).tolist() == [
        1,
        1,
        -1,
    ]


def test_texts_without_words_resemble_nothing() -> None:
    rows, texts = signatures(["", "?", "one two three"]), signatures(["...", "", "one two three"])
    assert near_matches(rows, texts, 0.1).tolist() == [-1, -1, 2]
    assert near_matches(rows, texts[:2], 0.1).tolist() == [-1, -1, -1]
    assert near_matches(rows, np.empty((0, SLOTS), np.uint32), 0.8).tolist() == [-1, -1, -1]
    assert near_matches(rows[:0], texts, 0.8).tolist() == []


ENDING = "can be written as $\\frac{m}{n}$, where $m$ and $n$ are relatively prime positive integers. Find $m+n$."
BODIES = [
    "A lighthouse keeper climbs a spiral staircase of 84 steps and rests after every seventh one. The share of his time",
    "Six chess players meet on a ferry and each pair plays at most once before it lands. The chance that nobody wins twice",
    "Two bakers knead the same dough at constant speeds, the second starting nine minutes late. The part left at ten past",
    "On a shelf stand eleven jars whose lids were mixed up by the cat one night. The probability that three lids fit",
]
BENCHMARK = {str(number): f"{body} {ENDING}" for number, body in enumerate(BODIES)}


def _hits(rows: list[str], texts: dict[str, str], **given: object) -> list[str | None]:
    screen = Screen({"made": texts}, DecontaminationParams.model_validate(given))
    found = screen.find(rows, [""] * len(rows), signatures(rows))
    return [hit.benchmark_id if hit else None for hit in found]


def test_words_that_questions_have_in_common_do_not_count_alone() -> None:
    rows = [f"The ratio of the areas of two kites {ENDING}", f"The mean of all such sums {ENDING}"]
    assert _hits(rows, BENCHMARK) == [None, None]
    one = {"0": BENCHMARK["0"]}  # a phrase of contests, though nothing else in the benchmark has it
    assert _hits(rows, one) == [None, None]


def test_copies_quotes_and_paraphrases_are_found_beside_common_words() -> None:
    for number, body in enumerate(BODIES):
        question = BENCHMARK[str(number)]
        rows = [
            question,
            question.upper().replace("$", ""),
            f"Problem 3. {question} Explain each step, then check the result with a drawing.",
            f"{body} is asked for. Give it as a decimal.",  # another ending
            f"Once more: {' '.join(body.split()[:14])} and so on.",
            f"Imagine: {question.replace('constant', 'steady').replace('84', '96')}",
        ]
        assert _hits(rows, BENCHMARK) == [f"made/{number}"] * len(rows)


def test_a_question_that_is_there_twice_is_not_common_for_that() -> None:
    twice = BENCHMARK | {f"again {number}": text for number, text in BENCHMARK.items()}
    rows = [f"{' '.join(BODIES[1].split()[:14])} and the rest differs.", f"Any sum {ENDING}"]
    assert _hits(rows, twice) == ["made/1", None]


def test_a_question_of_nothing_but_common_words_is_found_as_a_whole() -> None:
    lead = "Find the number of ordered pairs of positive integers with"
    texts = {str(n): f"{lead} the greatest possible sum of digits, then {ENDING}" for n in range(2)}
    texts["2"] = f"{lead} the property that their quotient {ENDING}"
    texts["3"] = f"The smallest area of a triangle with the property that their quotient {ENDING}"
    row = f"Warm-up. {texts['2']} Do not use a calculator, and write down what you tried."
    assert _hits([row, f"What is left {ENDING}"], texts, near=None) == ["made/2", None]


def test_the_shared_words_are_told_where_they_may_be() -> None:
    screen = Screen({"made": BENCHMARK}, DecontaminationParams())
    row = f"Solve this. {BODIES[0]} grows. What now?"
    (hit,) = screen.find([row], [""], signatures([row]))
    assert hit is not None
    assert hit.shared.split()[0] == "A"
    assert len(hit.shared.split()) == 13
    assert hit.shared in BENCHMARK["0"]
    hidden = Screen({"made": BENCHMARK}, DecontaminationParams(), frozenset({"made"}))
    (hit,) = hidden.find([row], [""], signatures([row]))
    assert hit is not None
    assert hit.shared == ""


def test_words_are_cut_out_as_they_stand() -> None:
    text = "Let $f(x)=x^2+5x$, and suppose $a,b$ are roots of $f$."
    assert words_from(text, 1, 4, normalised=False) == "$f(x)=x^2+5x$, and suppose $a,b$"
    assert words_from(text, 7, 2, normalised=True) == "and suppose"
    assert words_from("已知非负整数数列", 2, 3, normalised=True) == "非负整"
