"""Final answers: find the one that a response gives, and compare it with a reference.

The rules are conservative: where no final answer can be found, none is guessed.
"""

from __future__ import annotations

import logging
import math
import re
import threading
import unicodedata

# A time limit that math-verify reached is a wrong answer here, no message for the notebook.
for _name in ("math_verify", "latex2sympy2_extended"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)

# A response is searched for its final answer within its last characters only, so that a hostile or
# endless one costs no more than an ordinary one.
_TAIL = 4000
# The longest line that is read as a sentence which states an answer.
_SENTENCE = 200
# The longest final answer that is compared by mathematics; longer ones are compared as text.
_MATH_LIMIT = 200
_MATH_SECONDS = 2

_NOT_WRONG = r"(?<!wrong )(?<!incorrect )(?<!possible )(?<!alternative )(?<!not the )"
_MARKED = re.compile(_NOT_WRONG + r"\banswer[\"*_]*\s*[:：=]\s*(.+)", re.IGNORECASE)
_STATED = re.compile(
    _NOT_WRONG + r"\b(?:answer|choice|option)[*_]* (?:is|would be|must be)\s*:?\s*(.+)",
    re.IGNORECASE,
)
_CONCLUDED = re.compile(r"(?:\b(?:is|are|was|were|called|named|equals?)\b|=)(?!.*=)\s+(.+)$")
_OPTION_LINE = re.compile(r"^\W*([A-Z])[.):]\s+(.+)$")
_NUMBER = re.compile(
    r"(?<![\w.])-?\d+(?:,\d{3})+(?:\.\d+)?|(?:(?<![\w.])-)?\d*\.?\d+(?:[eE][-+]?\d+)?"
)

# What turns a sentence that holds an answer into one that does not give it.
_NEGATED = re.compile(
    r"n['’]t\b|\b(?:not|cannot|never|no|neither|nor|wrong|incorrect|false|unsure|uncertain|unclear"
    r"|unknown|maybe|perhaps|guess)\b",
    re.IGNORECASE,
)
# Two answers, a range or a bound are not one answer, unless the reference is of that kind.
_HEDGED = re.compile(
    r"\b(?:or|and|to|not|no|neither|nor|never|either|between|than|least|most)\b|[<>≤≥±?~–—]|\.\.\.|…",
    re.IGNORECASE,
)
# An explanation behind an answer: "A because …", "42. This is …".
_EXPLANATION = re.compile(
    r",?\s+(?:because|since|as (?:it|the|this))\b|;\s|\s[–—]\s"
    r"|(?<!\bDr)(?<!\bMr)(?<!\bSt)(?<!\bMrs)(?<!\b[A-Z])\.\**\s+(?=[A-Z])"
)
# Words in front of a name that make another one of it: "South Africa", "mezzo forte".
_OTHER_NAME = re.compile(
    r"[,;/]|\b(?:and|anti|central|east|eastern|giga|kilo|mega|mezzo|micro|milli|nano|never|no|non|nor|north"
    r"|northern|not|or|semi|south|southern|sub|vs|west|western)\b"
)
# Behind a number: a unit is an abbreviation from this list or a word, except for words that
# change the number.
_ABBREVIATION = (
    r"(?:[kcmµμ]?m|[kmµμ]?g|[mµμn]?s|h|hr|hrs|min|[kM]?J|[kM]?N|[kM]?W|[km]?V|[kMG]?eV|m?A|m?K|C|F|°|°C|°F"
    r"|m?L|ml|l|[kMG]?Hz|[kM]?Pa|m?mol|atm|cd|rpm|%|€|\$|Ω)(?:[²³]|\^[23]|\^\{[23]\})?"
)
_UNIT = re.compile(
    rf"(?:{_ABBREVIATION}|(?<=\s)[a-zA-Z]{{3,}})"
    rf"(?:\s*/\s*{_ABBREVIATION}|\s*·\s*{_ABBREVIATION}|\s+{_ABBREVIATION}|\s+[a-zA-Z]{{2,}})*"
)
_NOT_A_UNIT = re.compile(
    r"\b(?:hundreds?|thousands?|millions?|billions?|trillions?|dozens?|pi|plus|minus|times|over|squared"
    r"|cubed|factorial|ln|log|sqrt|sin|cos|tan|exp|only if|base|mod|power|half|quarter|third|point)\b",
    re.IGNORECASE,
)
# Mathematics whose evaluation outgrows every memory: towers, long exponents, factorials, gamma, sums.
_GROWS = re.compile(
    r"(?:\^|\*\*)[\s({]*-?\d{4,}|(?:\^|\*\*)[^=]*(?:\^|\*\*)[^=]*(?:\^|\*\*)"
    r"|(?:\^|\*\*)\s*[({][^)}]*(?:\^|\*\*)|(?:\^|\*\*)\s*\w+\s*(?:\^|\*\*)|\d{3,}\s*[)}]*\s*!|!\s*[)}]*\s*!"
    r"|\\(?:binom|dbinom|tbinom|gamma|Gamma|zeta|prod|sum|int|lim)(?![a-z])|[({\[]{20}|10{5}"
)
# What is compared outside the main thread, where math-verify has no time limit.
_PLAIN = re.compile(r"(?:[\d\s.,+*/()=x-]|\\[dt]?frac|\\sqrt|\\pi|\\cdot|\\times|[{}])*")
_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


