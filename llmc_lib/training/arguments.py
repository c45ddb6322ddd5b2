"""The settings of a training as TRL's SFTConfig.

python -m llmc_lib.training.arguments     checks `training.sft` (JSON on standard input) against the
                                          installed TRL; its kinds are checked by the schema of the params
"""

from __future__ import annotations

import dataclasses
import json
import sys
import typing
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from trl import SFTConfig

from llmc_lib.params import merged


def mistake(fields: dict[str, Any]) -> str | None:
    """What is wrong with further fields of SFTConfig, as "field: what; remedy"; None if nothing is."""
    known = {field.name for field in dataclasses.fields(SFTConfig) if field.init}
    hints = typing.get_type_hints(SFTConfig)
    for name, value in fields.items():
        if name not in known:
            return f"{name}: the installed TRL's SFTConfig has no such field; leave it out"
        try:
            config = ConfigDict(arbitrary_types_allowed=True)
            TypeAdapter(hints[name], config=config).validate_python(value)
        except ValidationError as error:
            return f"{name}: {error.errors()[0]['msg'].lower()}, not {value!r}"
    # Each by itself first, so that the message names the field at fault; then all together.
    for some in [*({name: value} for name, value in fields.items()), fields]:
        try:
            SFTConfig(output_dir="unused", use_cpu=True, bf16=False, report_to=[], **some)
        except (ValueError, TypeError) as error:
            return f"{', '.join(some)}: TRL refuses: {' '.join(str(error).split())}"
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
    found = mistake(json.load(sys.stdin))
    print(json.dumps(found))
