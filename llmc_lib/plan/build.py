"""The plan of a run: all its trainings and its evaluation, on the machines that the params file names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from llmc_lib.errors import UserError
from llmc_lib.models.context import context_of
from llmc_lib.params import PlanParams, Recipe, TrainingParams
from llmc_lib.params.batches import batch_told
from llmc_lib.params.reader import where
from llmc_lib.plan import preferences
from llmc_lib.plan.evaluation import EvaluationPlan, evaluation_plan
from llmc_lib.plan.hours import Work, work
from llmc_lib.plan.machine import GIB, Machine, machine, this_machine
from llmc_lib.plan.memory import Memory, memory
from llmc_lib.plan.remedies import Remedy, possible, remedies
from llmc_lib.plan.rollouts import (
    Rollouts,
    rollout_notes,
    rollout_parts,
    rollout_work,
    rollouts,
)
from llmc_lib.plan.shape import Shape, model_shape
from llmc_lib.plan.zero import zero_settings
from llmc_lib.store import ROOT, Run, read_manifest
from llmc_lib.store.manifests import from_root

#: Rows that a plan counts by where nobody knows how many there will be.
_PER_ROWS = 1000


@dataclass(frozen=True)
class Rows:
    """What a candidate is trained on, as far as it is known."""

    count: int
    length: float  # tokens of an example, on average
    longest: int | None  # tokens; None: not known
    origin: str  # how this is known


@dataclass(frozen=True)
class TrainingPlan:
    """A candidate's training. Sizes are bytes."""

    recipe: Recipe
    memory: Memory
    # For one process: of a GPU, or its part of the free RAM; None: not known.
    capacity: float | None
    remedies: tuple[Remedy, ...]  # where it does not fit
    rows: Rows
    work: Work
    export: float  # one exported model
    resume: float  # one checkpoint to resume from
    rollouts: Rollouts | None = None  # of reinforcement learning

    @property
    def fits(self) -> bool:
        """Is there enough memory for one process? Also true where it is not known how much there is."""
        return self.capacity is None or self.memory.peak <= self.capacity

    @property
    def hours(self) -> float | None:
        """Of training and, where a training samples, of that: one waits for the other."""
        return _sum([self.work.hours, self._sampling])

    @property
    def slow_hours(self) -> float | None:
        """The same at most."""
        return _sum([self.work.slow_hours, self._sampling])

    @property
    def _sampling(self) -> float | None:
        # A step that was measured has its sampling in it.
        if self.rollouts is None or self.work.measured is not None:
            return 0.0
        return self.rollouts.hours

    @property
    def disk(self) -> float:
        """All exports, and two checkpoints to resume from: the old one stays until the new one is whole."""
        return self.export * len(self.recipe.training.export_at) + 2 * self.resume


@dataclass(frozen=True)
class Plan:
    """The whole plan; `text.render` prints it, `text.memory_table` is its memory as a table."""

    params_file: Path
    shape: Shape
    source: str  # where the model's shape was read
    machine: Machine
    trainings: tuple[TrainingPlan, ...]
    evaluation: EvaluationPlan
    notes: tuple[str, ...]  # files that are still missing, and the like
    assumptions: tuple[str, ...]
    params: PlanParams

    @property
    def fits(self) -> bool:
        """Do all trainings fit, into the GPUs and into the RAM?"""
        return all(training.fits for training in self.trainings) and self.ram_fits

    @property
    def ram(self) -> float:
        """Bytes of RAM that the machine with the most needs."""
        return max(training.memory.machine_ram for training in self.trainings)

    @property
    def ram_fits(self) -> bool:
        """Is a machine's RAM enough for its GPUs' processes? Without GPUs `fits` of each training tells."""
        return not (self.machine.on_gpu and self.machine.ram) or self.ram <= self.machine.ram

    @property
    def hours(self) -> float | None:
        """Of all trainings, one after the other."""
        return _sum([training.hours for training in self.trainings])

    @property
    def slow_hours(self) -> float | None:
        """The same at most."""
        return _sum([training.slow_hours for training in self.trainings])


