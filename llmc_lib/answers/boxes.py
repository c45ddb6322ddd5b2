r"""The boxes of a response: `\boxed{…}`, and the formula that one stands in."""

from __future__ import annotations

import re

from llmc_lib.answers.text import closing

_LONGEST = 2_000
BOX = re.compile(r"\\?\b(?:boxed|fbox|framebox)\s*(?=\{)|\\boxed\s*(?P<bare>\\?[\w.,/^-]+)")
# A sign in front of a box, which is no dash in front of an item nor a difference: "x = -[5]", "x = ±[3]"
_SIGN = re.compile(
    r"(?:[=$(]\s*|(?:^|[^\w)}\]\s])\s+|^|\n|\b[a-z]{2,} )((?:\\pm|±)\s*|[-−](?=$)|(?<=[=$(])[-−]\s*)$"
)
# A formula that a box is a part of: "2[5]", "3 + [4]", "[5]^2", "[5] \times 10^3", "[5]/2", "[5]\pi", "[5]x", "\sqrt{[5]}",
# "\frac{[5]}{2}", "e^{[5]}", "\log [5]".
# A degree or a unit after it is none, and the one of an equation that is filled in ("3 + [4] = 7") is not either.
_FRONT = re.compile(
    r"(?:^|[=\s$(])(e *\^ *|[-−]?\d+(?:\.\d+)?(?: *(?:\\cdot|\\times|[*+/^]) *)?|\d+(?:\.\d+)?[-−])\Z"
)
_BEHIND = re.compile(
    r"(?: *(?:\\pi(?![a-zA-Z])|\\sqrt\s*(?:\{[^{}]{1,30}\}|\d)|\\%|!(?=\s*\\?[$)\]]))|(?<=\})[abeiknpqrtxyz](?![\w'’])| *\^ *(?!\{?\s*(?:\\circ|°|\\prime))(?:\{[^{}$]{1,30}\}|\w)"
    r"| *(?:\\times|\\cdot|[*/+−-]) *(?:10\s*\^\s*(?:\{[^{}$]{1,30}\}|\d+)|\d+(?:\.\d+)?))+(?=\s*(?:\\?[$)\]]|[.,;]?(?:\s|$)))"
)
_COMMAND = re.compile(
    r"(?:\\(?:sqrt\s*(?:\[\w{1,3}\]\s*)?|[dt]?frac\s*(?:\{[^{}]{1,40}\}\s*|(?P<second>)))"
    r"|(?<![\w.\\])(?:e|\d{1,9})\s*\^\s*)\{\s*\Z"
)
_FUNCTION = re.compile(
    r"\\(?:ln|log|sin|cos|tan|exp)(?![a-zA-Z])\s*(?:_\s*(?:\{\w{1,3}\}|\w)\s*)?\Z"
)
# "[5] is wrong"
_DENIED = re.compile(
    r"[\s$)\]}\\*]{0,6}(?:(?:is|was) (?:not (?:right|correct|the )|wrong|incorrect|false|impossible)|(?:is|was)n['’]t (?:right|correct|the ))"
)
_NOT_EQUAL = re.compile(r"(?:\\neq?\b|≠|!=)\s*\Z")
_BRACES = re.compile(r"\\.|[{}]")
_BRACE = re.compile(r"\s*\{")
_EQUATION = re.compile(r"[^$\n.]{0,40}?(?<![<>!])=")


def boxes(text: str) -> list[tuple[int, int, str]]:
    r"""The contents of each closed `\boxed{…}` in a text (also `\boxed 14` and a lost backslash), with start and end."""
    found: list[tuple[int, int, str]] = []
    matches = list(BOX.finditer(text))
    closed = _closed(text, [match.end() for match in matches if not match["bare"]])
    for match in matches:
        if match["bare"]:
            found.append((match.start(), match.end(), match["bare"].rstrip(".,")))
            continue
        end = closed.get(match.end())
        front = text[max(0, match.start() - 10) : match.start()]
        if (
            end is None
            or end > match.end() + _LONGEST
            or _DENIED.match(text, end)
            or _NOT_EQUAL.search(front)
        ):
            continue
        box = match.start(), end, text[match.end() + 1 : end - 1]
        for _ in range(3):  # \frac{\sqrt{[5]}}{2}
            wider = _in_formula(text, *box)
            if wider == box:
                break
            box = wider
        found.append(box)
    # Of boxes in boxes the innermost.
    return (
        [box for box in found if not any(box[0] < o[0] and o[1] <= box[1] for o in found[:200])]
        if len(found) < 200
        else found
    )


def _closed(text: str, braces: list[int]) -> dict[int, int]:
    """Where braces from the first of these to the last are closed, and those between: place → the index after it. All in one go,
    as those of boxes in boxes are the same."""
    closed: dict[int, int] = {}
    opened: list[int] = []
    for match in _BRACES.finditer(text, braces[0], braces[-1] + _LONGEST) if braces else ():
        if match[0] == "{":
            opened.append(match.start())
        elif match[0] == "}" and opened:
            closed[opened.pop()] = match.end()
            if not opened and braces[-1] in closed:
                break
    return closed


def _in_formula(text: str, start: int, end: int, content: str) -> tuple[int, int, str]:
    """A box with its sign, and with the formula that it is a part of."""
    front = text[max(0, start - 60) : start]
    if sign := _SIGN.search(front[-20:]):
        return start - len(sign[1]), end, f"{sign[1]}{content}"
    near = text[: end + _LONGEST]
    if (command := _COMMAND.search(front)) and (last := closing(near, end)) is not None:
        if command["second"] is not None and (other := _BRACE.match(near, last)) is not None:
            last = closing(near, other.end()) or last
        return start - len(command[0]), last, f"{command[0]}{content}{text[end:last]}"
    if function := _FUNCTION.search(front):
        return start - len(function[0]), end, f"{function[0]}({content})"
    before, after = _FRONT.search(front), _BEHIND.match(text, end)
    if (before is None and after is None) or _EQUATION.match(text, after.end() if after else end):
        return start, end, content
    whole = content if re.fullmatch(r"[\w.]*", content) else f"({content})"
    factor = re.sub(r"(?<=\d)$", r" \\cdot ", before[1]) if before else ""
    return (
        start - len(before[1] if before else ""),
        after.end() if after else end,
        f"{factor}{whole}{after[0] if after else ''}",
    )
