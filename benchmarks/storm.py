"""A storm of kills and damage over whole runs: what is made in the end must be what an undisturbed run makes.

python -m benchmarks.storm --minutes 10 [--stages imports,dataset,run,inputs] [--seed 0] [--keep FOLDER]

imports   finished predictions are read, graded and reported (no model)
dataset   a data set is built
run       a tiny model: data set, training in two processes, vLLM, report (minutes for each undisturbed run)
inputs    the fuzzer of tests/test_fuzz.py, with as many inputs as the time allows

Each stage is run once undisturbed, then again and again: killed at random moments (the command, its whole tree,
the notebook's kernel, a worker, one rank of a training) until it ends, then damaged (a file of the finished run
emptied, cut, removed, changed, or a folder in its place) and run again. After each storm the artefacts are
compared: parquet files and rows byte for byte, each answer once, losses within 1e-4, metrics but for times.
A difference, a traceback, or a process that is left behind is a loss. Exits with status 1 where there was one.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import yaml

ROOT = Path(__file__).resolve().parents[1]
#: In the command line of a process, and what it is.
_ROLES = {
    "ipykernel": "kernel",
    "llmc_lib.training.sft": "rank",
    "llmc_lib.engines": "worker",
    "torch.distributed.run": "worker",
}
_TIMES = {"seconds", "finished", "engine", "tokens_per_second"}
_MOST_KILLS = 5  # of one storm; then it is let go to its end


@dataclass
class Tally:
    """What a stage went through."""

    kills: Counter[str] = field(default_factory=Counter)  # by what was killed
    faults: Counter[str] = field(default_factory=Counter)  # by what was damaged
    storms: int = 0
    losses: list[str] = field(default_factory=list)


class Stage:
    """A command with its params, whose artefacts are compared with those of an undisturbed run."""

    def __init__(self, command: str, params: dict[str, Any], folder: Path) -> None:
        self.command, self.params, self.folder = command, params, folder
        self.run_folder = folder / "runs" / "storm"
        self.report = folder / "reports" / "storm"
        self.file = folder / "storm.yaml"

    def prepare(self) -> None:
        """Begin anew."""
        for path in (self.folder / "runs", self.folder / "reports"):
            shutil.rmtree(path, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        own = {"runs_dir": f"{self.folder}/runs", "reports_dir": f"{self.folder}/reports"}
        self.file.write_text(yaml.safe_dump({"run": "storm", **own, **self.params}))

    def start(self, log: Path) -> subprocess.Popen[bytes]:
        with open(log, "wb") as handle:
            return subprocess.Popen(
                [sys.executable, "-m", "llmc_lib", self.command, str(self.file)],
                cwd=ROOT,
                env={**os.environ, "HF_HUB_OFFLINE": "1"},
                stdout=handle,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def artefacts(self) -> dict[str, Any]:
        """What a run has made, without times and places."""
        made: dict[str, Any] = {}
        for path in sorted(self.run_folder.rglob("*")):
            name = str(path.relative_to(self.run_folder))
            if "damaged" in name or "/logs/" in name or "earlier/" in name or not path.is_file():
                continue
            if path.suffix == ".parquet":
                made[name] = hashlib.sha256(path.read_bytes()).hexdigest()
            elif path.name == "history.jsonl":
                made[name] = [row.get("loss", row.get("eval_loss")) for row in _rows(path)]
            elif path.suffix == ".jsonl" and name.startswith("predictions/"):
                made[name] = sorted(
                    json.dumps(_timeless(row), sort_keys=True) for row in _rows(path)
                )
        with suppress(OSError):
            metrics = json.loads((self.report / "metrics.json").read_text())
            made["metrics.json"] = {k: v for k, v in metrics.items() if k != "provenance"}
        pages = [p for p in self.report.glob("*.html") if p.stat().st_size > 1000]
        made["pages"] = sorted(page.name for page in pages)
        return made


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def _timeless(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _TIMES}


def differences(expected: dict[str, Any], found: dict[str, Any]) -> Iterator[str]:
    """What differs between two runs' artefacts."""
    for name in sorted({*expected, *found}):
        before, after = expected.get(name), found.get(name)
        if name.endswith("history.jsonl") and before and after:
            near = len(before) == len(after) and all(
                abs(a - b) <= 1e-4 for a, b in zip(before, after, strict=True)
            )
            if not near:
                yield f"{name}: another loss curve"
        elif before != after:
            yield f"{name}: {'missing' if after is None else 'new' if before is None else 'differs'}"


