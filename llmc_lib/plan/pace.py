"""How long a step takes, as a range, and what decides where in it a training is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmc_lib.plan.hours import slow_mfu

if TYPE_CHECKING:
    from llmc_lib.plan.build import Plan, TrainingPlan


def span(low: float | None, high: float | None) -> str:
    """ "3.4 to 12", "3.4" where both ends read the same, "unknown"."""
    if low is None or high is None:
        return "unknown"
    ends = [_number(low), _number(high)]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def pace(plan: Plan) -> str:
    """Lines on the seconds of a step, each begun by a new line; "" where nothing is known."""
    steps: dict[str, list[str]] = {}
    for training in plan.trainings:
        if step := _step(training):
            steps.setdefault(step, []).append(training.recipe.name)
    if not steps:
        return ""
    lines = [
        f"{', '.join(names)}: {step}" if len(steps) > 1 else step for step, names in steps.items()
    ]
    if any(training.work.measured is None for training in plan.trainings):
        lines += _decides(plan)
    return "".join(f"\n{line}" for line in lines)


def _step(training: TrainingPlan) -> str:
    work = training.work
    if not work.steps:
        return ""
    each = None
    if work.counted:
        each = span(*(hours * 3600 / work.steps for hours in work.counted))
    if work.measured is None:
        return f"a step takes {each} s" if each else ""
    beside = f"; counted: {each} s" if each else ""
    return f"a step takes {_number(work.measured)} s, as measured (plan.measured){beside}"


def _decides(plan: Plan) -> list[str]:
    """What makes the difference between the ends of the range."""
    params, first = plan.params, plan.trainings[0]
    what = "GPUs" if plan.machine.on_gpu else "cores"
    apart = first.work.transfer_hours > 0
    fast, slow = params.mfu, slow_mfu(plan.shape, params)
    lines = [
        f"What decides: the share of the peak that the {what} reach, {fast:.0%} (plan.mfu) to {slow:.0%} (plan.slow_mfu)",
    ]
    if apart:
        lines.append(_transfers(plan))
    if plan.shape.expert_count:
        lines.append(
            "experts are small products, which reach less of the peak than a dense model's"
        )
    if "max_length" in first.rows.origin:
        lines.append(
            "rows count as long as max_length: the built data set, or plan.tokens_per_row, tells how long they are"
        )
    lines.append(
        "time a few steps and set plan.measured (seconds a step): it takes the place of this range"
    )
    return lines


def _transfers(plan: Plan) -> str:
    if plan.trainings[0].recipe.training.cluster.nodes == 1:
        return "and transfers, beside the computing or after it"
    slow = plan.params.slow_bandwidth
    return f"and transfers, beside the computing at the stated bandwidth or after it at {slow:.0%} (plan.slow_bandwidth)"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"
