"""Forms in which answers are written that say the same: labelled parts, cases, classes of residues, reactions, …

Each rule is a function of an answer, a reference, and what compares their parts (`same`); it says True where the two are
the same by it, and False where they are not or are of another form.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterator

from llmc_lib.answers.text import matched, undelimited, unwrapped, without_markup

Same = Callable[[str, str], bool]

_COMMA = re.compile(r"(?<![\d.,])(\d{1,3}(?:[. \u00a0\u202f]\d{3})+|\d+),(\d+)(?![\d.,])")
_LABEL = re.compile(r"(?:^|(?<=[\s;,.$]))\(?([a-e]|i{1,3}|iv)\)[\s:=]*")
_LABELS = (tuple("abcde"), ("i", "ii", "iii", "iv"))
_CASES = re.compile(
    r"(.*?)=?\s*(?:\\begin\{d?cases\}|(?:\\left\s*)?\\\{\s*\\begin\{array\}\{[lcr ]*\})(.*)"
    r"\\end\{(?:d?cases|array)\}(?:\s*\\right)?\W*",
    re.DOTALL,
)
_CONDITION = re.compile(r"^(?:if|for|when|where|whenever)\b|[\s,.;$]+$", re.IGNORECASE)
_CLASS = re.compile(
    r"\$?([a-zA-Z])?\s*(?:\\equiv|≡)\s*(.+?)[\s,{]*\(?\s*\\?[pb]?mod(?:ulo)?(?![a-zA-Z])\s*\{?\s*(\d{1,4})\s*\}?\s*\)?\W*"
)
# n = 5k + 2, k ∈ Z
_MULTIPLES = re.compile(
    r"\$?([a-zA-Z])\s*=\s*(\d{1,4})\s*([a-zA-Z])\s*([+-]\s*\d{1,4})?(?:\s*,\s*\3\s*(?:\\in|∈)\s*(?:\\mathbb\s*)?\{?[ZℤNℕ]\}?)?\W*"
)
_ARROW = re.compile(r"\\(?:(?:long)?rightarrow|to)(?![a-zA-Z])|[→⟶]|--?>")
_CONSTANT = re.compile(
    r"(.*[^\s+])\s*\+\s*(?:([CcKk])|(?:\\text\s*\{\s*)?const(?:ant|\.)?(?:\s*\})?)"
)
_LETTERS = str.maketrans({"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "ß": "ss", "æ": "ae", "œ": "oe", "đ": "d", "ı": "i"})  # fmt: skip
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})


def same_by_form(answer: str, reference: str, same: Same) -> bool:
    """Are two answers the same by one of the rules?"""
    rules = (_decimal_comma, _cases, _classes, _reaction, _up_to_a_constant)
    return any(rule(answer, reference, same) for rule in rules)


def unaccented(answer: str, reference: str) -> Iterator[tuple[str, str]]:
    """Two names of which one alone has accents, without them: "Erdos" for Erdős, "Goedel" and "Godel" for Gödel."""
    if answer.isascii() == reference.isascii() or not re.fullmatch(
        r"[^\W\d_][^\d_\\]{2,}", reference
    ):
        return
    for umlauts in ({}, _UMLAUTS):
        pair = tuple(
            "".join(
                sign
                for sign in unicodedata.normalize(
                    "NFKD", text.translate(umlauts).translate(_LETTERS)
                )
                if not unicodedata.combining(sign)
            )
            for text in (answer, reference)
        )
        if pair[0].isascii() and pair[1].isascii():
            yield pair[0], pair[1]


def _decimal_comma(answer: str, reference: str, same: Same) -> bool:
    """3,14 for 3.14; 1,234 may be a thousand, and (1,5) a pair."""
    answer = answer.replace("{,}", ",")
    match = _COMMA.search(answer)
    decimal = re.search(r"\d\.\d", reference) and "," not in reference
    if match is None or not decimal or answer.count(",") > 1 or re.search(r"[()\[\]{}]", answer):
        return False
    whole = re.sub(r"\D", "", match[1])
    if len(match[2]) == 3 and whole == match[1] != "0":
        return False
    return same(f"{answer[: match.start()]}{whole}.{match[2]}{answer[match.end() :]}", reference)


def _labelled(text: str) -> dict[str, str]:
    """The parts of "(a) 5; (b) 7" by their labels, {} where it has none."""
    text = undelimited(text)
    found = list(_LABEL.finditer(text))
    labels = sorted(match[1] for match in found)
    if len(found) < 2 or found[0].start() or labels not in [list(e[: len(found)]) for e in _LABELS]:
        return {}
    ends = [*(match.start() for match in found[1:]), len(text)]
    parts = {
        match[1]: re.sub(r"[\s,;.]*(?:and)?\s*$", "", text[match.end() : end])
        for match, end in zip(found, ends, strict=True)
    }
    return parts if all(parts.values()) else {}


def same_parts(answer: str, reference: str, same: Same) -> bool | None:
    """(a) 5, (b) 7, also without the labels in the same order. None where the reference has no such parts."""
    expected, given = _labelled(reference), _labelled(answer)
    if not expected:
        return None
    if not given:
        items = re.split(r"[;,]", answer)
        given = dict(zip(expected, items, strict=False)) if len(items) == len(expected) else {}
    return given.keys() == expected.keys() and all(
        same(undelimited(given[label]), undelimited(expected[label])) for label in expected
    )


def _cases(answer: str, reference: str, same: Same) -> bool:
    """The cases of a function in any order, each with the same value under the same condition."""
    one, two = _CASES.fullmatch(answer), _CASES.fullmatch(reference)
    if (
        one is None
        or two is None
        or (one[1].strip() and two[1].strip() and not same(one[1], two[1]))
    ):
        return False
    return matched(_rows(one[2]), _rows(two[2]), lambda left, right: all(map(same, left, right)))


def _rows(text: str) -> list[tuple[str, str]]:
    rows = (
        row.partition("&")
        for row in re.split(r"\\\\(?:\[[^\]]*\])?", unwrapped(text))
        if row.strip()
    )
    return [
        (
            value.strip(" ,\n"),
            _CONDITION.sub("", _CONDITION.sub("", " ".join(condition.split()))).strip(),
        )
        for value, _, condition in rows
    ]


def _classes(answer: str, reference: str, same: Same) -> bool:
    """Residues modulo a number: those of 1 (mod 4) are those of 1 and 5 (mod 8)."""
    found = []
    for text in (answer, reference):
        plain = re.sub(r"\\[ ,;:!]|\\q?quad\b", " ", unwrapped(undelimited(text)))
        plain = " ".join(plain.split())
        multiples = _MULTIPLES.fullmatch(plain) if "mod" in answer + reference else None
        if multiples and multiples[1] != multiples[3]:
            rest = (multiples[4] or "0").replace("+", "").replace(" ", "")
            plain = f"{multiples[1]} ≡ {rest} mod {multiples[2]}"
        match = _CLASS.fullmatch(plain)
        if match is None or int(match[3]) == 0:
            return False
        both = re.sub(r"(?:\\pm|±)\s*(\d+)", r"\1, -\1", match[2])
        items = [
            item.strip(" ${}\\") for item in re.split(r",|\bor\b|\band\b", both) if item.strip()
        ]
        if not items or not all(re.fullmatch(r"-?\d{1,6}", item) for item in items):
            return False
        found.append((match[1], [int(item) for item in items], int(match[3])))
    (symbol, left, one), (other, right, two) = found
    if symbol and other and symbol != other:
        return False
    whole = math.lcm(one, two)
    if whole > 10_000:
        return False
    return {(item + one * n) % whole for item in left for n in range(whole // one)} == {
        (item + two * n) % whole for item in right for n in range(whole // two)
    }


def _reaction(answer: str, reference: str, same: Same) -> bool:
    """An equation of chemistry, with what reacts, and what it makes, in any order."""
    one, two = (
        [
            sorted(re.sub(r"[\s{}^]", "", term) for term in re.split(r"\s\+\s|\+(?=[\dA-Z])", side))
            for side in _ARROW.split(
                unicodedata.normalize("NFKC", without_markup(undelimited(text)))
            )
        ]
        for text in (answer, reference)
    )
    return len(two) == 2 and one == two and bool(re.search(r"[A-Z]", reference))


def _up_to_a_constant(answer: str, reference: str, same: Same) -> bool:
    """x² + K for the antiderivative x² + C."""
    given, expected = (
        _CONSTANT.fullmatch(undelimited(answer)),
        _CONSTANT.fullmatch(undelimited(reference)),
    )
    if given is None or expected is None or expected[2] != "C" or given[2] == "C":
        return False
    if not re.search(r"(?<![a-zA-Z])[xtuyzs](?![a-zA-Z])|\\theta", expected[1]):
        return False
    if re.search(rf"(?<![a-zA-Z\\])(?:C|{given[2] or 'C'})(?![a-zA-Z])", given[1] + expected[1]):
        return False
    return same(given[1], expected[1])
