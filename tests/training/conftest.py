"""What the tests of trainings share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tiny import make_tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny model with random weights."""
    folder = tmp_path_factory.mktemp("model")
    make_tiny_model(folder)
    return folder
