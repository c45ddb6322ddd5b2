"""The reader of JSON: what Python's parser reads, in a stream, and a line for what it should not."""

from __future__ import annotations

import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmc_lib.store import json_reader
from llmc_lib.store.json_reader import JsonError

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.slow
@settings(max_examples=40, derandomize=True)
@given(
    value=st.lists(_VALUES) | st.dictionaries(_TEXT, _VALUES),
    chunk=st.integers(1, 40),
    data=st.data(),
)
def test_a_stream_gives_what_the_whole_gives(
    tmp_path_factory: pytest.TempPathFactory, value: Any, chunk: int, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "stream.json"
    ascii_, indent = data.draw(st.booleans()), data.draw(st.sampled_from([None, 1]))
    text = json.dumps(value, ensure_ascii=ascii_, indent=indent)
    path.write_text(text, encoding="utf-8", newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_reader, "_CHUNK", chunk)
        found = list(json_reader.records(path))
    if isinstance(value, dict):
        assert [(key, item) for _, key, item in found] == list(value.items())
    else:
        assert [item for _, _, item in found] == value
    assert json_reader.loads(text) == json_reader.loads(text.encode()) == value


@settings(max_examples=40, derandomize=True)
@given(content=st.binary(max_size=60), chunk=st.integers(1, 40))
def test_anything_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, chunk: int
) -> None:
    path, lines = tmp_path_factory.getbasetemp() / "any.json", list[int]()
    for before in (b"", b"[", b'{"a":', b'["\\u'):
        path.write_bytes(before + content)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(json_reader, "_CHUNK", chunk)
            try:
                list(json_reader.records(path))
            except (JsonError, UnicodeDecodeError) as error:
                lines.append(getattr(error, "line", 1))
    assert all(lines)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[" * 101 + "]" * 101, "nested more than 100 deep"),
        ("[" * 100_000 + "]" * 100_000, "nested more than 100 deep"),
        ('{"a":' * 100_000, "nested more than 100 deep"),
        ("9" * 1001, "a whole number of 1,001 digits"),
        ("-" + "9" * 5000, "a whole number of 5,001 digits"),
        ('{"a": [' + "9" * 5000 + "]}", "a whole number of 5,000 digits"),
        ('"a\nb"', "Invalid control character at: line 1 column 3"),
        ('"\\x"', "Invalid \\escape"),
        ("", "Expecting value"),
        (b"\xff", "not UTF-8 at byte 1"),
    ],
)  # fmt: skip
def test_what_later_code_would_fail_on_is_refused(
    tmp_path: Path, text: str | bytes, problem: str
) -> None:
    with pytest.raises(JsonError) as caught:
        json_reader.loads(text)
    assert problem in str(caught.value)
    assert len(str(caught.value)) < 200
    path = tmp_path / "x.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(JsonError):
        json_reader.load(path)


def test_what_is_within_the_limits_is_read() -> None:
    assert json_reader.loads("[" * 100 + "]" * 100)
    assert json_reader.loads("9" * 1000) == 10**1000 - 1
    assert json_reader.loads('{"a": NaN}')["a"] != json_reader.loads('{"a": NaN}')["a"]
    assert json_reader.loads('"\\ud83d\\ude00 \\ud83d"') == "😀 ?"
    assert json_reader.loads('{"\\ud83d": ["\\udc00"]}') == {"?": ["?"]}


def test_a_long_line_or_record_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_reader, "BYTES", 1 << 20)
    path = tmp_path / "x.json"
    path.write_text('[1,\n"' + "a" * (8 << 20))
    tracemalloc.start()
    with pytest.raises(JsonError, match="in one line or record") as caught:
        list(json_reader.records(path))
    with (
        open(path, "rb") as file,
        pytest.raises(JsonError, match="in one line or record") as second,
    ):
        list(json_reader.lines(file))
    with pytest.raises(JsonError, match="in one line or record"):
        json_reader.load(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (caught.value.line, second.value.line) == (2, 2)
    assert peak < 8 << 20
    assert list(json_reader.lines(io.BytesIO(b"a\n\nb"))) == [b"a\n", b"\n", b"b"]


@pytest.mark.parametrize("text", ["[{}]", '{"a": [1, 2]}'])
def test_more_values_than_memory_has_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    path = tmp_path / "x.json"
    path.write_text("[" + ",\n".join([text] * 300) + "]")
    monkeypatch.setattr(json_reader, "_CHUNK", 64)
    monkeypatch.setattr(json_reader, "VALUES", 200)
    assert len(list(json_reader.records(path))) == 300  # few in each of many records
    with pytest.raises(JsonError, match="values in one line or record"):
        json_reader.loads(path.read_bytes())
    path.write_text("[1,\n[" + ",".join([text] * 300) + "]]")
    with pytest.raises(JsonError, match="values in one line or record") as caught:
        list(json_reader.records(path))
    assert caught.value.line == 2
