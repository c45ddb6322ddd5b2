"""Hours from operations, bytes and tokens, against hand counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from llmc_lib.params import LoraParams, PlanParams, TrainingParams
from llmc_lib.plan.hours import Work, generated_per_second, slow_mfu, training_flops, work
from llmc_lib.plan.machine import GIB, Machine
from llmc_lib.plan.zero import zero_settings
from tests.plan.test_memory import DENSE

GPU = Machine("GPU", True, 80 * GIB, None, 1000.0, here=False)
CPU = Machine("cores", False, 16 * GIB, 16 * GIB, 0.1, here=False)
PLAN = PlanParams(mfu=0.5, link_gb_per_s=100.0, network_gb_per_s=10.0)


def _work(machine: Machine = GPU, rows: int = 6400, adapters: int = 0, **keys: Any) -> Work:
    base = {"batch_size": 64, "micro_batch_size": 1, "nproc_per_node": 8, "max_length": 4096}
    settings = TrainingParams.model_validate({**base, **keys})
    zero = zero_settings(settings, DENSE)
    return work(
        DENSE, settings, zero, machine, PLAN, rows=rows, length=1000.0, adapters=adapters
    )  # fmt: skip


def test_flops_of_a_token() -> None:
    """6 for each parameter that is multiplied (the input table is not), 12 L H Q T for attention."""
    assert training_flops(DENSE, 0, lora=False) == 6 * 7.5e9
    assert training_flops(DENSE, 1000, lora=False) - 6 * 7.5e9 == 12 * 32 * 4096 * 1000
    assert training_flops(DENSE, 0, lora=True) == 4 * 7.5e9


def test_hours_at_the_stated_mfu() -> None:
    done = _work(epochs=2.0)
    assert (done.steps, done.tokens) == (200, 12.8e6)
    flops = 12.8e6 * (6 * 7.5e9 + 12 * 32 * 4096 * 1000)
    assert done.compute_hours == pytest.approx(flops / (8 * 1000e12 * 0.5) / 3600)


def test_a_last_step_that_is_not_full_is_a_step() -> None:
    assert _work(rows=6401).steps == 101


def test_packed_sequences_are_full() -> None:
    assert _work(batching="packed").steps == 25  # 6.4 M tokens / 4096 / 64, rounded up twice


def test_bytes_between_the_gpus() -> None:
    """Section 7 of the ZeRO paper: twice the weights a step, three times for each micro-batch in ZeRO-3."""
    assert _work(deepspeed="zero1").transfer_hours == pytest.approx(100 * 2 * 16e9 / 100e9 / 3600)
    # 8 micro-batches a step.
    assert _work(deepspeed="zero2").transfer_hours == pytest.approx(100 * 9 * 16e9 / 100e9 / 3600)
    assert _work(deepspeed="zero3").transfer_hours == pytest.approx(100 * 24 * 16e9 / 100e9 / 3600)
    far = _work(deepspeed="zero3", cluster={"nodes": 2, "endpoint": "a:1"})
    # 4 micro-batches a step, over the 8 × 10 GB/s of a machine's network cards.
    assert far.transfer_hours == pytest.approx(100 * 12 * 16e9 / 80e9 / 3600)
    assert far.hours == max(far.transfer_hours, far.compute_hours or 0)


def test_adapters_alone_travel_below_zero3() -> None:
    lora = LoraParams().model_dump()
    done = _work(deepspeed="zero1", adapters=1_000_000, lora=lora)
    assert done.transfer_hours == pytest.approx(100 * 2 * 2e6 / 100e9 / 3600)


def test_processes_share_the_cores() -> None:
    one, two = (_work(CPU, nproc_per_node=n).compute_hours for n in (1, 2))
    assert one == two
    assert _work(CPU).transfer_hours == 0


def test_a_speed_that_is_not_known_stays_unknown() -> None:
    machine = Machine("GPU", True, None, None, None, here=True)
    assert _work(machine).hours is None
    assert generated_per_second(DENSE, machine, PLAN) is None


def test_generation() -> None:
    assert generated_per_second(DENSE, GPU, PLAN) == pytest.approx(1000e12 * 0.05 / (2 * 7.5e9))
    assert generated_per_second(DENSE, CPU, PLAN) == pytest.approx(0.1e12 * 0.25 / (2 * 7.5e9))
    assert generated_per_second(DENSE, GPU, PlanParams(tokens_per_s=7)) == 7


def test_a_range_from_hidden_transfers_to_slow_ones() -> None:
    far = _work(deepspeed="zero3", cluster={"nodes": 2, "endpoint": "a:1"})
    compute, transfer = far.compute_hours or 0, far.transfer_hours
    assert far.counted == pytest.approx(
        (max(compute, transfer), compute * 0.5 / 0.12 + transfer / 0.2)
    )
    near = _work(deepspeed="zero3")  # of one machine the links are not in question
    assert near.slow_hours == pytest.approx(
        (near.compute_hours or 0) * 0.5 / 0.12 + near.transfer_hours
    )


def test_experts_are_slower_and_a_slow_share_is_never_above_the_fast_one() -> None:
    experts = replace(DENSE, expert_count=8, experts_per_token=2)
    assert (slow_mfu(DENSE, PLAN), slow_mfu(experts, PLAN)) == (0.12, 0.06)
    assert slow_mfu(DENSE, PlanParams(slow_mfu=0.3)) == 0.3
    assert slow_mfu(DENSE, PlanParams(mfu=0.1)) == 0.1


def test_a_measured_step_takes_the_place_of_the_count() -> None:
    plan = PlanParams(measured=36.0)
    settings = TrainingParams(batch_size=64, micro_batch_size=1, nproc_per_node=8)
    zero = zero_settings(settings, DENSE)
    done = work(DENSE, settings, zero, GPU, plan, rows=6400, length=1000.0, adapters=0)
    assert done.hours == done.slow_hours == 1
    assert done.counted
    assert done.counted[0] < 1


@pytest.mark.parametrize(
    ("counted", "measured", "experts", "lora"),
    [(3.5, 10.3, False, None), (9.4, 47.6, True, {"rank": 32})],
    ids=["32B, all weights", "235B with experts, adapters"],
)
@pytest.mark.parametrize("length", [500, 2000, 8000])
@pytest.mark.parametrize("batch", [24, 96])
def test_two_logs_of_teams_are_within_the_range(
    counted: float, measured: float, experts: bool, lora: Any, length: int, batch: int
) -> None:
    """24 GPUs in 3 machines. The logs tell neither rows' lengths nor micro-steps, so the range must be wide enough for any."""
    shape = replace(DENSE, expert_count=8, experts_per_token=2) if experts else DENSE
    settings = TrainingParams.model_validate(
        {
            "deepspeed": "zero3",
            "nproc_per_node": 8,
            "cluster": {"nodes": 3, "endpoint": "a:1"},
            "max_length": 8192,
            "micro_batch_size": 1,
            "batch_size": batch,
            "lora": lora,
        }
    )
    done = work(
        shape, settings, zero_settings(settings, shape), GPU, PlanParams(),
        rows=10 * batch, length=float(length), adapters=10**8 if lora else 0,
    )  # fmt: skip
    assert done.counted
    fast, slow = done.counted
    assert 1 < measured / counted < slow / fast


def test_heads_that_processes_exchange_are_bytes_too() -> None:
    """Each process sends 7 of 8 parts of its queries, keys, values and outputs, forward and backward (DeepSpeed Ulysses)."""
    alone = _work(deepspeed="zero1", batching="padded")
    shared = _work(deepspeed="zero1", batching="padded", sequence_parallel=8)
    sent = 6.4e6 / 8 * 2 * 32 * (2 * 32 + 2 * 8) * 128 * 7 / 8 * 2
    more = shared.transfer_hours - alone.transfer_hours
    assert more == pytest.approx(sent / 100e9 / 3600)
    assert shared.compute_hours == alone.compute_hours
    # One micro-batch at a time in place of eight: gradients are reduced eight times as often.
    often = _work(deepspeed="zero2", batching="padded", sequence_parallel=8).transfer_hours
    assert often - more == pytest.approx(100 * 65 * 16e9 / 100e9 / 3600)
