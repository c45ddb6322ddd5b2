"""The claims of a text."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from llmc_lib.reasoning.claims import context
from llmc_lib.reasoning.claims.decide import Comparison
from llmc_lib.reasoning.claims.expression import first_operand, is_literal, parse
from llmc_lib.reasoning.claims.products import Tree
from llmc_lib.reasoning.claims.tokens import STAR, Token, tokens
from llmc_lib.reasoning.mathematics import undivided

#: Characters of a text that are read.
READ = 400_000


@dataclass(frozen=True)
class Claim:
    """Two sides of a relation, with the places of the whole in the text and the sources of the sides."""

    start: int
    end: int
    left: str
    right: str
    comparison: Comparison
    # Is a side computed with an asterisk, and does that show that it multiplies, or may it be another operation?
    stars: tuple[bool, bool] = (False, False)
    doubtful: bool = False


@dataclass(frozen=True)
class _Side:
    tokens: list[Token]
    tree: Tree | None


def find_claims(text: str) -> list[Claim]:
    """The claims that a text states, in their order; of a longer text, of its first `READ` characters.

    A chain a = b = c makes two. Sides that are both numbers as written ("0 = 1") make none: nobody states
    that in earnest.
    """
    text = text[:READ]
    surroundings = _Surroundings(text)
    found: list[Claim] = []
    for start, end in surroundings.paragraphs:
        if not _RELATES.search(text, start, end) or surroundings.other_arithmetic(start):
            continue
        part = text[start:end]
        for before, run, after in _runs(tokens(part)):
            if any(token.kind == "REL" for token in run):
                found += _claims(part, start, before, run, after, surroundings)
    return found


_RELATES = re.compile(r"[=<>≤≥≠≈]|\\(?:[lg]eq?|n?eq?|approx|lt|gt|simeq)")


class _Surroundings:
    """What is said around a place of a text; each sentence and paragraph is looked at once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._sentences = context.sentences(text)
        self._starts = [start for start, _ in self._sentences]
        self.paragraphs = _paragraphs(text)
        self._paragraph_starts = [start for start, _ in self.paragraphs]
        self._stated: dict[int, bool] = {}
        self._other: dict[int, bool] = {}
        self._rough: dict[int, bool] = {}
        self._factors: dict[int, tuple[float, ...]] = {}
        self.moduli = context.moduli(text)
        self.remainders = context.has_remainders(text)
        self.digits = context.has_digits(text)
        self.defines = context.defines_operation(text)

    def rough(self, place: int) -> bool:
        """Does the sentence at a place round or estimate?"""
        number = bisect_right(self._starts, place) - 1
        if number not in self._rough:
            start, end = self._sentences[number]
            self._rough[number] = context.is_rough(self._text[start:end])
        return self._rough[number]

    def factors(self, place: int) -> tuple[float, ...]:
        """How many of one unit make another, for the units that the sentence at a place names."""
        number = bisect_right(self._starts, place) - 1
        if number not in self._factors:
            start, end = self._sentences[number]
            self._factors[number] = context.factors(self._text[start:end])
        return self._factors[number]

    def stated(self, place: int, last: int) -> bool:
        """Is a claim from `place` to `last` stated, in ordinary arithmetic?"""
        if self.other_arithmetic(place):
            return False
        first = bisect_right(self._starts, place) - 1
        final = bisect_right(self._starts, max(place, last - 1)) - 1
        return all(self._sentence_states(number) for number in range(first, final + 1))

    def other_arithmetic(self, place: int) -> bool:
        """Does the paragraph at a place reckon with remainders, another base, a clock?"""
        number = bisect_right(self._paragraph_starts, place) - 1
        if number not in self._other:
            start, end = self.paragraphs[number]
            self._other[number] = context.is_other_arithmetic(self._text[start:end])
        return self._other[number]

    def _sentence_states(self, number: int) -> bool:
        if number not in self._stated:
            start, end = self._sentences[number]
            following = self._text[end : end + 80]
            self._stated[number] = context.is_stated(self._text[start:end], following)
        return self._stated[number]


def _paragraphs(text: str) -> list[tuple[int, int]]:
    """Where the paragraphs are: an empty line ends one, unless it is in mathematics or code."""
    inside = set()
    breaks = [(m.start(), m.end()) for m in re.finditer(r"\n[ \t]*\n\s*", text)]
    starts = [start for start, _ in breaks]
    for a, b in undivided(text):
        inside |= set(range(bisect_right(starts, a), bisect_right(starts, b - 1)))
    found, start = [], 0
    for number, (a, b) in enumerate(breaks):
        if number not in inside:
            found.append((start, a))
            start = b
    return [*found, (start, len(text))]


def _runs(found: Sequence[Token]) -> Iterator[tuple[Token | None, list[Token], Token | None]]:
    """The tokens between two that end an expression, with those two."""
    before: Token | None = None
    run: list[Token] = []
    for token in found:
        if token.kind == "SEP":
            yield before, run, token
            before, run = token, []
        else:
            run.append(token)
    yield before, run, None


