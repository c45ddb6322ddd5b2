"""MinHash signatures against exact Jaccard similarities; near duplicates against a plain reference."""

from __future__ import annotations

import multiprocessing
import random

import numpy as np
import pytest

from llmc_lib.dataset.texts.signatures import EMPTY, SLOTS, bands, near_duplicates, signatures

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def _word(rng: random.Random) -> str:
    return "".join(rng.choices(LETTERS, k=5))


def _family(rng: random.Random, size: int, words: int = 60) -> list[str]:
    """Texts that resemble one another more or less."""
    text = [_word(rng) for _ in range(words)]
    texts = []
    for _ in range(size):
        changed = [_word(rng) if rng.random() < 0.03 else word for word in text]
        texts.append(" ".join(changed))
        if rng.random() < 0.5:
            text = changed
    return texts


def _jaccard(left: str, right: str) -> float:
    def shingles(text: str) -> set[tuple[str, ...]]:
        words = text.split()
        return {tuple(words[i : i + 3]) for i in range(len(words) - 2)}

    return len(shingles(left) & shingles(right)) / len(shingles(left) | shingles(right))


def test_equal_slots_estimate_the_jaccard_similarity() -> None:
    rng = random.Random(0)
    texts = _family(rng, 60)
    made = signatures(texts)
    assert made.shape == (60, SLOTS)
    assert made.dtype == np.uint32
    errors = [
        float((made[i] == made[j]).mean()) - _jaccard(texts[i], texts[j])
        for i in range(60)
        for j in range(i)
    ]
    assert abs(float(np.mean(errors))) < 0.02
    assert float(np.std(errors)) < 0.044  # √(s(1 - s)/128) is 0.044 at most
    assert max(map(abs, errors)) < 0.2


def test_typing_does_not_change_a_signature_and_the_batch_neither() -> None:
    rng = random.Random(1)
    texts = ["Let $x=5$ and\\,$y = \\left(6\\right)$ hold.", *_family(rng, 299)]
    other = ["let x = 5, and y=6 hold", *[text.upper() for text in texts[1:]]]
    made = signatures(texts)
    assert (made == signatures(other)).all()
    assert (made[200:] == signatures(texts[200:])).all()


def test_short_texts_have_signatures_and_empty_ones_none() -> None:
    made = signatures(["", "...", "one", "one two", "One, two!", "two one", "one two three"])
    assert (made[:2] == EMPTY).all()
    assert (made[3] == made[4]).all()
    assert len({tuple(row) for row in made[2:].tolist()}) == 4
    assert not (made[2:] == EMPTY).all(axis=1).any()
    assert near_duplicates(made[:2], *_free(2), 0.5).tolist() == [-1, -1]
    assert signatures([]).shape == (0, SLOTS)


def test_a_forked_process_can_make_signatures() -> None:
    texts = _family(random.Random(2), 1000)  # so many in one call would start rensa's threads
    signatures(texts)
    child = multiprocessing.get_context("fork").Process(target=signatures, args=(texts,))
    child.start()
    child.join(30)
    child.kill()
    assert child.exitcode == 0


def _free(count: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(count, np.uint64), np.arange(count)


def _reference(made: np.ndarray, keys: np.ndarray, rank: np.ndarray, threshold: float) -> list[int]:
    of = [-1] * len(made)
    kept: list[int] = []
    for row in sorted(range(len(made)), key=lambda i: (rank[i], i)):
        similar = [
            other
            for other in kept
            if keys[other] == keys[row] and (made[other] == made[row]).mean() >= threshold
        ]
        if similar:
            of[row] = similar[0]
        else:
            kept.append(row)
    return of


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.8, 0.95, 1.0])
def test_near_duplicates_are_those_of_the_plain_rule(threshold: float) -> None:
    rng = random.Random(int(threshold * 100))
    texts = [text for _ in range(12) for text in _family(rng, 20)]
    rng.shuffle(texts)
    texts[5] = texts[50]
    made = signatures(texts)
    keys = np.array([rng.randrange(3) == 0 for _ in texts], np.uint64)
    rank = np.array([rng.randrange(40) for _ in texts])
    expected = np.array(_reference(made, keys, rank, threshold))
    found = near_duplicates(made, keys, rank, threshold)
    assert (expected >= 0).any()
    assert (found == expected).mean() >= 0.99  # the bands find 99% of the pairs at the threshold


def test_a_row_goes_only_for_a_row_that_is_kept() -> None:
    slots = np.random.default_rng(0).integers(0, 2**32 - 1, (3, SLOTS), np.uint32)
    a = slots[0]
    b = np.concatenate([a[:110], slots[2][110:]])  # like a: 0.86
    c = np.where(np.arange(SLOTS) < 20, slots[1], b)  # like b: 0.84; like a: 0.70
    chain = np.stack([a, b, c])
    keys = np.zeros(3, np.uint64)
    assert near_duplicates(chain, keys, np.array([0, 1, 2]), 0.8).tolist() == [-1, 0, -1]
    assert near_duplicates(chain, keys, np.array([1, 0, 2]), 0.8).tolist() == [1, -1, 1]
    assert near_duplicates(chain, keys, np.array([2, 1, 0]), 0.8).tolist() == [-1, 2, -1]


def test_the_order_of_rows_does_not_matter() -> None:
    rng = random.Random(3)
    made = signatures([text for _ in range(6) for text in _family(rng, 20)])
    keys, rank = _free(len(made))
    found = near_duplicates(made, keys, rank, 0.8)
    order = np.random.default_rng(0).permutation(len(made))
    shuffled = near_duplicates(made[order], keys, rank[order], 0.8)
    again = np.full(len(made), -1)
    again[order] = np.where(shuffled >= 0, order[shuffled], -1)
    assert (found >= 0).any()
    assert again.tolist() == found.tolist()


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.5, 0.8, 0.9, 0.99, 1.0])
def test_the_bands_find_nearly_all_pairs_at_the_threshold(threshold: float) -> None:
    number, width = bands(threshold, SLOTS)
    assert number * width <= SLOTS
    found = 1 - (1 - threshold**width) ** number
    assert found >= 0.99
    if number > 1 and width > 1:  # wider ones would find fewer
        assert 1 - (1 - threshold ** (width + 1)) ** (SLOTS // (width + 1)) < 0.99
