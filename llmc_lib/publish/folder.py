"""The upload folder: filled beside its place and swapped in, then listed with its digests."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from llmc_lib.dataset.card.impersonal import impersonal, public_params
from llmc_lib.dataset.card.licences import Terms
from llmc_lib.store import Run, sha256_file

#: What differs between two builds of the same thing, and is left out of published manifests.
OF_THE_BUILD = ("finished", "seconds", "outputs", "digest")
#: The remedy where something is not made, or is no longer what the params say.
BUILD = "build it first: make report, or the notebooks, with the same params file"


@dataclass(frozen=True)
class Draft:
    """What goes to the hub, before it is written."""

    folder: Path
    terms: Terms
    # Fills an empty folder; returns the SHA-256 of those files of which it knows it.
    write: Callable[[Path], dict[str, str]]
    # Why not, where licences forbid it, and where some are not known; {} is their names.
    forbidden: str = ""
    unknown: str = ""

    def obstacle(self, allow_unknown: bool) -> str | None:
        """Why its licences keep it from being sent; None where they do not."""
        if self.terms.forbidden:
            return self.forbidden.format(", ".join(self.terms.forbidden))
        if self.terms.unknown and not allow_unknown:
            return self.unknown.format(", ".join(self.terms.unknown))
        return None


@dataclass(frozen=True)
class Published:
    """An upload folder, and where it went."""

    what: str  # one of `WHAT`
    folder: Path
    files: dict[str, tuple[int, str]]  # path in the repository → size in bytes, SHA-256
    terms: Terms
    obstacle: str | None  # why it may not be uploaded
    repo: str | None  # owner/name
    public: bool
    url: str | None  # of the commit, None where nothing was sent

    def __str__(self) -> str:
        width = max(map(len, self.files))
        lines = [f"{self.folder}:"]
        lines += [
            f"  {name:<{width}}  {size:>13,} B  sha256 {digest[:12]}"
            for name, (size, digest) in self.files.items()
        ]
        name = f" ({self.terms.name})" if self.terms.name else ""
        lines.append(f"Licence: {self.terms.licence}{name}")
        lines += [notice.replace("**", "").replace("\\", "") for notice in self.terms.notices]
        kind = "public" if self.public else "private"
        place = self.repo if self.what == "model" else f"datasets/{self.repo}"
        goes = (
            f"{place}, {kind} if it is new"
            if self.repo
            else "no repository named yet: REPO=owner/name"
        )
        lines.append(f"Sent: {self.url}" if self.url else f"Would go to: {goes} (PUSH=1 sends it)")
        if self.obstacle and not self.url:
            lines.append(f"Would be refused: {self.obstacle}")
        return "\n".join(lines)


def fill(folder: Path, write: Callable[[Path], dict[str, str]]) -> dict[str, str]:
    """Let `write` fill a folder beside `folder`, then swap it in; returns what `write` does."""
    part = folder.with_name(f".{folder.name}.part")
    old = folder.with_name(f".{folder.name}.old")
    for left in (part, old):  # of an earlier process that was stopped
        shutil.rmtree(left, ignore_errors=True)
    part.mkdir(parents=True)
    known = write(part)
    if folder.exists():
        os.replace(folder, old)
    os.replace(part, folder)
    shutil.rmtree(old, ignore_errors=True)
    return known


def write_facts(run: Run, facts: dict[str, Any], part: Path) -> None:
    """Write manifest.json and params.yaml, which name nothing of this machine."""
    text = json.dumps(impersonal(run, facts), indent=1, ensure_ascii=False)
    (part / "manifest.json").write_text(f"{text}\n", encoding="utf-8")
    params = yaml.safe_dump(public_params(run), sort_keys=False, allow_unicode=True)
    (part / "params.yaml").write_text(params, encoding="utf-8")


def listing(folder: Path, known: Mapping[str, str]) -> dict[str, tuple[int, str]]:
    """Every file: its path from `folder` → size in bytes, SHA-256 (from `known`, where it is there)."""
    names = [p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*")) if p.is_file()]
    return {
        name: ((folder / name).stat().st_size, known.get(name) or sha256_file(folder / name))
        for name in names
    }
