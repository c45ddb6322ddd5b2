"""The run directory: whole files or none, one writer at a time, and what a kill leaves behind."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llmc_lib import store
from llmc_lib.errors import UserError
from llmc_lib.store import (
    JsonlWriter,
    Run,
    locked,
    manifests,
    open_run,
    read_jsonl,
    read_manifest,
    write_atomic,
)

RECORDS = [{"id": 1, "text": "plain"}, {"id": 2, "text": "naïve 数学 \u2028 \r\n 😀"}]


def _run(tmp_path: Path) -> Run:
    path = tmp_path / "my.yaml"
    path.write_text(f"run: x\nruns_dir: {tmp_path}/runs\nreports_dir: {tmp_path}/reports\n")
    return open_run(path)


def _python(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


# ---- opening a run ---------------------------------------------------------------------------


def test_a_run_has_its_folders(tmp_path: Path) -> None:
    run = _run(tmp_path)
    assert run.name == "x"
    assert run.folder == tmp_path / "runs" / "x"
    assert run.report == tmp_path / "reports" / "x"
    assert {run.dataset, run.training, run.models, run.predictions} == {
        run.folder / name for name in ("dataset", "training", "models", "predictions")
    }
    assert list(tmp_path.iterdir()) == [run.params_file]  # nothing is made yet


def test_paths_start_at_the_checkout_wherever_the_kernel_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = open_run("params/quickstart.yaml")
    assert run.params_file == store.ROOT / "params" / "quickstart.yaml"
    assert run.folder == store.ROOT / "runs" / "quickstart"


def test_the_working_directory_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "params" / "quickstart.yaml"
    mine.parent.mkdir()
    mine.write_text("run: mine")
    monkeypatch.chdir(tmp_path)
    assert open_run("params/quickstart.yaml").name == "mine"
    # A whole path means that very file, whatever lies in the working directory.
    assert open_run(store.ROOT / "params" / "quickstart.yaml").name == "quickstart"


def test_a_benchmark_file_must_exist(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    questions = tmp_path / "questions.jsonl"
    path.write_text(f"run: x\nevaluation:\n  benchmarks: [{{name: hle, source: {questions}}}]\n")
    with pytest.raises(UserError, match=r"line 3: evaluation\.benchmarks\.0\.source: no file"):
        open_run(path)
    questions.touch()
    assert open_run(path).params.evaluation.benchmarks[0].source == str(questions)


# ---- one process at a time -------------------------------------------------------------------

HOLD = """
import sys, time
from llmc_lib.store import JsonlWriter, locked, open_run
if sys.argv[1] == "run":
    holding = locked(open_run(sys.argv[2]))
    holding.__enter__()
else:
    from pathlib import Path
    holding = JsonlWriter(Path(sys.argv[2]))
