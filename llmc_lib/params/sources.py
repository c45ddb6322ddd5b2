"""What the sources of examples have and have not, to be checked before one of them is loaded."""

from __future__ import annotations

from collections.abc import Mapping

#: Those that need neither a path nor the hub.
EMBEDDED_SOURCES = ("hard_math", "textbook", "skills", "safety", "instructions", "replay")

_OLYMMATH = ("en-easy", "en-hard", "zh-easy", "zh-hard")
#: The parts of a set that has several.
SUBSETS: Mapping[str, tuple[str, ...]] = {"olymmath": _OLYMMATH, "olymmath_eval": _OLYMMATH}


def check_source(
    kind: str, *, path: str | None, subset: str | None, fields: Mapping[str, str]
) -> None:
    """Do a source's settings fit what it is? Raises `ValueError(key, message)`."""
    there = SUBSETS.get(kind, ())
    if subset is not None and subset not in there:
        known = f"it has {', '.join(there)}" if there else "it has none; leave it out"
        raise ValueError("subset", f"{kind} has no {subset!r}; {known}")
    if path and kind in EMBEDDED_SOURCES and kind != "replay":
        raise ValueError("path", f"{kind} is embedded and reads no file; leave the path out")
    if fields and kind != "files" and not (kind == "replay" and path):
        raise ValueError("fields", f"{kind} knows its fields; leave them out, or give kind: files")
