"""How sure of its answer a response says to be."""

from __future__ import annotations

import re

from llmc_lib.answers.spelled import cardinal
from llmc_lib.answers.text import TAIL, unwrapped

_SURE = (
    r"(?:(?:confidence|certainty)(?:[ _](?:score|level|estimate|rating|value))?|(?:自信|確信|信頼)(?:の?度(?:合い)?)?)"
    r"[\"'*_`]*(?: ?[(（\[][^()（）\[\]\n]{0,40}[)）\]])?[\"'*_`]*"
)
_PERCENT = (
    r"[\s\"'*_`~≈約${\[(（\\]*(?:(?:very )?(?:high|medium|moderate|low)\b[\s*_,;:({\[–-]*)?"
    r"(?:(?:approximately|about|around|roughly) )?(\d{1,3}(?:\.\d{1,6})?|\.\d{1,6})\s*"
    r"(\\?[%％]|percent\b|パーセント|/\s*100?\b|out of 100?\b)?(?!\d|\s*/\s*\d)(\s*(?:[-–—]|[~〜～]|to\b|and\b)\s*\d)?"
)
# Each finds the number, its unit, and what makes it a range.
_STATED = tuple(
    re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    for pattern in (
        rf"(?<!\w){_SURE}\s*(?:[:：=は【|→]|\s[–-]\s|(?<=度)\s){_PERCENT}",
        rf"(?:^[^\w\n]*{_SURE} is|\bmy (?:\w+ )?{_SURE}(?: in \w+ \w+)? (?:is|of|at)|\bwith (?:a )?{_SURE} of)\b{_PERCENT}",
        rf"^[^\w\n]*{_SURE}[^\w\n]*\n{_PERCENT}\W*$",
        r"\b(\d{1,3}(?:\.\d{1,6})?) ?(\\?%|percent)() (?:confident|sure|certain"
        r"|confidence(?! (?:interval|level|limit|bound|region|band)))\b",
        r"(\d{1,3}(?:\.\d{1,6})?) ?([%％]|パーセント)()(?:の?(?:自信|確信))",
    )
)
# Digits in words: "ninety-five percent", 九十五パーセント.
_IN_WORDS = re.compile(r"\b[a-z]+(?:[- ][a-z]+)?(?= ?(?:%|percent\b|per cent\b))", re.IGNORECASE)
_KANJI = re.compile(r"(百|[一二三四五六七八九]?十[一二三四五六七八九]?)(?=パーセント|[%％])")
# What is said of the confidence beside an answer, or on lines of its own, is no part of the answer.
_BETWEEN = r"[\s,;.。、(（\[{\"'*_`#|–—-]"
_PART = re.compile(
    rf"(?<!{_BETWEEN}){_BETWEEN}*+(?<!\w)(?:\\boxed\{{)?{_SURE}\s*+(?:[:：=は](?:\s*\n[^\w\n]*\d{{1,3}}(?:\.\d+)?[^\w\n]*$)?|(?<=\n))(?:(?!\banswer|答え|解答).)*",
    re.IGNORECASE | re.MULTILINE,
)
# The same in a sentence or in brackets: "I'm 80% sure", "with a confidence of 80%", （自信度80%）.
_SAID = re.compile(
    rf"{_BETWEEN}*+(?:\bI(?:['’]m| am| feel)\s+(?:\w+ )?|\bwith (?:an? )?)?(?:"
    r"(?<![\w.])\d{1,3}(?:\.\d{1,6})? ?(?:\\?[%％]|percent) ?(?:confident|sure|certain\b|confidence(?! (?:interval|level|limit|bound|region|band)))"
    rf"|(?<!\w)(?:\\text\s*\{{\s*)?{_SURE}\s*\}}?\s*(?:of|is|[–-])?\s*\d{{1,3}}(?:\.\d{{1,6}})?\s*(?:\\?[%％]|percent|パーセント))"
    r"[)）\]】]*",
    re.IGNORECASE,
)
_MENTIONED = ("confiden", "sure", "certain", "自信", "確信", "信頼")


def stated_confidence(response: str) -> float | None:
    r"""How sure of its answer a response says to be, in percent (0 to 100); None where it says nothing, or
    nothing clear. The last statement counts.

    "Confidence: 85%", "**Confidence score:** 0.85", "Confidence: 8/10", "I am 85% confident",
    `\boxed{95\%}` after "Confidence:", 自信度：90%. A lone 1 (one percent, or all of it?), a range, and what is above
    100 are not clear.

    >>> stated_confidence("Answer: 4, Confidence: 85%")
    85.0
    """
    tail = response[-TAIL:]
    if not any(word in tail.lower() for word in _MENTIONED):
        return None
    tail = _in_digits(re.sub(r"\\(?:boxed|fbox)\s*\{([^{}]*)\}", r"\1", unwrapped(tail)))
    found = [match for pattern in _STATED for match in pattern.finditer(tail)]
    if not found:
        return None
    number, unit, more = max(found, key=lambda match: match.start(1)).groups()
    value, unit = float(number), re.sub(r"\s", "", unit or "").replace("outof", "/")
    if more or (number == "1" and not unit):
        return None
    if unit == "/10" or (not unit and value <= 1):
        value *= 10 if unit else 100
    return value if value <= 100 else None


def without_confidence(text: str) -> str:
    """A text without what it says of its confidence."""
    low = text.lower()
    if not any(word in low for word in _MENTIONED):
        return text
    return _SAID.sub("", _PART.sub("", unwrapped_label(text)))


def unwrapped_label(text: str) -> str:
    r"""`\text{Confidence: } 95\%` without the command around the word."""
    return re.sub(r"\\text(?:bf|it)?\s*\{(\s*confidence[^{}]*)\}", r"\1", text, flags=re.IGNORECASE)


def _in_digits(text: str) -> str:
    def english(match: re.Match[str]) -> str:
        front, between, word = match[0].rpartition(" ")
        if (number := cardinal(match[0])) is None and (number := cardinal(word)) is None:
            return match[0]
        return str(number) if cardinal(match[0]) is not None else f"{front}{between}{number}"

    def kanji(match: re.Match[str]) -> str:
        tens, ten, ones = match[1].partition("十")
        if not ten:
            return "100"
        return str(
            10 * ("〇一二三四五六七八九".index(tens) if tens else 1)
            + ("〇一二三四五六七八九".index(ones) if ones else 0)
        )

    return _KANJI.sub(kanji, _IN_WORDS.sub(english, text))
