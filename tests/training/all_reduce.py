"""A worker for the tests of the launchers: no model, one collective after the other.

python all_reduce.py [MODE RANK]    MODE is how rank RANK ends before the last collective
"""

from __future__ import annotations

import os
import signal
import sys
import time
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.distributed.elastic.multiprocessing.errors import record

from llmc_lib.processes.workers import emit


@record  # type: ignore[untyped-decorator]
def main(mode: str = "", who: str = "0") -> None:
    dist.init_process_group("gloo", timeout=timedelta(seconds=120))
    rank, world = dist.get_rank(), dist.get_world_size()
    total = torch.tensor([float(rank + 1)])
    dist.all_reduce(total)
    print(f"rank {rank} of {world} has the sum {total.item():g}")
    emit("sum", rank=rank, world=world, sum=total.item(), pid=os.getpid())
    if rank == int(who):
        match mode:
            case "raise":
                fail()
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "hang":  # the others do not wait for it in a collective: only the watch ends them
                os.kill(os.getpid(), signal.SIGKILL)
    if mode == "hang":
        time.sleep(300)
    dist.all_reduce(total)
    dist.barrier()
    dist.destroy_process_group()


def fail() -> None:
    layers: dict[str, int] = {}
    try:
        layers["weights"]
    except KeyError as error:
        raise RuntimeError("the weights of layer 3 are not there") from error


if __name__ == "__main__":
    main(*sys.argv[1:])
