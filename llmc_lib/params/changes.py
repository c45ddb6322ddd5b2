"""What differs between the params of two runs, key by key."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmc_lib.language import tr

#: Names and folders, which differ for every run, and assumptions that nothing but `make plan` reads.
_NO_NEWS = ("run", "runs_dir", "reports_dir", "plan", "report.title")
_ABSENT = object()
_LONGEST = 60  # characters of a value


@dataclass(frozen=True)
class Change:
    """A key with its full name ("training.learning_rate") and its change ("1e-5 → 2e-5")."""

    key: str
    what: str


def changes(
    before: Mapping[str, Any], after: Mapping[str, Any], left_out: Sequence[str] = _NO_NEWS
) -> list[Change]:
    """What differs between two params as `model_dump` and metrics.json have them, in the order of their keys.

    Items of a list that have a name (sources, candidates, benchmarks) are compared by it. A group of keys
    that only one of the two has is one change. The keys `left_out` are not compared.
    """
    return list(_changes(before, after, left_out))


def _changes(
    before: Mapping[str, Any], after: Mapping[str, Any], left_out: Sequence[str], inside: str = ""
) -> Iterator[Change]:
    for key in dict.fromkeys([*before, *after]):
        old, new = before.get(key, _ABSENT), after.get(key, _ABSENT)
        name = f"{inside}{key}"
        if name in left_out or _same(old, new):
            continue
        old_items, new_items = _by_name(old), _by_name(new)
        if old_items is not None and new_items is not None:
            yield from _changes(old_items, new_items, left_out, f"{name}.")
            kept = (
                [n for n in old_items if n in new_items],
                [n for n in new_items if n in old_items],
            )
            if kept[0] != kept[1]:  # the first import is the reference
                yield Change(
                    tr("{key}, order", key=name), f"{', '.join(kept[0])} → {', '.join(kept[1])}"
                )
        else:
            yield Change(name, _what(old, new))


def _same(old: Any, new: Any) -> bool:
    """Nothing given is the same as a key that an older version did not know."""
    if old is _ABSENT or new is _ABSENT:
        return all(value is _ABSENT or value in (None, [], {}) for value in (old, new))
    return type(old) is type(new) and old == new


def _by_name(value: Any) -> Mapping[str, Any] | None:
    """A group of keys as it is, a list of things with names by those; None for anything else."""
    if isinstance(value, Mapping):
        return value
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        return None
    names = [item.get("name", item.get("model")) for item in value]
    told_apart = all(isinstance(n, str) for n in names) and len(set(names)) == len(names)
    return dict(zip(names, value, strict=True)) if told_apart else None


def _what(old: Any, new: Any) -> str:
    if old is _ABSENT and isinstance(new, Mapping | list):
        return tr("added")
    if new is _ABSENT and isinstance(old, Mapping | list):
        return tr("gone")
    return f"{_shown(old)} → {_shown(new)}"


def _shown(value: Any) -> str:
    """A value as a params file has it, cut where it is long."""
    if value is _ABSENT:
        return "–"
    if isinstance(value, float):
        return re.sub(r"e([-+])0+", r"e\1", f"{value:.10g}")
    if isinstance(value, str) and value:
        text = value
    elif isinstance(value, Mapping | list) and len(value) > 8:
        text = tr("({n} entries)", n=len(value))
    else:
        text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 2].rstrip() + " …"
