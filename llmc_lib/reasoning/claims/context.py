"""What is said around an equation: only what a text states is a claim, not what it supposes or denies."""

from __future__ import annotations

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
    r"(?:\bmod(?:ulo|ulus)?\b|\\[pb]?mod)[\s{(\\$,;!]*(\d{1,6})|(?:\\mathbb\s*\{?[ZF]\}?|\bZ|ℤ)_\{?(\d{1,6})",
    re.IGNORECASE,
)

#: Before an expression: it is a part of a longer one that is told in words.
BEFORE = frozenset(
    "of times plus minus over by twice thrice double triple half square squared cube cubed root per negative "
    "than from subtract subtracting add adding divided multiplied increased decreased reduced mod modulo base "
    "log ln sin cos tan lim max min gcd lcm step case problem question equation line part figure table page "
    "exercise example theorem lemma section chapter version option item number row column day year level round "
    "choose sqrt ratio odds score difference average mean".split()
)
#: Behind an expression: likewise.
BEHIND = frozenset(
    "times plus minus over mod modulo remainder r squared cubed percent hundred thousand million billion "
    "trillion dozen radians rad base choose factorial to or of pm am p.m a.m o'clock o’clock "
    "divided multiplied if unless more less th rem halves thirds "
    "quarters tenths oclock monday tuesday wednesday thursday friday saturday sunday january february march "
    "april june july august september october november december if where when pairs".split()
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
    """Does a sentence state what stands in it, and does the one behind it leave it standing?"""
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


def moduli(text: str) -> tuple[int, ...]:
    """The numbers that a text reckons modulo somewhere."""
    return tuple(sorted({int(m[1] or m[2]) for m in _MODULUS.finditer(text)} - {0, 1}))
