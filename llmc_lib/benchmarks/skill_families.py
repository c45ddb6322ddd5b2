"""Families of small skills: problems made by a program, each with its answer and one sentence of reasoning.

The source `skills` trains on some wordings of a family, the benchmark `skills` asks in others, so that no
sentence of the benchmark is in the training data: what is learnt must carry over to new wordings and (nearly always) new
numbers; the words of the lists and the names are the same. A family has three levels of difficulty (longer numbers, longer lists).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count as numbers
from typing import Literal

Use = Literal["training", "testing"]

LEVELS = (1, 2, 3)
_NAMES = (
    "Anna Ben Carla David Emma Farid Grace Hugo Ines Jonas Kofi Lena Mei Noah Olga Pablo Rosa Sam Tara Yusuf"
).split()
_THINGS = "apples books coins stamps marbles pencils shells tickets stickers cards".split()
_WORDS = (
    "apple boat candle desert eagle forest garden hammer island jacket kitten lemon mirror needle orange pepper "
    "quilt river saddle table umbrella violin window zebra anchor basket carpet dragon engine feather guitar "
    "helmet insect jungle kettle ladder magnet napkin oyster pillow rabbit silver tunnel"
).split()
_ORDINALS = ("first", "second", "third", "fourth", "fifth")


@dataclass(frozen=True)
class Skill:
    """A problem with its solution."""

    family: str
    level: int
    question: str
    reasoning: str
    answer: str


@dataclass(frozen=True)
class _Family:
    """`draw` gives, for a level, the values of a wording, the reasoning and the answer."""

    draw: Callable[[random.Random, int], tuple[dict[str, object], str, str]]
    training: tuple[str, ...]
    testing: tuple[str, ...]


def _listed(items: list[object]) -> str:
    *first, last = map(str, items)
    return f"{', '.join(first)} and {last}"


def _larger(draw: random.Random, level: int) -> tuple[dict[str, object], str, str]:
    if level == 3:  # decimals, of which the longer one is not always the larger
        whole, tenths, others = draw.randint(1, 9), draw.randint(1, 9), draw.randint(11, 99)
        pair = [f"{whole}.{tenths}", f"{whole}.{others}"]
        if others == 10 * tenths:
            return _larger(draw, level)
        draw.shuffle(pair)
    else:
        pair = [
            str(n) for n in draw.sample(range(10, 100) if level == 1 else range(1000, 10000), 2)
        ]
    small, large = sorted(pair, key=float)
    return {"a": pair[0], "b": pair[1]}, f"{large} is more than {small}.", large


def _smallest(draw: random.Random, level: int) -> tuple[dict[str, object], str, str]:
    values = draw.sample(range(2, 10 ** min(level + 1, 3)), level + 2)
    listed = _listed(list(values))
    return {"values": listed}, f"The smallest of {listed} is {min(values)}.", str(min(values))


def _digit(draw: random.Random, level: int) -> tuple[dict[str, object], str, str]:
    number = str(draw.randint(10 ** (level + 1), 10 ** (level + 2) - 1))
    which = draw.choice(("first", "last"))
    digit = number[0] if which == "first" else number[-1]
    verb = "begins with" if which == "first" else "ends in"
    return {"n": number, "which": which}, f"{number} {verb} {digit}.", digit


def _sum(draw: random.Random, level: int) -> tuple[dict[str, object], str, str]:
    a = draw.randint(2, 9) if level == 1 else draw.randint(10, 20 * (level - 1))
    b = draw.randint(2, 9)
    slots = {"a": a, "b": b, "name": draw.choice(_NAMES), "things": draw.choice(_THINGS)}
    return slots, f"{a} + {b} = {a + b}.", str(a + b)


def _next(draw: random.Random, level: int) -> tuple[dict[str, object], str, str]:
    step = {1: draw.choice((1, 2, 5, 10)), 2: draw.randint(3, 9), 3: -draw.randint(1, 5)}[level]
    start = draw.randint(1, 20) if step > 0 else draw.randint(30, 60)
    values = [start + step * place for place in range(4)]
    last, answer = values[-1], values[-1] + step
    way, sign = ("up", "+") if step > 0 else ("down", "-")
    reasoning = f"They go {way} by {abs(step)}, and {last} {sign} {abs(step)} = {answer}."
    return {"values": ", ".join(map(str, values))}, reasoning, str(answer)


def _count(draw: random.Random, level: int) -> tuple[dict[str, object], str, str]:
    words = draw.sample(_WORDS, draw.randint(2 * level, 2 * level + 1))
    reasoning = ", ".join(f"{word} {place}" for place, word in enumerate(words, 1))
    return {"words": _listed(list(words))}, f"{reasoning}.", str(len(words))


def _position(draw: random.Random, level: int) -> tuple[dict[str, object], str, str]:
    words = draw.sample(_WORDS, level + 2)
    place = draw.randrange(1, level + 2)
    reasoning = ", ".join(f"{_ORDINALS[n]} {words[n]}" for n in range(place + 1))
    return {"words": ", ".join(words), "which": _ORDINALS[place]}, f"{reasoning}.", words[place]


_FAMILIES: dict[str, _Family] = {
    "Larger number": _Family(
        _larger,
        (
            "Which number is larger, {a} or {b}?",
            "Of {a} and {b}, which one is the larger number?",
            "Name the greater of the two numbers {a} and {b}.",
            "Is {a} or {b} larger? Give the larger one.",
            "Compare {a} with {b} and give the larger number.",
            "Anna has {a} points and Ben has {b} points. What is the higher number of points?",
            "One rope is {a} m long, the other {b} m. How long is the longer rope, in m?",
            "Which is more: {a} or {b}?",
        ),
        (
            "Two players scored {a} and {b}. What was the higher score?",
            "Write down the bigger value: {a} or {b}.",
            "One box weighs {a} kg, another {b} kg. What is the weight of the heavier box, in kg?",
            "A shop asks {a} euros for a lamp and {b} euros for a chair. What does the dearer one cost, in euros?",
        ),
    ),
    "Smallest number": _Family(
        _smallest,
        (
            "What is the smallest of the numbers {values}?",
            "Which of {values} is the smallest number?",
            "Find the least of these numbers: {values}.",
            "Give the smallest number among {values}.",
            "The ages are {values} years. How old is the youngest, in years?",
            "The bags weigh {values} kg. How heavy is the lightest bag, in kg?",
            "Look at {values}. Which number is lowest?",
            "Out of {values}, name the smallest.",
        ),
        (
            "The prices in a shop are {values} euros. What does the cheapest thing cost, in euros?",
            "Runners needed {values} minutes. What was the shortest time, in minutes?",
            "Pick out the minimum: {values}.",
            "Nights had {values} degrees. How many degrees had the coldest night?",
        ),
    ),
    "First or last digit": _Family(
        _digit,
        (
            "What is the {which} digit of {n}?",
            "Give the {which} digit of the number {n}.",
            "The number is {n}. What is its {which} digit?",
            "Name the {which} digit in {n}.",
            "A house has the number {n}. What is the {which} digit of the number?",
            "Take the number {n} and write down its {which} digit.",
            "In {n}, which digit is {which}?",
            "Read the code {n}. Say its {which} digit.",
        ),
        (
            "Someone writes {n} on a board. Which digit comes {which}?",
            "A ticket has the number {n}, and the {which} digit is the row. Which row is it?",
            "Look at {n}. Which figure stands {which}?",
            "What digit does one see {which} when reading {n} from left to right?",
        ),
    ),
    "Sum in words": _Family(
        _sum,
        (
            "{name} has {a} {things} and gets {b} more. How many {things} does {name} have now?",
            "{name} found {a} {things} and then {b} more {things}. How many are there in all?",
            "There are {a} {things} in one box and {b} {things} in another. How many {things} are there together?",
            "{name} buys {a} {things} today and {b} {things} tomorrow. How many {things} is that?",
            "What is {a} plus {b}?",
            "Add {a} and {b}.",
            "{a} {things} are red and {b} {things} are blue. How many {things} are there?",
            "{name} had {a} {things}. A friend gave {name} {b} {things}. How many {things} are there now?",
        ),
        (
            "A shelf holds {a} {things}, and {name} puts {b} further ones on it. How many {things} are then on the shelf?",
            "{name} owns {a} {things}; a neighbour owns {b}. How many {things} do the two own together?",
            "{a} {things} are on the table and {b} are on the floor. Count all of them: how many {things}?",
            "{name} sold {a} {things} in the morning and {b} in the evening. How many {things} were sold that day?",
        ),
    ),
    "Next number": _Family(
        _next,
        (
            "What is the next number: {values}, ...?",
            "Which number comes next in {values}?",
            "Continue the sequence {values} with one more number.",
            "The sequence is {values}. Which number follows?",
            "The numbers are {values}. What comes next?",
            "Somebody counts {values}. What is the next number?",
            "Give the fifth number of the sequence {values}, ...",
            "After {values}, which number comes?",
        ),
        (
            "A bell rings after {values} minutes. After how many minutes does it ring the next time, if this goes on?",
            "Houses on one side of a street have the numbers {values}. What number has the following house?",
            "Write the term that belongs after {values}.",
            "A plant measured {values} cm on four days. What will it measure on the fifth day, in cm, if this goes on?",
        ),
    ),
    "Count": _Family(
        _count,
        (
            "How many words are in this list: {words}?",
            "Count the words: {words}. How many are there?",
            "How many things are named here: {words}?",
            "The list is {words}. How many items does it have?",
            "A bag holds {words}. How many things are in the bag?",
            "Read {words}. How many words did you read?",
            "Here are {words}. How many is that?",
            "Give the number of words: {words}.",
        ),
        (
            "A child draws {words}. How many drawings are there, if each shows one thing?",
            "A shopping note says {words}. What is the number of entries?",
            "Somebody calls out {words}. How many words did you hear?",
            "The cards of a game show {words}, one on each card. How many cards is that?",
        ),
    ),
    "Position in a list": _Family(
        _position,
        (
            "What is the {which} word in this list: {words}?",
            "The list is {words}. Which word is {which}?",
            "Give the {which} item of: {words}.",
            "Read the list {words}. Name the {which} word.",
            "In the row {words}, what is {which}?",
            "Somebody says {words}. What is the {which} word?",
            "Take the {which} word of {words}.",
            "Which of these is {which}: {words}?",
        ),
        (
            "People wait in line and carry these things: {words}. What does the {which} person carry?",
            "The rounds of a game are called {words}, in this order. What is the {which} round called?",
            "From {words}, pick the one in {which} place.",
            "Boxes from left to right are marked {words}. What is the mark on the {which} box?",
        ),
    ),
}  # fmt: skip

FAMILIES = tuple(_FAMILIES)


def make(seed: int, use: Use) -> Iterator[Skill]:
    """Problems without an end, the families in turn, then the levels; no question comes twice.

    The same seed and use give the same problems, and the first n of them do not depend on n.
    """
    seen: set[str] = set()
    for number in numbers():
        name = FAMILIES[number % len(FAMILIES)]
        level = LEVELS[number // len(FAMILIES) % len(LEVELS)]
        family = _FAMILIES[name]
        wordings = family.training if use == "training" else family.testing
        for attempt in numbers():
            draw = random.Random(f"{seed}/skills/{use}/{number}/{attempt}")
            slots, reasoning, answer = family.draw(draw, level)
            question = draw.choice(wordings).format(**slots)
            if question not in seen:
                break
        seen.add(question)
        yield Skill(name, level, question, reasoning, answer)
