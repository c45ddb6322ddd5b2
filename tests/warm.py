"""A Python that has imported torch, TRL, DeepSpeed or vLLM already, for the workers that tests start, what a report needs, and
in a run of all tests the processes that run them.

Importing takes most of the time of a training of six steps. `python()` makes a program that is called as Python is: some modules
and scripts run in a process forked from one that has the imports; anything else runs in the real Python, where `sys.executable`
is this program again, also in a kernel that is started there. Where `warm_caller.COLD` is set, commands, kernels and the first
process of every module run in the real Python, too. A forked process ends when its caller is killed, and has its caller's
arguments, environment, folder, cores, network and open files. What was read at an import alone (OMP_NUM_THREADS,
GLIBC_TUNABLES) is that of whoever came first. Standard library only.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import multiprocessing.context
import os
import runpy
import select
import shlex
import signal
import socket
import subprocess
import sys
import traceback
import types
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests import warm_caller

_IMPORTS = {
    # What tests, commands and the kernels of notebooks import; the server of "training" is forked from it. (vLLM looks for its
    # kernels among all that is imported, and fails at numba's.)
    "tests": [
        "torch",
        "transformers.models.auto.tokenization_auto",
        "transformers.models.auto.modeling_auto",
        "transformers.models.llama.modeling_llama",
        "peft",
        "datasets",
        "scipy.stats",
        "statsmodels.regression.linear_model",
        "statsmodels.stats.proportion",
        "seaborn.objects",
        "matplotlib.backends.backend_agg",
        "matplotlib.backends.backend_svg",
        "papermill",
        "ipykernel.kernelapp",
        "ipykernel.ipkernel",
        "ipykernel.debugger",
        "jupyterlab_server",
        "hypothesis",
        "reasoning_gym",
        "llmc_lib.command_line",
        "llmc_lib.preflight",
        "llmc_lib.plan",
        "llmc_lib.pipeline",
        "llmc_lib.dataset.builder",
        "llmc_lib.dataset.sources.hard_math",
        "llmc_lib.training.check",
        "llmc_lib.exploring",
        "llmc_lib.reporting.candidates_table",
        "llmc_lib.reporting.dataset_sample",
        "llmc_lib.reporting.sections",
        "llmc_lib.reporting.render",
    ],
    "torchrun": ["torch.distributed.run"],
    "openai": ["llmc_lib.engines.openai"],
    "vllm": [
        "vllm.entrypoints.llm",
        "vllm.v1.engine.llm_engine",
        "vllm.v1.worker.cpu_worker",
        "vllm.entrypoints.cli.serve",
        "vllm.entrypoints.openai.api_server",
        "vllm.model_executor.layers.quantization.online.base",
        "vllm.model_executor.models.llama",
        "llmc_lib.serving.launch",
    ],
    "training": [
        "llmc_lib.training.worker",
        "llmc_lib.training.rank",
        "llmc_lib.training.network_rank",
        "deepspeed.launcher.runner",
        "deepspeed.launcher.launch",
        *(f"llmc_lib.training.methods.{name}.trainer" for name in ("sft", "grpo", "dpo", "orpo")),
        "llmc_lib.plan.shape",
        "llmc_lib.models.resolve",
        "transformers.modeling_gguf_pytorch_utils",
        "deepspeed.runtime.zero.muon.muon_optimizer",  # which needs torch's compiler
    ],
}


def python(folder: Path) -> Path:
    """The program, in `folder`, where also the sockets of its servers go; `stop(folder)` ends these. Jupyter finds its kernel
    in `folder`/jupyter."""
    program = folder / "python"
    if program.exists():
        return program
    spec = folder / "jupyter" / "kernels" / "llmc" / "kernel.json"
    spec.parent.mkdir(parents=True, exist_ok=True)
    kernel = [
        str(program),
        "-m",
        "ipykernel_launcher",
        "-f",
        "{connection_file}",
        "--log-level=CRITICAL",
    ]
    spec.write_text(
        json.dumps({"argv": kernel, "display_name": "LLMC report", "language": "python"})
    )
    (folder / "site").mkdir(exist_ok=True)
    (folder / "site" / "sitecustomize.py").write_text(
        f"import sys\nsys.executable = {str(program)!r}\n"
    )
    return _program(program)


def python_of_tests(folder: Path) -> Path:
    """The program that is called as Python is where a process that runs tests starts: forked with what their files import."""
    python(folder)
    return _program(folder / "tests", "--tests")


def _program(program: Path, *options: str) -> Path:
    made = program.with_suffix(f".{os.getpid()}")  # others may make it at the same time
    call = [sys.executable, "-I", "-S", warm_caller.__file__, program.parent, sys.executable]
    made.write_text(f'#!/bin/sh\nexec {shlex.join(map(str, [*call, *options]))} "$@"\n')
    made.chmod(0o755)
    return made.rename(program)


def stop(folder: Path) -> None:
    """End the servers of a program."""
    for told in folder.glob("*.pid"):
        forked = folder / f"{told.read_text()}.is"
        for pid in (told, *([forked] if forked.exists() else [])):
            with suppress(ProcessLookupError):
                os.killpg(int(pid.read_text()), signal.SIGKILL)


def family(folder: Path, pid: int) -> set[int]:
    """A process's children and theirs, both those that call and what is forked for them; no server."""
    found: set[int] = set()
    servers = {path.read_text() for path in folder.glob("*.pid")}
    with suppress(FileNotFoundError, ProcessLookupError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for child in {*children} - servers:
            forked = folder / f"{child}.is"
            for each in (child, *([forked.read_text()] if forked.exists() else [])):
                found |= {int(each), *family(folder, int(each))}
    return found


# ---- the server ------------------------------------------------------------------------------


def _serve(path: Path, kind: str) -> None:
    """Import, then fork a process for each caller, for ever; returns in such a process alone."""
    os.environ |= {"TOKENIZERS_PARALLELISM": "false"}
    os.environ |= {"VLLM_NO_USAGE_STATS": "1", "VLLM_LOGGING_LEVEL": "WARNING"}
    for name in _IMPORTS[kind]:
        # What fails here fails in the tests that need it, which tell of it.
        with suppress(Exception):
            importlib.import_module(name)
    if kind == "tests":
        from llmc_lib.dataset.texts.duplicates import exact_keys

        exact_keys([""])  # numba loads half of itself at the first call
    if kind == "training":
        from transformers.conversion_mapping import get_checkpoint_conversion_mapping

        get_checkpoint_conversion_mapping("llama")  # those of all models are made at the first call
    if kind == "vllm":
        from vllm.platforms import current_platform

        # Half of an engine's start: it looks through all modules for the kernels that it replaces. Once is enough.
        current_platform.register_triton_kernel_overrides()
        type(current_platform).register_triton_kernel_overrides = lambda *_: None
    gc.freeze()  # collecting garbage among so many objects takes a second, and copies their pages
    gc.set_threshold(10_000, 10, 10)
    listening = socket.socket(socket.AF_UNIX)
    made = path.with_suffix(".new")
    listening.bind(str(made))
    listening.listen(16)
    made.rename(path)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        connection, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            length, files, _, _ = socket.recv_fds(connection, 8, 3)
            request = json.loads(warm_caller.read(connection, int.from_bytes(length)))
            if (pid := os.fork()) == 0:
                os.setsid()
                connection.close()
                _become(request, files)
                return
            _watch(connection, pid, files)
        connection.close()


def _watch(connection: socket.socket, pid: int, files: list[int]) -> None:
    """Tell the caller how the process ends; end it, and all it has started, when the caller is gone."""
    for file in (*files, 0, 1, 2):
        os.close(file)
    with suppress(OSError):
        connection.sendall(pid.to_bytes(8))
    ended = os.pidfd_open(pid)
    caller = connection.fileno()
    while ended not in (readable := select.select([ended, caller], [], [])[0]):
        if caller in readable and not connection.recv(1):
            os.killpg(pid, signal.SIGKILL)
            break
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with suppress(OSError):
        connection.sendall(status.to_bytes(8, signed=True))
    os._exit(0)


def _become(request: dict[str, Any], files: list[int]) -> None:
    for place, file in enumerate(files):
        os.dup2(file, place)
        os.close(file)
    sys.stdout.reconfigure(write_through=True)  # type: ignore[union-attr]
    if request["warm"]:
        request["environment"]["PYTHON_EXEC"] = str(request["python"])  # what torchrun starts
        subprocess.Popen = _Forking  # type: ignore[misc]
    os.chdir(str(request["folder"]))
    os.sched_setaffinity(0, request["cores"])
    for name in request["namespaces"]:
        try:
            namespace = os.open(name, os.O_RDONLY)
        except FileNotFoundError:
            os._exit(1)  # its caller has been killed meanwhile
        ctypes.CDLL(None).setns(namespace, 0)
        os.close(namespace)
    further = request["environment"].get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:1] = [str(request["folder"]), *filter(None, further)]
    sys.executable = str(request["python"])
    sys.argv = list(request["arguments"])
    _take(request["environment"])