print("held", flush=True)
time.sleep(60)
"""


@pytest.mark.slow
def test_a_second_process_on_a_run_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    run = _run(tmp_path)
    with _python(HOLD, "run", run.params_file) as process:
        assert _first_line(process) == "held"
        with pytest.raises(UserError, match="another process is working on this run"), locked(run):
            pass
        process.kill()
    with locked(run):
        pass


def test_a_run_is_free_again_after_an_error(tmp_path: Path) -> None:
    run = _run(tmp_path)
    with pytest.raises(ZeroDivisionError), locked(run):
        _ = 1 / 0
    with locked(run):
        pass


@pytest.mark.slow
def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    with _python(HOLD, "file", path) as process:
        assert _first_line(process) == "held"
        with pytest.raises(UserError, match="another process is writing to this file"):
            JsonlWriter(path)
        process.kill()
    with JsonlWriter(path) as writer:
        writer.append({"id": 1})
    assert read_jsonl(path) == [{"id": 1}]


# ---- manifests -------------------------------------------------------------------------------


def test_the_fingerprint_depends_on_values_and_not_on_order() -> None:
    first = store.fingerprint(a=1, b={"x": [1, 2], "y": "é"})
    assert first == store.fingerprint(b={"y": "é", "x": [1, 2]}, a=1)
    assert re.fullmatch("[0-9a-f]{16}", first)
    for other in ({"x": [2, 1], "y": "é"}, {"x": [1, 2], "y": "e"}, {"x": [1, 2]}):
        assert store.fingerprint(a=1, b=other) != first


def test_a_manifest_counts_only_under_its_fingerprint(tmp_path: Path) -> None:
    folder = tmp_path / "stage"
    assert read_manifest(folder) is None
    written = store.write_manifest(folder, "key", 1.23, rows=7)
    assert read_manifest(folder) == read_manifest(folder, "key") == written
    assert read_manifest(folder, "another") is None
    assert (written["rows"], written["seconds"]) == (7, 1.2)
    (folder / "manifest.json").write_text('{"fingerp')
    assert read_manifest(folder, "key") is None


def test_the_environment_names_versions_and_no_person(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", "s3cret-value")
    found = store.environment()
    assert set(found) == {"commit", "python", "packages", "machine"}
    assert found["packages"]["numpy"][0].isdigit()
    text = json.dumps(found)
    for private in ("s3cret-value", os.uname().nodename, str(Path.home()) + "/"):
        assert private not in text


def test_the_commit_tells_of_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifests, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert store.git_commit() == "unknown"
    for command in (
        ["init", "-q"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"],
    ):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    commit = store.git_commit()
    assert re.fullmatch("[0-9a-f]{40}", commit)
    (tmp_path / "new").touch()
    assert store.git_commit() == f"{commit}+changes"


@pytest.mark.slow
def test_a_hanging_git_does_not_lose_a_finished_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git = tmp_path / "git"
    git.write_text("#!/bin/sh\nexec sleep 60\n")
    git.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    run = subprocess.run

    def impatient(*arguments: object, **settings: object) -> object:
        return run(*arguments, **{**settings, "timeout": 0.2})  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "run", impatient)
    assert store.git_commit() == "unknown"


# ---- files -----------------------------------------------------------------------------------


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "page.html"
    store.write_atomic(path, "old é")
    with open(path, "rb") as reader:
        store.write_atomic(path, b"new")
        assert reader.read().decode() == "old é"  # who reads it now is not disturbed
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    store.write_atomic(path, "old")
    with pytest.raises(TypeError):
        store.write_atomic(path, 7)  # type: ignore[arg-type]
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_hashes_of_texts_and_files_agree(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("é", encoding="utf-8")
    digest = "4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c"
    assert store.sha256_text("é") == store.sha256_file(path) == digest


def test_records_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    assert read_jsonl(path) == []
    store.write_jsonl(path, RECORDS)
    assert read_jsonl(path) == RECORDS
    with JsonlWriter(path) as writer:
        writer.append({"id": 3})
    assert read_jsonl(path) == [*RECORDS, {"id": 3}]


def test_a_torn_last_line_is_left_out_and_repaired_wherever_it_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    store.write_jsonl(path, RECORDS)
    content = path.read_bytes()
    whole = content.index(b"\n") + 1
    for cut in range(whole, len(content) - 1):  # through characters of several bytes, too
        path.write_bytes(content[:cut])
        assert read_jsonl(path) == RECORDS[:1]
        with JsonlWriter(path) as writer:
            assert path.read_bytes() == content[:whole]
            writer.append(RECORDS[1])
        assert path.read_bytes() == content


def test_a_last_line_that_lacks_only_its_end_counts_for_reader_and_writer(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    store.write_jsonl(path, RECORDS)
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    assert read_jsonl(path) == RECORDS
    with JsonlWriter(path) as writer:
        writer.append(RECORDS[0])
    assert read_jsonl(path) == [*RECORDS, RECORDS[0]]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"id": ', "line 2: not valid JSON"),
        (b'{"id": "\xe9"}', "line 2: not valid JSON"),
        (b"[1]", "line 2: must be a JSON object"),
        (b"7", "line 2: must be a JSON object"),
    ],
)
def test_a_broken_line_inside_is_told(tmp_path: Path, line: bytes, message: str) -> None:
    path = tmp_path / "records.jsonl"
    path.write_bytes(b'{"id": 1}\n' + line + b'\n\n{"id": 3}\n')
    with pytest.raises(UserError, match=message):
        read_jsonl(path)


APPEND = """
import sys
from pathlib import Path
from llmc_lib.store import JsonlWriter
with JsonlWriter(Path(sys.argv[1])) as writer:
    for number in range(10**6):
        writer.append({"id": number, "text": "é" * 20_000})
        print(number, flush=True)
"""


@pytest.mark.slow
def test_kill_9_while_appending_keeps_every_line_that_was_told_done(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    with _python(APPEND, path) as process:
        for _ in range(20):
            _first_line(process)
        time.sleep(0.01)
        process.kill()
        assert process.stdout is not None
        told = 19 + len(process.stdout.read().split())
    records = read_jsonl(path)
    assert len(records) >= told
    assert [record["id"] for record in records] == list(range(len(records)))
    assert all(len(record["text"]) == 20_000 for record in records)
    with JsonlWriter(path) as writer:
        writer.append({"id": len(records), "text": ""})
    assert [record["id"] for record in read_jsonl(path)] == list(range(len(records) + 1))


def test_a_folder_in_the_place_of_a_file_is_set_aside(tmp_path: Path) -> None:
    for name in ("a.json", "b.jsonl"):
        (tmp_path / name / "inner").mkdir(parents=True)
    write_atomic(tmp_path / "a.json", "{}")
    with JsonlWriter(tmp_path / "b.jsonl") as writer:
        writer.append({"x": 1})
    assert (tmp_path / "a.json").read_text() == "{}"
    assert read_jsonl(tmp_path / "b.jsonl") == [{"x": 1}]
    assert (tmp_path / "a.json.damaged-1" / "inner").is_dir()


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for name in ("a.json", "b.jsonl"):
        (tmp_path / name).symlink_to(victim)
    write_atomic(tmp_path / "a.json", "{}")
    with pytest.raises(UserError, match="is a symbolic link"):
        JsonlWriter(tmp_path / "b.jsonl")
    assert victim.read_text() == "precious"
    (tmp_path / "c.jsonl").symlink_to(tmp_path / "no" / "where")
    with JsonlWriter(tmp_path / "c.jsonl") as writer:
        writer.append({"x": 1})
    assert read_jsonl(tmp_path / "c.jsonl") == [{"x": 1}]
