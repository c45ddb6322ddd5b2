"""The folder that storms run in, the stages, and what is compared."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from llmc_lib.store import git_commit

ROOT = Path(__file__).resolve().parents[2]
#: In the environment of all that a lab starts: its folder.
MARK = "LLMC_STORM"
#: Seconds. A command that takes longer hangs; one whose part was killed must end by itself within the second.
HANGS, ENDS = 900.0, 150.0
#: Seconds that processes may take to see that their parent is gone.
_GONE = 45.0
_TIMES = {"seconds", "finished", "engine", "tokens_per_second"}
_TRACEBACK = "Traceback (most recent call last)"


@dataclass(frozen=True)
class Stage:
    """A command that does a part of a run, from where another stage ends."""

    name: str
    command: str
    params: dict[str, Any]
    after: str | None = None
    without: str | None = None  # what of the other stage's end is taken away: a folder of the lab


@dataclass(frozen=True)
class Undisturbed:
    """A stage's run that nobody disturbed."""

    seconds: float
    changes: int  # that were seen in its folders
    artefacts: dict[str, Any]


class Lab:
    """One run at a time, always at the same place."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work = folder / "work"
        self.run_folder = self.work / "runs" / "storm"
        self.report = self.work / "reports" / "storm"
        self.params_file = folder / "storm.yaml"
        self.log = folder / "log"

    def write(self, params: dict[str, Any]) -> None:
        own = {"runs_dir": f"{self.work}/runs", "reports_dir": f"{self.work}/reports"}
        self.params_file.write_text(yaml.safe_dump({"run": "storm", **own, **params}))

    def prepare(self, stage: Stage) -> None:
        """Put everything where the stage begins."""
        empty(self.work)
        self.work.mkdir(parents=True, exist_ok=True)
        if stage.after:
            shutil.copytree(self._end(stage.after), self.work, dirs_exist_ok=True, symlinks=True)
        if stage.without:
            shutil.rmtree(self.work / stage.without)
        self.write(stage.params)

    def start(
        self, stage: Stage, prefix: Sequence[str] = (), env: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "llmc_lib", stage.command, str(self.params_file)]
        with open(self.log, "wb") as handle:
            return subprocess.Popen(
                [*prefix, *command],
                cwd=ROOT,
                env={**os.environ, "HF_HUB_OFFLINE": "1", MARK: str(self.folder), **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=handle,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a process group of its own, as a terminal gives it
            )

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def complaint(self, process: subprocess.Popen[bytes], *, fine: bool, patience: float) -> str:
        """Wait for a command; what is wrong with its end, "" where nothing is. `fine`: it must succeed; else
        it may also fail in a message."""
        try:
            status = process.wait(patience)
        except subprocess.TimeoutExpired:
            self.end_all()
            return f"hung for {patience:.0f} s: …{self.said()[-500:]}"
        said = self.said()
        if _TRACEBACK in said or "zmq" in said.lower():
            return f"status {status} and a traceback: …{said[said.find(_TRACEBACK) - 300 :][:1500]}"
        if fine and status:
            return f"status {status}: …{said[-700:]}"
        if status and status > 0 and not said.strip():
            return f"status {status} without a word"
        return self._left_behind()

    def _left_behind(self) -> str:
        end = time.monotonic() + _GONE
        while found := self.processes():
            if time.monotonic() > end:
                told = [" ".join(_words(process))[:200] for process in found]
                self.end_all()
                return f"{len(told)} processes are left: {told[:3]}"
            time.sleep(0.2)
        return ""

    def processes(self) -> list[psutil.Process]:
        """All that the lab has started, directly or not, and that runs."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                ours = process.environ().get(MARK) == str(self.folder)
                if ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def end_all(self) -> None:
        for process in self.processes():
            with suppress(psutil.Error):
                process.kill()

    # ---- what a run makes ------------------------------------------------------------------------

    def _end(self, name: str) -> Path:
        """Where the undisturbed run of a stage is kept; other code makes other artefacts."""
        return self.folder / "ends" / git_commit() / name

    def undisturbed(self, stage: Stage, journal: Callable[[str], None]) -> Undisturbed | None:
        """The stage's run without a disturbance, done once; None where it fails, which is a loss."""
        file = self._end(stage.name).with_suffix(".json")
        if not file.exists():
            self.prepare(stage)
            start, process, watch = time.monotonic(), self.start(stage), Watch(self)
            while process.poll() is None and time.monotonic() < start + HANGS:
                watch.look()
                time.sleep(0.05)
            if complaint := self.complaint(process, fine=True, patience=1):
                journal(complaint)
                return None
            seconds = time.monotonic() - start
            end = self._end(stage.name)
            shutil.rmtree(end, ignore_errors=True)
            shutil.copytree(self.work, end, symlinks=True)
            facts = {"seconds": seconds, "changes": watch.changes, "artefacts": self.artefacts()}
            file.write_text(json.dumps(facts))
            print(f"  {stage.name}, undisturbed: {seconds:.0f} s", flush=True)
        return Undisturbed(**json.loads(file.read_text()))

    def artefacts(self) -> dict[str, Any]:
        """What a run has made, without times and places."""
        made: dict[str, Any] = {}
        # Not `rglob`, which goes through no link.
        walked = os.walk(self.run_folder, followlinks=True)
        for path in sorted(Path(place, file) for place, _, files in walked for file in files):
            name = str(path.relative_to(self.run_folder))
            if "damaged" in name or "/logs/" in name or "earlier/" in name or not path.is_file():
                continue
            if path.suffix == ".parquet":
                made[name] = hashlib.sha256(path.read_bytes()).hexdigest()
            elif (
                path.suffix == ".safetensors"
            ):  # the losses tell what is in it, to their last digits
                made[name] = path.stat().st_size
            elif path.name == "history.jsonl":
                made[name] = [row.get("loss", row.get("eval_loss")) for row in _rows(path)]
            elif path.suffix == ".jsonl" and name.startswith("predictions/"):
                rows = [_timeless(row) for row in _rows(path)]
                made[name] = sorted(json.dumps(row, sort_keys=True) for row in rows)
        with suppress(OSError):
            metrics = json.loads((self.report / "metrics.json").read_text())
            made["metrics.json"] = {k: v for k, v in metrics.items() if k != "provenance"}
        pages = [page for page in self.report.glob("*.html") if page.stat().st_size > 1000]
        made["pages"] = sorted(page.name for page in pages)
        # As it is read back.
        return dict(json.loads(json.dumps(made)))


