"""The training worker: the trainer of a method (see `methods`) on DeepSpeed. Started by `launch`, once a process.

torchrun … -m llmc_lib.training.worker SPEC.json

It resumes from the last complete checkpoint in the spec's folder, where there is one. What it leaves
there: history.jsonl, result.json at the end; and the exported models in the spec's folder of models.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch.distributed.elastic.multiprocessing.errors import record

gc.disable()  # among what is imported here there is next to none: looking for it took a fifth of the time
ON_GPU = torch.cuda.is_available()
if not ON_GPU:
    os.environ.setdefault("DS_ACCELERATOR", "cpu")  # read when deepspeed is imported

import deepspeed  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainingArguments  # noqa: E402

from llmc_lib.models.hardware import computing_dtype  # noqa: E402
from llmc_lib.processes.workers import peak_memory_gib  # noqa: E402
from llmc_lib.store import json_reader, write_atomic  # noqa: E402
from llmc_lib.store.json_reader import JsonError  # noqa: E402
from llmc_lib.training import checkpoints, extensions  # noqa: E402
from llmc_lib.training.arguments import configuration  # noqa: E402
from llmc_lib.training.callbacks import HeapTrim, History, Saver, Sizes, barrier, has_steps  # noqa: E402
from llmc_lib.training.export import adapters, changed_config, export  # noqa: E402
from llmc_lib.training.methods import METHODS, Method  # noqa: E402
from llmc_lib.training.quantize import elements, quantization  # noqa: E402
from llmc_lib.training.trainer import MethodTrainer, keep_experts_whole  # noqa: E402

gc.freeze()
gc.enable()
if not ON_GPU:
    # DeepSpeed would look which of its ops can be compiled here, and compile one, for a minute, that only inference calls.
    deepspeed.ops.__compatible_ops__ = {}


def train(spec: dict[str, Any]) -> None:
    """Train as `spec` says (see `launch`). Raises `DiskFullError` and `NonFiniteLossError`."""
    folder, method = Path(spec["folder"]), METHODS[spec["method"]]
    bfloat16 = computing_dtype(spec["precision"]) == "bfloat16"
    world = int(os.environ.get("WORLD_SIZE", "1"))
    spec["liger"] = _liger(spec["liger"])
    # Before the configuration, which would give the processes torch's own timeout, and on a CPU none.
    timeout = timedelta(minutes=spec["cluster"]["timeout_minutes"])
    extensions.prepare()
    deepspeed.init_distributed(timeout=timeout, verbose=False)
    # The configuration before the model: under ZeRO-3 it makes the model be loaded in parts.
    args = configuration(method, spec, bfloat16=bfloat16, gpu=ON_GPU, world_size=world)
    last = _last_checkpoint(folder, first_process=args.process_index == 0)
    resumed = checkpoints.step(last) if last else 0
    trainer, too_long = make_trainer(method, spec, args, bfloat16=bfloat16)
    args.eval_on_start = bool(trainer.eval_dataset) and not resumed
    facts = _facts(spec, trainer) | {"too_long": too_long}
    sizes = _sizes(facts)
    checkpoints.require_room(folder, sizes.checkpoint, "a checkpoint of this training")
    resumes = _resumes(folder / "resumed.json", resumed) if args.process_index == 0 else []
    saver = Saver(trainer, spec, sizes, lambda part: export(trainer, spec, part))
    trainer.add_callback(History(trainer, folder, resumed, (*method.MEASURES, *method.LOGGED)))
    trainer.add_callback(saver)
    if not ON_GPU:
        trainer.add_callback(HeapTrim())
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    if trainer.is_world_process_zero() and not saver.stopped:
        facts |= {"resumed_from": resumes, **_done(spec, trainer, saver)}
        write_atomic(folder / "result.json", json.dumps(facts, indent=1))


def _last_checkpoint(folder: Path, *, first_process: bool) -> Path | None:
    """The checkpoint to resume from, None to start from the beginning; the first process tidies up before."""
    if first_process:
        checkpoints.tidy(folder / "checkpoints")
        last = checkpoints.latest(folder / "checkpoints")
        if last and not has_steps(folder, checkpoints.step(last)):
            # What is lost of the log can only be made again.
            checkpoints.tidy(folder / "checkpoints", 0)
    barrier()
    return checkpoints.latest(folder / "checkpoints")


def make_trainer(
    method: Method, spec: dict[str, Any], args: TrainingArguments, *, bfloat16: bool
) -> tuple[MethodTrainer, int]:
    """The trainer with its model and its rows, and how many examples were too long for it."""
    with args.main_process_first(local=False, desc="encoding the rows"):
        rows = method.make_rows(spec)
    base = Path(spec["base"])
    settings = method.model_settings(spec, gpu=ON_GPU)
    if spec["attention"] != "auto":
        settings["attn_implementation"] = spec["attention"]
    settings |= quantization(spec["lora"])
    model = AutoModelForCausalLM.from_pretrained(
        base,
        config=changed_config(base, spec["model_init_kwargs"]),
        # On a GPU DeepSpeed keeps the float32 weights that Adam changes.
        dtype=torch.bfloat16 if ON_GPU and bfloat16 else torch.float32,
        **settings,
    )
    if spec["deepspeed"].startswith("zero3"):
        keep_experts_whole(model)
    trainer = method.make_trainer(
        spec,
        rows,
        gpu=ON_GPU,
        model=model,
        args=args,
        processing_class=AutoTokenizer.from_pretrained(base),
        peft_config=spec["lora"] and adapters(spec["lora"]),
    )
    return trainer, rows.too_long


def _liger(wanted: str) -> bool:
    there = ON_GPU and find_spec("liger_kernel") is not None
    if wanted == "on" and not there:
        raise RuntimeError("training.liger: on: needs a GPU and the package liger-kernel; set auto")
    return there and wanted != "off"


def _facts(spec: dict[str, Any], trainer: MethodTrainer) -> dict[str, Any]:
    """What there is to say of a training before it starts."""
    weights = list(trainer.model.parameters())
    count = [elements(weight) for weight in weights]
    trained = [n for n, weight in zip(count, weights, strict=True) if weight.requires_grad]
    return {
        "parameters": sum(count) - (sum(trained) if spec["lora"] else 0),
        "trained_parameters": sum(trained),
        "rows": len(trainer.train_dataset),
        "epochs": spec["epochs"] if trainer.passes is None else round(trainer.passes, 3),
        "precision": "bfloat16" if computing_dtype(spec["precision"]) == "bfloat16" else "float32",
        "liger": spec["liger"],
        "device": torch.cuda.get_device_name() if ON_GPU else "CPU",
        "processes": trainer.args.world_size,
    }


def _done(spec: dict[str, Any], trainer: MethodTrainer, saver: Saver) -> dict[str, Any]:
    """What there is to say of a training after its last step."""
    steps = trainer.state.max_steps
    return {
        "steps": steps,
        "models": [
            {"name": spec["model_name"].format(step=step), "step": step, "of": steps}
            for step in sorted(saver.wanted)
        ],
        "peak_memory_gib": peak_memory_gib(),
        "peak_gpu_memory_gib": _gib(torch.cuda.max_memory_allocated()) if ON_GPU else None,
    }


def _resumes(path: Path, resumed: int) -> list[int]:
    """The steps from which the attempts of this training resumed, the present one among them."""
    try:
        steps: list[int] = list(json_reader.load(path))
    except (OSError, JsonError, TypeError):
        steps = []
    if resumed:
        steps.append(resumed)
        write_atomic(path, json.dumps(steps))
    return steps


def _sizes(facts: dict[str, Any]) -> Sizes:
    """A checkpoint has the weights, for each trained one a float32 copy and Adam's two moments, and
    the weights once more for whoever loads it without DeepSpeed."""
    width = 2 if facts["device"] != "CPU" and facts["precision"] == "bfloat16" else 4
    weights = width * facts["parameters"]
    return Sizes(checkpoint=2 * weights + 12 * facts["trained_parameters"], model=weights)


def _gib(size: int) -> float:
    return round(size / 2**30, 2)


# An error goes to the launcher, whichever process it is in.
@record  # type: ignore[untyped-decorator]
def main() -> None:
    """Train as the spec that the command line names says."""
    spec = json_reader.load(Path(sys.argv[1]))
    try:
        train(spec)
    except Exception as error:
        full = checkpoints.disk_full(error, Path(spec["folder"]), "a checkpoint or a model")
        if full is None or full is error:
            raise
        raise full from error


def leave() -> None:
    """End the process once all ranks are done, without the teardown of native libraries.

    At the interpreter's end the threads of gloo and of DeepSpeed's ops are at times
    destroyed while they run ("terminate called without an active exception": 1 run in 14 on two cores),
    and a training that was complete counted as failed.
    """
    barrier()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
    leave()