def options(question: str) -> dict[str, str]:
    """The lettered choices of a multiple-choice question, {} where there are none."""
    _, _, block = question.partition("Answer Choices:")
    found = (_OPTION_LINE.match(line.strip()) for line in block.splitlines())
    return {match[1]: match[2].strip() for match in found if match}


def find_answer(response: str, question: str = "") -> tuple[str | None, str]:
    """The final answer of a response and the rule that found it: (None, why) where there is none.

    In this order: a line "Answer: …", `\\boxed{…}`, "the answer is …" (the last of each). Then, from
    the last line of a response without any of these, if it is a short one that denies nothing: the
    only number in it that the question does not already hold, or what stands behind its last verb
    ("The symbol of gold is Au.").
    """
    tail = response[-_TAIL:]
    for rule, matches in _final(tail):
        if matches and _clean(matches[-1]):
            boxed = _boxed(matches[-1])
            return _clean(boxed[-1] if boxed else _without_explanation(matches[-1])), rule
    last = next((line for line in reversed(tail.splitlines()) if line.strip()), "")
    if not last or len(last) > _SENTENCE or _NEGATED.search(last):
        return None, "no final answer"
    conclusion = last.rpartition("=")[2].replace("−", "-")
    given = set(_NUMBER.findall(question))
    found = _NUMBER.findall(conclusion)
    numbers = [number for number in found if number not in given]
    # A number within a formula ("1/4", "2^5", "3 million") or a choice of two is no answer alone.
    alone = not re.search(r"[/^*!\\√π⁰¹²³⁴-⁹½¼¾–±<>]|\d\s*[a-zA-Z]?\(", conclusion)
    alone = alone and not _NOT_A_UNIT.search(conclusion) and not re.search(r"\bor\b", conclusion)
    if alone and len(set(numbers)) == 1:
        return numbers[0], "only number"
    if (not numbers or not alone) and (concluded := list(_CONCLUDED.finditer(conclusion))):
        return _clean(concluded[-1][1]), "concluded"
    if not alone and "=" in last and len(conclusion.split()) <= 3 and _clean(conclusion):
        return _clean(conclusion), "concluded"
    if len(last.split()) <= 3 and _fold(last) and "\\boxed" not in last:
        return _clean(last), "bare"
    return None, "no final answer"


def stated_answer(text: str) -> str | None:
    """The final answer that a text marks as one ("Answer: …", `\\boxed{…}`, "the answer is …"), None
    where it marks none: nothing is concluded from a last sentence."""
    answer, rule = find_answer(text)
    return answer if rule in ("marked", "boxed", "stated") else None


def find_letter(response: str, choices: dict[str, str]) -> tuple[str | None, str]:
    """The letter that a response chooses, and the rule that found it.

    A response that only repeats several choices, or whose last "Answer: …" names none or two of
    them, has chosen none.
    """
    tail = response[-_TAIL:]
    folded = [_fold(text) for text in choices.values()]
    by_text = {_fold(t): letter for letter, t in choices.items() if folded.count(_fold(t)) == 1}
    for rule, matches in _final(tail):
        for found in reversed(matches):
            boxed = _boxed(found)
            letter = _letter(boxed[-1] if boxed else found, choices, by_text)
            if letter:
                return letter, rule
            if rule == "marked" and _clean(found):
                return None, "no choice named"
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    named = {letter for line in lines if (letter := _letter_line(line, choices, by_text))}
    if len(named) == 1:
        return named.pop(), "only choice named"
    return None, "no choice named" if not named else "several choices named"


def _final(tail: str) -> list[tuple[str, list[str]]]:
    """What stands where a final answer is expected, by the rule that looks there."""
    return [
        ("marked", _MARKED.findall(tail)),
        ("boxed", _boxed(tail)),
        ("stated", _STATED.findall(tail)),
    ]


def _boxed(text: str) -> list[str]:
    r"""The contents of each closed \boxed{…} in a text."""
    found = []
    for match in re.finditer(r"\\boxed\s*\{", text):
        depth = 1
        for end in range(match.end(), min(len(text), match.end() + 2 * _MATH_LIMIT)):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            if depth == 0:
                found.append(text[match.end() : end])
                break
    return found


