"""The nearest of other texts: what counts, and that all pairs are compared."""

from __future__ import annotations

import pytest

from llmc_lib.dataset.texts import nearest as module
from llmc_lib.dataset.texts.nearest import nearest

ROWS = [
    "A train covers 120 km in 2 hours. What is its speed?",
    "How many legs has a spider?",
    "Let $a_1 = 2$ and $a_{n+1} = 3a_n - 1$; find $a_5$.",
    "",
]


def test_a_paraphrase_is_near_and_another_question_is_not() -> None:
    found = nearest(["In 2 hours the trains cover 120 km: at what speeds?", "Who wrote Emma?"], ROWS)  # fmt: skip
    assert found.place[0] == 0
    assert found.similarity[0] > 0.6
    assert found.similarity[1] < 0.3
    assert nearest([ROWS[2]], ROWS).similarity[0] == pytest.approx(1)
    assert nearest([ROWS[2]], ROWS).place.tolist() == [2]


def test_the_nearest_with_its_answer_is_apart() -> None:
    answers = ["60", "8", "$ 122 $.", ""]
    texts = ["How many legs has an octopus?", "How many legs has a spider?"]
    found = nearest(texts, ROWS, [{"8"}, {"122"}], answers)
    assert found.place.tolist() == [1, 1]
    assert found.place_with_answer.tolist()[0] == 1
    assert found.with_answer[0] == found.similarity[0]
    assert found.with_answer[1] < found.similarity[1] == pytest.approx(1)
    assert nearest([ROWS[2]], ROWS, [{"C", "122"}], answers).place_with_answer.tolist() == [2]


def test_without_rows_or_words_there_is_none() -> None:
    for found in (nearest(["one two"], []), nearest(["?"], ["!"]), nearest([""], ROWS)):
        assert found.similarity.tolist() == [0]
        assert found.place.tolist() == [-1]


def test_parts_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["speed of a train", "legs of a spider", "find a 5"]
    whole = nearest(texts, ROWS * 3)
    monkeypatch.setattr(module, "_CELLS", 6)
    parts = nearest(texts, ROWS * 3)
    assert parts.place.tolist() == whole.place.tolist()
    assert parts.similarity.tolist() == pytest.approx(whole.similarity.tolist())
