"""Numbers in words: the noun agrees, and a share never says more than was counted."""

from __future__ import annotations

import pytest

from llmc_lib.reporting.words import counted, listed, share


def test_one_is_singular_and_thousands_are_separated() -> None:
    assert [counted(n, "row") for n in (0, 1, 1234)] == ["0 rows", "1 row", "1,234 rows"]
    assert counted(2, "category", "categories") == "2 categories"


def test_a_list_ends_with_and() -> None:
    assert [listed("abc"[:n]) for n in (1, 2, 3)] == ["a", "a and b", "a, b and c"]


@pytest.mark.parametrize(
    ("part", "total", "words"),
    [
        (0, 0, "0%"), (0, 7, "0%"), (7, 7, "100%"), (1, 3, "33%"), (1, 199, "< 1%"), (198, 199, "> 99%"),
        (1, 200, "0.5%"), (199, 200, "99.5%"), (1, 100_000, "< 0.1%"), (99_999, 100_000, "> 99.9%"),
    ],
)  # fmt: skip
def test_a_few_are_not_none_and_nearly_all_are_not_all(part: int, total: int, words: str) -> None:
    assert share(part, total) == words
