"""What DeepSpeed's configuration says of memory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from llmc_lib.params import TrainingParams, merged
from llmc_lib.plan.shape import Shape

_PRESETS = Path(__file__).parents[1] / "training" / "deepspeed"

#: DeepSpeed's defaults, in elements.
_DEFAULTS = {
    "reduce_bucket_size": 5e8,
    "stage3_max_live_parameters": 1e9,
    "stage3_prefetch_bucket_size": 5e7,
    "sub_group_size": 1e9,
}


@dataclass(frozen=True)
class Zero:
    """What DeepSpeed's configuration says of memory. Sizes of buffers are in elements."""

    stage: int
    offload_optimizer: bool
    offload_weights: bool
    bucket: float
    live: float
    prefetch: float
    sub_group: float


def zero_settings(training: TrainingParams, shape: Shape) -> Zero:
    """The preset with the params file's overrides; "auto" as transformers fills it in."""
    preset = json.loads((_PRESETS / f"{training.deepspeed}.json").read_text())
    given = merged(preset, training.deepspeed_config).get("zero_optimization", {})
    auto = {
        "reduce_bucket_size": shape.hidden**2,
        "stage3_prefetch_bucket_size": 0.9 * shape.hidden**2,
    }

    def size(key: str) -> float:
        value = given.get(key, _DEFAULTS[key])
        return float(auto.get(key, _DEFAULTS[key]) if value == "auto" else value)

    def offloads(key: str) -> bool:
        return bool((given.get(key) or {}).get("device", "none") != "none")

    stage = int(given.get("stage", 0))
    return Zero(
        stage,
        offload_optimizer=stage > 0 and offloads("offload_optimizer"),
        offload_weights=stage == 3 and offloads("offload_param"),
        bucket=size("reduce_bucket_size"),
        live=size("stage3_max_live_parameters"),
        prefetch=size("stage3_prefetch_bucket_size"),
        sub_group=size("sub_group_size"),
    )
