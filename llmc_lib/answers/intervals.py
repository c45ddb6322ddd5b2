"""Bounds of a symbol as intervals: `x <= 7`, `-5 < x < 11`, "x < 1 or x > 3"."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from llmc_lib.answers.evaluation import Undefined, real
from llmc_lib.answers.nodes import Node
from llmc_lib.answers.values import symbols, value_at

ORDER = frozenset(["<", ">", "<=", ">="])
_TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "≈": "≈", "!=": "!="}
_INFINITY = Node("symbol", "infty")
_MINUS_INFINITY = Node("negative", "", (_INFINITY,))

#: All real numbers.
LINE = Node("sequence", "()", (_MINUS_INFINITY, _INFINITY))


def as_set(node: Node) -> Node:
    """Bounds of one symbol as an interval; "x < 1 or x > 3" as a union, "x > 1 and x < 3" as one interval.

    `x` itself stays known by the name of the sequence: "(] x".
    """
    if node.kind == "relation":
        if set(node.name.split()) == {"∈"} and len(node.parts) == 2:
            return as_set(node.parts[1])
        return _interval(node) or node
    if node.kind == "union" and node.name == "∖":
        return _without_points(node)
    if node.kind != "sequence" or node.name:
        return node
    parts = [_interval(part) if part.kind == "relation" else None for part in node.parts]
    found = [part for part in parts if part is not None]
    if len(found) != len(node.parts) or len(found) != 2:
        return node
    one, two = found
    if one.kind == "union" or two.kind == "union":
        return node
    low, high = (one, two) if two.parts[0] == _MINUS_INFINITY else (two, one)
    if low.parts[1] == _INFINITY and high.parts[0] == _MINUS_INFINITY:
        try:
            below, above = real(value_at(low.parts[0])), real(value_at(high.parts[1]))
        except Undefined:
            return node
        if below is not None and above is not None and below < above:
            return Node("sequence", low.name[0] + high.name[1], (low.parts[0], high.parts[1]))
    return Node("union", "∪", (one, two))


def _without_points(node: Node) -> Node:
    """All real numbers but some, ℝ∖{1, 2}, as a union of intervals."""
    all_of, points = node.parts
    if all_of not in (Node("symbol", "R"), LINE):
        return node
    if points.name in ("[]", "()", "[)", "(]") and len(points.parts) == 2:
        outer = {"[": ")", "(": "]", "]": "(", ")": "["}
        below = Node("sequence", "(" + outer[points.name[0]], (_MINUS_INFINITY, points.parts[0]))
        above = Node("sequence", outer[points.name[1]] + ")", (points.parts[1], _INFINITY))
        return Node("union", "∪", (below, above))
    if points.name != "{}":
        return node
    try:
        values = {point: real(value_at(point)) for point in points.parts}
    except Undefined:
        return node
    known = {point: value for point, value in values.items() if value is not None}
    if len(known) < len(points.parts):
        return node
    ends = [_MINUS_INFINITY, *sorted(known, key=lambda point: known[point]), _INFINITY]
    pieces = (Node("sequence", "()", pair) for pair in pairwise(ends))
    return Node("union", "∪", tuple(pieces))


def _interval(node: Node) -> Node | None:
    """`x <= 7`, `-5 < x < 11` and `x != 3` as an interval or a union of two."""
    signs = node.name.split()
    if signs == ["!="]:
        left, right = node.parts
        if left.kind != "symbol" or symbols(right):
            return None
        return Node(
            "union",
            "∪",
            (
                Node("sequence", "()", (_MINUS_INFINITY, right)),
                Node("sequence", "()", (right, _INFINITY)),
            ),
        )
    if not set(signs) <= ORDER:
        return None
    if len({sign[0] for sign in signs}) > 1:
        return None
    if signs[0][0] == ">":
        node = turned(node)
        signs = node.name.split()
    if len(signs) == 1:
        left, right = node.parts
        if "abs" in (left.name, right.name):
            return _distance(signs[0], left, right)
        if left.kind == "symbol" and not symbols(right):
            return Node(
                "sequence",
                "(" + _bracket(signs[0], ")"),
                (_MINUS_INFINITY, right),
                exact=node.exact,
            )
        if right.kind == "symbol" and not symbols(left):
            return Node(
                "sequence", _bracket(signs[0], "(") + ")", (left, _INFINITY), exact=node.exact
            )
        return None
    middle = node.parts[1]
    if len(signs) == 2 and (middle.kind == "symbol" or middle.name.startswith("?")):
        name = _bracket(signs[0], "(") + _bracket(signs[1], ")")
        return Node("sequence", name, (node.parts[0], node.parts[2]), exact=node.exact)
    return None


def _distance(sign: str, left: Node, right: Node) -> Node | None:
    """The interval of |x| < 2, and the two of 2 < |x|."""
    size, bound = (left, right) if left.name == "abs" else (right, left)
    symbol = size.parts[0]
    if symbol.kind != "symbol" or symbol.name in "zw" or bound.kind != "number" or bound.value <= 0:
        return None
    other = Node("negative", "", (bound,), exact=bound.exact)
    opening, closing = _bracket(sign, "("), _bracket(sign, ")")
    if size is left:
        return Node("sequence", opening + closing, (other, bound), exact=bound.exact)
    below = Node("sequence", "(" + closing, (_MINUS_INFINITY, other), exact=bound.exact)
    above = Node("sequence", opening + ")", (bound, _INFINITY), exact=bound.exact)
    return Node("union", "∪", (below, above))


def _bracket(sign: str, rounded: str) -> str:
    return {"(": "[", ")": "]"}[rounded] if sign.endswith("=") else rounded


def turned(node: Node) -> Node:
    """A relation read from right to left: 3 > x for x < 3."""
    signs = [_TURNED.get(sign, "?") for sign in reversed(node.name.split())]
    return replace(node, name=" ".join(signs), parts=node.parts[::-1])
