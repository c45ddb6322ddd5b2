"""Conversations as published data sets write them, as turns of one form.

Read are lists of {role, content} (OpenAI's form, which TRL uses too) and of {from, value} (ShareGPT's), a
list as JSON text, and one text of turns that begin with "Human:" and "Assistant:" (hh-rlhf's).
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from llmc_lib import json_reader
from llmc_lib.dataset.sources._common import text
from llmc_lib.prompts import join
from llmc_lib.records import Message

_ROLES = {
    "system": "system", "developer": "system", "user": "user", "human": "user", "prompter": "user",
    "assistant": "assistant", "gpt": "assistant", "model": "assistant", "bot": "assistant", "chatgpt": "assistant",
}  # fmt: skip
_TURN = re.compile(r"(?:\A|\n\n)(Human|Assistant): ?")
_MUST_BE = "must be a list of messages with role and content (or from and value)"
# Where a message has its reasoning, if apart from the content.
_REASONING = ("reasoning_content", "reasoning", "thinking")


class Turns(NamedTuple):
    """A conversation up to the assistant's last turn."""

    history: tuple[Message, ...]
    prompt: str  # the last user turn
    completion: str  # "": the assistant has not answered
    fault: str = ""  # why it cannot be trained on


class NoMessages(ValueError):
    """A value that is no list of messages; the text says what it must be."""


def as_messages(value: Any) -> list[Any]:
    """A conversation as a list of messages, which may be JSON text or hh-rlhf's text of turns. Raises
    `NoMessages`."""
    if value is None or isinstance(value, list):
        return value or []
    if isinstance(value, str):
        if _TURN.match(value):
            parts = _TURN.split(value)
            pairs = zip(parts[1::2], parts[2::2], strict=True)
            return [{"role": role, "content": content.strip()} for role, content in pairs]
        try:
            found = json_reader.loads(value)
        except ValueError:
            found = None
        if isinstance(found, list):
            return found
    raise NoMessages(f"{_MUST_BE}, not {text(value)[:60]!r}; map a text as question or completion")


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
    wanted = ("user", "assistant")
    if any(turn.role != wanted[n % 2] for n, turn in enumerate(spoken)):
        return "turns of user and assistant do not alternate"
    return "an empty turn" if any(not turn.content.strip() for turn in spoken) else ""


def _message(item: Any) -> Message:
    names = ("role", "content") if isinstance(item, dict) and "role" in item else ("from", "value")
    if not isinstance(item, dict) or not all(name in item for name in names):
        raise NoMessages(f"{_MUST_BE}, not {text(item)[:60]!r}")
    given = text(item[names[0]])
    role = _ROLES.get(given.strip().lower())
    if role is None:
        raise _Unfit(f"a turn of {given[:30]!r}: only system, user and assistant are trained on")
    if item.get("tool_calls") or item.get("function_call"):
        raise _Unfit("a call of a tool, which no turn here can hold")
    content = _content(item[names[1]])
    reasoning = next((text(item[name]) for name in _REASONING if item.get(name)), "")
    return Message(role, join(reasoning, content) if role == "assistant" else content)


def _content(value: Any) -> str:
    """The text of a message, whose content may come in parts."""
    if not isinstance(value, list):
        return text(value)
    for part in value:
        if isinstance(part, dict) and part.get("type", "text") != "text":
            raise _Unfit(f"a part of type {text(part.get('type'))[:30]!r}: only text is trained on")
    return "".join(text(part["text"] if isinstance(part, dict) else part) for part in value)
