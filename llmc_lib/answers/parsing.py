r"""Read a final answer as mathematics, whole or not at all.

A recursive-descent parser for what is in final answers: numbers, expressions, relations, tuples, intervals, sets,
matrices, and lists of these. It covers the whole, balanced text or raises `Unreadable`; what depends on a scope that a
text does not tell (sums, integrals, limits) is unreadable too.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from llmc_lib.answers.nodes import Node, make, number, proper, signed
from llmc_lib.answers.notation import (
    CLOSING,
    FUNCTIONS,
    MATRICES,
    OF_BRACKETS,
    RELATIONS,
    SYMBOLS,
    UNKNOWN_FUNCTIONS,
    Cursor,
    Token,
    Unreadable,
    tokens,
    uniform,
)  # fmt: skip

_DEPTH = 60


@lru_cache(maxsize=4096)
def read(text: str, *, applied: bool = False) -> Node:
    """A text as mathematics: a lone formula, or a sequence without brackets of several. Raises `Unreadable`.

    W(2) is read as a product of W and 2 and, with `applied`, as a value of a function W.
    """
    found = tokens(uniform(text))
    while found and found[-1].text in (".", ","):
        found.pop()
    parser = _Parser(found, applied=applied)
    try:
        node = parser.items(("",))
    except (RecursionError, ValueError, ZeroDivisionError, IndexError) as error:
        raise Unreadable(str(error)) from None
    if parser.at < len(found):
        raise Unreadable(f"after the formula: {found[parser.at].text}")
    return node


class _Parser(Cursor):
    def __init__(self, found: list[Token], *, applied: bool) -> None:
        super().__init__(found)
        self.applied = applied
        self.depth = 0

    # ---- lists, relations, sets ----

    def items(self, closing: tuple[str, ...], brackets: str = "") -> Node:
        """Formulas up to a closing bracket, which is left: one alone, several as a sequence."""
        self.depth += 1
        if self.depth > _DEPTH:
            raise Unreadable("too deep")
        parts: list[Node] = []
        joined = False
        while True:
            parts.append(self.relation())
            separators = 0
            while self.accept(",", ";", "and", "or"):
                separators += 1
            if not separators:
                break
            joined = True
            if self.peek().kind == "end" or self.peek().text in closing:
                raise Unreadable("a list without an end")
        self.depth -= 1
        if joined or brackets in ("{*", "{"):
            return Node("sequence", brackets, tuple(parts), exact=all(p.exact for p in parts))
        return parts[0]

    def relation(self) -> Node:
        parts, signs = [self.union()], []
        while (sign := self.peek()).kind == "mark" and sign.text in RELATIONS:
            self.at += 1
            signs.append(sign.text)
            parts.append(self.union())
        if not signs:
            return parts[0]
        return make("relation", " ".join(signs), *parts)

    def union(self) -> Node:
        left = self.ratio()
        while mark := self.accept("∪", "∩", "∖"):
            left = make("union", mark, left, self.ratio())
        return left

    def ratio(self) -> Node:
        left = self.sum()
        parts = [left]
        while self.accept(":"):
            parts.append(self.sum())
        return parts[0] if len(parts) == 1 else make("ratio", "", *parts)

    # ---- expressions ----

    def sum(self) -> Node:
        sign = self.accept("-", "+", "±", "∓")
        left = signed(sign, self.product())
        while mark := self.accept("+", "-", "±", "∓"):
            right = signed(mark, self.product())
            left = make("sum", "", left, right)
        return left

    def product(self) -> Node:
        left = self.signed_factor()
        while True:
            if self.accept("*"):
                left = make("product", "", left, self.signed_factor())
            elif self.accept("/"):
                left = self.division(left)
            elif self.accept("mod", "choose"):
                name = self.peek(-1).text
                left = make("call", "binom" if name == "choose" else name, left, self.factor())
            elif self.begins():
                left = self.beside(left)
            else:
                return left

    def signed_factor(self) -> Node:
        if self.accept("-"):
            return signed("-", self.signed_factor())
        self.accept("+")
        return self.factor()

    def division(self, left: Node) -> Node:
        """`a/b`; without spaces `1/2x` is x/2, and `x/2y` is x/(2y)."""
        start = self.at
        right = self.signed_factor()
        literal = left.kind == right.kind == "number" and self.at == start + 1
        if literal:
            return make("quotient", "", left, right)
        while self.begins() and not self.peek().spaced:
            right = self.beside(right)
        return make("quotient", "", left, right)

    def beside(self, left: Node) -> Node:
        """The product with what directly follows, or a mixed number."""
        if self.peek().kind == "number" and self.peek(-1).kind in ("number", "name"):
            mixed = self.mixed(left)
            if mixed is None:
                raise Unreadable("two numbers in a row")
            return mixed
        begun, fraction = self.peek(-1), self.peek().text == "frac"
        right = self.factor()
        whole = left.kind == "number" and left.value.denominator == 1 and begun.kind == "number"
        if fraction and whole and proper(right):
            return make("sum", "", left, right)
        return make("product", "", left, right)

    def mixed(self, left: Node) -> Node | None:
        """`2 5/6`, at its 5."""
        above, slash, below = self.peek(), self.peek(1), self.peek(2)
        if not (above.spaced and slash.text == "/" and below.kind == "number"):
            return None
        fraction = make("quotient", "", number(above.text), number(below.text))
        if left.kind != "number" or self.peek(-1).kind != "number" or not proper(fraction):
            return None
        self.at += 3
        return make("sum", "", left, fraction)

    def factor(self) -> Node:
        """An atom with its exponents, factorials and units of angle."""
        base = self.atom()
        while True:
            if self.accept("^"):
                braced = self.peek().text == "{" and self.peek(2).text == "}"
                if self.peek(int(braced)).text in ("circ", "°"):
                    self.at += 3 if braced else 1
                    base = make("degrees", "", base)
                else:
                    base = make("power", "", base, self.exponent())
            elif self.accept("!"):
                base = make("call", "double" if self.accept("!") else "factorial", base)
            elif self.accept("°"):
                base = make("degrees", "", base)
            elif self.accept("%"):
                base = make("quotient", "", base, number("100"))
            elif self.accept("_"):
                base = self.subscript(base)
            elif self.applied and base.kind == "symbol" and self.argument_in_brackets():
                base = self.unknown(base.name)
            else:
                return base

    def exponent(self) -> Node:
        sign = self.accept("-", "+")
        node = self.argument()
        if self.accept("^"):
            node = make("power", "", node, self.exponent())
        return signed(sign, node)

    def subscript(self, base: Node) -> Node:
        """`a_1` is a symbol, `101_2` a number in base 2."""
        if base.kind == "number":
            radix = self.argument()
            if radix.kind != "number" or not base.exact:
                raise Unreadable("a base")
            return Node("number", value=Fraction(int(base.name, int(radix.value))), name=base.name)
        if base.kind != "symbol":
            raise Unreadable("a subscript")
        start = self.at
        self.argument(names=True)
        name = "".join(token.text for token in self.tokens[start : self.at]).strip("{}")
        return Node("symbol", f"{base.name}_{name}")

    def argument(self, *, names: bool = False) -> Node:
        r"""What `\frac`, `^` and `_` take: a group in braces, a digit, a symbol."""
        token = self.peek()
        if token.text == "{":
            self.at += 1
            if names:
                while self.peek().text not in ("}", ""):
                    self.at += 1
                self.expect("}")
                return Node("symbol", "")
            node = self.items(("}",))
            self.expect("}")
            return node
        if token.kind == "text" and names:
            self.at += 1
            return Node("symbol", token.text)
        return self.atom()

    def atom(self) -> Node:
        self.depth += 1
        if self.depth > _DEPTH:
            raise Unreadable("too deep")
        try:
            token = self.take()
            if token.kind == "number":
                return number(token.text)
            if token.kind == "name":
                return self.named(token.text)
            if token.kind == "mark" and token.text in CLOSING:
                return self.bracketed(token.text)
            if token.text in MATRICES:
                return self.matrix(token.text[3:])
            raise Unreadable(f"{token.text!r} begins no formula")
        finally:
            self.depth -= 1

    def bracketed(self, opening: str) -> Node:
        if opening == "|":
            self.bars += 1
            node = self.sum()
            self.bars -= 1
            self.expect("|")
            return make("call", "abs", node)
        bars, self.bars = self.bars, 0
        if opening in ("{", "{*") and self.accept(CLOSING[opening]):
            self.bars = bars
            return Node("symbol", "emptyset") if opening == "{*" else self.factor()
        node = self.items(("}", "*}", ")", "]"), opening if opening != "{" else "")
        self.bars = bars
        if opening in ("⌊", "⌈"):
            self.expect(CLOSING[opening])
            return make("call", "floor" if opening == "⌊" else "ceil", node)
        closing = self.accept(")", "]", "}", "*}")
        several = node.kind == "sequence" and node.name == (opening if opening != "{" else "")
        if several and opening in "([" and closing in (")", "]"):
            return Node("sequence", opening + closing, node.parts, exact=node.exact)
        if closing != CLOSING[opening]:
            raise Unreadable("unbalanced brackets")
        if several:  # {1, 2} in plain text is a set too
            return Node("sequence", "{}", node.parts, exact=node.exact)
        return node

    def named(self, name: str) -> Node:
        if name == "frac":
            above = self.digit_or_argument()
            return make("quotient", "", above, self.digit_or_argument())
        if name == "binom":
            if self.peek().text == "(":
                return self.called(name)
            above = self.digit_or_argument()
            return make("call", "binom", above, self.digit_or_argument())
        if name in ("sqrt", "cbrt", "fthrt"):
            return self.root({"sqrt": "2", "cbrt": "3", "fthrt": "4"}[name])
        after = self.peek({"^": 2, "{": 1}.get(self.peek().text, 0)).text
        if name in FUNCTIONS or (name in OF_BRACKETS and after == "("):
            return self.called(name)
        if name == "C" and "," in [self.peek(n).text for n in (2, 3)] and self.peek().text == "(":
            return self.called("binom")
        if len(name) > 1 and name.lower() not in SYMBOLS and not name.isupper():
            raise Unreadable(name)
        if name in UNKNOWN_FUNCTIONS and self.peek().text == "(":
            return self.unknown(name)
        return Node("symbol", name)

    def unknown(self, name: str) -> Node:
        """A function that is known by its name alone, at its opening bracket."""
        opening = self.take().text
        node = self.bracketed(opening)
        parts = node.parts if node.kind == "sequence" else (node,)
        return make("call", f"?{name}{opening.strip('(')}", *parts)

    def digit_or_argument(self) -> Node:
        r"""`\frac12` is 1/2, `\frac172` 1/72."""
        token = self.peek()
        if token.kind == "number" and len(token.text) > 1 and token.text.isdecimal():
            self.tokens[self.at] = Token("number", token.text[1:], False)
            return number(token.text[0])
        return self.argument()

    def root(self, degree: str) -> Node:
        index = number(degree)
        if degree == "2" and self.peek().text == "[":
            self.at += 1
            index = self.sum()
            self.expect("]")
        radicand = self.argument()
        if radicand.kind == "sequence":
            raise Unreadable("a root of several")
        return make("power", "root", radicand, make("quotient", "", number("1"), index))

    def called(self, name: str) -> Node:
        r"""A function with its argument: `\sin x`, `\sin^2 2x`, `\log_2 8`, `exp(3)`."""
        power = base = None
        while mark := self.accept("^", "_"):
            if mark == "^":
                power = self.exponent()
            else:
                base = self.argument()
        if self.peek().text == "(":
            self.at += 1
            node = self.bracketed("(")
            parts = node.parts if node.kind == "sequence" and node.name == "()" else (node,)
        elif name in ("max", "min", "gcd", "lcm") and self.accept("{*"):
            parts = self.bracketed("{*").parts
        else:
            parts = (self.bare_argument(name),)
        if base is not None:
            if name not in ("log", "ln"):
                raise Unreadable("a subscript of a function")
            parts = (*parts, base)
        inverse = power is not None and power == signed("-", number("1"))
        if inverse and name in ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh"):
            return make("call", f"{'ar' if name[-1] == 'h' else 'arc'}{name}", *parts)
        call = make("call", name, *parts)
        return call if power is None else make("power", "", call, power)

    def bare_argument(self, name: str) -> Node:
        """What a function without brackets is applied to; `sin π/5` is that of π/5, `ln 2/3` a third of ln 2."""
        if self.accept("-"):
            return signed("-", self.bare_argument(name))
        start = self.at
        left = self.factor()
        plain = (
            left.kind in ("number", "symbol")
            and self.at == start + 1
            and not name.endswith(("ln", "log", "lg"))
        )
        if plain and self.peek().text == "/" and self.peek(1).kind == "number":
            self.at += 1
            left = make("quotient", "", left, number(self.take().text))
        while (
            self.begins()
            and self.peek().text not in FUNCTIONS
            and self.peek().text not in ("(", "[")
        ):
            left = self.beside(left)
        return left

    def matrix(self, kind: str) -> Node:
        if kind == "array" and self.peek().text == "{":
            self.argument(names=True)
        rows: list[Node] = []
        row: list[Node] = []
        while True:
            row.append(self.relation())
            token = self.take()
            if token.text == "&":
                continue
            rows.append(make("sequence", "row", *row))
            row = []
            if token.text == "\\\\" and self.peek().text != f"end{kind}":
                continue
            if token.text == "\\\\":
                token = self.take()
            if token.text != f"end{kind}":
                raise Unreadable("a matrix without an end")
            matrix = make("sequence", "matrix", *rows)
            return make("call", "det", matrix) if kind == "vmatrix" else matrix
