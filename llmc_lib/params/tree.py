"""The YAML of a params file, within limits: a tree of plain values with the line of each.

A file is refused before it is built where it nests too deeply, refers to itself, grows by aliases, or
holds control characters: what comes later (messages, JSON, paths, a terminal) need not think of these.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import ConstructorError

from llmc_lib.errors import UserError, shown

_BYTES = 16 * 2**20
_DEPTH = 30
#: Keys and values, those that aliases repeat among them.
_VALUES = 500_000
_TEXT = 20_000
#: Of nested keys so many are told; no setting has more.
_SHOWN = 8
_NO_TABS = "; indent with spaces, not tabs"
#: What PyYAML says, and what to do.
_REMEDIES = {
    "tab character": _NO_TABS,
    "cannot start any token": "; put the text in quotes",
    "another document": "; keep one, without a line '---' between",
    "determine a constructor": "; leave the tag out",
    "unhashable key": "; a key must be a word",
    "incompatible YAML document": "; leave the line %YAML out",
    "undefined alias": "; put a text that begins with * in quotes",
    "not find expected ':'": "; write 'key: value', with a space after the colon",
    "mapping values are not allowed": "; indent it as its neighbours, or put a text with ': ' in quotes",
    "unexpected end of stream": "; close the quotes",
    "escape": "; put the text in single quotes",
    "hexdecimal": "; put the text in single quotes",
    "not find expected": "; correct its indentation, or close the brackets and quotes above it",
    "for merging": "; give << an alias of a group, as in '<<: *name'",
}


def read(path: Path) -> tuple[yaml.Node | None, Any]:
    """The tree of nodes (None for an empty file) and the values of a YAML file.

    Raises `UserError` with file, line and key.
    """
    return parse(_text(path), path)


def parse(text: str, path: Path) -> tuple[yaml.Node | None, Any]:
    """The same of a text that is in a file, or a part of it."""
    try:
        _check_size(text)
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None, None
        _check_tree(node)
        return node, loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        key = _key_at(text, mark) if mark else ""
        problem = str(error.problem).removeprefix("but ")
        at = "".join(text.splitlines()[mark.line :][:1])[mark.column :] if mark else ""
        remedy = next((r for part, r in _REMEDIES.items() if part in problem), "")
        remedy = _NO_TABS if at.startswith("\t") else remedy
        raise UserError(f"{path}{line}: {key}not valid YAML: {problem}{remedy}") from None
    except yaml.reader.ReaderError as error:
        line = f", line {text.encode()[: error.position].count(10) + 1}"
        raise UserError(f"{path}{line}: not valid YAML: {error.reason}; remove it") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None


def _text(path: Path) -> str:
    # A pipe would be waited for without end.
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise UserError(f"{path}: is not a regular file; give a params file")
    try:
        with open(path, "rb") as file:
            data = file.read(_BYTES + 1)
        if len(data) > _BYTES:
            raise UserError(f"{path}: has more than {_BYTES >> 20} MiB; a params file has a few kB")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        raise UserError(
            f"{path}, line {line}: byte 0x{byte:02x} is not UTF-8; save it as UTF-8"
        ) from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """PyYAML's safe loader, with YAML 1.2 floats (1e-5 is a number) and no key given twice."""

    def construct_mapping(self, node: yaml.Node, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                problem = f"{shown(key.value)} is given twice; keep one"
                raise ConstructorError(problem=problem, problem_mark=key.start_mark)
            seen.add(key.value)
            if (kind := _kind(key)) in ("bool", "null"):
                problem = f"the key {shown(key.value)} is a {kind} to YAML; put it in quotes"
                raise ConstructorError(problem=problem, problem_mark=key.start_mark)
        made: dict[Any, Any] = super().construct_mapping(node, deep)
        return made

    def construct_yaml_int(self, node: yaml.Node) -> Any:
        # 8, and 5,400, to YAML 1.1, which PyYAML reads; 10, and a text, to 1.2.
        if re.fullmatch(r"[-+]?(0[0-9_]+|.*:.*)", node.value):
            problem = f"{shown(node.value)} is one number to some readers of YAML and another to others; write it in decimal digits, or put it in quotes"
            raise ConstructorError(problem=problem, problem_mark=node.start_mark)
        return super().construct_yaml_int(node)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        # A date with a 13th month, and what PyYAML does with a tag that does not fit: !!bool x, !!int ''.
        except (ValueError, KeyError, AttributeError, TypeError, IndexError) as error:
            why = str(error) if isinstance(error, ValueError) else f"is not a valid {_kind(node)}"
            problem = f"{shown(node.value)}: {why.split(';')[0]}; put it in quotes"
            raise ConstructorError(problem=problem, problem_mark=node.start_mark) from None


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)$"),
    list("-+.0123456789"),
)