def wait(process: subprocess.Popen[bytes], log: Path, what: str, tally: Tally) -> bool:
    """Wait for the end of a command; False, and a loss, where it failed or showed a traceback."""
    status = process.wait()
    text = log.read_text(errors="replace")
    if status or "Traceback (most recent call last)" in text:
        tally.losses.append(f"{what}: status {status}: {text[-400:]}")
        return False
    return True


def kill(process: subprocess.Popen[bytes], draw: random.Random, tally: Tally) -> None:
    """Kill a part of a running command."""
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(process.pid)
        tree = parent.children(recursive=True)
        by_role: dict[str, list[psutil.Process]] = {}
        for child in tree:
            with suppress(psutil.Error):
                words = " ".join(child.cmdline())
                role = next((role for sign, role in _ROLES.items() if sign in words), None)
                if role:
                    by_role.setdefault(role, []).append(child)
        what = draw.choice(["command", "tree", *by_role])
        chosen = {"command": [parent], "tree": [parent, *tree]}.get(what) or [
            draw.choice(by_role[what])
        ]
        for victim in chosen:
            with suppress(psutil.NoSuchProcess):
                victim.kill()
        tally.kills[what] += 1
        process.wait()
        _, left = psutil.wait_procs(tree, timeout=60)
        if left:
            tally.losses.append(f"after a kill of the {what}: {len(left)} processes are left")
            for orphan in left:
                with suppress(psutil.NoSuchProcess):
                    orphan.kill()


def storm(stage: Stage, seconds: float, draw: random.Random, tally: Tally) -> None:
    """One run that is killed several times and then let go."""
    log = stage.folder / "log"
    for _ in range(draw.randint(1, _MOST_KILLS)):
        process = stage.start(log)
        try:
            process.wait(timeout=draw.uniform(0, seconds))
        except subprocess.TimeoutExpired:
            kill(process, draw, tally)
            if "Traceback (most recent call last)" in log.read_text(errors="replace"):
                tally.losses.append(f"a traceback after a kill: {log.read_text()[-400:]}")
    wait(stage.start(log), log, "after kills", tally)
    tally.storms += 1


def damage(stage: Stage, draw: random.Random, tally: Tally) -> None:
    """Damage a file of a finished run, and run again."""
    files = [
        path
        for place in (stage.run_folder, stage.report)
        for path in place.rglob("*")
        if path.is_file()
        and "damaged" not in path.name
        and "logs" not in path.parts
        # Without its key a training begins anew; that takes as long as a storm.
        and path.name not in (".lock", "key")
    ]
    path = draw.choice(files)
    how = draw.choice(["emptied", "cut", "removed", "changed", "folder"])
    _DAMAGE[how](path)
    tally.faults[how] += 1
    log = stage.folder / "log"
    wait(stage.start(log), log, f"{path.relative_to(stage.folder)} {how}", tally)


def _change(path: Path) -> None:
    content = bytearray(path.read_bytes() or b"x")
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


_DAMAGE: dict[str, Callable[[Path], object]] = {
    "emptied": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "removed": lambda path: path.unlink(),
    "changed": _change,
    "folder": _folder,
}


