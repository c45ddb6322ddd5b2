"""Questions of a benchmark that are nearly the same, found as the data set builder finds such rows: they are one cluster.

Each question twice, taken for independent ones, makes a test at 5% err in 8% to 16% (performance/validity/duplicates.py).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from llmc_lib.evaluation.results import Results
from llmc_lib.params import BenchmarkParams
from llmc_lib.records import Question

#: A run of ASCII letters or digits, or one other letter, as texts without spaces have.
_WORD = re.compile(r"[a-z0-9]+|[^\W\d_a-z]")
#: A word of a text of plain ones, as the builder's search has them.
_PLAIN = re.compile(r"[a-z]+|[0-9]+")
#: Two questions of which fewer of all words are shared are no near duplicates of any threshold that is worth asking for.
_SHARED = 0.5
#: Of more questions with the same digits not all pairs are looked at first: all go to the builder's search.
_MANY = 2_000


def near_duplicates(texts: Sequence[str], near: float) -> dict[int, int]:
    """Place of a text → place of the earlier one that it is nearly: the same, or with numbers, signs and names that agree and
    an estimated Jaccard similarity of the word 3-grams of `near` or more (`dataset.texts.duplicates`)."""
    suspects = _suspects(texts, near)
    if not suspects:
        return {}
    # numba and its kernels take seconds, and few benchmarks have any suspects.
    from llmc_lib.dataset.texts.duplicates import duplicates, exact_keys, number_keys
    from llmc_lib.dataset.texts.signatures import signatures

    some = [texts[place] for place in suspects]
    rank = np.zeros(len(some), np.int64)
    of = duplicates(exact_keys(some), signatures(some), number_keys(some), rank, near)
    return {suspects[row]: suspects[int(of[row])] for row in np.flatnonzero(of >= 0)}


def _suspects(texts: Sequence[str], near: float) -> list[int]:
    """The places of texts that could be near duplicates of another: the same digits, in whatever order, half of the words, and
    where these are plain some of their 3-grams."""
    groups: dict[str, list[int]] = defaultdict(list)
    for place, text in enumerate(texts):
        groups["".join(sorted(c for c in text if "0" <= c <= "9"))].append(place)
    found: set[int] = set()
    for places in groups.values():
        if len(places) > _MANY:
            found.update(places)
            continue
        words = {place: set(_WORD.findall(texts[place].casefold())) for place in places}
        for a, b in combinations(places, 2):
            alike = len(words[a] & words[b]) >= _SHARED * len(words[a] | words[b])
            if alike and _in_order(texts[a], texts[b], near):
                found |= {a, b}
    return sorted(found)


def _in_order(a: str, b: str, near: float) -> bool:
    """Have two texts, where they are of plain words, half as many 3-grams of them in common as `near` asks for? An estimate that is
    twice the similarity is six of its standard errors off, and more."""
    if "\\" in a + b or not (a + b).isascii():
        return (
            True  # what is one word in a formula, or in another script, the builder's search knows
        )
    grams = []
    for text in (a, b):
        words = _PLAIN.findall(text.lower())
        grams.append({" ".join(words[at : at + 3]) for at in range(max(1, len(words) - 2))})
    return len(grams[0] & grams[1]) >= near / 2 * len(grams[0] | grams[1])


def duplicates_of(questions: Mapping[str, Question], benchmark: BenchmarkParams) -> dict[str, str]:
    """Id of a question → id of the one that it nearly repeats; {} where the params do not look for any."""
    if benchmark.duplicates is None:
        return {}
    ids = list(questions)
    found = near_duplicates(
        [question.question for question in questions.values()], benchmark.duplicates
    )
    return {ids[place]: ids[kept] for place, kept in found.items()}


def clustered(
    results: Results, benchmarks: Sequence[BenchmarkParams]
) -> tuple[Results, dict[str, dict[str, str]]]:
    """The results with near duplicates in one cluster, beside the clusters that they have; and benchmark → its duplicates."""
    answers, found = results.answers, {}
    for benchmark in benchmarks:
        questions = results.questions.get(benchmark.name, {})
        same = duplicates_of(questions, benchmark)
        if not same:
            continue
        found[benchmark.name] = same
        labels = _labels(questions, same)
        rows = answers["benchmark"] == benchmark.name
        column = answers["cluster"].astype(object)
        column[rows] = answers.loc[rows, "question_id"].map(labels)
        answers = answers.assign(cluster=column)
    return (replace(results, answers=answers) if found else results), found


def cluster_labels(questions: Sequence[Question], benchmark: BenchmarkParams) -> list[str] | None:
    """The cluster of each question, near duplicates in one; None where each is one of its own."""
    by_id = {question.id: question for question in questions}
    same = duplicates_of(by_id, benchmark)
    if not same and not any(question.cluster for question in questions):
        return None
    labels = _labels(by_id, same)
    return [labels[question.id] for question in questions]


def _labels(questions: Mapping[str, Question], same: Mapping[str, str]) -> dict[str, str]:
    """Id → cluster: its own where it has none, and that of the question that it repeats, with all that is in it."""
    labels = {id_: question.cluster or f"question {id_}" for id_, question in questions.items()}
    for id_, kept in same.items():
        old, new = labels[id_], labels[kept]
        if old != new:
            labels = {other: new if label == old else label for other, label in labels.items()}
    return labels
