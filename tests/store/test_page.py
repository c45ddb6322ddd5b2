"""What a page is made from."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmc_lib.store import ROOT, open_run
from llmc_lib.store.page import page_key


def test_what_is_compiled_meanwhile_is_no_change_of_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(ROOT / "params" / "compare.yaml")
    copy = tmp_path / "checkout"
    (copy / "llmc_lib" / "__pycache__").mkdir(parents=True)
    (copy / "notebooks").mkdir()
    (copy / "notebooks" / "4_report.ipynb").write_text("{}")
    module = copy / "llmc_lib" / "module.py"
    module.write_text("a = 1\n")
    monkeypatch.setattr("llmc_lib.store.page.ROOT", copy)
    before = page_key(run)
    for name in ("module.cpython-311.pyc", "module.f-1.py311.nbi", "module.f-1.py311.1.nbc"):
        (module.parent / "__pycache__" / name).write_bytes(b"compiled")
    assert page_key(run) == before
    module.write_text("a = 2\n")
    assert page_key(run) != before
