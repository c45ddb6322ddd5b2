"""Check every answer of the embedded mathematics questions by computing it independently."""

import json
import math
import re
from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import cache
from itertools import combinations, count, pairwise, permutations, product
from pathlib import Path
from typing import TypeAlias

import pytest
import sympy as sp
from sympy.parsing.sympy_parser import (
    convert_xor,
    implicit_multiplication_application,
    parse_expr,
    standard_transformations,
)

QUESTIONS = Path(__file__).parents[2] / "llmc_lib" / "benchmarks" / "hle_mini.jsonl"

Value: TypeAlias = int | str | Fraction | sp.Expr
X = sp.Symbol("x", positive=True)
DIE = range(1, 7)
OPTION = re.compile(r"^([A-E])\. (.+)$", re.MULTILINE)
TRANSFORMATIONS = (*standard_transformations, convert_xor, implicit_multiplication_application)


@cache
def questions() -> dict[str, dict[str, str]]:
    """Return the mathematics questions by id."""
    lines = QUESTIONS.read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, filter(str.strip, lines)) if row["category"] == "Math"]
    by_id = {row["id"]: row for row in rows}
    assert len(by_id) == len(rows), "a question id occurs twice"
    return by_id


def options(question_id: str) -> dict[str, str]:
    """Return the option texts of a multiple-choice question by letter."""
    _, marker, block = questions()[question_id]["question"].partition("\n\nAnswer Choices:\n")
    assert marker, f"{question_id} has no options"
    found = dict(OPTION.findall(block))
    assert "".join(found) in ("ABCD", "ABCDE")
    assert len(found) == len(block.splitlines())
    return found


def parse(text: str) -> sp.Expr:
    """Read a number or a short expression in x and i; decimals become exact fractions."""
    names = {"x": X, "i": sp.I}
    return sp.nsimplify(parse_expr(text, names, TRANSFORMATIONS), rational=True)


def equals(text: str, value: Value) -> bool:
    """Tell whether an answer or option text stands for the computed value."""
    if isinstance(value, str):
        return text == value
    if isinstance(value, Fraction):
        value = sp.Rational(value.numerator, value.denominator)
    return bool(sp.simplify(parse(text) - sp.sympify(value)) == 0)


def only(values: Iterable[Value]) -> Value:
    """Return the single element of an iterable."""
    (value,) = values
    return value


def first(condition: Callable[[int], bool], start: int = 1) -> int:
    """Return the least integer from start on that meets the condition."""
    return next(n for n in count(start) if condition(n))


def chance(outcomes: Iterable[tuple[int, ...]], event: Callable[[tuple[int, ...]], bool]) -> Value:
    """Return the probability of an event among equally likely outcomes."""
    listed = list(outcomes)
    return Fraction(sum(map(event, listed)), len(listed))


# Arithmetic


def largest_fraction() -> Value:
    return max(Fraction(text) for text in options("hle-mini-math-032").values())


def rounded_to_hundred() -> Value:
    return min(range(0, 10_000, 100), key=lambda hundred: abs(hundred - 3768))


def roman_number() -> Value:
    worth = [{"I": 1, "V": 5, "X": 10}[letter] for letter in "XIV"]
    following = [*worth[1:], 0]
    return sum(-a if a < b else a for a, b in zip(worth, following, strict=True))


def price_drop_percent() -> Value:
    final = 100 * (1 + Fraction(20, 100)) * (1 - Fraction(20, 100))
    return 100 - final


# Algebra


def solution_of_addition() -> Value:
    return only(sp.solve(sp.Eq(X + 17, 42), X))


def least_quadratic_value() -> Value:
    t = sp.Symbol("t", real=True)
    return sp.minimum(t**2 - 6 * t + 11, t, sp.S.Reals)


def adults_at_the_zoo() -> Value:
    return only(a for a in range(12) if 9 * a + 5 * (11 - a) == 75)


def log_difference() -> Value:
    return only(k for k in range(-50, 50) if Fraction(2) ** k == Fraction(40, 5))


def hours_for_both_taps() -> Value:
    hours = sp.Symbol("hours")
    return only(sp.solve(hours / 4 + hours / 12 - 1, hours))


def complex_power() -> Value:
    real, imaginary = 1, 0
    for _ in range(10):
        real, imaginary = real - imaginary, real + imaginary
    return real + imaginary * sp.I


# Number theory


def is_prime(n: int) -> bool:
    return n > 1 and all(n % d for d in range(2, n))


