"""What the last sentence of a response comes to, where nothing in it is marked as the answer."""

from __future__ import annotations

import re

from llmc_lib.answers.japanese import plain
from llmc_lib.answers.mathematics import readable
from llmc_lib.answers.text import (
    NOT_A_UNIT,
    NUMBER,
    SENTENCE,
    clean,
    fold,
    sound,
    without_quantifier,
)
from llmc_lib.answers.units import quantity

# What turns a sentence that holds an answer into one that does not give it.
NEGATED = re.compile(
    r"n['’]t\b|\b(?:not|cannot|never|no|neither|nor|wrong|incorrect|false|unsure|uncertain|unclear"
    r"|unknown|maybe|perhaps|guess|impossible)\b|ではな|ではあり|じゃな|分からな|わからな|分かりませ|わかりませ|不是|并非|並非|不等|没有|沒有"
    r"|\b(?:rul(?:e|es|ed|ing) out|can(?:not)? (?:exclude|eliminate|reject|discard)|nicht|kein\w*|falsch|ungleich|n['’]est|pas|fau(?:x|sse)|non è|non sono|no es|no son|no puede|incorrect[oae]|não|errado)\b"
    r"|間違|誤り|くらい|ぐらい|错误|錯誤|可能|아니|아닙|не\b",
    re.IGNORECASE,
)
# A sentence that goes on working, names a step, or supposes something.
_WORKING = re.compile(
    r"^\W*(?:(?:so|now|next|then|first|but|also|and|thus|hence|therefore)\b\W*)*(?:(?:let|suppose|assum(?:e|ing)|consider|try|check|plug"
    r"|substitut\w+(?!.*\b(?:get|gives?|obtain|find|have|yields?)\b)|recall|note|notice|remember|see|(?:multiply|divide|add|subtract)(?!.*=)|we (?:are given|check|try|substitute)"
    r"|(?:i|we) (?:need|have|want) to (?:find|check|add|multiply|divide|subtract|show|prove|solve|determine|compute))\b"
    r"|(?:for (?=\$?[a-zA-Z]\s*=)|(?:given|since|if|when|because|using)\b)[^,]*(?:,.{0,8})?$)"
    r"|\b(?:step|case|theorem|lemma|equation|problem|page|chapter|section|part|figure|line|exercise|example)\s+\(?\d+\)?\W*(?:$|to\b)"
    r"|\broot of \$?\d+\b(?!.*\d)|\b(?:is|was|be) (?:obtained|found) by\b|^\W*\d+\)\s+\D*$"
    r"|^\W*(?:もし|仮に|假设|假設|假如|如果|若|设|設|angenommen|supposons|supongamos)|なら|矛盾|仮定"
    r"|\banswer (?:has|divides|contains)\b|\bcontradict\w*|\bwhether\b|\bfails?\b|\ball but\b|\bthe (?:first|last|next) \d+\b|\bby case\b|\bdivision by \d+\b"
    r"|\btempting to\b|^\W*if\b.*\bwould\b|\b(?:might|could|may|would) (?:\w+ )?(?:think|guess|say|expect|believe)\b",
    re.IGNORECASE,
)
# A bound or a relation in words.
_BOUND = re.compile(
    r"\b(?:at (?:most|least)|(?:less|greater|more|fewer|larger|smaller|bigger) than|up to|between|divisible|divides|multiple of"
    r"|exceeds?|below|above|nearly|almost|mindestens|höchstens|größer|kleiner|mehr als|weniger als|au (?:moins|plus)|supérieure?|inférieure?"
    r"|plus de|al menos|zwischen|entre|oder mehr|ist fast|presque|casi|a lo sumo|como máximo|como mínimo|mayor|menor|más de)\b|至少|至多|最多|最少|大于|小于|大於|小於|超过|不足",
    re.IGNORECASE,
)
# The 2 of "H2O" and the 53 of "p53" are no numbers.
_NAME = re.compile(r"(?<![\w\\])[a-zA-Z][a-zA-Z]*\d\w*")
_STATEMENT = re.compile(
    r"\W*(?:(?:so|thus|hence|therefore)\b\W*)?(?:the|this) (?:\w+ )?(?:statement|claim|assertion|proposition|conjecture)"
    r" is (true|false)\W*",
    re.IGNORECASE,
)
# "A: 42", as sets of questions and answers write it.
_LABEL = re.compile(
    r"^(?:A|Ans|Solution|Result|結果|解)\.?\s*[:：]\s*|^(?:The )?(?:Final )?Answer\s[-–—]\s|^(?:答え?|解答|答案)[*_]*\s"
)
# A sentence that was cut off, and an object in JSON without an answer in it.
_CUT_OFF = re.compile(
    r"\b(?:with|and|or|the|an|of|to|by|from|for|in|on|at|as|is|are|we|that|which|because|since|so|then|but|than|into)\s*$|\s[-+*/=^]$|^\{\s*\"",
    re.IGNORECASE,
)
_MATH = re.compile(r"\$\$?([^$]+)\$\$?|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_SAID = re.compile(
    r"^\s*(?:is|as) (?:the|our|my) (?:final |only |required )?(?:answer|solution|result)\b"
)
_VERB = re.compile(
    r"(?:\b(?:(?:is|are|was|were)(?:\s+(?:called|named|known as))?|called|named|equals?)\b|=)(?!.*=)\s+(.+)$"
)
_NO_CONCLUSION = re.compile(
    r"^(?:over|done|complete\w*|finished|correct|right|true that|in|on|at|of|to|for|not|the same|needed|required|given|found|that|why"
    r"|how|shown|clear|obvious|possible|able|used|equal|positive|negative|when|as|by|from|with)\b",
    re.IGNORECASE,
)


