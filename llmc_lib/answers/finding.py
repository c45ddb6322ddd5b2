"""Find the final answer that a response gives.

The rules are conservative: where no final answer can be found, none is guessed.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from llmc_lib.answers.boxes import BOX, boxes
from llmc_lib.answers.comparing import same
from llmc_lib.answers.concluding import concluded
from llmc_lib.answers.confidence import without_confidence
from llmc_lib.answers.mathematics import readable
from llmc_lib.answers.notation import joined_digits
from llmc_lib.answers.text import (
    SENTENCE,
    TAIL,
    clean,
    sound,
    undelimited,
)
from llmc_lib.answers.units import quantity

# Where nothing in the last characters of a response is marked as its answer, so much of it is searched for a mark.
_FAR = 60_000
_NOT_WRONG = r"(?<!wrong )(?<!incorrect )(?<!possible )(?<!alternative )(?<!not the )(?<!another )(?<!an )(?<!any )(?<!no )(?<!tempting )(?<!previous )(?<!initial )(?<!old )(?<!naive )"
_MARKED = re.compile(
    _NOT_WRONG
    + r"(?:\b|(?<=_))(?:ans(?:wer)?|antwort|réponse|respuesta|risposta|resposta|ответ|정답)(?: finale?| definitiva)?[\"*_]*(?:\s*\([^()\n]{1,30}\))?[\"*_]*\s*[:：=]\s*(?P<answer>.+)"
    r"|^[^\w\n]*(?:final )?judge?ment[\"*_]*\s*[:：=]\s*(?P<judgment>.+)"
    r"|^\s*####[^\S\n]*(?P<hashes>[^\s#].*)"
    r"|(?:(?:故|所以|因此)[应應]?[选選](?:择|擇)?[:：]?|(?:最終的?な?)?(?:答え?|解答|回答|答案|正解|結論)[*_」】]*\s*(?:[:：=]|[是为為](?![不否什])|は(?=[^\n]*(?:です|である|だ|となる|となります|になる|になります|[\d\w)}$°%個通円])[。.．*\s]*$)))\s*(?P<japanese>.+)",
    re.IGNORECASE | re.MULTILINE,
)
_STATED = re.compile(
    r"\b(?=[acors])"
    + _NOT_WRONG
    + r"(?:answer|choice|option|solution|result|antwort|réponse|respuesta|risposta|resposta)[*_]*"
    r"(?: to (?:the|this) (?:question|problem)| correct[ae]| corretta| finale?)?"
    r" (?:ist|lautet|est|es|è|é|is|would be|must be|should be|will be|was|has to be|comes out to(?: be)?|turns out to be|equals)\b\s*:?\s*(.+)",
    re.IGNORECASE,
)
# A heading "Final Answer" with the answer on a short line of its own below.
_HEADED = re.compile(
    r"^[^\w\n]*(?:(?:final |exact |my )?answer|(?:最終)?(?:答え?|解答|回答))[^\w\n]*\n(?:[=-]{3,}\n)?\s*+(?:> )?(\S.{0,100})$",
    re.IGNORECASE | re.MULTILINE,
)
# "<answer>42</answer>", as some are trained to write it.
_TAGGED = re.compile(r"<(?:final_)?answer>\s*([^<]{1,400}?)\s*</(?:final_)?answer>", re.IGNORECASE)
# Mathematics displayed on lines of its own: it belongs to the line before.
_DISPLAYED = re.compile(r"(?<!\s)[ \t]*+\n\s*+(\$\$|\\\[)\s*([^\n]{1,400}?)\s*+(\$\$|\\\])")
# Tokens of chat templates: what is after one belongs to another turn.
_CHAT_TOKEN = re.compile(
    r"<\|(?:im_end|im_start|eot_id|end|endoftext|end_of_text|return|eom_id|eos|user|end_of_turn)\|>|</s>"
    r"|<(?:end_of_turn|eos|start_of_turn)>|<｜end▁of▁sentence｜>|<\|END_OF_TURN_TOKEN\|>|\[/?INST\]"
)
# Another question that a model of few-shot prompts goes on with.
_NEXT_QUESTION = re.compile(
    r"\n\s*(?:\*\*|#{1,4} ?)?(?:Q|Question|Problem|Exercise|Example|Human|User|Instruction|問題|問)(?: ?\d{1,3})?(?:\*\*)?\s*[:：.]",
    re.IGNORECASE,
)
# Between boxes that are one answer: nothing that takes back the first or draws a conclusion from it.
_CONCLUDES = re.compile(
    r"\b(?:so|thus|hence|therefore|then|final|finally|answer|total|wait|actually|no|hmm|oops|sorry|instead|rather|correct\w*|mistake"
    r"|which gives|giving|we (?:get|have|obtain|find)|implies|step|sum|product|because|since)\b|\n\s*\n.*\w{3}",
    re.IGNORECASE | re.DOTALL,
)
# What takes an answer back, and what it is instead: "wait, no: 15", "oops, it should be 15", "the correct answer is 15".
_RETRACTS = re.compile(
    r"(?:[.!?,;\n—–]|\bbut|\bhmm)\W{0,6}(?:hmm\W{1,6})?(?:no\W{1,6})?(?:wait|actually|oops|correction|scratch that|hold on"
    r"|on second thoughts?|sorry|no\W{1,3}(?:it|that))\b",
    re.IGNORECASE,
)
_INSTEAD = re.compile(
    r"\b(?:no\s*[:,]|should (?:be|have been)|must be|it(?:['’]s| is)|(?:answer|value|result|choice) is|that(?:['’]s| is))"
    r"\s*:?\s*([^\s,;][^,;\n]{0,60}?)(?=[.!?]?(?:\s+[A-Z]|\s*$)|[,;\n])",
    re.IGNORECASE,
)
# What an answer in words is taken back for: "Actually, Lyon."
_OTHER = re.compile(
    r"\W*(?:hmm\W+)?(?:wait|actually|no)\b\W{1,4}((?:\w[\w'’-]*+\s?){1,3})[.!]?\s*\Z", re.IGNORECASE
)
_KEPT = re.compile(
    r"\b(?:right|correct|fine|good|same|checks?|holds?|works?|done|confirmed|exact\w*)\b",
    re.IGNORECASE,
)
_RETRACTING = (
    "wait", "actually", "oops", "correction", "scratch that", "hold on", "thought", "sorry", "no",
)  # fmt: skip
_TAKEN_BACK = re.compile(
    r"\bno(?:\s*[:,.;!—]|\W{1,3}wait)|\b(?:wrong|incorrect|mistake\w*|error|miscalculat\w+|not (?:right|correct))\b",
    re.IGNORECASE,
)
# What makes of "the answer is …" a supposition.
_SUPPOSED = re.compile(
    r"\b(?:if|whether|unless|suppos\w+|assum\w+|(?:might|could|may|would) (?:\w+ )?(?:think|guess|say|expect|believe)|wonder\w*"
    r"|tempting to \w+)(?: that)?\s+(?:the|my|our|this)?\s*(?:\w+ )?$"
    r"|\b(?:angenommen|wenn|falls|supposons|si|supongamos|supponiamo)\b[^.!?\n]{0,40}$|(?:假设|假設|假如|如果|若|もし|仮に)[^。\n]{0,20}$",
    re.IGNORECASE,
)
# "If x were 5, the answer would be …"
_WERE = re.compile(r"\bif\b[^.!?\n]*\bwere\b[^.!?\n]*$", re.IGNORECASE)
# "The expected answer is 15, but I get 14."
_OTHERWISE = re.compile(r",? (?:but|however,?|while|whereas) (?:I|we|my|our)\b")
# An explanation after an answer: "A because …", "42. This is …", "14, which is even".
_EXPLANATION = re.compile(
    r",?\s+(?:because|since|as (?:it|the|this|required|desired|needed|claimed|expected|stated|shown|we))\b|\s+rather than\b|\s\(not \$?(?:-?\d|[A-Z]\))|(?<=[\w.%$)}])\*\*\s\(|\s+and not\b|,\s+(?:i\.e\.|that is|namely|completing)|(?:;\s(?=[A-Za-z]{2})|\s[–—]\s)(?!(?:or|and|alternatively|maybe|perhaps|possibly|also)\b)"
    r"|,\s+(?:which|who|whose|not|so|where|for|thus|hence|therefore|making|meaning|given|but(?! (?:also|only|if|when|unless|not (?:if|for|when|always)|never)\b)|while|and (?:not|this|that|it|so|we|the))\b"
    r"|(?<!\bDr)(?<!\bMr)(?<!\bSt)(?<!\bMrs)(?<!\b[A-Z])\.\**\s+(?=[A-Z])|。"
)
_LEAD = re.compile(
    r"^(?:\s|[*_])*(?:(?:therefore|thus|hence|then|so|indeed|exactly|precisely|simply|just|clearly|obviously|finally|also|now|only"
    r"|equal to|given by|as follows|found to be|of course|it['’]s|it is|donc|also|daher|entonces)\b[\s,:*_]*)+",
    re.IGNORECASE,
)
# What "the answer is …" goes on with where it does not give it.
_NO_ANSWER = re.compile(
    r"^(?:correct|incorrect|right|wrong|obvious|clear|known|unknown|not|that|to|in|on|at|of|as|by|from|for|with|when|if|what|how"
    r"|whether|the same|unique|undefined by|found|obtained|determined|based|also|still|given|expected|asked|required"
    r"|supposed|likely|probably|either|independent|a matter)\b(?!$)|^(?:correct|right|wrong|incorrect|clear|obvious)\b",
    re.IGNORECASE,
)
_PICTURES = re.compile("[\U0001f300-\U0001faff\u2705\u2713\u2714\ufe0f\u200b\ufeff]")
# The end of a proof.
_ENDS = re.compile(r"\s*(?:\$?\\(?:blacksquare|square|Box|qed)\b\$?|[∎■□]|\bQ\.?E\.?D\.?)\s*$")
_NAMED = re.compile(r"^(?:\\text(?:bf)?\s*\{)?\s*(?:final )?answer\s*:\s*\}?", re.IGNORECASE)


# "My first answer was 42, but the final answer is 43"
_AFTER_ALL = re.compile(
    r"\b(?:final|correct|right|actual|real|true) answer(?: (?:is|was|must be|should be)\b(?! not)\s*:?|\s*:)\s*(.+)",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])|\n")
# Another value that is offered beside an answer: "or maybe 5", "It could also be 5".
_BESIDE = re.compile(
    r"\b(?:or|alternatively|otherwise|maybe|possibly|perhaps|(?:could|might|may)(?: also| instead)? be|else)\b"
    r"[\s,:(]*(?:(?:maybe|possibly|perhaps|else|even|it(?:['’]s| is| could be| may be| might be)|also)\s+){0,3}"
    r"(\$?[-−]?\d[\w./^{}\\]*|\$[^$\n]{1,60}\$|\([A-Z]\)|[A-Z](?=\W*$))",
    re.IGNORECASE | re.MULTILINE,
)
_IN_JSON = re.compile(r'"((?:[^"\\]|\\.)+)"\s*[,}]|([-\w.]+)\s*\}\W*$')


_MARKS = (
    "answer", "####", "judg", "antwort", "réponse", "respuesta", "risposta", "resposta", "ответ", "정답", *"答解回正結选選",
)  # fmt: skip


class _Marked(NamedTuple):
    """Something that a response marks as its answer."""

    start: int
    rule: str
    text: str
    first: int = 0  # of boxes: where the first of the statement begins


def find_answer(response: str, question: str = "") -> tuple[str | None, str]:
    """The final answer of a response and the rule that found it: (None, why) where there is none.

    What is marked as one: the last of a line "Answer: …" (also `#### …`, "Judgment: …", <answer>) and of
    `\\boxed{…}`, several of which in one statement are one answer; else "the answer is …", else what is
    below a heading "Answer". What is said of the confidence is left out, and so is what follows: tokens of a chat template,
    another question. Then, from the last sentence of a response without any of these, if it is a short one that
    denies nothing: the formula that it ends with, the only number in it that the question does not already hold, or what
    is after its last verb ("The symbol of gold is Au.").

    >>> find_answer("So the answer is 42.")
    ('42', 'stated')
    """
    text = prepared(response)
    for part in (text[-TAIL:], text[-_FAR:]):
        if (found := _explicit(part)) is not None:
            return found
        if len(part) == len(text):
            break
    last = next((line for line in reversed(text[-TAIL:].splitlines()) if line.strip()), "")
    return concluded(last.strip(), question)


def stated_answer(text: str) -> str | None:
    """The final answer that a text marks as one ("Answer: …", `\\boxed{…}`, "the answer is …"), None
    where it marks none: nothing is concluded from a last sentence."""
    answer, rule = find_answer(text)
    return answer if rule in ("marked", "boxed", "stated", "headed") else None


def prepared(response: str) -> str:
    """A response as answers are looked for in it: its end, without what follows the answer, and an answer that is
    taken back replaced by what it is instead."""
    return _reconsidered(ended(response))


def ended(response: str) -> str:
    """The end of a response, without what follows the answer: tokens of a chat template, another question."""
    text = _ENDS.sub("", _PICTURES.sub("", response[-_FAR:]).strip())
    if "answer>" in text.lower():
        text = _TAGGED.sub(r"\nAnswer: \1\n", text)
    if (token := _CHAT_TOKEN.search(text)) is not None:
        text = (
            text[: token.start()] if text[: token.start()].strip() else _CHAT_TOKEN.sub(" ", text)
        )
    if "$$" in text or "\\[" in text:
        text = _DISPLAYED.sub(r" \1\2\3", text)
    text = without_confidence(text)
    for match in _NEXT_QUESTION.finditer(text):
        before = text[max(0, match.start() - TAIL) : match.start()]
        if _explicit(before) is not None:
            text = text[: match.start()]
            break
    return text


def _reconsidered(text: str) -> str:
    """A text that takes its answer back ("14. Wait, no: 15") with the one that it comes to, or without any."""
    tail = text[-TAIL:]
    low = tail.lower()
    if not any(word in low for word in _RETRACTING) or _RETRACTS.search(tail) is None:
        return text
    starts = [match.start() for mark in (_MARKED, BOX) for match in mark.finditer(tail)]
    starts = starts or [match.start(1) for match in _STATED.finditer(tail)]
    retraction = _RETRACTS.search(tail, max(starts)) if starts else None
    if retraction is None:
        return text
    rest = tail[retraction.start() :]
    taken_back = _TAKEN_BACK.search(rest)
    for match in reversed(list(_INSTEAD.finditer(rest))):
        answer = undelimited(trimmed(match[1]))
        called = taken_back or re.match("answer|choice", match[0], re.IGNORECASE)
        choice = called and re.fullmatch(r"\(?[A-Z]\)?", answer)
        if choice or (re.search(r"\d", answer) and (readable(answer) or quantity(answer))):
            return f"Answer: {answer}"
    if taken_back:
        return rest
    other = _OTHER.match(rest)
    return f"Answer: {other[1]}" if other and not _KEPT.search(other[1]) else text


def marked(text: str) -> list[_Marked]:
    """Everything that a text marks as its answer, but for boxes, in its order."""
    found = []
    low = text.lower()
    if any(word in low for word in _MARKS) or re.search(r"\bans\b", low):
        for match in _MARKED.finditer(text):
            content = next(group for group in match.groups() if group is not None)
            if match["japanese"] and _SUPPOSED.search(
                text[max(0, match.start() - 30) : match.start()]
            ):
                continue
            if (value := _IN_JSON.match(content)) is not None:
                content = value[1] or value[2]
            elif (later := _AFTER_ALL.search(content)) is not None:
                content = later[1]
            found.append(_Marked(match.start(), "marked", content))
    return found


def stated(text: str, *, named: bool = False) -> list[str]:
    """What a text says to be the answer in a sentence; `named`: only where it calls it the answer, and no result
    or solution, which may be that of a step."""
    found = []
    for match in _STATED.finditer(text):
        if named and not match[0].lower().startswith("answer"):
            continue
        before = text[max(0, match.start() - SENTENCE) : match.start()]
        asked = match[1].rstrip("* ").endswith("?")
        unreal = "would be" in match[0] and _WERE.search(before)
        apart = asked or unreal or _OTHERWISE.search(match[1])
        if not apart and not _SUPPOSED.search(before):
            content = (_AFTER_ALL.search(match[1]) or match)[1]
            found.append(_LEAD.sub("", re.sub(r"^not \S+ but ", "", content)))
    return found


def headed(text: str) -> list[str]:
    """What follows a heading that announces an answer, in the order of the text."""
    return list(_HEADED.findall(text))


def _explicit(text: str) -> tuple[str, str] | None:
    """The last thing in a text that is marked as its answer, and the rule."""
    found = marked(text)
    if boxed := _last_boxes(text):
        # A sentence that happens to hold "answer:" is none beside a box.
        found = [item for item in found if _solid(item.text) or boxes(item.text)]
        found = sorted([*found, boxed], key=lambda item: item.start)
    for item in reversed(found):
        if item.rule == "boxed":
            return item.text, "boxed"
        inner = boxes(item.text)
        if inner and boxed is not None:
            return boxed.text, "marked"
        answer = trimmed(item.text)
        if answer and sound(answer):
            return answer, "marked"
    for content in reversed(stated(text)):
        answer = trimmed(content)
        if answer and sound(answer) and not _NO_ANSWER.match(answer):
            return answer, "stated"
    for content in reversed(headed(text)):
        answer = trimmed(content)
        if answer and sound(answer):
            return answer, "headed"
    return None


def _last_boxes(text: str) -> _Marked | None:
    """The last box with all that are one statement with it: "x = [2] and x = [8]"."""
    found = [box for box in boxes(text) if clean(box[2])]
    if not found:
        return None
    last = len(found) - 1
    while last > 0 and _together(text[found[last - 1][1] : found[last][0]]):
        last -= 1
    if (
        other := re.match(
            r"[\s$)\\]{0,4}(?:or|text\s*\{\s*or\s*\})\s+([$\\\w.,-]+)", text[found[-1][1] :]
        )
    ) is not None:
        found.append((found[-1][0], found[-1][1], other[1]))
    contents = list(
        dict.fromkeys(
            joined_digits(clean(_NAMED.sub("", undelimited(box[2])))) for box in found[last:]
        )
    )
    if len(contents) <= 10:  # 1/2 and 0.5 are one
        contents = [
            item
            for at, item in enumerate(contents)
            if not any(same(item, o) for o in contents[:at])
        ]
    return _Marked(found[-1][0], "boxed", ", ".join(contents), found[last][0])


def other_answers(response: str) -> list[str]:
    """All that a response gives as a final answer in any place, the last one last: "Answer: …", boxes, "the answer
    is …", what it is taken back for, what is offered beside it ("4. Or maybe 5"). Boxes of one statement are one answer."""
    text = ended(response)
    answers = []
    for sentence in _SENTENCE_END.split(text):
        found = [*(item.text for item in marked(sentence)), *stated(sentence, named=True)]
        said = (trimmed(item) for item in found if not boxes(item))
        answers += [answer for answer in said if not _NO_ANSWER.match(answer)]
    if marks := [m.start() for mark in (_MARKED, BOX, _STATED) for m in mark.finditer(text)]:
        start = max(marks)
        # What is within the answer ("4 or 5") is compared with it.
        beside = [m for m in _BESIDE.finditer(text, start) if not any(m[0] in a for a in answers)]
        answers += [match[1] for match in beside]
    rest = text
    while (last := _last_boxes(rest)) is not None:
        answers.append(last.text)
        rest = rest[: last.first]
    if (changed := _reconsidered(text)) != text and (instead := _explicit(changed)) is not None:
        answers.append(instead[0])
    return [answer for answer in answers if answer and sound(answer)]


def _together(between: str) -> bool:
    return len(between) <= 80 and _CONCLUDES.search(between) is None and between.count("\n") <= 3


def last_boxes(text: str) -> str | None:
    """The contents of the last boxes of a text that are one statement, None where it has none."""
    found = _last_boxes(text)
    return found.text if found else None


def without_lead(text: str) -> str:
    """A text without "therefore", "exactly" and their like in front."""
    return _LEAD.sub("", text)


def without_explanation(text: str) -> str:
    """A text up to the words that begin to explain it."""
    return _EXPLANATION.split(text, maxsplit=1)[0]


def trimmed(text: str) -> str:
    """A final answer without what explains it and the words in front."""
    text = _LEAD.sub("", text)
    return clean(_LEAD.sub("", without_explanation(text)))


def _solid(text: str) -> bool:
    """Is this a formula, or a name or choice of few words?"""
    answer = trimmed(text)
    if not answer or not sound(answer):
        return False
    return (
        len(answer.split()) <= 3
        or readable(undelimited(answer))
        or quantity(undelimited(answer)) is not None
    )
