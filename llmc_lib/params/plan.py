"""The section `plan`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from llmc_lib.params.common import Positive, PositiveInt, Section


class PlanParams(Section):
    """What `make plan` assumes where it cannot know. Nothing else reads these keys, no result depends on
    them. How many GPUs a machine has is `training.nproc_per_node`. Gigabytes are GiB, TFLOP/s are dense."""

    # The GPU that is planned for; its memory and speed are in llmc_lib/plan/machine.py. None:
    # what this machine has, which may be processors alone. "none": processors alone.
    gpu: (
        Literal[
            "none", "RTX4090-24GB", "A100-40GB", "A100-80GB", "L40S-48GB", "H100-80GB", "H200-141GB",
            "B200-192GB",
        ]
        | None
    ) = None  # fmt: skip
    # Of a GPU; overrides that of the table
    memory_gib: Positive | None = None
    tflops: Positive | None = None  # bfloat16 peak of a GPU; the same
    # Memory of a machine; None: not checked, but where the plan is for this machine.
    ram_gib: Positive | None = None
    # Between the GPUs of a machine, and from a GPU to other machines: GB/s in one direction.
    link_gb_per_s: Positive = 200.0
    network_gb_per_s: Positive = 50.0  # 400 Gbit/s a GPU
    # Share of the peak that training reaches (model FLOPs utilisation), and that generation reaches.
    mfu: Annotated[float, Field(gt=0, le=1)] = 0.4
    # The same of a slow training, for the other end of the range. None: 0.12, of a mixture of experts 0.06
    slow_mfu: Annotated[float, Field(gt=0, le=1)] | None = None
    # The share of the bandwidths that a slow training over several machines reaches
    slow_bandwidth: Annotated[float, Field(gt=0, le=1)] = 0.2
    # Seconds of an optimizer step that you measured with these settings; it takes the place of the count.
    measured: Positive | None = None
    generation_mfu: Annotated[float, Field(gt=0, le=1)] = 0.05
    cpu_generation_mfu: Annotated[float, Field(gt=0, le=1)] = 0.25
    # That a GPU generates; None: by the share
    tokens_per_s: Positive | None = None
    # Until the data set is built: its rows, None: max_rows; tokens of a row, None: training.max_length.
    rows: PositiveInt | None = None
    tokens_per_row: PositiveInt | None = None
    # None: evaluation.max_tokens, the most there can be
    tokens_per_answer: PositiveInt | None = None
