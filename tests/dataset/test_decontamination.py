"""Rows that resemble a benchmark question as a whole."""

from __future__ import annotations

import random

import numpy as np
import pytest

from llmc_lib.dataset.decontamination import near_matches
from llmc_lib.dataset.texts.signatures import SLOTS, signatures


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
