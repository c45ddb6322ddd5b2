"""How long an example is once it is put into the model's chat form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llmc_lib.hub import download
from llmc_lib.models import base_model
from llmc_lib.store import ROOT, Run

# Texts that are tokenized at a time: an encoding takes a hundred times the memory of its length.
_TOGETHER = 128


class ChatLength:
    """Counts the tokens of a user and an assistant turn in a model's own chat template."""

    def __init__(self, folder: Path) -> None:
        """`folder`: the model's, or one with its tokenizer alone."""
        self._folder = folder
        self._tokenizer: Any = None
        self._overhead: int | None = None

    # To another process goes the folder, not the tokenizer.
    def __getstate__(self) -> dict[str, Any]:
        return {"_folder": self._folder, "_tokenizer": None, "_overhead": self._overhead}

    def count(self, prompt: str, completion: str) -> int:
        """The number of tokens of the two turns, those of the template among them."""
        ids = self.tokenizer.apply_chat_template(_messages(prompt, completion), return_dict=True)
        return len(ids["input_ids"])

    def count_all(self, turns: Sequence[tuple[str, str]]) -> list[int]:
        """`count` for many pairs of turns, in less time."""
        fast = getattr(self.tokenizer, "backend_tokenizer", None)
        if fast is None:
            return [self.count(*pair) for pair in turns]
        counts: list[int] = []
        for start in range(0, len(turns), _TOGETHER):
            texts = [
                self.tokenizer.apply_chat_template(_messages(*pair), tokenize=False)
                for pair in turns[start : start + _TOGETHER]
            ]
            found = fast.encode_batch_fast(texts, add_special_tokens=False)
            counts += [len(encoding) for encoding in found]
        return counts

    def exceeds(self, prompt: str, completion: str, limit: int) -> bool:
        """Are the two turns longer than `limit` tokens?

        A token covers at least a byte, so that a text of fewer bytes need not be tokenized.
        """
        if self._overhead is None:
            self._overhead = self.count("", "")
        if len(prompt.encode()) + len(completion.encode()) + self._overhead <= limit:
            return False
        return self.count(prompt, completion) > limit

    @property
    def tokenizer(self) -> Any:
        """The tokenizer, loaded at first use."""
        if self._tokenizer is None:
            from transformers import AutoTokenizer  # seconds to import

            self._tokenizer = AutoTokenizer.from_pretrained(self._folder)
        return self._tokenizer


def _messages(prompt: str, completion: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}, {"role": "assistant", "content": completion}]


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
