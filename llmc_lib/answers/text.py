"""The texts of final answers: what finding and comparing them both need."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

# A response is searched for its final answer within its last characters only, so that a hostile or
# endless one costs no more than an ordinary one.
TAIL = 4000
# The longest line that is read as a sentence which states an answer.
SENTENCE = 200
# Between the alternatives of a reference, any of which is right (a list of several answers is right as a whole).
ALTERNATIVE = " <or> "
NUMBER = re.compile(
    r"(?<![\w.])-?\d+(?:,\d{3})+(?:\.\d+)?|(?:(?<![\w.])-)?\d*\.?\d+(?:[eE][-+]?\d+)?"
)
NOT_A_UNIT = re.compile(
    r"\b(?:hundreds?|thousands?|millions?|billions?|trillions?|dozens?|pi|plus|minus|times|over|squared"
    r"|cubed|factorial|ln|log|sqrt|sin|cos|tan|exp|only if|base|mod|power|half|quarter|third|point)\b",
    re.IGNORECASE,
)
_RAISED = re.compile(r"[⁰¹²³⁴-⁹⁻⁺ⁿˣ]+")
_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿˣ", "0123456789-+nx")
_IN_WORDS = re.compile(r"^(?:negative|minus) (?=[\d\\.])", re.IGNORECASE)
_SPACE_AT_END = re.compile(r"(?:(?<!\\)\\[,;:! ]|\\q?quad|~)+$")

# With a command in front of it, that must not run into the words: \cdot\text{s}
_WRAPPED = re.compile(
    r"(\\[a-zA-Z]{1,20})?\\(?:text(?:bf|it|rm|normal|sf)?|mathrm|mathbf|mbox|ce)\s*\{((?:[^{}]|\{[^{}]{0,20}\}){0,400})\}"
)
_PLAIN = str.maketrans("−⁄’‘“”", "-/''\"\"")


def matched(given: Sequence[T], expected: Sequence[T], same: Callable[[T, T], bool]) -> bool:
    """Are these the same items, in whatever order?"""
    left = list(expected)
    for item in given:
        at = next((n for n, other in enumerate(left) if same(item, other)), None)
        if at is None:
            return False
        del left[at]
    return not left


def signs(text: str) -> str:
    """Signs as mathematics writes them: a minus (or a dash in front of a number) as a hyphen, "5²" as
    "5^{2}"."""
    text = text[:TAIL]
    if not text.isascii():
        text = _RAISED.sub(lambda m: "^{" + m[0].translate(_SUPERSCRIPT) + "}", text)
        text = re.sub(r"^(\s*)[–—](?=[\d\\.])", r"\1-", text.replace("−", "-"))
    return _IN_WORDS.sub("-", text) if text[:1] in "nNmM" else text


def unwrapped(text: str) -> str:
    r"""A text without LaTeX's \text{…} and its like around words."""
    return _WRAPPED.sub(
        lambda m: f"{m[1] or ''}{' ' if m[1] and m[2][:1].isalpha() else ''}{m[2]}", text
    )


def without_markup(text: str) -> str:
    r"""A text without the marks of LaTeX around words and formulas of chemistry: H_2O is H2O."""
    text = unwrapped(unwrapped(text)).replace("\\infty", "∞")
    text = re.sub(r"\\(?:emptyset|varnothing)\b", "∅", text)
    text = re.sub(r"\\(?:left|right)\b|\\[()\[\]!]|\$", "", text)
    text = re.sub(r"\s*([,:])\s*", r"\1 ", text)
    text = re.sub(r"\s*(?:\\cdot(?![a-zA-Z])|·)\s*(?=\d?[A-Z])", "·", text)  # MgSO4·7H2O
    text = re.sub(r"(?<=[A-Za-z\d)])\^\{?([+-])\}?$", r"\1", text)  # Na^+
    text = re.sub(r"\{\}(?=[_^])|(?<=\^)\{(\d?[+-])\}", r"\1", text)  # {}^{14}C, Fe^{3+}
    return re.sub(r"_(?:\{(\d+)\}|(\d))", r"\1\2", re.sub(r"\\[ ,;!]|~", " ", text))


_FOR_ALL = re.compile(
    r"(?:\s|,|\\[;, ]|\\q?quad|\\text\s*\{)+(?:for (?:all|any|every|each)|\\forall)\b[\s}$]*"
    r"(?:(?:real|positive|complex|rational|integers?|numbers?|values? of)\s+)*\}?\s*\$?(?:[a-z]\b)?\$?"
    r"(?:\s*(?:\\in|∈|in)\s*(?:\\mathbb\s*\{?[A-Z]\}?|[ℝℤℕℚR]))?[\s.})$]*$"
    # "k ∈ Z"
    r"|[,;]?(?:\s|\\q?quad|\\[,;! ])*\(?(?:\\text\s*\{\s*)?(?:where |with )?\$?[a-z]\s*(?:\\in|∈)\s*"
    r"(?:\\mathbb)?\s*(?:\{[ZNR]\}|[ZNR])\s*\)?$"
)


