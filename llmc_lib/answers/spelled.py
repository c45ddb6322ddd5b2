"""Numbers, times and dates in English words and in their several forms, in one."""

from __future__ import annotations

import re
from decimal import Decimal

from llmc_lib.answers.text import unwrapped

_ONES = {
    name: number
    for number, name in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
        " eighteen nineteen".split()
    )
}
_TENS = {
    name: 10 * n
    for n, name in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
}
_LARGE = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_ORDINALS = {
    name: number
    for number, name in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth"
        " sixteenth seventeenth eighteenth nineteenth twentieth".split(),
        1,
    )
}
_PARTS = {name: n for name, n in _ORDINALS.items() if n > 2} | {"half": 2, "halve": 2, "quarter": 4}
_MONTHS = {
    name[:3]: number
    for number, name in enumerate(
        "january february march april may june july august september october november december".split(),
        1,
    )
}
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DATES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?:on )?(?:[a-z]{{3,6}}day, )?{_MONTH} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:,? (?P<year>\d{{4}}))?",
        rf"(?:on )?(?:the )?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? {_MONTH}(?:,? (?P<year>\d{{4}}))?",
        r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)",
    )
)
_TIME = re.compile(r"(?:at )?(\d{1,2})(?:[:.](\d\d))?\s*([ap])\.?m\.?", re.IGNORECASE)
_AT_A_TIME = re.compile(r"(?:[Ii]n|[Oo]n|[Aa]t) (?:the year )?(?=\d|[A-Z])|the year (?=\d)")


def in_digits(text: str) -> str:
    """An answer that is a number in words ("twenty-one", "2.5 million", "two thirds", "5th", also with a noun after it),
    a time of the day or a date, in one form of digits; any other text as it is."""
    if len(text) >= 80:
        return text
    plain = re.sub(r"\\[,;:!]", "", unwrapped(text.strip(" .$")))
    plain = " ".join(plain.split()).strip(" .$")
    if (
        len(plain) > 60
        or not re.search(r"[a-zA-Z]{2}|[ap]\.m|[AB]\.[DC]|\d-\d\d-\d", plain)
        or "\\" in plain
    ):
        return text
    for form in (_date, _time, _era, _number, _ordinal):
        if (found := form(plain)) is not None:
            return found
    return _AT_A_TIME.sub("", text, count=1) if _AT_A_TIME.match(text) else text


def cardinal(text: str) -> int | None:
    """The number that English words say, 21 of "twenty-one"; None for any other text."""
    total = part = 0
    words = re.split(r"[\s-]+(?:and\s+)?", text.lower())
    if words[:1] == ["a"]:
        words = ["one", *words[1:]] if len(words) > 1 else []
    for word in words:
        if word in _ONES and (
            part % 100 == 0 or (part % 10 == 0 and part % 100 > 10 and _ONES[word] < 10)
        ):
            part += _ONES[word]
        elif word in _TENS and part % 100 == 0:
            part += _TENS[word]
        elif word == "hundred" and 0 < part < 10:
            part *= 100
        elif word in _LARGE and 0 < part < 1_000:
            total, part = total + part * _LARGE[word], 0
        else:
            return None
    return total + part if words else None


def _number(text: str) -> str | None:
    words = text.split()
    sign = "-" if words[0].lower() in ("minus", "negative") and len(words) > 1 else ""
    body = " ".join(words[1:] if sign else words)
    if (found := cardinal(body)) is not None:
        return f"{sign}{found}"
    if match := re.fullmatch(r"(\d+)(?:st|nd|rd|th)", body):
        return sign + match[1]
    if body.lower() in _ORDINALS:
        return sign + str(_ORDINALS[body.lower()])
    if match := re.fullmatch(
        rf"(-?[\d,]+(?:\.\d+)?) ({'|'.join(_LARGE)})(?P<noun>(?: [a-z]+)?)", body
    ):
        value = Decimal(match[1].replace(",", "")) * _LARGE[match[2]]
        return f"{sign}{value.normalize():f}{match['noun']}"
    if (half := re.fullmatch(r"(.+) and (?:a|one) (half|quarter)", body.lower())) and (
        count := cardinal(half[1])
    ) is not None:
        return f"{sign}{count} 1/{_PARTS[half[2]]}" if not sign else None
    above, _, below = body.lower().replace("-", " ").rpartition(" ")
    if (parts := _PARTS.get(below.removesuffix("s"))) and (
        count := 1 if above == "a" else cardinal(above)
    ):
        return f"{sign}{count}/{parts}"
    front, _, noun = body.rpartition(" ")
    counted = noun.isalpha() and not noun.endswith(("ths", "th")) and cardinal(noun) is None
    if counted and noun not in ("hundred", *_LARGE) and (found := cardinal(front)) is not None:
        return f"{sign}{found} {noun}"
    return None


def _time(text: str) -> str | None:
    match = _TIME.fullmatch(text)
    if match is None or not 1 <= int(match[1]) <= 12:
        return None
    return f"{int(match[1])}:{match[2] or '00'} {match[3].lower()}m"


def _era(text: str) -> str | None:
    """44 BCE as 44 BC, AD 79, 79 AD and 79 CE as 79."""
    match = re.fullmatch(r"(?:(A\.?D\.?) )?(\d{1,4})(?: (A\.?D\.?|B\.?C\.?E?\.?|C\.?E\.?))?", text)
    if match is None or bool(match[1]) == bool(match[3]):
        return None
    return f"{match[2]} BC" if (match[3] or "").startswith("B") else match[2]


def _ordinal(text: str) -> str | None:
    """The nineteenth century as 19th century."""
    first, _, rest = text.lower().removeprefix("the ").partition(" ")
    if (number := _ORDINALS.get(first, 0)) < 4 or not rest.isalpha():
        return None
    return f"{number}th {rest}"


def _date(text: str) -> str | None:
    for pattern in _DATES:
        if (match := pattern.fullmatch(text)) is not None:
            month = match["month"]
            number = int(month) if month.isdecimal() else _MONTHS[month[:3].lower()]
            return f"{match['year'] or 'every year'}, month {number}, day {int(match['day'])}"
    return None