def only_prime() -> Value:
    return only(int(text) for text in options("hle-mini-math-006").values() if is_prime(int(text)))


def last_digit_of_power() -> Value:
    digit = 1
    for _ in range(2026):
        digit = digit * 7 % 10
    return digit


def trailing_zeros() -> Value:
    digits = str(math.factorial(250))
    return len(digits) - len(digits.rstrip("0"))


def unit_fraction_pairs() -> Value:
    # The smaller of x and y is at most 24, so the larger is at most 12 * 13 = 156.
    pairs = product(range(1, 157), repeat=2)
    return sum(12 * (x + y) == x * y for x, y in pairs)


# Combinatorics


def cube_edges() -> Value:
    corners = product((0, 1), repeat=3)
    pairs = combinations(corners, 2)
    return sum(sum(a != b for a, b in zip(p, q, strict=True)) == 1 for p, q in pairs)


def circle_regions() -> Value:
    chords = list(combinations(range(6), 2))
    crossings = sum(a < c < b < d or c < a < d < b for (a, b), (c, d) in combinations(chords, 2))
    vertices = 6 + crossings
    edges = 6 + len(chords) + 2 * crossings
    return edges - vertices + 1  # Euler's formula, without the face outside the circle


def letters_all_misplaced() -> Value:
    orders = permutations(range(5))
    return sum(all(place != letter for place, letter in enumerate(order)) for order in orders)


def subsets_without_neighbours() -> Value:
    return sum(mask & (mask >> 1) == 0 for mask in range(2**10))


# Probability


def two_white_socks() -> Value:
    socks = range(10)  # the first four are white
    return chance(permutations(socks, 2), lambda pair: max(pair) < 4)


def close_points() -> Value:
    a, b = sp.symbols("a b")
    half = sp.Rational(1, 2)
    below = sp.integrate(1, (b, 0, a + half), (a, 0, half)) + sp.integrate(1, (a, half, 1))
    far_below = sp.integrate(1, (b, 0, a - half), (a, half, 1))
    return below - far_below


def rolls_until_double_six() -> Value:
    fresh, after_six = sp.symbols("fresh after_six")
    sixth = sp.Rational(1, 6)
    rules = [
        sp.Eq(fresh, 1 + sixth * after_six + (1 - sixth) * fresh),
        sp.Eq(after_six, 1 + (1 - sixth) * fresh),
    ]
    return sp.solve(rules, [fresh, after_six])[fresh]


def two_headed_coin() -> Value:
    coins = ("HH", "HT", "HT")
    throws = [
        (coin, coins[coin][s] + coins[coin][t]) for coin, s, t in product(range(3), (0, 1), (0, 1))
    ]
    heads = [coin for coin, shown in throws if shown == "HH"]
    return Fraction(heads.count(0), len(heads))


# Geometry


def right_angle() -> Value:
    return sp.acos(sp.Matrix([1, 0]).dot(sp.Matrix([0, 1]))) * 180 / sp.pi


def polygon_sides() -> Value:
    return first(lambda n: Fraction(180 * (n - 2), n) == 156, start=3)


def hypotenuse() -> Value:
    return sp.Point(9, 0).distance(sp.Point(0, 40))


def inradius() -> Value:
    return sp.Triangle(sss=(13, 14, 15)).inradius


# Calculus


def parabola_area() -> Value:
    t = sp.Symbol("t")
    curve = 6 * t - t**2
    left, right = sorted(sp.solve(curve, t))
    return sp.integrate(curve, (t, left, right))


def radius_of_convergence() -> Value:
    n = sp.Symbol("n", integer=True, positive=True)
    coefficient = sp.factorial(n) ** 2 / sp.factorial(2 * n)
    return sp.limit(sp.combsimp(coefficient / coefficient.subs(n, n + 1)), n, sp.oo)


# Linear algebra


def larger_eigenvalue() -> Value:
    companion = sp.Matrix([[0, -10], [1, 7]])
    assert (companion.trace(), companion.det()) == (7, 10)
    return max(companion.eigenvals())


def perpendicular_parameter() -> Value:
    k = sp.Symbol("k")
    return only(sp.solve(sp.Matrix([2, k, 3]).dot(sp.Matrix([4, -5, 4])), k))


# Sequences and series


def next_of_arithmetic_list() -> Value:
    known = [3, 7, 11, 15]
    step = {b - a for a, b in pairwise(known)}
    assert len(step) == 1
    return known[-1] + step.pop()


