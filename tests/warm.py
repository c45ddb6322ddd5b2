"""A Python that has imported torch, TRL, DeepSpeed or vLLM already, for the workers that tests start, or what a report needs.

Importing them takes most of the time of a training of six steps. `python()` makes a program that is called as Python is:
some modules and scripts run in a process forked from one that has the imports; anything else runs in the real Python, where
`sys.executable` is this program again, also in a kernel that is started there. Where COLD is set, commands, kernels and the
first process of every module run in the real Python, too. A forked process ends when its caller is
killed, and has its caller's arguments, environment, folder, cores, network and open files. What was read at an import alone
(OMP_NUM_THREADS, GLIBC_TUNABLES) is that of the first caller. Standard library only.
"""

from __future__ import annotations

import ctypes
import fcntl
import gc
import importlib
import json
import multiprocessing.context
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

#: The variable that names a folder in which the modules are listed that have been started.
COLD = "LLMC_TESTS_COLD"
_IMPORTS = {
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
        "transformers.models.llama.modeling_llama",
        "peft",
    ],
    # The commands and the kernels of their notebooks.
    "report": [
        "papermill",
        "ipykernel.kernelapp",
        "ipykernel.ipkernel",
        "ipykernel.debugger",
        "llmc_lib.command_line",
        "llmc_lib.preflight",
        "llmc_lib.plan",
        "llmc_lib.pipeline",
        "llmc_lib.dataset.builder",
        "llmc_lib.dataset.sources.hard_math",
        "reasoning_gym",
        "statsmodels.regression.linear_model",
        "statsmodels.stats.proportion",
        "transformers.models.auto.tokenization_auto",
        "llmc_lib.training.check",
        "llmc_lib.exploring",
        "llmc_lib.reporting.candidates_table",
        "llmc_lib.reporting.dataset_sample",
        "llmc_lib.reporting.sections",
        "llmc_lib.reporting.render",
    ],
}
#: What needs them. torchrun looks through all imported modules for each line of its own log.
_RUN = {
    "torchrun": ("torch.distributed.run",),
    "openai": ("llmc_lib.engines.openai",),
    "vllm": ("llmc_lib.engines.vllm", "llmc_lib.serving.vllm", "llmc_lib serve"),
    "training": (
        "llmc_lib.training.worker",
        "llmc_lib.training.rank",
        "llmc_lib.training.network_rank",
        "llmc_lib.training.arguments",
        "llmc_lib.plan.shape",
        "llmc_lib.models.resolve",
        "llmc_lib.models.adapter",
        "llmc_lib.models.quantized",
        "deepspeed.launcher.runner",
        "deepspeed.launcher.launch",
        ".py",
    ),
    "report": ("ipykernel_launcher", "llmc_lib"),
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
    made = folder / f"python.{os.getpid()}"  # others may make it at the same time
    made.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" -I -S "{__file__}" "{folder}" "{sys.executable}" "$@"\n'
    )
    made.chmod(0o755)
    (folder / "site").mkdir(exist_ok=True)
    (folder / "site" / "sitecustomize.py").write_text(
        f"import sys\nsys.executable = {str(program)!r}\n"
    )
    return made.rename(program)


def stop(folder: Path) -> None:
    """End the servers of a program."""
    for pid in folder.glob("*.pid"):
        with suppress(ProcessLookupError):
            os.killpg(int(pid.read_text()), signal.SIGKILL)
        pid.with_suffix(".socket").unlink(missing_ok=True)
        pid.unlink()


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


# ---- whoever calls ---------------------------------------------------------------------------


def _call(folder: Path, real: str, arguments: list[str]) -> int:
    if arguments[0] == "-u":  # torchrun's
        arguments = arguments[1:]
    what = arguments[1] if arguments[0] == "-m" else arguments[0]
    if arguments[1:3] == ["llmc_lib", "serve"]:
        what = "llmc_lib serve"
    kind = next((kind for kind, names in _RUN.items() if what.endswith(names)), None)
    if kind is None or (COLD in os.environ and _is_cold(kind, what)):
        os.environ["PYTHONPATH"] = os.pathsep.join(
            [str(folder / "site"), *filter(None, [os.environ.get("PYTHONPATH")])]
        )
        os.execv(real, [real, *arguments])
    with _connected(folder, real, kind) as server:
        request = {
            "arguments": arguments,
            "environment": dict(os.environ),
            "folder": os.getcwd(),
            "cores": list(os.sched_getaffinity(0)),
            "namespaces": [f"/proc/{os.getpid()}/ns/{name}" for name in ("net", "uts")],
            "python": str(folder / "python"),
        }
        socket.send_fds(server, [len(data := json.dumps(request).encode()).to_bytes(8)], [0, 1, 2])
        server.sendall(data)
        pid = int.from_bytes(_read(server, 8))
        (folder / f"{os.getpid()}.is").write_text(str(pid))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, frame: os.kill(pid, number))
        status = int.from_bytes(_read(server, 8), signed=True)
    if status < 0:
        signal.signal(-status, signal.SIG_DFL) if -status != signal.SIGKILL else None
        os.kill(os.getpid(), -status)
    return status


def _is_cold(kind: str, what: str) -> bool:
    if kind == "report":
        return True
    try:
        (Path(os.environ[COLD]) / what.rpartition("/")[2]).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _connected(folder: Path, real: str, kind: str) -> socket.socket:
    path = folder / f"{kind}.socket"
    with open(folder / f"{kind}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            with open(folder / f"{kind}.log", "wb") as log:
                process = subprocess.Popen(
                    [real, __file__, "serve", str(path), kind],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, close_fds=True,
                )  # fmt: skip
            (folder / f"{kind}.pid").write_text(str(process.pid))
            while not path.exists():
                if process.poll() is not None:
                    sys.exit((folder / f"{kind}.log").read_text())
                time.sleep(0.05)
    server = socket.socket(socket.AF_UNIX)
    server.connect(str(path))
    return server


def _read(connection: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        part = connection.recv(length - len(data))
        if not part:
            sys.exit("the server of warm processes is gone")
        data += part
    return data


# ---- the server ------------------------------------------------------------------------------


def _serve(path: Path, kind: str) -> None:
    """Import, then fork a process for each caller, for ever; returns in such a process alone."""
    os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    os.environ |= {"VLLM_NO_USAGE_STATS": "1", "VLLM_LOGGING_LEVEL": "WARNING"}
    for name in _IMPORTS[kind]:
        with suppress(
            ModuleNotFoundError
        ):  # where reports alone are made, what data sets need is absent
            importlib.import_module(name)
    if kind == "report":
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
            request = json.loads(_read(connection, int.from_bytes(length)))
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
    request["environment"]["PYTHON_EXEC"] = str(request["python"])  # what torchrun starts
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
    subprocess.Popen = _Forking  # type: ignore[misc]
    _take(request["environment"])


def _take(environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    threads, torch = os.environ.get("OMP_NUM_THREADS"), sys.modules.get("torch")
    if threads and torch:
        torch.set_num_threads(int(threads))


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
    if sys.argv[1] == "serve":
        sys.path[0] = str(Path(__file__).resolve().parents[1])
        _serve(Path(sys.argv[2]), sys.argv[3])
        _run()
    else:
        sys.exit(_call(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