def _context(training: TrainingParams, shape: Shape) -> int:
    """The model's context in tokens, as `model_init_kwargs` change it."""
    return (
        context_of({"max_position_embeddings": shape.context} | training.model_init_kwargs)
        or shape.context
    )


def _sum(hours: list[float | None]) -> float | None:
    known = [hour for hour in hours if hour is not None]
    return sum(known) if len(known) == len(hours) else None


def make_plan(run: Run) -> Plan:
    """Plan a run. Raises `UserError` where the model's shape cannot be had."""
    shape, source = model_shape(run)
    on = machine(run.params.plan)
    trainings = tuple(_training(run, recipe, shape, on) for recipe in run.params.recipes)
    evaluation, missing = evaluation_plan(run, shape, on)
    notes = missing_files(run) + missing
    for training in trainings:
        if training.recipe.training.max_length > _context(training.recipe.training, shape):
            notes.append(
                f"training.max_length {training.recipe.training.max_length:,} is beyond the model's "
                f"context of {shape.context:,} tokens"
            )
            break
    for training in trainings:
        if training.rollouts:
            notes += rollout_notes(shape, training.recipe.training, on, training.memory)
    if run.params.evaluation.max_model_len > shape.context:
        notes.append(
            f"evaluation.max_model_len {run.params.evaluation.max_model_len:,} is beyond the model's "
            f"context of {shape.context:,} tokens"
        )
    return Plan(
        from_root(run.params_file), shape, source.text, on, trainings, evaluation, tuple(notes),
        tuple(_assumptions(run, on, trainings)), run.params.plan,
    )  # fmt: skip


def refuse(run: Run, folder: Path | None = None, recipes: Sequence[Recipe] | None = None) -> None:
    """Refuse a training that cannot fit into this machine, before it starts: of these candidates, or of
    all.

    Planned against this machine's own GPU or free RAM, with the longest example of the built data
    set; what cannot be told (no driver answers, no shape to be had) is no reason to refuse. `folder`:
    the base model, where it lies on this machine by now. Raises `UserError` with file, key and remedy.
    """
    try:
        shape, _ = model_shape(run, folder)
    except UserError:
        return  # of another kind of model than a causal one with a config.json: the worker will tell
    on = this_machine(run.params.plan)
    for recipe in run.params.recipes if recipes is None else recipes:
        plan = _training(run, recipe, shape, on)
        if not plan.fits:
            raise UserError(_refusal(run, plan, on))


def _refusal(run: Run, plan: TrainingPlan, on: Machine) -> str:
    assert plan.capacity is not None
    kind = "a GPU" if on.on_gpu else "a process"
    has = f"{on.name} has" if on.on_gpu else "this machine has free for it"
    who = f"candidate {plan.recipe.name!r}" if plan.recipe.listed else "the training"
    key = plan.remedies[0].key if plan.remedies else "micro_batch_size"
    change = (
        "change it to "
        + "; or to ".join(f"{r.text} ({r.peak / GIB:.1f} GiB)" for r in plan.remedies)
        if plan.remedies
        else "no setting that the plan tries is enough: take a smaller model or a larger machine"
    )
    return (
        f"{where(from_root(run.params_file), 'training', key)}: {who} needs {plan.memory.peak / GIB:.1f} GiB in "
        f"{kind}, and {has} {plan.capacity / GIB:.1f}; {change}. `make plan` shows the parts"
    )


def missing_files(run: Run) -> list[str]:
    """Notes on the files that the params file names and that are not there yet."""
    wanted = [
        (f"dataset.sources.{source.name}.path", source.path)
        for source in run.params.dataset.sources
        if source.path
    ]
    wanted += [
        (f"evaluation.benchmarks.{benchmark.name}.source", benchmark.source)
        for benchmark in run.params.evaluation.benchmarks
        if benchmark.source != "embedded"
    ]
    return [f"{key}: {path} is not there yet" for key, path in wanted if not (ROOT / path).exists()]


