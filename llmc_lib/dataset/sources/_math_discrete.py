"""The six families of "hard_math" in combinatorics, sequences and probability."""

from __future__ import annotations

import itertools
import math
import random
from fractions import Fraction

from llmc_lib.dataset.sources._math_problem import (
    Problem,
    factor_tex,
    nonzero,
    poly_tex,
    product_tex,
    tex,
)

# --- Combinatorics --------------------------------------------------------------------------------


def _count_paths(m: int, n: int, hole: tuple[int, int]) -> int:
    ways = {(0, 0): 1}
    for x, y in itertools.product(range(m + 1), range(n + 1)):
        if (x, y) != (0, 0):
            ways[x, y] = ways.get((x - 1, y), 0) + ways.get((x, y - 1), 0)
        if (x, y) == hole:
            ways[x, y] = 0
    return ways[m, n]


def path_around_hole(rng: random.Random) -> Problem:
    """Lattice paths that avoid one point."""
    m, n = rng.randint(3, 9), rng.randint(3, 9)
    a, b = rng.randint(1, m - 1), rng.randint(1, n - 1)
    every, before = math.comb(m + n, m), math.comb(a + b, a)
    after = math.comb(m + n - a - b, m - a)
    question = rng.choice(
        [
            f"A path from $(0, 0)$ to $({m}, {n})$ takes unit steps to the right or upwards. "
            f"How many such paths avoid the point $({a}, {b})$?",
            "A robot moves on a grid, always one unit east or one unit north. In how many ways can "
            f"it get from $(0, 0)$ to $({m}, {n})$ without visiting $({a}, {b})$?",
        ]
    )
    reasoning = (
        f"A path is an arrangement of ${m}$ horizontal and ${n}$ vertical steps, so there are "
        f"$\\binom{{{m + n}}}{{{m}}} = {every}$ paths in all. Those through $({a}, {b})$ number "
        f"$\\binom{{{a + b}}}{{{a}}} \\cdot \\binom{{{m + n - a - b}}}{{{m - a}}} = "
        f"{before} \\cdot {after} = {before * after}$. Taking these away leaves "
        f"${every} - {before * after} = {every - before * after}$ paths."
    )
    return Problem(
        "Combinatorics",
        question,
        reasoning,
        every - before * after,
        lambda: _count_paths(m, n, (a, b)),
        (before * after, every, every - before - after, every - before),
    )


def _fill_boxes(balls: int, boxes: int, most: int) -> int:
    ways = [1] + [0] * balls
    for _ in range(boxes):
        ways = [sum(ways[max(0, n - most) : n + 1]) for n in range(balls + 1)]
    return ways[balls]


def limited_boxes(rng: random.Random) -> Problem:
    """Stars and bars with an upper limit, by inclusion and exclusion."""
    k, most = rng.randint(3, 6), rng.randint(3, 16)
    # At most one box can be too full, which keeps the solution to one correction.
    balls = rng.randint(most + 1, 2 * most + 1)
    free = balls - most - 1
    every, bad = math.comb(balls + k - 1, k - 1), math.comb(free + k - 1, k - 1)
    question = rng.choice(
        [
            f"In how many ways can {balls} identical balls be put into {k} numbered boxes so that "
            f"no box holds more than {most}?",
            f"How many {k}-tuples of integers from $0$ to ${most}$ have sum ${balls}$?",
            f"A teacher shares {balls} identical stickers among {k} pupils, at most {most} for "
            "each and possibly none. In how many ways can this be done?",
        ]
    )
    reasoning = (
        f"Without the upper limit, stars and bars gives $\\binom{{{balls + k - 1}}}{{{k - 1}}} = "
        f"{every}$ ways. If one chosen place gets at least ${most + 1}$, sharing the "
        f"remaining ${free}$ freely gives $\\binom{{{free + k - 1}}}{{{k - 1}}} = {bad}$. "
        f"Two places cannot both exceed the limit, as $2 \\cdot {most + 1} > {balls}$. So the "
        f"number is ${every} - {k} \\cdot {bad} = {every - k * bad}$."
    )
    return Problem(
        "Combinatorics",
        question,
        reasoning,
        every - k * bad,
        lambda: _fill_boxes(balls, k, most),
        (every - bad, every, every - (k - 1) * bad, every - math.comb(k, 2) * bad),
    )


