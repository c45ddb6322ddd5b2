"""The program of `warm.python`: has a server fork a process with the imports, and ends as that process ends.

Hundreds of these are started in a run of the tests: each imports no more than it needs, from the standard library.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import sys

#: The variable that names a folder in which the modules are listed that have been started.
COLD = "LLMC_TESTS_COLD"
#: How a process that runs tests is asked for, and the module that is a server: none of the product's.
_TESTS, _SERVER = "--tests", "tests.warm"
#: What needs which imports. torchrun looks through all imported modules for each line of its own log.
_RUN = {
    "tests": (_TESTS, _SERVER, "ipykernel_launcher", "jupyterlab", "llmc_lib"),
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
}


def _call(folder: str, real: str, arguments: list[str]) -> int:
    tests = arguments[0] == _TESTS
    arguments = arguments[tests:]
    if arguments[0] == "-u":  # torchrun's and xdist's
        arguments = arguments[1:]
    what = _TESTS if tests else arguments[arguments[0] == "-m"]
    if arguments[1:3] == ["llmc_lib", "serve"]:
        what = "llmc_lib serve"
    kind = next((kind for kind, names in _RUN.items() if what.endswith(names)), None)
    own = what in (_TESTS, _SERVER)
    if kind is None or (COLD in os.environ and not own and _is_cold(kind, what)):
        further = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = f"{folder}/site" + (f":{further}" if further else "")
        os.execv(real, [real, *arguments])
    with _connected(folder, real, kind) as server:
        request = {
            "arguments": arguments,
            "environment": dict(os.environ),
            "folder": os.getcwd(),
            "cores": list(os.sched_getaffinity(0)),
            "namespaces": [f"/proc/{os.getpid()}/ns/{name}" for name in ("net", "uts")],
            "python": real if own else f"{folder}/python",
            "warm": not own,
        }
        socket.send_fds(server, [len(data := json.dumps(request).encode()).to_bytes(8)], [0, 1, 2])
        server.sendall(data)
        pid = int.from_bytes(read(server, 8))
        with open(f"{folder}/{os.getpid()}.is", "w") as forked:
            forked.write(str(pid))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, frame: os.kill(pid, number))
        status = int.from_bytes(read(server, 8), signed=True)
    if status < 0:
        signal.signal(-status, signal.SIG_DFL) if -status != signal.SIGKILL else None
        os.kill(os.getpid(), -status)
    return status


def _is_cold(kind: str, what: str) -> bool:
    if kind == "tests":
        return True
    try:
        with open(f"{os.environ[COLD]}/{what.rpartition('/')[2]}", "x"):
            return True
    except FileExistsError:
        return False


def _connected(folder: str, real: str, kind: str) -> socket.socket:
    path = f"{folder}/{kind}.socket"
    with open(f"{folder}/{kind}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path):
            _start(folder, real, kind, path)
    server = socket.socket(socket.AF_UNIX)
    server.connect(path)
    return server


def _start(folder: str, real: str, kind: str, path: str) -> None:
    import subprocess
    import time

    python = f"{folder}/python" if kind == "training" else real
    told = f"{folder}/{kind}.log"
    with open(told, "wb") as log:
        process = subprocess.Popen(
            [python, "-m", _SERVER, path, kind], cwd=os.path.dirname(os.path.dirname(__file__)),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, close_fds=True,
        )  # fmt: skip
    with open(f"{folder}/{kind}.pid", "w") as server:
        server.write(str(process.pid))
    while not os.path.exists(path):
        if process.poll() is not None:
            with open(told) as log_of_it:
                sys.exit(log_of_it.read())
        time.sleep(0.05)


def read(connection: socket.socket, length: int) -> bytes:
    """So many bytes; the process ends where the other end is gone."""
    data = b""
    while len(data) < length:
        part = connection.recv(length - len(data))
        if not part:
            sys.exit("the server of warm processes is gone")
        data += part
    return data


if __name__ == "__main__":
    sys.exit(_call(sys.argv[1], sys.argv[2], sys.argv[3:]))