def _training(run: Run, recipe: Recipe, shape: Shape, on: Machine) -> TrainingPlan:
    training = recipe.training
    rows = _rows(run, recipe)
    samples = training.method == "grpo"

    paired = training.method in preferences.METHODS

    def needed(settings: TrainingParams) -> Memory:
        if paired:
            held = preferences.beside(shape, settings, on, zero_settings(settings, shape))
            twice = preferences.as_sequences(settings)
            # How long the rejected responses are nobody has counted.
            return memory(shape, twice, on_gpu=on.on_gpu, beside=held)
        if not samples:
            return memory(shape, settings, on_gpu=on.on_gpu, longest=rows.longest)
        beside = rollout_parts(shape, settings, on, zero_settings(settings, shape))
        padded = settings.model_copy(update={"batching": "padded"})
        return memory(shape, padded, on_gpu=on.on_gpu, beside=beside)

    def peak(settings: TrainingParams) -> float:
        if not possible(settings, shape):
            return math.inf
        # On a CPU all processes share the RAM.
        return needed(settings).peak * (1 if on.on_gpu else settings.nproc_per_node)

    need = needed(training)
    found: list[Remedy] = []
    if on.memory is not None and peak(training) > on.memory:
        found = remedies(training, peak, on.memory, on.on_gpu)
    capacity = on.memory
    if capacity is not None and not on.on_gpu:
        capacity /= training.nproc_per_node
    zero = zero_settings(training, shape)
    adapters = 0
    if training.lora:
        _check_targets(run, recipe, shape)
        adapters = shape.adapters(
            training.lora.rank, training.lora.target_modules, training.lora.modules_to_save
        )
    wide = 2 if on.on_gpu and need.precision == "bfloat16" else 4
    trained = adapters or shape.parameters
    rolled = None
    if samples:
        rolled = rollouts(shape, training, on, run.params.plan, rows.count)
        todo = rollout_work(
            shape, training, zero, on, run.params.plan, found=rolled, adapters=adapters
        )
    else:
        todo = (preferences.pair_work if paired else work)(
            shape, training, zero, on, run.params.plan,
            rows=rows.count, length=rows.length, adapters=adapters,
        )  # fmt: skip
    return TrainingPlan(
        recipe, need, capacity, tuple(found), rows, todo, rollouts=rolled,
        export=float(wide * shape.parameters),
        # Weights as trained, float32 weights and Adam's two moments of what is trained.
        resume=float(wide * (trained if training.lora else shape.parameters) + 12 * trained),
    )  # fmt: skip


def _check_targets(run: Run, recipe: Recipe, shape: Shape) -> None:
    """Does the model have the layers that get adapters? Those of experts, which are no linear layers here, peft finds by itself.
    Raises `UserError`."""
    assert recipe.training.lora is not None
    known = {name for name, _ in shape.linear} | {"lm_head"}
    for name in recipe.training.lora.target_modules:
        if shape.linear and not shape.expert_count and name.rpartition(".")[2] not in known:
            raise UserError(
                f"{where(from_root(run.params_file), 'training', 'lora', 'target_modules')}: the model has no linear layer "
                f"{name!r}; it has {', '.join(sorted(known))}"
            )


def _rows(run: Run, recipe: Recipe) -> Rows:
    """Rows and lengths: of the built data set, or else as the params file says."""
    plan, training = run.params.plan, recipe.training
    built = read_manifest(run.data(recipe))
    if built and built.get("tokens", {}).get("quantiles"):
        rows, tokens = built["rows"], built["tokens"]
        longest = int(tokens["quantiles"]["1"])
        length = tokens["total"] / sum(rows.values())
        count = rows["train"]
        if training.method in preferences.METHODS:
            count = preferences.pairs_in(run.data(recipe) / "train.parquet") or count
        return Rows(count, length, longest, f"the data set built {built['finished'][:10]}")
    data = recipe.mixture or run.params.dataset
    asked = plan.rows or data.max_rows
    if asked is None:
        count, origin = _PER_ROWS, f"unknown, so for each {_PER_ROWS:,}: set plan.rows"
    elif plan.rows:
        count, origin = plan.rows, "plan.rows"
    else:
        count, origin = round(asked * (1 - data.validation)), "max_rows without validation"
    if plan.tokens_per_row:
        length, how = min(plan.tokens_per_row, training.max_length), "plan.tokens_per_row"
    else:
        length, how = training.max_length, "the longest: max_length"
    return Rows(count, float(length), None, f"{origin}; tokens of a row: {how}")


