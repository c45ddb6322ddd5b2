"""What a person is told: what files and servers have put into a message cannot steer a terminal, or fill it."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmc_lib.errors import UserError, printable
from llmc_lib.processes.progress import say
from llmc_lib.store.data_files import DataFile, rows

HOSTILE = [
    "\x1b]0;owned\x07",
    "\x1b[2J",
    "\x9b31m",
    "\u202e",
    "\r",
    "\x00",
    "\ud800",
    "a" * 1_000_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:8]))
def test_no_message_steers_or_fills_a_terminal(
    text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LLMC_PROGRESS", raising=False)
    message = str(UserError(f"x.jsonl, line 1: {text}\nnext"))
    say(f"x.jsonl, line 1: {text}\nnext")
    for told in (message, capsys.readouterr().out.removesuffix("\n")):
        first, second = told.split("\n")
        assert first.startswith("x.jsonl, line 1: ")
        assert first.isprintable()
        assert len(first) <= 1200
        assert second == "next"
    assert printable(message) == message


def test_a_row_of_a_hundred_thousand_fields_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("{" + ",".join(f'"\\u001b[{n}m": 1' for n in range(100_000)) + "}\n")
    (row,) = rows(DataFile(path, path.name, ""))
    with pytest.raises(UserError, match="line 1 has no field 'q'") as caught:
        row.need("q")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= 1200
