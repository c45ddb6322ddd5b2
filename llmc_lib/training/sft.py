"""The training worker: TRL's SFTTrainer on DeepSpeed. Started by `launch`, once a process.

torchrun … -m llmc_lib.training.sft SPEC.json
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import torch

ON_GPU = torch.cuda.is_available()
if not ON_GPU:
    os.environ.setdefault("DS_ACCELERATOR", "cpu")  # read when deepspeed is imported

from datasets import Dataset  # noqa: E402
from transformers import (  # noqa: E402
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedTokenizerBase,
    TrainerCallback,
)
from trl import SFTConfig, SFTTrainer  # noqa: E402

from llmc_lib.hardware import number_type  # noqa: E402
from llmc_lib.workers import emit, peak_memory_gib  # noqa: E402


def main(spec: dict[str, Any]) -> None:
    """Train as `spec` says (see `launch`); candidates land in spec["models"], whole or not at all."""
    precision = number_type(spec["precision"])
    tokenizer = AutoTokenizer.from_pretrained(spec["base"])
    model = AutoModelForCausalLM.from_pretrained(spec["base"], dtype=torch.float32)
    train, dropped = load_rows(Path(spec["train"]), tokenizer, spec["max_length"])
    validation, dropped_too = load_rows(Path(spec["validation"]), tokenizer, spec["max_length"])
    accumulation = spec["batch_size"] // (spec["micro_batch_size"] * spec["processes"])
    steps = math.ceil(len(train) / spec["batch_size"] * spec["epochs"])
    args = SFTConfig(
        output_dir=spec["scratch"],
        max_steps=steps,
        per_device_train_batch_size=spec["micro_batch_size"],
        per_device_eval_batch_size=spec["micro_batch_size"],
        gradient_accumulation_steps=accumulation,
        gradient_checkpointing=spec["gradient_checkpointing"],
        learning_rate=spec["learning_rate"],
        lr_scheduler_type=spec["lr_scheduler"],
        warmup_steps=math.ceil(steps * spec["warmup_ratio"]),
        weight_decay=spec["weight_decay"],
        adam_beta2=spec["adam_beta2"],
        max_grad_norm=spec["max_grad_norm"],
        max_length=None,  # too long examples are left out above, never cut
        completion_only_loss=True,
        bf16=ON_GPU and precision == "bfloat16",
        use_cpu=not ON_GPU,
        deepspeed=deepspeed_config(spec["deepspeed"], precision),
        eval_strategy="steps" if validation else "no",
        eval_steps=max(1, math.ceil(steps / 2)),
        eval_on_start=bool(validation),
        save_strategy="no",  # `Candidates` saves
        logging_steps=1,
        logging_first_step=True,
        disable_tqdm=True,
        report_to=[],
        seed=spec["seed"],
        data_seed=spec["seed"],
        dataloader_num_workers=0,
    )
    trainer = SFTTrainer(
        model=model,
        args=args,
        train_dataset=train,
        eval_dataset=validation or None,
        processing_class=tokenizer,
    )
    trainer.add_callback(Progress())
    trainer.add_callback(Candidates(trainer, Path(spec["models"]), steps))
    if trainer.is_world_process_zero():
        emit(
            "plan",
            steps=steps,
            rows=len(train),
            too_long=dropped + dropped_too,
            precision=precision,
            parameters=sum(p.numel() for p in model.parameters()),
            device=torch.cuda.get_device_name() if ON_GPU else "CPU",
        )
    result = trainer.train()
    if trainer.is_world_process_zero():
        tokens = int(max(entry.get("num_tokens", 0) for entry in trainer.state.log_history))
        seconds = round(result.metrics["train_runtime"], 1)
        emit("end", train_seconds=seconds, tokens=tokens, peak_memory_gib=peak_memory_gib())


def deepspeed_config(name: str, precision: str) -> dict[str, Any]:
    """The preset `name`, with mixed precision on a CPU by autocast."""
    preset = Path(__file__).parent / "deepspeed" / f"{name}.json"
    config: dict[str, Any] = json.loads(preset.read_text())
    if ON_GPU:
        config["bf16"] = {"enabled": "auto"}
    elif precision == "bfloat16":
        # Weights, gradients and Adam's state stay float32; matrix products run in bfloat16.
        config["torch_autocast"] = {"enabled": True, "dtype": "bfloat16"}
    return config


def load_rows(
    path: Path, tokenizer: PreTrainedTokenizerBase, max_length: int
) -> tuple[Dataset, int]:
    """The rows of a Parquet file as TRL's conversational prompt-completion rows, and how many
    examples were left out for being longer than `max_length` tokens."""
    rows = []
    frame = pd.read_parquet(path, columns=["prompt", "completion"])
    for prompt, completion in zip(frame["prompt"], frame["completion"], strict=True):
        turns = [
            {"role": "user", "content": prompt},
            {"role": "assistant", "content": completion},
        ]
        tokens = tokenizer.apply_chat_template(turns, return_dict=True)["input_ids"]
        if len(tokens) <= max_length:
            rows.append({"prompt": turns[:1], "completion": turns[1:]})
    return Dataset.from_list(rows), len(frame) - len(rows)


class Progress(TrainerCallback):
    """Tell the parent what the trainer logs."""

    def __init__(self) -> None:
        self.start = time.monotonic()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if not state.is_world_process_zero or "train_runtime" in logs:
            return
        kept = ("loss", "eval_loss", "grad_norm", "learning_rate", "epoch", "num_tokens")
        facts = {name: float(logs[name]) for name in kept if name in logs}
        seconds = round(time.monotonic() - self.start, 2)
        emit("log", step=state.global_step, seconds=seconds, **facts)


class Candidates(TrainerCallback):
    """Export the middle and the last step as complete model folders."""

    def __init__(self, trainer: SFTTrainer, folder: Path, steps: int) -> None:
        self.trainer, self.folder, self.steps = trainer, folder, steps
        self.wanted = {math.ceil(steps / 2), steps}

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step not in self.wanted:
            return
        name = f"step-{state.global_step}"
        part = self.folder / f".{name}.part"
        self.trainer.save_model(str(part))  # every rank: ZeRO-3 gathers the weights here
        if state.is_world_process_zero:
            (part / "training_args.bin").unlink(missing_ok=True)  # a pickle, which nobody needs
            os.replace(part, self.folder / name)
            emit("candidate", name=name, step=state.global_step, of=self.steps)


def leave() -> None:
    """End the process once all ranks are done, without the teardown of native libraries.

    At the interpreter's end the threads of gloo and of DeepSpeed's shared-memory op are at times
    destroyed while they run ("terminate called without an active exception": 1 run in 14 on two cores),
    and a training that was complete counted as failed.
    """
    if torch.distributed.is_initialized():
        torch.distributed.barrier()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
    leave()
