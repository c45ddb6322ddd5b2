"""The batch that the processes of a training can share evenly: the one that is asked for, or the nearest to it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmc_lib.params.training import TrainingParams

#: What a batch counts.
_COUNTED = {"grpo": "completions", "dpo": "pairs", "orpo": "pairs"}


def even(training: TrainingParams) -> TrainingParams:
    """The same settings with the batch sizes that are used.

    `batch_size` is the nearest multiple of the processes (of those that share a sequence one counts; with GRPO also of the
    group's size), of two equally near ones the larger. It decides what is learnt, so `micro_batch_size`, which decides memory and
    speed, gives way first: it is the largest up to the given one with which all processes have whole micro-batches.
    """
    unit = training.replicas
    if training.method == "grpo" and training.grpo is not None:
        unit = math.lcm(unit, training.grpo.group_size)
    below = training.batch_size // unit * unit
    near = below and training.batch_size - below < below + unit - training.batch_size
    batch = below if near else below + unit
    each = batch // training.replicas
    micro = next(n for n in range(min(training.micro_batch_size, each), 0, -1) if each % n == 0)
    if (batch, micro) == (training.batch_size, training.micro_batch_size):
        return training
    return training.model_copy(update={"batch_size": batch, "micro_batch_size": micro})


def batch_facts(asked: TrainingParams | None, used: TrainingParams) -> dict[str, Any]:
    """What the manifest has of a batch that is not as `asked`; {} where it is (None)."""
    if asked is None:
        return {}
    sizes = ("batch_size", "micro_batch_size")
    return {
        "batch": {
            "asked": {size: getattr(asked, size) for size in sizes},
            "used": {size: getattr(used, size) for size in sizes},
        }
    }


def batch_told(asked: TrainingParams, used: TrainingParams) -> str:
    """What is used in place of what is asked for, and the nearest settings that keep it. The learning rate of Adam goes with the root of
    the batch: Malladi et al., "On the SDEs and Scaling Rules for Adaptive Gradient Algorithms" (arXiv:2205.10287)."""
    counted, batch, micro = (
        _COUNTED.get(asked.method, "sequences"),
        asked.batch_size,
        asked.micro_batch_size,
    )
    processes = "one process" if asked.world_size == 1 else f"{asked.world_size} processes"
    shared = "" if asked.sequence_parallel == 1 else f", {asked.sequence_parallel} to a sequence,"
    if used.batch_size == batch:
        unit = micro * asked.replicas
        sizes = [n for n in (batch // unit * unit, (batch // unit + 1) * unit) if n]
        return (
            f"micro_batch_size {micro}: {processes}{shared} cannot share {batch} {counted} in micro-batches of {micro}; "
            f"micro-batches of {used.micro_batch_size} are used. batch_size: {' or '.join(map(str, sizes))} keeps {micro}"
        )
    ratio = used.batch_size / batch
    told = (
        f"batch_size {batch}: {processes}{shared} cannot share {batch} {counted} evenly; a step has "
        f"{used.batch_size}, {ratio:.3g} times as many, so there are {'fewer' if ratio > 1 else 'more'} steps, and a learning rate "
        f"{ratio**0.5:.3g} times as high keeps Adam's noise as it was"
    )
    if used.micro_batch_size != micro:
        told += f"; micro-batches of {used.micro_batch_size} in place of {micro}"
    kept = [f"{key}: {n}" for key, n in _keeping(asked)]
    return told + (f". For {batch} give {', or '.join(kept)}" if kept else "")


def _keeping(asked: TrainingParams) -> list[tuple[str, int]]:
    """Fewer machines, or processes on each, that share the batch evenly."""
    each, nodes, shared = asked.nproc_per_node, asked.cluster.nodes, asked.sequence_parallel
    found = []
    for key, now, others in (("cluster.nodes", nodes, each), ("nproc_per_node", each, nodes)):
        for n in range(now - 1, 0, -1):
            if n * others % shared == 0 and asked.batch_size * shared % (n * others) == 0:
                found.append((key, n))
                break
    return found
