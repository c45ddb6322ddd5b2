"""What is hidden from an import is there again afterwards."""

from __future__ import annotations

import importlib
import sys
from contextlib import suppress
from importlib.util import find_spec

import pytest

from llmc_lib.processes.absent import absent

UNUSED = "this"  # of the standard library; it prints a poem where it is imported


def test_a_package_is_not_installed_for_a_while() -> None:
    assert UNUSED not in sys.modules
    assert find_spec(UNUSED) is not None
    with absent(UNUSED):
        assert find_spec(UNUSED) is None
        with pytest.raises(ImportError):
            importlib.import_module(UNUSED)
    with suppress(ZeroDivisionError), absent(UNUSED):
        raise ZeroDivisionError
    assert find_spec(UNUSED) is not None


def test_what_has_been_imported_stays() -> None:
    with absent("pytest"):
        assert importlib.import_module("pytest") is pytest
    assert importlib.import_module("pytest") is pytest
