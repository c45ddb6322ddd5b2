"""Mathematics as models and references write it (LaTeX, Unicode, plain text, Python), in one notation of tokens."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from llmc_lib.answers.text import signs

# The longest text that is read as mathematics; longer ones are compared as text.
LONGEST = 1_500


class Unreadable(ValueError):
    """A text is not mathematics as a whole."""


class Token(NamedTuple):
    """`kind`: number, name (of a symbol, function or constant), mark (an operator or a bracket), text."""

    kind: str
    text: str
    spaced: bool  # is there white space in front of it?


FUNCTIONS = frozenset(
    "sin cos tan cot sec csc arcsin arccos arctan arccot arcsec arccsc sinh cosh tanh coth sech csch arsinh arcosh"
    " artanh ln log lg exp sqrt cbrt abs floor ceil max min gcd lcm binom factorial det".split()
)
CONSTANTS = frozenset(["pi", "infty", "emptyset"])
_GREEK_NAMES = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau phi chi psi omega".split()
)
_OTHER_NAMES = {
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "arctg": "arctan", "tg": "tan", "ctg": "cot", "cosec": "csc",
    "arcsinh": "arsinh", "arccosh": "arcosh", "arctanh": "artanh", "asinh": "arsinh", "acosh": "arcosh",
    "atanh": "artanh", "oo": "infty", "inf": "infty", "infinity": "infty", "binomial": "binom", "comb": "binom",
    "ceiling": "ceil", "varnothing": "emptyset",
    "varepsilon": "epsilon", "varphi": "phi", "vartheta": "theta", "upi": "pi", "dfrac": "frac", "tfrac": "frac",
    "cfrac": "frac", "nicefrac": "frac", "sfrac": "frac", "bigcup": "∪", "dbinom": "binom", "tbinom": "binom", "choose": "choose", "lvert": "|", "rvert": "|", "mid": "|",
    "vert": "|", "lbrace": "{*", "rbrace": "*}", "lbrack": "[", "rbrack": "]", "langle": "(", "rangle": ")",
    "cdot": "*", "times": "*", "ast": "*", "div": "/", "le": "<=", "leq": "<=", "leqslant": "<=", "lt": "<",
    "ge": ">=", "geq": ">=", "geqslant": ">=", "gt": ">", "ne": "!=", "neq": "!=", "approx": "≈", "sim": "≈",
    "simeq": "≈", "lnot": "neg", "rightarrow": "to", "longrightarrow": "to", "bar": "overline", "land": "and", "lor": "or", "wedge": "and", "vee": "or", "pm": "±", "mp": "∓", "cup": "∪",
    "cap": "∩", "in": "∈", "setminus": "∖", "backslash": "∖", "colon": ":", "degree": "°", "percent": "%",
    "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "ldots": "…", "cdots": "…", "dots": "…",
    "prime": "'", "bmod": "mod", "pmod": "mod", "top": "T", "intercal": "T",
}  # fmt: skip
#: Names of more than one letter that are symbols.
SYMBOLS = CONSTANTS | _GREEK_NAMES | {"ell", "hbar"}
#: Letters that are commonly functions when a bracket follows: f(2x) is not 2 f(x).
UNKNOWN_FUNCTIONS = frozenset("fgFG")
#: Functions where brackets follow, and symbols elsewhere.
OF_BRACKETS = frozenset(["Gamma", "zeta"])
RELATIONS = frozenset(["=", "<", ">", "<=", ">=", "!=", "≈", "∈"])
CLOSING = {"(": ")", "[": "]", "{": "}", "{*": "*}", "|": "|", "⌊": "⌋", "⌈": "⌉"}
MATRICES = frozenset(
    f"beg{name}"
    for name in ("pmatrix", "bmatrix", "matrix", "vmatrix", "Bmatrix", "smallmatrix", "array")
)
# Commands that change how a formula looks and not what it says.
_LAYOUT = re.compile(
    r"\\(?:left|right|[bB]igg?[lrm]?|displaystyle|textstyle|scriptstyle|limits|nolimits|quad|qquad|thinspace"
    r"|enspace|hfill|noindent|allowbreak|nobreak|relax|rm|bf|it|cal|[lL]arge|LARGE|[hH]uge|small|normalsize)(?![a-zA-Z])|(?<!\\)\\[,;:! >]|(?<!\\)~|\\hspace\*?\{[^{}]*\}"
    r"|\\h?phantom\{[^{}]*\}|\\tag\*?\{[^{}]*\}|\\label\{[^{}]*\}"
)
_STYLE = re.compile(
    r"\\(?:mathbf|mathit|mathsf|mathtt|mathcal|mathscr|mathbb|boldsymbol|bm|pmb|bold|ensuremath|mathstrut|boxed|fbox"
    r"|mathopen|mathclose|mathord|overrightarrow|vec|underline|color\{[a-z]+\}|textcolor\{[a-z]+\})\s*\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}"
)
_WORDS = re.compile(
    r"\\(?:text(?:bf|it|rm|normal|tt|sf)?|mathrm|mbox|hbox|operatorname\*?)\s*\{([^{}]*)\}"
)
_UNICODE = {
    "√": "\\sqrt ", "∛": "\\cbrt ", "∜": "\\fthrt ", "π": "\\pi ", "∞": "\\infty ", "≤": "<=", "≥": ">=", "≦": "<=",
    "≧": ">=", "⩽": "<=", "⩾": ">=", "≠": "!=", "≈": "≈", "∼": "≈", "×": "*", "·": "*", "⋅": "*", "∙": "*", "•": "*",
    "∗": "*", "÷": "/", "∕": "/", "⁄": "/", "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "º": "°", "˚": "°",
    "∅": "\\emptyset ", "⟨": "(", "⟩": ")", "〈": "(", "〉": ")", "、": ", ", "，": ", ", "。": ".", "〜": "~", "≒": "≈",
    "∣": "|", "‖": "|", "′": "'", "’": "'", "⋯": "…", "ℝ": "R", "ℤ": "Z", "ℕ": "N", "ℚ": "Q", "ℂ": "C",
    "ħ": "\\hbar ", "ℏ": "\\hbar ", "∧": " and ", "∨": " or ", "∶": ":",
}  # fmt: skip
_GREEK = {
    chr(code): f"\\{name.capitalize() if code < 0x3B1 else name} "
    for code in [*range(0x391, 0x3AA), *range(0x3B1, 0x3CA)]
    if (name := unicodedata.name(chr(code), "").rpartition(" ")[2].lower()) and name != "pi"
} | {"ϵ": "\\epsilon ", "ϕ": "\\phi ", "λ": "\\lambda ", "Λ": "\\Lambda ", "Δ": "\\Delta ", "Ω": "\\Omega ", "Σ": "\\Sigma ", "Γ": "\\Gamma "}  # fmt: skip
_TRANSLATED = str.maketrans({**_GREEK, **_UNICODE})
_SUBSCRIPT = str.maketrans("₀₁₂₃₄₅₆₇₈₉₋₊", "0123456789-+")
_ROOT = str.maketrans("³⁴", "34")
_TOKEN = re.compile(
    r"(?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+(?![\w.{]))?)"
    r"|\\(?:begin|end)\s*\{(?P<environment>[a-zA-Z]+)\*?\}"
    r"|\\(?P<command>[a-zA-Z]+|.)|(?P<letters>[a-zA-Z]+)"
    r"|(?P<mark>\*\*|<=|>=|=<|!=(?!=)|==|\.\.\.|\{\*|\*\}|[-+*/^_=<>!|:;,&%'()\[\]{}°±∓≈∪∩∈∖⌊⌋⌈⌉…])"
    r"|\x01(?P<words>[^\x02]*)\x02"
)
# Other notations: where a text has a sign of one, what it is in ours.
_NOTATIONS = tuple(
    (sign, re.compile(pattern), change)
    for sign, pattern, change in (
        (".", r"\b(?:np|numpy|math|sympy)\.(?=[a-z])", ""),
        ("Rational", r"\bRational\(([^(),]+),([^(),]+)\)", r"((\1)/(\2))"),
        ("log", r"\blog(2|10)(?=\s*\()", r"log_{\1}"),
        ("-", r"^\s*\+-|\+/-", "±"),
        ("[", r"(?<=[)\]\[])\s*(?:\\(?:big)?cup(?![a-zA-Z])|∪)\s*(?=[(\[\]])", " ∪ "),
        ("U", r"(?<=[)\]])\s*U\s*(?=[(\[])", " ∪ "),
        ("]", r"(?:^|(?<=∪ ))\](?=[^\[\]]*[,;])", "("),
        ("[", r"(?<=[^\[\]])\[(?=$| ∪)", ")"),
        ("square", r"\b(?:the )?square root of ", r"\\sqrt "),
        ("cube", r"\b(?:the )?cube root of ", r"\\cbrt "),
        ("\\math", r"\\math(?:bb|bf|rm|cal)\s+([A-Za-z])(?![a-zA-Z])", r"\1"),
        ("\\hat", r"\\hat\s*\{?\s*\\?([ijk])(?:math)?\s*\}?(?![a-zA-Z])", r" \1 "),
        # nC2, {}^{10}C_3 and C_{10}^3 as binomial coefficients
        ("C", r"^(?:\{\})?[_^]?\{?(\d*n?)\}?\s*C\s*_?\{?(\d+|[knr])\}?$", r"\\binom{\1}{\2}"),
        ("C", r"^C_\{?(\d*n?)\}?\^\{?(\d+|[kmnr])\}?$", r"\\binom{\1}{\2}"),
        ("<", r"^<([^<>=]+,[^<>=]+)>$", r"(\1)"),
        # a system of equations as a list of them
        ("cases", r"^\\begin\{cases\}([^&]+?)\\\\([^&]+?)(?:\\\\)?\s*\\end\{cases\}$", r"\1, \2"),
        ("R", r"^R(?:\^\{?\+\}?|_\{?\+\}?|_\{>\s*0\})$", r"(0, \\infty)"),
        # a set of those with a property, by the property
        (
            "{",
            r"^\\?\{\s*([a-zA-Z])\s*(?:(?:\\in\b|∈)\s*R\s*)?(?:\\mid\b|[|:])\s*((?=[^{}]*\1)[^{}]*?[<>=\\][^{}]*?)\s*\\?\}$",
            r"\2",
        ),
    )
)
# Words that join answers, or that no formula holds.
_JOINING = frozenset(["and", "or", "und", "oder"])
_NO_PRODUCT = frozenset(
    "is in it of on no to at by if as be so we an am are the not nor for one two six ten yes all any but odd max min via"
    " per its let get has can may non its how who why".split()
)
_THOUSANDS = re.compile(
    r"(?<=\d)(?:\{,\}(?:\\!)?|,\\!|\\[,;:!]|[\u00a0\u2009\u202f])(?=\d{3}(?!\d))"
)
_COMMAS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_GROUPS = re.compile(r"(?<![\d.,])(?<!\d )\d{1,3}(?: \d{3})+(?! ?\d)")
_DIGITS = re.compile(r"(?<![\d._^])\d(?: (?=[\d.])[\d.])+(?! ?\d)")


_REPEATING = re.compile(
    r"(\d{0,12})\.(\d{0,12})(?:\\(?:overline|bar|dot)\s*\{?\s*(\d{1,12})\s*\}?|\((\d{1,12})\))"
)


def joined_digits(text: str) -> str:
    r"""Digits that are set apart by spaces inside mathematics, `\mathbf{1 8}`, as a number."""
    return _DIGITS.sub(lambda match: match[0].replace(" ", ""), text)


def uniform(text: str) -> str:
    """A formula in one notation, by signs alone: without delimiters, layout and style."""
    text = re.sub(r"(?<=\\\\)\s*\[[\d.]+\s*(?:pt|ex|em|mm|cm)\]", "", text[: 2 * LONGEST])
    typeset = "\\" in text and ("$" in text or "\\math" in text)
    text = re.sub(r"(\d?)([½¼¾⅐-⅞])", _vulgar, text)
    text = re.sub(r"([³⁴])√", lambda m: f"\\sqrt[{m[1].translate(_ROOT)}]", text)
    text = re.sub(r"[₀-₉₋₊]+", lambda m: "_{" + m[0].translate(_SUBSCRIPT) + "}", signs(text))
    text = unicodedata.normalize("NFKC", text.translate(_TRANSLATED)).translate(_TRANSLATED)
    text = re.sub(r"\\(?:[()\[\]]|\$)|\$", " ", text)
    if typeset:
        text = joined_digits(text)
    text = re.sub(r"(?<=[\d)}])\s*(?:\\text\{\s*)?\bdeg(?:rees?)?\b(?:\s*\})?", "°", text)
    text = re.sub(r"\s*\(?\bbase[- ]?(\d+)\)?", r"_{\1}", text)
    text = re.sub(r"\b([a-zA-Z]) in (?=[\[({])", r"\1 ∈ ", text)
    text = re.sub(r"\{([^{}]*)\\over(?![a-zA-Z])([^{}]*)\}", r"\\frac{\1}{\2}", text)
    text = _REPEATING.sub(_repeating, text)
    text = _THOUSANDS.sub("", text)
    text = _LAYOUT.sub(" ", text)
    for _ in range(4):
        text, changed = _STYLE.subn(r" \1", text)
        if not changed:
            break
    text = text.strip()
    for sign, pattern, change in _NOTATIONS:
        if sign in text:
            text = pattern.sub(change, text)
    return text


def _repeating(match: re.Match[str]) -> str:
    r"""`0.1\overline{6}` as a fraction."""
    whole, fixed, period = match[1] or "0", match[2], match[3] or match[4]
    below = 10 ** len(fixed) * (10 ** len(period) - 1)
    above = int(whole + fixed + period) - int(whole + fixed)
    return f"\\frac{{{above}}}{{{below}}}"


def _vulgar(match: re.Match[str]) -> str:
    above, below = unicodedata.normalize("NFKC", match[2]).split("⁄")
    return f"{match[1]}\\frac{{{above}}}{{{below}}}"


def numbers_joined(text: str) -> str:
    """Thousands set apart by commas or spaces, outside of brackets, as plain numbers."""
    text = _GROUPS.sub(lambda match: match[0].replace(" ", ""), text)
    if re.search(r"[(\[{]", re.sub(r"\\[a-z]+\s*\{[^{}]*\}", "", text)):
        return text
    return _COMMAS.sub(lambda match: match[0].replace(",", ""), text)


def tokens(text: str) -> list[Token]:
    """The tokens of a text in `uniform` notation. Raises `Unreadable` where it is no mathematics."""
    if len(text) > LONGEST:
        raise Unreadable("too long")
    text = _WORDS.sub("\x01\\1\x02", numbers_joined(text))
    python = "\\" not in text and re.search(r"\*", text) is not None
    found: list[Token] = []
    end = 0
    for match in _TOKEN.finditer(text):
        between = text[end : match.start()]
        if between.strip():
            raise Unreadable(between)
        end = match.end()
        kind = match.lastgroup
        assert kind is not None
        value = match[kind]
        spaced = bool(between)
        if kind == "letters":
            found += _letters(value, spaced, python)
        elif kind == "words":
            found += _words(value, spaced)
        elif kind == "environment":
            found.append(Token("mark", ("beg" if match[0][1] == "b" else "end") + value, spaced))
        elif kind == "command":
            found.append(_command(value, spaced))
        elif kind == "mark":
            value = {"**": "^", "=<": "<=", "==": "=", "...": "…"}.get(value, value)
            # "5!=120" is a factorial, "y != 6" is none.
            if value == "!=" and found and not between and found[-1].kind == "number":
                found += [Token("mark", "!", False), Token("mark", "=", False)]
            else:
                found.append(Token("mark", value, spaced))
        else:
            found.append(Token("number", value, spaced))
    if text[end:].strip():
        raise Unreadable(text[end:])
    return found


def _command(name: str, spaced: bool) -> Token:
    if name in "{}":
        return Token("mark", "{*" if name == "{" else "*}", spaced)
    if name in "%|&#_":
        return Token("mark" if name in "%|" else "text", name, spaced)
    if name == "\\":
        return Token("mark", "\\\\", spaced)
    if not name.isalpha():
        raise Unreadable(name)
    name = _OTHER_NAMES.get(name, name)
    if name.isalpha():
        return Token("mark" if name in _JOINING else "name", name, spaced)
    return Token("mark", name, spaced)


def _letters(run: str, spaced: bool, python: bool) -> list[Token]:
    """A run of letters: a function or constant, a word that joins answers, or a product of symbols."""
    low = run.lower()
    if low in _JOINING:
        return [Token("mark", low, spaced)]
    name = _OTHER_NAMES.get(low, low)
    if name in FUNCTIONS or name in CONSTANTS or name in ("mod", "choose"):
        return [Token("name", name, spaced)]
    if run.lower() in _GREEK_NAMES:
        return [Token("name", run, spaced)]
    if python and run in ("I", "E"):
        return [Token("name", run.lower(), spaced)]
    split = re.match(r"(.*?)(arcsin|arccos|arctan|sqrt|sin|cos|tan|ln|log|exp|pi)(.*)$", run)
    if split and len(split[1]) <= 2 and len(split[3]) <= 2:
        parts = [split[1], split[2], split[3]]
        found = [token for part in parts if part for token in _letters(part, False, python)]
        return [found[0]._replace(spaced=spaced), *found[1:]]
    if low in _NO_PRODUCT or len(run) > (6 if run.isupper() else 3):
        raise Unreadable(run)
    if run.isupper() and len(run) > 1:  # AB is a segment, not a product
        return [Token("name", run, spaced)]
    return [Token("name", letter, spaced and at == 0) for at, letter in enumerate(run)]


def _words(content: str, spaced: bool) -> list[Token]:
    content = content.strip(" ~\\")
    bare = content.strip(" ,.;").lower()
    if not content:
        return []
    if bare in _JOINING or not bare:
        return [Token("mark", bare or ",", spaced)]
    name = _OTHER_NAMES.get(bare, bare)
    if name in FUNCTIONS:
        return [Token("name", name, spaced)]
    if re.fullmatch(r"[a-zA-Z]", content):
        return [Token("name", content, spaced)]
    if re.fullmatch(r"[-\d.,/ ]+", content):
        return tokens(content)
    if len(bare) <= 2 and content.isupper():
        return [Token("name", letter, spaced) for letter in content]
    return [Token("text", content, spaced)]


class Cursor:
    """A place in a list of tokens."""

    def __init__(self, found: list[Token]) -> None:
        self.tokens = found
        self.at = 0
        self.bars = 0  # open |

    def peek(self, ahead: int = 0) -> Token:
        """The next token, or one further ahead; a token of the kind "end" after the last one."""
        at = self.at + ahead
        return self.tokens[at] if at < len(self.tokens) else Token("end", "", True)

    def take(self) -> Token:
        """The next token; the place moves on."""
        token = self.peek()
        self.at += 1
        return token

    def accept(self, *marks: str) -> str:
        """Take the next token if it is one of these; returns its text, "" where it is not."""
        token = self.peek()
        if token.kind in ("mark", "name") and token.text in marks:
            self.at += 1
            return token.text
        return ""

    def begins(self) -> bool:
        """Does a factor begin here?"""
        token = self.peek()
        if token.kind == "name":
            return token.text not in ("mod", "choose")
        if token.kind == "mark":
            if token.text == "|":
                return not self.bars
            return token.text in ("(", "[", "{", "⌊", "⌈") or token.text in MATRICES
        return token.kind == "number"

    def argument_in_brackets(self) -> bool:
        """Do brackets follow that hold no sum, as those of an argument and not of a factor?"""
        depth = 0
        for ahead in range(40 if self.peek().text in ("(", "[") else 0):
            mark = self.peek(ahead).text
            depth += (mark in ("(", "[", "{")) - (mark in (")", "]", "}"))
            if depth <= 0:
                return mark in (")", "]")
            if depth == 1 and ahead > 1 and mark in ("+", "-", "±"):
                return False
        return False

    def expect(self, mark: str) -> None:
        """Take the next token. Raises `Unreadable` where it is not this one."""
        if not self.accept(mark):
            raise Unreadable(f"no {mark}")
