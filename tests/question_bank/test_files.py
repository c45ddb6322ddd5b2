"""Files of a benchmark: any that is damaged gets one line, as a source's does."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llmc_lib.errors import UserError
from llmc_lib.question_bank import read
from llmc_lib.question_bank.files import question_rows

FIELDS = {"question": "q", "answer": "a", "id": "id"}
ROW = {"id": 7, "q": "2+2?", "a": 4}


def _parquet(damaged: bool) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist([ROW]), sink)
    content = bytearray(sink.getvalue().to_pybytes())
    if damaged:
        content[4:60] = b"\xff" * 56
    return bytes(content)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.parquet", _parquet(damaged=True), "not a readable Parquet file"),
        ("x.parquet", b"", "not a readable Parquet file"),
        ("x.json", b'[{"q": ' + b"9" * 5000 + b"}]", "line 1: not valid JSON: a whole number of 5,000 digits"),
        ("x.json", b"[" * 100_000, "line 1: not valid JSON: nested more than 100 deep"),
        ("x.jsonl", b'{"q": {"a": ' * 100_000, "line 1: not valid JSON: nested more than 100 deep"),
        ("x.jsonl", b"\xff", "line 1: byte 1 (0xff) is not UTF-8"),
        ("x.jsonl", b"[1]", "line 1: must be a JSON object"),
        ("x.json", b"{}", "has no row"),
        ("x.csv", b"q,a\n1\n", "line 2: 1 values where the header names 2"),
        ("passwd", b"root:x:0:0\n", "not a data file; it must end in .jsonl"),
        ("x.jsonl", b'{"q": null, "a": 1}', "line 1: 'q' (evaluation.benchmarks.fields.question) is missing"),
        ("x.jsonl", b'{"q": "x", "a": "y", "id": [1]}\n{"q": "x", "a": "y", "id": [1]}', "line 2: id '1' is given"),
    ],
)  # fmt: skip
def test_a_damaged_file_gets_one_line(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read("questions", path, FIELDS)
    assert str(caught.value).startswith(f"{path}")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    for kind in ("hle", "do_not_answer"):
        with pytest.raises(UserError):
            read(kind, path)


def test_fields_of_any_kind_are_text(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(_parquet(damaged=False))
    (tmp_path / "x.json").write_text(json.dumps([ROW]))
    for name in ("x.parquet", "x.json"):
        (found,) = read("questions", tmp_path / name, FIELDS)
        assert (found.id, found.question, found.answer) == ("7", "2+2?", "4")


def test_of_a_folder_the_files_of_one_form_are_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no Parquet, JSON Lines, CSV or JSON file in it"):
        list(question_rows(tmp_path, ()))
    (tmp_path / "a.csv").write_text("q\n1\n")
    for name in ("c", "b"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"q": name}))
    assert [row.record for row in question_rows(tmp_path, ())] == [{"q": "b"}, {"q": "c"}]
