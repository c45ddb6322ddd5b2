"""A plan for people: the verdict first, then short tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from textwrap import indent

import pandas as pd

from llmc_lib.formatting import aligned, counted, listed
from llmc_lib.plan.build import Plan, TrainingPlan
from llmc_lib.plan.machine import GIB
from llmc_lib.plan.memory import in_billions
from llmc_lib.plan.pace import pace, span


def render(plan: Plan) -> str:
    """The whole plan as text of at most 100 columns, but for long names."""
    blocks = [
        _verdict(plan),
        _head(plan),
        *[_memory(plan, group) for group in _groups(plan)],
        _ram(plan),
        _hours(plan),
        _rollouts(plan),
        _evaluation(plan),
        "Notes\n" + "\n".join(f"  {note}" for note in plan.notes) if plan.notes else "",
        "Assumptions\n" + "\n".join(f"  {line}" for line in plan.assumptions),
    ]
    return "\n\n".join(block for block in blocks if block)


def verdict(plan: Plan, training: TrainingPlan) -> str:
    """Does a training fit, and if it does not, what to change."""
    each = "per GPU" if plan.machine.on_gpu else "in a process"
    peak = training.memory.peak / GIB
    if training.capacity is None:
        return f"needs {peak:.1f} GiB {each}; what there is, is not known: set plan.memory_gib"
    room = training.capacity / GIB
    if training.fits:
        return f"fits: {peak:.1f} of {room:.1f} GiB {each}"
    if not training.remedies:
        change = "no setting that was tried is enough; take a smaller model or larger GPUs"
    else:
        change = "change training." + ", or training.".join(
            f"{remedy.text} ({remedy.peak / GIB:.1f} GiB)" for remedy in training.remedies
        )
    return f"does not fit: {peak:.1f} of {room:.1f} GiB {each}; {change}"


def memory_table(plan: Plan) -> pd.DataFrame:
    """The memory of a process: a row a part, GiB at the three moments, with the candidate's name."""
    moments = ("backward starts", "backward ends", "optimizer step")
    rows = [
        {
            "candidate": training.recipe.name,
            "part": part.name,
            **dict(
                zip(moments, _gib(part.backward_start, part.backward_end, part.step), strict=True)
            ),
            "how": part.how,
        }
        for training in plan.trainings
        for part in training.memory.parts
    ]
    return pd.DataFrame(rows)


def _verdict(plan: Plan) -> str:
    lines = []
    for group in _groups(plan):
        names = f"{', '.join(_names(group))}: " if group[0].recipe.listed else ""
        lines.append(names + verdict(plan, group[0]))
    if not plan.ram_fits and plan.machine.ram:
        lines.append(
            f"does not fit: {plan.ram / GIB:,.0f} of {plan.machine.ram / GIB:,.0f} GiB of RAM in a "
            "machine; change training.cluster.nodes to more machines, or training.deepspeed to a "
            "preset without offload"
        )
    return "\n".join(lines)


def _head(plan: Plan) -> str:
    shape, training = plan.shape, plan.trainings[0].recipe.training
    active = f", {in_billions(shape.active)} active for a token" if shape.expert_count else ""
    experts = (
        f"; {shape.expert_count} experts, {shape.experts_per_token} for a token"
        if shape.expert_count
        else ""
    )
    machine = plan.machine.name
    if plan.machine.on_gpu:
        machine = f"{training.cluster.nodes} × {training.nproc_per_node} {machine}"
    elif training.world_size > 1:
        machine = f"{training.world_size} processes on {machine}"
    return _table(
        [
            ["Params", str(plan.params_file)],
            ["Model", plan.source],
            [
                "",
                f"{in_billions(shape.parameters)} parameters{active}; {shape.layers} layers{experts}",
            ],
            ["Machines", machine],
        ],
        "ll",
    )