def without_quantifier(text: str) -> str:
    """A formula without "for all real x" or ", k ∈ Z" after it; a bound of x stays."""
    if len(text) > SENTENCE or not re.search(r"\bfor\b|\\forall|\\in\b|∈", text):
        return text
    return _FOR_ALL.sub("", text) or text


def unended(text: str) -> str:
    """A text without its full stop; three dots say that it goes on."""
    text = _SPACE_AT_END.sub("", text.strip())
    return text if text.endswith("...") else text.rstrip(".,;").strip()


def undelimited(text: str) -> str:
    r"""A text without the marks of mathematics around the whole of it, nor `\boxed{…}`."""
    for _ in range(4):
        text = unended(text)
        inner = re.fullmatch(r"\$\$?([^$]+)\$\$?|\\\((.*)\\\)|\\\[(.*)\\\]", text, re.DOTALL)
        if inner is not None:
            text = next(group for group in inner.groups() if group is not None)
        elif (box := re.match(r"\\(?:boxed|fbox)\s*\{", text)) and closing(text, box.end()) == len(
            text
        ):
            text = text[box.end() : -1]
        else:
            return text
    return text


def closing(text: str, start: int) -> int | None:
    """Where the brace is closed that was opened before `start`: the index after it."""
    depth = 1
    for match in re.compile(r"\\.|[{}]").finditer(text, start):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth == 0:
            return match.end()
    return None


def clean(text: str) -> str:
    """A final answer without the markup and punctuation that models put around it."""
    marks = '*`"_ ' if re.fullmatch(r"[^'\n]*\d'[*`_ .]*", text) else "*`\"'_ "  # 60' is an angle
    text = unended(unwrapped(text).strip().strip(marks))
    # "$45" and "45 $" are amounts, "$45$" is a formula.
    amount = re.match(r"\$ ?[\d,]*\.?\d+$|\d[\d.,]* \$$", text)
    text = text.strip(marks if amount else f"{marks}$")
    inner = re.fullmatch(r"\\[(\[](.*)\\[)\]]", text, re.DOTALL)
    return inner[1].strip() if inner else text


def fold(text: str) -> str:
    """Text for comparison: one Unicode form, case, article, spacing and outer punctuation ignored."""
    # A power stays one: NFKC alone would make "52" of "5²".
    if not text.isascii():
        text = _RAISED.sub(lambda m: "^" + m[0].translate(_SUPERSCRIPT), text)
        text = re.sub(r"(?<=\d)(?=[½¼¾⅐-⅞])", " ", text)
        text = unicodedata.normalize("NFKC", text).translate(_PLAIN)
    text = text.casefold()
    text = re.sub(r"(?<=[^\W\d_]{2})!+$", "", text.strip(" .,;:\"'`*$()"))
    text = re.sub(r"^(the|a|an)\s+", "", text.strip(" .,;:\"'`*$()"))
    return re.sub(r"\s+", " ", text)


def sound(answer: str) -> bool:
    """Can this be an answer: has it a letter, digit or sign, closed brackets, and mathematics that is closed?"""
    if answer.replace(" ", "") == "\\{\\}":
        return True
    if not re.search(
        r"[^\W_]|[∞∅√½¼¾%°+-]",
        re.sub(
            r"\\(?:[a-zA-Z]+|.)",
            lambda m: "a" if len(m[0]) > 3 or m[0] in ("\\pi", "\\%", "\\ln") else "",
            answer,
        ),
    ):
        return False
    # "$45" and "45$" are amounts, and "$45$" a formula.
    if len(re.findall(r"(?<!\\)\$", answer)) % 2 and not re.search(
        r"(?<!\\)\$\s?\d|^-?\d[\d,.]*\s?\$$", answer
    ):
        return False
    if len(re.findall(r"\\[\[(]", answer)) != len(re.findall(r"\\[\])]", answer)):
        return False
    if re.search(r"\\begin\b", answer) and not re.search(r"\\end\b", answer):
        return False
    depth = 0
    for sign in re.sub(r"\\[{}]", "", answer):
        depth += (sign == "{") - (sign == "}")
        if depth < 0:
            return False
    return depth == 0
