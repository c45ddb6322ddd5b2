"""Tokens per second of a training on a CPU: SFTTrainer as it comes, a bare PyTorch loop, and ours.

    .venv/bin/python performance/training.py [--steps 4]

All three train the embedded model on the same rows in the same order, 16 rows a step, in float32, with
the same learning rate and the same loss (negative log-likelihood of the completions' tokens), each in a
process of its own, one after the other, and once more in the other order. Tokens are real ones, without
padding; the first step of each is not counted. The losses of all steps are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
BATCH, MICRO, RATE = 16, 4, 1e-5
WAYS = {
    "default": "SFTTrainer, default arguments (micro-batches of 8, padded, gradient checkpointing)",
    "loop": "bare loop (no Trainer, no DeepSpeed; our attention and our loss)",
    "ours": "ours (SFTTrainer on DeepSpeed ZeRO-1, one process)",
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--only", nargs=2, metavar=("WAY", "PARAMS"))
    options = parser.parse_args()
    if options.only:
        way, params = options.only
        print(json.dumps(globals()[f"_{way}"](params, options.steps)))
        return
    with tempfile.TemporaryDirectory() as folder:
        params = _prepare(Path(folder), options.steps)
        found: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
        for order in (list(WAYS), list(WAYS)[::-1]):
            for way in order:
                found[way].append(_run(way, params, options.steps))
                print(f"  {way}: {found[way][-1]}", file=sys.stderr, flush=True)
    _show(found)


def _prepare(folder: Path, steps: int) -> str:
    """A run with its data set and its base model."""
    from llmc_lib.dataset import build
    from llmc_lib.models.resolve import base_model
    from llmc_lib.store import open_run

    values = {
        "run": "benchmark",
        "runs_dir": str(folder),
        "dataset": {"max_rows": BATCH * steps, "validation": 0.0},
        "training": {
            "learning_rate": RATE, "lr_scheduler": "constant", "warmup_ratio": 0.0,
            "batch_size": BATCH, "micro_batch_size": MICRO, "precision": "float32",
            "export_at": [1.0], "deepspeed": "zero1",
        },
    }  # fmt: skip
    path = folder / "benchmark.yaml"
    path.write_text(yaml.safe_dump(values))
    run = open_run(path)
    base_model(run)
    build(run)
    return str(path)


def _run(way: str, params: str, steps: int) -> dict[str, Any]:
    env = {**os.environ, "OMP_NUM_THREADS": str(len(os.sched_getaffinity(0)))}
    command = [sys.executable, __file__, "--only", way, params, "--steps", str(steps)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=env)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _show(found: dict[str, list[dict[str, Any]]]) -> None:
    rates = {way: [rate for run in runs for rate in run["rates"]] for way, runs in found.items()}
    middle = {way: statistics.median(values) for way, values in rates.items()}
    print("| | tokens/s (median) | least to most | peak memory |\n|---|---|---|---|")
    for way, words in WAYS.items():
        memory = max(run["memory"] for run in found[way])
        print(
            f"| {words} | {middle[way]:.0f} | {min(rates[way]):.0f} to {max(rates[way]):.0f} | {memory:.1f} GiB |"
        )
    print(f"\nours / default: {middle['ours'] / middle['default']:.2f}")
    print(f"ours / loop: {middle['ours'] / middle['loop']:.2f}")
    losses = [run["losses"] for runs in found.values() for run in runs]
    spread = max(max(step) - min(step) for step in zip(*losses, strict=True))
    print(f"largest difference of a step's loss between all runs: {spread:.1e}")


# ---- the three ways --------------------------------------------------------------------------


def _ours(params: str, steps: int) -> dict[str, Any]:
    import shutil

    from llmc_lib import training
    from llmc_lib.store import open_run

    run = open_run(params)
    shutil.rmtree(run.training, ignore_errors=True)
    shutil.rmtree(run.models, ignore_errors=True)
    done = training.train(run).candidates["main"]
    rows = done.history.dropna(subset=["loss"])
    return {
        "rates": rows["tokens_per_second"].tolist()[1:],
        "losses": rows["loss"].tolist(),
        "memory": done.facts["peak_memory_gib"],
    }


def _batches(params: str) -> tuple[Path, list[list[dict[str, list[int]]]]]:
    """The base model's folder and the rows of each step, in the order in which Trainer draws them."""
    import torch

    from llmc_lib.models.resolve import base_model
    from llmc_lib.store import open_run
    from llmc_lib.training.methods.sft.rows import load_rows

    run = open_run(params)
    base = base_model(run).folder
    rows, _ = load_rows(run.dataset / "train.parquet", base, 512, run.folder / "rows")
    generator = torch.Generator()
    generator.manual_seed(run.params.seed)
    order = torch.randperm(len(rows), generator=generator).tolist()
    return base, [
        [rows[n] for n in order[start : start + BATCH]] for start in range(0, len(order), BATCH)
    ]


