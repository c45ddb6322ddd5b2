"""Tokens as an arithmetic expression, in every way that a reader could mean it.

The grammar has closed numeric expressions alone: whatever has a variable in it is read by nobody
here. What can be read in several ways keeps them all (`Choice`): "50%" as 0.5 or 50, "2 1/3" in LaTeX as a
mixed number or a product, "6/2·3" from left to right or with all of 2·3 below the bar. A claim is only
false if it is false in each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmc_lib.reasoning.claims.tokens import Token

#: An expression: ("num", text), ("add", a, b), …, or ("choice", name, a, b, …), one for each reading.
Tree = tuple[Any, ...]

_MOST_TOKENS = 120
_DEEPEST = 24
_PAIRS = {
    ")": "(", "]": "[", "}": "{", "⌋": "⌊", "⌉": "⌈", "\\}": "\\{", "\\rfloor": "\\lfloor", "\\rceil": "\\lceil",
}  # fmt: skip
_STARTS = {"SQRT", "PI", "FUNC", "BINOM", "FRAC"}


class Unreadable(Exception):
    """Not a closed arithmetic expression."""


def parse(tokens: Sequence[Token], *, last: bool = False) -> Tree | None:
    """The expression that all of `tokens` are, None where they are none.

    `last`: nothing follows, so that an exclamation mark at the end may be one.
    """
    if not tokens or len(tokens) > _MOST_TOKENS or any(t.kind in ("BAD", "SEP") for t in tokens):
        return None
    bullet = tokens[0].kind == "BULLET"
    tokens = tokens[1:] if bullet else tokens
    try:
        tree = _Reader(tokens).whole()
        if last and tokens[-1].kind == "!" and tree[0] == "fact":
            tree = ("choice", "mark", tree, tree[1])
        if bullet:  # or was it a minus?
            minus = Token("-", "-", 0, 0, True)
            tree = ("choice", "bullet", tree, _Reader([minus, *tokens]).whole())
    except (Unreadable, IndexError):
        return None
    return tree


def is_literal(tree: Tree) -> bool:
    """Is it a number as it stands, with nothing to work out?"""
    match tree[0]:
        case "num" | "pi":
            return True
        case "neg" | "deg" | "group":
            return is_literal(tree[1])
        case "choice":
            return tree[1] in ("percent", "degree", "bullet") and is_literal(tree[2])
    return False


def first_operand(tree: Tree) -> Tree:
    """The number or bracket that an expression begins with."""
    while tree[0] in ("add", "sub", "mul", "div"):
        tree = tree[1]
    return tree


class _Reader:
    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0

    def whole(self) -> Tree:
        tree = self.sum()
        if self.at < len(self.tokens):
            raise Unreadable
        return tree

    def peek(self) -> str:
        return self.tokens[self.at].kind if self.at < len(self.tokens) else ""

    def take(self, kind: str = "") -> Token:
        if self.at >= len(self.tokens) or (kind and self.peek() != kind):
            raise Unreadable
        self.at += 1
        return self.tokens[self.at - 1]

    def sum(self) -> Tree:
        tree = self.signed(self.product)
        while self.peek() in ("+", "-"):
            operation = {"+": "add", "-": "sub"}[self.take().kind]
            tree = (operation, tree, self.product())
        return tree

    def signed(self, following: Any) -> Tree:
        if self.peek() == "-":
            self.take()
            return ("neg", following())
        tree: Tree = following()
        return tree

    def product(self) -> Tree:
        """Factors with * and /, and those that only stand beside each other ("i")."""
        factors = [self.power()]
        operations: list[str] = []
        while True:
            if self.peek() in ("*", "/"):
                operations.append(self.take().kind)
                factors.append(self.signed(self.power))
            elif self.beside(factors[-1]):
                operations.append("i")
                factors.append(self.power())
            else:
                break
        return _product(factors, operations)

    def beside(self, before: Tree) -> bool:
        """Does a factor follow without a sign?"""
        if self.at >= len(self.tokens):
            return False
        kind, token = self.peek(), self.tokens[self.at]
        if kind == "OPEN" and token.text in ("(", "[", "⌊", "\\lfloor", "\\{"):
            if token.space:  # "12 (3)": is the (3) the number of an equation?
                raise Unreadable
            return True
        if kind in _STARTS:
            return True
        if kind in ("NUM", "OPEN", "SUP"):
            raise Unreadable
        return False

    def power(self) -> Tree:
        tree = self.postfix(self.primary())
        if self.peek() in ("^", "SUP"):
            tree = ("pow", tree, self.exponent())
            tree = self.postfix(tree)
            if self.peek() in ("^", "SUP"):
                raise Unreadable
        return tree

    def postfix(self, tree: Tree) -> Tree:
        while self.peek() in ("!", "%", "DEG"):
            match self.take().kind:
                case "!":
                    tree = ("fact", tree)
                case "%":
                    tree = ("choice", "percent", ("div", tree, ("num", "100")), tree)
                case "DEG":
                    radians = ("div", ("mul", tree, ("pi",)), ("num", "180"))
                    tree = ("choice", "degree", tree, radians)
        return tree

    def exponent(self) -> Tree:
        if self.peek() == "SUP":
            digits = self.take().text.translate(_RAISED)
            return ("neg", ("num", digits[1:])) if digits.startswith("-") else ("num", digits)
        self.take("^")
        if self.peek() == "-":
            self.take()
            return ("neg", ("num", self.take("NUM").text))
        if self.peek() == "NUM":
            exponent: Tree = ("num", self.take().text)
            if self.peek() == "^":  # 2^3^2 = 2^(3^2); in LaTeX 3^15^2 is a slip for 3^1·5^2
                if len(exponent[1]) > 1:
                    raise Unreadable
                return ("pow", exponent, self.exponent())
            return exponent
        if self.peek() == "FRAC":
            return self.primary()
        return self.bracket()

    def primary(self) -> Tree:
        match self.peek():
            case "NUM":
                return ("num", self.take().text)
            case "PI":
                self.take()
                return ("pi",)
            case "FRAC":
                self.take()
                return ("frac", self.argument(), self.argument())
            case "BINOM":
                self.take()
                return ("binom", self.argument(), self.argument())
            case "SQRT":
                return self.root()
            case "FUNC":
                return self.function()
        return self.bracket()

    def bracket(self) -> Tree:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise Unreadable
        opened = self.take("OPEN").text
        tree = self.sum()
        closed = self.take("CLOSE").text
        self.depth -= 1
        if _PAIRS.get(closed) != opened:
            raise Unreadable
        if opened in ("⌊", "\\lfloor"):
            return ("floor", tree)
        if opened in ("⌈", "\\lceil"):
            return ("ceiling", tree)
        return ("group", tree)

    def argument(self) -> Tree:
        r"""An argument of LaTeX: {…}, or one digit, as in \frac12."""
        if self.peek() == "NUM":
            token = self.take()
            if len(token.text) == 2 and token.text.isdigit():
                rest = Token("NUM", token.text[1], token.start + 1, token.end, False)
                self.tokens = [*self.tokens[: self.at], rest, *self.tokens[self.at :]]
            elif len(token.text) > 1:
                raise Unreadable
            return ("num", token.text[0])
        if self.peek() == "PI":
            return self.primary()
        return self.bracket()

    def root(self) -> Tree:
        sign = self.take("SQRT")
        if sign.text == "√":
            return ("root", ("num", "2"), self.primary())
        degree: Tree = ("num", "2")
        if self.peek() == "OPEN" and self.tokens[self.at].text == "[":
            degree = self.bracket()
        return ("root", degree, self.argument())

    def function(self) -> Tree:
        name = self.take("FUNC").text.lstrip("\\").lower()
        if name == "sqrt":
            return ("root", ("num", "2"), self.bracket())
        if name == "log":  # without a base nobody knows which
            raise Unreadable
        exponent: Tree | None = None
        if self.peek() in ("^", "SUP"):
            exponent = self.exponent()
            if exponent[0] == "neg" or (exponent[0] == "group" and exponent[1][0] == "neg"):
                raise Unreadable  # the inverse, or one divided by it?
        first = self.postfix(self.power())
        argument = [first]
        if first[0] != "group":
            while self.peek() in ("PI", "FRAC", "SQRT"):
                argument.append(self.power())
        tree = _call(name, _product(argument, ["i"] * (len(argument) - 1)))
        return tree if exponent is None else ("pow", tree, exponent)


_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


def _call(name: str, argument: Tree) -> Tree:
    """A function's value; angles without a unit are radians or degrees."""
    if name in ("ln", "exp"):
        return ("call", name, argument)
    if name.startswith("arc"):
        angle = ("call", name, argument)
        return ("choice", "angle", angle, ("div", ("mul", angle, ("num", "180")), ("pi",)))
    radians = ("div", ("mul", argument, ("pi",)), ("num", "180"))
    return ("choice", "angle", ("call", name, argument), ("call", name, radians))


def _product(factors: list[Tree], operations: list[str]) -> Tree:
    usual = _left_to_right(factors, operations)
    readings = [usual]
    if "/" in operations[:-1]:
        below = _below_the_bar(factors, operations, "*i")
        tight = _below_the_bar(factors, operations, "i")
        readings += [tree for tree in (below, tight) if tree not in readings]
    if operations[:1] == ["i"] and _is_mixed(factors[0], factors[1]):
        mixed = [("add", factors[0], factors[1]), *factors[2:]]
        readings.append(_left_to_right(mixed, operations[1:]))
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


def _is_mixed(whole: Tree, part: Tree) -> bool:
    return bool(whole[0] == "num" and whole[1].isdigit() and part[0] == "frac")
