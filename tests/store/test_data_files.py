"""The readers: every format gives the same rows, in a stream; every broken file gets one line."""

from __future__ import annotations

import csv
import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llmc_lib.errors import UserError
from llmc_lib.store.data_files import DataFile, Row, data_files, rows

RECORDS = [
    {"id": "a", "question": 'Why,\n"so"?', "answer": "α"},
    {"id": "b", "question": "x" * 200_000, "answer": ""},
]


def _rows(path: Path, columns: set[str] | None = None) -> list[Row]:
    return list(rows(DataFile(path, path.name, "sha256:0"), columns))


def _file(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _jsonl(path: Path) -> None:
    path.write_text("\n".join(json.dumps(record) for record in RECORDS))


def _json_array(path: Path) -> None:
    path.write_text(json.dumps(RECORDS, ensure_ascii=False, indent=1))


def _json_object(path: Path) -> None:
    path.write_text(json.dumps({record["id"]: record for record in RECORDS}))


def _csv(path: Path) -> None:
    with open(path, "w", newline="") as handle:
        writer = csv.DictWriter(
            handle, RECORDS[0], delimiter="\t" if path.suffix == ".tsv" else ","
        )
        writer.writeheader()
        writer.writerows(RECORDS)


def _parquet(path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(RECORDS), path)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("x.jsonl", _jsonl),
        ("x.json", _jsonl),  # the wrong name for it is a common one
        ("x.json", _json_array),
        ("x.json", _json_object),
        ("x.csv", _csv),
        ("x.tsv", _csv),
        ("x.parquet", _parquet),
        ("x.PARQUET", _parquet),
    ],
)
def test_every_format_gives_the_same_rows(
    tmp_path: Path, name: str, write: Callable[[Path], None]
) -> None:
    write(tmp_path / name)
    read = _rows(tmp_path / name)
    assert [row.record for row in read] == RECORDS
    assert read[0].where.startswith(f"{name}, ")
    assert [row.key for row in read] in (
        ["a", "b"] if write is _json_object else ["", ""],
        ["", ""],
    )


def test_a_json_object_gives_its_keys(tmp_path: Path) -> None:
    for indent in (None, 1):
        path = _file(tmp_path, "x.json", json.dumps({"7": {"q": 1}, "9": {"q": 2}}, indent=indent))
        assert [(row.key, row.record) for row in _rows(path)] == [("7", {"q": 1}), ("9", {"q": 2})]


def test_blank_lines_and_a_byte_order_mark_are_no_rows(tmp_path: Path) -> None:
    path = _file(tmp_path, "x.jsonl", b'\xef\xbb\xbf{"q": 1}\r\n\n   \n{"q": 2}\n')
    assert [(row.number, row.record) for row in _rows(path)] == [(1, {"q": 1}), (4, {"q": 2})]
    path = _file(tmp_path, "x.json", b'\xef\xbb\xbf\n[{"q": 1}]')
    assert [row.record for row in _rows(path)] == [{"q": 1}]
    path = _file(tmp_path, "x.csv", b"\xef\xbb\xbfq\n1\n\n2\n")
    assert [(row.number, row.record) for row in _rows(path)] == [(2, {"q": "1"}), (4, {"q": "2"})]


