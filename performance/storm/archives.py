"""Inspect's logs as nobody should send them: zip bombs, names that lead outside, links, lies."""

from __future__ import annotations

import json
import stat
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from llmc_lib.store.json_reader import loads
from performance.storm.lab import Lab, Stage

#: A refusal takes no longer, and no more memory: seconds, bytes.
_SECONDS, _MEMORY = 60, 2 * 2**30
_MIB = 2**20
_OUTSIDE = "/tmp/llmc-storm-evil.json"  # noqa: S108


def write_log(path: Path) -> None:
    """A log of two samples, by Inspect itself."""
    from inspect_ai.log import (
        EvalConfig,
        EvalDataset,
        EvalLog,
        EvalSample,
        EvalSpec,
        write_eval_log,
    )
    from inspect_ai.model import ModelOutput

    spec = EvalSpec(
        created="2025-01-01T00:00:00+00:00",
        task="sums",
        model="mockllm/model",
        dataset=EvalDataset(),
        config=EvalConfig(),
    )
    samples = [
        EvalSample(
            id=name,
            epoch=1,
            input=f"{name}?",
            target="4",
            output=ModelOutput.from_content("mockllm/model", "4"),
        )
        for name in "ab"
    ]
    write_eval_log(EvalLog(eval=spec, samples=samples, status="success"), str(path), "eval")


def _with(path: Path, name: str, content: bytes, *, mode: int = 0, times: int = 1) -> None:
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        for number in range(times):
            entry = zipfile.ZipInfo(name.format(number))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = mode << 16
            archive.writestr(entry, content)


def _bomb(path: Path) -> None:
    _with(path, "samples/c_epoch_1.json", b"0" * (300 * _MIB))


def _many_bombs(path: Path) -> None:
    _with(path, "samples/{}_epoch_1.json", b" " * (200 * _MIB) + b"0", times=8)


def _overlapping(path: Path) -> None:
    """One entry that the directory lists thousands of times: a small file that unpacks to terabytes."""
    _with(path, "samples/c_epoch_1.json", b" " * (200 * _MIB) + b"0")
    data = path.read_bytes()
    end = data.rfind(b"PK\5\6")
    count, _, start = struct.unpack("<HII", data[end + 10 : end + 20])
    last = data.rfind(b"PK\1\2", start, end)
    directory = data[start:end] + data[last:end] * 5000
    tail = struct.pack("<HHII", count + 5000, count + 5000, len(directory), start)
    path.write_bytes(data[:start] + directory + data[end : end + 8] + tail + data[end + 20 :])


def _lie(path: Path) -> None:
    """The directory says that a large entry is small."""
    _with(path, "samples/c_epoch_1.json", b" " * (100 * _MIB) + b"0")
    data = bytearray(path.read_bytes())
    place = data.rfind(b"PK\1\2")
    data[place + 24 : place + 28] = struct.pack("<I", 100)
    path.write_bytes(data)


def _sample(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    name = next(name for name in entries if name.startswith("samples/"))
    found = loads(entries[name])
    change(found)
    entries[name] = json.dumps(found).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


def _replace(path: Path, before: bytes, after: bytes) -> None:
    data = path.read_bytes()
    path.write_bytes(data.replace(before, after))


#: Name → how it is made of a good log, and whether the log may be read all the same.
ARCHIVES: dict[str, tuple[Callable[[Path], object], bool]] = {
    "a good log": (lambda path: None, True),
    "an entry of 300 MiB of zeros": (_bomb, False),
    "8 entries of 200 MiB of blanks": (_many_bombs, False),
    "an entry listed 5,000 times": (_overlapping, False),
    "a size that lies": (_lie, False),
    "../ in a name": (lambda path: _with(path, "../../../evil.json", b"0"), True),
    "an absolute name": (lambda path: _with(path, _OUTSIDE, b"0"), True),
    "a link": (
        lambda path: _with(path, "samples/l.json", b"/etc/passwd", mode=stat.S_IFLNK | 0o777),
        False,
    ),
    "escape sequences in a name": (lambda path: _with(path, "samples/\x1b[2J\n.json", b"{"), False),
    "nesting of 100,000": (lambda path: _with(path, "samples/n.json", b"[" * 100_000), False),
    "a number of 100,000 digits": (lambda path: _with(path, "samples/n.json", b"9" * 10**5), False),
    "50,000 entries": (lambda path: _with(path, "x/{}.json", b"0", times=50_000), True),
    "two headers": (lambda path: _with(path, "header.json", b"{}"), False),
    "no header": (lambda path: _replace(path, b"header.json", b"hidden.json"), True),
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[:-30]), False),
    "no sample with an output": (lambda path: _sample(path, lambda row: row.pop("output")), True),
    "an output that is a list": (
        lambda path: _sample(path, lambda row: row.update(output=[])),
        False,
    ),
    "an id that is a list": (lambda path: _sample(path, lambda row: row.update(id=[1])), False),
    "half a surrogate pair": (
        lambda path: _sample(path, lambda row: row.update(input="\ud800")),
        True,
    ),
}


def try_archives(lab: Lab, told: Callable[..., None]) -> None:
    """The check of a params file that imports each, and its whole report where the check calls it fine."""
    folder = lab.folder / "archives"
    folder.mkdir(exist_ok=True)
    write_log(folder / "good.eval")
    for name, (make, may_be_read) in ARCHIVES.items():
        path = folder / "hostile.eval"
        path.write_bytes((folder / "good.eval").read_bytes())
        make(path)
        imports = [
            {"model": model, "benchmark": "sums", "path": str(file)}
            for model, file in (("good", folder / "good.eval"), ("hostile", path))
        ]
        benchmark = {"name": "sums", "kind": "questions", "source": "imports"}
        params = {"evaluation": {"benchmarks": [benchmark], "imports": imports}}
        stage = Stage("archives", "check", params)
        status, wrong = _run(lab, stage)
        if not wrong and not status:
            wrong = "" if may_be_read else "the check calls it fine"
            status, later = _run(lab, Stage("archives", "report", params))
            # The check reads the first answer of a file; what is wrong further down is told by the first stage.
            late = status and "import: done" in lab.said()
            wrong = wrong or later or (f"a late failure: {lab.said()[-500:]}" if late else "")
        outside = [p for p in (lab.folder.parent / "evil.json", Path(_OUTSIDE)) if p.exists()]
        wrong = wrong or (f"wrote {outside}" if outside else "")
        said = lab.said().strip()[-400:]
        told("archives", "fault", name, loss=wrong, status=status, said=said)
        path.unlink()


def _run(lab: Lab, stage: Stage) -> tuple[int, str]:
    """A command's status, and what is wrong with how it ended."""
    lab.prepare(stage)
    process, most = lab.start(stage), 0
    start = time.monotonic()
    while process.poll() is None and time.monotonic() < start + _SECONDS:
        for found in lab.processes():
            try:
                most = max(most, found.memory_info().rss)
            except psutil.Error:
                continue
        time.sleep(0.1)
    if process.poll() is None:
        lab.end_all()
        return process.wait(), f"took more than {_SECONDS} s"
    if most > _MEMORY:
        return process.returncode, f"took {most / 2**30:.1f} GiB"
    return process.returncode, lab.complaint(process, fine=False, patience=1)