def _without_explanation(text: str) -> str:
    return _EXPLANATION.split(text, maxsplit=1)[0]


def _letter(text: str, choices: dict[str, str], by_text: dict[str, str]) -> str | None:
    """The choice that a phrase begins with ("C", "(C)", "C. Kidney") or spells out ("Kidney").

    None where it names two, or a letter beside the text of another choice. A sentence that begins
    with the article "A" is not taken for choice A.
    """
    text = _unwrapped(text.replace("_", " "))
    alone = re.fullmatch(r"\W*([A-Za-z])\W*", text)
    if alone and "'" not in text and "+" not in text:
        return alone[1].upper() if alone[1].upper() in choices else None
    short = _without_explanation(text)
    if (spelled := by_text.get(_fold(_clean(short)))) is not None:
        return spelled
    behind = re.fullmatch(r"(.+)\(\W*([A-Z])\W*\)\W*", short)
    if behind and behind[2] in choices:
        return behind[2] if by_text.get(_fold(_clean(behind[1]))) == behind[2] else None
    match = re.match(
        r"\W*(?:the )?(?i:letter |option |choice |answer )?\W*([A-Z])(?=[^\w'’+-]|$|\s)(.*)",
        text,
        re.DOTALL,
    )
    if match is None or match[1] not in choices:
        return None
    letter, rest = match[1], match[2]
    also = re.match(r"\W*(?:,|/|&|\band\b|\bor\b|\bnor\b|\bnot\b)\W*([A-Z])\b", rest)
    if also and also[1] in choices and also[1] != letter:
        return None
    if re.match(r"[\s\W]*(?:is|was|are|can)?\s*(?:not|n't|wrong|incorrect|false)\b", rest):
        return None
    said = _fold(
        _clean(_without_explanation(re.sub(r"^[\s.):,*`}\]]*(?:[-–—]\s)?[\s*(]*", "", rest)))
    )
    if by_text.get(said, letter) != letter:
        return None
    separated = re.match(r"\s*(?:[.):,;*`}$\]\n(]|[-–—=]\s|because\b|since\b|as\b|is\b|$)", rest)
    if letter in "AI" and not separated and said != _fold(choices[letter]):
        return None
    return letter


def _letter_line(line: str, choices: dict[str, str], by_text: dict[str, str]) -> str | None:
    """The choice that a line of a response without a marked answer names: the letter alone, the
    choice's text alone, or both. A line that denies something names none."""
    line = _unwrapped(line)
    match = _OPTION_LINE.match(line)
    if match and match[1] in choices:
        text, said = _fold(choices[match[1]]), _fold(_clean(match[2]))
        if _NEGATED.search(match[2][len(choices[match[1]]) :]):
            return None
        return match[1] if said == text or re.match(re.escape(text) + r"\W", said) else None
    if re.fullmatch(r"\W*[A-Z]\W*", line) or re.fullmatch(
        r"\W*(?i:option|choice)\W+[A-Z]\W*", line
    ):
        return _letter(line, choices, by_text)
    return by_text.get(_fold(_clean(line)))


def same(answer: str, reference: str) -> bool:
    """Are two final answers the same: as text, as numbers, or as mathematics?

    Numbers agree within a relative 1e-6, or to the decimals that the reference gives if it has more
    than three digits; a unit behind the answer's number is ignored. Two answers ("5 or 6"), a range
    or a bound are never the same as one. Mathematics is compared by math-verify (Hugging Face),
    under its own time limit and without what would outgrow it.
    """
    if not (folded := _fold(reference)):
        return False
    if _fold(answer) == folded:
        return True
    bare = _fold(re.sub(r"\s*\([^()]*\)", "", answer[:_SENTENCE]))
    # "Alan Turing" for "Turing", "the femur (thigh bone)" for "femur"
    if re.fullmatch(r"[a-z-]{3,}", folded) and bare.split()[-1:] == [folded]:
        return len(bare.split()) <= 3 and not _OTHER_NAME.search(bare)
    if _HEDGED.search(_signs(answer)) and not _HEDGED.search(_signs(reference)):
        return False
    expected = _number(reference)
    if expected is not None:
        given = _number(answer, unit=True)
        if given is not None:
            return _close(given, expected, reference)
    if len(answer) > _MATH_LIMIT or not re.search(r"[\d\\^/]", reference):
        return False
    return _same_mathematics(_signs(answer), _signs(reference))


def restates(answer: str, question: str, reference: str) -> bool:
    """Is an answer an expression of the question, "2 + 8" for "What is 2 + 8?"

    It equals the reference as mathematics, and nothing has been worked out.
    """
    given, asked, expected = map(_squeezed, (answer, question, reference))
    formula = re.search(r"[^\w.,]", given) is not None
    return formula and given in asked and given != expected


