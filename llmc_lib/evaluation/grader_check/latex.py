"""Formulas in LaTeX, written in other ways that mean the same."""

from __future__ import annotations

import re
from collections.abc import Callable

_SIGNS = {
    "\\pi": "π", "\\infty": "∞", "\\cup": "∪", "\\leq": "≤", "\\le": "≤", "\\cdot": "·", "\\times": "×", "^\\circ": "°",
    "^{\\circ}": "°", "\\theta": "θ", "\\epsilon": "ε",
}  # fmt: skip
_WORDS = {
    "\\pi": "pi", "\\infty": "infinity", "\\cdot": "*", "\\times": "*", "^\\circ": " degrees", "^(\\circ)": " degrees",
    "\\cup": "∪", "\\le": "<=", "\\leq": "<=", "\\$": "$", "\\%": "%",
}  # fmt: skip


def with_spaces(text: str) -> str:
    """Spaces around signs."""
    if "\\text" in text or "\\mbox" in text:
        return text
    return re.sub(r"\s*([-+=,](?!\\!))\s*", r" \1 ", text)


def without_spaces(text: str) -> str:
    """No spaces but those that end a command."""
    if "\\text" in text or "\\mbox" in text or not re.search(r"\\|\d", text):
        return text
    return re.sub(r"(?<![a-zA-Z]) | (?![a-zA-Z])", "", re.sub(r"(?<!\\)\\ ", "", text))


def other_commands(text: str) -> str:
    r"""\dfrac for \frac, \left( for (, \times for \cdot."""
    text = re.sub(
        r"\\[dt]?frac(?![a-z])", lambda m: "\\frac" if m[0] != "\\frac" else "\\dfrac", text
    )
    text = (
        re.sub(r"\\left(?=[\[(])|\\right(?=[\])])", "", text)
        if "\\left" in text
        else re.sub(r"^\((.*)\)$", r"\\left(\1\\right)", text)
    )
    return text.replace("\\le ", "\\leq ").replace("\\cdot", "\\times") + "."


def in_unicode(text: str) -> str:
    """π for \\pi, √2, x², and − for the hyphen."""
    for old, new in _SIGNS.items():
        text = re.sub(re.escape(old) + r"(?![a-zA-Z])", new, text)
    text = re.sub(r"\\sqrt\{(\d+|[a-z])\}", r"√\1", text)
    text = re.sub(
        r"\^(?:\{([0-9])\}|([0-9])(?!\d))", lambda m: "⁰¹²³⁴⁵⁶⁷⁸⁹"[int(m[1] or m[2])], text
    )
    return text.replace("-", "−")


def in_plain_text(text: str) -> str:
    """sqrt(…), a/b, pi, ^. What has no plain form stays as it is."""
    text = re.sub(r"(?<=\d),\\!(?=\d{3})", "", re.sub(r"\\[dt]frac", r"\\frac", text))
    text = re.sub(r"(?<=\d)(?=\\frac)", " ", text)
    text = re.sub(
        r"\\frac(\d)(\d)",
        r"\\frac{\1}{\2}",
        re.sub(r"\\frac(\{[^{}]*\})(\d)", r"\\frac\1{\2}", text),
    )
    text = re.sub(r"\\left|\\right|\\!|\\,|\\ ", "", text)
    for _ in range(4):
        text = re.sub(
            r"\^\{([^{}]*)\}", lambda m: f"^({m[1]})" if len(m[1]) > 1 else f"^{m[1]}", text
        )
        text = _grouped(text, "sqrt", lambda a: f"sqrt({a})", 1)
        text = _grouped(text, "frac", _fraction, 2)
    for old, new in _WORDS.items():
        text = re.sub(re.escape(old) + r"(?![a-zA-Z])", new, text)
    text = re.sub(r"\\(?:text|mbox)\{([^{}]*)\}", r"\1", text)
    return re.sub(r"\\(sin|cos|tan|log|ln|arccos|arctan)\b", r"\1", text).strip()


