"""One process a stage, and one that has died is told, with what is known of its end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from llmc_lib.errors import UserError
from llmc_lib.processes.interrupts import Interrupted
from llmc_lib.store import deaths, working

WORK = """
import sys, time
from pathlib import Path
from llmc_lib.store import working
with working(Path(sys.argv[1]), "training"):
    print("at work", flush=True)
    time.sleep(300)
"""


@contextmanager
def _at_work(folder: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", WORK, str(folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "at work\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_work_that_ends_leaves_nothing_to_tell(tmp_path: Path) -> None:
    with working(tmp_path, "training"):
        assert deaths(tmp_path) == []
    with pytest.raises(ValueError, match="of its own"), working(tmp_path, "training"):
        raise ValueError("of its own")
    assert deaths(tmp_path) == []
    assert not list((tmp_path / "working").iterdir())


@pytest.mark.slow
def test_a_second_process_is_refused_and_another_stage_is_not(tmp_path: Path) -> None:
    with _at_work(tmp_path):
        with pytest.raises(UserError, match="another process works on the training"):  # noqa: SIM117
            with working(tmp_path, "training"):
                pass
        with working(tmp_path, "evaluation"):
            pass
        assert deaths(tmp_path) == []


@pytest.mark.slow
def test_a_killed_process_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with _at_work(tmp_path) as process:
        process.kill()
        process.wait()
    with working(tmp_path, "training"):
        told = capsys.readouterr().out
    assert told.startswith("The process that worked on the training of this run since 20")
    assert "it was killed, and Linux does not say why" in told
    assert told.endswith("What was finished is kept.\n")
    assert deaths(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"kills": [None, 3]}, "ran out of memory (since then Linux has killed 2 processes"),
        ({"kills": [4, 5]}, "ran out of memory (since then Linux has killed 1 process for that)"),
        ({"kills": [5, 5]}, "does not say why"),
        ({"kills": "?"}, "does not say why"),
        ({"kills": None}, "does not say why"),
        ({"boot": "another"}, "the machine was restarted"),
        ({"host": "gpu-7"}, "it ran on another machine (gpu-7)"),
    ],
)
def test_the_reason_is_what_linux_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, object], told: str
) -> None:
    counts = [tmp_path / "memory.events", tmp_path / "vmstat"]
    for count in counts:
        count.write_text("oom 9\noom_kill 5\noom_group_kill 9\n")
    monkeypatch.setattr(sys.modules["llmc_lib.store.working"], "_KILLS", counts)
    with _at_work(tmp_path) as process:
        process.kill()
        process.wait()
    note = tmp_path / "working" / "training.json"
    note.write_text(json.dumps(json.loads(note.read_text()) | {"kills": [5, 5]} | changed))
    [death] = deaths(tmp_path)
    assert told in death


@pytest.mark.parametrize("text", ["", "{", "[]", '{"since": 3', "\\udfff", '"since"'])
def test_a_damaged_note_is_no_news(tmp_path: Path, text: str) -> None:
    (tmp_path / "working").mkdir()
    (tmp_path / "working" / "training.json").write_text(text)
    assert deaths(tmp_path) == []


def test_an_interrupt_says_how_to_resume(tmp_path: Path) -> None:
    # What a shell starts behind `&` ignores interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with (
        pytest.raises(Interrupted, match=r"^The evaluation was interrupted\."),
        working(tmp_path, "evaluation"),
    ):
        signal.raise_signal(signal.SIGINT)
    assert deaths(tmp_path) == []


@pytest.mark.parametrize("what", ["a file", "a folder", "a link to nowhere", "a full disk"])
def test_work_goes_on_where_no_note_can_be_kept(tmp_path: Path, what: str) -> None:
    place = tmp_path / "working"
    match what:
        case "a file":
            place.touch()
        case "a folder":
            (place / "training.json").mkdir(parents=True)
        case "a link to nowhere":
            place.symlink_to(tmp_path / "nowhere" / "at all")
        case "a full disk":
            place.mkdir()
            (place / "training.json").symlink_to("/dev/full")
    worked = []
    with working(tmp_path, "training"):
        worked.append(True)
    assert worked
    assert deaths(tmp_path) == []
