"""Chat templates of a model's folder: nothing in them that Jinja's sandbox would have to stop."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2 import TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from llmc_lib.errors import shown
from llmc_lib.store import json_reader
from llmc_lib.store.json_reader import JsonError

#: Bytes. The longest in use have a tenth; parsing takes seconds for each megabyte.
_MOST = 256 * 2**10
#: transformers' own tag, which marks what the assistant says.
_GENERATION = re.compile(r"{%-?\s*(?:end)?generation\s*-?%}")
_OTHER_FILES = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
#: Attributes of Python's own that have no underscores in front.
_INTERNAL = re.compile(
    r"_.*|mro|(?:gi|cr|ag|f|tb|co|func|im)_(?:frame|code|globals|builtins|locals|self|func)"
)
#: A name of Python's own in a text, also as a field of a format: "{0.__class__}".
_DUNDER = re.compile(r"(?:^|[.\[{!])__\w")
#: A whole number above this counts steps of a loop, or copies of a text, that nobody waits for.
_LARGEST = 1_000_000


def template_problems(folder: Path) -> Iterator[str]:
    """What is wrong with the templates of a folder: a text each."""
    found = False
    for name, text in _templates(folder):
        found = True
        if problem := _problem(text):
            yield f"{name}: {problem}"
    if not found and not (folder / "tekken.json").is_file():
        yield (
            f"{folder}: has no chat template; give a model that was trained to answer, or put a chat_template.jinja "
            "into it"
        )


def _templates(folder: Path) -> Iterator[tuple[str, Any]]:
    for path in sorted([*folder.glob("*.jinja"), *folder.glob("*/*.jinja")]):
        try:
            with open(path, "rb") as file:
                yield str(path), file.read(_MOST + 1).decode("utf-8", errors="replace")
        except OSError:
            yield str(path), None
    for path in (folder / "chat_template.json", folder / "tokenizer_config.json"):
        try:
            found = json_reader.load(path).get("chat_template")
        except (OSError, JsonError, AttributeError):  # told elsewhere, or not there
            continue
        if isinstance(found, list):
            for one in found:
                named = one if isinstance(one, dict) else {}
                yield f"{path}: chat_template {shown(named.get('name'))}", named.get("template")
        elif found is not None:
            yield f"{path}: chat_template {shown('default')}", found


def _problem(text: Any) -> str:
    if not isinstance(text, str):
        return "must be a text; correct it"
    if len(text) > _MOST:
        return f"has more than {_MOST >> 10} KiB; no template needs as much"
    environment = ImmutableSandboxedEnvironment(
        extensions=["jinja2.ext.loopcontrols"],
        optimized=False,  # the optimizer computes constants, of any size
    )
    try:
        tree = environment.parse(_GENERATION.sub("", text))
        for node in tree.find_all(nodes.Node):
            if problem := _forbidden(node):
                return f"line {node.lineno}: {problem}"
        environment.compile(tree)  # which knows the filters and tests
    except TemplateSyntaxError as error:
        return f"line {error.lineno}: not a valid template: {error.message}"
    except (TemplateError, ValueError) as error:
        return f"not a valid template: {error}"
    except RecursionError:
        return "not a valid template: nested too deeply"
    return ""


def _forbidden(node: nodes.Node) -> str:
    """What an expression must not do, "" where it is fine."""
    if isinstance(node, _OTHER_FILES):
        return "loads another template; write it out"
    if isinstance(node, nodes.Pow) or (
        isinstance(node, nodes.Const) and isinstance(node.value, int) and node.value > _LARGEST
    ):
        return "computes with numbers that no template needs; remove it"
    if name := _hidden(node):
        return f"reaches for {shown(name)}, which is not part of a message; remove it"
    return ""


def _hidden(node: nodes.Node) -> str:
    """The name of Python's own that an expression asks for, or how it hides one; "" where there is none."""
    if isinstance(node, nodes.Getattr):
        return node.attr if _INTERNAL.fullmatch(node.attr) else ""
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        return node.value if _DUNDER.search(node.value) else ""
    if isinstance(node, nodes.Filter) and node.name == "attr":
        name = node.args[0].value if node.args and isinstance(node.args[0], nodes.Const) else None
        if not isinstance(name, str):
            return "an attribute by a computed name"
        return name if _INTERNAL.fullmatch(name) else ""
    if isinstance(node, nodes.Getitem) and not isinstance(node.arg, nodes.Const | nodes.Slice):
        computed = any(isinstance(c.value, str) for c in node.arg.find_all(nodes.Const))
        if computed and node.arg.find(nodes.Name) is None:
            return "an item by a computed name"
    return ""
