"""The six families of "hard_math" in algebra, calculus, linear algebra and geometry.

The integrals are reasoning-gym's.
"""

from __future__ import annotations

import itertools
import math
import random
import warnings
from fractions import Fraction

import sympy

from llmc_lib.dataset.sources._math_problem import (
    Number,
    Problem,
    coefficient_tex,
    factor_tex,
    nonzero,
    poly_tex,
    power_tex,
    product_tex,
    sum_tex,
    tex,
)

# --- Algebra --------------------------------------------------------------------------------------


def cubic_roots(rng: random.Random) -> Problem:
    """A symmetric function of the roots of a cubic equation (Vieta)."""
    # reasoning-gym has cubic equations, too, but solves each, which takes a hundred times as long as all else here.
    while True:
        a, b, c, d = nonzero(rng, -6, 6), *(nonzero(rng, -12, 12) for _ in range(3))
        if b * b - 2 * a * c:  # else their squares add up to 0
            break
    var = rng.choice("hkmnpqrstuvwxyz")
    total, pairs, product = Fraction(-b, a), Fraction(c, a), Fraction(-d, a)
    vieta = (
        "Call the roots $\\alpha$, $\\beta$ and $\\gamma$. By Vieta's formulas their sum is "
        f"${tex(total)}$, their products in pairs add up to ${tex(pairs)}$, and the product of all "
        f"three is ${tex(product)}$. "
    )
    companion = sympy.Matrix([[0, 0, product], [1, 0, -pairs], [0, 1, total]])
    slips: tuple[Number, ...]
    if rng.random() < 0.5:
        what, answer = "squares", total**2 - 2 * pairs
        power, slips = 2, (total**2, total**2 + 2 * pairs, total**2 - pairs)
        last = (
            "The square of the sum contains each product of two roots twice, so "
            f"$\\alpha^2 + \\beta^2 + \\gamma^2 = {tex(total**2)} - {product_tex(2, pairs)} = "
            f"{tex(answer)}$."
        )
    else:
        what, answer = "reciprocals", pairs / product
        power, slips = -1, (-answer, 1 / answer, 1 / total, total / product)
        last = (
            "Over a common denominator $\\frac{1}{\\alpha} + \\frac{1}{\\beta} + "
            "\\frac{1}{\\gamma} = \\frac{\\alpha\\beta + \\beta\\gamma + "
            "\\gamma\\alpha}{\\alpha\\beta\\gamma}$, and "
            f"${tex(pairs)}$ divided by ${tex(product)}$ is ${tex(answer)}$."
        )
    equation = f"${poly_tex([a, b, c, d], var)} = 0$"
    question = rng.choice(
        [
            f"What is the sum of the {what} of the three complex roots of {equation}, counted with "
            "multiplicity?",
            f"The equation {equation} has three complex roots, multiplicities counted. Add up "
            f"their {what}; what do you get?",
        ]
    )
    # The trace of a power of the companion matrix is the sum of the roots' powers.
    return Problem(
        "Algebra",
        question,
        vieta + last,
        answer,
        lambda: Fraction(str((companion**power).trace())),
        slips,
    )


# --- Calculus -------------------------------------------------------------------------------------


def substituted_integral(rng: random.Random) -> Problem:
    """A definite integral over one of reasoning-gym's integrands c(ax + b)^n, by substitution."""
    # Imported late: it takes seconds, and only a build of the data set has it installed.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # of a package that it brings along
        from reasoning_gym import create_dataset

    x = sympy.Symbol("x")
    while True:
        task = create_dataset(
            "intermediate_integration",
            seed=rng.randrange(2**31),
            size=1,
            problem_types=("linear",),
            problem_type_weights=(1.0,),
            linear_lower_bound=2,
            linear_upper_bound=8,
            max_linear_degree=3,
            outer_constant_max=6,
        )[0]["metadata"]
        integrand = sympy.sympify(task["integrand"], locals={"x": x})
        factor, power = integrand.as_coeff_Mul()
        c, n = int(factor), int(power.exp)
        a, b = (int(value) for value in sympy.Poly(power.base, x).all_coeffs())
        k = rng.randint(1, 3)
        top = a * k + b
        whole = Fraction(c, a * (n + 1))
        answer = whole * (top ** (n + 1) - b ** (n + 1))
        if top and 0 < abs(answer) < 5000:
            break
    line, front = poly_tex([a, b]), coefficient_tex(c)
    formula = rf"\int_0^{k} {front}({line})^{n} \, dx"
    question = rng.choice(
        [
            f"Compute ${formula}$.",
            f"What value does the definite integral ${formula}$ have?",
            f"The function $f(x) = {front}({line})^{n}$ is integrated from $0$ to ${k}$. "
            "What is the result?",
        ]
    )
    reasoning = (
        f"Substitute $u = {line}$, so that $dx = \\frac{{1}}{{{a}}} du$ and $u$ runs from ${b}$ to "
        f"${top}$. An antiderivative of ${coefficient_tex(Fraction(c, a))} u^{n}$ is "
        f"${tex(whole)} u^{n + 1}$. With ${power_tex(top, n + 1)} = {top ** (n + 1)}$ and "
        f"${power_tex(b, n + 1)} = {b ** (n + 1)}$ the integral is "
        f"${tex(whole)} \\cdot {factor_tex(top ** (n + 1) - b ** (n + 1))} = {tex(answer)}$."
    )
    return Problem(
        "Calculus",
        question,
        reasoning,
        answer,
        lambda: Fraction(str(sympy.Poly(integrand, x).integrate()(k))),
        (answer * a, answer * (n + 1), -answer, whole * top ** (n + 1)),
    )


