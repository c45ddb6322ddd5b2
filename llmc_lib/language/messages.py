"""All texts that a catalogue translates: read off the sources, the templates and the notebooks of the pages.

`python -m llmc_lib.language.messages de` writes the texts into de.po beside this module, or brings one that is there up to
date; a translator fills it in, with any editor of .po files.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from llmc_lib.language import CATALOGUES

_PACKAGE = Path(__file__).parents[1]
_NOTEBOOKS = _PACKAGE.parent / "notebooks"
#: Calls whose first argument is a text; beside them there are `plural`, with two, and `formatting.counted`.
_CALLS = {"tr", "N_", "Out", "Fault"}
#: Calls with texts in arguments that are named: what a step and a source of the data set say of themselves.
_NAMED = {
    **dict.fromkeys(("Step", "RowStep", "BatchStep", "SetStep"), ("title", "cost")),
    "SourceFacts": ("description",),
}
_ANY_CALL = re.compile(rf"\b(?:{'|'.join(['plural', 'counted', *_CALLS, *_NAMED])})\(")
# tr("…") of a script, "…" | tr of a template.
_IN_TEMPLATE = re.compile(r'\btr\("([^"]+)"|"([^"]+)" \| tr\b')

#: A text, or its forms of one and of more.
Message = str | tuple[str, str]


@cache
def messages() -> dict[Message, list[str]]:
    """Every text → the files that it is in."""
    found: dict[Message, list[str]] = {}
    for path in sorted([*_PACKAGE.rglob("*"), *_NOTEBOOKS.glob("[0-9]_*.ipynb")]):
        reader = {".py": _of_code, ".j2": _of_template, ".js": _of_template, ".ipynb": _of_notebook}
        if path.suffix in reader:
            for message in reader[path.suffix](path.read_text(encoding="utf-8")):
                found.setdefault(message, []).append(path.relative_to(_PACKAGE.parent).as_posix())
    return found


def _of_code(source: str) -> Iterator[Message]:
    if not _ANY_CALL.search(source):  # most have no text; to parse them takes seconds
        return
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        name, texts = node.func.id, [_text(arg) for arg in node.args]
        if name == "counted" and len(texts) > 1 and texts[1]:
            yield f"{{n:,}} {texts[1]}", f"{{n:,}} {(texts[2:] or [texts[1] + 's'])[0]}"
        elif name == "plural" and texts[0] and texts[1]:
            yield texts[0], texts[1]
        elif name in _CALLS and texts and texts[0]:
            yield texts[0]
        for keyword in node.keywords:
            if keyword.arg in _NAMED.get(name, ()) and (text := _text(keyword.value)):
                yield text


def _text(node: ast.expr) -> str:
    """The text of a literal; "" of anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _of_template(text: str) -> Iterator[str]:
    for in_script, in_template in _IN_TEMPLATE.findall(text):
        yield in_script or in_template


def _of_notebook(text: str) -> Iterator[str]:
    """The paragraphs of its texts, as `render` takes them; the first line of the first is no part of the page."""
    for cell in json.loads(text)["cells"]:
        if cell["cell_type"] == "markdown":
            for part in "".join(cell["source"]).split("\n\n"):
                if not part.startswith("# "):
                    yield part


def write_catalogue(language: str) -> Path:
    """Write all texts into the catalogue of a language, with the translations that it has already."""
    from babel.messages.catalog import Catalog
    from babel.messages.pofile import read_po, write_po

    path = CATALOGUES / f"{language}.po"
    texts = Catalog(project="llmc-report", fuzzy=False)
    for message, files in messages().items():
        texts.add(message, locations=[(file, 0) for file in dict.fromkeys(files)])
    if path.exists():
        with path.open("rb") as old:
            catalogue = read_po(old)
        catalogue.update(texts)
    else:
        catalogue = texts
        catalogue.locale = language
    with path.open("wb") as new:
        write_po(new, catalogue, width=120, include_lineno=False, ignore_obsolete=True)
    return path


if __name__ == "__main__":
    print(write_catalogue(sys.argv[1]))
