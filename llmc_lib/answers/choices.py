"""The choices of a multiple-choice question, and the one that a response takes."""

from __future__ import annotations

import re

from llmc_lib.answers import finding
from llmc_lib.answers.comparing import same
from llmc_lib.answers.concluding import NEGATED, concluded
from llmc_lib.answers.finding import prepared
from llmc_lib.answers.japanese import plain
from llmc_lib.answers.text import SENTENCE, TAIL, clean, fold, undelimited, unwrapped

_KANA = "アイウエオカキクケコ"
_LETTERS = "ABCDEFGHIJ"
_KANA_CHOICE = re.compile(rf"(?<![\u30a0-\u30ff])[{_KANA}](?![\u30a0-\u30ff])")
# "B, because …", "B – Jupiter"
_BECAUSE = re.compile(
    r"^\W*([A-Z])(?:,| [-–—])? (?:because|since)\b(?!.*(?:\bnot\b|n['’]t\b|wrong))"
)
_DASHED = re.compile(r"^\W*([A-Z]) [-–—] (.+)$")
_OPTION_LINE = re.compile(r"^\W*([A-Z])[.):．）：]\s*(.+)$")
_INLINE = re.compile(r"(?:\\text(?:bf|rm|it)?\s*\{\s*)?\(\s*([A-Z])\s*\)\s*\}?")
_IS_CORRECT = re.compile(
    r"^\W*(?i:(?:so|thus|hence|therefore)\b\W*)?(?i:(?:option|choice|answer)\b\W*)?\(?([A-Z])\W*"
    r"(?i: ?is (?:the (?:only )?)?(?:correct|right|best|true)(?: answer| choice| option| one)?\W*)$"
)
_IS_CORRECT_JAPANESE = re.compile(r"([A-Z])[)）]?\s*が(?:正解|正し|適切|最も|答え)")
# "The correct choice is (C)", "Option C"
_LETTER_LEAD = re.compile(
    r"^\W*(?:the )?(?:correct |right |best |final )?(?:letter|option|choice|answer)(?: is)?\W+(?=[A-Z]\W*$)",
    re.IGNORECASE,
)
# A sentence that takes a choice: "I choose B", "fits best is (B)", "corresponds to option (B)".
_TAKEN = re.compile(
    r"\b(?i:choose|choosing|pick|select|go with|opt for|prefer|is|it['’]s|be|to|with|option|choice|answer|letter|matches)\s+"
    r"(?i:option |choice |answer |letter |the (?:option|choice|answer) )?[\"'*$]*(?:\(\s*([A-Z])\s*\)|([A-Z]))(?![\w'’])"
)
# "The answer is A. Iron": a letter in front of a text
_LETTERED = re.compile(r"(?:\bis|[:=]|\boption|\bchoice)\s+\(?([A-Z])[.):]+\s")
# "It can't be A, so B."
_IF = re.compile(r"\W*if\b.*\bwould\b", re.IGNORECASE)
_SO = re.compile(
    r"(?:(?:^|[.,;]\s*)(?i:so|hence|thus|therefore),?\s+|\b(?i:choice|option|letter)\s*:\s*)\(?([A-Z])\)?\W*$"
)


def options(question: str) -> dict[str, str]:
    """The lettered choices of a multiple-choice question, {} where there are none.

    Lines "A. …" below "Answer Choices:" or at the end, or "(A) … (B) …" in the text, also ア to コ.
    """
    lettered = _in_letters(question)
    _, listed, block = lettered.partition("Answer Choices:")
    found = _lines(block if listed else lettered)
    if not listed and len(found) < 2:
        found = _inline(lettered)
    if lettered != question and not re.search(r"(?<![A-Za-z])A(?![A-Za-z])", question):
        return {_KANA[_LETTERS.index(letter)]: text for letter, text in found.items()}
    return found


def _lines(block: str) -> dict[str, str]:
    found = [match for line in block.splitlines() if (match := _OPTION_LINE.match(line.strip()))]
    starts = [at for at, match in enumerate(found) if match[1] == "A"]
    choices = {match[1]: match[2].strip() for match in found[starts[0] if starts else 0 :]}
    return choices if "".join(sorted(choices)) in _LETTERS + "KLMNOPQRSTUVWXYZ" else {}


def _inline(question: str) -> dict[str, str]:
    found = list(_INLINE.finditer(question))
    starts = [n for n, match in enumerate(found) if match[1] == "A"]
    found = found[starts[-1] :] if starts else []
    if len(found) < 2 or "".join(match[1] for match in found) not in _LETTERS:
        return {}
    ends = [*(match.start() for match in found[1:]), len(question)]
    texts = [
        question[match.end() : end].strip(" \n\t,;\\~")
        for match, end in zip(found, ends, strict=True)
    ]
    texts = [
        re.sub(r"\\q?quad|\s*\\+\s*$|(?:\s|,)+(?:and|or)$", "", text).strip(" \n\t$\\")
        for text in texts
    ]
    if not all(re.search(r"\w", text) for text in texts) or any(
        text in ("and", "or") for text in texts
    ):
        return {}
    return dict(zip((match[1] for match in found), texts, strict=True))


