"""The embedded source "hard_math": mathematics with worked solutions, made by a program.

Every example is machine-verified: its answer is computed a second time by a route that the worked
solution does not take, and a disagreement stops the build.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from fractions import Fraction
from importlib import metadata
from pathlib import Path

from llmc_lib.dataset.sources import _math_algebra, _math_discrete, _math_numbers
from llmc_lib.dataset.sources._common import Draft, SourceFacts
from llmc_lib.dataset.sources._math_problem import Number, Problem
from llmc_lib.errors import UserError
from llmc_lib.params import SourceParams
from llmc_lib.store import sha256_file

HUB = ""
CATEGORIES = {"": "Math"}
FACTS = SourceFacts(
    licence="Apache-2.0",
    url="embedded",
    description="Mathematics with worked solutions, made by a program that checks each answer a "
    "second way.",
)
#: How many it makes where the params name no number: it has no end of its own.
_ROWS = 500

Family = Callable[[random.Random], Problem]

#: Neighbours differ in subject, so that any stretch of the data set is varied.
FAMILIES: tuple[Family, ...] = (
    _math_numbers.power_remainder,
    _math_discrete.path_around_hole,
    _math_discrete.two_term_recurrence,
    _math_algebra.cubic_extremum,
    _math_discrete.which_urn,
    _math_numbers.two_congruences,
    _math_algebra.trace_of_power,
    _math_algebra.cubic_roots,
    _math_algebra.points_inside,
    _math_numbers.two_pack_sizes,
    _math_algebra.substituted_integral,
    _math_discrete.limited_boxes,
    _math_discrete.first_gold,
    _math_numbers.sum_and_gcd,
    _math_algebra.singular_matrix,
    _math_discrete.telescoping_sum,
)

_LETTERS = "ABCD"
#: How often a family may repeat itself before it counts as exhausted.
_ATTEMPTS = 400


def verified(problem: Problem) -> Problem:
    """The same problem, if its answer agrees with the independent computation."""
    again = problem.recompute()
    if again != problem.answer:
        raise ValueError(
            f"hard_math: the worked answer {problem.answer} and the check {again} disagree on: "
            f"{problem.question}"
        )
    return problem


def _near(answer: Fraction) -> Iterator[Fraction]:
    """Wrong values of the answer's form, ever farther away."""
    for step in itertools.count(1):
        yield answer + Fraction(step, answer.denominator)
        yield answer - Fraction(step, answer.denominator)
        if answer.denominator > 1:  # between 0 and 1 the two above run out
            yield Fraction(answer.numerator, answer.denominator + step)
        if answer.denominator > 1:  # a probability of 1/2 has no neighbour in halves below 1
            yield answer + Fraction(1, answer.denominator + step)
            yield answer - Fraction(1, answer.denominator + step)


def _plausible(value: Fraction, answer: Fraction) -> bool:
    """Whether a wrong value cannot be told from the answer by its sign or size alone."""
    if 0 < answer < 1:
        return 0 < value < 1
    return value * answer > 0 or (answer == 0 and value != 0)


def _wrong_options(problem: Problem, rng: random.Random) -> list[Fraction]:
    """Three distinct wrong values, those of typical errors first."""
    answer = Fraction(problem.answer)
    slips = [Fraction(slip) for slip in problem.slips]
    rng.shuffle(slips)
    chosen: list[Fraction] = []
    for value in itertools.chain(slips, _near(answer)):
        if value != answer and value not in chosen and _plausible(value, answer):
            chosen.append(value)
        if len(chosen) == len(_LETTERS) - 1:
            break
    return chosen


def _letters(count: int, seed: int) -> list[str]:
    """The right letters: every four in a row hold each once, so they are balanced throughout."""
    rng = random.Random(f"hard_math/{seed}/letters")
    blocks = [rng.sample(_LETTERS, len(_LETTERS)) for _ in range(count // len(_LETTERS) + 1)]
    return [letter for block in blocks for letter in block][:count]


def _with_options(problem: Problem, letter: str, rng: random.Random) -> tuple[str, str]:
    """Question and reasoning as multiple choice, the right option standing at `letter`."""
    values: list[Number] = [*_wrong_options(problem, rng)]
    values.insert(_LETTERS.index(letter), problem.answer)
    options = "\n".join(f"{name}. {value}" for name, value in zip(_LETTERS, values, strict=True))
    return (
        f"{problem.question}\n\nAnswer Choices:\n{options}",
        f"{problem.reasoning} That is choice {letter}.",
    )


def _new_problem(index: int, rng: random.Random, seen: set[str]) -> Problem:
    """A verified problem of the family whose turn it is, with numbers that were not used yet."""
    family = FAMILIES[index % len(FAMILIES)]
    for _ in range(_ATTEMPTS):
        problem = family(rng)
        # The reasoning holds the numbers and not the wording: equal reasoning, equal problem.
        if seen.isdisjoint((problem.question, problem.reasoning)):
            seen.update((problem.question, problem.reasoning))
            return verified(problem)
    raise UserError(
        f"cannot make more than {index} different examples with this seed; ask it for fewer rows"
    )


def identity() -> dict[str, str]:
    """What decides the problems besides rows and seed: our code and reasoning-gym's version."""
    here = Path(__file__).parent
    code = [here / "hard_math.py", *sorted(here.glob("_math_*.py"))]
    return {
        **{f"hard_math: {path.name}": sha256_file(path) for path in code},
        "hard_math: reasoning-gym": _gym_version(),
    }


def _gym_version() -> str:
    try:
        return metadata.version("reasoning-gym")
    except metadata.PackageNotFoundError:  # where only reports are made
        return "absent"


def drafts(source: SourceParams, seed: int) -> Iterator[Draft]:
    """Different problems, the families taking turns; every fourth is multiple choice.

    The same `source.rows` (500 for None) and `seed` give the same problems everywhere, and fewer rows
    give their start.
    """
    rows = source.rows or _ROWS
    revision = f"llmc-report {metadata.version('llmc-report')}, reasoning-gym {_gym_version()}"
    seen: set[str] = set()
    letters = iter(_letters(rows, seed))
    for index in range(rows):
        # A string seeds by its SHA-512, the same in every process.
        rng = random.Random(f"hard_math/{seed}/{index}")
        problem = _new_problem(index, rng, seen)
        question, reasoning, answer = problem.question, problem.reasoning, str(problem.answer)
        # The round is added so that each family comes in both forms.
        choice = (index + index // len(FAMILIES)) % 4 == 3
        if choice:
            answer = next(letters)
            question, reasoning = _with_options(problem, answer, rng)
        elif Fraction(problem.answer).denominator > 1:
            question += " Answer with a reduced fraction."
        yield Draft(
            question=question,
            answer=answer,
            completion=reasoning,
            subject=problem.subject,
            author="program",
            author_kind="program",
            revision=revision,
        )