def _take(environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    threads, torch = os.environ.get("OMP_NUM_THREADS"), sys.modules.get("torch")
    if threads and torch:
        torch.set_num_threads(int(threads))
    if hub := sys.modules.get("huggingface_hub.constants"):
        hub.HF_HUB_OFFLINE = os.environ.get("HF_HUB_OFFLINE") == "1"  # type: ignore[attr-defined]


class _Forking(subprocess.Popen[Any]):
    """Servers of vLLM are forked from the process that starts them: its children, in a session of their own."""

    def _execute_child(self, args: Any, executable: Any, preexec_fn: Any, *rest: Any) -> None:
        if list(args[:3]) != [sys.executable, "-m", "llmc_lib.serving.vllm"]:
            super()._execute_child(args, executable, preexec_fn, *rest)  # type: ignore[misc]
            return
        self._child_created = True
        self.pid = os.fork()
        if self.pid:
            return
        try:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            for place, file in enumerate((rest[7], rest[10], rest[12])):  # input, output, errors
                os.dup2(file, place)
            preexec_fn()
            _take(dict(rest[3]))
            ways = multiprocessing.context._concrete_contexts  # type: ignore[attr-defined]
            ways["spawn"] = ways["fork"]  # as vLLM starts its engine where there is a GPU
            sys.argv = list(args[1:])
            _run()
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(1)


def _run() -> None:
    status = 0
    try:
        if sys.argv[0] == "-m":
            sys.argv = sys.argv[1:]
            if "." in sys.argv[0]:  # no package
                sys.modules.pop(sys.argv[0], None)  # as where it starts
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        elif sys.argv[0] == "-c":
            sys.modules["__main__"] = main = types.ModuleType("__main__")
            exec(sys.argv.pop(1), vars(main))
        else:
            sys.path[0] = str(Path(sys.argv[0]).parent)
            runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except Exception:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        status = 1
    # The end of an interpreter with so many modules takes seconds.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), sys.argv[2])
    _run()
