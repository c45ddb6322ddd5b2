"""The settings of a training as the configuration of its method's trainer.

python -m llmc_lib.training.arguments METHOD     checks further fields of it (JSON on standard input)
                                                 against the installed library; their kinds are checked by the
                                                 schema of the params
"""

from __future__ import annotations

import dataclasses
import json
import sys
import typing
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from llmc_lib.params import merged
from llmc_lib.training.methods import METHODS, Method

if TYPE_CHECKING:
    from transformers import TrainingArguments


def config_class(method: Method) -> Any:
    """The configuration of a method's trainer, a kind of TrainingArguments."""
    return resolve_name(method.CONFIG)


def field_error(method: Method, fields: dict[str, Any]) -> str | None:
    """What is wrong with further fields of a method's configuration, as "field: what; remedy"; None if
    nothing is."""
    kind = config_class(method)
    known = {field.name for field in dataclasses.fields(kind) if field.init}
    hints = typing.get_type_hints(kind)
    for name, value in fields.items():
        if name not in known:
            return f"{name}: the installed TRL's {kind.__name__} has no such field; leave it out"
        try:
            config = ConfigDict(arbitrary_types_allowed=True)
            TypeAdapter(hints[name], config=config).validate_python(value)
        except ValidationError as error:
            return f"{name}: {error.errors()[0]['msg'].lower()}, not {value!r}"
    # Each by itself first, so that the message names the field at fault; then all together.
    for some in [*({name: value} for name, value in fields.items()), fields]:
        try:
            kind(output_dir="unused", use_cpu=True, bf16=False, report_to=[], **some)
        except (ValueError, TypeError) as error:
            return f"{', '.join(some)}: TRL refuses: {' '.join(str(error).split())}"
    return None


def configuration(
    method: Method, spec: dict[str, Any], *, bfloat16: bool, gpu: bool, world_size: int
) -> TrainingArguments:
    """The configuration of a spec (see `launch`): what all methods share, what is the method's own, and
    what the params file adds. Creating it joins the other processes (DeepSpeed)."""
    fields = shared(spec, bfloat16=bfloat16, gpu=gpu, world_size=world_size) | method.config(spec)
    made: TrainingArguments = config_class(method)(**fields, **further_fields(method, spec))
    return made


def further_fields(method: Method, training: dict[str, Any]) -> dict[str, Any]:
    """What the params file adds to the configuration: the group of keys at the method's `SECTION`."""
    found: Any = training
    for key in method.SECTION:
        found = found[key]
    fields: dict[str, Any] = found
    return fields


def shared(spec: dict[str, Any], *, bfloat16: bool, gpu: bool, world_size: int) -> dict[str, Any]:
    """The fields of transformers' TrainingArguments that no method decides."""
    return {
        "output_dir": str(Path(spec["folder"]) / "checkpoints"),
        "num_train_epochs": spec["epochs"],
        "per_device_train_batch_size": spec["micro_batch_size"],
        "per_device_eval_batch_size": spec["micro_batch_size"],
        "gradient_accumulation_steps": spec["batch_size"]
        // (spec["micro_batch_size"] * (world_size // spec["sequence_parallel"])),
        "gradient_checkpointing": spec["gradient_checkpointing"],
        "learning_rate": spec["learning_rate"],
        "lr_scheduler_type": spec["lr_scheduler"],
        # Below 1 it is a part of the steps.
        "warmup_steps": spec["warmup_ratio"]
        if spec["warmup_steps"] is None
        else spec["warmup_steps"],
        **_schedule(spec),
        "weight_decay": spec["weight_decay"],
        "adam_beta1": spec["adam_beta1"],
        "adam_beta2": spec["adam_beta2"],
        "adam_epsilon": spec["adam_epsilon"],
        "max_grad_norm": spec["max_grad_norm"],
        "bf16": gpu and bfloat16,
        "use_cpu": not gpu,
        "use_liger_kernel": spec["liger"],
        "deepspeed": deepspeed_config(spec, bfloat16=bfloat16, gpu=gpu),
        "ddp_timeout": 60 * spec["cluster"]["timeout_minutes"],
        "eval_strategy": "no",  # `Saver` says when
        "save_strategy": "no",  # so it does here
        "logging_steps": 1,
        "logging_first_step": True,
        "logging_nan_inf_filter": False,  # `History` stops the training
        "disable_tqdm": True,
        "report_to": [],
        "seed": spec["seed"],
        "data_seed": spec["seed"],
    }


def _schedule(spec: dict[str, Any]) -> dict[str, Any]:
    """What a schedule needs besides its name."""
    if spec["lr_scheduler"] != "cosine_with_min_lr":
        return {}
    return {"lr_scheduler_kwargs": {"min_lr_rate": spec["min_lr_rate"]}}


def deepspeed_config(spec: dict[str, Any], *, bfloat16: bool, gpu: bool) -> dict[str, Any]:
    """The preset of a spec with the params file's overrides."""
    preset = Path(__file__).parent / "deepspeed" / f"{spec['deepspeed']}.json"
    config: dict[str, Any] = json.loads(preset.read_text())
    if gpu:
        config["bf16"] = {"enabled": "auto"}
    elif bfloat16:
        # Weights, gradients and Adam's state stay float32; matrix products run in bfloat16.
        config["torch_autocast"] = {"enabled": True, "dtype": "bfloat16"}
    return merged(config, spec["deepspeed_config"])


if __name__ == "__main__":
    found = field_error(METHODS[sys.argv[1]], json.load(sys.stdin))
    print(json.dumps(found))
