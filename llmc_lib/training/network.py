"""Before a long job: do all processes of all machines find each other, add up right, and how fast?

In a Slurm job it is what the script of `make slurm` does first; on one machine it is `make network`. Each rank (the
worker at the end of this module) takes part in all-reduces of growing size, within each machine and over all, for two minutes
at most, with the backend of the training: NCCL on GPUs, gloo on CPUs.

Bandwidths are NCCL's "bus bandwidth": 2 (n - 1) / n · bytes / seconds for n processes, which is comparable over n and with the
links' own (NVIDIA/nccl-tests, doc/PERFORMANCE.md).
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmc_lib.errors import UserError
from llmc_lib.params import TrainingParams
from llmc_lib.processes.workers import run_worker
from llmc_lib.store import Run
from llmc_lib.training import cluster

#: GB/s between machines with GPUs below which it is not the fast network that carries the data: 100 Gbit Ethernet has
#: 12.5 GB/s, InfiniBand NDR 50 GB/s a port.
_SLOW_BETWEEN = 5.0
#: A rank that takes so many times the median is named.
_STRAGGLES = 1.5


#: What each process runs.
WORKER = ["-m", "llmc_lib.training.network_rank"]


@dataclass(frozen=True)
class Rank:
    """What one process found."""

    rank: int
    host: str
    device: str
    versions: str
    right: bool  # are the sums right?
    # GB/s, bus bandwidth of the largest size among the processes of its machine; None: it is alone.
    within: float | None
    over: float | None  # over all machines; None: there is one
    compute: float  # seconds of a fixed piece of work


def check(run: Run, node_rank: int = 0) -> tuple[str, bool]:
    """Run the check as this machine's part of it; on the first machine returns what to tell the person, else "", and whether
    the machines can be trained on, if slowly.

    Raises `WorkerError` with the first error of all machines where processes do not find each other or one ends, and
    `UserError` for a cluster that the params do not describe.
    """
    training = max(
        (recipe.training for recipe in run.params.recipes),
        key=lambda each: (each.cluster.nodes, each.nproc_per_node),
    )
    attempt = "network" if node_rank == 0 else f"network-{node_rank}"
    folder = run.folder / "network" / _meeting(training)
    ranks: list[Rank] = []

    def on_event(event: dict[str, Any]) -> None:
        if event["kind"] == "network":
            ranks.extend(Rank(**each) for each in event["ranks"])

    run_worker(
        cluster.command(training, WORKER, folder, node_rank),
        folder / f"{attempt}.log",
        on_event,
        cluster.environment(training),
        lambda: _explained(folder),
    )
    return (told(ranks), all(each.right for each in ranks)) if node_rank == 0 else ("", True)


def _meeting(training: TrainingParams) -> str:
    """The name of this attempt, the same on all machines: what is in an earlier one's folder would end this one."""
    job = os.environ.get("SLURM_JOB_ID")
    if job:
        return f"{job}-{os.environ.get('SLURM_STEP_ID', '0')}"
    if training.cluster.nodes > 1 and not cluster.by_hostfile(training):
        raise UserError(
            "training.cluster.nodes: several machines are checked in their Slurm job (make slurm), or by a hostfile"
        )
    return time.strftime("%Y%m%d-%H%M%S")


def _explained(folder: Path) -> str | None:
    """The first error, and what it most often means."""
    found = cluster.first_error(folder)
    text = found or ""
    for words, meaning in _MEANINGS:
        if words.lower() in text.lower():
            return f"{text}\n{meaning}"
    return found


_MEANINGS = (
    ("unhandled system error", "Most often a network interface that not all machines share: set NCCL_SOCKET_IFNAME (ip -br addr "
     "shows their names) in training.cluster.slurm.setup, and NCCL_DEBUG=INFO for what NCCL chose."),
    ("invalid usage", "Two processes have the same GPU: nproc_per_node must not exceed the GPUs of a machine, and "
     "CUDA_VISIBLE_DEVICES must be the same for all of them."),
    ("out of memory", "A GPU is in use by another process: nvidia-smi shows whose."),
    ("DistStoreError", "A machine is missing: is its process running, and can it reach the first machine's port "
     "(training.cluster.endpoint; a firewall)?"),
    ("timed out", "A machine or a process has not answered: its log is named above; without one, the network between "
     "the machines drops what is sent (a firewall, or an interface that does not reach the others: NCCL_SOCKET_IFNAME)."),
    ("DistNetworkError", "The first machine cannot be reached: its name, port and firewall (training.cluster.endpoint)."),
)  # fmt: skip


def told(ranks: list[Rank]) -> str:
    """What the ranks found, and what is wrong with it."""
    if not ranks:
        return "The check ended without a result; its log has more."
    hosts: dict[str, list[Rank]] = {}
    for each in ranks:
        hosts.setdefault(each.host, []).append(each)
    lines = [
        f"{host}: {len(group)} × {group[0].device}, {group[0].versions}{_speed(', within it', [r.within for r in group])}"
        for host, group in hosts.items()
    ]
    over = _speed("", [each.over for each in ranks])
    if over:
        lines.append(f"Between the {len(hosts)} machines:{over}")
    problems = [*_wrong(ranks), *_unlike(hosts), *_slow(ranks, hosts)]
    lines += ["", *(f"PROBLEM: {problem}" for problem in problems)]
    if not problems:
        lines.append(f"All {len(ranks)} processes find each other and add up right.")
    return "\n".join(lines)


def _speed(before: str, values: list[float | None]) -> str:
    given = [value for value in values if value is not None]
    return f"{before} {min(given):.3g} GB/s" if given else ""


def _wrong(ranks: list[Rank]) -> list[str]:
    found = [f"{each.rank} on {each.host}" for each in ranks if not each.right]
    if not found:
        return []
    return [
        f"rank {', '.join(found)} got a wrong sum: memory or a link of that machine is faulty; leave it out (--exclude=HOST)"
    ]


def _unlike(hosts: dict[str, list[Rank]]) -> list[str]:
    versions = {each.versions: host for host, group in hosts.items() for each in group}
    devices = {each.device: host for host, group in hosts.items() for each in group}
    found = []
    for what, given in (("versions", versions), ("devices", devices)):
        if len(given) > 1:
            told_ = "; ".join(f"{host} has {value}" for value, host in given.items())
            found.append(
                f"machines have different {what}: {told_}; one environment and one kind of machine for all"
            )
    return found


def _slow(ranks: list[Rank], hosts: dict[str, list[Rank]]) -> list[str]:
    found = []
    median = sorted(each.compute for each in ranks)[len(ranks) // 2]
    late = [each for each in ranks if each.compute > _STRAGGLES * median]
    if late:
        names = ", ".join(f"{each.rank} on {each.host}" for each in late)
        found.append(
            f"rank {names} computes {max(each.compute for each in late) / median:.1f} times as long as the others, and all "
            "wait for it: another job, or a processor or GPU that is throttled"
        )
    over = [each.over for each in ranks if each.over is not None]
    if over and min(over) < _SLOW_BETWEEN and not ranks[0].device.endswith("CPU"):
        found.append(
            f"{min(over):.3g} GB/s between machines is that of Ethernet, not of InfiniBand or RoCE: NCCL_DEBUG=INFO says whether "
            "NCCL uses NET/IB or NET/Socket; NCCL_IB_HCA names the adapters, NCCL_SOCKET_IFNAME the interface"
        )
    return found