def _grouped(text: str, command: str, change: Callable[..., str], count: int) -> str:
    """A text with each `\\command{…}{…}` of `count` groups, innermost first, replaced."""
    pattern = re.compile(rf"\\{command}" + r"\{([^{}]*)\}" * count)
    for _ in range(8):
        text, changed = pattern.subn(lambda m: change(*m.groups()), text)
        if not changed:
            break
    return text


def _fraction(a: str, b: str) -> str:
    return f"({_atom(a)}/{_atom(b)})" if not re.fullmatch(r"\d+", a + b) else f"{a}/{b}"


def _atom(text: str) -> str:
    text = text.strip()
    return text if re.fullmatch(r"-?\d+|[a-z]|√\d+", text) else f"({text})"


# ---- changed -----------------------------------------------------------------------------------


def last_number_more(text: str) -> str:
    """The last number of a formula plus one."""
    found = list(re.finditer(r"\d+", text))
    # In the seventh decimal, or later, it would not be wrong; nor is it in another base where the number has one digit.
    if not found or len(found[-1][0]) > 6 or re.fullmatch(r"\d_\{?\d+\}?", text):
        return text
    last = found[-1]
    return text[: last.start()] + str(int(last[0]) + 1) + text[last.end() :]


def first_number_less(text: str) -> str:
    """The first number of a formula minus one."""
    found = re.search(r"(?<![.\d])\d+", text)
    return (
        text[: found.start()] + str(abs(int(found[0]) - 1)) + text[found.end() :] if found else text
    )


def other_sign(text: str) -> str:
    """With a minus in front, or a plus inside for a minus."""
    if re.fullmatch(r"[-\w\\{}^./ ]+", text) and not re.match(r"\\text|\\begin|[0.]+$", text):
        return text[1:].strip() if text.startswith("-") else f"-{text}"
    found = re.search(r"(?<=[\w}]) ?([+-]) ?(?=[\w\\])", text)
    return (
        text[: found.start()] + {"+": "-", "-": "+"}[found[1]] + text[found.end() :]
        if found
        else text
    )


def swapped(text: str) -> str:
    """Numerator and denominator, or the two places of a pair, in each other's place."""
    fraction = re.fullmatch(r"(-?)\\([dt]?frac)\{([^{}]*)\}\{([^{}]*)\}", text)
    if fraction and fraction[3] != fraction[4]:
        return f"{fraction[1]}\\{fraction[2]}{{{fraction[4]}}}{{{fraction[3]}}}"
    pair = re.fullmatch(r"(\\left)?\(([^,()]*),([^,()]*?)(\\right)?\)", text)
    return f"({pair[3]},{pair[2]})" if pair and pair[2].strip() != pair[3].strip() else text


def without_last(text: str) -> str:
    """Without its last term, factor or item."""
    found = re.search(
        r"(?<=[\w}])\s*[-+]\s*[\w\\{}^]+$|\\pi$|(?<=\d)\s*\\sqrt\{\d+\}$|,[^,()\[\]{}]+$|\s*i$",
        text,
    )
    return text[: found.start()] if found and found.start() > 0 else text


def other_bracket(text: str) -> str:
    """An interval that is open where it was closed, or the other way round."""
    found = re.search(r"(?:(?<=\\left)|^)([\[(])(?=[^,]*,[^,]*[\])]$)", text)
    if not found or not (
        text.startswith(("[", "\\left[")) or text.endswith("]") or "infty" in text
    ):
        return text
    return text[: found.start()] + {"[": "(", "(": "["}[found[1]] + text[found.end() :]


#: Ways to write a formula → the change; what a change leaves as it is has no such form.
STYLES: dict[str, Callable[[str], str]] = {
    "spaces": with_spaces,
    "no spaces": without_spaces,
    "commands": other_commands,
    "Unicode": in_unicode,
    "plain text": in_plain_text,
}
#: Ways to make one wrong.
MISSES: dict[str, Callable[[str], str]] = {
    "last number + 1": last_number_more, "first number - 1": first_number_less, "sign": other_sign, "swapped": swapped,
    "dropped term": without_last, "bracket": other_bracket,
}  # fmt: skip
