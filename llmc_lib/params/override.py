"""Settings given beside a params file, in place of its own: {"training.learning_rate": 1e-5}.

They are put into what was read of the file before anything is checked, so that they are checked as the file is.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from llmc_lib.errors import UserError, instead, shown
from llmc_lib.params import merged
from llmc_lib.params import tree as params_yaml

#: The way to a setting: keys, and numbers of items in lists.
Keys = tuple[str | int, ...]


def overridden(
    values: dict[str, Any], override: Mapping[str, Any], path: Path
) -> tuple[dict[str, Any], list[Keys]]:
    """The values of a params file with those of `override` in place of its own, and which these are.

    A key is the way to a setting, joined by dots; the items of a list are told by their number (from 0) or by their
    `name`: "evaluation.benchmarks.hle.questions". Of a value that is a group of keys the others of the group stay.
    Raises `UserError`, in which `path` is the params file, for what is no such key, for an item that the list has not,
    and for a value that no params file could hold.
    """
    if not isinstance(override, Mapping):
        raise UserError(
            f'{path}, override: must be {{"section.key": value}}, not {shown(override)}'
        )
    made, changed = copy.deepcopy(values), []
    for key, value in override.items():
        if not isinstance(key, str) or not all(key.split(".")):
            raise UserError(
                f"{path}, override: {shown(key)} is not a key; join the way to a setting by dots: training.learning_rate"
            )
        given = _plain(key, value, path)
        changed.append(_put(made, key, given, path))
    return made, changed


def _plain(key: str, value: Any, path: Path) -> Any:
    """A value as it would be read from a file, within the limits of one."""
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:  # a number of NumPy's
        value = value.item()
    try:
        text = yaml.safe_dump(value, allow_unicode=True)
    except (yaml.YAMLError, RecursionError):
        raise UserError(
            f"{path}, override: {params_yaml.word(key)}: {shown(value)} is not a value that a params file can hold; give "
            "a number, a text, true or false, a list or a dict of them"
        ) from None
    return params_yaml.parse(text, Path(f"{path}, override: {params_yaml.word(key)}"))[1]


def _put(values: dict[str, Any], key: str, given: Any, path: Path) -> Keys:
    """Put a value in its place; returns the place."""
    *way, last = key.split(".")
    inside: Any = values
    keys: list[str | int] = []
    for part in way:
        place = _place(inside, part, key, path)
        if isinstance(inside, dict) and not isinstance(inside.get(place), dict | list):
            inside[place] = {}
        inside = inside[place]
        keys.append(place)
    place = _place(inside, last, key, path)
    old = inside.get(place) if isinstance(inside, dict) else inside[place]  # type: ignore[index]
    inside[place] = (
        merged(old, given) if isinstance(old, dict) and isinstance(given, dict) else given
    )
    return (*keys, place)


def _place(inside: Any, part: str, key: str, path: Path) -> str | int:
    """A part of a key: of a group a key, of a list the number of an item."""
    if not isinstance(inside, list):
        return part
    if part.isdecimal() and len(part) < 10 and int(part) < len(inside):  # Python reads 4,300 digits
        return int(part)
    names = [str(item.get("name", "")) if isinstance(item, dict) else "" for item in inside]
    if names.count(part) == 1:
        return names.index(part)
    hint = instead(part, filter(None, names), f"give a number from 0 to {len(inside) - 1}")
    raise UserError(
        f"{path}, override: {params_yaml.word(key)}: the list has no item {part!r}; {hint}"
    )
