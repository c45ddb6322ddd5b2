"""The four families of "hard_math" in number theory."""

from __future__ import annotations

import itertools
import math
import random

import sympy

from llmc_lib.dataset.sources._math_problem import (
    Problem,
)


def _coprime_pair(rng: random.Random, low: int, high: int) -> tuple[int, int]:
    while True:
        a, b = sorted(rng.sample(range(low, high + 1), 2))
        if math.gcd(a, b) == 1:
            return a, b


def power_remainder(rng: random.Random) -> Problem:
    """A high power modulo a prime, by Fermat's little theorem."""
    p = rng.choice([11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61])
    a, rest, turns = rng.randint(4, min(p - 2, 19)), rng.randint(2, 4), rng.randint(8, 60)
    while a**rest < p:
        rest += 1
    n, power = turns * (p - 1) + rest, a**rest
    quotient, answer = divmod(power, p)
    question = rng.choice(
        [
            f"Find the remainder of $a^{{n}}$ on division by ${p}$ for $a = {a}$ and $n = {n}$.",
            f"Reduce ${a}^{{{n}}}$ modulo the prime ${p}$ to a residue between $0$ and ${p - 1}$.",
            f"Write ${a}^{{{n}}}$ as ${p}k + r$ with integers $k$ and $0 \\le r < {p}$. "
            "What is $r$?",
        ]
    )
    reasoning = (
        f"Since ${p}$ is prime and does not divide ${a}$, Fermat's little theorem gives "
        f"${a}^{{{p - 1}}} \\equiv 1 \\pmod{{{p}}}$. The exponent is "
        f"${n} = {turns} \\cdot {p - 1} + {rest}$, so only ${a}^{{{rest}}}$ is left to reduce. "
        f"Now ${a}^{{{rest}}} = {power} = {p} \\cdot {quotient} + {answer}$, "
        f"and the remainder is ${answer}$."
    )
    slips = (p - answer, a ** (rest - 1) % p, a ** (rest + 1) % p, a * rest % p)
    return Problem("Number Theory", question, reasoning, answer, lambda: pow(a, n, p), slips)


def two_congruences(rng: random.Random) -> Problem:
    """The Chinese remainder theorem for two moduli."""
    while True:
        m, n = _coprime_pair(rng, 7, 25)
        x = rng.randint(2 * m, m * n - 1)
        r, s = x % m, x % n
        need, steps = (s - r) % n, x // m
        if r and s and steps not in (need, 1):
            break
    inverse = pow(m, -1, n)
    question = rng.choice(
        [
            f"Find the least positive integer $x$ with $x \\equiv {r} \\pmod{{{m}}}$ "
            f"and $x \\equiv {s} \\pmod{{{n}}}$.",
            f"A gardener has fewer than {m * n} bulbs. Planted in rows of {m} they leave {r} over, "
            f"in rows of {n} they leave {s} over. How many bulbs are there?",
            f"Exactly one integer $x$ with $0 < x < {m * n}$ has remainder ${r}$ modulo ${m}$ and "
            f"remainder ${s}$ modulo ${n}$. Which $x$ is it?",
        ]
    )
    reasoning = (
        f"The first condition means $x = {m}t + {r}$, and the second then asks for "
        f"${m}t \\equiv {need} \\pmod{{{n}}}$. The inverse of ${m}$ modulo ${n}$ is ${inverse}$, "
        f"because ${m} \\cdot {inverse} = {m * inverse} = {n} \\cdot {m * inverse // n} + 1$. "
        f"Hence $t \\equiv {inverse} \\cdot {need} \\equiv {steps} \\pmod{{{n}}}$, and the number "
        f"is ${m} \\cdot {steps} + {r} = {x}$."
    )
    return Problem(
        "Number Theory",
        question,
        reasoning,
        x,
        lambda: next(k for k in itertools.count(1) if k % m == r and k % n == s),
        (x - m, x + n, m * ((steps + 1) % n) + r, abs(m * n - x)),
    )


def two_pack_sizes(rng: random.Random) -> Problem:
    """How many non-negative solutions ax + by = N has."""
    a, b = _coprime_pair(rng, 3, 17)
    total = rng.randint(4 * a * b, 20 * a * b)
    x = total * pow(a, -1, b) % b
    y = (total - a * x) // b
    steps = y // a
    question = rng.choice(
        [
            f"How many pairs $(x, y)$ of non-negative integers satisfy ${a}x + {b}y = {total}$?",
            f"Pens are sold in packs of {a} and packs of {b}. In how many ways can exactly {total} "
            "pens be bought, if only the numbers of packs of each size matter?",
            f"A pipe of {total} metres is built from pieces of {a} and {b} metres. How many "
            "choices of the two numbers of pieces are possible, zero allowed?",
        ]
    )
    reasoning = (
        f"Counting the two kinds by $x$ and $y$ we need ${a}x + {b}y = {total}$. Modulo ${b}$ this "
        f"reads ${a}x \\equiv {total % b}$, so the least $x$ is ${x}$, with $y = {y}$. Every other "
        f"solution comes by adding ${b}$ to $x$ and taking ${a}$ from $y$ repeatedly. As "
        f"${y} = {a} \\cdot {steps} + {y % a}$, there are ${steps}$ such steps and "
        f"${steps + 1}$ solutions."
    )
    return Problem(
        "Number Theory",
        question,
        reasoning,
        steps + 1,
        lambda: sum((total - a * k) % b == 0 for k in range(total // a + 1)),
        (steps, steps + 2, total // (a + b), total // b),
    )


def sum_and_gcd(rng: random.Random) -> Problem:
    """How many ordered pairs have a given sum and greatest common divisor."""
    while True:
        n, g = rng.randint(12, 140), rng.randint(2, 15)
        primes = [int(prime) for prime in sympy.primefactors(n)]
        if len(primes) > 1:
            break
    answer = math.prod(p - 1 for p in primes) * n // math.prod(primes)
    factors = "".join(rf"\left(1 - \frac{{1}}{{{p}}}\right)" for p in primes)
    listed = ", ".join(map(str, primes[:-1])) + f" and {primes[-1]}"
    question = rng.choice(
        [
            f"How many ordered pairs of positive integers have sum ${n * g}$ and greatest common "
            f"divisor ${g}$?",
            f"Positive integers $a$ and $b$ satisfy $a + b = {n * g}$ and $\\gcd(a, b) = {g}$. "
            "How many values can $a$ take?",
        ]
    )
    reasoning = (
        f"Put $a = {g}u$ and $b = {g}v$: then $u + v = {n}$ with $\\gcd(u, v) = 1$, which says "
        f"$\\gcd(u, {n}) = 1$. So $u$ may be any of the $\\varphi({n})$ numbers below ${n}$ that "
        f"are coprime to it. The primes dividing ${n}$ are {listed}, hence "
        f"$\\varphi({n}) = {n}{factors} = {answer}$."
    )
    return Problem(
        "Number Theory",
        question,
        reasoning,
        answer,
        lambda: sum(math.gcd(a, n * g - a) == g for a in range(1, n * g)),
        (answer // 2, n - 1, n - answer, answer * (g - 1)),
    )