def test_parquet_decodes_only_what_is_wanted_unless_that_is_missing(tmp_path: Path) -> None:
    _parquet(tmp_path / "x.parquet")
    assert set(_rows(tmp_path / "x.parquet", {"id"})[0].record) == {"id"}
    assert set(_rows(tmp_path / "x.parquet", {"id", "uid"})[0].record) == set(RECORDS[0])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.jsonl", '{"q": 1}\n{"q": 2\n{"q": 3}', "x.jsonl, line 2: not valid JSON: Expecting"),
        ("x.jsonl", '{"q": 1}\n[1]\n', "x.jsonl, line 2: must be a JSON object"),
        ("x.jsonl", "[" * 100_000, "x.jsonl, line 1: not valid JSON: nested more than 100 deep"),
        ("x.jsonl", "\n\n", "x.jsonl: has no row"),
        ("x.json", "", "x.json: has no row"),
        ("x.json", "[]", "x.json: has no row"),
        ("x.json", "hello", "x.json, line 1: not valid JSON: must be an array or an object"),
        ("x.json", "\n[" * 100_000, "x.json, line 3: not valid JSON: nested more than 100 deep"),
        (
            "x.json",
            '[{"q": ' + "9" * 5000 + "}]",
            "x.json, line 1: not valid JSON: a whole number of 5,000",
        ),
        (
            "x.json",
            '{"a":\n{"q": ' + "9" * 5000 + "}}",
            "x.json, line 2: not valid JSON: a whole number",
        ),
        (
            "x.jsonl",
            '{"q": ' + "9" * 5000 + "}",
            "x.jsonl, line 1: not valid JSON: a whole number of 5,000",
        ),
        (
            "x.json",
            '[{"q": 1},\n{"q": "a\tb"}]',
            "x.json, line 2: not valid JSON (after record 1): Invalid control",
        ),
        ("x.json", '[\n{"q": "\\x"}]', "x.json, line 2: not valid JSON: Invalid \\escape"),
        (
            "x.json",
            '[{"q": 1}] 2',
            "x.json, line 1: not valid JSON (after record 1): continues after its end",
        ),
        (
            "x.json",
            '{"a": {}, 3: {}}',
            "x.json, line 1: not valid JSON (after record 1): expecting a key",
        ),
        ("x.json", '{"a" {}}', "x.json, line 1: not valid JSON: expecting ':'"),
        ("x.json", '[{"q": "no end', "x.json, line 1: not valid JSON: Unterminated string"),
        ("x.json", '[{"q": 1}, {"q": ]', "x.json, line 1: not valid JSON (after record 1): "),
        (
            "x.json",
            '[{"q": 1},',
            "x.json, line 1: not valid JSON (after record 1): Expecting value",
        ),
        ("x.json", '[{"q": 1}, 2]', "x.json, line 1: record 2 must be a JSON object"),
        ("x.json", '{\n"data": [{"q": 1}]}', "x.json, line 2: record 1 must be a JSON object"),
        ("x.json", b'[{"q":\n "caf\xe9"}]', "x.json, line 2: byte 6 (0xe9) is not UTF-8; save it"),
        ("x.jsonl", b'{"q": 1}\n{"q": "caf\xe9"}', "x.jsonl, line 2: byte 11 (0xe9) is not UTF-8"),
        ("x.csv", b"q,a\n1,2\ncaf\xe9,3\n", "x.csv, line 3: byte 4 (0xe9) is not UTF-8"),
        ("x.csv", "q\n1\n".encode("utf-16"), "x.csv, line 1: byte 1 (0xff) is not UTF-8"),
        ("x.csv", "", "x.csv: has no row"),
        ("x.csv", "q,a\n", "x.csv: has no row"),
        ("x.csv", "q,a\n1,2\n1,2,3\n", "x.csv, line 3: 3 values where the header names 2 (q, a)"),
        (
            "x.csv",
            'q,a\n1,"2\n3,4\n',
            "x.csv, lines 2 to 3: broken CSV: unexpected end of data; is a quote not closed?",
        ),
        ("x.csv", "q,a\n1,\0\n", "x.csv, line 2: has a NUL character"),
        ("x.tsv", "\0" * 99, "x.tsv, line 1: has a NUL character"),
        (
            "x.csv",
            ",".join(map(str, range(200_001))),
            "x.csv: has 200,001 columns, more than 200,000",
        ),
        (
            "x.csv",
            ",".join(map(str, range(999))) + "\n1\n",
            "x.csv, line 2: 1 values where the header names 999 (0, 1, 2",
        ),
        ("x.csv", "q,q\n1,2\n", "x.csv, line 1: column 'q' appears twice"),
        ("x.parquet", "q,a", "x.parquet: not a readable Parquet file: "),
        ("x.parquet", "", "x.parquet: not a readable Parquet file: "),
        ("x.txt", "hello", "x.txt: not a data file; it must end in .jsonl"),
    ],
)
def test_a_file_that_is_not_as_it_must_be_gets_one_line(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    with pytest.raises(UserError) as caught:
        _rows(_file(tmp_path, name, content))
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_damaged_page_of_a_parquet_file_gets_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    _parquet(path)
    content = bytearray(path.read_bytes())
    content[4:400] = b"\xff" * 396
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"^x\.parquet: not a readable Parquet file: "):
        _rows(path)


def test_a_header_of_a_hundred_thousand_columns_is_read_in_no_time(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(100_000)]
    path = _file(tmp_path, "x.csv", ",".join([*names, "c7"]) + "\n")
    with pytest.raises(UserError, match="column 'c7' appears twice"):
        _rows(path)


def test_what_is_no_regular_file_is_told_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.jsonl")
    with pytest.raises(UserError, match="is not a regular file"):
        _rows(tmp_path / "x.jsonl")


def test_a_missing_field_is_told_with_those_that_are_there(tmp_path: Path) -> None:
    (row,) = _rows(_file(tmp_path, "x.jsonl", '{"q": 1, "a": 2}'))
    assert row.need("a") == 2
    with pytest.raises(UserError, match=r"^x\.jsonl, line 1 has no field 'b'; it has: q, a$"):
        row.need("b")


def test_a_folder_gives_its_data_files_sorted(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a/c.csv", "a/a.parquet", "README.md", ".hidden.jsonl", ".git/x.json"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    found = [path.relative_to(tmp_path).as_posix() for path in data_files(tmp_path)]
    assert found == ["a/a.parquet", "a/c.csv", "b.jsonl"]


@pytest.mark.parametrize("name", ["x.jsonl", "x.json", "x.csv"])
def test_a_file_is_read_as_a_stream(tmp_path: Path, name: str) -> None:
    record: dict[str, Any] = {"q": "x" * 20_000}
    lines = [json.dumps(record)] * 400  # 8 MB
    text = {
        "x.jsonl": "\n".join(lines),
        "x.json": f"[{','.join(lines)}]",
        "x.csv": "q\n" + f"{record['q']}\n" * 400,
    }
    path = _file(tmp_path, name, text[name] if name != "x.json" else text[name].replace(",", ",\n"))
    del text, lines
    tracemalloc.start()
    count = sum(1 for _ in rows(DataFile(path, name, ""), None))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 400
    assert peak < 2_000_000


def test_a_parquet_file_that_unpacks_to_much_is_read_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmc_lib.store.data_files._DECODED", 2**20)
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"q": ["a" * 2**14] * 600}), path, compression="zstd")
    assert path.stat().st_size < 2**16
    pool = pa.default_memory_pool()
    before = pool.bytes_allocated()
    found = rows(DataFile(path, path.name, "sha256:0"))
    assert next(found).number == 1
    assert pool.bytes_allocated() - before < 3 * 2**20  # 512 rows have 8


def test_a_text_of_hundreds_of_megabytes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmc_lib.store.data_files._MOST_DECODED", 2**20)
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"q": ["a", "b" * 2**21]}), path, compression="zstd")
    with pytest.raises(UserError, match=r"x\.parquet, rows 1 to 2: have more than 1 MiB"):
        _rows(path)
