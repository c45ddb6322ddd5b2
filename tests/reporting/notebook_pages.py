"""Pages of the notebooks themselves, made without a kernel: their cells are run here, their outputs rendered."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_output

from llmc_lib.reporting.elements import TEXT, Block
from llmc_lib.reporting.render import render
from llmc_lib.store import ROOT


def notebook_page(name: str, folder: Path) -> str:
    """The page of notebooks/<name>.ipynb; what it opens and computes is the test's to put in place."""
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    names: dict[str, Any] = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            tree = ast.parse(cell.source)
            last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, name, "exec"), names)
            if isinstance(last, ast.Expr):
                shown = eval(compile(ast.Expression(last.value), name, "eval"), names)
                views = shown.views() if isinstance(shown, Block) else [({TEXT: repr(shown)}, {})]
                cell.outputs = [
                    new_output("display_data", data=data, metadata=metadata)
                    for data, metadata in views
                ]
    path = folder / f"{name}.ipynb"
    nbformat.write(notebook, path)
    return render(path, "…")
