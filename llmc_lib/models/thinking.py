"""Where a completion has its reasoning: between tags, in gpt-oss's channels, or nowhere.

Tags: `<think>` (DeepSeek-R1, Qwen3), `<thinking>`, `<|START_THINKING|>` (Command A), `[THINK]` (Magistral), `◁think▷` (Kimi),
`<|begin_of_thought|>` (Sky-T1, OpenThinker), `<seed:think>` (Seed-OSS) and their like. gpt-oss writes messages, each in a channel (OpenAI's "harmony" format);
its prompt ends in `<|start|>assistant`:

    <|channel|>analysis<|message|>reasoning<|end|><|start|>assistant<|channel|>final<|message|>response<|return|>

Where an engine has left out its special tokens that reads "analysisreasoningassistantfinalresponse".
"""

from __future__ import annotations

import re

THINK_OPEN, THINK_CLOSE = "<think>", "</think>"
#: The special tokens of harmony that a template for it holds.
CHANNEL, MESSAGE = "<|channel|>", "<|message|>"
# Names of such blocks, between whatever brackets: <think>, [THINK], <|START_THINKING|>, <seed:think>, </chain_of_thought>.
_NAME = r"(?:\w{1,12}[:_])?(?:think(?:ing)?|thoughts?|reason(?:ing)?|reflections?|analysis|scratchpad|inner_monologue)(?:_fast)?\s?"
_OPEN = re.compile(
    rf"<\|?(?!end_){_NAME}\|?>|\[THINK\]|◁think▷|<unused94>thought|<\|channel>thought",
    re.IGNORECASE,
)
_CLOSE = re.compile(
    rf"<(?:/|\|/|\|end_(?:of_)?){_NAME}\|?>|\[/THINK\]|◁/think▷|<unused95>|<channel\|>",
    re.IGNORECASE,
)
# An opening tag in the middle of a text begins a block where it begins a line.
_OPEN_LINE = re.compile(rf"^[ \t]*(?:{_OPEN.pattern})", re.IGNORECASE | re.MULTILINE)
_SOLUTION = re.compile(r"<\|(?:begin|end)_of_solution\|>")
_BORDER = re.compile(r"<\|(start|end|return|call|channel)\|>")
_BARE_HARMONY = re.compile(r"^(?:assistant)?analysis(?=[^\s.,:;!?)'’-])")
_BARE_FINAL = re.compile(r"assistant(?:commentary)?final(?=\S)")


def split_reasoning(text: str, *, opened: bool = False) -> tuple[str, str]:
    """Split a completion into (reasoning, response); nothing is lost but the marks and outer white space.

    A model that never closes its block has reasoned and not answered: the response is what it wrote in front of the
    block, commonly nothing. Some chat templates put the opening tag into the prompt (`opened`, see `opens`), so a lone
    closing tag counts. Without any tag everything is response, or reasoning where the block was opened.
    """
    if _is_harmony(text):
        return _split_harmony(text, opened)
    if (bare := _BARE_HARMONY.match(text.lstrip())) is not None:
        reasoning, final, response = _partition(_BARE_FINAL, text.lstrip()[bare.end() :])
        return reasoning.strip(), response.strip() if final else ""
    closings = list(_CLOSE.finditer(text))
    if closings:
        last = closings[-1]
        before, after = text[: last.start()], text[last.end() :]
        shown, _, cut = _partition(_OPEN_LINE, _SOLUTION.sub("", after))
        return _joined([_OPEN.sub("", before, count=1), cut]), shown.strip()
    if opened:
        return _OPEN.sub("", text, count=1).strip(), ""
    head, tag, rest = _partition(_OPEN_LINE, text)
    return (rest.strip(), head.strip()) if tag else ("", text.strip())


def unclosed(text: str) -> bool:
    """Does a completion hold an opening tag and no closing one, or channels without anything for the user?"""
    if _is_harmony(text) or _BARE_HARMONY.match(text.lstrip()):
        return not split_reasoning(text)[1]
    return _OPEN.search(text) is not None and _CLOSE.search(text) is None


def opens(prompt: str) -> bool:
    """Does a prompt end in an opened block of reasoning?"""
    end = prompt.rstrip()
    last = _OPEN.search(end, max(0, len(end) - 40))
    return end.endswith(f"{CHANNEL}analysis{MESSAGE}") or (
        last is not None and last.end() == len(end)
    )


def _is_harmony(text: str) -> bool:
    return _BORDER.search(text) is not None and (CHANNEL in text or MESSAGE in text)


def _split_harmony(text: str, opened: bool) -> tuple[str, str]:
    """By channel: "final" is the response, and so is "commentary" that calls no tool, which is meant for
    the user; the rest is reasoning. A message without a channel, and words outside of messages, belong
    to the response, or to the reasoning where the prompt opened it. A header that was cut off is only a mark."""
    reasoning: list[str] = []
    response: list[str] = []
    role = ""
    pieces = _BORDER.split(text)
    if opened:
        reasoning.append(pieces[0])
        pieces[0] = ""
    for border, piece in zip(["", *pieces[1::2]], pieces[::2], strict=True):
        header, message, body = piece.partition(MESSAGE)
        if border == "channel":
            channel = header.split()[0] if header.split() else ""
            calls = "to=" in role + header
            shown = channel == "final" or (channel == "commentary" and not calls)
            (response if shown else reasoning).append(body)
        elif border == "start":
            role = header
            response.append(body)
        else:
            role = ""
            response.append(body if message and not header.strip() else piece)
    return _joined(reasoning), _joined(response)


def _partition(pattern: re.Pattern[str], text: str) -> tuple[str, str, str]:
    match = pattern.search(text)
    return (text[: match.start()], match[0], text[match.end() :]) if match else (text, "", "")


def _joined(parts: list[str]) -> str:
    return "\n\n".join(part.strip() for part in parts if part.strip())
