"""What is said around an equation: only what a text states is a claim, not what it supposes or denies."""

from __future__ import annotations

import re

# The sentence supposes, asks, tries, or denies.
_NOT_STATED = re.compile(
    r"\b(?:suppos\w+|assum\w+|if|unless|whether|would|wouldn|could|couldn|might|may|maybe|perhaps|"
    r"tr(?:y|ies|ied|ying)|test(?:s|ed|ing)?|check(?:s|ed|ing)?|guess\w*|hypothe\w+|pretend\w*|imagin\w+|"
    r"want\w*|need\w*|require\w*|should|contradict\w*|impossib\w+|absurd\w*|false\w*|untrue|wrong\w*|"
    r"incorrect\w*|mistak\w+|errors?|invalid|fail\w*|not|never|cannot|neither|nor|instead|rather|typo|"
    r"wait|hmm+|oops|claim(?:s|ed)?|student|alleged\w*|nonsense|unlike|unfortunately|misread\w*|"
    r"\w+n['’]t|let (?!['’]?s\b|me\b|us\b)|satisf\w+|pattern|puzzle|code|operation|operator|defin\w+|"
    r"confus\w+|previously|earlier|sanity|double-check|verif\w+|plug(?:s|ged|ging)?)\b",
    re.IGNORECASE,
)
# Arithmetic of another kind: of remainders, of digits in another base, of the clock, of bits, of sets.
_OTHER_ARITHMETIC = re.compile(
    r"\bmod(?:ul\w+)?\b|\\[pb]?mod\b|congruen|≡|\\equiv|residue|\bbases?\b|binary|hexadecimal|octal|ternary|"
    r"o['’]?clock|\bclocks?\b|\bxor\b|bitwise|\bGF\b|\\mathbb\s*\{?[ZF]|\bZ_|ℤ|finite field|characteristic|"
    r"\bcipher|cyclic|wraps? around|boolean|tropical|\bdigits? wise|a\.m\.|p\.m\.",
    re.IGNORECASE,
)
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
    question = re.search(r"\?[\s*_)\"”\]]*$", sentence) is not None
    return not (question or _NOT_STATED.search(sentence) or _TAKEN_BACK.match(following))


def is_other_arithmetic(paragraph: str) -> bool:
    """Does a paragraph reckon with remainders, another base, a clock, bits?"""
    return _OTHER_ARITHMETIC.search(paragraph) is not None


def is_rough(sentence: str) -> bool:
    """Does a sentence round or estimate?"""
    return _ROUGHLY.search(sentence) is not None


def moduli(text: str) -> tuple[int, ...]:
    """The numbers that a text reckons modulo somewhere."""
    return tuple(sorted({int(m[1] or m[2]) for m in _MODULUS.finditer(text)} - {0, 1}))
