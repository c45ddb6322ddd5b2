"""The exploring notebook runs headless: on imported answers, which need no model, and on the example."""

from __future__ import annotations

from pathlib import Path

import nbformat
import papermill
import pytest

from llmc_lib.store import ROOT


@pytest.mark.slow
@pytest.mark.usefixtures("warm_python")
@pytest.mark.parametrize("kind", ["imported", "example"])
def test_the_notebook_runs(kind: str, imported: Path, tmp_path: Path) -> None:
    params = {"imported": [str(imported)], "example": ["reports/example"]}
    out = tmp_path / "out.ipynb"
    papermill.execute_notebook(
        ROOT / "notebooks" / "explore.ipynb", out, {"PARAMS": params[kind]},
        kernel_name="llmc", cwd=ROOT, progress_bar=False,
    )  # fmt: skip
    notebook = nbformat.read(out, 4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    widgets = [o for o in outputs if "application/vnd.jupyter.widget-view+json" in o.get("data", {})]  # fmt: skip
    assert len(widgets) == 7
    assert all("Run the cell to use it." in o["data"]["text/plain"] for o in widgets)
    states = notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    values = [str(state["state"].get("value", "")) for state in states.values()]
    assert not [value for value in values if 'class="warning"' in value]
    assert sum("<svg" in value for value in values) >= 2