def _assumptions(run: Run, on: Machine, trainings: tuple[TrainingPlan, ...]) -> list[str]:
    plan = run.params.plan
    first = trainings[0]
    training = first.recipe.training
    lines = [
        f"micro-batches are as long as they can be: {first.memory.tokens:,} tokens",
        "attention keeps no matrix of scores; a mask of tokens × tokens for all layers is counted"
        if training.attention != "eager"
        else "attention keeps its matrices of scores, tokens × tokens × heads (training.attention: eager)",
        f"rows: {first.rows.origin}",
        *dict.fromkeys(batch_told(r.asked, r.training) for t in trainings if (r := t.recipe).asked),
        *preferences.assumed([each.recipe.training for each in trainings]),
    ]
    if on.tflops:
        what = "a GPU's bfloat16 peak" if on.on_gpu else "the cores' float32 peak"
        lines.append(
            f"training reaches {plan.mfu:.0%} (plan.mfu) of {what}, {on.tflops:,.3g} TFLOP/s"
        )
    if any(t.recipe.training.lora and t.recipe.training.lora.quantization for t in trainings):
        lines.append("not counted in the hours: making bfloat16 of 4-bit weights for each product")
    if training.world_size > 1 and on.on_gpu:
        lines.append(f"{plan.link_gb_per_s:g} GB/s between GPUs of a machine (plan.link_gb_per_s)")
        if training.cluster.nodes > 1:
            speed = f"{plan.network_gb_per_s:g} GB/s from a GPU to other machines"
            lines.append(f"{speed} (plan.network_gb_per_s)")
    if training.deepspeed == "zero3_offload":
        lines.append("not counted: the time of Adam on the processors, and loading and exports")
    else:
        lines.append("not counted: the time of loading, exports, and a network that others use too")
    lines += _of_generation(plan, on, trainings)
    given = (
        "plan.tokens_per_answer" if plan.tokens_per_answer else "the most: evaluation.max_tokens"
    )
    lines += [f"tokens of an answer: {given}", "the evaluation has one machine"]
    if run.params.evaluation.models:
        lines.append(
            "further models generate as fast as the base model (their shapes are not read)"
        )
    if run.params.evaluation.judge:
        lines.append("not counted in the hours: the judge")
    return lines


def _of_generation(plan: PlanParams, on: Machine, trainings: tuple[TrainingPlan, ...]) -> list[str]:
    lines = []
    if plan.tokens_per_s:
        lines.append(f"generation: {plan.tokens_per_s:,.0f} tokens/s (plan.tokens_per_s)")
    elif on.tflops:
        share, key = plan.generation_mfu, "generation_mfu"
        if not on.on_gpu:
            share, key = plan.cpu_generation_mfu, "cpu_generation_mfu"
        lines.append(f"generation reaches {share:.0%} (plan.{key}) of the peak")
    if any(training.rollouts for training in trainings):
        prompt = (
            "plan.tokens_per_prompt"
            if plan.tokens_per_prompt
            else "the most: what max_completion_length leaves of max_length"
        )
        completion = (
            "plan.tokens_per_completion"
            if plan.tokens_per_completion
            else "the most: max_completion_length"
        )
        lines += [
            f"tokens of a prompt: {prompt}; of a completion: {completion}",
            "completions are sampled while nothing is trained",
            "not counted: rewards, the validation prompts, and handing weights to vLLM",
        ]
    return lines
