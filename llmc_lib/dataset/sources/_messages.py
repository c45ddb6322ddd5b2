"""Conversations as published data sets write them, as turns of one form.

Read are lists of {role, content} (OpenAI's form, which TRL uses too) and of {from, value} (ShareGPT's), a
list as JSON text, a list of texts by user and assistant in turn (LIMA's), and one text of turns that begin
with "Human:" and "Assistant:" (hh-rlhf's). A content may come in parts, the reasoning in one of its own.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any, NamedTuple

from llmc_lib.dataset.sources._common import text
from llmc_lib.models.prompts import join
from llmc_lib.records import Message
from llmc_lib.store.json_reader import JsonError, loads

_ROLES = {
    "system": "system", "developer": "system", "user": "user", "human": "user", "prompter": "user",
    "assistant": "assistant", "gpt": "assistant", "model": "assistant", "bot": "assistant", "chatgpt": "assistant",
    "ai": "assistant",
}  # fmt: skip
_TURN = re.compile(r"(?:\A|\n\n)(Human|Assistant): ?")
_MUST_BE = "must be a list of messages with role and content (or from and value)"
# Where a message, or a part of one, has its reasoning, if apart from the content.
_REASONING = ("reasoning_content", "reasoning", "thinking")
_NAMES = (("role", "content"), ("from", "value"))
_SPOKEN = ("user", "assistant")


class Turns(NamedTuple):
    """A conversation up to the assistant's last turn."""

    history: tuple[Message, ...]
    prompt: str  # the last user turn
    completion: str  # "": the assistant has not answered
    fault: str = ""  # why it cannot be trained on


class NoMessages(ValueError):
    """A value that is no list of messages; the text says what it must be."""


def as_messages(value: Any) -> list[Any]:
    """A conversation as a list of messages, which may be JSON text, a list of texts or hh-rlhf's text of turns.
    Raises `NoMessages`."""
    if isinstance(value, str):
        if _TURN.match(value):
            parts = _TURN.split(value)
            pairs = zip(parts[1::2], parts[2::2], strict=True)
            return [{"role": role, "content": content} for role, content in pairs]
        with suppress(JsonError):
            value = loads(value)
    if value is None or isinstance(value, list):
        items = value or []
        if len(items) > 1 and all(isinstance(item, str) for item in items):
            return [{"role": _SPOKEN[n % 2], "content": item} for n, item in enumerate(items)]
        return items
    raise NoMessages(f"{_MUST_BE}, not {text(value)[:60]!r}; map a text as question or completion")


def as_part(value: Any) -> Any:
    """A prompt or a response as a list of messages where it is one (or a single message, or such a list as
    JSON text), and as it is where it is not."""
    if isinstance(value, str) and value.lstrip().startswith("[{"):
        try:
            found = loads(value)
        except JsonError:
            return value
        return found if all(map(_is_message, found)) else value
    if _is_message(value):
        return [value]
    return value


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and any(set(names) <= set(value) for names in _NAMES)


def turns(*values: Any) -> Turns:
    """The turns of a conversation, which may come in parts (a prompt, then the response).

    A part is a list of messages, or a text: the user's turn if it comes first, else the assistant's. The
    turns after the assistant's last one are left out: nothing answers them. Raises `NoMessages`.
    """
    messages: list[Message] = []
    try:
        for value in values:
            if isinstance(value, list):
                part = [_message(item) for item in value]
                # The whole conversation, as in many preference sets, and not what follows the prompt.
                messages = part if any(turn.role == "user" for turn in part) else messages + part
            elif content := text(value):
                messages.append(Message("assistant" if messages else "user", content))
    except _Unfit as unfit:
        return Turns((), "", "", str(unfit))
    return _split(messages)


class _Unfit(Exception):
    """A message that there is no way to train on."""


def _split(messages: list[Message]) -> Turns:
    answered = [n for n, turn in enumerate(messages) if turn.role == "assistant"]
    asked = [n for n, turn in enumerate(messages) if turn.role == "user"]
    if not asked:
        return Turns((), "", "", "no user turn")
    if not answered:
        return Turns(
            tuple(messages[: asked[-1]]), messages[asked[-1]].content, "", _order(messages)
        )
    kept = messages[: answered[-1] + 1]
    *history, prompt, completion = kept if len(kept) > 1 else [Message("", ""), *kept]
    return Turns(tuple(history), prompt.content, completion.content, _order(kept))


def _order(messages: list[Message]) -> str:
    """What is wrong with the order of the turns, "" where nothing is."""
    spoken = messages[1:] if messages[0].role == "system" else messages
    if any(turn.role != _SPOKEN[n % 2] for n, turn in enumerate(spoken)):
        return "turns of user and assistant do not alternate"
    return "an empty turn" if any(not turn.content.strip() for turn in spoken) else ""


def _message(item: Any) -> Message:
    # In Parquet, rows of both forms have all four columns.
    found = [names for names in _NAMES if isinstance(item, dict) and item.get(names[0]) is not None]
    if not found:
        raise NoMessages(f"{_MUST_BE}, not {text(item)[:60]!r}")
    who, what = found[0]
    given = text(item[who])
    role = _ROLES.get(given.strip().lower())
    if role is None:
        raise _Unfit(f"a turn of {given[:30]!r}: only system, user and assistant are trained on")
    if item.get("tool_calls") or item.get("function_call"):
        raise _Unfit("a call of a tool, which no turn here can hold")
    if what not in item:
        raise NoMessages(f"{_MUST_BE}, not {text(item)[:60]!r}")
    reasoning, content = _content(item[what])
    reasoning = next((text(item[name]) for name in _REASONING if item.get(name)), reasoning)
    return Message(role, join(reasoning, content) if role == "assistant" else content)


def _content(value: Any) -> tuple[str, str]:
    """The reasoning and the text of a message, whose content may come in parts."""
    if not isinstance(value, list):
        return "", text(value)
    reasoning, said = "", ""
    for part in value:
        if not isinstance(part, dict):
            said += text(part)
            continue
        kind = text(part.get("type")) or "text"
        if kind in _REASONING:
            inner = next((part[name] for name in (kind, "text") if part.get(name)), "")
            reasoning += _content(inner)[1]
        elif kind in ("text", "input_text", "output_text"):
            said += text(part.get("text"))
        else:
            raise _Unfit(f"a part of type {kind[:30]!r}: only text is trained on")
    return reasoning, said