# --- Sequences and series -------------------------------------------------------------------------


def telescoping_sum(rng: random.Random) -> Problem:
    """A finite sum of 1/(u(u + d)) along an arithmetic progression."""
    while True:
        d, first, count = rng.randint(2, 8), rng.randint(1, 11), rng.randint(6, 40)
        if d != first:
            break
    end = first + count * d
    answer = Fraction(count, first * end)
    u, v = poly_tex([d, first - d], "k"), poly_tex([d, first], "k")
    question = rng.choice(
        [
            f"Evaluate $\\sum_{{k=1}}^{{{count}}} \\frac{{1}}{{({u})({v})}}$.",
            f"What is $\\frac{{1}}{{{first} \\cdot {first + d}}} + "
            f"\\frac{{1}}{{{first + d} \\cdot {first + 2 * d}}} + \\cdots + "
            f"\\frac{{1}}{{{end - d} \\cdot {end}}}$, where the factors grow by ${d}$?",
        ]
    )
    reasoning = (
        f"Every term has the form $\\frac{{1}}{{u(u + {d})}} = \\frac{{1}}{{{d}}}"
        f"\\left(\\frac1u - \\frac{{1}}{{u + {d}}}\\right)$, where $u$ runs from ${first}$ to "
        f"${end - d}$ in steps of ${d}$. In the sum all inner fractions cancel, and "
        f"$\\frac{{1}}{{{d}}}\\left(\\frac{{1}}{{{first}}} - \\frac{{1}}{{{end}}}\\right)$ "
        f"remains. This equals $\\frac{{1}}{{{d}}} \\cdot \\frac{{{end - first}}}{{{first * end}}} "
        f"= {tex(answer)}$."
    )
    return Problem(
        "Sequences and Series",
        question,
        reasoning,
        answer,
        lambda: sum((Fraction(1, w * (w + d)) for w in range(first, end, d)), Fraction(0)),
        (answer * d, Fraction(1, d * first), Fraction(count - 1, first * (end - d))),
    )


def _iterate(start: tuple[int, int], s: int, t: int, n: int) -> int:
    x, y = start
    for _ in range(n):
        x, y = y, s * y + t * x
    return x


def two_term_recurrence(rng: random.Random) -> Problem:
    """A linear recurrence of order two, by its characteristic equation."""
    while True:
        p, q = rng.sample([-3, -2, -1, 2, 3, 4, 5], 2)
        a, b, n = nonzero(rng, -5, 6), nonzero(rng, -5, 6), rng.randint(5, 7)
        answer = a * p**n + b * q**n
        if p + q and 0 < abs(answer) < 20_000:
            break
    zero, one = a + b, a * p + b * q
    rule = f"a_{{n+1}} = {poly_tex([p + q, 0], 'a_n')} {'+' if p * q < 0 else '-'} "
    rule += poly_tex([abs(p * q), 0], "a_{n-1}")
    question = rng.choice(
        [
            f"Let $a_0 = {zero}$, $a_1 = {one}$ and ${rule}$ for $n \\ge 1$. Find $a_{n}$.",
            f"What is $a_{n}$ if ${rule}$ holds for all $n \\ge 1$, with initial values "
            f"$a_0 = {zero}$ and $a_1 = {one}$?",
        ]
    )
    reasoning = (
        f"The characteristic equation ${poly_tex([1, -p - q, p * q], 't')} = 0$ has the roots "
        f"${p}$ and ${q}$, so $a_n = A \\cdot {factor_tex(p)}^n + B \\cdot {factor_tex(q)}^n$. "
        f"The initial values give $A + B = {zero}$ and ${poly_tex([p, 0], 'A')} "
        f"{'-' if q < 0 else '+'} {poly_tex([abs(q), 0], 'B')} = {one}$, hence "
        f"$A = {a}$ and $B = {b}$. Therefore "
        f"$a_{n} = {product_tex(a, p**n)} + {product_tex(b, q**n)} = {answer}$."
    )
    before, after = (a * p**m + b * q**m for m in (n - 1, n + 1))
    slips = (before, after, a * p**n - b * q**n)
    return Problem(
        "Sequences and Series",
        question,
        reasoning,
        answer,
        lambda: _iterate((zero, one), p + q, -p * q, n),
        slips,
    )


