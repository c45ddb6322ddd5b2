"""The formulas of final answers as trees."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from llmc_lib.answers.notation import Unreadable


@dataclass(frozen=True)
class Node:
    """A formula. `kind`: number, symbol, sum, product, quotient, power, negative, call, sequence, relation, union,
    choice (±) or degrees. `name`: of a symbol or function, the brackets of a sequence, or the signs of a relation."""

    kind: str
    name: str = ""
    parts: tuple[Node, ...] = ()
    value: Fraction = Fraction(0)
    exact: bool = True  # no decimal point in it


def make(kind: str, name: str, *parts: Node) -> Node:
    """A formula made of others; it is exact where all of them are."""
    return Node(kind, name, parts, exact=all(part.exact for part in parts))


def mentions(node: Node, kind: str, name: str = "") -> bool:
    """Is there a formula of a kind in another one, of that name if one is given?"""
    if node.kind == kind and (not name or node.name == name):
        return True
    return any(mentions(part, kind, name) for part in node.parts)


def number(text: str) -> Node:
    """A number in decimal notation. Raises `Unreadable` where its exponent is longer than five characters."""
    if len(text.lower().partition("e")[2]) > 5:
        raise Unreadable("a number without an end")
    return Node(
        "number", text, value=Fraction(text), exact="." not in text and "e" not in text.lower()
    )


def signed(sign: str, node: Node) -> Node:
    """A formula after a sign: −, ±, ∓, or none."""
    if sign == "-":
        return make("negative", "", node)
    return make("choice", sign, node) if sign in ("±", "∓") else node


def proper(node: Node) -> bool:
    """Is this a fraction of whole numbers below 1, as a mixed number has it?"""
    if node.kind != "quotient" or any(part.kind != "number" for part in node.parts):
        return False
    above, below = (part.value for part in node.parts)
    return below > above and above.denominator == below.denominator == 1
