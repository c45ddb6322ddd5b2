"""An example in the model's own chat form: the tokens that training sees, and how many there are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

from llmc_lib import prompts
from llmc_lib.hub import download
from llmc_lib.models import base_model
from llmc_lib.store import ROOT, Run

# Texts that are tokenized at a time: an encoding takes a hundred times the memory of its length.
_TOGETHER = 128
# Words that no template changes, to see what it makes of a turn.
_PROBE = prompts.completion("probe-reasoning", "probe-answer", "probe-response")
_EMPTY = re.compile(rf"{prompts.THINK_OPEN}\s*{prompts.THINK_CLOSE}\s*\Z")


class Encoded(NamedTuple):
    """The tokens of two turns, of which the first `prompt_tokens` are what the model is given."""

    ids: list[int]
    prompt_tokens: int


class ChatFormat:
    """A user and an assistant turn in a model's own chat template, reasoning included.

    What comes before the completion is what the model is given when it is asked, to the last token;
    what comes behind it is the token that ends its turn, and nothing more. Templates differ in where
    they want reasoning: in the content ("<think>…</think>", Qwen3), in a field of its own (gpt-oss),
    or nowhere, as they cut it out of earlier turns (DeepSeek-R1's). In the last case the completion is
    put between the two halves of the template, so that no reasoning is lost. An empty block that a template
    opens for a model that is not to reason ("<think></think>") makes room for the completion's own, if it has one.
    """

    def __init__(self, folder: Path) -> None:
        """`folder`: the model's, or one with its tokenizer alone."""
        self._folder = folder

    # To another process goes the folder, not the tokenizer.
    def __getstate__(self) -> dict[str, Any]:
        return {"_folder": self._folder}

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer, loaded at first use."""
        from transformers import AutoTokenizer  # seconds to import

        return AutoTokenizer.from_pretrained(self._folder)

    def encode(self, prompt: str, completion: str) -> Encoded:
        """The tokens of both turns."""
        opening, whole = self._before(prompt, completion), self.text(prompt, completion)
        if not whole.startswith(opening):
            whole = self._joined(prompt, completion)
        ids, given = self._ids(whole), self._ids(opening)
        if ids[: len(given)] != given:
            # A token that spans the border would not be there when the model is asked.
            ids = given + self._ids(whole[len(opening) :])
        return Encoded(ids, len(given))

    def count(self, prompt: str, completion: str) -> int:
        """The number of tokens of the two turns, those of the template among them."""
        return len(self._ids(self.text(prompt, completion)))

    def count_all(self, turns: Sequence[tuple[str, str]]) -> list[int]:
        """`count` for many pairs of turns, in less time."""
        fast = getattr(self.tokenizer, "backend_tokenizer", None)
        if fast is None:
            return [self.count(*pair) for pair in turns]
        counts: list[int] = []
        for start in range(0, len(turns), _TOGETHER):
            texts = [self.text(*pair) for pair in turns[start : start + _TOGETHER]]
            found = fast.encode_batch_fast(texts, add_special_tokens=False)
            counts += [len(encoding) for encoding in found]
        return counts

    def exceeds(self, prompt: str, completion: str, limit: int) -> bool:
        """Are the two turns longer than `limit` tokens?

        A token covers at least a byte, so that a text of fewer bytes need not be tokenized.
        """
        if len(prompt.encode()) + len(completion.encode()) + self._overhead <= limit:
            return False
        return self.count(prompt, completion) > limit

    def opening(self, prompt: str) -> str:
        """What the model is given when it is asked."""
        return self._render([_user(prompt)], add_generation_prompt=True)

    def text(self, prompt: str, completion: str) -> str:
        """Both turns as text, up to the token that ends the assistant's."""
        if self._way != "joined":
            whole = self._render([_user(prompt), _assistant(completion, self._way)])
            _, response = prompts.split_reasoning(completion)
            end = whole.find(self._end, whole.rfind(response) + len(response))
            if end >= 0 and _holds(whole, completion, self._way):
                return whole[: end + len(self._end)]
        return self._joined(prompt, completion)

    @cached_property
    def _way(self) -> Literal["content", "fields", "joined"]:
        """Where the template wants reasoning."""
        # Fields first: gpt-oss's template takes tags in the content for words of the response.
        ways: tuple[Literal["content", "fields"], ...] = ("fields", "content")
        for way in ways:
            whole = self._render([_user("probe"), _assistant(_PROBE, way)])
            if whole.startswith(self.opening("probe")) and _holds(whole, _PROBE, way):
                return way
        return "joined"

    @cached_property
    def _end(self) -> str:
        """The special token that ends the assistant's turn."""
        whole = self._render([_user("probe"), {"role": "assistant", "content": "probe-response"}])
        behind = whole.rpartition("probe-response")[2]
        special = [token for token in self.tokenizer.all_special_tokens if token in behind]
        return min(special, key=behind.index) if special else str(self.tokenizer.eos_token)

    @cached_property
    def _overhead(self) -> int:
        """No fewer tokens than the template itself has."""
        return self.count("", _PROBE)

    def _before(self, prompt: str, completion: str) -> str:
        """The opening, without an empty block where the completion has one of its own."""
        opening = self.opening(prompt)
        reasoning, _ = prompts.split_reasoning(completion)
        return _EMPTY.sub("", opening) if reasoning else opening

    def _joined(self, prompt: str, completion: str) -> str:
        opening = self._before(prompt, completion)
        if opening.rstrip().endswith(prompts.THINK_OPEN):  # the template opens the block itself
            completion = completion.removeprefix(prompts.THINK_OPEN).lstrip("\n")
        return opening + completion + self._end

    def _render(self, messages: list[dict[str, str]], **settings: Any) -> str:
        return str(self.tokenizer.apply_chat_template(messages, tokenize=False, **settings))

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids


def _user(prompt: str) -> dict[str, str]:
    return {"role": "user", "content": prompt}


def _assistant(completion: str, way: Literal["content", "fields"]) -> dict[str, str]:
    reasoning, response = prompts.split_reasoning(completion)
    if way == "content" or not reasoning:
        return {"role": "assistant", "content": completion}
    # The field has one name in gpt-oss's template and another in those of vLLM's parsers.
    fields = {"thinking": reasoning, "reasoning_content": reasoning}
    return {"role": "assistant", "content": response, **fields}


def _holds(whole: str, completion: str, way: Literal["content", "fields"]) -> bool:
    """Has the template left the completion whole?"""
    reasoning, response = prompts.split_reasoning(completion)
    if reasoning and _EMPTY.search(
        whole.partition(reasoning)[0].removesuffix("\n").removesuffix(prompts.THINK_OPEN)
    ):
        return False
    if way == "content" or not reasoning:
        # A template that opens the block itself may do so with other white space.
        return completion.removeprefix(prompts.THINK_OPEN).lstrip("\n") in whole
    before, found, after = whole.rpartition(reasoning)
    return bool(found) and response in after and prompts.THINK_CLOSE not in before


def tokenizer_folder(run: Run) -> Path:
    """A folder with the tokenizer of the run's base model; of a hub model only its small files are
    fetched."""
    source, revision = run.params.model.source, run.params.model.revision
    if source == "embedded" or (ROOT / source).is_dir():
        return base_model(run).folder
    patterns = [
        "tokenizer*",
        "*.model",
        "*.jinja",
        "vocab*",
        "merges*",
        "special_tokens*",
        "config.json",
    ]
    where = f"{run.params_file.name}: model.source: {source}@{revision}"
    return download(source, revision, patterns, where=where)
