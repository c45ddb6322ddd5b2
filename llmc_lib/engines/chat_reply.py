"""What an OpenAI-compatible server replies, read with distrust: it may be anything."""

from __future__ import annotations

from typing import Any, NamedTuple

from llmc_lib.engines.endpoints import Endpoint, Reply
from llmc_lib.records import writable
from llmc_lib.store import json_reader
from llmc_lib.store.json_reader import JsonError

#: Fields of a message that hold what the model wrote; null where it wrote nothing.
_TEXTS = ("content", "refusal", "reasoning", "reasoning_content")
_FINISH_REASONS = ("stop", "length", "content_filter")


class AgainError(Exception):
    """Not answered, and worth another try."""

    def __init__(self, problem: str, rest: float | None = None, *, counts: bool = True) -> None:
        super().__init__(problem)
        self.rest = rest  # seconds that the server asked for
        self.counts = counts  # as a try; not where the server had only too much to do


class Choice(NamedTuple):
    """A chat completion."""

    message: dict[str, Any]
    reason: str
    usage: dict[str, Any]
    fingerprint: str  # which configuration of the server answered; "" where it does not say


def choice_of(endpoint: Endpoint, reply: Reply) -> Choice:
    """The chat completion in a reply. Raises `AgainError` where it is none."""
    try:
        found = json_reader.loads(reply.body)
        choice = found["choices"][0]
        message, reason = choice["message"], choice.get("finish_reason")
        usage = found.get("usage") or {}
        if not isinstance(message, dict) or not isinstance(usage, dict):
            raise TypeError
        if any(not isinstance(message.get(name, ""), str | None) for name in _TEXTS):
            raise TypeError
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        start = endpoint.plain(reply.body[:200].decode(errors="replace"))
        raise AgainError(f"the reply is no chat completion: {start}") from None
    if reason in ("abort", "error"):  # the server ended it
        raise AgainError(f"the server broke the completion off ({reason})")
    fingerprint = endpoint.plain(text_of(found.get("system_fingerprint")))
    return Choice(message, reason if reason in _FINISH_REASONS else "stop", usage, fingerprint)


def complaint_of(body: bytes) -> tuple[str, str]:
    """The message of an error reply, and the parameter that the server does not take, or ""."""
    text = body[:10_000].decode(errors="replace")
    try:
        found = json_reader.loads(text)
    except JsonError:
        return text, ""
    error = found.get("error", found) if isinstance(found, dict) else found
    if not isinstance(error, dict):
        return str(error), ""
    said = error.get("message") or error.get("detail") or text
    unsupported = error.get("code") in ("unsupported_parameter", "unsupported_value")
    return str(said), str(error.get("param")) if unsupported else ""


def text_of(value: Any) -> str:
    """A text that can be written as UTF-8; "" for what is none."""
    return writable(value) if isinstance(value, str) else ""


def count_of(value: Any) -> int:
    """A number of tokens; 0 for what can be none."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and 0 <= value < 2**31 else 0
