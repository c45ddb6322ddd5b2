"""The rows of a data set as the prompts that GRPOTrainer samples from."""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
from datasets import Dataset

from llmc_lib.models.chat import ChatFormat
from llmc_lib.records import read_history

#: Columns that reward functions get, as far as the data set has them.
KEPT = ("id", "source", "category", "subject", "question", "answer", "answer_type")


def load_prompts(path: Path, tokenizer: Path, room: int) -> tuple[Dataset, int]:
    """The verifiable rows of a Parquet file of a data set (`dataset.rows.FINAL`), whether they have a completion
    or not, in their order.

    Returns a `datasets.Dataset` with `prompt` (what the model is given, in its chat template, as text) and the
    columns of `KEPT`, and how many rows were left out for a prompt longer than `room` tokens.
    """
    table = pq.read_table(path)
    if not len(table):
        return Dataset.from_dict({"prompt": []}), 0
    table = table.filter(usable(table))
    chat = ChatFormat(tokenizer)
    histories = (
        table["history"].to_pylist() if "history" in table.column_names else [""] * len(table)
    )
    prompts = [
        chat.opening(prompt, read_history(history))
        for prompt, history in zip(table["prompt"].to_pylist(), histories, strict=True)
    ]
    lengths = [len(encode(chat.tokenizer, prompt)) for prompt in prompts]
    kept = [number for number, length in enumerate(lengths) if length <= room]
    columns = {
        name: table[name].take(kept).to_pylist() for name in KEPT if name in table.column_names
    }
    return (
        Dataset.from_dict({"prompt": [prompts[number] for number in kept], **columns}),
        len(prompts) - len(kept),
    )


def usable(table: pq.Table) -> pq.Expression:
    """Which rows (bool) have a reference answer that a completion can be verified by."""
    found = pc.and_(
        pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(table["answer"])), 0),
        pc.not_equal(table["answer_type"], "none"),
    )
    if "kind" in table.column_names:
        found = pc.and_(found, pc.equal(table["kind"], "verifiable"))
    return pc.fill_null(found, False)


def encode(tokenizer: object, prompt: str) -> list[int]:
    """The tokens of a prompt in its chat template, which has all special tokens already."""
    ids: list[int] = tokenizer(prompt, add_special_tokens=False)["input_ids"]  # type: ignore[operator]
    return ids
