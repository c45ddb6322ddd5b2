"""The data set's build: composition, split, reproducible files, no work done twice."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from llmc_lib import prompts
from llmc_lib.dataset import build, finished
from llmc_lib.dataset.build import BuiltDataset
from llmc_lib.dataset.sources import SOURCES, textbook
from llmc_lib.errors import UserError
from llmc_lib.store import Run, open_run, sha256_file
from llmc_lib.taxonomy import HLE_SHARES

# Without mathematics, whose generator takes seconds to load.
TEXTBOOK = """
  sources: [{name: textbook}]
  shares: {Physics: 0.4, Chemistry: 0.3, Other: 0.3}
  validation: 0.1"""
BOTH = """
  sources: [{name: hard_math, rows: 60}, {name: textbook}]
  max_rows: 120"""


def _run(tmp_path: Path, dataset: str = TEXTBOOK, seed: int = 0) -> Run:
    path = tmp_path / f"seed-{seed}.yaml"
    path.write_text(f"run: x\nseed: {seed}\nruns_dir: {tmp_path}/runs\ndataset:{dataset}\n")
    return open_run(path)


def _files(run: Run) -> dict[str, str]:
    return {path.name: sha256_file(path) for path in run.dataset.glob("*.parquet")}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> BuiltDataset:
    pytest.importorskip("reasoning_gym")  # absent where only reports are made
    return build(_run(tmp_path_factory.mktemp("both"), BOTH))


def test_the_default_shares_are_those_of_the_benchmark(both: BuiltDataset) -> None:
    rows = pd.concat([both.train, both.validation])
    assert len(rows) == 120
    assert rows["id"].is_unique
    found = rows["category"].value_counts().to_dict()
    assert set(found) == set(HLE_SHARES)
    assert all(abs(found[name] - 120 * share) < 1 for name, share in HLE_SHARES.items())
    assert both.manifest["mixed"] == found
    assert both.manifest["sources"] == {"hard_math": 60, "textbook": 198}
    assert both.manifest["limiting_category"] is None


def test_a_share_of_every_large_category_is_held_out(both: BuiltDataset) -> None:
    assert len(both.validation) == both.manifest["rows"]["validation"] == round(120 * 0.08)
    assert set(both.train["id"]).isdisjoint(both.validation["id"])
    held = both.validation["category"].value_counts()
    for name, share in HLE_SHARES.items():
        assert abs(held.get(name, 0) - 120 * 0.08 * share) < 1.1


def test_the_training_order_is_mixed(both: BuiltDataset) -> None:
    categories = both.train["category"].tolist()
    changes = sum(a != b for a, b in itertools.pairwise(categories))
    assert changes > len(categories) / 2


def test_the_turns_are_those_that_evaluation_uses(both: BuiltDataset) -> None:
    for row in both.train.to_dict("records"):
        assert row["prompt"] == prompts.question_prompt(row["question"], row["answer_type"])
        reasoning, response = prompts.split_reasoning(row["completion"])
        assert reasoning == row["reasoning"].strip()
        assert response == f"{prompts.ANSWER_MARK} {row['answer']}"


def test_a_second_build_is_byte_for_byte_the_same(both: BuiltDataset, tmp_path: Path) -> None:
    again = _run(tmp_path, BOTH)
    assert build(again).manifest["files"] == both.manifest["files"] == _files(again)


def test_another_process_builds_the_same(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    run = _run(here)
    build(run)
    other = _run(there)
    code = "import sys; from llmc_lib import open_run; from llmc_lib.dataset import build; "
    subprocess.run(
        [sys.executable, "-c", code + "build(open_run(sys.argv[1]))", other.params_file],
        env={**os.environ, "PYTHONHASHSEED": "77"},
        stderr=subprocess.DEVNULL,
        check=True,
        timeout=60,
    )
    assert len(_files(run)) == 2
    assert _files(other) == _files(run)


def test_a_finished_data_set_is_not_built_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _run(tmp_path)
    assert not finished(run)
    built = build(run)
    assert finished(run)
    times = {path: path.stat().st_mtime_ns for path in run.dataset.iterdir()}
    monkeypatch.setitem(SOURCES, "textbook", lambda rows, seed: pytest.fail("was asked again"))
    again = build(run)
    assert {path: path.stat().st_mtime_ns for path in run.dataset.iterdir()} == times
    pd.testing.assert_frame_equal(again.train, built.train)
    pd.testing.assert_frame_equal(again.validation, built.validation)
    assert again.manifest == built.manifest


def test_another_seed_builds_another_set(tmp_path: Path) -> None:
    first = build(_run(tmp_path)).manifest
    run = _run(tmp_path, seed=1)
    assert not finished(run)
    second = build(run).manifest
    assert second["fingerprint"] != first["fingerprint"]
    assert second["files"] != first["files"]
    assert second["mixed"] == first["mixed"]


def test_a_build_that_is_cut_off_does_not_pass_for_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _run(tmp_path)
    files = build(first).manifest["files"]
    with monkeypatch.context() as patch:
        # By its name: `llmc_lib.dataset.build` is the function.
        patch.setattr(sys.modules["llmc_lib.dataset.build"], "write_manifest", _killed)
        with pytest.raises(KeyboardInterrupt):
            build(_run(tmp_path, seed=1))
    assert _files(first) != files
    assert not finished(first)
    assert build(first).manifest["files"] == files == _files(first)


def _killed(*arguments: object, **facts: object) -> None:
    raise KeyboardInterrupt


def test_nothing_is_held_out_where_nothing_is_asked_for(tmp_path: Path) -> None:
    built = build(_run(tmp_path, TEXTBOOK.replace("0.1", "0.0")))
    assert (len(built.validation), built.manifest["rows"]["validation"]) == (0, 0)
    assert list(built.validation.columns) == list(built.train.columns)


def test_a_category_that_no_source_has_is_told(tmp_path: Path) -> None:
    run = _run(tmp_path, "\n  sources: [{name: textbook}]")
    with pytest.raises(UserError, match=r"dataset\.shares: 'Math' has a share of 41% and no rows"):
        build(run)
    assert not finished(run)


def test_rows_limit_a_source(tmp_path: Path) -> None:
    category = textbook.examples(1, 0)[0].category
    run = _run(
        tmp_path,
        f"\n  sources: [{{name: textbook, rows: 20}}]\n  shares: {{{category}: 1.0}}",
    )
    assert build(run).manifest["sources"] == {"textbook": 20}