def find_letter(response: str, choices: dict[str, str]) -> tuple[str | None, str]:
    """The letter that a response chooses, and the rule that found it.

    A choice may be named by its letter, its text or its value. A response that only repeats several choices,
    or whose last "Answer: …" names none or two of them, has chosen none.
    """
    tail = prepared(response)[-TAIL:]
    if choices and set(choices) <= set(_KANA):
        lettered = {_LETTERS[_KANA.index(kana)]: text for kana, text in choices.items()}
        letter, rule = _find_letter(_in_letters(tail), lettered)
        return (_KANA[_LETTERS.index(letter)] if letter else None), rule
    return _find_letter(tail, choices)


def _find_letter(tail: str, choices: dict[str, str]) -> tuple[str | None, str]:
    by_text = _by_text(choices)
    boxed = finding.last_boxes(tail)
    rules = (
        ("marked", [item.text for item in finding.marked(tail)]),
        ("boxed", [boxed] if boxed else []),
        ("stated", finding.stated(tail)),
        ("headed", finding.headed(tail)),
    )
    for rule, matches in rules:
        for found in reversed(matches):
            inner = finding.last_boxes(found) if rule != "boxed" else None
            text = plain(inner or found)
            letter = _letter(text, choices, by_text) or _by_value(text, choices)
            if letter:
                return letter, rule
            if (
                rule == "marked"
                and clean(found)
                and not (boxed and not inner and len(found.split()) > 3)
            ):
                return None, "no choice named"
    return _unmarked(tail, choices, by_text)


def _by_text(choices: dict[str, str]) -> dict[str, str]:
    """The text of a choice → its letter, where no other has it; also without a word that a sentence may lose: "only 0"."""
    whole = [_spelled(text) for text in choices.values()]
    bare = [_spelled(finding.without_lead(text)) for text in choices.values()]
    found = {}
    for letter, text, short in zip(choices, whole, bare, strict=True):
        if whole.count(text) == 1:
            found[text] = letter
        if short and short not in whole and bare.count(short) == 1:
            found[short] = letter
    return found


def _spelled(text: str) -> str:
    """A choice's text as a response may spell it: without markup, "K_m" and "K m" alike."""
    return fold(clean(text.replace("_", " ")))


def _unmarked(
    tail: str, choices: dict[str, str], by_text: dict[str, str]
) -> tuple[str | None, str]:
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    if len(lines) == 1 and re.fullmatch(r"\W*[a-z]\W*", last):
        return _letter(last, choices, by_text), "only choice named"
    clause = last.rpartition("; ")[2]
    stated = _IS_CORRECT.match(clause) or _IS_CORRECT_JAPANESE.search(clause)
    stated = stated if stated and not NEGATED.search(clause) else _SO.search(last)
    if stated and stated[1] in choices:
        return str(stated[1]), "stated"
    named = {letter for line in lines if (letter := _letter_line(line, choices, by_text))}
    if len(named) == 1:
        return named.pop(), "only choice named"
    if named:
        return None, "several choices named"
    taken = _taken(lines[-1], " ".join(lines[-3:-1]), choices) if lines else None
    listing = re.match(r"\W*[A-Z](?:[.):]|\W*$)", last)
    if not taken and not listing and (answer := concluded(last, "")[0]):
        taken = by_text.get(_spelled(answer)) or _by_value(answer, choices)
        if taken and {found for found in _LETTERED.findall(last) if found in choices} - {taken}:
            return None, "no choice named"
    return (taken, "stated") if taken else (None, "no choice named")


def _taken(line: str, before: str, choices: dict[str, str]) -> str | None:
    """The choice that the last sentence takes, where it names one and denies nothing."""
    sentence = re.split(r"(?<=[.!?])\s+(?=[A-Z])", line)[-1]
    if len(sentence) > SENTENCE or NEGATED.search(sentence) or _IF.match(sentence):
        return None
    sentence = unwrapped(sentence)
    found: list[str] = [match[1] or match[2] for match in _TAKEN.finditer(sentence)]
    bracketed = {
        letter for letter in re.findall(r"\(\s*([A-Z])\s*\)", sentence) if letter in choices
    }
    if len(bracketed) > 1:
        return None
    near = {letter for letter in re.findall(r"\(\s*([A-Z])\s*\)", before) if letter in choices}
    if bracketed and not found and len(bracketed | near) > 1:
        return None
    if bracketed and (not found or set(found) <= bracketed):
        return str(bracketed.pop())
    if not found or (choices and found[-1] not in choices) or len(set(found)) > 1:
        return None
    last = list(_TAKEN.finditer(sentence))[-1]
    rest = sentence[last.end() :].strip(" .,;:*$\"')")
    # "is A vein" is no choice, nor is "to A level".
    if (
        rest
        and not re.match(r"(?:\(|because\b|since\b|as\b|[-–—])", rest)
        and _spelled(rest) != _spelled(choices.get(found[-1], ""))
    ):
        return None
    return found[-1]


