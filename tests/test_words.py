"""Numbers in words: the noun agrees, and a share never says more than was counted."""

from __future__ import annotations

import pytest

from llmc_lib.words import as_chance, as_count, as_p, as_percent, as_points, counted, listed, share


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


@pytest.mark.parametrize(
    ("difference", "n", "text"),
    [
        (0.154, 200, "+15 points"),
        (-0.154, 200, "−15 points"),
        (0.0149, 200, "+1 point"),
        (-0.01, 200, "−1 point"),
        (-0.001, 200, "0 points"),
        (0.0, 200, "0 points"),
        (0.1234, 2_000, "+12.3 points"),
        (-0.0001, 2_000, "0.0 points"),
    ],
)
def test_points(difference: float, n: int, text: str) -> None:
    assert as_points(difference, n) == text


def test_percent_and_p() -> None:
    assert (as_percent(0.1234, 999), as_percent(0.1234, 1_000)) == ("12%", "12.3%")
    assert [as_p(p) for p in (0.0004, 0.0321, 1.0)] == ["< 0.001", "= 0.032", "= 1"]


@pytest.mark.parametrize(
    ("chance", "words"),
    [
        (0.5, "one time in two"), (0.34, "one time in three"), (0.1, "one time in ten"),
        (0.04, "one time in 25"), (0.0021, "one time in 480"), (0.0001, "less than one time in 1,000"),
    ],
)  # fmt: skip
def test_chances_can_be_imagined(chance: float, words: str) -> None:
    assert as_chance(chance) == words


def test_rough_numbers_have_two_digits() -> None:
    assert [as_count(n) for n in (7.4, 99, 101, 9_432, 123_456)] == [
        "7",
        "99",
        "100",
        "9,400",
        "120,000",
    ]
