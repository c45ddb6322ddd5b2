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


def as_set(node: Node) -> Node:
    """Bounds of one symbol as an interval; "x < 1 or x > 3" as a union, "x > 1 and x < 3" as one interval.

    `x` itself stays known by the name of the sequence: "(] x".
    """
    if node.kind == "relation":
        if set(node.name.split()) == {"∈"} and len(node.parts) == 2:
            return as_set(node.parts[1])
        return _interval(node) or node
    if node.kind == "union":
        return _without_points(node) or node
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


def _interval(node: Node) -> Node | None:
    """`x <= 7`, `-5 < x < 11` and `x != 3` as an interval or a union of two."""
    signs = node.name.split()
    if signs == ["!="]:
        left, right = node.parts
        return None if left.kind != "symbol" or symbols(right) else _around([right])
    if not set(signs) <= ORDER:
        return None
    if len({sign[0] for sign in signs}) > 1:
        return None
    if signs[0][0] == ">":
        node = turned(node)
        signs = node.name.split()
    if len(signs) == 1:
        left, right = node.parts
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
    if len(signs) == 2 and node.parts[1].kind == "symbol":
        name = _bracket(signs[0], "(") + _bracket(signs[1], ")")
        return Node("sequence", name, (node.parts[0], node.parts[2]), exact=node.exact)
    return None


def _without_points(node: Node) -> Node | None:
    r"""`R \setminus \{1, 2\}` as a union of intervals."""
    line, points = node.parts
    if node.name != "∖" or line != Node("symbol", "R") or points.name != "{}":
        return None
    try:
        placed = {real(value_at(point)): point for point in points.parts if not symbols(point)}
    except Undefined:
        return None
    if None in placed or len(placed) < len(points.parts):
        return None
    return _around([placed[at] for at in sorted(at for at in placed if at is not None)])


def _around(points: list[Node]) -> Node:
    """The numbers apart from some that are given in their order."""
    ends = [_MINUS_INFINITY, *points, _INFINITY]
    union, *others = (Node("sequence", "()", pair) for pair in pairwise(ends))
    for other in others:
        union = Node("union", "∪", (union, other))
    return union


def _bracket(sign: str, rounded: str) -> str:
    return {"(": "[", ")": "]"}[rounded] if sign.endswith("=") else rounded


def turned(node: Node) -> Node:
    signs = [_TURNED.get(sign, "?") for sign in reversed(node.name.split())]
    return replace(node, name=" ".join(signs), parts=node.parts[::-1])
