"""HLE: the embedded questions, the errors of a broken file, and the files of the real schema."""

from __future__ import annotations

import json
import os
from collections import Counter
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.answers import options
from llmc_lib.benchmarks import hle
from llmc_lib.errors import UserError
from llmc_lib.question_bank import prompt, read
from llmc_lib.taxonomy import HLE_SHARES

EMBEDDED = Path(str(resources.files("llmc_lib.benchmarks") / hle.BENCHMARK.embedded))
SHARED = Path(os.environ.get("LLMC_SHARED", Path(__file__).parents[3] / "shared"))
ROW = {"id": "a", "question": "1 + 1?", "answer": "2", "answer_type": "exactMatch", "category": "Math"}  # fmt: skip


def _file(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "questions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_the_embedded_questions_have_hles_shares() -> None:
    questions = read("hle", EMBEDDED)
    assert len(questions) == 200 == len({q.id for q in questions})
    counts = Counter(q.category for q in questions)
    assert counts == {name: round(200 * share) for name, share in HLE_SHARES.items()}
    assert len({q.question for q in questions}) == 200
    assert all(q.rationale and q.subject for q in questions)


def test_the_embedded_questions_have_no_image() -> None:
    rows = [json.loads(line) for line in EMBEDDED.read_text().splitlines()]
    assert all(row["image"] == "" for row in rows)


def test_the_embedded_letters_are_spread() -> None:
    asked = [q for q in read("hle", EMBEDDED) if q.answer_type == "multipleChoice"]
    letters = Counter(q.answer for q in asked)
    assert all(q.answer in options(q.question) for q in asked)
    assert all(
        list(options(q.question)) == list("ABCDE")[: len(options(q.question))] for q in asked
    )
    assert max(letters.values()) <= 0.4 * len(asked)
    assert set("ABCD") <= set(letters)


def test_a_row_becomes_a_question(tmp_path: Path) -> None:
    extra = {"raw_subject": "Sums", "rationale": "Count.", "author_name": "somebody"}
    (found,) = read("hle", _file(tmp_path, {**ROW, "answer": 2, **extra}))
    assert (found.answer, found.subject, found.rationale) == ("2", "Sums", "Count.")
    assert prompt(found).user.startswith("1 + 1?\n\n")


def test_a_row_with_an_image_is_left_out(tmp_path: Path) -> None:
    found = read("hle", _file(tmp_path, {**ROW, "image": "data:image/png;base64,AA"}, {**ROW, "id": "b"}))  # fmt: skip
    assert [q.id for q in found] == ["b"]


def test_a_file_of_images_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no text-only question"):
        read("hle", _file(tmp_path, {**ROW, "image": "data:image/png;base64,AA"}))


@pytest.mark.parametrize("key", ["id", "question", "answer", "answer_type", "category"])
@pytest.mark.parametrize("empty", [True, False])
def test_a_missing_key_is_named(tmp_path: Path, key: str, empty: bool) -> None:
    row = {name: value for name, value in ROW.items() if name != key}
    broken = {**row, key: ""} if empty else row
    with pytest.raises(UserError, match=rf"questions\.jsonl, line 2: '{key}' is missing"):
        read("hle", _file(tmp_path, {**ROW, "id": "first"}, broken))


@pytest.mark.parametrize("value", [0, "0", 0.0])
def test_zero_is_an_answer(tmp_path: Path, value: object) -> None:
    (found,) = read("hle", _file(tmp_path, {**ROW, "answer": value}))
    assert found.answer == str(value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"category": "Magic"}, r"line 2: category 'Magic': must be one of Math"),
        ({"answer_type": "essay"}, r"line 2: answer_type 'essay'"),
        ({"id": "a"}, r"line 2: id 'a' is given twice"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, change: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read("hle", _file(tmp_path, ROW, {**ROW, "id": "b", **change}))


@pytest.mark.parametrize("line", ["[1, 2]", '"text"', "7", "null"])
def test_a_line_that_is_no_object_is_refused(tmp_path: Path, line: str) -> None:
    path = _file(tmp_path, ROW)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(UserError, match="line 2: must be a JSON object"):
        read("hle", path)


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = _file(tmp_path, ROW)
    path.write_text(path.read_text() + "{broken\n" + json.dumps({**ROW, "id": "c"}) + "\n")
    with pytest.raises(UserError, match=r"questions\.jsonl, line 2: not valid JSON"):
        read("hle", path)


def test_a_file_in_hles_own_schema_loads_whole() -> None:
    path = SHARED / "reference" / "hle_judged" / "questions.jsonl"
    if not path.is_file():
        pytest.skip("no shared files beside the checkout")
    assert len(read("hle", path)) == 2_158
