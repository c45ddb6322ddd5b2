"""The rows of a data set as the preference pairs that DPOTrainer and ORPOTrainer learn from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from llmc_lib.models.chat import ChatFormat
from llmc_lib.records import dialogues
from llmc_lib.training.methods.method import Rows

#: Columns that the data set must have.
COLUMNS: tuple[str, ...] = ("prompt", "completion", "rejected")


def unusable(rows: Mapping[str, int]) -> str | None:
    """Why a data set cannot be trained on, of its numbers of rows; None where it can."""
    if not rows["paired"]:
        return (
            "has no row with a rejected response; take a source with pairs (fields: {question: prompt, completion: chosen, "
            "rejected: rejected}), or give a source of refusals rejected: a file of harmful answers to its prompts"
        )
    return None


def load_pairs(path: Path, tokenizer: Path, max_length: int) -> tuple[list[dict[str, Any]], int]:
    """The rows of a Parquet file of a data set (`dataset.rows.FINAL`) that have a rejected response, encoded, in their order.

    Returns rows with `prompt_ids`, `chosen_ids` and `rejected_ids`, and how many were left out because the prompt with one of the
    two responses is longer than `max_length` tokens. Both responses are encoded by the chat form that SFT trains in, so
    that they end as the model's own answers do; of several turns the last one alone is learnt.
    """
    if "rejected" not in pq.read_schema(path).names:
        return [], 0
    table = pq.read_table(path)
    table = table.filter(pc.fill_null(pc.greater(pc.utf8_length(table["rejected"]), 0), False))
    columns = table.select([n for n in table.column_names if n != "loss"]).to_pydict()
    chat, found, dropped = ChatFormat(tokenizer), [], 0
    for dialogue, rejected in zip(dialogues(columns), columns["rejected"], strict=True):
        chosen = chat.encode(*dialogue)
        other = chat.encode(*dialogue._replace(completion=rejected))
        (start, end), (other_start, other_end) = chosen.learnt[-1], other.learnt[-1]
        if max(end, other_end) > max_length:
            dropped += 1
            continue
        # A template may write what comes before a response in another way for one of the two.
        start = min(start, other_start, _common(chosen.ids, other.ids))
        found.append(
            {
                "prompt_ids": chosen.ids[:start],
                "chosen_ids": chosen.ids[start:end],
                "rejected_ids": other.ids[start:other_end],
            }
        )
    return found, dropped


def make_rows(spec: dict[str, Any]) -> Rows:
    """The pairs of both files, without those that are longer than `max_length`."""
    from datasets import Dataset

    made, left_out = [], 0
    for part in ("train", "validation"):
        rows, dropped = load_pairs(Path(spec[part]), Path(spec["base"]), spec["max_length"])
        left_out += dropped
        made.append(Dataset.from_list(rows) if rows else Dataset.from_dict({"prompt_ids": []}))
    if not len(made[0]):
        raise RuntimeError(
            f"training.max_length: each pair is longer than {spec['max_length']:,} tokens; raise it"
        )
    return Rows(made[0], made[1], left_out)


def _common(first: list[int], second: list[int]) -> int:
    """How many tokens both begin with."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((n for n, (one, other) in pairs if one != other), min(len(first), len(second)))
