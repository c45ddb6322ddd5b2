r"""A text as the tokens of arithmetic: numbers, operators, relations, and what ends or spoils a claim.

LaTeX and plain text are read alike, as one text has both. Whatever is not known for sure to be
arithmetic becomes `BAD`, and a side of an equation that has one is not read at all.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from llmc_lib.reasoning.mathematics import spans

#: The kinds of a token. NUM, SUP (raised digits), the operators ("+", "-", "*", "/", "^", "!", "%", "DEG"), DASH (a
#: minus, or a mark between two expressions), OPEN, CLOSE, FRAC, SQRT, BINOM, PI, FUNC, REL, BULLET; SEP ends an
#: expression, BAD spoils it.
SEP, BAD = "SEP", "BAD"
#: The text of an asterisk in LaTeX, and of the others that seldom mean a product there.
STAR = "\\ast"


class Token(NamedTuple):
    """A token: its kind, what it says, and its place in the text (`start` to `end`, characters)."""

    kind: str
    text: str
    start: int
    end: int
    space: bool  # is there room before it?


FUNCTIONS = frozenset("sin cos tan cot sec csc arcsin arccos arctan ln log exp sqrt".split())
# Names of functions that are not computed here: what they are applied to is not a number by itself.
_OTHER_FUNCTIONS = frozenset(
    "cis lg lb sinh cosh tanh coth arg det tr rank deg dim ord sgn sign gcd gcf hcf lcm lcd floor ceil abs mod div "
    "erf re im phi sigma tau mu gamma zeta".split()
)
_RELATIONS = {
    "=": "=", "==": "=", "<": "<", ">": ">", "≤": "≤", "≥": "≥", "<=": "≤", ">=": "≥", "≠": "≠",
    "≈": "≈", "≃": "≈", "≅": "≈",
    "\\leq": "≤", "\\le": "≤", "\\leqslant": "≤", "\\geq": "≥", "\\ge": "≥", "\\geqslant": "≥",
    "\\neq": "≠", "\\ne": "≠", "\\approx": "≈", "\\simeq": "≈", "\\lt": "<", "\\gt": ">",
}  # fmt: skip
_SYMBOLS = {
    "+": "+", "＋": "+", "-": "-", "−": "-", "*": "*", "×": "*", "·": "*", "⋅": "*", "∙": "*",
    "∗": "*", "/": "/", "÷": "/", "∕": "/", "^": "^", "%": "%", "°": "DEG", "π": "PI", "√": "SQRT",
    "‒": "-", "﹣": "-", "－": "-",
    "(": "OPEN", "[": "OPEN", "{": "OPEN", "⌊": "OPEN", "⌈": "OPEN",
    ")": "CLOSE", "]": "CLOSE", "}": "CLOSE", "⌋": "CLOSE", "⌉": "CLOSE",
}  # fmt: skip
_COMMANDS = {
    "\\cdot": "*", "\\times": "*", "\\ast": "*", "\\div": "/", "\\%": "%", "\\degree": "DEG",
    "\\frac": "FRAC", "\\dfrac": "FRAC", "\\tfrac": "FRAC", "\\cfrac": "FRAC", "\\sqrt": "SQRT",
    "\\binom": "BINOM", "\\dbinom": "BINOM", "\\tbinom": "BINOM", "\\pi": "PI",
    "\\lfloor": "OPEN", "\\lceil": "OPEN", "\\rfloor": "CLOSE", "\\rceil": "CLOSE",
}  # fmt: skip
_NOTHING = frozenset(
    "\\left \\right \\big \\Big \\bigg \\Bigg \\bigl \\bigr \\Bigl \\Bigr \\biggl \\biggr \\Biggl \\Biggr "
    "\\displaystyle \\textstyle \\limits \\nolimits \\notag \\nonumber \\hfill \\, \\; \\: \\! \\  \\> \\$ \\boxed "
    "\\fbox \\mathstrut \\strut \\( \\)".split(" ")
)
_ENDS = frozenset(
    "\\quad \\qquad \\to \\Rightarrow \\implies \\iff \\rightarrow \\longrightarrow \\Longrightarrow "
    "\\therefore \\because \\Leftrightarrow \\Longleftrightarrow \\[ \\] \\par".split()
)

_TOKEN = re.compile(
    r"(?P<space>\s+|~)"
    r"|(?P<operator>\\operatorname\*?\s*\{[^{}]{0,200}\})"
    r"|(?P<words>\\(?:text\w*|mathrm|mathop|mbox|hbox)\s*\{(?P<content>[^{}]{0,200})\})"
    r"|(?P<degree>\^\s*(?:\\circ|\{\s*\\circ\s*\}))"
    r"|(?P<ignored>\\(?:tag\*?|label|hspace\*?|vspace\*?|phantom)\s*\{[^{}]{0,100}\})"
    r"|(?P<environment>\\(?:begin|end)\s*\{[a-z]+\*?\})"
    r"|(?P<newline>\\\\(?:\[[^\]\n]{0,20}\])?)"
    r"|(?P<command>\\(?:[A-Za-z]+|.))"
    r"|(?P<number>(?:\d{1,3}(?:(?:,|\{,\}|\\,|,\\!)\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    r"(?:[eE][+-]?\d{1,6}(?![\w.]))?)"
    r"|(?P<raised>⁻?[⁰¹²³⁴-⁹]+)"
    r"|(?P<word>[^\W\d_][\w'’]*(?:-[^\W\d_][\w'’]*)*)"
    r"|(?P<dots>\.\.+|…|⋯)"
    r"|(?P<entity>&\#?\w{1,8};)"
    r"|(?P<calculator><<|>>)"
    r"|(?P<arrow>==>|=>|<=>|<->|->|<-(?![\d.(\\])|→|⇒|⇔|⟹|⟶|↔|∴|∵)"
    r"|(?P<unequal>!=)"
    r"|(?P<relation>==|<=|>=|[=<>≤≥≠≈≃≅])"
    r"|(?P<power>\*\*)"
    r"|(?P<symbol>.)",
    re.DOTALL,
)
# What holds no arithmetic to check: code, drawings, and tables of numbers.
_MASKED = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]+`|\[asy\].*?\[/asy\]"
    r"|\\begin\{([a-zA-Z]*matrix|array|cases|tabular|asy|verbatim)\*?\}.*?\\end\{\1\*?\}",
    re.DOTALL,
)
# "- ", "2. ", "(b) " at the beginning of a line. A hyphen may also be a minus.
_MARKER = re.compile(r"[ \t>#]*(?:(?P<hyphen>[-−–*+•])|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)])[ \t]+")
_INDENTS = r"\\q?quad(?![A-Za-z])|\\[hv]?phantom\s*\{[^{}]{0,80}\}|\\hspace\*?\s*\{[^{}]{0,20}\}|\\[,;:! ]|\{\}"
_SUM_OR_ITEM = re.compile(r"[ \t]*([-−–+*])[ \t]+[\d(\\$√]")
_CONTINUES = re.compile(
    rf"(?:[\s&]|{_INDENTS})*(?:[=<>≤≥≠≈≃]|\\(?:leq?|geq?|neq?|approx|lt|gt)(?![A-Za-z]))"
)
# The line below goes on with a sum or a product, or is moved in as if it did.
_OPERATES = re.compile(
    rf"(?:[\s&]|{_INDENTS})*(?:[+×·⋅*/÷−^-]|\\(?:cdot|times|div|pm|mp|ast)(?![A-Za-z]))|[\s&]*\\q?quad(?![A-Za-z])"
)
_OPERATES_IN_NEXT = re.compile(
    r"(?:\s|\$|\\[\[(])*(?:[+×·⋅÷]|\\(?:cdot|times|div|pm|mp)(?![A-Za-z]))"
)
_OPERATORS = frozenset("+-*/^")
_OPERANDS = frozenset(["NUM", "CLOSE", "SUP", "PI", "!", "%", "DEG"])
_NUMBERED = re.compile(r"[\d_]")
# What follows a token, looked at in the text itself: a slice would copy the rest of it.
_GLUED = re.compile(r"\.\d|,(?:\\!)?\d|\{,\}|_")
_TAG = re.compile(r"</?[a-zA-Z]")
_TIMES = re.compile(r"\s\d")
_COMPUTES = re.compile(r"\s*(?:[+×·⋅/÷^]|[-−*]\s|[-−]$|\*[\d(])|[-−][\d(]")
_ADDS = re.compile(r"(?:[\s&]|\\[,;:! ])*(?:[+×·⋅/÷−*-]|\\(?:cdot|times|div)(?![A-Za-z]))")
_APPLIES = re.compile(r"(?:\s|\\[,;:! ]|\\left\b)*[(\[]")
# Digits that repeat without end: 0.\overline{3}, 0.(3), a dot or a bar above them.
_REPEATS = re.compile(
    r"\\(?:overline|bar|dot|overset|underline)(?![A-Za-z])|\(\d|[\u0300-\u036f]|\$\s*\\(?:overline|bar|dot)(?![A-Za-z])"
)
_POINT_OUTSIDE = re.compile(r"\$\d")
_RUPEES = re.compile(r"-(?!\d)")
_SIGNS = re.compile(r"[\d.($\\√π]")
_OPERAND = re.compile(r"\s*[\d.($\\√π]")
_RAISES = re.compile(r"[\d(]")
_MULTIPLIES = re.compile(r"\s*[\d(.\\√π\[-]")
_IN_RATIO = re.compile(r"\s*[\d\\]")


def tokens(text: str) -> list[Token]:
    """The tokens of a text; their `start` and `end` are places in it."""
    masked = _MASKED.sub(lambda m: "\x00" * len(m[0]), text)
    found: list[Token] = []
    place = 0
    for start, end, displayed in spans(masked):
        _plain(masked, place, start, found)
        inner_start, inner_end = _inside(masked, start, end)
        if displayed:
            found.append(Token(SEP, "\n", start, inner_start, True))
        _read(masked, inner_start, inner_end, found, mathematics=True)
        if displayed:
            kind = BAD if _OPERATES_IN_NEXT.match(masked, end) else SEP
            found.append(Token(kind, "\n", inner_end, end, True))
        place = end
    _plain(masked, place, len(masked), found)
    return found


def _inside(text: str, start: int, end: int) -> tuple[int, int]:
    """A span of mathematics without its marks."""
    if text.startswith("\\begin", start):
        return start, end
    width = 1 if text[start] == "$" and not text.startswith("$$", start) else 2
    return start + width, end - width


def _plain(text: str, start: int, end: int, found: list[Token]) -> None:
    """Plain text, a line at a time: its lines end expressions, unless the next one goes on."""
    place = start
    while place < end:
        stop = text.find("\n", place, end)
        stop = end if stop < 0 else stop
        # A marker is at a line's beginning, so not after mathematics on the same line.
        if place == 0 or text[place - 1] == "\n":
            marker = _MARKER.match(text, place, stop)
            if marker:
                found.append(Token(SEP, "\n", place, place, True))
                if marker["hyphen"] and marker["hyphen"] in "-−–":
                    found.append(Token("BULLET", "-", place, marker.end(), True))
                place = marker.end()
        _read(text, place, stop, found, mathematics=False)
        if stop < end:
            if _MARKER.match(text, stop + 1):
                kind = BAD if _goes_on(text, place, stop) else SEP
                found.append(Token(kind, "\n", stop, stop + 1, True))
            else:
                _line_end(text, stop, stop + 1, found)
        place = stop + 1


def _goes_on(text: str, start: int, stop: int) -> bool:
    """Is a line that begins like an item of a list rather the rest of a sum in the line above it?"""
    sign = _SUM_OR_ITEM.match(text, stop + 1)
    return sign is not None and (sign[1] == "+" or not _MARKER.match(text, start))


def _line_end(text: str, start: int, end: int, found: list[Token]) -> None:
    if _CONTINUES.match(text, end):
        return
    if len(found) > 1 and found[-1].kind in _OPERATORS and found[-2].kind in _OPERANDS:
        return  # "2 + 3 +" and the rest in the next line
    goes_on = _OPERATES.match(text, end) or _OPERATES_IN_NEXT.match(text, end)
    found.append(Token(BAD if goes_on else SEP, "\n", start, end, True))


def _read(text: str, start: int, end: int, found: list[Token], *, mathematics: bool) -> None:
    """Tokens of text[start:end], appended to `found`."""
    space = True
    for match in _TOKEN.finditer(text, start, end):  # every sign is in one
        kind = match.lastgroup or "symbol"
        source = match[0]
        if kind == "space" and (mathematics or source != "~"):  # half of all tokens
            space = True
            continue
        token = _kind(text, match, kind, found, mathematics, space)
        if token == "LINE":  # noqa: S105 - no password
            _line_end(text, match.start(), match.end(), found)
        elif token is not None:
            shown = (match["content"] or "") if kind == "words" else source
            if token == "REL":  # noqa: S105
                shown = _RELATIONS[source]
            if token == "*" and (source in (STAR, "∗") or (mathematics and source == "*")):  # noqa: S105
                shown = STAR
            if token == SEP and kind not in ("words", "word", "symbol"):
                shown = "\n"
            found.append(Token(token, shown.strip() or "\n", *match.span(), space))
        space = kind in ("space", "newline") or (space and token is None)


def _kind(
    text: str, match: re.Match[str], group: str, found: list[Token], mathematics: bool, space: bool
) -> str | None:
    """The kind of a token; None: it says nothing. "LINE": a line of mathematics ends."""
    source, before = match[0], found[-1] if found else None
    match group:
        case "space":  # the one that says something: "about", in plain text
            return BAD
        case "words":
            return _words(text, match)
        case "degree":
            return "DEG"
        case "ignored":
            return None
        case "environment":
            return SEP
        case "newline":
            return "LINE" if mathematics else SEP
        case "command":
            return _command(text, match)
        case "number":
            padded = source[0] == "0" and len(source) > 3 and source.isdigit()  # of a clock
            return BAD if padded or _follows(_GLUED, text, match, 4) else "NUM"
        case "word":
            return _word(text, match, mathematics, before, space)
        case "raised":
            return "SUP"
        case "dots" | "unequal":
            return BAD
        case "arrow" | "calculator":
            return SEP
        case "entity":
            return SEP if mathematics else BAD
        case "operator":
            name = source.partition("{")[2].strip(" }")
            return "FUNC" if name in FUNCTIONS else BAD
        case "relation":
            return SEP if source == "<" and _TAG.match(text, match.start()) else "REL"
        case "power":
            return _power(text, match, before)
    return _symbol(text, match, before, mathematics)


def _follows(pattern: re.Pattern[str], text: str, match: re.Match[str], most: int) -> bool:
    """Does a pattern match after a token, in at most so many characters?"""
    return pattern.match(text, match.end(), match.end() + most) is not None


def _words(text: str, match: re.Match[str]) -> str | None:
    content = match["content"]
    name = content.strip().lower()
    if not name:
        return None
    if name in FUNCTIONS:
        return "FUNC"
    applied = " " not in name and _follows(_APPLIES, text, match, 10)
    goes_on = _follows(_ADDS, text, match, 24)  # "3 \text{ apples} + 4"
    spoilt = name in _OTHER_FUNCTIONS or applied or goes_on or re.search(r"[\d=+]", content)
    return BAD if spoilt else SEP


def _command(text: str, match: re.Match[str]) -> str | None:
    source = match[0]
    if source in _NOTHING:
        return None
    if source in _ENDS:
        return BAD if source.endswith("quad") and _follows(_ADDS, text, match, 24) else SEP
    if source in _RELATIONS:
        return "REL"
    if source in _COMMANDS:
        return _COMMANDS[source]
    return "FUNC" if source[1:] in FUNCTIONS else BAD


def _word(
    text: str, match: re.Match[str], mathematics: bool, before: Token | None, space: bool
) -> str:
    source = match[0]
    following = text[match.end() : match.end() + 1]
    if source == "π":
        return BAD if following in ("(", "_") else "PI"
    if source in ("x", "X") and before is not None and before.kind == "NUM" and space:
        return "*" if _follows(_TIMES, text, match, 2) else BAD
    if source.lower() in FUNCTIONS and following == "(" and not mathematics:
        return "FUNC" if source.lower() != "log" else BAD
    if source.lower() in _OTHER_FUNCTIONS:
        return BAD
    if mathematics or len(source) == 1 or _NUMBERED.search(source) or following in ("(", "_", "["):
        return BAD
    glued = (
        before is not None and before.end == match.start() and before.kind in ("NUM", "CLOSE", "PI")
    )
    if glued:
        return BAD
    # "total - 3": the word is a quantity. "is -3": it is not.
    return BAD if _follows(_COMPUTES, text, match, 6) else SEP


def _power(text: str, match: re.Match[str], before: Token | None) -> str | None:
    operand = before is not None and before.kind in ("NUM", "CLOSE") and before.end == match.start()
    return "^" if operand and _follows(_RAISES, text, match, 1) else None  # bold


def _symbol(text: str, match: re.Match[str], before: Token | None, mathematics: bool) -> str | None:
    source, following = match[0], text[match.end() : match.end() + 1]
    operand = before is not None and before.kind in _OPERANDS
    before_it = text[match.start() - 1 : match.start()]
    match source:
        case "$":
            return None
        case "&":
            return None if mathematics else SEP
        case "*":
            # "*emphasised*" has no operand on one of its sides.
            goes_on = _follows(_MULTIPLIES, text, match, 4)
            spaced = before_it.isspace() and following.isspace()
            followed = following.isalpha() or following in "+−×·/="
            return "*" if operand and (goes_on or spaced or (following and followed)) else None
        case "!":
            close = before is not None and before.end == match.start()
            if operand and close:
                return "!"
            return BAD if following.isdigit() or following == "(" else SEP  # "!4": a subfactorial
        case "." if _follows(_REPEATS, text, match, 16) and before_it.isdigit():
            return BAD
        case "." if _follows(_POINT_OUTSIDE, text, match, 2) and not before_it.strip():
            return BAD  # ".$5$"
        case "," | ".":
            return BAD if following.isdigit() and before_it.isdigit() else SEP
        case "/" if _follows(_RUPEES, text, match, 2):
            return BAD  # "25/-": of money
        case "?" if operand and before_it.isspace():
            return BAD  # "6 ? 2": an operator to be found
        case ":":
            return (
                BAD
                if following == "=" or (operand and _follows(_IN_RATIO, text, match, 3))
                else SEP
            )
        case ";" | "?" | '"' | "“" | "”" | "•" | "✓" | "✔" | "✅" | "❌":
            return SEP
        case "–" | "—":
            return _dash(text, match, operand)
        case "£" | "€":
            return None
    return _SYMBOLS.get(source, BAD)


def _dash(text: str, match: re.Match[str], operand: bool) -> str:
    """An en or em dash is a minus, a mark of the sentence, or "to"."""
    following = text[match.end() : match.end() + 1]
    if not _follows(_OPERAND, text, match, 3):
        return SEP
    if operand:
        return BAD if following.isdigit() and text[match.start() - 1].isdigit() else "DASH"
    glued = _follows(_SIGNS, text, match, 1)
    return "-" if glued and match[0] == "–" else BAD
