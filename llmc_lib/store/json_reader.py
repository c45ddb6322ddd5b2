"""JSON from outside, within limits: the one reader for data sets, benchmarks, imports, stores and manifests.

Python's own parser, which takes NaN, as programs in Python write it. Of what it would take, nothing is accepted
that later code fails on: nesting of more than `DEPTH`, whole numbers of more than `DIGITS` digits (Python itself
refuses to print those of more than 4,300), records of more than `BYTES` or `VALUES`. Half a surrogate pair, which an answer
cut within an emoji has and UTF-8 cannot hold, becomes "?".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from llmc_lib.records import writable

DEPTH = 100
DIGITS = 1000
#: Of a line, or of a record of a file that is one JSON value. A completion of a million tokens has 10 MB.
BYTES = 64 * 2**20
#: Commas and brackets of a line or record, those in its texts among them: each may cost 70 bytes as a value.
VALUES = 5_000_000
#: Characters that are read at a time.
_CHUNK = 1 << 16
#: And at most: more could hold too many values.
_STEP = 8 * 2**20
#: An error so near to the end of what is in memory may be none: a word may go on.
_NEAR = 16
#: So many characters after a number may belong to it: "1" of "1.5", "1.5" of "1.5e+3".
_TAIL = 3
_SPACE = re.compile(r"[ \t\r\n]*")


class JsonError(ValueError):
    """What is wrong, in words that follow "not valid JSON: ". `line`: of the file, from 1; 0: not known."""

    def __init__(self, problem: str, line: int = 0) -> None:
        super().__init__(problem)
        self.line = line


def loads(text: str | bytes) -> Any:
    """The value of a JSON text. Raises `JsonError`."""
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8-sig")
        _check_values(text)
        value = _DECODER.decode(text)
    except UnicodeDecodeError as error:
        raise JsonError(f"not UTF-8 at byte {error.start + 1}") from None
    except json.JSONDecodeError as error:
        raise JsonError(str(error)) from None
    except RecursionError:
        raise JsonError(_DEEP) from None
    _check_depth(value)
    return _writable(value) if _SURROGATE.search(text) else value


def load(path: Path) -> Any:
    """The value of a small JSON file. Raises `OSError` and `JsonError`."""
    if path.exists() and not (path.is_file() or path.is_dir()):  # a pipe would be waited for
        raise JsonError("no regular file")
    with open(path, "rb") as file:
        data = file.read(BYTES + 1)
    if len(data) > BYTES:
        raise JsonError(_LONG)
    return loads(data)


def readable(path: Path) -> Any:
    """The value of a small JSON file; None where it cannot be read."""
    try:
        return load(path)
    except (OSError, JsonError):
        return None


def lines(file: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file, with their ends. Raises `JsonError` for one that is too long."""
    number = 0
    while line := file.readline(BYTES + 1):
        number += 1
        if len(line) > BYTES:
            raise JsonError(_LONG, number)
        yield line


def records(path: Path) -> Iterator[tuple[int, str, Any]]:
    """The items of a file that is one JSON array or object, one at a time, of a file of any size.

    Yields line (where the item begins), key ("" in an array) and value. Raises `JsonError` with the line,
    `OSError`, and `UnicodeDecodeError` for a file that is not UTF-8.
    """
    with open(path, encoding="utf-8-sig", newline="") as file:
        stream = _Stream(file)
        start = stream.peek()
        if start not in ("[", "{"):
            raise JsonError("must be an array or an object", stream.line)
        end = "]" if start == "[" else "}"
        stream.skip(start)
        while stream.peek() != end:
            line, key = stream.line, ""
            if start == "{":
                if stream.peek() != '"':
                    raise JsonError("expecting a key in double quotes", line)
                key = stream.value()
                stream.skip(":")
            value = stream.value()
            yield line, key, value
            if stream.peek() != end:
                stream.skip(",")
                if stream.peek() == end:
                    raise JsonError("a comma with nothing after it", stream.line)
        stream.skip(end)
        if stream.peek():
            raise JsonError("continues after its end", stream.line)


_DEEP = f"nested more than {DEPTH} deep"
_LONG = f"has more than {BYTES >> 20} MiB in one line or record"
_MANY = f"has more than {VALUES:,} values in one line or record"


def _integer(text: str) -> int:
    if len(text) > DIGITS:
        raise JsonError(f"a whole number of {len(text):,} digits")
    return int(text)


_DECODER = json.JSONDecoder(parse_int=_integer)
#: An escape that is one half of a pair.
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def _writable(value: Any) -> Any:
    if isinstance(value, str):
        return writable(value)
    if isinstance(value, list):
        return [_writable(item) for item in value]
    if isinstance(value, dict):
        return {writable(key): _writable(item) for key, item in value.items()}
    return value


def _check_values(text: str) -> None:
    if len(text) > VALUES and sum(map(text.count, ",[{")) > VALUES:
        raise JsonError(_MANY)


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level := [part for part in level if type(part) in (dict, list)]:
        depth += 1
        if depth > DEPTH:
            raise JsonError(_DEEP)
        level = [
            part
            for parts in level
            for part in (parts.values() if type(parts) is dict else parts)
            if type(part) in (dict, list)
        ]


class _Stream:
    """A text that is read as far as it is needed."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._text, self._place, self._whole = "", 0, False
        self._lines = 1  # the line that `_text` begins in

    @property
    def line(self) -> int:
        return self._lines + self._text.count("\n", 0, self._place)

    def _more(self) -> None:
        self._lines = self.line
        rest = self._text[self._place :]
        if len(rest) > BYTES:
            raise JsonError(_LONG, self._lines)
        try:
            _check_values(rest)
        except JsonError as error:
            raise JsonError(str(error), self._lines) from None
        new = self._file.read(max(_CHUNK, min(len(rest), _STEP)))
        self._text, self._place, self._whole = rest + new, 0, not new

    def peek(self) -> str:
        """The next character that is not white space, "" at the end."""
        while True:
            text = self._text
            self._place = place = _SPACE.match(text, self._place).end()  # type: ignore[union-attr]
            if place < len(text) or self._whole:
                return text[place : place + 1]
            self._more()

    def skip(self, character: str) -> None:
        if self.peek() != character:
            raise JsonError(f"expecting {character!r}", self.line)
        self._place += 1

    def value(self) -> Any:
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._place)
                if len(self._text) - end < _TAIL and not self._whole:
                    self._more()  # a number may go on
                    continue
                _check_depth(value)
                if _SURROGATE.search(self._text, self._place, end):
                    value = _writable(value)
            except json.JSONDecodeError as error:
                cut = error.pos > len(self._text) - _NEAR or error.msg.startswith("Unterminated")
                if cut and not self._whole:
                    self._more()
                    continue
                line = self._lines + self._text.count("\n", 0, error.pos)
                raise JsonError(error.msg, line) from None
            except JsonError as error:
                raise JsonError(str(error), self.line) from None
            except RecursionError:
                raise JsonError(_DEEP, self.line) from None
            self._place = end
            return value