def cubic_extremum(rng: random.Random) -> Problem:
    """The local maximum or minimum value of a cubic polynomial."""
    p, q = sorted(rng.sample([-5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6], 2))
    c = rng.randint(-12, 12)
    coefficients = [2, -3 * (p + q), 6 * p * q, c]
    name, at, other = rng.choice([("maximum", p, q), ("minimum", q, p)])
    terms = [value * at**power for value, power in zip(coefficients, (3, 2, 1, 0), strict=True)]
    answer = sum(terms)
    elsewhere = sum(v * other**power for v, power in zip(coefficients, (3, 2, 1, 0), strict=True))
    f = f"$f(x) = {poly_tex(coefficients)}$"
    question = rng.choice(
        [
            f"What is the local {name} value of {f}?",
            f"The function {f} has one local {name}. Which value does $f$ take there?",
            f"Find the $y$-coordinate of the local {name} point on the graph of {f}.",
        ]
    )
    change = "from plus to minus" if at == p else "from minus to plus"
    reasoning = (
        f"The derivative is $f'(x) = {poly_tex([6, coefficients[1] * 2, coefficients[2]])} = "
        f"6({poly_tex([1, -p])})({poly_tex([1, -q])})$, with zeros ${p}$ and ${q}$. It changes "
        f"sign {change} at $x = {at}$, so the local {name} is there. Its value is "
        f"$f({at}) = {sum_tex(terms)} = {answer}$."
    )

    def recompute() -> int:
        x = sympy.Symbol("x")
        curve = sympy.Poly(coefficients, x).as_expr()
        points = sympy.solve(sympy.diff(curve, x), x)
        values = [int(curve.subs(x, point)) for point in points]
        # The leading coefficient is positive, so the local maximum is the higher of the two.
        return max(values) if name == "maximum" else min(values)

    slips = (elsewhere, at, answer - c, answer - terms[0])
    return Problem("Calculus", question, reasoning, answer, recompute, slips)


# --- Linear algebra -------------------------------------------------------------------------------


def trace_of_power(rng: random.Random) -> Problem:
    """The trace of a power of a 2-by-2 matrix from its eigenvalues."""
    while True:
        low, high = sorted(rng.sample([-5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6], 2))
        x, y, k = nonzero(rng, -3, 3), nonzero(rng, -3, 3), rng.randint(3, 5)
        # P diag(low, high) P^-1 with P = [[1, x], [y, 1 + xy]], whose determinant is 1.
        gap = low - high
        rows = [
            [low + x * y * gap, -x * gap],
            [y * (1 + x * y) * gap, high - x * y * gap],
        ]
        trace, det = low + high, low * high
        # A 2-by-2 matrix with trace 7 and determinant 10 is a benchmark question.
        small = all(abs(entry) <= 40 for row in rows for entry in row)
        if small and trace and rows[1][0] and (trace, det) != (7, 10):
            break
    answer = low**k + high**k
    shown = "rows ${}$ and ${}$".format(*map(tuple, rows))
    question = rng.choice(
        [
            f"The 2-by-2 matrix $A$ has {shown}. What is the trace of $A^{k}$?",
            f"Let $\\lambda$ and $\\mu$ be the eigenvalues of the matrix with {shown}. "
            f"Find $\\lambda^{k} + \\mu^{k}$.",
        ]
    )
    (a, b), (c, d) = rows
    reasoning = (
        f"The matrix has trace ${a} + {factor_tex(d)} = {trace}$ and determinant "
        f"${product_tex(a, d)} - {product_tex(b, c)} = {det}$. Its eigenvalues therefore solve "
        f"${poly_tex([1, -trace, det], 't')} = "
        f"({poly_tex([1, -low], 't')})({poly_tex([1, -high], 't')}) = 0$, so they are ${low}$ and "
        f"${high}$. The sum of their powers is ${power_tex(low, k)} + {power_tex(high, k)} = "
        f"{sum_tex([low**k, high**k])} = {answer}$."
    )
    return Problem(
        "Linear Algebra",
        question,
        reasoning,
        answer,
        lambda: int((sympy.Matrix(rows) ** k).trace()),
        (trace**k, a**k + d**k, answer - 2 * low**k, det**k),
    )


