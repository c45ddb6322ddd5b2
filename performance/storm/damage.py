"""Damage to the files of a finished run, or of one that was killed."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from performance.storm.lab import Lab


def damage(lab: Lab, draw: random.Random, under: str | None = None) -> tuple[str, str]:
    """Damage a file of the run (`under` a folder of it); how, and which one."""
    places = [lab.run_folder / under] if under else [lab.run_folder, lab.report]
    files = sorted(
        path
        for place in places
        for path in place.rglob("*")
        if path.is_file() and "damaged" not in path.name and "logs" not in path.parts
    )
    if not files:
        return "", ""
    path, how = draw.choice(files), draw.choice(sorted(_DAMAGE))
    _DAMAGE[how](path)
    return how, str(path.relative_to(lab.work))


def _change(path: Path) -> None:
    content = bytearray(path.read_bytes() or b"x")
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


_DAMAGE: dict[str, Callable[[Path], object]] = {
    "emptied": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "removed": lambda path: path.unlink(),
    "changed": _change,
    "a folder in its place": _folder,
    "a link to nothing in its place": _link,
}
