"""What is said around an equation: only what a text states is a claim, not what it supposes or denies."""

from __future__ import annotations

import math
import re

# The sentence supposes, asks, tries, or denies: what its words begin with → the words. A pattern is only tried where
# its key is in the text in small letters, as most sentences have none of them and to find that out is what costs.
_NOT_STATED = {
    "suppos": r"\bsuppos\w+\b", "assum": r"\bassum\w+\b", "if": r"\bif\b", "unless": r"\bunless\b",
    "whether": r"\bwhether\b", "would": r"\bwouldn?\b", "could": r"\bcouldn?\b", "might": r"\bmight\b",
    "may": r"\bmay(?:be)?\b", "perhaps": r"\bperhaps\b", "tr": r"\btr(?:y|ies|ied|ying)\b",
    "test": r"\btest(?:s|ed|ing)?\b", "check": r"\b(?:double-)?check(?:s|ed|ing)?\b", "guess": r"\bguess\w*\b",
    "hypothe": r"\bhypothe\w+\b", "pretend": r"\bpretend\w*\b", "imagin": r"\bimagin\w+\b",
    "want": r"\bwant\w*\b", "need": r"\bneed\w*\b", "require": r"\brequire\w*\b", "should": r"\bshould\b",
    "contradict": r"\bcontradict\w*\b", "impossib": r"\bimpossib\w+\b", "absurd": r"\babsurd\w*\b",
    "false": r"\bfalse\w*\b", "untrue": r"\buntrue\b", "wrong": r"\bwrong\w*\b", "incorrect": r"\bincorrect\w*\b",
    "mistak": r"\bmistak\w+\b", "error": r"\berrors?\b", "invalid": r"\binvalid\b", "fail": r"\bfail\w*\b",
    "not": r"\b(?:can)?not\b", "never": r"\bnever\b", "neither": r"\bneither\b", "nor": r"\bnor\b",
    "instead": r"\binstead\b", "rather": r"\brather\b", "typo": r"\btypo\b", "wait": r"\bwait\b",
    "hmm": r"\bhmm+\b", "oops": r"\boops\b", "claim": r"\bclaim(?:s|ed)?\b", "student": r"\bstudent\b",
    "alleged": r"\balleged\w*\b", "nonsense": r"\bnonsense\b", "unlike": r"\bunlike\b",
    "unfortunately": r"\bunfortunately\b", "misread": r"\bmisread\w*\b", "n't": r"\b\w+n't\b", "n’t": r"\b\w+n’t\b",
    "let ": r"\blet (?!['’]?s\b|me\b|us\b)\b", "satisf": r"\bsatisf\w+\b", "pattern": r"\bpattern\b",
    "puzzle": r"\bpuzzle\b", "code": r"\bcode\b", "operat": r"\boperat(?:ion|or)\b", "defin": r"\bdefin\w+\b",
    "confus": r"\bconfus\w+\b", "previously": r"\bpreviously\b", "earlier": r"\bearlier\b", "sanity": r"\bsanity\b",
    "verif": r"\bverif\w+\b", "plug": r"\bplug(?:s|ged|ging)?\b",
}  # fmt: skip
# Arithmetic of another kind: of remainders, of digits in another base, of the clock, of bits, of sets.
_OTHER_ARITHMETIC = {
    "mod": r"\bmod(?:ul\w+)?\b|\\[pb]?mod\b", "congruen": "congruen", "≡": "≡", "\\equiv": r"\\equiv",
    "residue": "residue", "base": r"\bbases?\b", "binary": "binary", "hexadecimal": "hexadecimal", "octal": "octal",
    "ternary": "ternary", "clock": r"o['’]?clock|\bclocks?\b", "xor": r"\bxor\b", "bitwise": "bitwise",
    "gf": r"\bGF\b", "\\mathbb": r"\\mathbb\s*\{?[ZF]", "z_": r"\bZ_", "ℤ": "ℤ", "finite field": "finite field",
    "characteristic": "characteristic", "cipher": r"\bcipher", "cyclic": "cyclic", "around": r"wraps? around",
    "boolean": "boolean", "tropical": "tropical", "wise": r"\bdigits? wise", ".m.": r"[ap]\.m\.",
    "digital root": "digital root", "concatenat": "concatenat",
}  # fmt: skip
_ROUGHLY = re.compile(
    r"\b(?:about|approx\w*|roughly|around|nearly|almost|round(?:s|ed|ing)?|estimat\w+|close to|nearest|"
    r"significant|truncat\w+|order of magnitude|order of)\b|~|\\sim\b|≈|\\approx",
    re.IGNORECASE,
)
# The next sentence takes it back.
_TAKEN_BACK = re.compile(
    r"[\s*_>$\\({\[]*(?:but\s+|and\s+|so\s+)?(?:wait|no\b|nope|hmm+|oops|actually|sorry|contradiction|not\b|"
    r"correction|(?:this|that|which|it)(?:['’]s| is| does| can| would)?(?:n['’]t|not)? ?(?:be |a |an |clearly |obviously )?"
    r"(?:not|wrong|impossible|false|incorrect|contradict\w*|absurd\w*|error|mistake|nonsense|hold|work|right\?)|"
    r"i made|let me re|there (?:is|must be) (?:a|an|some) (?:mistake|error)|"
    r"impossible|false|wrong|incorrect|doesn|✗|✘|❌|×)",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?][*_)\"”\]]*(?=\s|$)|\n\s*\n")
