"""A rank of the check of the network (see `network`): python -m llmc_lib.training.network_rank"""

from __future__ import annotations

import os
import socket
import time
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.elastic.multiprocessing.errors import record

from llmc_lib.processes.workers import emit

#: Seconds to find each other, and for one collective.
_PATIENCE = 120
#: Of all measurements together.
_SECONDS = 60.0
_TIMES = 5
_MIB = 2**20


@record  # type: ignore[untyped-decorator]
def main() -> None:
    """Measure, and have rank 0 tell what all ranks found."""
    on_gpu = torch.cuda.is_available()
    local, each = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])
    if on_gpu:
        torch.cuda.set_device(local)
    device = torch.device("cuda", local) if on_gpu else torch.device("cpu")
    dist.init_process_group("nccl" if on_gpu else "gloo", timeout=timedelta(seconds=_PATIENCE))
    rank, world = dist.get_rank(), dist.get_world_size()
    sizes = [1, 16, 64, 256, 1024] if on_gpu else [1, 4, 16]
    mine, _ = dist.new_subgroups(group_size=each)
    found = _machine(rank, device)
    found["right"], found["within"] = _measured(sizes, device, mine, each)
    found["over"] = None
    if world > each:
        right, found["over"] = _measured(sizes, device, None, world)
        found["right"] &= right
    found["compute"] = _computed(device)
    ranks: list[Any] = [None] * world
    dist.all_gather_object(ranks, found)
    if rank == 0:
        emit("network", ranks=ranks)
    dist.barrier()
    dist.destroy_process_group()


def _machine(rank: int, device: torch.device) -> dict[str, Any]:
    versions = f"torch {torch.__version__}"
    name = f"{os.cpu_count()}-core CPU"
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        nccl = ".".join(str(part) for part in torch.cuda.nccl.version())
        versions += f", NCCL {nccl}, CUDA {torch.version.cuda}"
    return {"rank": rank, "host": socket.gethostname(), "device": name, "versions": versions}


def _measured(
    sizes: list[int], device: torch.device, group: Any, members: int
) -> tuple[bool, float | None]:
    """Are the sums right, and GB/s of the largest size (MiB) that there was time for; None for a process alone."""
    if members == 1:
        return True, None
    end, right, speed = time.monotonic() + _SECONDS / 2, True, 0.0
    first = dist.get_rank() if group is None else dist.get_rank(group)
    for size in sizes:
        numbers = torch.full((size * _MIB // 4,), float(first + 1), device=device)
        dist.all_reduce(numbers, group=group)
        expected = members * (members + 1) / 2
        right &= bool((numbers == expected).all())
        numbers.zero_()
        _wait(device)
        start = time.monotonic()
        for _ in range(_TIMES):
            dist.all_reduce(numbers, group=group)
        _wait(device)
        seconds = (time.monotonic() - start) / _TIMES
        speed = 2 * (members - 1) / members * size * _MIB / seconds / 1e9
        if not _all_agree(time.monotonic() < end, device, group):
            break
    return right, speed


def _all_agree(mine: bool, device: torch.device, group: Any) -> bool:
    """Does each process say yes? One that stopped alone would leave the others waiting."""
    word = torch.tensor([int(mine)], device=device)
    dist.all_reduce(word, dist.ReduceOp.MIN, group=group)
    return bool(word.item())


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _computed(device: torch.device) -> float:
    """Seconds of a product of matrices, the least of a few."""
    size = 8192 if device.type == "cuda" else 512
    matrix = torch.ones(size, size, device=device)
    best = float("inf")
    for _ in range(5):
        start = time.monotonic()
        matrix @ matrix
        _wait(device)
        best = min(best, time.monotonic() - start)
    return best


if __name__ == "__main__":
    main()
