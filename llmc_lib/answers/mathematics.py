"""Are two final answers the same as mathematics: values, and what is made of them (relations, intervals, sets, lists)?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from llmc_lib.answers.notation import Unreadable, tokens, uniform
from llmc_lib.answers.parsing import Node, read
from llmc_lib.answers.values import (
    Undecided,
    Undefined,
    proportional,
    real,
    same_value,
    symbols,
    value_at,
)

_ORDER = frozenset(["<", ">", "<=", ">="])
_TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "≈": "≈", "!=": "!="}
_INFINITY = Node("symbol", "infty")
_MOST_ITEMS = 40


def readable(text: str) -> bool:
    """Is a text mathematics as a whole?"""
    try:
        read(text)
    except Unreadable:
        return False
    return True


def canonical(text: str) -> tuple[str, ...]:
    """The tokens of a formula without those that change nothing: two formulas with the same are the same.

    Raises `Unreadable` where a sign is not known.
    """
    found = [token.text for token in tokens(uniform(text))]
    while found and found[-1] in (".", ",", ";"):
        found.pop()
    kept: list[str] = []
    for at, text_ in enumerate(found):
        alone = found[at - 1 : at] == ["{"] and found[at + 1 : at + 2] == ["}"]
        if alone and kept and kept[-1] == "{":
            kept[-1] = text_
        elif text_ == "}" and at >= 2 and found[at - 2] == "{":
            continue
        else:
            kept.append(text_)
    return tuple(kept)


def same_mathematics(answer: str, reference: str) -> bool | None:
    """Are two texts the same mathematics? None where that could not be decided: the reference is no formula that can be
    read, or a value outgrows the limits."""
    try:
        if canonical(answer) == canonical(reference):
            return True
    except Unreadable:
        pass
    try:
        given = read(answer)
    except Unreadable:
        return False
    try:
        expected = read(reference)
    except Unreadable:
        return None if "\\" in reference else False
    try:
        return same(given, expected)
    except Undecided:
        return None


def value(text: str) -> float | None:
    """The value of a formula without symbols as a real number, None where it has none that can be told."""
    try:
        number = real(value_at(read(text)))
        return None if number is None else float(number)
    except (Unreadable, Undefined, Undecided, OverflowError):
        return None


def operations(text: str) -> tuple[str, ...]:
    """What a formula is made of, in no order, () where it is a number or a symbol alone. Raises `Unreadable`."""
    node = read(text)
    if node.kind == "relation" and _assigns(node):
        node = node.parts[-1]
    return tuple(sorted(_shape(part) for part in _nodes(node))) if node.parts else ()


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for part in node.parts:
        yield from _nodes(part)


def _shape(node: Node) -> str:
    return str(node.value) if node.kind == "number" else f"{node.kind} {node.name}"


def same(given: Node, expected: Node) -> bool:
    """Are two formulas the same answer? Raises `Undecided`."""
    given, expected = _both_signs(given), _both_signs(expected)
    given, expected = _as_set(given), _as_set(expected)
    if given.kind == "relation" or expected.kind == "relation":
        return _same_relation(given, expected)
    if given.kind == "union" or expected.kind == "union":
        return _same_union(given, expected)
    if given.kind == "sequence" or expected.kind == "sequence":
        return _same_sequence(given, expected)
    if given.kind == expected.kind == "ratio":
        return _same_ratio(given, expected)
    if "ratio" in (given.kind, expected.kind) and len(given.parts) > 2:
        return False
    return _same_expression(given, expected)


# ---- expressions -----------------------------------------------------------------------------


def _same_expression(given: Node, expected: Node) -> bool:
    if _angle(given) == _angle(expected):
        return same_value(given, expected)
    # 30° for 30, and for π/6
    return (
        same_value(_without_degrees(given), _without_degrees(expected))
        or (_mentions(given, "symbol", "pi") or _mentions(expected, "symbol", "pi"))
        and same_value(given, expected)
    )


def _angle(node: Node) -> bool:
    """Is this a number of degrees, and not only a function of one?"""
    return node.kind == "degrees" or (node.kind != "call" and any(map(_angle, node.parts)))


def _mentions(node: Node, kind: str, name: str = "") -> bool:
    if node.kind == kind and (not name or node.name == name):
        return True
    return any(_mentions(part, kind, name) for part in node.parts)


def _mapped(node: Node, change: Callable[[Node], Node]) -> Node:
    return change(replace(node, parts=tuple(_mapped(part, change) for part in node.parts)))


def _without_degrees(node: Node) -> Node:
    return _mapped(node, lambda n: n.parts[0] if n.kind == "degrees" else n)


def _both_signs(node: Node) -> Node:
    """a ± b as two answers."""
    if not _mentions(node, "choice"):
        return node
    if node.kind in ("sequence", "relation", "union"):
        return replace(node, parts=tuple(_both_signs(part) for part in node.parts))

    def signed(minus: str) -> Node:
        def change(n: Node) -> Node:
            if n.kind != "choice":
                return n
            return Node("negative", "", n.parts, exact=n.exact) if n.name == minus else n.parts[0]

        return _mapped(node, change)

    return Node("sequence", "", (signed("∓"), signed("±")), exact=node.exact)


def _same_ratio(given: Node, expected: Node) -> bool:
    if len(given.parts) != len(expected.parts):
        return False
    first, other = given.parts[0], expected.parts[0]
    # 2:30 as a time of the day is no ratio.
    if len(given.parts) == 2 and all(_clock(node) for node in (given, expected)):
        return _all_same(given.parts, expected.parts)
    pairs = zip(given.parts[1:], expected.parts[1:], strict=True)
    return all(
        same_value(Node("product", "", (first, right)), Node("product", "", (left, other)))
        for left, right in pairs
    )


def _clock(node: Node) -> bool:
    return all(part.kind == "number" for part in node.parts) and len(node.parts[1].name) == 2


# ---- relations -------------------------------------------------------------------------------


def _same_relation(given: Node, expected: Node) -> bool:
    if given.kind != "relation":
        named = _assigns(expected) and all(map(_named, expected.parts[:-1]))
        return same(given, expected.parts[-1]) if named else False
    if expected.kind != "relation":
        return same(given.parts[-1], expected) if _assigns(given) else False
    if _is_equation(given) and _is_equation(expected):
        return _same_equation(given, expected)
    if given.name.split() != expected.name.split():
        given = _turned(given)
    if given.name != expected.name:
        return False
    if _all_same(given.parts, expected.parts):
        return True
    if given.name in _ORDER and len(given.parts) == 2:
        return proportional(_difference(given), _difference(expected), positive=True)
    return False


def _is_equation(node: Node) -> bool:
    return set(node.name.split()) <= {"=", "≈"}


def _assigns(node: Node) -> bool:
    """Does a relation say what something is, and not only what it is bound to: `f(x) = x + 5`, `x + y = 7`, and
    `2 + 2 = 4`, but not `2x = 8`?"""
    signs = node.name.split()
    if set(signs) <= {"∈"}:
        return True
    if not set(signs) <= {"=", "≈"}:
        return False
    return not any(_unsolved(part) for part in node.parts[:-1])


def _unsolved(node: Node) -> bool:
    """Is this a multiple of one symbol, or a sum of one with numbers?"""
    return (
        node.kind in ("sum", "product", "quotient", "negative")
        and len(symbols(node)) == 1
        and _linear(node)
        and sum(1 for _ in _leaves(node, "symbol")) == 1
        and any(True for _ in _leaves(node, "number"))
    )


def _leaves(node: Node, kind: str) -> Iterator[Node]:
    if node.kind == kind:
        yield node
    for part in node.parts:
        yield from _leaves(part, kind)


def _linear(node: Node) -> bool:
    if node.kind in ("number", "symbol"):
        return True
    return node.kind in ("sum", "product", "quotient", "negative") and all(map(_linear, node.parts))


def _same_equation(given: Node, expected: Node) -> bool:
    left, right = given.parts[0], expected.parts[0]
    named = [part.kind == "call" and part.name.startswith("?") for part in (left, right)]
    if _simple(left) and _simple(right):
        if left == right or any(named):
            return same(given.parts[-1], expected.parts[-1])
    if len(given.parts) > 2 or len(expected.parts) > 2:
        return _all_same(given.parts, expected.parts)
    if any(
        part.kind in ("sequence", "union", "ratio")
        for node in (given, expected)
        for part in node.parts
    ):
        return _all_same(given.parts, expected.parts)
    return proportional(_difference(given), _difference(expected))


def _simple(node: Node) -> bool:
    """A name: of a quantity, or of a function with its argument."""
    return node.kind == "symbol" or (node.kind == "call" and node.name.startswith("?"))


def _named(node: Node) -> bool:
    """A name, or a product of symbols as h(x) is read."""
    return (
        _simple(node)
        or node.kind == "sequence"
        or (node.kind == "product" and all(map(_named, node.parts)))
    )


def _difference(node: Node) -> Node:
    left, right = node.parts[0], node.parts[-1]
    return Node("sum", "", (left, Node("negative", "", (right,))), exact=node.exact)


def _turned(node: Node) -> Node:
    signs = [_TURNED.get(sign, "?") for sign in reversed(node.name.split())]
    return replace(node, name=" ".join(signs), parts=node.parts[::-1])


# ---- sets of numbers -------------------------------------------------------------------------


def _as_set(node: Node) -> Node:
    """Bounds of one symbol as an interval; "x < 1 or x > 3" as a union, "x > 1 and x < 3" as one interval.

    `x` itself stays known by the name of the sequence: "(] x".
    """
    if node.kind == "relation":
        if set(node.name.split()) == {"∈"} and len(node.parts) == 2:
            return _as_set(node.parts[1])
        return _interval(node) or node
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


_MINUS_INFINITY = Node("negative", "", (_INFINITY,))


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
    if not set(signs) <= _ORDER:
        return None
    if len({sign[0] for sign in signs}) > 1:
        return None
    if signs[0][0] == ">":
        node = _turned(node)
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


def _bracket(sign: str, rounded: str) -> str:
    return {"(": "[", ")": "]"}[rounded] if sign.endswith("=") else rounded


def _same_union(given: Node, expected: Node) -> bool:
    one, two = _members(given), _members(expected)
    return one is not None and two is not None and _matched(one, two)


def _members(node: Node) -> list[Node] | None:
    if node.kind != "union":
        return [node] if node.kind == "sequence" and node.name else None
    if node.name != "∪":
        return [node] if all(part.kind != "union" for part in node.parts) else None
    found = [_members(part) or [part] for part in node.parts]
    return [member for members in found for member in members]


# ---- lists, tuples, sets ---------------------------------------------------------------------


def _same_sequence(given: Node, expected: Node) -> bool:
    if given.kind != "sequence" or expected.kind != "sequence":
        several, one = (given, expected) if given.kind == "sequence" else (expected, given)
        return (
            several.name in ("{}", "[]")
            and len(several.parts) == 1
            and same(
                given if several is expected else given.parts[0],
                expected if several is given else expected.parts[0],
            )
        )
    if max(len(given.parts), len(expected.parts)) > _MOST_ITEMS:
        raise Undecided("a long list")
    given, expected = _assignments(given, expected)
    kinds = {given.name, expected.name}
    if "matrix" in kinds:
        return _same_matrix(given, expected)
    if len(given.parts) != len(expected.parts):
        return kinds == {"{}"} and _matched(_distinct(given), _distinct(expected))
    listed = {"", "{}"} if len(given.parts) == 2 else {"", "{}", "[]"}
    if kinds <= listed:
        return _matched(list(given.parts), list(expected.parts))
    in_order = given.name == expected.name or (
        kinds <= ({"", "()"} if len(given.parts) == 2 else {"", "()", "[]"})
    )
    return in_order and _all_same(given.parts, expected.parts)


def _assignments(given: Node, expected: Node) -> tuple[Node, Node]:
    """Lists of `x = 2, y = 3` without the names, where only one of the two has any."""
    named = [
        node.name == "" and all(p.kind == "relation" and _assigns(p) for p in node.parts)
        for node in (given, expected)
    ]
    if named[0] == named[1]:
        return given, expected
    node = given if named[0] else expected
    names = {str(part.parts[0]) for part in node.parts}
    # Values of different symbols have an order; those of one have none.
    stripped = Node(
        "sequence",
        "" if len(names) == 1 else "()",
        tuple(part.parts[-1] for part in node.parts),
        exact=node.exact,
    )
    return (stripped, expected) if named[0] else (given, stripped)


def _same_matrix(given: Node, expected: Node) -> bool:
    one, two = _rows(given), _rows(expected)
    if [len(row) for row in one] != [len(row) for row in two]:
        return False
    return all(_all_same(left, right) for left, right in zip(one, two, strict=True))


def _rows(node: Node) -> list[tuple[Node, ...]]:
    """The rows of a matrix; a vector is a column, however it is written."""
    if node.name == "matrix":
        rows = [row.parts for row in node.parts]
        return [(cell,) for cell in rows[0]] if len(rows) == 1 else rows
    if all(part.kind == "sequence" and part.name in ("[]", "()") for part in node.parts):
        return [part.parts for part in node.parts]
    return [(part,) for part in node.parts] if node.name in ("()", "[]") else []


def _distinct(node: Node) -> list[Node]:
    found: list[Node] = []
    for part in node.parts:
        if not any(same(part, other) for other in found):
            found.append(part)
    return found


def _matched(given: list[Node], expected: list[Node]) -> bool:
    """Are these the same, in whatever order?"""
    if len(given) != len(expected):
        return False
    left = list(expected)
    for node in given:
        at = next((n for n, other in enumerate(left) if same(node, other)), None)
        if at is None:
            return False
        del left[at]
    return True


def _all_same(given: tuple[Node, ...], expected: tuple[Node, ...]) -> bool:
    return len(given) == len(expected) and all(map(same, given, expected))