def _claims(
    text: str,
    place: int,
    before: Token | None,
    run: list[Token],
    after: Token | None,
    surroundings: _Surroundings,
) -> Iterator[Claim]:
    """The claims of a run of tokens in a paragraph, which begins at a place."""
    relations, read = _sides(text, before, run, after)
    word = before is not None and before.text[:1].isalpha()
    for number, (relation, (left, right)) in enumerate(zip(relations, pairwise(read), strict=True)):
        if left.tree is None or right.tree is None:
            continue
        if is_literal(left.tree) and (is_literal(right.tree) or (number == 0 and word)):
            continue
        if _are_numbers_of_equations(left.tokens + right.tokens):
            continue
        start, end = place + left.tokens[0].start, place + right.tokens[-1].end
        if not surroundings.stated(start, end):
            continue
        first = first_operand(right.tree)
        comparison = Comparison(
            left.tree,
            relation,
            right.tree,
            rough=relation == "=" and surroundings.rough(start),
            moduli=surroundings.moduli,
            factors=surroundings.factors(start),
            remainders=surroundings.remainders,
            digits=surroundings.digits,
            runs_on=first if first is not right.tree and not is_literal(left.tree) else None,
        )
        stars = {t.text for side in (left, right) for t in side.tokens if t.kind == "*"}
        yield Claim(
            start,
            end,
            _source(text, left),
            _source(text, right),
            comparison,
            stars=(_starred(left), _starred(right)),
            doubtful=STAR in stars or ("*" in stars and surroundings.defines),
        )


def _sides(
    text: str, before: Token | None, run: list[Token], after: Token | None
) -> tuple[list[str], list[_Side]]:
    """The relations of a run of tokens, and the sides between them, read where each is whole."""
    remark = _remark(run)
    sides: list[list[Token]] = [[]]
    relations: list[str] = []
    for token in _without_outer_brackets(run):
        if token.kind == "REL":
            relations.append(token.text)
            sides.append([])
        else:
            sides[-1].append(token)
    usable = [True] * len(sides)
    usable[0] = before is None or not (_is_part(before) or _is_fraction(text, before, sides[0]))
    usable[-1] = after is None or not context.goes_on(text, after.text, after.start)
    if remark is not None and context.goes_on_after_remark(text, remark.start):
        usable[-1] = False
    last = len(sides) - 1
    return relations, [
        _Side(side, parse(side, last=n == last) if usable[n] and _boxed(text, side) else None)
        for n, side in enumerate(sides)
    ]


def _starred(side: _Side) -> bool:
    return any(t.kind == "*" and t.text in ("*", STAR) for t in side.tokens)


def _is_part(before: Token) -> bool:
    """Is what comes after a word a part of what the word says?"""
    words = before.text.lower().split()
    last = words[-1].strip("\\") if words else ""
    return not context.BEFORE.isdisjoint((last, last.removesuffix("s")))


def _are_numbers_of_equations(found: list[Token]) -> bool:
    """Is every number alone in brackets, as of equations that are added: (1) + (2) = (5)?"""
    alone = [
        0 < at < len(found) - 1 and (found[at - 1].text, found[at + 1].text) == ("(", ")")
        for at, token in enumerate(found)
        if token.kind == "NUM"
    ]
    return len(alone) > 2 and all(alone)


def _is_fraction(text: str, before: Token, side: list[Token]) -> bool:
    """Is it the fraction of a mixed number: "1 and 1/4"?"""
    kinds = [t.kind for t in side[:3]]
    number = (
        text[max(0, before.start - 9) : before.start].rstrip()[-1:]
        if before.text.lower() == "and"
        else ""
    )
    return number.isdigit() and (kinds[:1] == ["FRAC"] or kinds == ["NUM", "/", "NUM"])


def _boxed(text: str, side: list[Token]) -> bool:
    r"""Is there no box that is but a part of a side? "\boxed{11} + 1": it may stand for an operation."""
    for number, token in enumerate(side):
        if token.kind == "OPEN" and text.endswith(("\\boxed", "\\fbox"), 0, token.start):
            rest = side[_closing(side) + 1 :]
            return number == 0 and all(t.kind in ("DEG", "%") for t in rest)
    return True


def _closing(side: list[Token]) -> int:
    """Where the bracket that a side begins with is closed; -1: nowhere."""
    depth = 0
    for number, token in enumerate(side):
        depth += {"OPEN": 1, "CLOSE": -1}.get(token.kind, 0)
        if depth == 0:
            return number
    return -1


def _remark(run: list[Token]) -> Token | None:
    """The bracket at the end of a run that opens a remark."""
    last = run[-1] if run else None
    return last if last is not None and last.kind == "OPEN" and last.space else None


def _without_outer_brackets(run: list[Token]) -> list[Token]:
    """A run without the brackets around all of it, and without one that only opens or closes a remark:
    "(3 + 4 = 7)", "3 + 4 = 7 (see above)", "(since 3 + 4 = 7)"."""
    opened: list[int] = []
    unmatched: list[int] = []
    for number, token in enumerate(run):
        if token.kind == "OPEN":
            opened.append(number)
        elif token.kind == "CLOSE":
            if not opened:
                unmatched.append(number)
            else:
                first = opened.pop()
                if any(t.kind == "REL" for t in run[first:number]):
                    unmatched += [first, number]
    unmatched += opened
    last = len(run) - 1
    ends = {n for n in unmatched if n in (0, last) and (n == 0) == (run[n].kind == "OPEN")}
    remark = run[-1:] and run[-1].kind == "OPEN" and run[-1].space and last in unmatched
    ends |= {last} if remark else set()
    return [token for number, token in enumerate(run) if number not in ends] if ends else run


def _source(text: str, side: _Side) -> str:
    """What the text has for a side, without a list's hyphen before it."""
    first = side.tokens[1] if side.tokens[0].kind == "BULLET" else side.tokens[0]
    return text[first.start : side.tokens[-1].end].strip()
