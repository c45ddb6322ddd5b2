"""Read a params file: YAML into `params.Params`, or every error with its line, key and remedy."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from llmc_lib.errors import UserError, instead, near, printable, shown
from llmc_lib.formatting import counted
from llmc_lib.params import DatasetParams, Params, TrainingParams
from llmc_lib.params import tree as params_yaml
from llmc_lib.params.override import Keys, overridden

_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?")
#: As many errors are told at a time.
_MOST = 20
#: Keys that had another name.
_RENAMED = {"processes": "nproc_per_node", "checkpoints": "export_at"}


def load(path: Path, override: Mapping[str, Any] | None = None) -> Params:
    """Read and check a params file, with the settings of `override` (see `params.override`) in place of its own.

    Raises `UserError` with one line for each error: file, line (or that it is of the override), key, what is wrong,
    remedy.
    """
    return _checked(path, override)[0]


def values_of(path: Path, override: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What a params file that `load` accepts says, defaults left out, with the override in it. Raises as `load` does."""
    return _checked(path, override)[1]


def _checked(path: Path, override: Mapping[str, Any] | None) -> tuple[Params, dict[str, Any]]:
    if not os.path.lexists(path):
        meant = near(path.name, [file.name for file in path.parent.glob("*.yaml")])
        hint = f"did you mean {path.parent / meant}?" if meant else "copy params/quickstart.yaml"
        raise UserError(f"{path}: no such params file; {hint}") from None
    node, values = params_yaml.read(path)
    if not isinstance(values, dict):
        raise UserError(f"{path}: must hold keys and values, like params/quickstart.yaml")
    changed: list[Keys] = []
    if override is not None:
        values, changed = overridden(values, override, path)
    source = _Source(path, node, tuple(changed))
    try:
        params = Params.model_validate(values)
    except ValidationError as error:
        raise UserError("\n".join(_lines(source, error))) from None
    lines = []
    for number, candidate in enumerate(params.candidates):
        try:
            params.recipe(candidate)
        except ValidationError as error:
            lines += _lines(source, error, ("candidates", number))
    if lines:
        raise UserError("\n".join(lines))
    return params, values


def where(path: Path, *keys: str | int, override: Mapping[str, Any] | None = None) -> str:
    """The place of a setting in a params file that `load` accepts: file, line and key."""
    node, values = _tree(path, path.read_bytes())
    changed = overridden(values, override, path)[1] if override else []
    return _Source(path, node, tuple(changed)).place([*keys])


@lru_cache(maxsize=1)
def _tree(path: Path, content: bytes) -> tuple[yaml.Node | None, Any]:
    """The nodes of a file, made once for all places in it: of a large one that takes seconds."""
    return params_yaml.read(path)


@dataclass(frozen=True)
class _Source:
    """Where settings come from: a file, and what was given in place of some of its settings."""

    path: Path
    root: yaml.Node | None
    changed: tuple[Keys, ...] = ()

    def place(self, keys: list[str | int]) -> str:
        """A setting as messages name it."""
        at = f"line {_line_of(self.root, keys)}"
        if any(keys[: len(key)] == [*key] or [*key][: len(keys)] == keys for key in self.changed):
            at = "override"
        return f"{self.path}, {at}: {'.'.join(map(params_yaml.word, keys)) or 'file'}"


#: The schemas that an error can be found against, by their names, and the key of a candidate that
#: holds settings of each.
_SECTIONS: dict[str, tuple[type[BaseModel], list[str | int]]] = {
    "Params": (Params, []),
    "TrainingParams": (TrainingParams, ["training"]),
    "DatasetParams": (DatasetParams, ["mixture"]),
}


def _lines(source: _Source, error: ValidationError, at: tuple[str | int, ...] = ()) -> list[str]:
    """A line for each error in the part of the file at `at`."""
    section, inside = _SECTIONS[error.title]
    problems: dict[tuple[str | int, ...], list[Any]] = {}
    for problem in error.errors():
        problems.setdefault(_place(problem), []).append(problem)
    # A list with a wrong item is reported twice; the item says more.
    inner = {place[:n] for place in problems for n in range(len(place))}
    found = [(place, of_it) for place, of_it in problems.items() if place not in inner]
    lines = [
        printable(_explain(source, [*place], of_it, [*at, *inside], section))
        for place, of_it in found[:_MOST]
    ]
    if len(found) > _MOST:
        lines.append(f"{source.path}: and {counted(len(found) - _MOST, 'further error')}")
    return lines