def next_fibonacci() -> Value:
    known = [1, 1, 2, 3, 5, 8]
    assert all(known[i] == known[i - 1] + known[i - 2] for i in range(2, len(known)))
    return known[-1] + known[-2]


def geometric_sum() -> Value:
    k = sp.Symbol("k", integer=True)
    return sp.summation(12 * sp.Rational(1, 3) ** k, (k, 0, sp.oo))


def fifth_term() -> Value:
    term = 2
    for _ in range(4):
        term = 3 * term - 1
    return term


def telescoping_sum() -> Value:
    n, m = sp.symbols("n m", integer=True, positive=True)
    return sp.limit(sp.summation(1 / (n * (n + 2)), (n, 1, m)), m, sp.oo)


# Logic


def milo_statement() -> Value:
    worlds = [
        (kind, colour)
        for kind, colour in product(("cat", "dog", "owl"), ("black", "white", "grey"))
        if (kind != "cat" or colour == "black") and colour != "black"
    ]
    meaning: dict[str, Callable[[str, str], bool]] = {
        "Milo is a cat": lambda kind, colour: kind == "cat",
        "Milo is not a cat": lambda kind, colour: kind != "cat",
        "Milo is a dog": lambda kind, colour: kind == "dog",
        "Milo is white": lambda kind, colour: colour == "white",
    }
    assert sorted(meaning) == sorted(options("hle-mini-math-070").values())
    return only(text for text, holds in meaning.items() if all(holds(*w) for w in worlds))


def tallest_of_four() -> Value:
    people = ("Ann", "Ben", "Carl", "Dana")
    orders = (dict(zip(people, ranks, strict=True)) for ranks in permutations(range(4)))
    fitting = [h for h in orders if h["Ann"] > h["Ben"] > h["Carl"] and h["Dana"] > h["Ann"]]
    return only({max(people, key=heights.__getitem__) for heights in fitting})


def kind_of_kim() -> Value:
    kinds = {
        kim
        for ulf, bo, kim in product((True, False), repeat=3)
        if ulf == (not bo) and bo == (ulf == kim)
    }
    if not kinds:
        return "No consistent answer exists"
    if len(kinds) == 2:
        return "Either is possible"
    return "A knight" if only(kinds) else "A knave"