def _squeezed(text: str) -> str:
    return re.sub(r"[\s$]", "", text).rstrip(".,")


def _close(given: float, expected: float, reference: str) -> bool:
    """Do two numbers agree: within a relative 1e-6, or to the decimals of a reference that has some
    and more than three digits?"""
    if not (math.isfinite(given) and math.isfinite(expected)):
        return False
    _, point, decimals = reference.partition(".")
    if (
        point
        and decimals.isdecimal()
        and len(f"{abs(expected):.15g}".replace(".", "").lstrip("0")) > 3
    ):
        return abs(given - expected) <= 0.5 * 10.0 ** -len(decimals)
    return abs(given - expected) <= 1e-6 * abs(expected)


def _same_mathematics(answer: str, reference: str) -> bool:
    if _GROWS.search(answer) and answer.replace(" ", "") != reference.replace(" ", ""):
        return False
    # math-verify's time limit is a signal, which only the main thread gets.
    main = threading.current_thread() is threading.main_thread()
    if not main and not (_PLAIN.fullmatch(answer) and _PLAIN.fullmatch(reference)):
        return False
    seconds = _MATH_SECONDS if main else None
    from math_verify import parse, verify  # brings sympy, which takes seconds to import

    try:
        gold = parse(f"${reference}$", parsing_timeout=seconds)
        target = parse(f"${answer}$", parsing_timeout=seconds)
        return bool(gold and target and verify(gold, target, timeout_seconds=seconds))
    except (
        Exception
    ):  # whatever a model's text makes the parser stumble over, it is not the reference
        return False


def _number(text: str, *, unit: bool = False) -> float | None:
    """The value of a text that is one number; with `unit`, a unit may stand behind it."""
    text = _signs(text).strip().strip("$").replace("\\%", "%").strip()
    if unit:
        text = re.sub(r"^(?:≈|approximately|about|roughly|[€£])\s*", "", text)
    match = _NUMBER.match(text)
    if match is None:
        return None
    rest = re.sub(r"\\[ ,;!]|~", " ", text[match.end() :]).rstrip()
    rest = re.sub(r"\s*\([a-zA-Z -]*\)$|\.$", "", _unwrapped(rest).replace("$", " ").rstrip())
    rest = re.sub(r"\^\\?\{?\\circ\}?", "°", rest).rstrip()
    if rest and not (unit and len(rest) <= 40 and _unit(rest)):
        return None
    return float(match[0].replace(",", ""))


def _unit(rest: str) -> bool:
    """Is this what stands behind a number a unit? The space in front of it tells "5 cm" from "5x"."""
    if _NOT_A_UNIT.search(rest):
        return False
    start = len(rest) - len(rest.lstrip())
    return bool(_UNIT.fullmatch(rest, start))


def _signs(text: str) -> str:
    """Signs as mathematics writes them: a minus (or a dash in front of a number) as a hyphen, "5²" as
    "5^{2}"."""
    text = re.sub(r"[⁰¹²³⁴-⁹⁻]+", lambda m: "^{" + m[0].translate(_SUPERSCRIPT) + "}", text[:_TAIL])
    return re.sub(r"^(\s*)[–—](?=[\d\\.])", r"\1-", text.replace("−", "-"))


def _unwrapped(text: str) -> str:
    r"""A text without LaTeX's \text{…} and its like around words."""
    return re.sub(r"\\(?:text|textbf|textit|mathrm|mathbf|mbox)\s*\{([^{}]*)\}", r"\1", text)


def _clean(text: str) -> str:
    """A final answer without the markup and punctuation that models put around it."""
    text = _unwrapped(text).strip().strip("*`\"'_ ").rstrip(".,;").strip("*`\"'$_ ")
    inner = re.fullmatch(r"\\[(\[](.*)\\[)\]]", text, re.DOTALL)
    return inner[1].strip() if inner else text


def _fold(text: str) -> str:
    """Text for comparison: one Unicode form, case, article, spacing and outer punctuation ignored."""
    # A power stays one: NFKC alone would make "52" of "5²".
    text = re.sub(r"[⁰¹²³⁴-⁹⁻]+", lambda m: "^" + m[0].translate(_SUPERSCRIPT), text)
    text = re.sub(r"(?<=\d)(?=[½¼¾⅐-⅞])", " ", text)
    text = unicodedata.normalize("NFKC", text).casefold().replace("−", "-").replace("⁄", "/")
    text = re.sub(r"(?<![\d)}\]])!+$", "", text.strip(" .,;:\"'`*$()"))
    text = re.sub(r"^(the|a|an)\s+", "", text.strip(" .,;:\"'`*$()"))
    return re.sub(r"\s+", " ", text)
