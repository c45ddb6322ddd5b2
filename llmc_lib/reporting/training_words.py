"""A training's method, settings, place and times in words, for the page and for the model card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmc_lib.formatting import counted, listed
from llmc_lib.language import N_, plural, tr
from llmc_lib.params import Recipe, TrainingParams

_OF_ALL = {
    "sft": N_("full-parameter fine-tuning"),
    "grpo": N_("reinforcement learning of all weights"),
    "dpo": N_("direct preference optimization of all weights"),
    "orpo": N_("odds ratio preference optimization of all weights"),
}
_BY_ADAPTERS = {
    "sft": N_(
        "fine-tuning by low-rank adapters (LoRA, rank {rank}, alpha {alpha:g}; {trained_parameters} trained "
        "parameters, merged into the exported model)"
    ),
    "grpo": N_(
        "reinforcement learning of low-rank adapters (LoRA, rank {rank}, alpha {alpha:g}; {trained_parameters} trained "
        "parameters, merged into the exported model)"
    ),
    "dpo": N_(
        "direct preference optimization of low-rank adapters (LoRA, rank {rank}, alpha {alpha:g}; {trained_parameters} trained "
        "parameters, merged into the exported model)"
    ),
    "orpo": N_(
        "odds ratio preference optimization of low-rank adapters (LoRA, rank {rank}, alpha {alpha:g}; {trained_parameters} "
        "trained parameters, merged into the exported model)"
    ),
}

_BY_FOUR_BITS = N_(
    "fine-tuning by low-rank adapters beside weights in 4 bits (QLoRA, rank {rank}, alpha {alpha:g}; {trained_parameters} "
    "trained parameters, merged into these weights in the exported model)"
)


def method_words(training: TrainingParams, facts: Mapping[str, Any]) -> str:
    """ "full-parameter fine-tuning" or "reinforcement learning of all weights", or what LoRA trains of how many weights."""
    if training.lora is None:
        return tr(_OF_ALL[training.method])
    lora = training.lora
    words = _BY_FOUR_BITS if lora.quantization else _BY_ADAPTERS[training.method]
    return tr(
        words,
        rank=lora.rank,
        alpha=lora.alpha,
        trained_parameters=size(facts["trained_parameters"]),
    )


def aim(training: TrainingParams) -> str:
    """What a training minimizes or maximizes: "loss on the completion alone", "rewards answer 1 and form 0.1"."""
    if training.method == "dpo" and training.dpo is not None:
        dpo = training.dpo
        text = tr("{loss} loss of pairs with beta {beta:g}", loss=dpo.loss_type, beta=dpo.beta)
        if not dpo.sft_weight:
            return text
        more = tr("{weight:g} times the loss on the chosen response", weight=dpo.sft_weight)
        return f"{text} + {more}"
    if training.method == "orpo" and training.orpo is not None:
        return tr(
            "loss on the chosen response + {beta:g} times that of the odds ratio",
            beta=training.orpo.beta,
        )
    if training.grpo is None or training.method != "grpo":
        return tr("loss on the completion alone")
    weights = training.grpo.rewards.weights
    return plural(
        "reward {rewards}",
        "rewards {rewards}",
        len(weights),
        rewards=listed([f"{name} {weight:g}" for name, weight in weights.items()]),
    )


def where(recipe: Recipe, facts: Mapping[str, Any]) -> str:
    """ "on the CPU in 2 processes", "on 16 × NVIDIA H100 in 2 machines"."""
    n, nodes = recipe.training.world_size, recipe.training.cluster.nodes
    if facts["device"] == "CPU":
        if nodes > 1:
            return tr("on CPUs in {n} processes in {nodes} machines", n=n, nodes=nodes)
        return plural("on the CPU", "on the CPU in {n} processes", n)
    given = {"n": n, "device": facts["device"], "nodes": nodes}
    if nodes > 1:
        return tr("on {n} × {device} in {nodes} machines", **given)
    return tr("on {n} × {device}", **given) if n > 1 else tr("on one {device}", **given)


def size(parameters: int) -> str:
    """ "112,448", "135 million", "8.2 billion"."""
    for unit, words in ((10**9, N_("{number} billion")), (10**6, N_("{number} million"))):
        if parameters >= unit:
            number = parameters / unit
            return tr(words, number=f"{number:.1f}" if number < 100 else f"{number:,.0f}")
    return f"{parameters:,}"


def sized(facts: Mapping[str, Any]) -> str:
    """ "model (8.2 billion parameters)"; in the brackets that its name may end in."""
    base = facts["base"]
    parameters = tr("{size} parameters", size=size(facts["parameters"]))
    return f"{base[:-1]}; {parameters})" if base.endswith(")") else f"{base} ({parameters})"


def duration(seconds: float) -> str:
    """ "4.1 seconds", "5.3 minutes", "7.2 hours"."""
    for unit, words in ((3600, N_("{number:,.1f} hours")), (60, N_("{number:,.1f} minutes"))):
        if seconds >= unit:
            return tr(words, number=seconds / unit)
    return tr("{number:.1f} seconds", number=seconds)


def plain_number(value: float) -> str:
    """ "0.1", "2e-5"."""
    if value and abs(value) < 0.01:
        digits, _, power = f"{value:.3e}".partition("e")
        return f"{float(digits):g}e{int(power)}"
    return f"{value:g}"


def examples(training: TrainingParams, n: int) -> str:
    """ "40 examples", "40 prompts", "40 pairs"."""
    if training.method in ("dpo", "orpo"):
        return counted(n, "pair")
    return counted(n, "prompt") if training.method == "grpo" else counted(n, "example")


def batch(training: TrainingParams) -> str:
    """What a step is made from."""
    if training.grpo is not None and training.method == "grpo":
        return tr(
            "{completions} of at most {length:,} tokens ({group} of each prompt, temperature {temperature:g})",
            completions=counted(training.batch_size, "completion"),
            length=training.grpo.max_completion_length,
            group=training.grpo.group_size,
            temperature=training.grpo.temperature,
        )
    if training.method in ("dpo", "orpo"):
        return counted(training.batch_size, "pair")
    sequences = counted(training.batch_size, "sequence")
    if training.batching == "packed":
        return tr(
            "{sequences} of up to {max_length:,} tokens packed with several examples",
            sequences=sequences,
            max_length=training.max_length,
        )
    return sequences


def rate(training: TrainingParams) -> str:
    """The learning rate, its schedule and its warm-up."""
    given = {"rate": plain_number(training.learning_rate), "schedule": schedule(training)}
    if training.warmup_steps:
        return tr(
            "learning rate {rate} ({schedule}, {steps} to warm up)",
            steps=counted(training.warmup_steps, "step"),
            **given,
        )
    if not training.warmup_ratio or training.warmup_steps == 0:
        return tr("learning rate {rate} ({schedule})", **given)
    return tr(
        "learning rate {rate} ({schedule}, {warmup:.0%} of the steps to warm up)",
        warmup=training.warmup_ratio,
        **given,
    )


def schedule(training: TrainingParams) -> str:
    """The name of the schedule, with where it ends."""
    if training.lr_scheduler != "cosine_with_min_lr":
        return training.lr_scheduler
    return tr("cosine down to {least:.0%}", least=training.min_lr_rate)


def epochs_of(epochs: float) -> str:
    """ "1 epoch", "0.5 epochs"."""
    return plural("{epochs:g} epoch", "{epochs:g} epochs", 1 if epochs == 1 else 2, epochs=epochs)


def speed(facts: Mapping[str, Any]) -> str:
    """Tokens a second of the training."""
    seconds = facts["train_seconds"]
    return f"{facts['tokens'] / seconds:,.0f}" if seconds else "–"


def minutes(facts: Mapping[str, Any]) -> str:
    """Of the training."""
    return f"{facts['train_seconds'] / 60:,.1f}"


def too_long(recipe: Recipe, facts: Mapping[str, Any]) -> str:
    """How many examples were left out for their length."""
    n, limit = facts["too_long"], recipe.training.max_length
    if not n:
        return tr("No example was longer than {limit:,} tokens.", limit=limit)
    return plural(
        "{n:,} example was longer than {limit:,} tokens and left out.",
        "{n:,} examples were longer than {limit:,} tokens and left out.",
        n,
        limit=limit,
    )


def fitted(recipe: Recipe) -> str:
    """Where the batch is not the one that was asked for; "" where it is."""
    asked, used = recipe.asked, recipe.training
    if asked is None:
        return ""
    if asked.batch_size == used.batch_size:
        return tr(
            "The processes could not share the batch in micro-batches of {asked}; they had {used} each.",
            asked=asked.micro_batch_size,
            used=used.micro_batch_size,
        )
    return tr(
        "The params file asks for a batch of {asked}, which the processes could not share evenly; {used} is the nearest that they "
        "could.",
        asked=asked.batch_size,
        used=used.batch_size,
    )


def resumed(facts: Mapping[str, Any]) -> str:
    """Where an interrupted training was resumed; "" where it was not."""
    steps = [f"{step:,}" for step in facts.get("resumed_from") or []]
    if not steps:
        return ""
    return tr(
        "The training was interrupted and resumed from the checkpoint of step {steps}.",
        steps=listed(steps),
    )