CHECKS: dict[str, Callable[[], Value]] = {
    "hle-mini-math-001": lambda: sum(12 for _ in range(7)),
    "hle-mini-math-002": lambda: first(lambda n: n * (n + 1) == 156),
    "hle-mini-math-003": trailing_zeros,
    "hle-mini-math-004": lambda: 345 + 278,
    "hle-mini-math-005": least_quadratic_value,
    "hle-mini-math-006": only_prime,
    "hle-mini-math-007": lambda: sum(math.gcd(n, 30) == 1 for n in range(1, 1001)),
    "hle-mini-math-008": adults_at_the_zoo,
    "hle-mini-math-009": lambda: 40 - Fraction(25, 100) * 40,
    "hle-mini-math-010": circle_regions,
    "hle-mini-math-011": cube_edges,
    "hle-mini-math-012": last_digit_of_power,
    "hle-mini-math-013": rounded_to_hundred,
    "hle-mini-math-014": lambda: sum(360 % d == 0 for d in range(1, 361)),
    "hle-mini-math-015": lambda: first(lambda n: (n % 4, n % 9, n % 11) == (3, 4, 5)),
    "hle-mini-math-016": lambda: first(lambda years: 9 + 13 + 2 * years == 30),
    "hle-mini-math-017": lambda: first(lambda t: t % 18 == 0 and t % 24 == 0),
    "hle-mini-math-018": next_fibonacci,
    "hle-mini-math-019": lambda: sp.limit((1 - sp.cos(3 * X)) / X**2, X, 0),
    "hle-mini-math-020": lambda: 123456789 % 9,
    "hle-mini-math-021": lambda: Fraction(9, 2),
    "hle-mini-math-022": solution_of_addition,
    "hle-mini-math-023": lambda: first(lambda k: (2**k - 1) % 17 == 0),
    "hle-mini-math-024": lambda: len(list(combinations(range(8), 3))),
    "hle-mini-math-025": right_angle,
    "hle-mini-math-026": lambda: len(set(permutations("LEVEL"))),
    "hle-mini-math-027": letters_all_misplaced,
    "hle-mini-math-028": lambda: Fraction(6, 3) * 5,
    "hle-mini-math-029": lambda: chance(product(DIE, DIE), lambda dice: dice[0] * dice[1] % 2 == 1),
    "hle-mini-math-030": next_of_arithmetic_list,
    "hle-mini-math-031": subsets_without_neighbours,
    "hle-mini-math-032": largest_fraction,
    "hle-mini-math-033": two_white_socks,
    "hle-mini-math-034": lambda: len(list(product(range(8), range(5)))),
    "hle-mini-math-035": close_points,
    "hle-mini-math-036": hypotenuse,
    "hle-mini-math-037": lambda: sp.sympify("2 + 3 * 4"),
    "hle-mini-math-038": polygon_sides,
    "hle-mini-math-039": lambda: sp.Polygon((0, 0), (9, 0), (9, 9), (0, 9)).perimeter,
    "hle-mini-math-040": rolls_until_double_six,
    "hle-mini-math-041": lambda: 180 - 50 - 60,
    "hle-mini-math-042": lambda: sp.diff(X**3 - 4 * X, X).subs(X, 2),
    "hle-mini-math-043": two_headed_coin,
    "hle-mini-math-044": lambda: first(lambda n: n * n == 81),
    "hle-mini-math-045": lambda: sp.diff(X * sp.log(X), X),
    "hle-mini-math-046": lambda: Fraction(5, 2) * 60,
    "hle-mini-math-047": parabola_area,
    "hle-mini-math-048": radius_of_convergence,
    "hle-mini-math-049": lambda: chance(product(DIE), lambda roll: roll[0] % 2 == 0),
    "hle-mini-math-050": larger_eigenvalue,
    "hle-mini-math-051": lambda: chance(product(range(3 + 5)), lambda marble: marble[0] < 3),
    "hle-mini-math-052": inradius,
    "hle-mini-math-053": lambda: len(set(permutations("CAT"))),
    "hle-mini-math-054": perpendicular_parameter,
    "hle-mini-math-055": lambda: max(d for d in range(1, 19) if 12 % d == 18 % d == 0),
    "hle-mini-math-056": lambda: sp.integrate(X**3 * sp.exp(-2 * X), (X, 0, sp.oo)),
    "hle-mini-math-057": lambda: sum(range(1, 100, 2)),
    "hle-mini-math-058": lambda: sp.Add(3 * X, 2 * X),
    "hle-mini-math-059": geometric_sum,
    "hle-mini-math-060": lambda: sp.Matrix(5, 5, lambda i, j: (i + 1) + (j + 1)).rank(),
    "hle-mini-math-061": lambda: Fraction("0.3") + Fraction("0.45"),
    "hle-mini-math-062": lambda: Fraction("0.2"),
    "hle-mini-math-063": fifth_term,
    "hle-mini-math-064": lambda: sp.Matrix(4, 4, lambda i, j: 3 if i == j else 1).det(),
    "hle-mini-math-065": lambda: len(list(product((0, 1), repeat=5))),
    "hle-mini-math-066": lambda: sum(
        p or (q and r) for p, q, r in product((True, False), repeat=3)
    ),
    "hle-mini-math-067": lambda: Fraction(4 + 8 + 12, 3),
    "hle-mini-math-068": kind_of_kim,
    "hle-mini-math-069": log_difference,
    "hle-mini-math-070": milo_statement,
    "hle-mini-math-071": price_drop_percent,
    "hle-mini-math-072": lambda: Fraction(100, 8),
    "hle-mini-math-073": telescoping_sum,
    "hle-mini-math-074": tallest_of_four,
    "hle-mini-math-075": lambda: sp.cos(sp.Rational(120, 180) * sp.pi),
    "hle-mini-math-076": unit_fraction_pairs,
    "hle-mini-math-077": roman_number,
    "hle-mini-math-078": lambda: int("243", 5),
    "hle-mini-math-079": lambda: (2 * X + 1).subs(X, 3),
    "hle-mini-math-080": complex_power,
    "hle-mini-math-081": hours_for_both_taps,
    "hle-mini-math-082": lambda: -4 + 9,
}


def test_checks_cover_exactly_the_questions() -> None:
    assert set(CHECKS) == set(questions())


@pytest.mark.parametrize("question_id", list(CHECKS))
def test_answer_is_the_computed_value(question_id: str) -> None:
    row = questions()[question_id]
    value = CHECKS[question_id]()
    if row["answer_type"] == "exactMatch":
        assert equals(row["answer"], value), f"{row['answer']} is not {value}"
        return
    assert row["answer_type"] == "multipleChoice"
    equal = [letter for letter, text in options(question_id).items() if equals(text, value)]
    assert equal == [row["answer"]], f"{value} is option {equal}, not {row['answer']}"
