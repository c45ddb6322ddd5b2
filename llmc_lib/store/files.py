"""Files that are wholly there or not at all, and records that are on disk when they are said to be."""

from __future__ import annotations

import fcntl
import glob
import hashlib
import itertools
import json
import os
import platform
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from llmc_lib.errors import UserError
from llmc_lib.processes.progress import say
from llmc_lib.store import json_reader
from llmc_lib.store.json_reader import JsonError

#: This machine, in the names of files that are being written: others may see the same folder.
_HERE = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
#: Characters. No word of ours is as long.
_WORD = 10_000
#: Seconds after which nobody writes to a part of another machine any more.
_ABANDONED = 24 * 3600
_PART = re.compile(r"\..+\.([0-9a-f]{8})\.(\d+)\.part")


def _part(path: Path) -> Path:
    """Where a file is written before it takes its name."""
    return path.with_name(f".{path.name}.{_HERE}.{os.getpid()}.part")


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write a file so that it is either wholly there or not at all, also after a power cut.

    Half of a surrogate pair, which UTF-8 cannot hold, becomes a question mark.
    """
    data = content.encode(errors="replace") if isinstance(content, str) else content
    with whole_file(path) as file:
        file.write(data)


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that is written as a stream, and there whole or not at all."""
    part = _part(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_parts(path.parent.glob(f".{glob.escape(path.name)}.*.part"))
    try:
        with open(part, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        put(part, path)
    finally:
        part.unlink(missing_ok=True)


def put(made: Path, path: Path) -> None:
    """Give a finished file its name; a folder that is in its place is set aside."""
    if path.is_dir() and not path.is_symlink():
        set_aside(path, "is a folder where a file belongs")
    os.replace(made, path)


def remove(path: Path) -> None:
    """Remove what is there, if anything: a file, a link, or a folder with all in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def require_folder(path: Path) -> None:
    """Set aside what is in the place of a folder and is none."""
    if os.path.lexists(path) and not path.is_dir():
        set_aside(path, "is not a folder where one belongs")


def remove_remains(folder: Path) -> None:
    """Remove what processes that are gone have left half-written (kill -9) in a folder and those in it."""
    _remove_parts(folder.rglob(".*.part"))


def _remove_parts(paths: Iterable[Path]) -> None:
    for path in paths:
        found = _PART.fullmatch(path.name)
        with suppress(OSError):
            if found and (
                not Path(f"/proc/{found[2]}").exists()
                if found[1] == _HERE
                # Of another machine, or of a container that is no more, nobody knows.
                else time.time() - path.stat().st_mtime > _ABANDONED
            ):
                path.unlink()


def set_aside(path: Path, problem: str) -> None:
    """Give a file or folder that is not what it should be another name, and tell the person."""
    for number in itertools.count(1):
        aside = path.with_name(f"{path.name}.damaged-{number}")
        if not os.path.lexists(aside):
            break
    try:
        os.rename(path, aside)
    except OSError:  # gone, or a folder that may not be written to
        say(f"{path} {problem}")
    else:
        say(f"{path} {problem}; it is kept as {aside.name}")


def read_object(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file of ours; None where there is no file, and for one that is damaged, which
    is set aside."""
    try:
        found = json_reader.load(path)
        problem = "" if isinstance(found, dict) else "holds no JSON object"
    except (FileNotFoundError, NotADirectoryError):
        return None
    except JsonError as error:
        problem = f"cannot be read: not valid JSON: {error}"
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    if problem:
        set_aside(path, problem)
        return None
    return dict(found)


def read_word(path: Path) -> str:
    """The text of a small file of ours, "" where there is none that can be read."""
    try:
        if not path.is_file():
            return ""
        with open(path, encoding="utf-8") as file:
            return file.read(_WORD)
    except (OSError, UnicodeDecodeError):
        return ""


def sha256_file(path: Path) -> str:
    """The SHA-256 of a file's bytes, as hexadecimal digits."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def sha256_text(text: str) -> str:
    """The SHA-256 of a text in UTF-8, as hexadecimal digits; of what is `records.writable` of it."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


Check = Callable[[dict[str, Any]], bool]


def read_jsonl(path: Path, is_record: Check | None = None) -> list[dict[str, Any]]:
    """The records of a JSON Lines file, [] where it does not exist; see `scan_jsonl`."""
    return [record for _, record in scan_jsonl(path, is_record)]


def scan_jsonl(path: Path, is_record: Check | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """The records of a JSON Lines file of ours one after the other, each with the place in bytes where its
    line begins; none where the file does not exist.

    Not `data_files.rows`, which reads what others made and takes no line that is broken: of a file of ours a
    last line that was cut off (a process killed while writing) is left out. A broken line anywhere else
    raises `UserError` with its number; with `is_record`, it and what is no record are left out.
    """
    if not path.is_file():
        return
    with open(path, "rb") as file:  # bytes: the cut may go through a character
        start = number = 0
        begins = True  # a line, and not the rest of one that is too long
        while line := file.readline(json_reader.BYTES + 1):
            place, start = start, start + len(line)
            begins, whole, number = line.endswith(b"\n"), begins, number + begins
            if line.isspace() or not whole:
                continue
            record, problem = read_record(line)
            if problem and not begins and len(line) <= json_reader.BYTES:  # the writer was cut off
                return
            if is_record is not None and (problem or not is_record(record)):
                continue
            if problem:
                raise UserError(f"{path}, line {number}: {problem}")
            yield place, record


def read_record(line: bytes) -> tuple[dict[str, Any], str]:
    """The JSON object in a line, or what is wrong with it."""
    if len(line) > json_reader.BYTES:
        return {}, f"has more than {json_reader.BYTES >> 20} MiB"
    try:
        record = json_reader.loads(line)
    except JsonError as error:
        return {}, f"not valid JSON: {error}"
    return (record, "") if isinstance(record, dict) else ({}, "must be a JSON object")


def write_jsonl(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """Write a whole JSON Lines file, atomically."""
    write_atomic(path, "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records))


def _make_way(path: Path) -> None:
    """Set aside what is no file where one is to be appended to. Raises `UserError` for a link to a file,
    which may be anybody's."""
    if path.is_symlink() and path.is_file():
        raise UserError(
            f"{path}: is a symbolic link, through which nothing is written; put the file itself there (its "
            "folder may be a link)"
        )
    if os.path.lexists(path) and not path.is_file():  # a folder, a dangling link, a pipe
        set_aside(path, "is not a file")


class JsonlWriter:
    """Append records to a JSON Lines file, each on disk before `append` returns.

    Opening repairs a torn last line of an earlier process by cutting it off. The file is locked, so
    that two processes cannot write to it at once: the second one waits for `patience` seconds, then raises
    `UserError`.
    """

    def __init__(self, path: Path, patience: float = 0.0) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        _make_way(path)
        self._file = open(path, "ab+", buffering=0)  # noqa: SIM115 - closed by close()
        self._lock(path, time.monotonic() + patience)
        end = self._last_line()
        if end < self._file.seek(0, os.SEEK_END):
            self._file.seek(end)
            if read_record(self._file.read(json_reader.BYTES + 1))[1]:
                self._file.truncate(end)
            else:
                self._write(b"\n")  # whole but for its end: `read_jsonl` counts it

    def _lock(self, path: Path, end: float) -> None:
        while True:
            try:
                return fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= end:
                    self._file.close()
                    raise UserError(
                        f"{path}: another process is writing to this file; wait for it or stop it"
                    ) from None
                time.sleep(0.02)

    def _last_line(self) -> int:
        """Where the last line begins that has no end, looked for from the end: the file may be large."""
        start, block = self._file.seek(0, os.SEEK_END), 1 << 20
        while start:
            size = min(start, block)
            start = self._file.seek(start - size)
            if (found := self._file.read(size).rfind(b"\n")) >= 0:
                return start + found + 1
        return 0

    def append(self, record: dict[str, Any]) -> None:
        """Append a record (JSON-able) and wait for the disk. Raises as `extend` does."""
        self.extend([record])

    def extend(self, records: Iterable[dict[str, Any]]) -> None:
        """Append several records and wait for the disk once. After an error (`OSError`, such as a full
        disk) the file ends where it did before."""
        self._write(b"".join(json.dumps(r, ensure_ascii=False).encode() + b"\n" for r in records))

    def _write(self, data: bytes) -> None:
        end = os.fstat(self._file.fileno()).st_size
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(end)
            raise

    def close(self) -> None:
        """Close the file, which releases its lock."""
        self._file.close()

    def __enter__(self) -> JsonlWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
