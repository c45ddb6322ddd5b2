"""Variants of a run: folders of their own, what they share, names that are taken."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.errors import UserError
from llmc_lib.store import Run, open_run

RATE = {"training.learning_rate": 3e-5}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my.yaml"
    path.write_text(f"run: mine\nruns_dir: {tmp_path}/runs\nreports_dir: {tmp_path}/reports\n")
    return path


def _finished(run: Run) -> None:
    """Something of each that a variant can begin with."""
    (run.dataset).mkdir(parents=True)
    for name in ("manifest.json", "train.parquet"):
        (run.dataset / name).write_text("{}")
    for benchmark in run.params.evaluation.benchmarks:
        folder = run.predictions / benchmark.name
        folder.mkdir(parents=True)
        for name in ("base.jsonl", "base.settings.json", "base.grades.jsonl", "step-3.jsonl"):
            (folder / name).write_text("")


def test_a_variant_has_folders_of_its_own_and_says_what_it_changes(file: Path, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    run = open_run(file, override=RATE, name="lr_3e-5")
    changes = f"a variant of {file}: training.learning_rate: 1e-5 → 3e-5"
    assert run.params.training.learning_rate == 3e-5
    assert run.folder == file.parent / "runs" / "lr_3e-5"
    assert changes in repr(run)
    assert changes in capsys.readouterr().out
    again = open_run(run.params_file)  # as `make report` and the notebooks open it
    assert again == run
    assert repr(again) == repr(run)
    assert f"# A variant of {file}" in run.params_file.read_text()


def test_no_value_ends_the_line_that_tells_of_it(file: Path) -> None:
    title = "a\nseed: 7\u2028seed: 8"
    run = open_run(file, override={"report.title": title}, name="v")
    assert repr(run).endswith("report.title: null → a seed: 7 seed: 8")
    again = open_run(run.params_file).params
    assert (again.report.title, again.seed) == (title, open_run(file).params.seed)


def test_a_variant_begins_with_what_it_shares(file: Path) -> None:
    origin = open_run(file)
    _finished(origin)
    run = open_run(file, override=RATE, name="lr")
    assert os.path.samefile(run.dataset / "train.parquet", origin.dataset / "train.parquet")
    benchmark = run.params.evaluation.benchmarks[0].name
    answers = run.predictions / benchmark
    assert sorted(path.name for path in answers.iterdir()) == ["base.jsonl", "base.settings.json"]
    assert not os.path.samefile(answers / "base.jsonl", origin.predictions / benchmark / "base.jsonl")  # fmt: skip
    other = open_run(file, override={"evaluation.max_tokens": 64}, name="short")
    assert (other.dataset / "manifest.json").exists()
    assert not other.predictions.exists()


def test_a_variant_is_changed_as_a_file_is(file: Path) -> None:
    run = open_run(file, override=RATE, name="lr")
    (run.folder / "kept").touch()
    again = open_run(file, override={"training.epochs": 2}, name="lr")
    assert (again.folder / "kept").exists()
    assert open_run(run.params_file).params.training.epochs == 2
    assert "training.epochs" in repr(run)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"override": RATE}, "override: needs a name for the variant"),
        ({"override": {"run": "x"}, "name": "y"}, "override: run: is given by `name`"),
        ({"override": RATE, "name": "Not this"}, "override: run: 'Not this' must be lower-case letters"),
        ({"override": {"training.learning_rte": 1}, "name": "x"}, "did you mean 'learning_rate'?"),
        ({"override": {"model.source": "owner/name"}, "name": "x"}, "model.revision: must be a commit"),
        ({"override": {"evaluation.benchmarks": [{"name": "hle", "source": "no.jsonl"}]}, "name": "x"}, "override: evaluation.benchmarks.0.source: no file"),
        ({"override": RATE, "name": "mine"}, "name: 'mine' is the run of "),
        ({"override": RATE, "name": "other"}, "name: 'other' is the run of "),
        ({"override": RATE, "name": "quickstart"}, "name: 'quickstart' is the run of "),
        ({"override": RATE, "name": "taken"}, "is there already, and no variant of this file"),
        ({"override": RATE, "name": "theirs"}, "name: 'theirs' is a variant of "),
        ({"override": [1], "name": "x"}, "override: must be {\"section.key\": value}, not [1]"),
    ],
)  # fmt: skip
def test_what_is_no_variant_is_refused_and_nothing_written(file: Path, options: dict[str, Any], message: str) -> None:  # fmt: skip
    other = file.with_name("other.yaml")
    other.write_text(file.read_text().replace("mine", "other"))
    open_run(other, name="theirs")
    (file.parent / "runs" / "taken").mkdir()
    before = sorted(file.parent.rglob("*"))
    with pytest.raises(UserError) as caught:
        open_run(file, **options)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(file))
    assert sorted(file.parent.rglob("*")) == before


@pytest.mark.parametrize(
    "facts", ['{"of": 5, "changed": []}', '{"of": "my.yaml", "changed": [[1, 2]]}', '{"of": "a\\u0000", "changed": []}',
              '{"of": "my.yaml", "changed": null}', '{"of": "my.yaml", "chan', "{}"],
)  # fmt: skip
def test_a_damaged_note_of_a_variant_is_told_and_set_aside(file: Path, facts: str, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    run = open_run(file, override=RATE, name="v")
    (run.folder / "variant.json").write_text(facts)
    assert repr(open_run(run.params_file)) == f"run v ({run.params_file})"
    assert "variant.json" in capsys.readouterr().out
    assert (run.folder / "variant.json.damaged-1").read_text() == facts


@pytest.mark.parametrize("where", ["runs", "reports"])
def test_a_name_whose_folder_is_a_link_or_has_a_report_is_taken(file: Path, where: str) -> None:
    taken = file.parent / where / "v"
    taken.parent.mkdir()
    taken.symlink_to("nowhere")
    with pytest.raises(UserError, match=rf"override: name: {taken} is there already"):
        open_run(file, override=RATE, name="v")
    assert not (file.parent / "runs" / "v").exists()


def test_a_variant_that_was_killed_while_it_began_is_opened_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    _finished(open_run(file))
    with monkeypatch.context() as patch:
        patch.setattr("shutil.copytree", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            open_run(file, override=RATE, name="v")
    assert open_run(file, override=RATE, name="v").params.training.learning_rate == 3e-5


def test_a_pipe_among_params_files_is_not_waited_for(file: Path) -> None:
    os.mkfifo(file.parent / "pipe.yaml")
    assert open_run(file, override=RATE, name="v").name == "v"
