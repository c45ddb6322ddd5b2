"""The model's folder and its fingerprint; what needs weights is tested with the whole run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llmc_lib.errors import UserError
from llmc_lib.models.resolve import Model, author_name, base_model, load_model
from llmc_lib.params import ModelParams
from llmc_lib.store import Run, open_run


def _run(tmp_path: Path, model: str) -> Run:
    path = tmp_path / "my.yaml"
    path.write_text(f"run: x\nruns_dir: {tmp_path}/runs\nmodel: {{{model}}}\n")
    return open_run(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "chat_template.jinja", "README.md"):
        (folder / name).write_text(name)
    return folder


def test_a_local_folder_is_taken_as_it_is(tmp_path: Path, folder: Path) -> None:
    model = base_model(_run(tmp_path, f"source: {folder}"))
    assert (model.name, model.folder, model.label) == ("base", folder, str(folder))


def test_a_hub_id_with_its_commit_is_accepted(tmp_path: Path) -> None:
    run = _run(tmp_path, "source: owner/na-me_1.5, revision: 0123abc")
    assert run.params.model.revision == "0123abc"


@pytest.mark.parametrize("source", ["gpt2", "owner/", "a/b/c", "./here", "~/model", "a b/c"])
def test_what_is_neither_folder_nor_hub_id_is_refused(tmp_path: Path, source: str) -> None:
    with pytest.raises(UserError, match=r"line 3: model\.source: .* is not a folder with a config"):
        _run(tmp_path, f"source: {source}, revision: 0123abc")


def test_a_folder_without_a_config_is_refused(tmp_path: Path, folder: Path) -> None:
    (folder / "config.json").unlink()
    with pytest.raises(UserError, match=r"line 3: model\.source: .* is not a folder with a config"):
        _run(tmp_path, f"source: {folder}")


@pytest.mark.parametrize("revision", ["null", "''", "main"])
def test_a_hub_id_needs_a_commit(tmp_path: Path, revision: str) -> None:
    with pytest.raises(
        UserError, match=r"line 3: model\.revision: must be a commit of the hub model"
    ):
        _run(tmp_path, f"source: owner/name, revision: {revision}")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "chat_template.jinja"])
def test_the_fingerprint_changes_with_what_decides_answers(folder: Path, name: str) -> None:
    before = Model("base", folder, "").fingerprint
    (folder / name).write_text("other")
    assert Model("base", folder, "").fingerprint != before


def test_new_weights_of_the_same_size_are_noticed(folder: Path) -> None:
    before = Model("base", folder, "").fingerprint
    os.utime(folder / "model.safetensors", ns=(1, 1))
    assert Model("base", folder, "").fingerprint != before


def test_the_fingerprint_ignores_the_readme_and_the_place(folder: Path) -> None:
    before = Model("base", folder, "").fingerprint
    (folder / "README.md").write_text("other")
    moved = folder.rename(folder.with_name("elsewhere"))
    assert Model("step-1", moved, "another label").fingerprint == before


def test_another_model_than_the_base_is_loaded_under_its_own_name(
    tmp_path: Path, folder: Path
) -> None:
    run = _run(tmp_path, f"source: {folder}")
    other = folder.with_name("other")
    folder.rename(other)
    model = load_model(run, ModelParams(source=str(other)), "teacher", "dataset.completions.model")
    assert (model.name, model.folder, model.label) == ("teacher", other, str(other))


@pytest.mark.parametrize(
    ("source", "revision", "message"),
    [
        (
            "./nowhere",
            None,
            "source: './nowhere' is not a folder with a config.json; give embedded",
        ),
        ("owner/name", None, "revision: must be a commit of the hub model 'owner/name'"),
        ("owner/name", "main", "revision: must be a commit of the hub model 'owner/name'"),
    ],
)
def test_another_model_that_cannot_be_had_is_told_with_its_key(
    tmp_path: Path, folder: Path, source: str, revision: str | None, message: str
) -> None:
    run = _run(tmp_path, f"source: {folder}")
    params = ModelParams(source=source, revision=revision)
    with pytest.raises(UserError) as caught:
        load_model(run, params, "teacher", "dataset.completions.model")
    assert str(caught.value).startswith(f"my.yaml: dataset.completions.model.{message}")


def test_the_name_of_an_author_is_that_of_the_model(folder: Path) -> None:
    assert author_name(ModelParams()) == "SmolLM2-135M-Instruct"
    assert author_name(ModelParams(source=str(folder))) == "model"
    assert author_name(ModelParams(source="owner/Name-7B", revision="0123abc")) == "owner/Name-7B"
