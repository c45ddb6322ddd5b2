"""What the tests of exploring share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from llmc_lib import evaluation
from llmc_lib.exploring import Choice, Runs, open_runs
from llmc_lib.store import ROOT, open_run
from tests.exploring.made import asked_twice


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The params file of a small run that no test changes."""
    return asked_twice(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="session")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The params file of a small run that no test opens."""
    return asked_twice(tmp_path_factory.mktemp("untouched"))


@pytest.fixture
def runs(untouched: Path, tmp_path: Path) -> Runs:
    """A small run of this test alone."""
    shutil.copytree(untouched.parent, tmp_path, dirs_exist_ok=True)
    params = tmp_path / untouched.name
    params.write_text(params.read_text().replace(str(untouched.parent), str(tmp_path)))
    return open_runs(params)


@pytest.fixture
def choice(runs: Runs) -> Choice:
    """What is chosen of it: all."""
    return Choice(runs)


@pytest.fixture(scope="session")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """params/compare.yaml in folders of its own, its answers imported."""
    folder = tmp_path_factory.mktemp("imported")
    values = yaml.safe_load((ROOT / "params" / "compare.yaml").read_text())
    values |= {"runs_dir": str(folder / "runs"), "reports_dir": str(folder / "reports")}
    params = folder / "compare.yaml"
    params.write_text(yaml.safe_dump(values))
    evaluation.import_all(open_run(params))
    return params
