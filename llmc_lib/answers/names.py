"""Names and phrases in longer and shorter forms."""

from __future__ import annotations

import re

from llmc_lib.answers.text import SENTENCE, fold, undelimited, unwrapped, without_markup

# Two answers, a range or a bound are not one answer, unless the reference is of that kind.
HEDGED = re.compile(
    r"\b(?:or|and|to|not|no|neither|nor|never|either|between|than|least|most|maximum|minimum|more|fewer)\b"
    r"|[<>≤≥±?~–—]|\.\.\.|…",
    re.IGNORECASE,
)
# What in brackets after an answer takes it back or limits it.
RESERVED = re.compile(
    r"\b(?:if|only|unless|except|but|not|no|or|either|without|assuming|excluding|wrong|incorrect|maybe|perhaps"
    r"|possibly|depend\w*|alternative\w*|also|could|might|may|otherwise|instead|rather|unsure|uncertain)\b|\?",
    re.IGNORECASE,
)
# A first name, an initial or a particle in front of a name; no abbreviation as in "DR Congo".
_FIRST_NAME = re.compile(
    r"(?:[^\W\d_a-z][^\W\d_A-Z][\w'’-]*|[A-Z]\.(?:-?[A-Z]\.)*|[A-Z]|von|van|der|ibn|al)"
)
_TITLE = re.compile(
    r"^(?:(?:King|Queen|Pope|Emperor|Empress|Tsar|Sir|Lord|Lady|Dr|Prof|Professor|President|General)\.? )+(?=[^\W\d_a-z])"
)
# Words in front of a name that make another one of it: "South Africa", "mezzo forte".
_OTHER_NAME = re.compile(
    r"[,;/]|\b(?:and|anti|but|except|central|east|eastern|giga|kilo|mega|mezzo|micro|milli|nano|never|new|no|non|nor|north"
    r"|northern|not|or|semi|south|southern|sub|vs|west|western)\b"
)
DENIED = re.compile(r"\b(?:not|never|no|cannot|neither|nor)\b|n['’]t\b", re.IGNORECASE)
_FORMULA = re.compile(r"[\d\\=+*/^_<>]")
_PARTICLES = frozenset("the a an of in at by de von van der la le el".split())


def same_name(answer: str, reference: str) -> bool | None:
    """A name in a longer form: "Alan Turing" for Turing. None where the reference is no name."""
    folded = fold(reference)
    short = answer[:SENTENCE]
    bare = fold(re.sub(r"\s*\([^()]*\)", "", short))
    if bare == folded and RESERVED.search(" ".join(re.findall(r"\(([^()]*)\)", short))):
        return False  # "Yes (but only if …)"
    # "sulfuric acid (H2SO4)" for H2SO4
    formula = re.fullmatch(
        r"([A-Za-z][a-z]+(?:[ -][A-Za-z]+){0,3}) \(([^()\s]+)\)", without_markup(short)
    )
    if (
        formula
        and fold(formula[2]) == fold(without_markup(reference))
        and not DENIED.search(formula[1])
    ):
        return bool(re.fullmatch(r"[A-Z]\w*[A-Z0-9]\w*", formula[2])) or None
    # "Alan Turing" for "Turing", "the femur (thigh bone)" for "femur"
    if bare == folded and re.fullmatch(r"[^\W\d_-]{3,}", folded):
        return True
    *first, last = re.sub(r"\s*\([^()]*\)", "", undelimited(unwrapped(short))).split() or [""]
    if (
        fold(last) == folded
        and 0 < len(first) <= 2
        and first[-1] not in ("is", "=")
        and re.fullmatch(r"[^\W\d_-]{3,}", folded)
    ):
        a_name = last[:1].isupper() and all(map(_FIRST_NAME.fullmatch, first))
        if first == ["It"] or _OTHER_NAME.search(bare):
            return None if first == ["It"] else False
        return a_name and reference.strip()[:1].isupper()
    if (shorter := _TITLE.sub("", short)) != short:
        return fold(shorter) == folded or None
    # "hydrogen peroxide (H2O2)" for "hydrogen peroxide"
    named = re.fullmatch(r"(.*\w)\s+\(([^()]*)\)\W*", short)
    if named and len(answer) <= SENTENCE and re.fullmatch(r"[^\W\d_][\w '’-]{2,}", folded):
        return fold(named[1]) == folded and not RESERVED.search(named[2])
    return None


def may_be(answer: str, reference: str) -> bool:
    """Is one name or phrase a part of the other, as "Paris, France" has Paris and "King Henry VIII" has Henry VIII?"""
    if max(len(answer), len(reference)) > SENTENCE or _FORMULA.search(answer + reference):
        return False
    answer = " ".join(without_markup(answer).split())
    one, two = fold(answer), fold(without_markup(reference))
    if min(len(one), len(two)) < 3 or DENIED.search(one) or re.search(r"[,;]|\band\b", two):
        return False
    if f" {one} " in f" {two} ":
        return True
    found = re.search(rf"(?<![\w-]){re.escape(two)}(?![\w-]),?", answer, re.IGNORECASE)
    if found is None:
        return False
    rest = f"{answer[: found.start()]} {answer[found.end() :]}"
    words = [word for word in rest.split() if word.lower() not in _PARTICLES]
    return not (HEDGED.search(rest) or re.search("[,;]", rest)) and (
        len(words) <= 1 or all(word[:1].isupper() for word in words)
    )
