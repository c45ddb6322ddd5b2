"""A storm of kills, damage and faults over whole runs: what is made in the end must be what an undisturbed run makes.

python -m performance.storm --minutes 10 [--stages imports,dataset,…] [--seed 0] [--keep FOLDER]

imports      finished predictions are read, graded and reported (no model)
dataset      a data set is built
training     a tiny model is trained in two processes, with a checkpoint every second
evaluation   base and candidate answer on vLLM, and are reported
servers      the same, on two servers that now and then die or answer nonsense
report       the notebooks and pages of a finished run are made again
archives     Inspect's logs that are zip bombs, name paths outside, or hold links
inputs       the fuzzer of tests/test_fuzz.py

Each stage is run once undisturbed, then again and again: killed at random moments (the command, its whole tree,
the notebook's kernel, an engine, a launcher, one rank of a training, by Ctrl-C or SIGTERM) until it is let go to
its end; then damaged and run again (`damage.py`); then put under a fault (`faults.py`). After each the artefacts
are compared: Parquet files and rows byte for byte, each answer once, losses within 1e-4, metrics but for times.
A difference, a traceback, a hang, or a process that is left behind is a loss. Exits with status 1 where there was one.

With --keep the storm resumes where the last slice was stopped, and `journal.jsonl` counts over all slices.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from performance.storm.archives import try_archives
from performance.storm.damage import damage
from performance.storm.faults import Scene, faults_of, undergo
from performance.storm.journal import Journal
from performance.storm.kills import kill_once
from performance.storm.lab import HANGS, ROOT, Lab, Stage, differences
from performance.storm.servers import PORTS, Servers

_NAMESPACE = "LLMC_STORM_NAMESPACE"
_MOST_KILLS = 6  # of one run; then it is let go to its end
_STAGES = "imports,dataset,training,evaluation,servers,report,archives,inputs"


def stages(folder: Path) -> dict[str, Stage]:
    tiny = {
        "model": {"source": str(folder / "model")},
        "dataset": {"sources": [{"name": "hard_math", "rows": 40}, {"name": "textbook"}], "max_rows": 60},
        "training": {
            "learning_rate": 1e-3, "batch_size": 8, "micro_batch_size": 4, "nproc_per_node": 2, "epochs": 3,
            "precision": "float32", "max_length": 900, "save_minutes": 0.01, "export_at": [1.0],
        },
        "evaluation": {"max_tokens": 12, "dtype": "float32"},
        "report": {"cases": 4},
    }  # fmt: skip
    engine = {
        "kind": "openai",
        "endpoints": [f"http://127.0.0.1:{port}/v1" for port in PORTS],
        "concurrency": 4,
        "timeout_minutes": 1,
    }
    served = {**tiny, "evaluation": {"max_tokens": 12, "dtype": "float32", "engine": engine}}
    compare = yaml.safe_load((ROOT / "params" / "compare.yaml").read_text())
    compare = {name: compare[name] for name in ("evaluation", "report")}
    made = [
        Stage("imports", "report", compare),
        Stage("dataset", "dataset", tiny),
        Stage("training", "train", tiny, after="dataset"),
        Stage("evaluation", "report", tiny, after="training"),
        Stage("servers", "report", served, after="training"),
        Stage("report", "report", tiny, after="evaluation", without="reports"),
    ]
    return {stage.name: stage for stage in made}


class Storm:
    """The stages in turn, each as long as the others, until the time is over."""

    def __init__(self, folder: Path, names: list[str], seed: int, only: tuple[str, ...]) -> None:
        self.lab, self.journal = Lab(folder), Journal(folder / "journal.jsonl")
        self.stages, self.names, self.only = stages(folder), names, only
        # Another slice draws other moments.
        self.draw = random.Random(f"{seed}/{len(self.journal.rows())}")
        self.until = 0.0
        self._left = folder / "left.json"  # the run that the last slice was stopped in

    def run(self, minutes: float) -> None:
        self.lab.end_all()  # what a slice that was killed has left
        self.until = time.monotonic() + 60 * minutes
        spent = dict.fromkeys(self.names, 0.0)
        if left := self._read_left():
            self._in(left["stage"], lambda servers: self._storm(left["stage"], left["kills"]))
        while time.monotonic() < self.until and self.names:
            name = min(self.names, key=lambda name: spent[name])
            start = time.monotonic()
            self._turn(name)
            spent[name] += time.monotonic() - start

    def _turn(self, name: str) -> None:
        if name == "archives":
            try_archives(self.lab, self.journal.add)
            self.names.remove(name)
        elif name == "inputs":
            fuzz(self.journal)
        else:
            self._in(name, lambda servers: self._events(name, servers))
        print(f"  {name}: {self.journal.summary().count('LOSS')} losses so far", flush=True)

    def _in(self, name: str, work: Any) -> None:
        servers = Servers() if name == "servers" else None
        try:
            for needed in self._before(name):
                if self._known(needed) is None:
                    self.names = [n for n in self.names if n != name]
                    return
            if servers:
                servers.start_dying()
            work(servers)
        finally:
            if servers:
                servers.close()

    def _before(self, name: str) -> list[str]:
        after = self.stages[name].after
        return [*(self._before(after) if after else []), name]

    def _known(self, name: str) -> Any:
        told = lambda wrong: self.journal.add(name, "storm", "undisturbed", loss=wrong)  # noqa: E731
        return self.lab.undisturbed(self.stages[name], told)

    def _events(self, name: str, servers: Servers | None) -> None:
        for _ in range(2):
            if not self._storm(name, self.draw.randint(2, _MOST_KILLS), anew=True):
                return
        self._damage(name)
        faults = faults_of(name)
        done = [
            r["what"]
            for r in self.journal.rows()
            if r["stage"] == name and r["kind"] in ("fault", "skipped")
        ]
        # The rarest first.
        faults.sort(key=lambda fault: (sum(d.startswith(fault) for d in done), self.draw.random()))
        for fault in faults[:2]:
            if time.monotonic() < self.until:
                scene = Scene(self.lab, self.stages[name], self._known(name), self.draw, servers)
                undergo(scene, fault, self.journal.add)

    def _storm(self, name: str, kills: int, *, anew: bool = False) -> bool:
        """One run that is killed several times and then let go; False where the time was over before."""
        stage, known = self.stages[name], self._known(name)
        if anew:
            self.lab.prepare(stage)
        for left in range(kills, 0, -1):
            if time.monotonic() > self.until:
                self._left.write_text(json.dumps({"stage": name, "kills": left}))
                return False
            kill_once(self.lab, stage, known, self.draw, self.journal.add, self.only)
        self._compare(name, "storm", "killed, then let go")
        return True

    def _read_left(self) -> dict[str, Any] | None:
        if not self._left.exists():
            return None
        left: dict[str, Any] = json.loads(self._left.read_text())
        self._left.unlink()
        return left

    def _compare(self, name: str, kind: str, what: str, **facts: Any) -> None:
        stage, known = self.stages[name], self._known(name)
        wrong = self.lab.complaint(self.lab.start(stage), fine=True, patience=HANGS)
        wrong = wrong or "; ".join(differences(known.artefacts, self.lab.artefacts()))
        self.journal.add(name, kind, what, loss=wrong, **facts)

    def _damage(self, name: str) -> None:
        """Of the run that has just ended."""
        for _ in range(2):
            if time.monotonic() < self.until:
                how, path = damage(self.lab, self.draw)
                self._compare(name, "damage", how, detail=path)


def fuzz(journal: Journal, examples: int = 60) -> None:
    """The fuzzer once, with so many inputs for each of its tests, in one process."""
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/test_fuzz.py", "-q", "-p", "no:cacheprovider"],
        cwd=ROOT,
        env={**os.environ, "FUZZ_EXAMPLES": str(examples)},
        capture_output=True,
        text=True,
        check=False,
    )
    passed = ran.stdout.splitlines()[0].count(".") if ran.stdout else 0
    failed = [line for line in ran.stdout.splitlines() if line.startswith("FAILED")]
    wrong = f"{failed} {ran.stdout[-2000:]}" if ran.returncode else ""
    journal.add("inputs", "input", "fuzzed", n=examples * passed, loss=wrong)


def _own_namespace() -> None:
    """As root: go on in a mount namespace of one's own, in which disks can be made small."""
    if os.geteuid() or os.environ.get(_NAMESPACE) or not shutil.which("unshare"):
        return
    if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode:
        return
    words = ["unshare", "-m", "--propagation", "private", sys.executable, "-m", "performance.storm"]
    os.execvpe("unshare", [*words, *sys.argv[1:]], {**os.environ, _NAMESPACE: "1"})  # noqa: S606


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="in all")
    parser.add_argument("--stages", default=_STAGES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="kill in these ways alone, such as Ctrl-C")
    kept = "the folder of the runs; a temporary one by default"
    parser.add_argument("--keep", type=Path, help=kept)
    options = parser.parse_args()
    _own_namespace()
    folder = (options.keep or Path(tempfile.mkdtemp(prefix="llmc-storm-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "model").exists():
        from tests.tiny import make_tiny_model

        make_tiny_model(folder / "model")
    only = tuple(filter(None, options.only.split(",")))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # through the `finally` below
    storm = Storm(folder, options.stages.split(","), options.seed, only)
    try:
        storm.run(options.minutes)
    finally:
        storm.lab.end_all()
    print(f"\n{storm.journal.summary()}")
    losses = storm.journal.losses()
    if not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if losses else 0


if __name__ == "__main__":
    sys.exit(main())
