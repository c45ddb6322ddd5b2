"""Numbers in words: the noun agrees, and a share never says more than was counted."""

from __future__ import annotations

import pytest

from llmc_lib.formatting import (
    adding_up,
    aligned,
    as_bound,
    as_chance,
    as_count,
    as_likely,
    as_p,
    as_p_cell,
    as_percent,
    as_points,
    as_tick,
    best_of,
    counted,
    digits_of,
    in_points,
    leaving,
    listed,
    share,
    unbroken,
)


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
        (-0.001, 200, "−0.1 points"),
        (-0.0000001, 200, "0 points"),
        (0.0, 200, "0 points"),
        (0.1234, 2_000, "+12.3 points"),
        (-0.0001, 2_000, "−0.01 points"),
        (0.0, 2_000, "0.0 points"),
    ],
)
def test_points(difference: float, n: int, text: str) -> None:
    assert as_points(difference, n) == text


def test_percent_and_p() -> None:
    assert (as_percent(0.1234, 999), as_percent(0.1234, 1_000)) == ("12%", "12.3%")
    # Few are not none, and nearly all are not all.
    assert [as_percent(x, 500) for x in (0, 0.002, 0.998, 1)] == ["0%", "0.2%", "99.8%", "100%"]
    assert [as_likely(x) for x in (0, 0.001, 0.5, 0.998, 1)] == [
        "0%",
        "< 1%",
        "50%",
        "> 99%",
        "100%",
    ]
    assert [as_p(p) for p in (0.0, 0.0004, 0.0321, 1.0)] == ["< 0.001", "< 0.001", "= 0.032", "= 1"]
    assert [as_p(p, 0.0005) for p in (0.0, 0.0004)] == ["< 0.000001", "= 0.0004"]  # never 0


@pytest.mark.parametrize(
    ("rate", "base", "n", "words"),
    [
        (0.49, 0.41, 100, ("49%", "41%", "+8 points")),
        (0.494, 0.406, 500, ("49.4%", "40.6%", "+8.8 points")),
        (0.204, 0.202, 500, ("20.4%", "20.2%", "+0.2 points")),  # a difference is not 0
        (0.002, 0.004, 500, ("0.2%", "0.4%", "−0.2 points")),
        (0.002, 0.002, 500, ("0.2%", "0.2%", "0.0 points")),
        (1.0, 0.998, 500, ("100.0%", "99.8%", "+0.2 points")),
    ],
)
def test_numbers_add_up_and_none_is_printed_as_nothing_or_all_that_is_not(
    rate: float, base: float, n: int, words: tuple[str, str, str]
) -> None:
    assert adding_up(rate, base, rate - base, n) == words


def test_what_is_left_is_the_rest_as_printed() -> None:
    assert leaving(0.05, 0.01, 200) == ("+5", "1", "+4")
    assert leaving(0.05, 0.002, 200) == ("+5.0", "0.2", "+4.8")


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


def test_no_line_ends_within_a_p_value_an_interval_or_before_a_unit() -> None:
    text = unbroken("(95% interval −7 to +5, p = 0.74, n = 1,200; p < 0.001)")
    assert "p\u00a0=\u00a00.74, n\u00a0=\u00a01,200; p\u00a0<\u00a00.001" in text
    assert text.startswith("(95% interval −7\u00a0to\u00a0+5, p")
    assert unbroken("+12.5 points of 1,200 tokens") == "+12.5\u00a0points of 1,200\u00a0tokens"
    assert unbroken("0.4 to 1 point in 6.5 GiB") == "0.4 to 1\u00a0point in 6.5\u00a0GiB"
    assert unbroken("40 pointsettias, 9 questions") == "40 pointsettias, 9 questions"
    assert unbroken("step = 3") == "step = 3"


def test_a_size_has_its_unit_and_a_p_value_its_cell() -> None:
    sizes = ["1", "+1", "−1", "-1", "0", "1.0", "+11"]
    assert [in_points(size).split()[1] for size in sizes] == ["point"] * 4 + ["points"] * 3
    assert [as_p_cell(0.03), as_p_cell(1e-9)] == ["0.03", "< 0.001"]
    assert [as_tick(5.0), as_tick(0.0), as_tick(-2.5)] == ["+5", "0", "−2.5"]


def test_a_table_has_the_digits_of_its_sentence() -> None:
    rate, base, difference = adding_up(156 / 315, 51 / 315, 105 / 315, 315)
    assert (rate, base, difference) == ("49.5%", "16.2%", "+33.3 points")
    least = digits_of(rate)
    assert as_percent(156 / 315, 315, least) == rate
    assert as_percent(156 / 315, 315) == "50%"
    assert as_points(105 / 315, 315, least) == difference
    assert digits_of("50%") == 0


def test_a_bound_beside_100_points_has_no_more_digits() -> None:
    assert as_bound(-0.9999999999999998, 310) == "−100"
    assert as_bound(0.99999999, 3) == "+100"
    assert as_bound(0.996, 3) == "+99.6"
    assert (best_of(2), best_of(8)) == ("the better of 2 candidates", "the best of 8 candidates")


def test_columns_line_up_by_their_width_on_the_screen() -> None:
    """A Chinese character is two columns wide, and a text that looks like a number stays as it is."""
    printed = aligned([["model", "n"], ["模型", "1,000"], ["1e5", "True"]], "lr")
    assert printed.splitlines() == ["model      n", "模型   1,000", "1e5     True"]
