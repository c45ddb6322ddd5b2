"""The prompts of a data set: the rows that a completion can be verified by, whether they have one or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from llmc_lib.training.methods.grpo.rows import encode, load_prompts
from llmc_lib.training.methods.sft.rows import load_rows
from tests.tiny import make_tokenizer

pytestmark = pytest.mark.slow


def _row(name: str, **values: Any) -> dict[str, Any]:
    row = {
        "id": name, "question": name, "prompt": f"Solve {name}.", "answer": "4", "completion": "",
        "answer_type": "exactMatch", "kind": "verifiable", "history": "", "loss": "last",
    }  # fmt: skip
    return {**row, **values}


def test_rows_with_an_answer_stay_and_others_do_not(tmp_path: Path) -> None:
    make_tokenizer(tmp_path / "model")
    rows = [
        _row("a"),
        _row("b", completion="It is 4.\n\nAnswer: 4"),
        _row("no answer", answer="  "),
        _row("chat", kind="chat", completion="Hello"),
        _row("none", answer_type="none"),
        _row("long", prompt="x " * 500),
        _row("system", history='[{"role": "system", "content": "Be brief."}]'),
    ]
    pd.DataFrame(rows).to_parquet(tmp_path / "train.parquet")
    found, too_long = load_prompts(tmp_path / "train.parquet", tmp_path / "model", 100)
    assert found["id"] == ["a", "b", "system"]
    assert too_long == 1
    assert found["answer"] == ["4"] * 3
    assert "completion" not in found.column_names  # GRPOTrainer's own word for something else
    assert found[0]["prompt"].endswith("Solve a.<|im_end|>\n<|im_start|>assistant\n")
    assert "Be brief." in found[2]["prompt"]
    # And fine-tuning takes those that have a completion.
    trained, _ = load_rows(tmp_path / "train.parquet", tmp_path / "model", 400, tmp_path / "cache")
    assert len(trained) == 2


def test_special_tokens_are_those_of_the_template_alone(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    make_tokenizer(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    ids = encode(tokenizer, "<|im_start|>user\nx")
    assert ids.count(tokenizer.convert_tokens_to_ids("<|im_start|>")) == 1
    assert tokenizer.decode(ids) == "<|im_start|>user\nx"
