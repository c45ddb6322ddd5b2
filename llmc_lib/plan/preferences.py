"""What learning from pairs needs besides fine-tuning: two sequences a pair, and of DPO the reference model.

Sources. The reference: Rafailov et al., "Direct Preference Optimization" (arXiv:2305.18290), section 4; TRL 1.16 keeps it beside
the policy, under ZeRO-3 divided among the processes, under the other stages whole in each, and with adapters not at all,
as the policy without them is the reference. ORPO has none: Hong et al. (arXiv:2403.07691), section 4.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from llmc_lib.params import PlanParams, TrainingParams
from llmc_lib.plan.hours import Work, work
from llmc_lib.plan.machine import Machine
from llmc_lib.plan.memory import Part
from llmc_lib.plan.shape import Shape
from llmc_lib.plan.zero import Zero

#: The methods that learn from pairs.
METHODS = ("dpo", "orpo")
#: Copies of the logits that ORPOTrainer holds at once, which has no fused output layer: they, what the log-probabilities
#: are made of, and their gradient. Assumed.
_COPIES = 3


def as_sequences(training: TrainingParams) -> TrainingParams:
    """The settings of a fine-tuning that holds as many sequences at a time: two a pair, padded."""
    twice = {name: 2 * getattr(training, name) for name in ("batch_size", "micro_batch_size")}
    return training.model_copy(update={**twice, "batching": "padded"})


def beside(shape: Shape, training: TrainingParams, on: Machine, zero: Zero) -> list[Part]:
    """What a process holds besides: of DPO the reference model, of ORPO on a GPU the whole logits."""
    if training.method == "orpo":
        if not on.on_gpu:  # where the logits are counted whole already
            return []
        tokens = 2.0 * training.micro_batch_size * training.max_length
        size = _COPIES * _width(training, on) * tokens * shape.vocabulary
        return [Part("logits, whole", f"{_COPIES} copies, assumed; no fused output layer", size, 0.0, 0.0)]  # fmt: skip
    if training.lora is not None:
        return []
    divided = training.world_size if zero.stage == 3 else 1
    return [reference(shape, training, on, zero, f" / {divided}" if divided > 1 else "")]


def _width(training: TrainingParams, on: Machine) -> int:
    """Bytes of a weight."""
    return 2 if on.on_gpu and training.precision != "float32" else 4


def reference(shape: Shape, training: TrainingParams, on: Machine, zero: Zero, how: str) -> Part:
    """The reference model in a process."""
    wide = _width(training, on)
    divided = training.world_size if zero.stage == 3 else 1
    size = float(wide * shape.parameters / divided)
    return Part("reference model", f"{wide} B a weight{how}", size, size, size)


def pair_work(
    shape: Shape, training: TrainingParams, zero: Zero, on: Machine, plan: PlanParams, *,
    rows: int, length: float, adapters: int,
) -> Work:  # fmt: skip
    """The work of a training on `rows` pairs, whose chosen sequences have `length` tokens on average, as the rejected ones are
    taken to have; of DPO the reference model runs forward as well."""
    twice = as_sequences(training)
    made = work(shape, twice, zero, on, plan, rows=2 * rows, length=length, adapters=adapters)
    return with_reference(made, training) if training.method == "dpo" else made


def with_reference(made: Work, training: TrainingParams) -> Work:
    """The work with the same once more forward, by the reference model."""
    each = 2 / (4 if training.lora else 6)
    hours = made.compute_hours
    return made if hours is None else replace(made, compute_hours=hours * (1 + each))


def assumed(trainings: Iterable[TrainingParams]) -> list[str]:
    """What the plan takes for granted of pairs, where one of the trainings learns from some."""
    if not any(training.method in METHODS for training in trainings):
        return []
    return ["a rejected response is as long as the chosen one; a step has batch_size pairs"]


def pairs_in(path: Path) -> int | None:
    """How many rows of a built data set have a rejected response; None where it has no such column or is not there."""
    try:
        if "rejected" not in pq.read_schema(path).names:
            return None
        column = pq.read_table(path, columns=["rejected"])["rejected"]
    except (OSError, ValueError):
        return None
    return int(pc.sum(pc.greater(pc.utf8_length(column), 0)).as_py() or 0)