def run_stage(stage: Stage, until: float, draw: random.Random) -> Tally:
    """Storm a stage until a moment (`time.monotonic`)."""
    tally = Tally()
    stage.prepare()
    log = stage.folder / "log"
    start = time.monotonic()
    if not wait(stage.start(log), log, "undisturbed", tally):
        return tally
    seconds = time.monotonic() - start
    expected = stage.artefacts()
    print(f"  undisturbed: {seconds:.0f} s, {len(expected)} artefacts", flush=True)
    while time.monotonic() < until:
        stage.prepare()
        storm(stage, seconds, draw, tally)
        tally.losses += [
            f"after kills: {text}" for text in differences(expected, stage.artefacts())
        ]
        for _ in range(3):
            if time.monotonic() < until:
                damage(stage, draw, tally)
                found = differences(expected, stage.artefacts())
                tally.losses += [f"after damage: {text}" for text in found]
        print(
            f"  {tally.kills.total()} kills, {tally.faults.total()} faults, {len(tally.losses)} losses",
            flush=True,
        )
    return tally


def fuzz(until: float) -> tuple[int, list[str]]:
    """The fuzzer until a moment; how many inputs, and what failed."""
    inputs, failed, examples = 0, list[str](), 100
    while time.monotonic() < until and not failed:
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "tests/test_fuzz.py", "-q", "-p", "no:cacheprovider"],
            cwd=ROOT,
            env={**os.environ, "FUZZ_EXAMPLES": str(examples)},
            capture_output=True,
            text=True,
            check=False,
        )
        tests = ran.stdout.count(".") if not ran.returncode else 0
        inputs += examples * min(tests, _TESTS)
        failed += [line for line in ran.stdout.splitlines() if line.startswith("FAILED")]
        print(f"  {inputs:,} inputs, {len(failed)} failures", flush=True)
    return inputs, failed


#: Tests of tests/test_fuzz.py, each of which tries so many inputs.
_TESTS = 16


def _stages(folder: Path) -> dict[str, Stage]:
    tiny = {
        "model": {"source": str(folder / "model")},
        "dataset": {"sources": [{"name": "hard_math", "rows": 40}, {"name": "textbook"}], "max_rows": 60},
        "training": {
            "learning_rate": 1e-3, "batch_size": 8, "micro_batch_size": 4, "processes": 2,
            "precision": "float32", "max_length": 900, "save_minutes": 0.02,
        },
        "evaluation": {"max_tokens": 12, "dtype": "float32"},
        "report": {"cases": 4},
    }  # fmt: skip
    compare = yaml.safe_load((ROOT / "params" / "compare.yaml").read_text())
    compare = {name: compare[name] for name in ("evaluation", "report")}
    return {
        "imports": Stage("report", compare, folder / "imports"),
        "dataset": Stage("dataset", tiny, folder / "dataset"),
        "run": Stage("report", tiny, folder / "run"),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="in all")
    parser.add_argument("--stages", default="imports,dataset,run,inputs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--keep", type=Path, help="the folder of the runs; a temporary one by default"
    )
    options = parser.parse_args()
    names = options.stages.split(",")
    folder = options.keep or Path(tempfile.mkdtemp(prefix="llmc-storm-"))
    stages = _stages(folder)
    if {"dataset", "run"} & set(names):
        from tests.tiny import make_tiny_model

        make_tiny_model(folder / "model")
    each = 60 * options.minutes / len(names)
    lines, losses = [], list[str]()
    for number, name in enumerate(names):
        print(f"{name} …", flush=True)
        until = time.monotonic() + each
        if name == "inputs":
            inputs, failed = fuzz(until)
            lines.append(f"{name}: {inputs:,} inputs, {len(failed)} failures")
            losses += failed
            continue
        tally = run_stage(stages[name], until, random.Random(f"{options.seed}/{number}"))
        kills = ", ".join(f"{n} {what}" for what, n in sorted(tally.kills.items()))
        faults = ", ".join(f"{n} {what}" for what, n in sorted(tally.faults.items()))
        lines.append(
            f"{name}: {tally.kills.total()} kills ({kills}) in {tally.storms} storms, "
            f"{tally.faults.total()} faults ({faults}), {len(tally.losses)} losses"
        )
        losses += [f"{name}: {loss}" for loss in tally.losses]
    print("\n".join(["", *lines, *(f"LOSS {loss}" for loss in losses)]))
    if not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if losses else 0


if __name__ == "__main__":
    sys.exit(main())