def _loop(params: str, steps: int) -> dict[str, Any]:
    import torch
    from torch.nn.functional import cross_entropy
    from transformers import AutoModelForCausalLM

    from llmc_lib.processes.workers import peak_memory_gib
    from llmc_lib.training import attention

    base, batches = _batches(params)
    model = AutoModelForCausalLM.from_pretrained(
        base, dtype=torch.float32, attn_implementation=attention.register()
    ).train()
    adam = torch.optim.AdamW(
        model.parameters(), lr=RATE, betas=(0.9, 0.95), weight_decay=0.1, fused=True
    )
    rates, losses = [], []
    for rows in batches:
        start = time.monotonic()
        learnt = sum(label != -100 for row in rows for label in row["labels"])
        total = 0.0
        for first in range(0, BATCH, MICRO):
            part = rows[first : first + MICRO]
            lengths = torch.tensor([0] + [len(row["input_ids"]) for row in part])
            labels = torch.tensor([n for row in part for n in row["labels"]])[1:]
            keep = (labels != -100).nonzero().squeeze(1)
            out = model(
                input_ids=torch.tensor([[n for row in part for n in row["input_ids"]]]),
                position_ids=torch.cat([torch.arange(n) for n in lengths[1:].tolist()])[None],
                cu_seq_lens_q=lengths.cumsum(0).to(torch.int32),
                use_cache=False,
                logits_to_keep=keep,
            )
            loss = cross_entropy(out.logits[0], labels[keep], reduction="sum") / learnt
            loss.backward()
            total += float(loss.detach())
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        adam.zero_grad()
        losses.append(total)
        tokens = sum(len(row["input_ids"]) for row in rows)
        rates.append(round(tokens / (time.monotonic() - start), 1))
    return {"rates": rates[1:], "losses": losses, "memory": peak_memory_gib()}


def _default(params: str, steps: int) -> dict[str, Any]:
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    from llmc_lib.processes.workers import peak_memory_gib

    base, batches = _batches(params)
    rows = [row for batch in batches for row in batch]
    times: list[float] = []

    class Clock(TrainerCallback):
        def on_step_begin(self, *args: Any, **_: Any) -> None:
            times.append(time.monotonic())

        def on_step_end(self, *args: Any, **_: Any) -> None:
            times[-1] = time.monotonic() - times[-1]

    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32),
        args=SFTConfig(
            output_dir=f"{params}.default",
            # Not its defaults: what makes it the same training, and what this machine needs.
            gradient_accumulation_steps=BATCH // 8,
            num_train_epochs=1,
            learning_rate=RATE,
            lr_scheduler_type="constant",
            adam_beta2=0.95,
            weight_decay=0.1,
            bf16=False,
            use_cpu=True,
            seed=0,
            data_seed=0,
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=AutoTokenizer.from_pretrained(base),
        callbacks=[Clock()],
    )
    trainer._get_train_sampler = lambda *_: torch.utils.data.SequentialSampler(rows)  # type: ignore
    trainer.train()
    tokens = [sum(len(row["input_ids"]) for row in batch) for batch in batches]
    rates = [round(n / seconds, 1) for n, seconds in zip(tokens, times, strict=True)]
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return {"rates": rates[1:], "losses": losses, "memory": peak_memory_gib()}


if __name__ == "__main__":
    main()