# --- Probability ----------------------------------------------------------------------------------


def which_urn(rng: random.Random) -> Problem:
    """Bayes' rule after two draws without replacement."""
    while True:
        g1, y1, g2, y2 = (rng.randint(2, 8) for _ in range(4))
        urns = [(g1, y1), (g2, y2)]
        # 3 red with 5 blue and 4 white with 6 black are benchmark questions.
        if g1 * y2 == g2 * y1 or {(3, 5), (4, 6), (5, 3), (6, 4)} & set(urns):
            continue
        n1, n2 = g1 + y1, g2 + y2
        l1 = Fraction(g1 * (g1 - 1), n1 * (n1 - 1))
        l2 = Fraction(g2 * (g2 - 1), n2 * (n2 - 1))
        answer = l1 / (l1 + l2)
        if answer.denominator < 300 and answer != Fraction(1, 2):
            break
    question = rng.choice(
        [
            f"Urn A holds {g1} green and {y1} yellow balls, urn B {g2} green and {y2} yellow. A "
            "fair coin picks one urn; two balls drawn together from it are both green. With what "
            "probability was it urn A?",
            f"Box A has {g1} green and {y1} yellow pens, box B {g2} green and {y2} yellow. Two "
            "pens from a box chosen by a fair coin are both green. What is the probability of "
            "box A?",
        ]
    )
    reasoning = (
        "From A both are green with probability "
        f"$\\frac{{{g1}}}{{{n1}}} \\cdot \\frac{{{g1 - 1}}}{{{n1 - 1}}} = {tex(l1)}$, and from B "
        f"with probability $\\frac{{{g2}}}{{{n2}}} \\cdot \\frac{{{g2 - 1}}}{{{n2 - 1}}} = "
        f"{tex(l2)}$. Both choices were equally likely at first, so by Bayes' rule the probability "
        f"of A is ${tex(l1)}$ divided by ${tex(l1)} + {tex(l2)} = {tex(l1 + l2)}$. "
        f"This quotient is ${tex(answer)}$."
    )

    def recompute() -> Fraction:
        chances = []
        for green, yellow in urns:
            draws = list(itertools.permutations([True] * green + [False] * yellow, 2))
            chances.append(Fraction(sum(map(all, draws)), 2 * len(draws)))
        return chances[0] / sum(chances)

    slips = (1 - answer, l1, Fraction(g1 * n2, g1 * n2 + g2 * n1), Fraction(g1, g1 + g2))
    return Problem("Probability", question, reasoning, answer, recompute, slips)


def first_gold(rng: random.Random) -> Problem:
    """The expected cost of drawing without replacement until the first success."""
    r, b, cost = rng.randint(2, 12), rng.randint(4, 40), rng.randint(2, 9)
    draws = 1 + Fraction(b, r + 1)
    answer = cost * draws
    question = rng.choice(
        [
            f"A bag holds {r} gold and {b} grey coins. Coins are drawn without replacement until "
            f"a gold one appears, and every draw costs {cost} cents. What is the expected cost in "
            "cents?",
            f"Of {r + b} boxes, {r} hold a prize. Opening a box takes {cost} minutes, and they are "
            "opened in random order until a prize appears. How many minutes does this take on "
            "average?",
        ]
    )
    reasoning = (
        f"In a random order the ${r}$ wanted items split the ${b}$ others into ${r + 1}$ gaps, "
        f"which have the same expected length $\\frac{{{b}}}{{{r + 1}}}$ by symmetry. The first "
        f"wanted one comes right after the first gap, at expected position ${tex(draws)}$. "
        f"At ${cost}$ for each one this makes ${cost} \\cdot {tex(draws)} = {tex(answer)}$."
    )

    def recompute() -> Fraction:
        total, alive = Fraction(0), Fraction(1)  # alive: the chance that this draw is made
        for drawn in range(b + 1):
            total += cost * alive
            alive *= Fraction(b - drawn, r + b - drawn)
        return total

    slips = (cost * Fraction(r + b, r), answer - cost, cost * (1 + Fraction(b, r)), answer + cost)
    return Problem("Probability", question, reasoning, answer, recompute, slips)
