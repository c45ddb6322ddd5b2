"""Which marks a model tells its reasoning from its response by, read off its chat template (see `thinking`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from llmc_lib.errors import UserError
from llmc_lib.models.thinking import CHANNEL, THINK_CLOSE, THINK_OPEN, opens, split_reasoning

#: Where a tokenizer keeps its chat template.
TEMPLATES = ("chat_template.jinja", "chat_template.json", "tokenizer_config.json")


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
        return split_reasoning(text, opened=self.opened if opened is None else opened)


TAGS = ReasoningFormat("tags")


def reasoning_format(tokenizer: Any, variables: Mapping[str, Any] | None = None) -> ReasoningFormat:
    """The format that a tokenizer's chat template is made for; `variables` of the template, such as enable_thinking.

    Raises `UserError` where it has no chat template.
    """
    if not tokenizer.chat_template:
        raise UserError(
            f"{tokenizer.name_or_path}: its tokenizer has no chat template, so it cannot be asked; give "
            "a model that was trained to answer, or put a chat_template.jinja next to it"
        )
    # Several templates by name: the one for a plain conversation.
    template = tokenizer.get_chat_template()
    if CHANNEL in template:
        return ReasoningFormat("harmony", special=True, tokens=True)
    turns = [{"role": "user", "content": "probe"}]
    opening = tokenizer.apply_chat_template(
        turns, add_generation_prompt=True, tokenize=False, **(variables or {})
    )
    marks = {THINK_OPEN, THINK_CLOSE}
    added = tokenizer.added_tokens_decoder.values()
    return ReasoningFormat(
        "tags",
        opened=opens(opening),
        special=any(token.special for token in added if str(token) in marks),
        tokens=marks <= tokenizer.get_vocab().keys(),
    )


def format_of(folder: Path, variables: Mapping[str, Any] | None = None) -> ReasoningFormat:
    """The format of the model in a folder, with `variables` of its chat template. Raises `UserError` as `reasoning_format` does."""
    if not any(_speaks_of_marks(folder / name) for name in TEMPLATES):
        return TAGS
    from transformers import AutoTokenizer  # seconds to import

    return reasoning_format(AutoTokenizer.from_pretrained(folder), variables)


def _speaks_of_marks(file: Path) -> bool:
    text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    return THINK_OPEN in text or CHANNEL in text
