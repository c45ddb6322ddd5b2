"""The settings of a training as TRL's SFTConfig.

python -m llmc_lib.training.arguments FIELDS     checks `training.sft` (JSON) against the installed TRL
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import sys
import typing
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from trl import SFTConfig

from llmc_lib.params import merged

# What `training.sft` must not set: each has a key of its own, or a value that the rest relies on.
_OURS = {
    "num_train_epochs": "training.epochs",
    "max_steps": "training.epochs",
    "per_device_train_batch_size": "training.micro_batch_size",
    "per_device_eval_batch_size": "training.micro_batch_size",
    "gradient_accumulation_steps": "training.batch_size",
    "gradient_checkpointing": "training.gradient_checkpointing",
    "learning_rate": "training.learning_rate",
    "lr_scheduler_type": "training.lr_scheduler",
    "warmup_steps": "training.warmup_ratio",
    "warmup_ratio": "training.warmup_ratio",
    "weight_decay": "training.weight_decay",
    "adam_beta1": "training.adam_beta1",
    "adam_beta2": "training.adam_beta2",
    "adam_epsilon": "training.adam_epsilon",
    "max_grad_norm": "training.max_grad_norm",
    "max_length": "training.max_length",
    "packing": "training.batching",
    "padding_free": "training.batching",
    "bf16": "training.precision",
    "fp16": "training.precision",
    "deepspeed": "training.deepspeed and training.deepspeed_config",
    "use_liger_kernel": "training.liger",
    "router_aux_loss_coef": "training.router_aux_loss",
    "seed": "seed",
    "data_seed": "seed",
    "ddp_timeout": "training.cluster.timeout_minutes",
    "eval_strategy": "training.evaluations",
    "eval_steps": "training.evaluations",
    "eval_on_start": "training.evaluations",
    "save_strategy": "training.save_minutes",
    "save_steps": "training.save_minutes",
}  # fmt: skip
_FIXED = (
    "output_dir", "logging_strategy", "logging_steps", "logging_first_step", "logging_nan_inf_filter",
    "use_cpu", "completion_only_loss", "assistant_only_loss", "dataset_kwargs", "disable_tqdm",
    "report_to", "push_to_hub", "hub_token", "resume_from_checkpoint", "save_total_limit",
    "save_only_model", "load_best_model_at_end", "local_rank", "model_init_kwargs", "eval_packing",
    "remove_unused_columns", "trust_remote_code", "max_seq_length", "chat_template_path",
)  # fmt: skip


def mistake(fields: dict[str, Any]) -> str | None:
    """What is wrong with further fields of SFTConfig, as "field: what; remedy"; None if nothing is."""
    known = {field.name for field in dataclasses.fields(SFTConfig) if field.init}
    hints = typing.get_type_hints(SFTConfig)
    for name, value in fields.items():
        if name in _OURS:
            return f"{name}: is set by {_OURS[name]}"
        if name in _FIXED:
            return f"{name}: is not for a params file; leave it out"
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else "see its documentation"
            return f"{name}: the installed TRL's SFTConfig has no such field; {hint}"
        try:
            config = ConfigDict(arbitrary_types_allowed=True)
            TypeAdapter(hints[name], config=config).validate_python(value)
        except ValidationError as error:
            return f"{name}: {error.errors()[0]['msg'].lower()}, not {value!r}"
    try:
        SFTConfig(output_dir="unused", use_cpu=True, bf16=False, report_to=[], **fields)
    except (ValueError, TypeError) as error:
        return f"{', '.join(fields)}: TRL refuses: {' '.join(str(error).split())}"
    return None


def sft_config(spec: dict[str, Any], *, bfloat16: bool, gpu: bool, world_size: int) -> SFTConfig:
    """SFTConfig of a spec (see `launch`). Creating it joins the other processes (DeepSpeed)."""
    batching = spec["batching"]
    return SFTConfig(
        output_dir=str(Path(spec["folder"]) / "checkpoints"),
        num_train_epochs=spec["epochs"],
        per_device_train_batch_size=spec["micro_batch_size"],
        per_device_eval_batch_size=spec["micro_batch_size"],
        gradient_accumulation_steps=spec["batch_size"] // (spec["micro_batch_size"] * world_size),
        gradient_checkpointing=spec["gradient_checkpointing"],
        learning_rate=spec["learning_rate"],
        lr_scheduler_type=spec["lr_scheduler"],
        warmup_steps=spec["warmup_ratio"],  # below 1 it is a part of the steps
        weight_decay=spec["weight_decay"],
        adam_beta1=spec["adam_beta1"],
        adam_beta2=spec["adam_beta2"],
        adam_epsilon=spec["adam_epsilon"],
        max_grad_norm=spec["max_grad_norm"],
        # Too long examples have been left out; only packing needs to know the length.
        max_length=spec["max_length"] if batching == "packed" else None,
        packing=batching == "packed",
        padding_free=batching == "padding_free",
        bf16=gpu and bfloat16,
        use_cpu=not gpu,
        use_liger_kernel=spec["liger"],
        router_aux_loss_coef=spec["router_aux_loss"],
        deepspeed=deepspeed_config(spec, bfloat16=bfloat16, gpu=gpu),
        ddp_timeout=60 * spec["cluster"]["timeout_minutes"],
        eval_strategy="no",  # `Saver` says when
        save_strategy="no",  # so it does here
        logging_steps=1,
        logging_first_step=True,
        logging_nan_inf_filter=False,  # `History` stops the training
        disable_tqdm=True,
        report_to=[],
        seed=spec["seed"],
        data_seed=spec["seed"],
        **spec["sft"],
    )


def deepspeed_config(spec: dict[str, Any], *, bfloat16: bool, gpu: bool) -> dict[str, Any]:
    """The preset of a spec with what the params file puts before it."""
    preset = Path(__file__).parent / "deepspeed" / f"{spec['deepspeed']}.json"
    config: dict[str, Any] = json.loads(preset.read_text())
    if gpu:
        config["bf16"] = {"enabled": "auto"}
    elif bfloat16:
        # Weights, gradients and Adam's state stay float32; matrix products run in bfloat16.
        config["torch_autocast"] = {"enabled": True, "dtype": "bfloat16"}
    return merged(config, spec["deepspeed_config"])


if __name__ == "__main__":
    found = mistake(json.loads(sys.argv[1]))
    print(json.dumps(found))
