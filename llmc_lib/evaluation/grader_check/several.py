"""Sets, tuples, choices, names: other ways to write them, and near misses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from llmc_lib.evaluation.grader_check.written import Written, equivalent, miss

#: Formulas of chemistry, and the like: another use of capitals makes another one of them.
_CASED = re.compile(r"[A-Z][a-z]?\d*|.*[A-Z].*[A-Z\d]")
_OPPOSITE = {"yes": "no", "no": "yes", "true": "false", "false": "true"}


def items_of(text: str) -> list[str] | None:
    """The items of a list or set, in no brackets or in braces; None where it is none."""
    inner = re.fullmatch(r"\\?\{(.*?)\\?\}", text, re.DOTALL)
    parts, depth, current = [], 0, ""
    for piece in re.split(r"([(\[{]|[)\]}]|,(?!\d{3}\b|\\!))", inner[1] if inner else text):
        depth += (piece in ("(", "[", "{")) - (piece in (")", "]", "}"))
        if depth == 0 and piece == ",":
            parts.append(current.strip())
            current = ""
        else:
            current += piece
    parts.append(current.strip())
    return parts if len(parts) > 1 and all(parts) and len(set(parts)) == len(parts) else None


def unordered(items: Sequence[str], *, braces: bool) -> Iterator[Written]:
    """A list or set of answers, whose order says nothing."""
    turned, joined = list(reversed(items)), ", ".join(items)
    form = "\\{{{}\\}}" if braces else "{}"
    yield equivalent("another order", form.format(", ".join(turned)))
    yield equivalent("no spaces", form.format(",".join(items)))
    if braces:
        yield equivalent("\\left and \\right", f"\\left\\{{ {joined} \\right\\}}")
    else:
        yield equivalent("and", f"{', '.join(items[:-1])} and {items[-1]}")
        yield equivalent("in braces", f"\\{{{joined}\\}}")
        yield equivalent("semicolons", "; ".join(items))
    yield miss("one left out", form.format(", ".join(items[:-1])))
    yield miss("the first alone", items[0])
    extra = str(1 + max((int(n) for n in re.findall(r"\d+", joined) if len(n) < 9), default=6))
    yield miss("one too many", form.format(f"{joined}, {extra}"))
    yield miss("one another", form.format(", ".join([*items[:-1], extra])))


def pair_of(text: str) -> tuple[str, list[str], str] | None:
    """Brackets and items of a tuple, point or interval; None where it is none."""
    found = re.fullmatch(r"(?:\\left)?([(\[])(.*?)(?:\\right)?([)\]])", text, re.DOTALL)
    if not found:
        return None
    parts = items_of(found[2]) if "{" not in found[2][:1] else None
    parts = parts or [part.strip() for part in found[2].split(",")]
    balanced = all(part.count("(") == part.count(")") for part in parts)
    return (found[1], parts, found[3]) if len(parts) > 1 and all(parts) and balanced else None


def ordered(opening: str, items: Sequence[str], closing: str) -> Iterator[Written]:
    """A tuple, a point, an interval."""
    joined = ", ".join(items)
    yield equivalent("no spaces", f"{opening}{','.join(items)}{closing}")
    yield equivalent("spaces", f"{opening} {joined} {closing}")
    yield equivalent("\\left and \\right", f"\\left{opening}{joined}\\right{closing}")
    # A longer list in square brackets is how sympy prints several answers.
    if items[0] != items[-1] and (opening == "(" or len(items) == 2):
        yield miss("turned round", f"{opening}{', '.join(reversed(items))}{closing}")
    yield miss("one left out", f"{opening}{', '.join(items[:-1])}{closing}")
    if (opening, closing) != ("(", ")") and len(items) == 2:
        other = {"(": "[", "[": "("}[opening]
        yield miss("another bracket", f"{other}{joined}{closing}")


def choice(letter: str, choices: Mapping[str, str]) -> Iterator[Written]:
    """The letter of a choice; `choices` of the question, {} where they are not known."""
    yield equivalent("in brackets", f"({letter})", plain=True)
    yield equivalent("full stop", f"{letter}.", plain=True)
    yield equivalent("bold", f"**{letter}**", plain=True)
    yield equivalent("\\text", f"$\\text{{{letter}}}$")
    yield equivalent("option", f"Option {letter}", plain=True)
    yield equivalent("lower case", letter.lower(), plain=True)
    others = [other for other in choices if other != letter]
    for other in others[:1] + others[-1:] if len(others) > 1 else others:
        yield miss("another letter", other, plain=True)
    if not choices.get(letter) or not others:
        return
    text, other = choices[letter], others[0]
    texts = [t.casefold().strip(" .") for t in choices.values()]
    if texts.count(text.casefold().strip(" .")) == 1 and not _is_letter(text, choices):
        yield equivalent("letter and text", f"{letter}. {text}", plain=True)
        yield equivalent("letter in brackets and text", f"({letter}) {text}", plain=True)
        yield equivalent("text alone", text, plain=True)
        yield miss("the letter of another text", f"{other}. {text}", plain=True)
    clear = texts.count(choices[other].casefold().strip(" .")) == 1
    if clear and not _is_letter(choices[other], choices):
        yield miss("another text", choices[other], plain=True)
        yield miss("another letter and text", f"{other}. {choices[other]}", plain=True)
    yield miss("two letters", f"{letter} and {other}", plain=True)
    yield miss("two letters, or", f"{other} or {letter}", plain=True)
    yield miss("denied", f"not {letter}", plain=True)


def _is_letter(text: str, choices: Mapping[str, str]) -> bool:
    """May a choice's text be taken for a letter, as of "A and C"?"""
    return re.match(r"\W*[A-Z](?:\W|$)", text) is not None or text.strip() in choices


def name(text: str, others: Sequence[str]) -> Iterator[Written]:
    """A word, a name, or a phrase; `others`: reference answers of other questions."""
    if not _CASED.fullmatch(text):
        yield equivalent("lower case", text.lower(), plain=True)
        yield equivalent("upper case", text.upper(), plain=True)
    yield equivalent("bold", f"**{text}**", plain=True)
    yield equivalent("quotes", f'"{text}"', plain=True)
    yield equivalent("full stop", f"{text}.", plain=True)
    yield equivalent("\\text", f"$\\text{{{text}}}$")
    if re.fullmatch(r"[a-z]+(?: [a-z]+)?", text) and text not in _OPPOSITE:
        yield equivalent("article", f"the {text}", plain=True)
    if (opposite := _OPPOSITE.get(text.lower())) is not None:
        yield miss("the opposite", opposite, plain=True)
        return
    yield miss("denied", f"not {text}", plain=True)
    words = set(text.casefold().split())
    different = [o for o in others if not words & set(o.casefold().split())]
    for other in different[:2]:
        yield miss("another name", other, plain=True)
    if different:
        yield miss("two names", f"{text} or {different[0]}", plain=True)
