"""The examples of docstrings are run: they are what a reader tries first."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in (ROOT / "llmc_lib").rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


def test_what_notebooks_call_has_examples() -> None:
    assert {"llmc_lib.analysis.comparison", "llmc_lib.answers.comparing"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_are_true(name: str) -> None:
    found = doctest.testmod(import_module(name))
    assert found.attempted
    assert not found.failed