def concluded(line: str, question: str) -> tuple[str | None, str]:
    """What the last line of a response comes to."""
    nothing = None, "no final answer"
    if line.rstrip("* ").endswith(("?", "？")):
        return nothing
    sentence = re.split(r"(?<=[.!?])\s+(?=[A-Z$\\(])|(?<=。)", line.rstrip("。 "))[-1].strip()
    if sentence and (statement := _STATEMENT.fullmatch(sentence)) is not None:
        return statement[1], "concluded"
    if not sentence or len(sentence) > SENTENCE or NEGATED.search(sentence):
        return nothing
    # The number of an equation or a source after the text, and a row of a table.
    if (sentence != line and re.fullmatch(r"\(\d+\)|\[\d+\]", sentence)) or re.match(
        r"\|\s.*\s\|$", line
    ):
        return nothing
    if (
        not sound(sentence)
        or _CUT_OFF.search(sentence)
        or _BOUND.search(sentence)
        or _WORKING.search(sentence)
    ):
        return nothing
    if (formula := _displayed_formula(sentence)) is not None:
        return formula, "concluded"
    given = set(NUMBER.findall(question))
    if (japanese := plain(sentence)) != sentence:
        sentence = (
            re.split(r"[はがをも、]\s*|\s", japanese)[-1]
            if re.search(r"\d", japanese)
            else re.sub(r"^[^は]{1,20}は(?=[^は]{1,20}$)", "", japanese)
        )
    sentence = without_quantifier(_LABEL.sub("", sentence)).rstrip(".,;!。 ").strip("*_` ")
    if (formula := _last_formula(sentence, given)) is not None:
        return formula, "concluded"
    found = NUMBER.findall(_NAME.sub(" ", sentence.replace("−", "-")))
    numbers = {number for number in found if number not in given}
    # A number within a formula ("1/4", "2^5", "3 million") or a choice of two is no answer alone.
    alone = not re.search(r"[/^*!\\√π⁰¹²³⁴-⁹½¼¾±<>≤≥≠=+$]|\d\s*[a-zA-Z]?\(|\bor\b", sentence)
    alone = alone and not NOT_A_UNIT.search(
        re.sub(r"\b(?:times|over|point|power)\b(?! [\d(])", "", sentence)
    )
    if alone and len(numbers) == 1:
        return numbers.pop(), "only number"
    if not numbers and (verb := list(_VERB.finditer(sentence))):
        answer = clean(verb[-1][1])
        if len(answer.split()) <= 4 and answer and not _NO_CONCLUSION.match(answer):
            return answer, "concluded"
    if (
        len(sentence.split()) <= 3
        and fold(sentence)
        and "\\boxed" not in sentence
        and not re.search(r"\\(?:equiv|cdot|times|sum)?\s*$", sentence)
    ):
        return clean(sentence), "bare"
    return nothing


def _displayed_formula(sentence: str) -> str | None:
    """The last formula between the marks of mathematics, where nothing but a unit or an aside follows."""
    found = list(_MATH.finditer(sentence))
    if not found:
        return None
    formula = next(group for group in found[-1].groups() if group is not None).strip()
    rest = _SAID.sub("", sentence[found[-1].end() :]).strip(" .,;!*")
    if (len(rest.split()) > 3 and len(found) > 1) or re.search(r"\d|\b(?:is|are|equals?)\b", rest):
        return None
    after_verb = re.search(
        r"(?:\b(?:is|are|equals?|be|get|have|obtain|therefore|hence|thus|so|to|find)|[=:,])\s*$",
        sentence[: found[-1].start()],
        re.IGNORECASE,
    )
    if not after_verb and (formula.isalpha() or (len(found) > 1 and "=" not in formula)):
        return None
    return formula if readable(formula) else None


def _last_formula(sentence: str, given: set[str]) -> str | None:
    """The longest end of a sentence that is a formula as a whole, or a quantity after `=`."""
    starts = [match.start() for match in re.finditer(r"(?<!\S)\S", sentence)]
    for start in starts[-30:]:
        formula = sentence[start:].strip("*_`")
        if not re.search(
            r"\d|[a-zA-Z)]\s*(?:[=<>≤≥≠]|!=)|[√πa-zA-Z]\s*[-+*/^]\s*[\da-zA-Z]", formula
        ) or formula.startswith(("=", "+", "*", "/")):
            continue
        if (
            formula in given
            or (formula.count("$") % 2 and formula[0] != "$")
            or not readable(formula)
        ):
            continue
        front = sentence[:start].rstrip()
        if re.search(r"[-+*/^=<>≤≥≠×·]$|\d$", front):
            continue  # a part of a longer one that cannot be read
        return formula
    last_part = sentence.rpartition("=")[2].strip()
    if "=" in sentence and last_part and quantity(last_part) is not None:
        return last_part
    return None
