"""A store with damaged rows: they are told and kept aside, and all others count."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.engines.sampling import Request, stream
from llmc_lib.errors import UserError
from llmc_lib.records import Grade, Prediction
from llmc_lib.store import (
    is_grade,
    is_prediction,
    locked,
    open_run,
    read_jsonl,
    read_object,
    remove_remains,
    set_aside_damaged,
    write_atomic,
    write_jsonl,
)

REQUEST = Request("q", "prompt", samples=9)
ROW = asdict(
    Prediction(
        "q", 0, "because", "Answer: 4", "stop", 3, 5, 1.5, REQUEST.prompt_sha256, "vllm", "", ""
    )
)
DAMAGED: list[bytes] = [
    b"{", b"null", b"[]", b"7", b'"text"', b"\xff\xfe", b"[" * 100_000, b'{"question_id": "q"}', bytes(50),
    b'{"sample": ' + b"9" * 5000 + b"}",
    *(json.dumps({k: v for k, v in ROW.items() if k != name}).encode()
      for name in ("question_id", "sample", "prompt_sha256", "finish_reason", "response")),
    *(json.dumps({**ROW, **change}).encode() for change in (
        {"question_id": None}, {"question_id": ["q"]}, {"sample": "0"}, {"sample": True}, {"sample": 0.5},
        {"prompt_sha256": None}, {"response": 5}, {"finish_reason": None}, {"seconds": "1"}, {"other": 1},
    )),
]  # fmt: skip


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr("llmc_lib.store.files.say", lines.append)
    monkeypatch.setattr("llmc_lib.store.answers.say", lines.append)
    return lines


def _sample(number: int) -> dict[str, Any]:
    return {**ROW, "sample": number}


@pytest.mark.parametrize("line", DAMAGED, ids=lambda line: ascii(line[:40]))
def test_a_row_that_is_no_answer_is_told_and_kept_aside(
    tmp_path: Path, said: list[str], line: bytes
) -> None:
    path = tmp_path / "base.jsonl"
    good = [json.dumps(_sample(number)).encode() for number in range(3)]
    path.write_bytes(b"\n".join([good[0], line, b"", good[1], line, good[2]]) + b"\n")
    assert [p.sample for p in stream(path, [REQUEST])] == [0, 1, 2]
    assert set_aside_damaged(path, is_prediction) == 2
    assert [text.partition(" not an answer")[0] for text in said[:2]] == [
        f"{path}, line 2:", f"{path}, line 5:",
    ]  # fmt: skip
    assert all(text.isprintable() and len(text) < 400 for text in said)
    assert (tmp_path / "base.damaged.jsonl").read_bytes() == line + b"\n" + line + b"\n"
    assert read_jsonl(path) == [_sample(number) for number in range(3)]
    assert set_aside_damaged(path, is_prediction) == 0
    assert {file.name for file in tmp_path.iterdir()} == {"base.jsonl", "base.damaged.jsonl"}


@pytest.mark.slow
def test_a_whole_store_is_left_as_it_is(tmp_path: Path, said: list[str]) -> None:
    path = tmp_path / "base.jsonl"
    assert set_aside_damaged(path, is_prediction) == 0
    write_jsonl(path, [_sample(0)])
    with open(path, "ab") as file:
        file.write(b'{"torn')  # the next writer cuts it off
    before = path.read_bytes()
    assert set_aside_damaged(path, is_prediction) == 0
    assert path.read_bytes() == before
    path.write_bytes(b"{\n")
    with open(path, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        code = (
            "import sys; from pathlib import Path; from llmc_lib.store import *\n"
            "print(set_aside_damaged(Path(sys.argv[1]), is_prediction))"
        )
        ran = subprocess.run(
            [sys.executable, "-c", code, str(path)], capture_output=True, text=True
        )
    assert (ran.stdout, path.read_bytes()) == ("0\n", b"{\n")  # another process is writing to it
    path.unlink()
    path.mkdir()
    assert set_aside_damaged(path, is_prediction) == 0
    assert not path.exists()
    assert not said[1:]


def test_the_fields_of_a_grade() -> None:
    row = asdict(Grade("q", 0, "correct", "4", "exact", 80.0, "", 3, False, None))
    assert is_grade(row)
    assert is_grade({**row, "confidence": 80, "harmful": None, "reasoning_status": "correct"})
    assert not is_grade({**row, "harmful": 1})
    assert not is_grade({**row, "action": True})
    assert not is_grade({**row, "status": None})


def test_a_file_of_ours_that_is_damaged_is_set_aside(tmp_path: Path, said: list[str]) -> None:
    path = tmp_path / "x.settings.json"
    assert read_object(path) is None
    path.write_text('{"a": 1}')
    assert read_object(path) == {"a": 1}
    for content in (b"null", b"[]", b"\xff", b"{", b"[" * 100_000):
        path.write_bytes(content)
        assert read_object(path) is None
        assert not path.exists()
    path.mkdir()
    assert read_object(path) is None
    assert len(said) == 6
    assert not path.exists()


def test_a_folder_in_the_place_of_the_lock_is_set_aside(tmp_path: Path, said: list[str]) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(f"run: x\nruns_dir: {tmp_path}/runs\nreports_dir: {tmp_path}/reports\n")
    run = open_run(file)
    (run.folder / ".lock" / "x").mkdir(parents=True)
    with locked(run), pytest.raises(UserError, match="another process"), locked(run):
        pass
    assert len(said) == 1


WRITE = """
import sys, time
from pathlib import Path
from llmc_lib.store import whole_file
with whole_file(Path(sys.argv[1])) as file:
    file.write(b"half")
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
def test_what_a_killed_process_left_half_written_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "page.html"
    with subprocess.Popen(
        [sys.executable, "-c", WRITE, str(path)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        (part,) = path.parent.iterdir()
        remove_remains(tmp_path)
        assert part.exists()  # its writer lives
        process.kill()
    other = path.with_name(f".page.html.0123abcd.{process.pid}.part")
    other.touch()  # another machine's, which only that machine can know of
    deadline = time.monotonic() + 10
    while Path(f"/proc/{process.pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    remove_remains(tmp_path)
    assert not part.exists()
    assert other.exists()
    write_atomic(path, "whole")
    assert path.read_text() == "whole"
