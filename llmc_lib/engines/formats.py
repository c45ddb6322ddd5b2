"""Where a model writes its reasoning: between `<think>` tags, in gpt-oss's channels, or nowhere.

gpt-oss writes messages, each in a channel (OpenAI's "harmony" format); its prompt ends in `<|start|>assistant`:

    <|channel|>analysis<|message|>reasoning<|end|><|start|>assistant<|channel|>final<|message|>response<|return|>

A model without any marks writes a response alone, which is what the rule for tags makes of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from llmc_lib.errors import UserError
from llmc_lib.prompts import THINK_CLOSE, THINK_OPEN, split_reasoning

_CHANNEL, _MESSAGE = "<|channel|>", "<|message|>"
#: Where a tokenizer keeps its chat template.
_TEMPLATES = ("chat_template.jinja", "chat_template.json", "tokenizer_config.json")
_BORDER = re.compile(r"<\|(start|end|return|call|channel)\|>")


@dataclass(frozen=True)
class ReasoningFormat:
    """How a model tells its reasoning from its response."""

    kind: Literal["tags", "harmony"]
    opened: bool = False  # the chat template opens the `<think>` block itself
    special: bool = False  # the marks are special tokens, which an engine leaves out unless told
    tokens: bool = False  # each mark is a token of its own, as vLLM's parsers want it

    @property
    def parser(self) -> str | None:
        """vLLM's reasoning parser that splits as `split` does; None: none does, and none is needed.

        For tags that the model opens itself there is none: what vLLM has takes an answer without tags
        for reasoning.
        """
        if self.kind == "harmony":
            return "openai_gptoss"
        return "deepseek_r1" if self.opened and self.tokens else None

    def split(self, text: str, *, opened: bool | None = None) -> tuple[str, str]:
        """A completion as (reasoning, response); nothing is lost but the marks and outer white space.

        `opened`: did this prompt end in an opened block? None: as the template commonly does.
        """
        if self.kind == "harmony" and _BORDER.search(text):
            return _split_harmony(text)
        return split_reasoning(text, opened=self.opened if opened is None else opened)


TAGS = ReasoningFormat("tags")


def reasoning_format(tokenizer: Any) -> ReasoningFormat:
    """The format that a tokenizer's chat template is made for.

    Raises `UserError` where it has no chat template.
    """
    if not tokenizer.chat_template:
        raise UserError(
            f"{tokenizer.name_or_path}: its tokenizer has no chat template, so it cannot be asked; give "
            "a model that was trained to answer, or put a chat_template.jinja beside it"
        )
    # Several templates by name: the one for a plain conversation.
    template = tokenizer.get_chat_template()
    if _CHANNEL in template:
        return ReasoningFormat("harmony", special=True, tokens=True)
    turns = [{"role": "user", "content": "probe"}]
    opening = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    marks = {THINK_OPEN, THINK_CLOSE}
    added = tokenizer.added_tokens_decoder.values()
    return ReasoningFormat(
        "tags",
        opened=opens(opening),
        special=any(token.special for token in added if str(token) in marks),
        tokens=marks <= tokenizer.get_vocab().keys(),
    )


def format_of(folder: Path) -> ReasoningFormat:
    """The format of the model in a folder. Raises `UserError` as `reasoning_format` does."""
    if not any(_speaks_of_marks(folder / name) for name in _TEMPLATES):
        return TAGS
    from transformers import AutoTokenizer  # seconds to import

    return reasoning_format(AutoTokenizer.from_pretrained(folder))


def _speaks_of_marks(file: Path) -> bool:
    text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    return THINK_OPEN in text or _CHANNEL in text


def opens(prompt: str) -> bool:
    """Does a prompt end in an opened `<think>` block?"""
    return prompt.rstrip().endswith(THINK_OPEN)


def _split_harmony(text: str) -> tuple[str, str]:
    """By channel: "final" is the response, and so is "commentary" that calls no tool, which is meant for
    the user; the rest is reasoning. A message without a channel, and words outside of messages, belong
    to the response. A header that was cut off is only a mark."""
    reasoning: list[str] = []
    response: list[str] = []
    role = ""
    pieces = _BORDER.split(text)
    for border, piece in zip(["", *pieces[1::2]], pieces[::2], strict=True):
        header, message, body = piece.partition(_MESSAGE)
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


def _joined(parts: list[str]) -> str:
    return "\n\n".join(part.strip() for part in parts if part.strip())