def _kind(node: yaml.Node) -> str:
    return str(node.tag).rpartition(":")[2]


#: In place of a key that is a group or list itself.
_GROUP = "?"


class _Level:
    """A group or list that is being read, and where in it the reader is."""

    def __init__(self, is_group: bool) -> None:
        self.is_group = is_group
        self.place: str | int = -1  # the last key, or the number of the last item
        self.open = False  # has the key no value yet?

    def begin(self, text: str) -> None:
        """A key, a value or an item begins."""
        if not self.is_group:
            self.place = int(self.place) + 1
        elif self.open:
            self.open = False
        else:
            self.place, self.open = text, True


def _key_at(text: str, mark: Any) -> str:
    """The setting at a place in a file, or of what a syntax error ends, as messages have it: "training.sft: "."""
    levels: list[_Level] = []
    try:
        for event in yaml.parse(text, Loader=_Loader):
            if isinstance(event, yaml.CollectionEndEvent):
                levels.pop()
            elif isinstance(event, yaml.NodeEvent):
                if levels:
                    levels[-1].begin(str(getattr(event, "value", _GROUP)))
                if _is_at(event, mark):
                    break
                if isinstance(event, yaml.CollectionStartEvent):
                    levels.append(_Level(isinstance(event, yaml.MappingStartEvent)))
    except yaml.YAMLError:
        if levels and not levels[-1].open:  # what was read last is whole
            levels.pop()
    places = [str(level.place) for level in levels[:_SHOWN] if level.place not in (-1, _GROUP)]
    return f"{'.'.join(map(word, places))}: " if places else ""


def word(key: str | int) -> str:
    """A key in a message; one that no setting can have is shown as a value would be."""
    text = str(key)
    return text if text.isprintable() and len(text) <= 60 else shown(text)


def _is_at(event: yaml.Event, mark: Any) -> bool:
    """Does a part of the file begin at a place, or after it?"""
    start: Any = event.start_mark
    return bool((start.line, start.column) >= (mark.line, mark.column))


def _check_size(text: str) -> None:
    """Depth and number of values, from the parser's events: building the tree is recursive."""
    depth = 0
    for values, event in enumerate(yaml.parse(text, Loader=_Loader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEPTH:
            raise _error(event, f"nested more than {_DEPTH} deep; no setting is")
        if values > _VALUES:
            raise _error(event, f"more than {_VALUES:,} keys and values; keep what is needed")


def _check_tree(root: yaml.Node) -> None:
    """Aliases that make a tree endless or huge, and texts that no setting can have."""
    sizes: dict[int, tuple[int, int]] = {}
    above: set[int] = set()

    def size(node: yaml.Node, depth: int) -> tuple[int, int]:
        """How many values a node stands for, and how deep they are nested."""
        if id(node) in above:
            raise _error(node, "an alias that refers to what it is part of; write it out")
        if id(node) not in sizes:
            above.add(id(node))
            if isinstance(node, yaml.ScalarNode):
                _check_text(node)
            values, height = 1, 0
            for child in _children(node) if depth <= _DEPTH else ():
                more, deep = size(child, depth + 1)
                values, height = values + more, max(height, deep + 1)
            above.remove(id(node))
            sizes[id(node)] = values, height
        values, height = sizes[id(node)]
        if depth + height > _DEPTH:
            raise _error(node, f"nested more than {_DEPTH} deep; no setting is")
        if values > _VALUES:
            raise _error(node, f"more than {_VALUES:,} values by its aliases; write it out")
        return values, height

    size(root, 0)


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _check_text(node: yaml.ScalarNode) -> None:
    text = node.value
    if len(text) > _TEXT:
        raise _error(node, f"{shown(text)}: a text of more than {_TEXT:,} characters; shorten it")
    if text.isprintable():
        return
    for character in text:
        if character not in "\n\t" and unicodedata.category(character) in ("Cc", "Cs"):
            raise _error(
                node, f"{shown(text)}: holds the control character {character!r}; remove it"
            )


def _error(place: Any, problem: str) -> ConstructorError:
    return ConstructorError(problem=problem, problem_mark=place.start_mark)