def _memory(plan: Plan, group: Sequence[TrainingPlan]) -> str:
    training, settings = group[0], group[0].recipe.training
    title = "Memory of a GPU" if plan.machine.on_gpu else "Memory of a process"
    if training.recipe.listed:
        title += f" for {', '.join(_names(group))}"
    method = f"LoRA of rank {settings.lora.rank}" if settings.lora else "all weights"
    if settings.lora and settings.lora.quantization:
        method = f"Q{method} ({settings.lora.quantization})"
    if settings.method == "orpo":
        method += ", no reference model"
    elif settings.method == "dpo" and settings.lora:
        method += ", the reference is the model without it"
    checkpointing = ", gradient checkpointing" if settings.gradient_checkpointing else ""
    how = (
        f"  {method}, {settings.deepspeed}, {training.memory.precision}{checkpointing}, micro-batch "
        f"{settings.micro_batch_size} × {training.memory.tokens // settings.micro_batch_size:,} tokens"
    )
    if (shared := settings.sequence_parallel) > 1:
        how += f",\n  {-(-training.memory.tokens // shared):,} tokens on each of {shared} that share it (sequence_parallel)"
    if settings.method in ("dpo", "orpo"):
        how += " (the two sequences of a pair)"
    rows = [["GiB when", "backward starts", "ends", "optimizer step", ""]]
    for part in training.memory.parts:
        numbers = _gib(part.backward_start, part.backward_end, part.step)
        rows.append([part.name, *[f"{n:.2f}" if n >= 0.005 else "-" for n in numbers], part.how])
    rows.append(["sum", *[f"{n:.2f}" for n in _gib(*training.memory.moments)], ""])
    return f"{title}\n{how}\n{_table(rows, 'lrrrl')}"


def _ram(plan: Plan) -> str:
    if not plan.machine.on_gpu:
        return ""
    most = max(plan.trainings, key=lambda training: training.memory.machine_ram).memory
    rows = [[name, f"{size / GIB:,.0f}"] for name, size in most.ram]
    has = f" of {plan.machine.ram / GIB:,.0f}" if plan.machine.ram else ""
    rows.append(["sum", f"{most.machine_ram / GIB:,.0f}{has}"])
    return f"RAM of a machine, GiB\n{_table(rows, 'lr')}"


def _hours(plan: Plan) -> str:
    rows = [["candidate", "rows", "tokens", "steps", "hours", "export", "resume", "disk"]]
    for name, seeds in _recipes(plan.trainings).items():
        training, count = seeds[0], len(seeds)
        work, times = training.work, f"{count} × " if count > 1 else ""
        rows.append([
            name, times + f"{training.rows.count:,}", times + _tokens(work.tokens),
            times + f"{work.steps:,}", times + span(training.hours, training.slow_hours),
            f"{count * len(training.recipe.training.export_at)} × {_size(training.export)}",
            _size(training.resume), _size(sum(t.disk - 2 * t.resume for t in seeds) + 2 * training.resume),
        ])  # fmt: skip
    if len(plan.trainings) > 1:
        tokens = sum(training.work.tokens for training in plan.trainings)
        steps = sum(training.work.steps for training in plan.trainings)
        # A candidate's checkpoints to resume from can go when it is trained.
        disk = sum(t.export * len(t.recipe.training.export_at) for t in plan.trainings)
        disk += max(2 * t.resume for t in plan.trainings)
        rows.append(
            [
                "all",
                "",
                _tokens(tokens),
                f"{steps:,}",
                span(plan.hours, plan.slow_hours),
                "",
                "",
                _size(disk),
            ]
        )
    text = f"Training, time and disk\n{_table(rows, 'lrrrrrrr')}"
    slow = [t for t in plan.trainings if t.work.transfer_hours > (t.work.compute_hours or 0)]
    if slow and slow[0].work.compute_hours is not None:
        first = slow[0].work
        text += (
            f"\n  The network decides: {_hour(first.transfer_hours)} h of transfers, "
            f"{_hour(first.compute_hours)} h of computing. Larger micro-batches or packed ones help."
        )
    gpus = plan.trainings[0].recipe.training.world_size
    if plan.machine.on_gpu and plan.hours is not None and plan.slow_hours is not None:
        total = span(plan.hours * gpus, plan.slow_hours * gpus)
        text += f"\n  {total} GPU hours on {counted(gpus, 'GPU')}"
    return f"{text}{indent(pace(plan), '  ')}"


