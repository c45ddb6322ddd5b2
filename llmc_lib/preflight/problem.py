"""An error in a params file, or in what it names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from llmc_lib.errors import UserError


class Problem(NamedTuple):
    """What is wrong with one setting."""

    keys: tuple[str | int, ...]  # where in the params file
    message: str  # what is wrong, and what to do


@contextmanager
def noted(problems: list[Problem], *keys: str | int, without: str = "") -> Iterator[None]:
    """A `UserError` of the block becomes a problem of the setting at `keys`; `without`: what its message
    begins with and the place says already."""
    try:
        yield
    except UserError as error:
        problems.append(Problem(keys, str(error).removeprefix(without)))
    except OSError as error:
        problems.append(Problem(keys, f"{error.filename}: cannot be read: {error.strerror}"))
