"""What the tests of plans share."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmc_lib.plan import shape
from llmc_lib.plan.shape import Shape


@pytest.fixture(scope="session")
def counted() -> dict[str, Shape]:
    """The shapes of the models whose configurations are in the package, by their names."""
    configs = Path(shape.__file__).parent / "configs"
    return {config.stem: shape.count(config) for config in sorted(configs.glob("*.json"))}