def _rollouts(plan: Plan) -> str:
    rows = [["candidate", "sampled by", "a step", "completions", "tokens", "hours", "of training"]]
    for training in plan.trainings:
        if found := training.rollouts:
            speed = (
                "unknown speed" if not found.tokens_per_s else f"{found.tokens_per_s:,.0f} tokens/s"
            )
            who = f"{found.generator}, {speed}"
            if plan.machine.on_gpu:
                who += f" on {counted(found.gpus, 'GPU')}"
            rows.append([
                training.recipe.name, who,
                f"{found.prompts:,} prompts × {found.group}", f"{found.completions:,}",
                f"{_tokens(found.tokens)} ({found.tokens_per_completion:,.0f} each)",
                _hour(found.hours), _hour(training.work.hours),
            ])  # fmt: skip
    return f"Completions of GRPO\n{_table(rows, 'lllrrrr')}" if len(rows) > 1 else ""


def _evaluation(plan: Plan) -> str:
    evaluation = plan.evaluation
    questions = ", ".join(f"{name} {count:,}" for name, count in evaluation.questions.items())
    if evaluation.samples > 1:
        questions += f"; {evaluation.samples} samples of each"
    who = ["the base model", *_counted(evaluation.further, "further model")]
    who += _counted(evaluation.checkpoints, "checkpoint")
    speed = "unknown speed: set plan.tokens_per_s"
    if evaluation.tokens_per_s:
        each = counted(evaluation.gpus, "GPU") if plan.machine.on_gpu else "these cores"
        times = evaluation.tokens_per_s * evaluation.gpus
        speed = f"{times:,.0f} tokens/s on {each}"
    rows = [
        ["models", f"{evaluation.models} ({listed(who)})"],
        ["questions", questions],
        ["answers", f"{evaluation.answers:,}"],
        [
            "tokens",
            f"{_tokens(evaluation.tokens)} ({evaluation.tokens_per_answer:,} an answer), {speed}",
        ],
        ["hours", _hour(evaluation.hours)],
    ]
    if evaluation.judged:
        rows.append(["judge", f"{evaluation.judged:,} requests at most, without repeated ones"])
    return f"Evaluation\n{_table(rows, 'll')}"


def _counted(number: int, noun: str) -> list[str]:
    return [counted(number, noun)] if number else []


def _recipes(trainings: Sequence[TrainingPlan]) -> dict[str, list[TrainingPlan]]:
    """The trainings by what their row is called: those of one recipe, which need the same, have one row."""
    found: dict[str, list[TrainingPlan]] = {}
    for training in trainings:
        alike = f"{training.recipe.of}, each seed"
        same = found.get(alike, [training])[0]
        own = not training.recipe.of or (same.work, same.rows) != (training.work, training.rows)
        found.setdefault(training.recipe.name if own else alike, []).append(training)
    return found


def _names(group: Sequence[TrainingPlan]) -> list[str]:
    """A group's candidates, a recipe with several trainings once: "math (4 seeds)"."""
    seeds = Counter(training.recipe.of for training in group if training.recipe.of)
    names = [training.recipe.of or training.recipe.name for training in group]
    return [
        f"{name} ({counted(seeds[name], 'seed')})" if name in seeds else name
        for name in dict.fromkeys(names)
    ]


def _groups(plan: Plan) -> list[list[TrainingPlan]]:
    """The trainings, those together that need the same memory."""
    groups: list[list[TrainingPlan]] = []
    for training in plan.trainings:
        for group in groups:
            if group[0].memory == training.memory:
                group.append(training)
                break
        else:
            groups.append([training])
    return groups


def _table(rows: Sequence[Sequence[str]], align: str) -> str:
    return indent(aligned(rows, align), "  ")


def _gib(*sizes: float) -> tuple[float, ...]:
    return tuple(round(size / GIB, 3) for size in sizes)


def _tokens(number: float) -> str:
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number:.0f}"


def _size(number: float) -> str:
    gib = number / GIB
    return f"{gib:,.0f} GiB" if gib >= 100 else f"{gib:.1f} GiB"


def _hour(hours: float | None) -> str:
    return span(hours, hours)
