"""Factors with * and / between them, or none, in every order that a reader could mean."""

from __future__ import annotations

from typing import Any

#: An expression: ("num", text), ("add", a, b), …, or ("choice", name, a, b, …), one for each reading.
Tree = tuple[Any, ...]


def product(factors: list[Tree], operations: list[str]) -> Tree:
    """The product of `factors`; between two of them is "*", "/" or nothing ("i")."""
    usual = _left_to_right(factors, operations)
    readings = [usual]
    if "/" in operations[:-1]:
        below = _below_the_bar(factors, operations, "*i")
        tight = _below_the_bar(factors, operations, "i")
        fractions = _fractions_below(factors, operations)
        readings += [tree for tree in (below, tight, fractions) if tree not in readings]
    return usual if len(readings) == 1 else ("choice", "product", *readings)


def _left_to_right(factors: list[Tree], operations: list[str]) -> Tree:
    tree = factors[0]
    for operation, factor in zip(operations, factors[1:], strict=True):
        tree = ("div" if operation == "/" else "mul", tree, factor)
    return tree


def _below_the_bar(factors: list[Tree], operations: list[str], joined: str) -> Tree:
    """A product in which what is `joined` to a divisor belongs to it."""
    merged, kept = [factors[0]], []
    divides = False
    for operation, factor in zip(operations, factors[1:], strict=True):
        if divides and operation in joined:
            merged[-1] = ("mul", merged[-1], factor)
            continue
        divides = operation == "/"
        merged.append(factor)
        kept.append(operation)
    return _left_to_right(merged, kept)


def _fractions_below(factors: list[Tree], operations: list[str]) -> Tree:
    """A product in which a divisor that is divided is a fraction: 25 / 1/3."""
    merged, kept = [factors[0]], []
    divides = False
    for operation, factor in zip(operations, factors[1:], strict=True):
        if divides and operation == "/":
            merged[-1] = ("div", merged[-1], factor)
            divides = False
            continue
        divides = operation == "/"
        merged.append(factor)
        kept.append(operation)
    return _left_to_right(merged, kept)