_MODULUS = re.compile(
    r"(?:\bmod(?:ulo|ulus)?\b|\\[pb]?mod)[\s{(\\$,;!]*(\d{1,6})|(?:\\mathbb\s*\{?[ZF]\}?|\bZ|ℤ)_\{?(\d{1,6})"
    r"|\bremainders?\b[^.\n]{0,80}?\bby\s+\$?(\d{1,6})|\b(?:by|of)\s+\$?(\d{1,6})\$?[^.\n]{0,80}?\bremainders?\b",
    re.IGNORECASE,
)
# Reckoning with the last digits alone is reckoning modulo 10, 100, …
_LAST_DIGITS = re.compile(
    r"\b(?:unit['’]?s?|ones|one's|last|final|rightmost|ending)[ -](?:(two|three|2|3)[ -])?(?:decimal[ -])?(?:digits?|place)\b"
    r"|\bends? (?:in|with)\b|\bends? up (?:in|with)\b|一の位|下一桁|个位|個位|末位",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\bdigits?\b|\bcarry|\bcarr(?:ies|ied)\b|数字|の位", re.IGNORECASE)
_REMAINS = re.compile(r"\bremainders?\b|\bquotients?\b|余り|余数", re.IGNORECASE)
_DEFINES = re.compile(
    r"\b(?<!order of )operat(?:ion|or)\b|\bdefin(?:e|es|ed|ing|ition)\b", re.IGNORECASE
)
# Units, and how many of one make another that a sentence may have on its other side without a word.
_UNITS: dict[str, tuple[float, ...]] = {
    r"\bcents?\b|¢|\bpenn(?:y|ies)\b|\bpence\b|\b(?:dime|nickel|quarter|coin)s?\b|\\\$|[£€]|\$\d+\.\d\d\b": (100,),
    r"\b(?:milli|centi|kilo|deci)?(?:met(?:er|re)|gram|lit(?:er|re)|watt|volt|joule|newton|ton(?:ne)?)s?\b"
    r"|\b(?:mm|cm|dm|km|mg|kg|ml|cl|dl|mL|kW|kWh|kJ|kN|kPa|ms|hectares?|ha)\b": (10, 100, 1e3, 1e4, 1e6, 1e9),
    r"\b(?:seconds?|secs?|minutes?|mins?|hours?|hrs?)\b": (60, 3600, 24, 1440),
    r"\b(?:days?|weeks?|fortnights?|months?|years?|decades?|centur(?:y|ies))\b": (7, 10, 12, 14, 24, 30, 52, 100, 365),
    r"\b(?:inch(?:es)?|in|feet|foot|ft|yards?|yds?|miles?|mi|acres?)\b": (3, 9, 12, 27, 36, 144, 1728, 1760, 5280),
    r"\b(?:ounces?|oz|pounds?|lbs?|tons?)\b": (16, 2000),
    r"\b(?:cups?|pints?|quarts?|gallons?|(?:table|tea)spoons?)\b": (2, 3, 4, 8, 16, 48),
    r"\b(?:dozens?|gross)\b": (12, 144),
    r"\b(?:thousands?|millions?|billions?|[kKMG]?(?:kilo|mega|giga)?(?:bits?|bytes?|B))\b": (8, 1e3, 1024, 1e6, 1048576, 1e9),
    r"\b(?:degrees?|radians?|turns?|revolutions?|rotations?)\b|\\circ|°": (
        180 / math.pi, 360, 2 * math.pi,
    ),
}  # fmt: skip
_UNIT_PATTERNS = [(re.compile(pattern), factors) for pattern, factors in _UNITS.items()]

#: Before an expression: it is a part of a longer one that is told in words.
BEFORE = frozenset(
    "of times plus minus over by twice thrice double triple half square squared cube cubed root per negative "
    "than from subtract subtracting add adding divided multiplied increased decreased reduced mod modulo base "
    "log ln sin cos tan lim max min gcd lcm step case problem question equation line part figure table page "
    "exercise example theorem lemma section chapter version option item number row column day week month hour year level round "
    "choose sqrt ratio odds score difference average mean exp arcsin arccos arctan sec csc cot "
    "median digits totient round rounded".split()
)
#: After an expression: likewise.
AFTER = frozenset(
    "times plus minus over mod modulo remainder r squared cubed percent hundred thousand million billion "
    "trillion dozen radians rad base choose factorial to or of pm am p.m a.m o'clock o’clock "
    "divided multiplied if unless more less th rem halves thirds "
    "quarters tenths oclock monday tuesday wednesday thursday friday saturday sunday january february march "
    "april june july august september october november december if where when pairs percentage".split()
)
_TIME_OR_LENGTH = (
    r"(?:hours?|hrs?|h|minutes?|mins?|weeks?|days?|months?|years?|feet|foot|ft|yards?|m|km|kg|pounds?|lbs?|dollars?|"
    r"degrees?|dozen|gallons?|quarts?|cups?)"
)
# What goes on after the last side: "20 per cent", "1 hour and 30 minutes", "5 feet 4 inches".
_GOES_ON = re.compile(
    rf"\s*(?:per\s?cent\b|(?!(?:and|so|then|or|but|as|for)\b)[a-z]+\s+and\s+\d+\s+[a-z]|{_TIME_OR_LENGTH}\s*,?\s*\d+\s*[a-z])"
)
_MARKUP = re.compile(r"\\(?:text\w*|mathrm|mbox)\b|\\[,;:! ]|[{}$~]")
# A remark in brackets, and a sum that goes on after it: "= 100 (see above) + 44".
_REMARK = re.compile(
    r"\([^()\n]{0,200}\)\s*\$?\s*(?:[+×·⋅*/÷−-]|\\(?:cdot|times|div)(?![A-Za-z]))\s*\$?\s*[\d.(\\√]"
)


def sentences(text: str) -> list[tuple[int, int]]:
    """Where the sentences of a text are; a sentence ends at its mark, or at an empty line."""
    found, start = [], 0
    for match in _SENTENCE_END.finditer(text):
        found.append((start, match.end()))
        start = match.end()
    found.append((start, len(text)))
    return found


def is_stated(sentence: str, following: str) -> bool:
    """Does a sentence state what is in it, and does the one after it leave it at that?"""
    question = sentence.rstrip(' \t\n\r*_)"”]').endswith("?")
    return not (question or _any_of(_NOT_STATED, sentence) or _TAKEN_BACK.match(following))


def is_other_arithmetic(paragraph: str) -> bool:
    """Does a paragraph reckon with remainders, another base, a clock, bits?"""
    return _any_of(_OTHER_ARITHMETIC, paragraph)


def _any_of(patterns: dict[str, str], text: str) -> bool:
    """Does one of the patterns match? Each is tried only where its key is in the text in small letters."""
    small = text.lower()
    return any(
        key in small and re.search(pattern, text, re.IGNORECASE)
        for key, pattern in patterns.items()
    )


def is_rough(sentence: str) -> bool:
    """Does a sentence round or estimate?"""
    return _ROUGHLY.search(sentence) is not None


def goes_on(text: str, word: str, start: int) -> bool:
    """Does an expression go on in words from `start`, or `word` make another of it?"""
    first = word.lower().split()[0] if word.split() else ""
    following = _MARKUP.sub(" ", text[start : start + 80].partition("\n")[0]).lower()
    return first.strip("(),.") in AFTER or _GOES_ON.match(following) is not None


def goes_on_after_remark(text: str, start: int) -> bool:
    """Does a sum go on after a remark in brackets that begins at `start`?"""
    return _REMARK.match(text, start, start + 300) is not None


def defines_operation(text: str) -> bool:
    """Does a text speak of an operation, or of a definition?"""
    return _DEFINES.search(text) is not None


def has_remainders(text: str) -> bool:
    """Does a text divide with a remainder?"""
    return _REMAINS.search(text) is not None


def has_digits(text: str) -> bool:
    """Does a text speak of the digits of numbers?"""
    return _DIGITS.search(text) is not None


def factors(sentence: str) -> tuple[float, ...]:
    """How many of one unit make another, for the units that a sentence names."""
    found = (factors for pattern, factors in _UNIT_PATTERNS if pattern.search(sentence))
    return tuple(sorted({factor for group in found for factor in group}))


def moduli(text: str) -> tuple[int, ...]:
    """The numbers that a text reckons modulo somewhere."""
    named = {int(next(filter(None, m.groups()))) for m in _MODULUS.finditer(text)}
    digits = {_POWERS.get(m[1], 10) for m in _LAST_DIGITS.finditer(text)}
    return tuple(sorted((named | digits) - {0, 1}))


_POWERS = {"two": 100, "2": 100, "three": 1000, "3": 1000}
