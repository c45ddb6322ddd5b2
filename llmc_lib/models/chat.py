"""An example in the model's own chat form: the tokens that training sees, and how many there are."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

from llmc_lib.models import prompts
from llmc_lib.models.hub import download
from llmc_lib.models.resolve import base_model
from llmc_lib.records import Dialogue, Loss, Message
from llmc_lib.store import ROOT, Run

# Texts that are tokenized at a time: an encoding takes a hundred times the memory of its length.
_TOGETHER = 128
# Words that no template changes, to see what it makes of a turn.
_PROBE = prompts.completion("probe-reasoning", "probe-answer", "probe-response")
_MARK = "probe-5f3c9e7a"
_SPECIAL = re.compile(r"\s*<[^<>\s]{1,40}>")
_EMPTY = re.compile(rf"{prompts.THINK_OPEN}\s*{prompts.THINK_CLOSE}\s*\Z")
_NOTHING = re.compile(r"(?!)")


class Encoded(NamedTuple):
    """The tokens of a conversation, and where in them the turns begin and end that are learnt."""

    ids: list[int]
    learnt: list[tuple[int, int]]

    def labels(self, ignored: int) -> list[int]:
        """The ids that are learnt, and `ignored` for all others."""
        labels = [ignored] * len(self.ids)
        for start, end in self.learnt:
            labels[start:end] = self.ids[start:end]
        return labels


class ChatFormat:
    """Conversations in a model's own chat template, reasoning included.

    What comes before the completion is what the model is given when it is asked, to the last token;
    what follows it is the token that ends its turn, and nothing more. Templates differ in where they
    want reasoning: in the content ("<think>…</think>", Qwen3), in a field of its own (gpt-oss), or
    nowhere, as they cut it out of earlier turns (DeepSeek-R1's). In the last case the completion is put
    between the two halves of the template, so that no reasoning is lost. An empty block that a template
    opens for a model that is not to reason ("<think></think>") makes room for the completion's own.

    The methods take the fields of a `Dialogue`. Where the loss is on all turns of the assistant, each is
    written as if it were the last one, reasoning included, and what the template puts between turns is
    put between them; where it is on the last one, the template decides what is left of the earlier ones.
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

    def encode(
        self,
        prompt: str,
        completion: str,
        history: Sequence[Message] = (),
        loss: Loss = "last",
    ) -> Encoded:
        """The tokens of all turns."""
        pieces = self._pieces(prompt, completion, history, loss)
        text = "".join(pieces)
        ids, ends = self._ids(text), []
        for end in itertools.accumulate(map(len, pieces[:-1])):
            before = self._ids(text[:end])
            if ids[: len(before)] != before:
                break  # a token that spans the border would not be there when the model is asked
            ends.append(len(before))
        else:
            ends.append(len(ids))
        if len(ends) < len(pieces):
            parts = [self._ids(piece) for piece in pieces]
            ids = [token for part in parts for token in part]
            ends = list(itertools.accumulate(map(len, parts)))
        return Encoded(ids, list(zip(ends[::2], ends[1::2], strict=True)))

    def count(
        self,
        prompt: str,
        completion: str,
        history: Sequence[Message] = (),
        loss: Loss = "last",
    ) -> int:
        """The number of tokens of all turns, those of the template among them."""
        return len(self.encode(prompt, completion, history, loss).ids)

    def count_all(self, dialogues: Sequence[Dialogue | tuple[str, str]]) -> list[int]:
        """`count` for many conversations, in less time."""
        fast = getattr(self.tokenizer, "backend_tokenizer", None)
        counts: list[int] = []
        for start in range(0, len(dialogues), _TOGETHER):
            some = dialogues[start : start + _TOGETHER]
            pieces = [self._pieces(*dialogue) for dialogue in some]
            # Where no token can span the border, the whole has as many tokens as its parts.
            whole = [bool(fast) and len(p) == 2 and self._parted(*p) for p in pieces]
            texts = ["".join(p) for p, at_once in zip(pieces, whole, strict=True) if at_once]
            found = (
                fast.encode_batch_fast(texts, add_special_tokens=False) if fast and texts else []
            )
            lengths = iter(found)
            counts += [
                len(next(lengths)) if at_once else self.count(*dialogue)
                for dialogue, at_once in zip(some, whole, strict=True)
            ]
        return counts

    def exceeds(self, dialogue: Dialogue, limit: int) -> bool:
        """Are the turns longer than `limit` tokens?

        A token covers at least a byte, so that a text of fewer bytes need not be tokenized.
        """
        texts = [dialogue.prompt, dialogue.completion, *(turn.content for turn in dialogue.history)]
        around = self._overhead * (1 + len(dialogue.history))
        if sum(len(text.encode()) for text in texts) + around <= limit:
            return False
        return self.count(*dialogue) > limit

    def opening(self, prompt: str, history: Sequence[Message] = ()) -> str:
        """What the model is given when it is asked."""
        return self._given([*history, Message("user", prompt)])

    def text(
        self,
        prompt: str,
        completion: str,
        history: Sequence[Message] = (),
        loss: Loss = "last",
    ) -> str:
        """All turns as text, up to the token that ends the assistant's last one."""
        return "".join(self._pieces(prompt, completion, history, loss))

    def _pieces(
        self,
        prompt: str,
        completion: str,
        history: Sequence[Message] = (),
        loss: Loss = "last",
    ) -> list[str]:
        """The text in pieces: what is given, what is learnt, what is given next, …"""
        turns = [*history, Message("user", prompt), Message("assistant", completion)]
        answers = [n for n, turn in enumerate(turns) if turn.role == "assistant"]
        pieces: list[str] = []
        for number, answer in enumerate(answers):
            if loss == "last" and answer != answers[-1]:
                continue
            before = turns[:answer]
            content = turns[answer].content
            # An empty block that the template opens makes room for the completion's own.
            empty = _EMPTY if prompts.split_reasoning(content)[0] else _NOTHING
            opening = empty.sub("", self._given(before))
            tail = self._tail(opening, before, content)
            if pieces:
                opening = empty.sub("", self._between(before, answers[number - 1]))
            pieces += [opening, tail]
        return pieces

    def _tail(self, opening: str, before: list[Message], completion: str) -> str:
        """What the model is to write after the opening, to the token that ends its turn."""
        if self._way != "joined":
            last = _assistant(completion, self._way)
            whole = self._render([*self._messages(before), last])
            if whole.startswith(opening):
                tail = whole[len(opening) :]
                _, response = prompts.split_reasoning(completion)
                end = tail.find(self._end, tail.rfind(response) + len(response))
                if end >= 0 and _holds(tail, completion, self._way):
                    return tail[: end + len(self._end)]
        if opening.rstrip().endswith(prompts.THINK_OPEN):  # the template opens the block itself
            if prompts.THINK_CLOSE in completion:
                completion = completion.removeprefix(prompts.THINK_OPEN).lstrip("\n")
            else:
                completion = f"\n{prompts.THINK_CLOSE}\n\n{completion}"
        return completion + self._end

    def _between(self, before: list[Message], answer: int) -> str:
        """What the template puts between the end of an assistant's turn and the next one."""
        turns = [*before[:answer], Message("assistant", _MARK), *before[answer + 1 :]]
        behind = self._given(turns).rpartition(_MARK)[2]
        # Some end an earlier turn by another token than the last one (gpt-oss).
        if behind.lstrip().startswith(self._end):
            return behind.partition(self._end)[2]
        return _SPECIAL.sub("", behind, count=1)

    def _parted(self, before: str, after: str) -> bool:
        """Is it sure that no token spans the border of two texts? No tokenizer here joins a line break
        with a letter, nor anything with a special token."""
        if before.endswith(self._specials):
            return True
        return before.endswith("\n") and not after[:1].isspace()

    @cached_property
    def _way(self) -> Literal["content", "fields", "joined"]:
        """Where the template wants reasoning."""
        # Fields first: gpt-oss's template takes tags in the content for words of the response.
        ways: tuple[Literal["content", "fields"], ...] = ("fields", "content")
        for way in ways:
            whole = self._render([_user("probe"), _assistant(_PROBE, way)])
            opening = self._render([_user("probe")], add_generation_prompt=True)
            if whole.startswith(opening) and _holds(whole[len(opening) :], _PROBE, way):
                return way
        return "joined"

    @cached_property
    def _takes_system(self) -> bool:
        """Has the template a system turn? Where it has none (Gemma's refuses one), or drops it, the text goes
        into the first user turn."""
        from jinja2 import TemplateError

        try:
            system = {"role": "system", "content": _MARK}
            return _MARK in self._render([system, _user("probe")], add_generation_prompt=True)
        except TemplateError:
            return False

    @cached_property
    def _specials(self) -> tuple[str, ...]:
        return tuple(self.tokenizer.all_special_tokens)

    @cached_property
    def _end(self) -> str:
        """The special token that ends the assistant's turn."""
        whole = self._render([_user("probe"), {"role": "assistant", "content": "probe-response"}])
        behind = whole.rpartition("probe-response")[2]
        special = [token for token in self._specials if token in behind]
        return min(special, key=behind.index) if special else str(self.tokenizer.eos_token)

    @cached_property
    def _overhead(self) -> int:
        """No fewer tokens than the template itself has."""
        return self.count("", _PROBE)

    def _given(self, turns: Sequence[Message]) -> str:
        return self._render(self._messages(turns), add_generation_prompt=True)

    def _messages(self, turns: Sequence[Message]) -> list[dict[str, str]]:
        if turns[0].role == "system" and not self._takes_system:
            system, first, *others = turns
            both = f"{system.content}\n\n{first.content}"
            turns = [Message(first.role, both), *others]
        return [
            _assistant(turn.content, self._way) if turn.role == "assistant" else turn._asdict()
            for turn in turns
        ]

    def _render(self, messages: list[dict[str, str]], **settings: Any) -> str:
        return str(self.tokenizer.apply_chat_template(messages, tokenize=False, **settings))

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids


def _user(prompt: str) -> dict[str, str]:
    return {"role": "user", "content": prompt}


def _assistant(completion: str, way: Literal["content", "fields", "joined"]) -> dict[str, str]:
    reasoning, response = prompts.split_reasoning(completion)
    if way != "fields" or not reasoning:
        return {"role": "assistant", "content": completion}
    # The field has one name in gpt-oss's template and another in those of vLLM's parsers.
    fields = {"thinking": reasoning, "reasoning_content": reasoning}
    return {"role": "assistant", "content": response, **fields}


def _holds(tail: str, completion: str, way: Literal["content", "fields", "joined"]) -> bool:
    """Has the template left the completion whole in what comes after the opening?"""
    reasoning, response = prompts.split_reasoning(completion)
    if reasoning and _EMPTY.search(
        tail.partition(reasoning)[0].removesuffix("\n").removesuffix(prompts.THINK_OPEN)
    ):
        return False
    if way == "content" or not reasoning:
        said = completion.removeprefix(prompts.THINK_OPEN)
        # A template that opens the block itself may do so with other white space.
        return (completion if said == completion else said.lstrip("\n")) in tail
    before, found, after = tail.rpartition(reasoning)
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