#: What pydantic adds to a place: which of several kinds of value it tried, and that it is the key that is wrong.
_KINDS = re.compile(r"(function-|constrained-|literal\[).*|\[key\]", re.DOTALL)

_TYPES = {"bool_type": "bool", "int_type": "int", "float_type": "float", "string_type": "str"}


def _place(problem: Any) -> tuple[str | int, ...]:
    """The keys of the setting that is wrong. Of a value that may be of several kinds there is a problem for each."""
    keys = list(problem["loc"])
    if keys and _TYPES.get(problem["type"]) == keys[-1]:
        keys.pop()
    return tuple(key for key in keys if not (isinstance(key, str) and _KINDS.fullmatch(key)))


def _explain(
    source: _Source,
    keys: list[str | int],
    problems: list[Any],
    at: list[str | int],
    section: type[BaseModel],
) -> str:
    """What pydantic says of a setting as a line: where it is, what is wrong, what to do."""
    # A value of the right kind that fails its check: that it is not of another kind says nothing.
    problem = next((p for p in problems if p["type"] == "value_error"), problems[0])
    if problem["type"] == "value_error":
        *key, message = problem["ctx"]["error"].args  # a field's own check gives no key
        inside = key[0] if key and isinstance(key[0], tuple) else key
        return f"{source.place([*at, *keys, *inside])}: {message}"
    where = source.place([*at, *keys])
    given = problem.get("input")
    match problem["type"]:
        case "extra_forbidden":
            known = _known_keys(section, keys[:-1])
            if (now := _RENAMED.get(str(keys[-1]))) in known:
                return f"{where}: renamed; write {now!r}"
            remedy = instead(keys[-1], known, f"known keys here: {', '.join(known)}")
            return f"{where}: unknown key; {remedy}"
        case "missing":
            return f"{where}: required and not given; add it"
        case "literal_error":
            return f"{where}: {shown(given)} is not one of {problem['ctx']['expected']}"
        case "string_pattern_mismatch":
            form = problem["ctx"]["pattern"]
            name = form.startswith("^[a-z0-9][a-z0-9")
            dot = "'.', " if "." in form else ""
            like = (
                f"lower-case letters, digits, {dot}'_' and '-'" if name else f"of the form {form}"
            )
            return f"{where}: {shown(given)} must be {like}"
        case _ if len(problems) > 1:
            kinds = " or ".join(dict.fromkeys(map(_kind, problems)))
            return f"{where}: must be {kinds}, not {shown(given)}"
        case "model_type" | "dict_type":
            return f"{where}: must be a group of keys, not {shown(given)}"
        case "string_too_long":
            most = problem["ctx"]["max_length"]
            return f"{where}: {shown(given)} has more than {most} characters; shorten it"
        case "tuple_type":
            return f"{where}: must be a list, not {shown(given)}"
        case "string_type" if isinstance(given, bool | int | float | date):
            return f"{where}: must be a text, not {shown(given)}; put it in quotes"
        case "int_type" | "float_type" if isinstance(given, str) and _NUMBER.fullmatch(given):
            return f"{where}: must be {_kind(problem)}, not {shown(given)}; leave out the quotes"
        case "too_long":
            most = problem["ctx"]["max_length"]
            return f"{where}: has more than {most:,} items; keep those that are needed"
        case "too_short":
            least = problem["ctx"]["min_length"]
            return f"{where}: must have at least {'one item' if least == 1 else f'{least} items'}"
        case "invalid_key":
            return f"{where}: a key must be a word; put {shown(keys[-1])} in quotes, or correct it"
        case _:
            return f"{where}: must be {_kind(problem)}, not {shown(given)}"


def _kind(problem: Any) -> str:
    """The kind of value that is wanted."""
    if problem["type"] in ("model_type", "dict_type"):
        return "a group of keys"
    said: str = problem["msg"].removeprefix("Input should be ").removeprefix("a valid ")
    return said


def _line_of(node: yaml.Node | None, keys: list[str | int]) -> int:
    """The line (from 1) of the deepest part of `keys` that the file has."""
    line = 1
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == str(key)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _known_keys(section: type[BaseModel], keys: list[str | int]) -> list[str]:
    """The keys that the schema has in the section at `keys`."""
    for key in keys:
        if isinstance(key, int):
            continue
        annotation = section.model_fields[key].annotation
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        section = next(
            (c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), section
        )
    return list(section.model_fields)