def _by_value(text: str, choices: dict[str, str]) -> str | None:
    """The choice with the value of an answer: 14 cm for "$14 \\mathrm{~cm}$"; None where two have it."""
    answer = finding.trimmed(text)
    if (
        not answer
        or len(answer) > SENTENCE
        or not choices
        or not re.search(r"[\d\\^+*/√π=]", answer)
    ):
        return None
    equal = [letter for letter, choice in choices.items() if same(answer, undelimited(choice))]
    return equal[0] if len(equal) == 1 else None


def _in_letters(text: str) -> str:
    """A text with ア, イ, … as A, B, …, where they are alone."""
    if not _KANA_CHOICE.search(text):
        return text
    text = re.sub(rf"(?m)^(\s*[{_KANA}])\s+(?=\S)", r"\1. ", text)
    return _KANA_CHOICE.sub(lambda match: _LETTERS[_KANA.index(match[0])], text).translate(
        {0xFF08: "(", 0xFF09: ")", 0xFF0E: ".", 0xFF1A: ":"}
    )


def _letter(text: str, choices: dict[str, str], by_text: dict[str, str]) -> str | None:
    """The choice that a phrase begins with ("C", "(C)", "C. Kidney") or spells out ("Kidney").

    None where it names two, or a letter beside the text of another choice. A sentence that begins
    with the article "A" is not taken for choice A.
    """
    text = _LETTER_LEAD.sub("", unwrapped(text.replace("_", " ")))
    text = re.sub(r"^\W*'(.*)'\W*$", r"\1", text)
    alone = re.fullmatch(r"\W*([A-Za-z])\W*", text)
    if alone and "'" not in text and "+" not in text:
        # Choices that are in no list of ours are not known: then a letter alone is what can be told.
        letter = alone[1].upper()
        return letter if letter in choices or not choices else by_text.get(_spelled(text))
    short = finding.without_explanation(text)
    if (spelled := by_text.get(_spelled(short))) is not None:
        return spelled
    noted = re.fullmatch(r"(.+)\(\W*([A-Z])\W*\)\W*", short)
    if noted and noted[2] in choices:
        return noted[2] if by_text.get(_spelled(noted[1])) == noted[2] else None
    match = re.match(
        r"\W*(?:the |la )?(?i:letter |option |choice |answer )?\W*([A-Z])(?=[^\w'’+-]|$|\s)(.*)",
        text,
        re.DOTALL,
    )
    if match is None or match[1] not in choices:
        return None
    letter, rest = match[1], match[2]
    if re.match(r"\W*\?", rest):
        return None
    also = re.match(
        r"\W*(?:,|/|&|[-–—→]|\b(?:and|or|nor)\b)\W*(?:(?:maybe|perhaps|possibly|also|even)\W+)?([A-Z])\b",
        rest,
    )
    if also and also[1] in choices and also[1] != letter:
        return None
    if re.match(r"(?!\s*,)[\s\W]*(?:is|was|are|can)?\s*(?:not|n't|wrong|incorrect|false)\b", rest):
        return None
    said = fold(
        clean(finding.without_explanation(re.sub(r"^[\s.):,*`}\]]*(?:[-–—]\s)?[\s*(]*", "", rest)))
    )
    if by_text.get(said, letter) != letter:
        return None
    separated = re.match(r"\s*(?:[.):,;*`}$\]\n(]|[-–—=]\s|because\b|since\b|as\b|is\b|$)", rest)
    if letter in "AI" and not separated and said != _spelled(choices[letter]):
        return None
    return letter


def _letter_line(line: str, choices: dict[str, str], by_text: dict[str, str]) -> str | None:
    """The choice that a line of a response without a marked answer names: the letter alone, the
    choice's text alone, or both. A line that denies something names none."""
    line = unwrapped(finding.without_lead(line))
    line = re.sub(r"^(?i:option|choice)\s+(?=\(?[A-Z]\b)", "", line)
    if (because := _BECAUSE.match(line)) and because[1] in choices:
        return because[1]
    match = _OPTION_LINE.match(line) or _DASHED.match(line)
    if match and match[1] in choices:
        text, said = _spelled(choices[match[1]]), _spelled(match[2])
        if NEGATED.search(match[2][len(choices[match[1]]) :]):
            return None
        if re.match(r"(?:because|since|as)\b", match[2], re.IGNORECASE):
            return match[1]
        return match[1] if said == text or re.match(re.escape(text) + r"\W", said) else None
    if re.fullmatch(r"\W*(?:(?i:option|choice)\W+)?[A-Z]\W*", line):
        return _letter(line, choices, by_text)
    return by_text.get(_spelled(line))
