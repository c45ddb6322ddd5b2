"""A data set's upload folder, and the upload: the real client against a server that answers like the hub."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import DatasetCard, constants

from llmc_lib.dataset.builder import build, stage_key
from llmc_lib.dataset.card.page import card
from llmc_lib.dataset.rows import FINAL
from llmc_lib.errors import UserError
from llmc_lib.params.reader import load
from llmc_lib.publish import publish
from llmc_lib.store import ROOT, Run, fingerprint, open_run, sha256_file, write_manifest
from tests.dataset.card.test_page import PARAMS, make_facts, make_run
from tests.hub_server import COMMIT, TOKEN, HubServer

DATA = ["data/train.parquet", "data/validation.parquet"]


# ---- a data set ------------------------------------------------------------------------------


def _write_dataset(
    tmp_path: Path, licences: dict[str, int] | None = None, validation: int = 2
) -> Run:
    """A finished data set with the files, the card and the manifest that `build` leaves."""
    (tmp_path / "secret").mkdir(exist_ok=True)
    (tmp_path / "secret" / "mine.jsonl").write_text('{"q": "1?"}\n')
    (tmp_path / "secret" / "own.txt").write_text("one\n")
    run = make_run(tmp_path, PARAMS)
    facts = make_facts(tmp_path)
    facts["composition"]["licence"] = licences or {"Apache-2.0": 100}
    facts["rows"] = {"train": 3, "validation": validation}
    facts["files"] = {}
    run.dataset.mkdir(parents=True, exist_ok=True)
    for name, rows in (("train", 3), ("validation", validation), ("removed", 1)):
        table = pa.Table.from_pylist([{"id": f"{name}/{n}"} for n in range(rows)], schema=FINAL)
        path = run.dataset / f"{name}.parquet"
        pq.write_table(table, path)
        facts["files"][path.name] = sha256_file(path)
    (run.dataset / "README.md").write_text(card(run, facts), encoding="utf-8")
    write_manifest(run.dataset, stage_key(run), 1.0, **facts)
    return run


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


# ---- the folder ------------------------------------------------------------------------------


def test_the_folder_holds_what_is_published_and_no_more(tmp_path: Path) -> None:
    run = _write_dataset(tmp_path)
    published = publish(run, repo="me/set")
    assert published.folder == run.folder / "publish" / "dataset"
    files = _files(published.folder)
    assert set(files) == {"README.md", "manifest.json", "params.yaml", *DATA}
    for name in DATA:
        assert files[name] == (run.dataset / Path(name).name).read_bytes()
    assert files["README.md"] == (run.dataset / "README.md").read_bytes()
    manifest = json.loads(files["manifest.json"])
    assert manifest["files"] == {name: hashlib.sha256(files[name]).hexdigest() for name in DATA}
    assert [path.name for path in published.folder.parent.iterdir()] == ["dataset"]


def test_what_is_shown_names_every_file_the_licence_and_the_repository(tmp_path: Path) -> None:
    published = publish(_write_dataset(tmp_path), repo="me/set")
    shown = str(published)
    for name, content in _files(published.folder).items():
        (line,) = [line for line in shown.splitlines() if line.split()[:1] == [name]]
        assert line.split()[1:] == [
            f"{len(content):,}", "B", "sha256", hashlib.sha256(content).hexdigest()[:12]
        ]  # fmt: skip
    assert "Licence: apache-2.0\n" in shown
    assert shown.endswith("Would go to: datasets/me/set, private if it is new (PUSH=1 sends it)")


def test_nothing_private_is_in_the_folder(tmp_path: Path) -> None:
    files = _files(publish(_write_dataset(tmp_path)).folder)
    for name in ("README.md", "manifest.json", "params.yaml"):
        text = files[name].decode()
        assert "mine.jsonl" in text
        for private in (str(tmp_path), "secret", str(ROOT), str(Path.home()), os.uname().nodename):
            assert private not in text, (name, private)


@pytest.mark.slow
def test_the_params_file_that_is_published_is_one(tmp_path: Path) -> None:
    run = _write_dataset(tmp_path)
    params = load(publish(run).folder / "params.yaml")
    assert (params.run, params.seed) == (run.name, 7)
    assert params.dataset.sources[1].path == "mine.jsonl"
    assert params.dataset.shares == run.params.dataset.shares


def _write_sealed(path: Path, facts: dict[str, Any]) -> None:
    """A manifest as if it had been written so."""
    facts = {name: value for name, value in facts.items() if name != "digest"}
    path.write_text(json.dumps({**facts, "digest": fingerprint(manifest=facts)}))


def test_the_folder_is_the_same_however_often_it_is_made(tmp_path: Path) -> None:
    run = _write_dataset(tmp_path)
    first = _files(publish(run).folder)
    (run.folder / "publish" / "dataset" / "stray.txt").write_text("left over")
    (run.folder / "publish" / ".dataset.part").mkdir()
    manifest = run.dataset / "manifest.json"
    facts = json.loads(manifest.read_text())
    _write_sealed(manifest, {**facts, "finished": "later", "seconds": 99})
    assert _files(publish(run).folder) == first


def test_the_rows_of_candidates_stay_here(tmp_path: Path) -> None:
    run = _write_dataset(tmp_path)
    before = _files(publish(run).folder)
    data = run.dataset / "math" / "train.parquet"
    data.parent.mkdir()
    data.write_bytes((run.dataset / "train.parquet").read_bytes())
    path = run.dataset / "manifest.json"
    facts = json.loads(path.read_text())
    facts["files"]["math/train.parquet"] = sha256_file(data)
    facts["mixtures"] = {"math": {"rows": {"train": 3, "validation": 0}}}
    _write_sealed(path, facts)
    assert _files(publish(run).folder) == before
    data.unlink()
    with pytest.raises(UserError, match=r"math/train\.parquet: is not as it was built"):
        publish(run)


def test_a_mixed_licence_brings_its_own_file(tmp_path: Path) -> None:
    run = _write_dataset(tmp_path, {"Apache-2.0": 60, "MIT": 40})
    published = publish(run)
    files = _files(published.folder)
    assert files["LICENSE.md"].startswith(b"# Licences\n")
    assert "| MIT | 40 |" in files["LICENSE.md"].decode()
    assert DatasetCard(files["README.md"].decode()).data["license_link"] == "LICENSE.md"
    assert "Licence: other (apache-2.0-and-mit)\n" in str(published)


def test_an_empty_part_is_left_out(tmp_path: Path) -> None:
    files = _files(publish(_write_dataset(tmp_path, validation=0)).folder)
    assert "data/train.parquet" in files
    assert "data/validation.parquet" not in files


@pytest.mark.slow
def test_restrictions_are_shown_before_anything_is_sent(tmp_path: Path) -> None:
    shown = str(publish(_write_dataset(tmp_path, {"CC-BY-NC-4.0": 100}), repo="me/set"))
    assert "Not for commercial use. 100 of its rows come under CC-BY-NC-4.0" in shown
    assert "Would be refused" not in shown
    shown = str(publish(_write_dataset(tmp_path, {"unknown": 100})))
    assert "Would be refused: rows are under a licence that is not known (unknown)" in shown


# ---- refusals --------------------------------------------------------------------------------


def test_a_data_set_that_is_not_built_is_told(tmp_path: Path) -> None:
    run = make_run(tmp_path, "")
    with pytest.raises(UserError, match=r"no finished data set; build it first: make report"):
        publish(run)
    assert not run.folder.exists()


def test_a_data_set_of_other_params_is_told(tmp_path: Path) -> None:
    _write_dataset(tmp_path)
    run = make_run(tmp_path, PARAMS.replace("seed: 7", "seed: 8"))
    with pytest.raises(UserError, match=r"was built from other params or inputs than x\.yaml"):
        publish(run)
    assert not (run.folder / "publish").exists()


@pytest.mark.parametrize("name", ["train.parquet", "README.md"])
def test_a_file_that_is_gone_is_told(tmp_path: Path, name: str) -> None:
    run = _write_dataset(tmp_path)
    (run.dataset / name).unlink()
    with pytest.raises(UserError, match=f"{name}: is not as it was built"):
        publish(run)


def test_data_that_were_changed_since_are_told(tmp_path: Path) -> None:
    run = _write_dataset(tmp_path)
    with open(run.dataset / "train.parquet", "ab") as file:
        file.write(b"x")
    with pytest.raises(UserError, match=r"train\.parquet: is not as it was built"):
        publish(run)


@pytest.mark.parametrize(
    "repo", ["set", "a/b/c", "me/", "/set", "me/a b", "me/a--b", "../x", "me/x.git"]
)
def test_a_name_that_is_no_repository_is_told(tmp_path: Path, repo: str) -> None:
    with pytest.raises(
        UserError, match=r"REPO: .* is not a name of a hub repository; give owner/name"
    ):
        publish(make_run(tmp_path, ""), repo=repo)


@pytest.mark.slow
@pytest.mark.parametrize("licence", ["unknown", "CC-BY-ND-4.0", "proprietary"])
def test_rows_that_may_not_be_passed_on_are_not_sent(
    tmp_path: Path, hub: HubServer, licence: str
) -> None:
    run = _write_dataset(tmp_path, {licence: 1, "MIT": 99})
    with pytest.raises(UserError, match=f"x: not uploaded: rows are under .*{licence}"):
        publish(run, push=True, repo="me/set")
    assert hub.asked == []


@pytest.mark.slow
def test_an_unknown_licence_can_be_answered_for_and_a_forbidding_one_not(
    tmp_path: Path, hub: HubServer
) -> None:
    run = _write_dataset(tmp_path, {"unknown": 1})
    assert publish(run, push=True, repo="me/set", allow_unknown_licence=True).url
    run = _write_dataset(tmp_path, {"CC-BY-ND-4.0": 1})
    with pytest.raises(UserError, match="does not allow"):
        publish(run, push=True, repo="me/set", allow_unknown_licence=True)


def test_a_push_without_a_name_or_a_token_is_told(
    tmp_path: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _write_dataset(tmp_path)
    with pytest.raises(UserError, match=r"REPO: name the hub's data set"):
        publish(run, push=True)
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(UserError, match="PUSH: no token of the hub; set HF_TOKEN"):
        publish(run, push=True, repo="me/set")
    assert hub.asked == []


# ---- the upload ------------------------------------------------------------------------------


def test_every_byte_of_the_folder_arrives_in_one_commit(tmp_path: Path, hub: HubServer) -> None:
    published = publish(_write_dataset(tmp_path), push=True, repo="me/set")
    assert hub.received() == _files(published.folder)
    assert len(hub.commits) == 1
    assert set(hub.uploads) == {published.files[name][1] for name in DATA}
    (made,) = hub.created
    assert (made["organization"], made["name"], made["type"]) == ("me", "set", "dataset")
    assert made["visibility"] == "private"
    assert published.url == f"{hub.url}/datasets/me/set/commit/{COMMIT}"
    assert str(published).splitlines()[-1] == f"Sent: {published.url}"


@pytest.mark.slow
def test_a_repository_is_public_where_that_is_asked_for(tmp_path: Path, hub: HubServer) -> None:
    publish(_write_dataset(tmp_path), push=True, repo="me/set", public=True)
    assert hub.created[0]["visibility"] == "public"


@pytest.mark.slow
def test_nothing_goes_to_a_public_repository_unasked(tmp_path: Path, hub: HubServer) -> None:
    run = _write_dataset(tmp_path)
    with pytest.raises(UserError, match="REPO: me/open exists and is public; give PUBLIC=1"):
        publish(run, push=True, repo="me/open")
    assert hub.commits == []
    assert publish(run, push=True, repo="me/open", public=True).url


@pytest.mark.slow
@pytest.mark.parametrize(
    ("repo", "token", "status", "message"),
    [
        ("me/set", "hf_wrongSecret", 200, r"me/set: the hub refuses the token \(401\)"),
        ("other/set", TOKEN, 200, r"other/set: the hub refuses the token \(403\).* write to other"),
        ("me/set", TOKEN, 418, "me/set: the hub answers 418; the same command tries again"),
    ],
)
def test_a_refusal_of_the_hub_is_one_line_without_the_token(
    tmp_path: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch, repo: str, token: str, status: int,
    message: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("HF_TOKEN", token)
    hub.status = status
    with pytest.raises(UserError, match=message) as caught:
        publish(_write_dataset(tmp_path), push=True, repo=repo)
    assert "\n" not in str(caught.value)
    assert token not in str(caught.value)
    assert (
        caught.value.__suppress_context__
    )  # no traceback of the client, which may show its request
    assert hub.commits == []


def test_an_unreachable_hub_is_one_line(
    tmp_path: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(
        UserError, match=r"cannot be reached, .* \(ConnectError\); check the network"
    ):
        publish(_write_dataset(tmp_path), push=True, repo="me/set")


# ---- the whole way ---------------------------------------------------------------------------


@pytest.mark.slow  # builds a data set and loads it with `datasets`
def test_a_built_data_set_is_published_by_the_command_and_loads_again(
    tmp_path: Path, hub: HubServer
) -> None:
    from datasets import load_dataset

    path = tmp_path / "x.yaml"
    shares = "{Physics: 0.4, Chemistry: 0.3, Other: 0.3}"
    path.write_text(
        f"run: x\nruns_dir: {tmp_path}/runs\nmodel: {{source: {_tokenizer(tmp_path / 'model')}}}\n"
        f"dataset: {{sources: [{{name: textbook}}], shares: {shares}}}\n"
    )
    build(open_run(path))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environment |= {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "llmc_lib", "publish", str(path), "--push", "--repo", "me/set"],
        cwd=ROOT, env={**environment, "HF_HOME": str(tmp_path)}, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert f"Sent: {hub.url}/datasets/me/set/commit/{COMMIT}" in done.stdout
    folder = tmp_path / "runs" / "x" / "publish" / "dataset"
    assert hub.received() == _files(folder)
    for name in ("README.md", "manifest.json", "params.yaml"):
        assert str(tmp_path) not in (folder / name).read_text()
    loaded = load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    for split in ("train", "validation"):
        table = pq.read_table(tmp_path / "runs" / "x" / "dataset" / f"{split}.parquet")
        assert loaded[split].to_list() == table.to_pylist()


def _tokenizer(folder: Path) -> Path:
    """A model folder without weights: a byte-level tokenizer, which is all that a build asks for."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    raw = Tokenizer(models.BPE({letter: n for n, letter in enumerate(letters)}, []))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    template = "{% for message in messages %}{{ message['content'] }}\n{% endfor %}"
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, chat_template=template)
    tokenizer.save_pretrained(folder)
    (folder / "config.json").write_text('{"model_type": "llama"}')
    return folder
