"""Where the processes of a training run: the command that starts them, and the first error of all.

Each process runs beside a parent of its own, `llmc_lib.training.rank`, whichever launcher started it: its log
and the way it ended are then in one folder, on one machine or on many.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import sys
import sysconfig
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmc_lib.errors import UserError, shown
from llmc_lib.params import TrainingParams
from llmc_lib.processes.workers import run_worker
from llmc_lib.store import ROOT, json_reader, write_atomic
from llmc_lib.store.json_reader import JsonError

#: host:port of the first machine, in place of the params file's; set by the script of `make slurm`.
ENDPOINT = "LLMC_ENDPOINT"
#: What Python prints between an exception and the one that it led to.
LINK = "During handling of the above exception|direct cause of the following exception"
#: What a process says when another one is gone: true, but not the cause.
_SECONDARY = re.compile(
    r"connection (was )?(closed|reset)|closed by peer|broken pipe|connection refused|remote process exited"
    r"|ncclRemoteError|ncclSystemError|ncclInternalError|timed out|timeout|DistNetworkError|DistStoreError"
    r"|watchdog|heartbeat|recvVector|unhandled system error",
    re.IGNORECASE,
)
#: Variables by which a person sets up a cluster; ssh does not carry them to the other machines.
_CARRIED = re.compile(r"(NCCL|GLOO|UCX|TORCH|HF|DS|DEEPSPEED|CUDA|TRITON|LLMC)_|LD_LIBRARY_PATH$")
_LINE_BYTES = 4096
#: What torchrun tells each process, for one that it does not start.
_ALONE = {
    "RANK": "0",
    "LOCAL_RANK": "0",
    "WORLD_SIZE": "1",
    "LOCAL_WORLD_SIZE": "1",
    "MASTER_ADDR": "127.0.0.1",
    "MASTER_PORT": "0",  # any that is free
}
_NAMES = {
    signal.SIGKILL: "often because the machine ran out of memory",
    signal.SIGSEGV: "a crash in native code",
    signal.SIGBUS: "often because /dev/shm or a disk was full",
    signal.SIGABRT: "native code gave up",
    signal.SIGTERM: "something outside asked it to end",
}


def command(
    training: TrainingParams, worker: list[str], logs: Path, node_rank: int = 0
) -> list[str]:
    """The command line that runs `python WORKER…` once a process, on this machine or on all.

    `logs` must be a folder of this attempt alone, seen by all machines: an old failure in it would end
    the new processes. Raises `UserError` for an endpoint or a hostfile that does not do.
    """
    cluster = training.cluster
    parent = ["llmc_lib.training.rank", str(logs), *worker]
    if by_hostfile(training):
        return _by_hostfile(training, parent, logs)
    if cluster.nodes == training.nproc_per_node == 1:
        return [sys.executable, "-m", *parent]  # a launcher would import torch for nothing
    start = [sys.executable, "-m", "torch.distributed.run"]
    each = ["--nproc-per-node", str(training.nproc_per_node), "-m", *parent]
    if cluster.nodes == 1:
        return [*start, "--standalone", *each]
    if node_rank not in range(cluster.nodes):
        raise UserError(
            f"NODE_RANK: {node_rank} is not one of 0 to {cluster.nodes - 1} (training.cluster.nodes: "
            f"{cluster.nodes})"
        )
    host, port = endpoint(training)
    return [
        *start,
        "--nnodes", str(cluster.nodes), "--node-rank", str(node_rank),
        "--master-addr", host, "--master-port", str(port),
        "--rdzv-conf", f"timeout={cluster.timeout_minutes * 60}",
        *each,
    ]  # fmt: skip


def run(
    training: TrainingParams,
    spec: Path,
    node_rank: int = 0,
    on_event: Callable[[dict[str, Any]], None] = lambda event: None,
) -> None:
    """Run this machine's processes of the training that `spec` describes, to their end; what rank 0
    tells goes to `on_event`. Raises `WorkerError` with the first error of all machines, and `UserError`
    where the spec cannot be read."""
    folder = logs(spec.parent, _attempt(spec))
    run_worker(
        command(training, worker(spec), folder, node_rank),
        folder / f"node-{node_rank}.log",
        on_event,
        environment(training),
        lambda: first_error(folder),
    )


def _attempt(spec: Path) -> str:
    """The name of the attempt that a spec describes."""
    try:
        attempt = json_reader.load(spec)["attempt"]
        if re.fullmatch(r"[\w-]+", attempt):
            return str(attempt)
        problem = "its attempt is no plain word"
    except OSError as error:
        problem = str(error.strerror)
    except JsonError as error:
        problem = f"not valid JSON: {error}"
    except (KeyError, TypeError):
        problem = "no training is described there"
    raise UserError(f"{spec}: {problem}; start the training again on the first machine")


def worker(spec: Path) -> list[str]:
    """What each process of a training runs."""
    return ["-m", "llmc_lib.training.worker", str(spec)]


def logs(training_folder: Path, attempt: str) -> Path:
    """Where the logs of all ranks of one attempt are; those of earlier ones stay beside it."""
    return training_folder / "logs" / attempt


def by_hostfile(training: TrainingParams) -> bool:
    """Does DeepSpeed start the processes of all machines? Not in a Slurm job, where Slurm has."""
    return training.cluster.launcher == "hostfile" and ENDPOINT not in os.environ


def endpoint(training: TrainingParams) -> tuple[str, int]:
    """Where the machines of a training meet: host and port of the first one."""
    text = os.environ.get(ENDPOINT) or training.cluster.endpoint
    if text is None:
        raise UserError("training.cluster.endpoint: required: host:port of the first machine")
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise UserError(f"{ENDPOINT}: {text!r} must be host:port")
    return host, int(port)


def environment(training: TrainingParams) -> dict[str, str]:
    """What the processes need beside this process's environment."""
    cores = len(os.sched_getaffinity(0))
    inherited = os.environ.get("PYTHONPATH")
    alone = training.cluster.nodes == training.nproc_per_node == 1 and not by_hostfile(training)
    return {
        **(_ALONE if alone else {}),
        # torchrun would set one thread a process, which halves the speed on a CPU.
        "OMP_NUM_THREADS": str(max(1, cores // training.nproc_per_node)),
        # With ninja, of this environment, DeepSpeed compiles C++ where it needs some: to offload the optimizer.
        "PATH": f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ.get('PATH', '')}",
        # This checkout's code, on every machine and from any working directory.
        "PYTHONPATH": os.pathsep.join([str(ROOT), *([inherited] if inherited else [])]),
        # Buffers stay in the heap, in huge pages, and are used again: one that goes back to the kernel
        # is filled with zeros when it is next wanted. On a CPU a step takes 17 s so, 28 s where buffers
        # of 4 MiB and more go back (SmolLM2-135M, 3,000 tokens, two cores).
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=1073741824"
        ":glibc.malloc.trim_threshold=4294967296",
        # oneDNN keeps compiled kernels for each shape that it has seen, 1,024 of them by default, and nearly
        # every micro-batch has a shape of its own: memory in use grew by 65 MiB a step, so by 35 MiB.
        "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",  # the base is a local folder by now
        # Minutes. On a CPU the trainer does not hand its own timeout on, and 10 would hold.
        "DEEPSPEED_TIMEOUT": str(training.cluster.timeout_minutes),
        # An NCCL collective that times out or loses its peer ends the process.
        "TORCH_NCCL_ASYNC_ERROR_HANDLING": "1",
    }


# ---- DeepSpeed's hostfile --------------------------------------------------------------------


def _by_hostfile(training: TrainingParams, parent: list[str], logs: Path) -> list[str]:
    cluster = training.cluster
    hosts = read_hostfile(training)
    # Its launcher carries only PYTHON* and NCCL* to other machines; llmc_lib.training.rank reads the rest here.
    carried = {name: value for name, value in os.environ.items() if _CARRIED.match(name)}
    carried |= environment(training)
    write_atomic(logs / "environment.json", json.dumps(carried, indent=1))
    first = next(iter(hosts))
    here = len(hosts) == 1 and first in ("localhost", "127.0.0.1", socket.gethostname())
    if not here and (spaced := [p for p in (str(Path.cwd()), sys.executable) if " " in p]):
        raise UserError(
            f"training.cluster.launcher: DeepSpeed cannot start processes by ssh from {spaced[0]!r}, "
            "which has a space; move the checkout, or take launcher: torchrun"
        )
    if not here and shutil.which("pdsh") is None:
        raise UserError(
            "training.cluster.launcher: DeepSpeed needs pdsh here, and ssh without a password to each "
            "machine; install pdsh, or take launcher: torchrun"
        )
    options = ["--hostfile", str(ROOT / str(cluster.hostfile)), "--launcher", "pdsh"]
    options += ["--num_gpus", str(training.nproc_per_node)]  # its word for processes; also on a CPU
    if cluster.endpoint is not None:
        host, port = endpoint(training)
        options += ["--master_addr", host, "--master_port", str(port)]
    elif here:
        options += ["--master_addr", "127.0.0.1"]
    options += ["--no_ssh_check"] if here else ["--force_multi"]
    # Without --bind_cores_to_rank: that needs numactl.
    return [
        sys.executable, "-m", "deepspeed.launcher.runner",
        *options, "--no_local_rank", "--module", *parent,
    ]  # fmt: skip


def read_hostfile(training: TrainingParams) -> dict[str, int]:
    """Host → slots, as the params' hostfile says. Raises `UserError` where it does not fit them."""
    cluster = training.cluster
    path = ROOT / str(cluster.hostfile)
    where = "training.cluster.hostfile"
    if path.exists() and not path.is_file():
        raise UserError(f"{where}: {path} is not a regular file")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{where}: {path} cannot be read: {error}") from None
    hosts: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        found = re.fullmatch(r"([\w.][\w.-]*)\s+slots=(\d{1,5})(?:\s.*)?", text)
        if not found:
            raise UserError(f'{where}: {path}, line {number}: {shown(text)} must be "host slots=8"')
        if found[1] in hosts:
            raise UserError(f"{where}: {path}, line {number}: {found[1]!r} is listed twice")
        hosts[found[1]] = int(found[2])
    if len(hosts) != cluster.nodes:
        raise UserError(
            f"{where}: {path} has {len(hosts)} machines, training.cluster.nodes is {cluster.nodes}; "
            "they must be the same"
        )
    for host, slots in hosts.items():
        if slots < training.nproc_per_node:
            raise UserError(
                f"{where}: {path}: {host} has {slots} slots, training.nproc_per_node is "
                f"{training.nproc_per_node}; give each machine as many slots"
            )
    return hosts


# ---- the first error -------------------------------------------------------------------------


@dataclass(frozen=True)
class Failure:
    """How a process ended that was not told to."""

    rank: int
    host: str
    status: int  # as Python has it: -9 is signal 9
    time: float  # seconds since 1970, by the clock of `host`
    error: str  # its traceback, or its last lines, or nothing

    @property
    def secondary(self) -> bool:
        """Did it probably end because another one had?"""
        said = self.error if self.status < 0 else _root(self.error)[-1]
        return _SECONDARY.search(said) is not None


def failures(logs: Path) -> list[Failure]:
    """What `llmc_lib.training.rank` recorded, the likeliest cause first."""
    found = [_failure(path) for path in logs.glob("rank-*.failed.json")]
    return sorted(found, key=lambda failure: (failure.secondary, failure.time))


def _failure(path: Path) -> Failure:
    """What a note says; of one that cannot be read, that there is one."""
    try:
        facts = json_reader.load(path)
        return Failure(
            int(facts["rank"]), str(facts["host"]), int(facts["status"]), float(facts["time"]),
            str(facts["error"]),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        rank = re.search(r"\d+", path.name)
        said = f"{path.name} cannot be read: {error}"
        return Failure(int(rank[0]) if rank else 0, "an unknown machine", 1, float("inf"), said)


def first_error(logs: Path, patience: float = 10.0) -> str | None:
    """The first error of all ranks in words: rank, machine, what, and where its log is; None where no
    rank failed by itself. Another machine's file may come late: while there are only consequences,
    it is waited for, `patience` seconds at most."""
    end = time.monotonic() + patience
    found = failures(logs)
    while found and found[0].secondary and time.monotonic() < end:
        time.sleep(0.5)
        found = failures(logs)
    if not found:
        return None
    first, others = found[0], sorted(failure.rank for failure in found[1:])
    lines = [f"Rank {first.rank} on {first.host} {_how(first)}"]
    if first.error:
        shown = told(first.error) if first.status > 0 else first.error.splitlines()[:8]
        lines += [f"  {line}" for line in shown]
    if first.secondary:
        lines.append("Probably another rank did not answer: it hangs, or its machine is gone.")
        if silent := _silent(logs):
            lines.append(f"Without a word of their end: {', '.join(silent)}. Look there first.")
    if others:
        lines.append(f"After it: rank {', '.join(map(str, others))}")
    lines.append(f"Its log: {logs / f'rank-{first.rank}.log'}")
    return "\n".join(lines)


def _silent(logs: Path) -> list[str]:
    """The ranks that began and of whose end nothing is known, with their machines."""
    found = {}
    for path in logs.glob("rank-*.log"):
        first, last = _first_and_last_line(path)
        began = re.match(r"\[rank (\d+) of \d+, (\S+), \d+\]", first)
        if began and (last is None or not last.startswith(began[0])):
            found[int(began[1])] = f"rank {began[1]} on {began[2]}"
    return [found[rank] for rank in sorted(found)]


def _first_and_last_line(path: Path) -> tuple[str, str | None]:
    """Of a log of any size; None where the first line is all there is."""
    with open(path, "rb") as file:
        first = file.readline(_LINE_BYTES)
        file.seek(max(len(first), path.stat().st_size - _LINE_BYTES))
        rest = file.read(_LINE_BYTES).decode(errors="replace").splitlines()
    return first.decode(errors="replace"), rest[-1] if rest else None


def _how(failure: Failure) -> str:
    if failure.status >= 0:
        return f"ended with status {failure.status}:"
    try:
        number = signal.Signals(-failure.status)
    except ValueError:
        return f"was ended by signal {-failure.status}:"
    why = _NAMES.get(number)
    return f"was killed by {number.name}" + (f": {why}" if why else "")


def _root(error: str) -> list[str]:
    """The lines of the first exception of a chain."""
    part = re.split(rf"\n[^\n]*(?:{LINK})[^\n]*\n", error)[0]
    return [line for line in part.splitlines() if line.strip()] or [""]


def told(error: str) -> list[str]:
    """The last frames of the first exception, and the one that it led to: the package's own, if there is one."""
    root = _root(error)
    lines = [line for line in error.splitlines() if line.strip()]
    own = [line for line in lines if re.match(r"(\[rank\d+\]: )?llmc_lib\.[\w.]+: ", line)]
    last = (own or lines or root)[-1]
    return [*root[-7:], *([f"which led to: {last}"] if last != root[-1] else [])]
