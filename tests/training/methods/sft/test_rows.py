"""What a training sees of a data set."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from llmc_lib.models.chat import ChatFormat
from llmc_lib.models.prompts import completion
from llmc_lib.training.methods.sft.rows import IGNORED, load_rows
from tests.tiny import make_tokenizer

PAIRS = [
    ("What is 2 + 2?", completion("Two and two make four.", "4")),
    ("And 3 + 3?", completion("Three and three. " * 40, "6")),
    ("é?", completion("x", "π")),
]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    make_tokenizer(folder)
    return folder


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "train.parquet"
    pd.DataFrame(PAIRS, columns=["prompt", "completion"]).assign(id=["a", "b", "c"]).to_parquet(
        path
    )
    return path


@pytest.mark.slow
def test_the_completion_is_learnt_and_the_prompt_is_not(
    rows: Path, tokenizer: Path, tmp_path: Path
) -> None:
    loaded, dropped = load_rows(rows, tokenizer, 4096, tmp_path / "cache")
    chat = ChatFormat(tokenizer)
    assert dropped == 0
    assert loaded.column_names == ["input_ids", "labels"]
    for row, pair in zip(loaded, PAIRS, strict=True):
        ids, [(given, _)] = chat.encode(*pair)
        assert row["input_ids"] == ids
        assert row["labels"] == [IGNORED] * given + ids[given:]
        learnt = chat.tokenizer.decode([n for n in row["labels"] if n != IGNORED])
        assert learnt == f"{pair[1]}<|im_end|>"


def test_what_is_too_long_is_left_out_and_never_cut(
    rows: Path, tokenizer: Path, tmp_path: Path
) -> None:
    lengths = [len(ChatFormat(tokenizer).encode(*pair).ids) for pair in PAIRS]
    loaded, dropped = load_rows(rows, tokenizer, max(lengths) - 1, tmp_path / "cache")
    assert dropped == 1
    assert [len(row["input_ids"]) for row in loaded] == [lengths[0], lengths[2]]


def test_an_empty_part_has_no_rows(tokenizer: Path, tmp_path: Path) -> None:
    path = tmp_path / "validation.parquet"
    pd.DataFrame({"prompt": [], "completion": []}, dtype="string").to_parquet(path)
    loaded, dropped = load_rows(path, tokenizer, 100, tmp_path / "cache")
    assert (len(loaded), dropped) == (0, 0)
