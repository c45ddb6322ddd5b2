"""AIME: both published schemas, from a file and from the hub; its answers, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from llmc_lib import question_bank
from llmc_lib.errors import UserError
from llmc_lib.evaluation.grading import grade
from llmc_lib.params import BenchmarkParams
from llmc_lib.records import Prediction, Question
from tests.benchmarks.hub import asked

#: Made for this test, in the keys of math-ai/aime25 and of Maxwell-Jia/AIME_2024.
AIME_2025 = {"problem": "Find $5 \\cdot 5$.", "answer": "25", "id": "0"}
AIME_2024 = {"ID": "2024-I-1", "Problem": "Find $5 + 2$.", "Solution": "Add.", "Answer": 7}


def _read(folder: Path, *rows: dict[str, Any]) -> list[Question]:
    path = folder / "aime.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return question_bank.load(BenchmarkParams(name="aime", source=str(path)))


def test_both_schemas_are_read(tmp_path: Path) -> None:
    first, second = _read(tmp_path, AIME_2025, AIME_2024)
    assert first == Question("0", "aime", "Find $5 \\cdot 5$.", "25", "exactMatch", "All", "")
    assert (second.id, second.answer, second.rationale) == ("2024-I-1", "7", "Add.")
    assert question_bank.prompt(first).user.startswith("Find $5 \\cdot 5$.\n\nReason briefly")
    pd.DataFrame([AIME_2024]).to_parquet(tmp_path / "aime.parquet")
    source = str(tmp_path / "aime.parquet")
    assert question_bank.load(BenchmarkParams(name="aime", source=source)) == [second]


@pytest.mark.parametrize(
    ("answer", "read"),
    [("025", "25"), (25.0, "25"), ("$25$", "25"), ("25^\\circ", "25"), ("000", "0"), (999, "999")],
)
def test_an_answer_is_a_number(tmp_path: Path, answer: object, read: str) -> None:
    (found,) = _read(tmp_path, {**AIME_2025, "answer": answer})
    assert found.answer == read
    response = f"So it is \\boxed{{{read}}}."
    prediction = Prediction("0", 0, "", response, "stop", 1, 1, 0.1, "x")
    assert grade(found, prediction).status == "correct"


@pytest.mark.parametrize("answer", ["1000", "-1", "2.5", "x", "1, 2"])
def test_another_answer_is_refused(tmp_path: Path, answer: str) -> None:
    with pytest.raises(UserError, match=r"line 2: answer '.*': must be a whole number from 0 to"):
        _read(tmp_path, AIME_2025, {**AIME_2025, "id": "1", "answer": answer})


@pytest.mark.parametrize("key", ["problem", "answer"])
def test_a_row_without_a_field_is_named(tmp_path: Path, key: str) -> None:
    row = {name: value for name, value in AIME_2025.items() if name != key}
    with pytest.raises(UserError, match=f"line 1: '{key}' is missing or empty"):
        _read(tmp_path, row)


def test_it_has_no_embedded_questions() -> None:
    with pytest.raises(ValidationError, match="math-ai/aime25 with its revision"):
        BenchmarkParams(name="aime")


@pytest.mark.slow
def test_it_is_read_from_the_hub(tmp_path: Path) -> None:
    files = {"test.jsonl": json.dumps(AIME_2025).encode(), "README.md": b"# AIME 25"}
    assert asked(tmp_path, "aime", "math-ai/aime25", files) == ["aime 0 Find $5 \\cdot 5$. All"]
