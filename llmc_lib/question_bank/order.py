"""The order in which questions are asked: drawn by the seed, so that any beginning is a fair sample."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence

from llmc_lib.records import Question


def drawn(questions: Sequence[Question], seed: int) -> list[Question]:
    """The questions in a random order in which every beginning has the categories' shares.

    Within a category the order is a random permutation. The i-th of a category's n questions (from 0)
    is put at (i + u) / n of the way, with one random u in [0, 1) a category: a systematic sample with
    a random start (Cochran, Sampling Techniques, 1977, section 8). Of c categories, one with the share s has
    m · s of the first m questions, give or take 1 + s · (c - 2) at most: up to any place of the way each
    category is less than a question off. It depends on the seed and the ids alone, not on the order of the file.
    """
    by_category: dict[str, list[Question]] = defaultdict(list)
    for question in sorted(questions, key=lambda q: q.id):
        by_category[question.category].append(question)
    placed = []
    for category, items in by_category.items():
        draw = random.Random(f"{seed}/order/{category}")
        draw.shuffle(items)
        start = draw.random()
        placed += [((n + start) / len(items), q.id, q) for n, q in enumerate(items)]
    return [question for _, _, question in sorted(placed, key=lambda item: item[:2])]
