"""Are two formulas the same answer: values, and what is made of them (relations, intervals, sets, lists)?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

from llmc_lib.answers.evaluation import Undecided
from llmc_lib.answers.intervals import LINE, ORDER, as_set, turned
from llmc_lib.answers.nodes import Node, mentions
from llmc_lib.answers.text import matched
from llmc_lib.answers.values import proportional, same_value, symbols

_MOST_ITEMS = 40


def same(given: Node, expected: Node) -> bool:
    """Are two formulas the same answer? Raises `Undecided`."""
    given, expected = _both_signs(_scaled(given)), _both_signs(_scaled(expected))
    if _bounds_of_others(given, expected):
        return False
    bounds = given, expected
    given, expected = as_set(given), as_set(expected)
    given, expected = _line(given, expected), _line(expected, given)
    if "relation" in (given.kind, expected.kind) and bounds[0].kind == bounds[1].kind:
        given, expected = bounds  # -x > -2 is x < 2, and no interval as written
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


def _bounds_of_others(given: Node, expected: Node) -> bool:
    """Are these bounds of one symbol each, and not of the same?"""
    if not (given.kind == expected.kind == "relation") or _is_equation(given):
        return False
    one, two = symbols(given), symbols(expected)
    return len(one) == len(two) == 1 and one != two


def _line(node: Node, other: Node) -> Node:
    """All real numbers as an interval, where the other answer is made of intervals."""
    return LINE if node == Node("symbol", "R") and other.kind in ("sequence", "union") else node


def _scaled(node: Node) -> Node:
    """A vector or matrix that is multiplied by a number, with its entries multiplied, or that is transposed."""
    if node.kind == "power" and node.parts[0].kind == "sequence" and node.parts[1].name == "T":
        turned_round = node.parts[0]
        if turned_round.name == "matrix":
            columns = zip(*(row.parts for row in turned_round.parts), strict=False)
            rows = tuple(Node("sequence", "row", column) for column in columns)
            return replace(turned_round, parts=rows)
        return turned_round if turned_round.name in ("()", "[]") else node
    if node.kind not in ("product", "quotient", "negative"):
        return node
    parts = [_scaled(part) for part in node.parts]
    vectors = [at for at, part in enumerate(parts) if part.name in ("matrix", "()", "row")]
    if len(vectors) != 1 or (node.kind == "quotient" and vectors == [1]):
        return node
    at = vectors[0]
    if any(mentions(part, "sequence") for part in parts[:at] + parts[at + 1 :]):
        return node
    entries = (
        replace(node, parts=(*parts[:at], entry, *parts[at + 1 :])) for entry in parts[at].parts
    )
    return replace(parts[at], parts=tuple(map(_scaled, entries)))


def _components(node: Node, count: int) -> Node | None:
    """The components of a i + b j (+ c k) as a vector; None where it is none of so many."""
    names = ("i", "j", "k")[:count]
    if not names[1:] or not symbols(node) & set(names[1:]) or "k" in symbols(node) - set(names):
        return None
    zero, one = (Node("number", value=Fraction(n), name=str(n)) for n in (0, 1))

    def where(unit: str) -> Node:
        return _mapped(
            node,
            lambda n: (
                (one if n.name == unit else zero) if n.kind == "symbol" and n.name in names else n
            ),
        )

    found = tuple(map(where, names))
    unit = {name: Node("symbol", f"unit_{name}") for name in names}
    whole = [
        Node("product", "", (part, unit[name])) for part, name in zip(found, names, strict=True)
    ]
    total = whole[0]
    for term in whole[1:]:
        total = Node("sum", "", (total, term))
    renamed = _mapped(node, lambda n: unit[n.name] if n.kind == "symbol" and n.name in names else n)
    return Node("sequence", "()", found, exact=node.exact) if same_value(renamed, total) else None


# ---- expressions -----------------------------------------------------------------------------


def _same_expression(given: Node, expected: Node) -> bool:
    if _angle(given) == _angle(expected):
        return same_value(given, expected)
    # 30° for 30, and for π/6
    return same_value(_without_degrees(given), _without_degrees(expected)) or (
        (mentions(given, "symbol", "pi") or mentions(expected, "symbol", "pi"))
        and same_value(given, expected)
    )


def _angle(node: Node) -> bool:
    """Is this a number of degrees, and not only a function of one?"""
    return node.kind == "degrees" or (node.kind != "call" and any(map(_angle, node.parts)))


def _mapped(node: Node, change: Callable[[Node], Node]) -> Node:
    return change(replace(node, parts=tuple(_mapped(part, change) for part in node.parts)))


def _without_degrees(node: Node) -> Node:
    return _mapped(node, lambda n: n.parts[0] if n.kind == "degrees" else n)


def _both_signs(node: Node) -> Node:
    """a ± b as two answers."""
    if not mentions(node, "choice"):
        return node
    if node.kind in ("sequence", "relation", "union"):
        parts: list[Node] = []
        for part in node.parts:
            both = _both_signs(part)
            listed = node.kind == "sequence" and node.name in ("", "{}")
            two = listed and part.kind not in ("sequence", "relation", "union") and both is not part
            parts += both.parts if two else [both]
        return replace(node, parts=tuple(parts))

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
        named = assigns(expected) and all(map(_named, expected.parts[:-1]))
        return same(given, expected.parts[-1]) if named else False
    if expected.kind != "relation":
        if not assigns(given):
            return False
        rounded = given.name.endswith("≈") and (len(given.parts) > 2 or not symbols(given.parts[0]))
        if rounded and same(given.parts[-2], expected):
            return True  # x = 1/3 ≈ 0.333
        return same(given.parts[-1], expected)
    if _is_equation(given) and _is_equation(expected):
        return _same_equation(given, expected)
    if given.name.split() != expected.name.split():
        given = turned(given)
    if given.name != expected.name:
        return False
    if _all_same(given.parts, expected.parts):
        return True
    if given.name in ORDER and len(given.parts) == 2:
        return proportional(_difference(given), _difference(expected), positive=True)
    return False


def _is_equation(node: Node) -> bool:
    return set(node.name.split()) <= {"=", "≈"}


def assigns(node: Node) -> bool:
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
    given, expected = _of_function(given), _of_function(expected)
    left, right = given.parts[0], expected.parts[0]
    named = [part.kind == "call" and part.name.startswith("?") for part in (left, right)]
    if _simple(left) and _simple(right) and (left == right or any(named)):
        said = given.parts[-1]
        if all(named) and left.parts[0].kind == right.parts[0].kind == "symbol":  # f(t) for f(x)
            old, new = left.parts[0].name, right.parts[0].name
            if old != new and new in symbols(said):
                return False  # y(x) = e^t
            said = _mapped(said, lambda n: replace(n, name=new) if n.name == old else n)
        elif all(named) and not _all_same(left.parts, right.parts):
            return False  # f(3) = 5 for f(2) = 5
        return same(said, expected.parts[-1])
    if len(given.parts) > 2 or len(expected.parts) > 2:
        return _all_same(given.parts, expected.parts)
    if any(
        part.kind in ("sequence", "union", "ratio")
        for node in (given, expected)
        for part in node.parts
    ):
        return _all_same(given.parts, expected.parts)
    one, two = _difference(given), _difference(expected)
    if left != right and right.kind == "symbol" and not symbols(expected.parts[-1]):
        # x - 2 = 0 says x = 2; 2x = 4 has not been solved.
        return same_value(one, two) or same_value(Node("negative", "", (one,)), two)
    return proportional(one, two)


def _of_function(node: Node) -> Node:
    """An equation P(x) = …, which is read as a product, as one of a function."""
    left = node.parts[0]
    if left.kind == "product" and all(part.kind == "symbol" for part in left.parts):
        name, argument = left.parts
        if name.name in ("P", "Q", "h", "p", "q") and argument.name in symbols(node.parts[-1]):
            left = Node("call", f"?{name.name}", (argument,))
    return replace(node, parts=(left, *node.parts[1:]))


def _simple(node: Node) -> bool:
    """A name: of a quantity, or of a function with its argument."""
    return node.kind == "symbol" or (node.kind == "call" and node.name.startswith("?"))


def _named(node: Node) -> bool:
    """A name, a product of symbols as h(x) is read, or a ratio of segments or of areas."""
    if node.kind in ("quotient", "ratio"):
        return all(part.kind == "symbol" and part.name[:1].isupper() for part in node.parts)
    return (
        _simple(node)
        or node.kind == "sequence"
        or (node.kind == "product" and all(map(_named, node.parts)))
    )


def _difference(node: Node) -> Node:
    left, right = node.parts[0], node.parts[-1]
    return Node("sum", "", (left, Node("negative", "", (right,))), exact=node.exact)


def _same_union(given: Node, expected: Node) -> bool:
    if not {given.name, expected.name}.isdisjoint("∩∖"):
        return given.name == expected.name and _all_same(given.parts, expected.parts)
    one, two = _members(given), _members(expected)
    return one is not None and two is not None and matched(one, two, same)


def _members(node: Node) -> list[Node] | None:
    """The sets that a union is made of, also where a list of intervals says so."""
    if node.kind == "union":
        found = [_members(part) if part.name == "∪" else [part] for part in node.parts]
        return [member for members in found for member in members or []]
    if node.kind != "sequence":
        return None
    return list(node.parts) if node.name == "" else [node]


# ---- lists, tuples, sets ---------------------------------------------------------------------


def _same_sequence(given: Node, expected: Node) -> bool:
    if given.kind != "sequence" or expected.kind != "sequence":
        vector, other = (given, expected) if given.kind == "sequence" else (expected, given)
        if vector.name in ("()", "matrix") and other.kind in ("sum", "product", "negative"):
            components = _components(other, len(vector.parts))
            return components is not None and _same_sequence(components, vector)
        if expected.kind == "sequence":
            return _alone(expected) and same(given, expected.parts[0])
        return _alone(given) and same(given.parts[0], expected)
    if max(len(given.parts), len(expected.parts)) > _MOST_ITEMS:
        raise Undecided("a long list")
    given, expected = _assignments(given, expected)
    kinds = {given.name, expected.name}
    if "matrix" in kinds:
        return _same_matrix(given, expected)
    if len(given.parts) != len(expected.parts):
        return kinds == {"{}"} and matched(_distinct(given), _distinct(expected), same)
    listed = {"", "{}"} if len(given.parts) == 2 else {"", "{}", "[]"}
    if kinds <= listed:
        return matched(given.parts, expected.parts, same)
    in_order = given.name == expected.name or (
        kinds <= ({"", "()"} if len(given.parts) == 2 else {"", "()", "[]"})
    )
    return in_order and _all_same(given.parts, expected.parts)


def _alone(node: Node) -> bool:
    """A set or list of one."""
    return node.name in ("{}", "[]") and len(node.parts) == 1 and node.parts[0].name != "emptyset"


def _assignments(given: Node, expected: Node) -> tuple[Node, Node]:
    """Lists of `x = 2, y = 3` without the names, where only one of the two has any."""
    named = [
        node.name == "" and all(p.kind == "relation" and assigns(p) for p in node.parts)
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


def _all_same(given: tuple[Node, ...], expected: tuple[Node, ...]) -> bool:
    return len(given) == len(expected) and all(map(same, given, expected))
