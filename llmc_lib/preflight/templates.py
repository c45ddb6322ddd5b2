"""Chat templates of a model's folder: nothing in them that Jinja's sandbox would have to stop."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from jinja2 import TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from llmc_lib import json_reader
from llmc_lib.errors import shown
from llmc_lib.json_reader import JsonError

#: transformers' own tag, which marks what the assistant says.
_GENERATION = re.compile(r"{%-?\s*(?:end)?generation\s*-?%}")
_OTHER_FILES = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)


def template_problems(folder: Path) -> Iterator[str]:
    """What is wrong with the templates of a folder: a text each."""
    for name, text in _templates(folder):
        if problem := _problem(text):
            yield f"{name}: {problem}"


def _templates(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted([*folder.glob("*.jinja"), *folder.glob("*/*.jinja")]):
        yield str(path), path.read_text(encoding="utf-8", errors="replace")
    path = folder / "tokenizer_config.json"
    try:
        found = json_reader.load(path).get("chat_template")
    except (OSError, JsonError, AttributeError):  # told elsewhere, or not there
        return
    named = found if isinstance(found, list) else [{"name": "default", "template": found}]
    for one in named:
        if isinstance(one, dict) and isinstance(one.get("template"), str):
            yield f"{path}: chat_template {shown(one.get('name'))}", one["template"]


def _problem(text: str) -> str:
    environment = ImmutableSandboxedEnvironment(extensions=["jinja2.ext.loopcontrols"])
    try:
        tree = environment.parse(_GENERATION.sub("", text))
    except TemplateSyntaxError as error:
        return f"line {error.lineno}: not a valid template: {error.message}"
    except RecursionError:
        return "not a valid template: nested too deeply"
    for node in tree.find_all((nodes.Getattr, nodes.Getitem, nodes.Filter, *_OTHER_FILES)):
        if isinstance(node, _OTHER_FILES):
            return f"line {node.lineno}: loads another template; write it out"
        if name := _hidden(node):
            return f"line {node.lineno}: reaches for {shown(name)}, which is no part of a message; remove it"
    return ""


def _hidden(node: nodes.Node) -> str:
    """The name of Python's own that an expression asks for, "" where there is none."""
    name: object = ""
    if isinstance(node, nodes.Getattr):
        name = node.attr
    elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        name = node.arg.value
    elif isinstance(node, nodes.Filter) and node.name in ("attr", "map") and node.args:
        name = getattr(node.args[0], "value", "")
    return name if isinstance(name, str) and name.startswith("__") else ""