def singular_matrix(rng: random.Random) -> Problem:
    """The entry that makes a 3-by-3 matrix singular."""
    while True:
        a, b, c, d, e, f, g, h = (nonzero(rng, -5, 6) for _ in range(8))
        m1, m2, m3 = d * h - e * g, c * h - e * f, c * g - d * f
        rest = -a * m2 + b * m3
        if m1 and m2 and m3 and rest and abs(Fraction(rest, m1).denominator) <= 6:
            break
    answer = Fraction(-rest, m1)
    rows = f"$(t, {a}, {b})$, $({c}, {d}, {e})$ and $({f}, {g}, {h})$"
    question = rng.choice(
        [
            f"For which $t$ is the 3-by-3 matrix with rows {rows} singular?",
            f"Find the number $t$ for which the determinant with rows {rows} is zero.",
            f"The vectors {rows} are linearly dependent. What is $t$?",
        ]
    )
    reasoning = (
        f"Expand the determinant along the row with $t$. The three minors are "
        f"${product_tex(d, h)} - {product_tex(e, g)} = {m1}$, "
        f"${product_tex(c, h)} - {product_tex(e, f)} = {m2}$ and "
        f"${product_tex(c, g)} - {product_tex(d, f)} = {m3}$. So the determinant is "
        f"${poly_tex([m1, 0], 't')} - {product_tex(a, m2)} + {product_tex(b, m3)} = "
        f"{poly_tex([m1, rest], 't')}$, which vanishes only for $t = {tex(answer)}$."
    )

    def recompute() -> Fraction:
        t = sympy.Symbol("t")
        matrix = sympy.Matrix([[t, a, b], [c, d, e], [f, g, h]])
        (root,) = sympy.solve(matrix.det(), t)
        return Fraction(str(root))

    slips = (-answer, Fraction(a * m2 + b * m3, m1), Fraction(-a * m2 - b * m3, m1), 1 / answer)
    return Problem("Linear Algebra", question, reasoning, answer, recompute, slips)


# --- Geometry -------------------------------------------------------------------------------------


def points_inside(rng: random.Random) -> Problem:
    """Lattice points inside a triangle, by Pick's theorem."""
    while True:
        corners = [(rng.randint(0, 14), rng.randint(0, 14)) for _ in range(3)]
        (ax, ay), (bx, by), (cx, cy) = corners
        ux, uy, vx, vy = bx - ax, by - ay, cx - ax, cy - ay
        double = abs(ux * vy - uy * vx)
        if double > 20:
            break
    sides = [math.gcd(ux, uy), math.gcd(vx, vy), math.gcd(cx - bx, cy - by)]
    edge = sum(sides)
    area = Fraction(double, 2)
    inside = int(area - Fraction(edge, 2) + 1)
    twice = f"{product_tex(ux, vy)} - {product_tex(uy, vx)}"
    listed = f"$({ax}, {ay})$, $({bx}, {by})$ and $({cx}, {cy})$"
    question = rng.choice(
        [
            f"A triangle has the vertices {listed}. How many points with integer coordinates lie "
            "strictly inside it?",
            f"How many lattice points are in the interior of the triangle with corners {listed}?",
        ]
    )
    reasoning = (
        f"From the first vertex the two sides are $({ux}, {uy})$ and $({vx}, {vy})$, so the area "
        f"is $\\frac12 |{twice}| = {tex(area)}$. The greatest common divisors of the sides' "
        f"coordinates give ${sides[0]} + {sides[1]} + {sides[2]} = {edge}$ boundary points. Pick's "
        f"theorem then gives ${tex(area)} - {tex(Fraction(edge, 2))} + 1 = {inside}$ inner points."
    )

    def recompute() -> int:
        count = 0
        loop = list(zip(corners, corners[1:] + corners[:1], strict=True))
        for x, y in itertools.product(range(15), repeat=2):
            turns = [(q[0] - p[0]) * (y - p[1]) - (q[1] - p[1]) * (x - p[0]) for p, q in loop]
            count += min(turns) > 0 or max(turns) < 0
        return count

    slips = (inside + edge, int(area), inside + 3, inside - 2)
    return Problem("Geometry", question, reasoning, inside, recompute, slips)
