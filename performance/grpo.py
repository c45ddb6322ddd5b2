"""Completions per processor second of reinforcement learning on a CPU: GRPOTrainer as it comes, tuned, and ours.

    .venv/bin/python performance/grpo.py [--steps 3] [--threads N] [--ways ours default ours]

All three train the embedded model for the same steps of 32 completions (4 prompts × 8, at most 96 tokens) on the same
problems, with the same learning rate and the same reward (verified answer and form), each in a process of its own, one after the
other, and once more in the other order. A step is sampling, rewards, forward and backward pass, and Adam; the first one is
not counted. What is sampled differs, so the means of the rewards are compared with their standard errors.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
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
PROMPTS, GROUP, LENGTH, RATE = 4, 8, 96, 1e-6
BATCH = PROMPTS * GROUP
WAYS = {
    "default": "GRPOTrainer, default arguments (float32, gradient checkpointing, micro-batches of 8)",
    "tuned": "GRPOTrainer, without gradient checkpointing, bfloat16 where the processor has it",
    "ours": "ours (GRPOTrainer on DeepSpeed ZeRO-1, `generator: batched`, bfloat16 where the processor has it)",
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--ways", nargs="+", default=[*WAYS, *list(WAYS)[::-1]], choices=WAYS)
    parser.add_argument("--only", nargs=2, metavar=("WAY", "PARAMS"))
    options = parser.parse_args()
    if options.only:
        way, params = options.only
        make = _ours if way == "ours" else _trl
        print(json.dumps(_measured(make(params, options.steps, way))))
        return
    with tempfile.TemporaryDirectory() as folder:
        params = _prepare(Path(folder), options.steps)
        found: dict[str, list[dict[str, Any]]] = {way: [] for way in options.ways}
        for way in options.ways:
            found[way].append(_run(way, params, options.steps, options.threads))
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
        "dataset": {
            "sources": [{"name": "skills", "rows": 4 * PROMPTS * steps}],
            "max_rows": PROMPTS * steps, "validation": 0.0, "mixture": False,
        },
        "training": {
            "method": "grpo", "learning_rate": RATE, "lr_scheduler": "constant", "warmup_ratio": 0.0,
            "batch_size": BATCH, "micro_batch_size": 8, "deepspeed": "zero1", "max_length": 320,
            "export_at": [1.0],
            "grpo": {
                "group_size": GROUP, "max_completion_length": LENGTH, "steps": steps,
                "rewards": {"answer": 1.0, "form": 0.1},
            },
        },
    }  # fmt: skip
    path = folder / "benchmark.yaml"
    path.write_text(yaml.safe_dump(values))
    run = open_run(path)
    base_model(run)
    build(run)
    return str(path)


def _run(way: str, params: str, steps: int, threads: int) -> dict[str, Any]:
    from llmc_lib.params import TrainingParams
    from llmc_lib.training.cluster import environment

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    env = {
        **os.environ, "OMP_NUM_THREADS": str(threads), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port,
        "RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "DS_ACCELERATOR": "cpu",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }  # fmt: skip
    if way == "ours":
        env |= {**environment(TrainingParams()), "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, __file__, "--only", way, params, "--steps", str(steps)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=env)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _measured(trainer: Any) -> dict[str, Any]:
    """Train, and tell what each step cost."""
    from transformers import TrainerCallback

    from llmc_lib.processes.workers import peak_memory_gib

    costs: list[float] = []
    rows: list[dict[str, float]] = []

    class Clock(TrainerCallback):
        def on_step_begin(self, *args: Any, **_: Any) -> None:
            costs.append(time.process_time())

        def on_step_end(self, *args: Any, **_: Any) -> None:
            costs[-1] = time.process_time() - costs[-1]

        def on_log(self, *args: Any, logs: Any = None, **_: Any) -> None:
            if "reward" in logs:
                rows.append(logs)

    trainer.add_callback(Clock())
    trainer.train()
    length = [row["completions/mean_length"] for row in rows]
    return {
        "completions": [BATCH / cost for cost in costs[1:]],
        "tokens": [BATCH * n / cost for n, cost in zip(length[1:], costs[1:], strict=True)],
        "length": length,
        "reward": [row["reward"] for row in rows],
        "deviation": [row["reward_std"] for row in rows],
        "memory": peak_memory_gib(),
    }


def _show(found: dict[str, list[dict[str, Any]]]) -> None:
    print(
        "| | completions a processor second (median) | least to most | tokens | reward | peak memory |\n"
        "|---|---|---|---|---|---|"
    )
    middle = {}
    for way, runs in found.items():
        rates = [rate for run in runs for rate in run["completions"]]
        tokens = statistics.median(rate for run in runs for rate in run["tokens"])
        rewards = [reward for run in runs for reward in run["reward"]]
        deviation = statistics.mean(d for run in runs for d in run["deviation"])
        error = deviation / (BATCH * len(rewards)) ** 0.5
        middle[way] = statistics.median(rates)
        print(
            f"| {WAYS[way]} | {middle[way]:.2f} | {min(rates):.2f} to {max(rates):.2f} | {tokens:.0f} | "
            f"{statistics.mean(rewards):.3f} ± {error:.3f} | {max(run['memory'] for run in runs):.1f} GiB |"
        )
    for way in ("default", "tuned"):
        if {way, "ours"} <= set(middle):
            print(f"ours / {way}: {middle['ours'] / middle[way]:.2f}")


# ---- the ways --------------------------------------------------------------------------------


def _spec(params: str) -> dict[str, Any]:
    """What `training.launch` writes for the worker."""
    from llmc_lib.models.resolve import base_model
    from llmc_lib.store import open_run

    run = open_run(params)
    files = {part: str(run.dataset / f"{part}.parquet") for part in ("train", "validation")}
    (run.training / "checkpoints").mkdir(parents=True, exist_ok=True)
    return {
        "seed": 0, "base": str(base_model(run).folder), **files, "folder": str(run.training),
        "world_size": 1, **run.params.training.model_dump(mode="json"),
    }  # fmt: skip


def _ours(params: str, steps: int, way: str) -> Any:
    import deepspeed

    from llmc_lib.models.hardware import computing_dtype
    from llmc_lib.training import extensions, worker
    from llmc_lib.training.arguments import configuration
    from llmc_lib.training.callbacks import HeapTrim
    from llmc_lib.training.methods import METHODS

    spec = {**_spec(params), "liger": False}
    half = computing_dtype(spec["precision"]) == "bfloat16"
    extensions.prepare()
    deepspeed.init_distributed(verbose=False)
    args = configuration(METHODS["grpo"], spec, bfloat16=half, gpu=False, world_size=1)
    trainer, _ = worker.make_trainer(METHODS["grpo"], spec, args, bfloat16=half)
    trainer.add_callback(HeapTrim())
    return trainer


def _trl(params: str, steps: int, way: str) -> Any:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import GRPOConfig, GRPOTrainer

    from llmc_lib.models.hardware import computing_dtype
    from llmc_lib.params import RewardParams
    from llmc_lib.rewards import reward_functions
    from llmc_lib.training.methods.grpo.rows import load_prompts

    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"):  # by itself, without DeepSpeed
        os.environ.pop(name)
    spec = _spec(params)
    rewards = RewardParams.model_validate(spec["grpo"]["rewards"])
    prompts, _ = load_prompts(Path(spec["train"]), Path(spec["base"]), 320 - LENGTH)

    class Trainer(GRPOTrainer):
        """What our rewards need of a row."""

        def _calculate_rewards(self, inputs: Any, prompts: Any, texts: Any, ids: Any) -> Any:
            ends = [bool(one) and one[-1] in self.eos_token_ids for one in ids]
            inputs = [{**row, "finished": end} for row, end in zip(inputs, ends, strict=True)]
            return super()._calculate_rewards(inputs, prompts, texts, ids)

    half = computing_dtype(spec["precision"]) == "bfloat16"
    args = GRPOConfig(
        output_dir=f"{params}.{way}",
        # Not its defaults: what makes it the same training, and what this machine needs.
        use_cpu=True, bf16=way == "tuned" and half, gradient_accumulation_steps=BATCH // 8, num_generations=GROUP,
        max_completion_length=LENGTH, max_steps=steps, learning_rate=RATE, lr_scheduler_type="constant",
        reward_weights=list(rewards.weights.values()), logging_steps=1, report_to=[], save_strategy="no",
        **({"gradient_checkpointing": False} if way == "tuned" else {}),
    )  # fmt: skip
    return Trainer(
        model=AutoModelForCausalLM.from_pretrained(spec["base"], dtype=torch.float32),
        args=args,
        train_dataset=prompts,
        processing_class=AutoTokenizer.from_pretrained(spec["base"]),
        reward_funcs=reward_functions(rewards),
    )


if __name__ == "__main__":
    main()
