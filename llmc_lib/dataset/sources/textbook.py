"""The embedded source "textbook": reasoning for HLE's seven categories beside mathematics.

The items in textbook.jsonl were written for this project; each derives its answer step by step.
"""

from __future__ import annotations

import json
from importlib import resources

from llmc_lib.records import Example


def examples(rows: int | None, seed: int) -> list[Example]:
    """The first `rows` items in file order (all of them for None); `seed` changes nothing."""
    del seed
    text = resources.files(__package__).joinpath("textbook.jsonl").read_text(encoding="utf-8")
    items = [json.loads(line) for line in text.splitlines()]
    return [
        Example(
            id=item["id"],
            source="textbook",
            category=item["category"],
            subject=item["subject"],
            question=item["question"],
            reasoning=item["reasoning"],
            answer=item["answer"],
            answer_type="multipleChoice" if "Answer Choices:" in item["question"] else "exactMatch",
            completion_author="person",
            licence="Apache-2.0",
        )
        for item in items[:rows]
    ]
