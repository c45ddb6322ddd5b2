"""The rows of a data set as the token ids and labels that SFTTrainer trains on."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
from datasets import Dataset

from llmc_lib.models.chat import ChatFormat
from llmc_lib.records import TURNS, dialogues

#: The label of a token that is not learnt.
IGNORED = -100


def load_rows(path: Path, tokenizer: Path, max_length: int, cache: Path) -> tuple[Dataset, int]:
    """The rows of a Parquet file of a data set (`dataset.rows.FINAL`), encoded, in their order;
    only the columns prompt and completion must be there.

    Returns a `datasets.Dataset` with input_ids and labels (`IGNORED` but in the turns that are learnt),
    memory-mapped from `cache`, and how many examples were left out for being longer than `max_length` tokens. The
    rows are encoded by the chat form that also counted them when the data set was built; SFTTrainer
    takes rows that have labels as they are.
    """
    if pq.read_metadata(path).num_rows == 0:  # `datasets` reads no such file
        return Dataset.from_dict({"input_ids": [], "labels": []}), 0
    chat = ChatFormat(tokenizer)
    columns = [name for name in pq.read_schema(path).names if name in TURNS]
    # Problems without a completion are for other methods.
    filled = [("completion", "!=", "")]
    rows = Dataset.from_parquet(str(path), cache_dir=str(cache), columns=columns, filters=filled)
    encoded = rows.map(
        _encode,
        fn_kwargs={"chat": chat},
        batched=True,
        batch_size=100,
        remove_columns=rows.column_names,
        desc="Encoding",
    )
    kept = encoded.filter(_fits, batched=True, fn_kwargs={"max_length": max_length})
    return kept, len(encoded) - len(kept)


def _encode(batch: dict[str, list[str]], chat: ChatFormat) -> dict[str, list[list[int]]]:
    encoded = [chat.encode(*dialogue) for dialogue in dialogues(batch)]
    return {
        "input_ids": [row.ids for row in encoded],
        "labels": [row.labels(IGNORED) for row in encoded],
    }


def _fits(batch: dict[str, list[list[int]]], max_length: int) -> list[bool]:
    return [len(ids) <= max_length for ids in batch["input_ids"]]