class Watch:
    """Counts the changes that are seen in the folders of a run."""

    def __init__(self, lab: Lab) -> None:
        self._folders = (lab.run_folder, lab.report)
        self._seen: frozenset[tuple[str, int, int]] | None = None
        self.changes = 0

    def look(self) -> None:
        seen = set()
        for folder in self._folders:
            for place, folders, files in os.walk(folder):
                for name in [*folders, *files]:
                    with suppress(OSError):
                        stat = os.lstat(f"{place}/{name}")
                        seen.add((f"{place}/{name}", stat.st_size, stat.st_mtime_ns))
        found = frozenset(seen)
        self.changes += self._seen is not None and found != self._seen
        self._seen = found


def empty(folder: Path) -> None:
    """Remove what is in a folder; the folder itself may be a mount."""
    for path in folder.glob("*") if folder.is_dir() else []:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def _timeless(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _TIMES}


def differences(expected: dict[str, Any], found: dict[str, Any]) -> Iterator[str]:
    """What differs between two runs' artefacts."""
    for name in sorted({*expected, *found}):
        before, after = expected.get(name), found.get(name)
        if before == after:
            continue
        if before is None or after is None:
            yield f"{name}: {'missing' if after is None else 'new'}"
        elif name.endswith("history.jsonl"):
            near = len(before) == len(after) and all(
                abs(a - b) <= 1e-4 for a, b in zip(before, after, strict=True)
            )
            if not near:
                yield f"{name}: another loss curve: {before} {after}"
        elif isinstance(before, list):
            lost = [row for row in before if row not in after]
            new = [row for row in after if row not in before]
            twice = len(after) - len(set(after))
            yield f"{name}: {len(lost)} rows lost, {len(new)} new, {twice} twice: {lost[:1]} {new[:1]}"
        else:
            yield f"{name}: differs"
