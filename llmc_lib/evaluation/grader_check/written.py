"""A reference answer as a response could have it."""

from __future__ import annotations

from typing import NamedTuple


class Written(NamedTuple):
    """An answer, how it was made from the reference, and whether it is right."""

    form: str
    text: str
    right: bool
    plain: bool  # no LaTeX, so that it does not stand between dollars


def equivalent(form: str, text: str, *, plain: bool = False) -> Written:
    """Another way to write the reference."""
    return Written(form, text, True, plain)


def miss(form: str, text: str, *, plain: bool = False) -> Written:
    """An answer that is near the reference, and wrong."""
    return Written(form, text, False, plain)
