"""Read a params file: YAML into `params.Params`, or every mistake with its line, key and remedy."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from yaml.constructor import ConstructorError

from llmc_lib.errors import UserError
from llmc_lib.params import DatasetParams, Params, TrainingParams


def load(path: Path) -> Params:
    """Read and check a params file.

    Raises `UserError` with one line for each mistake: file, line, key, what is wrong, remedy.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        near = difflib.get_close_matches(path.name, [p.name for p in path.parent.glob("*.yaml")], 1)
        hint = f"did you mean {path.parent / near[0]}?" if near else "copy params/quickstart.yaml"
        raise UserError(f"{path}: no such params file; {hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        values = loader.construct_document(node) if node else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{path}{line}: not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise UserError(f"{path}: must hold keys and values, like params/quickstart.yaml")
    try:
        params = Params.model_validate(values)
    except ValidationError as error:
        raise UserError("\n".join(_lines(path, node, error))) from None
    lines = []
    for number, candidate in enumerate(params.candidates):
        try:
            params.recipe(candidate)
        except ValidationError as error:
            lines += _lines(path, node, error, ("candidates", number))
    if lines:
        raise UserError("\n".join(lines))
    return params


def where(path: Path, *keys: str | int) -> str:
    """The place of a setting in a params file that `load` accepts: file, line and key."""
    return _place(path, _Loader(path.read_text(encoding="utf-8")).get_single_node(), [*keys])


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, with YAML 1.2 floats (1e-5 is a number) and no key given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                problem = f"{key.value!r} is given twice; keep one"
                raise ConstructorError(problem=problem, problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except ValueError as error:  # such as a date with a 13th month
            problem = f"{node.value!r}: {error}; put it in quotes"
            raise ConstructorError(problem=problem, problem_mark=node.start_mark) from None


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)$"),
    list("-+.0123456789"),
)


#: The schemas that a mistake can be found against, by their names, and the key of a candidate that
#: holds settings of each.
_SECTIONS: dict[str, tuple[type[BaseModel], list[str | int]]] = {
    "Params": (Params, []),
    "TrainingParams": (TrainingParams, ["training"]),
    "DatasetParams": (DatasetParams, ["mixture"]),
}


def _lines(
    path: Path, root: yaml.Node | None, error: ValidationError, at: tuple[str | int, ...] = ()
) -> list[str]:
    """A line for each mistake in the part of the file at `at`."""
    section, inside = _SECTIONS[error.title]
    problems = error.errors()
    # A list with a wrong item is reported twice; the item says more.
    inner = {problem["loc"][:n] for problem in problems for n in range(len(problem["loc"]))}
    return [
        _explain(path, root, problem, [*at, *inside], section)
        for problem in problems
        if problem["loc"] not in inner
    ]


def _explain(
    path: Path, root: yaml.Node | None, problem: Any, at: list[str | int], section: type[BaseModel]
) -> str:
    """One pydantic error as a line: where it is, what is wrong, what to do."""
    keys = [
        key for key in problem["loc"] if not (isinstance(key, str) and key.startswith("function-"))
    ]
    if problem["type"] == "value_error":
        key, message = problem["ctx"]["error"].args
        inside = key if isinstance(key, tuple) else (key,)
        return f"{_place(path, root, [*at, *keys, *inside])}: {message}"
    where = _place(path, root, [*at, *keys])
    given = problem.get("input")
    match problem["type"]:
        case "extra_forbidden":
            known = _known_keys(section, keys[:-1])
            near = difflib.get_close_matches(str(keys[-1]), known, 1)
            remedy = (
                f"did you mean {near[0]!r}?" if near else f"known keys here: {', '.join(known)}"
            )
            return f"{where}: unknown key; {remedy}"
        case "missing":
            return f"{where}: required and not given; add it"
        case "literal_error":
            return f"{where}: {given!r} is not one of {problem['ctx']['expected']}"
        case "string_pattern_mismatch":
            return f"{where}: {given!r} must be lower-case letters, digits, '.', '_' and '-'"
        case "model_type" | "dict_type":
            return f"{where}: must be a group of keys, not {given!r}"
        case "tuple_type":
            return f"{where}: must be a list, not {given!r}"
        case "too_short":
            return f"{where}: must have at least one item"
        case "invalid_key":
            return f"{where}: a key must be a word; put {keys[-1]!r} in quotes, or correct it"
        case _:
            message = problem["msg"].removeprefix("Input should be ").removeprefix("a valid ")
            return f"{where}: must be {message}, not {given!r}"


def _place(path: Path, root: yaml.Node | None, keys: list[str | int]) -> str:
    return f"{path}, line {_line_of(root, keys)}: {'.'.join(str(key) for key in keys) or 'file'}"


def _line_of(node: yaml.Node | None, keys: list[str | int]) -> int:
    """The line (from 1) of the deepest part of `keys` that the file has."""
    line = 1
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == str(key)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int):
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
