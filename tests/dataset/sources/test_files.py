"""The source "files": any schema with a field map, odd values, and one line for each mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llmc_lib.dataset.sources import about, identity, read
from llmc_lib.errors import UserError
from llmc_lib.params import SourceParams
from llmc_lib.records import Example

MATH = Path(__file__).parents[4] / "shared" / "data" / "math"


def _source(path: Path, **settings: Any) -> SourceParams:
    values = {"category": "Physics", "fields": {"question": "q"}, **settings}
    return SourceParams.model_validate(
        {"name": "mine", "kind": "files", "path": str(path), **values}
    )


def _jsonl(tmp_path: Path, *records: dict[str, Any]) -> Path:
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def _read(path: Path, **settings: Any) -> list[Example]:
    return list(read(_source(path, **settings), 0))


def test_the_field_map_finds_all_fields_also_nested_ones(tmp_path: Path) -> None:
    path = _jsonl(
        tmp_path,
        {
            "uid": 7,
            "chat": [{"content": "Why?\n\nAnswer Choices:\nA. x\nB. y"}, {"content": "So."}],
            "meta": {"subject": "Optics", "hle": "Physics", "who": "Some-Model-7B", "level": "2.5"},
            "gold.answer": "B",
            "terms": "CC-BY-4.0",
        },
    )
    fields = {
        "id": "uid",
        "question": "chat.0.content",
        "completion": "chat.1.content",
        "answer": "gold.answer",
        "subject": "meta.subject",
        "category": "meta.hle",
        "author": "meta.who",
        "difficulty": "meta.level",
        "licence": "terms",
    }
    (example,) = _read(path, fields=fields, category=None, author="person")
    assert example == Example(
        id="mine/7",
        source="mine",
        row_id="7",
        revision=example.revision,
        licence="CC-BY-4.0",
        category="Physics",
        subject="Optics",
        question="Why?\n\nAnswer Choices:\nA. x\nB. y",
        answer="B",
        answer_type="multipleChoice",
        completion="So.",
        author="Some-Model-7B",
        author_kind="unknown",
        difficulty=2.5,
    )
    (digest,) = identity(_source(path)).values()
    assert example.revision == f"sha256:{digest[:16]}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (42, "42"),
        (0.5, "0.5"),
        (None, ""),
        (True, "True"),
        (" 7 ", "7"),
        ([1, "x"], "1, x"),
        (["x"], "x"),
        ([], ""),
        ({"a": "é"}, '{"a": "é"}'),
        ("\ud800x\ud834", "?x?"),
        ("\U0001d4b3", "\U0001d4b3"),
        ("a\0b", "a\0b"),
        (10**30, "1" + "0" * 30),
        (float("nan"), ""),
    ],
)
def test_odd_values_become_text(tmp_path: Path, value: object, text: str) -> None:
    path = _jsonl(tmp_path, {"q": "Why?", "a": value})
    fields = {"question": "q", "answer": "a"}
    (example,) = _read(path, fields=fields)
    assert example.answer == text
    example.answer.encode()
    array = tmp_path / "x.json"
    array.write_text(json.dumps([{"q": "Why?", "a": value}]).replace("NaN", "null"))
    assert [row.answer for row in _read(array, fields=fields)] == [text]


def test_parquet_values_of_other_types_become_text(tmp_path: Path) -> None:
    table = pa.table({"q": [b"Why \xff?"], "a": [3], "m": [{"s": "Optics"}], "d": [float("inf")]})
    pq.write_table(table, tmp_path / "x.parquet")
    fields = {"question": "q", "answer": "a", "subject": "m.s", "difficulty": "d"}
    (example,) = _read(tmp_path / "x.parquet", fields=fields)
    assert (example.question, example.answer, example.subject) == ("Why \ufffd?", "3", "Optics")
    assert example.difficulty is None


@pytest.mark.parametrize(
    ("author", "kind"),
    [("person", "person"), ("program", "program"), ("Some-Model", "unknown"), ("", "unknown")],
)
def test_the_author_is_that_of_the_params(tmp_path: Path, author: str, kind: str) -> None:
    path = _jsonl(tmp_path, {"q": "Why?", "c": "So."}, {"q": "Why not?", "c": " "})
    written, none = _read(path, author=author, fields={"question": "q", "completion": "c"})
    assert (written.author, written.author_kind) == (author, kind)
    assert (none.completion, none.author, none.author_kind) == ("", "", "unknown")


def test_a_multiple_choice_question_has_choices_and_a_letter(tmp_path: Path) -> None:
    choices = "Which?\n\nAnswer Choices:\nA. x\nB. y"
    path = _jsonl(
        tmp_path, {"q": choices, "a": "B"}, {"q": choices, "a": "y"}, {"q": "V?", "a": "B"}
    )
    types = [row.answer_type for row in _read(path, fields={"question": "q", "answer": "a"})]
    assert types == ["multipleChoice", "exactMatch", "exactMatch"]


def test_a_question_must_be_in_every_row(tmp_path: Path) -> None:
    path = _jsonl(tmp_path, {"problem": "Why?"}, {"problem": "How?"}, {"a": 1, "b": 2})
    with pytest.raises(UserError) as caught:
        _read(path, fields={"question": "problem"})
    assert str(caught.value) == (
        f"dataset.sources: mine: fields.question: {path}, line 3 has no field 'problem'; "
        "it has: a, b"
    )


def test_another_field_must_be_in_the_first_row_of_each_file(tmp_path: Path) -> None:
    fields = {"question": "q", "answer": "a"}
    path = _jsonl(tmp_path, {"q": "Why?", "a": "1"}, {"q": "How?"})
    assert [row.answer for row in _read(path, fields=fields)] == ["1", ""]
    (tmp_path / "y.jsonl").write_text('{"q": "When?", "anwser": "2"}')
    with pytest.raises(UserError, match=r"fields\.answer: .*y\.jsonl, line 1 has no field 'a'"):
        _read(tmp_path, fields=fields)


def test_a_difficulty_must_be_a_number(tmp_path: Path) -> None:
    path = _jsonl(tmp_path, {"q": "Why?", "d": ""}, {"q": "Why?", "d": "hard"})
    with pytest.raises(UserError, match=r"fields\.difficulty: .*line 2: 'hard' is not a number"):
        _read(path, fields={"question": "q", "difficulty": "d"})


def test_a_path_without_a_data_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"sources: mine: path: no file or folder .*absent\.jsonl"):
        _read(tmp_path / "absent.jsonl")
    with pytest.raises(UserError, match="sources: mine: path: no file or folder"):
        identity(_source(tmp_path / "absent.jsonl"))
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(UserError, match="path: no data file in"):
        _read(tmp_path)
    with pytest.raises(UserError, match="not a data file"):
        _read(tmp_path / "notes.txt")


def test_the_card_says_what_the_params_say(tmp_path: Path) -> None:
    facts = about(_source(tmp_path / "x.jsonl", licence="CC-BY-SA-4.0"))
    assert (facts.licence, facts.url) == ("CC-BY-SA-4.0", str(tmp_path / "x.jsonl"))
    assert about(_source(tmp_path / "x.jsonl")).licence == "unknown"


@pytest.mark.skipif(not MATH.exists(), reason="the real data are not here")
def test_real_files_are_read() -> None:
    aime = _read(
        MATH / "aime.json",
        fields={"question": "problem", "answer": "answer", "completion": "solution",
                "difficulty": "difficulty"},
        category="Math",
        author="person",
    )  # fmt: skip
    assert len(aime) == 975
    assert (aime[0].row_id, aime[0].answer, aime[0].difficulty) == ("00001", "60", 4.0)
    assert {row.author_kind for row in aime if row.completion} == {"person"}
    train = _read(
        MATH / "math.json",
        fields={"question": "problem", "answer": "answer", "subject": "type",
                "difficulty": "difficulty"},
        category="Math",
    )  # fmt: skip
    assert len(train) == 7474
    assert len({row.subject for row in train}) == 7
