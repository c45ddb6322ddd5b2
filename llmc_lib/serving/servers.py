"""What `make serve` starts: for each model and replica a server with its command, GPUs and port."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from llmc_lib.engines.arguments import engine_arguments
from llmc_lib.engines.formats import format_of
from llmc_lib.engines.vllm import environment
from llmc_lib.errors import UserError, instead
from llmc_lib.models.hardware import computing_dtype, has_gpu
from llmc_lib.models.resolve import Model, base_model, load_model, trained_models
from llmc_lib.params import EngineParams
from llmc_lib.store import Run, read_word

#: What a server listens on that no other machine can reach.
LOOPBACK = ("127.0.0.1", "localhost", "::1")
#: `python -m` of this is the command `vllm`.
VLLM = "llmc_lib.serving.vllm"


@dataclass(frozen=True)
class Served:
    """A model with the settings that it is served with."""

    model: Model
    name: str  # what the servers call it
    engine: EngineParams
    settings: dict[str, Any]  # dtype, max_model_len, seed, temperature

    def arguments(self, *, on_cpu: bool) -> list[str]:
        """The arguments of `vllm serve`, but for host and port."""
        engine = engine_arguments(str(self.model.folder), self.settings, self.engine, on_cpu=on_cpu)
        parser = self.engine.reasoning_parser
        if parser is None:
            parser = format_of(Path(engine.get("tokenizer", self.model.folder))).parser
        if parser:
            engine["reasoning_parser"] = parser
        return [
            str(engine.pop("model")),
            "--served-model-name",
            self.name,
            "--disable-uvicorn-access-log",  # a line for each request
            *_flags(engine),
        ]


@dataclass(frozen=True, eq=False)
class Server:
    """One process of `vllm serve`."""

    served: Served
    host: str
    port: int
    command: list[str]
    environment: dict[str, str]
    log: Path


def chosen(run: Run, names: str | None) -> list[Served]:
    """The models that `names` names (separated by commas; None: the base), with their settings.

    Raises `UserError` for a name that the run does not have.
    """
    params = run.params.evaluation
    known: dict[str, Callable[[], Model]] = {"base": partial(base_model, run)}
    known |= {model.name: partial(lambda found: found, model) for model in trained_models(run)}
    for number, further in enumerate(params.models):
        key = f"evaluation.models.{number}"
        known[further.name] = partial(load_model, run, further, further.name, key)
    judge = params.judge
    if judge is not None and judge.model is not None:
        known["judge"] = partial(load_model, run, judge.model, "judge", "evaluation.judge.model")
    found = []
    for name in [word.strip() for word in (names or "base").split(",")]:
        if name not in known:
            hint = instead(name, known, f"there are {', '.join(known)}")
            raise UserError(f"MODEL: {name!r} is not a model of this run; {hint}")
        settings = {
            "max_model_len": params.max_model_len,
            "dtype": computing_dtype(params.dtype),
            "seed": run.params.seed,
            "temperature": max(params.asking(b.name).temperature for b in params.benchmarks),
        }
        called, engine = params.engine.served_as.get(name, name), params.engine
        if name == "judge" and judge is not None:
            called, engine = judge.served_as or name, judge.engine
            settings |= {"max_model_len": judge.max_model_len, "temperature": 0.0}
        found.append(Served(known[name](), called, engine, settings))
    return found


def planned(run: Run, served: list[Served], host: str, port: int) -> list[Server]:
    """A server for each replica of each model, on consecutive ports, each with GPUs of its own.

    Raises `UserError` where this machine has too few.
    """
    on_cpu = not has_gpu()
    replicas = [model for model in served for _ in range(model.engine.data_parallel)]
    parts = _cores(len(replicas)) if on_cpu else _gpus(replicas)
    servers = []
    for number, (model, part) in enumerate(zip(replicas, parts, strict=True)):
        here = port + number
        command = [
            *[sys.executable, "-m", VLLM, "serve", *model.arguments(on_cpu=on_cpu)],
            *["--host", host, "--port", str(here)],
        ]
        log = run.folder / "serving" / f"{model.model.name}-{here}.log"
        key = {"VLLM_API_KEY": api_key(run, model.engine, others=host not in LOOPBACK)}
        variables = {**environment(on_cpu=on_cpu), **part, **(key if key["VLLM_API_KEY"] else {})}
        servers.append(Server(model, host, here, command, variables, log))
    return servers


def api_key(run: Run, engine: EngineParams, *, others: bool) -> str:
    """The key that a server asks for: that of the engine's variable; where there is none and `others` can
    reach the server, one made for the run. It goes into the environment, as the list of processes shows
    the arguments to everybody."""
    return os.environ.get(engine.api_key) or (own_key(run).read_text().strip() if others else "")


def own_key(run: Run) -> Path:
    """The file with the run's own key, which its owner alone can read; made once."""
    path = run.folder / "serving" / "api_key"
    if not read_word(path).strip():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{secrets.token_urlsafe(32)}\n")
    return path


def _flags(arguments: dict[str, Any]) -> list[str]:
    """Engine arguments as options of the command line."""
    words: list[str] = []
    for name, value in arguments.items():
        flag = f"--{name.replace('_', '-')}"
        match value:
            case None:
                continue
            case bool():
                words.append(flag if value else flag.replace("--", "--no-", 1))
            case dict():
                words += [flag, json.dumps(value)]
            case list() | tuple():
                words += [flag, *map(str, value)]
            case _:
                words += [flag, str(value)]
    return words


def _cores(replicas: int) -> list[dict[str, str]]:
    """Cores of its own for each server, as far as there are enough."""
    cores = sorted(os.sched_getaffinity(0))
    each = len(cores) // replicas
    if replicas == 1 or each == 0:
        return [{} for _ in range(replicas)]
    parts = [cores[number * each : (number + 1) * each] for number in range(replicas)]
    return [
        {
            "OMP_NUM_THREADS": str(each),
            "VLLM_CPU_OMP_THREADS_BIND": ",".join(map(str, part)),
        }
        for part in parts
    ]


def _gpus(replicas: list[Served]) -> list[dict[str, str]]:
    """GPUs of its own for each server."""
    sizes = [m.engine.tensor_parallel * m.engine.pipeline_parallel for m in replicas]
    gpus = _visible_gpus()
    if len(replicas) > 1 and sum(sizes) > len(gpus):
        raise UserError(
            f"evaluation.engine: {len(replicas)} servers need {sum(sizes)} GPUs (tensor_parallel × "
            f"pipeline_parallel each), this machine shows {len(gpus)}; lower data_parallel, or name fewer "
            "models"
        )
    if len(replicas) == 1:
        return [{}]  # vLLM itself says what it lacks
    starts = [sum(sizes[:number]) for number in range(len(sizes))]
    return [
        {"CUDA_VISIBLE_DEVICES": ",".join(gpus[start : start + size])}
        for start, size in zip(starts, sizes, strict=True)
    ]


def _visible_gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return [name.strip() for name in given.split(",") if name.strip()]
    if shutil.which("nvidia-smi") is None:
        return []
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    lines = [line for line in listed.stdout.splitlines() if line.startswith("GPU ")]
    return [str(number) for number in range(len(lines))]
