"""Start servers, wait until they answer, say where they are, and leave no process behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from types import FrameType

from llmc_lib.errors import UserError
from llmc_lib.processes.progress import draw_here, progress_bar
from llmc_lib.processes.workers import explain_end, start, stop
from llmc_lib.serving import nodes
from llmc_lib.serving.servers import LOOPBACK, Server, chosen, own_key, planned
from llmc_lib.store import Run

#: Seconds that a server has to end when it is asked to.
_STOP_SECONDS = 30.0


def serve(run: Run, names: str | None = None, host: str = "127.0.0.1", port: int = 8000) -> int:
    """Serve models of a run until Ctrl-C or SIGTERM; for models that span several machines write the
    Slurm scripts that do. Returns the exit status: 1 when a server ended by itself.

    `names`: of models, separated by commas; None: the base. Raises `UserError` for a name that the run
    does not have, and for a port that is taken.
    """
    draw_here()
    served = chosen(run, names)
    spanning = [model for model in served if model.engine.nodes > 1]
    if spanning:
        print("\n\n".join(nodes.write(run, model, port) for model in spanning))
        return 0
    servers = planned(run, served, host, port)
    for server in servers:
        _check_port(server)
    with _interrupted_by_signals(), Processes() as processes:
        try:
            if not start_all(servers, processes):
                return 1
            print(_told(run, servers), flush=True)
            return _wait_for_the_end(processes)
        except KeyboardInterrupt:
            print("\nStopping the servers …", flush=True)
            return 0


class Processes:
    """The servers' processes. At the end, however it comes about, none is left."""

    def __init__(self) -> None:
        self.running: dict[Server, subprocess.Popen[bytes]] = {}

    def start(self, server: Server) -> None:
        """Start a server's process, its output in its log; `ended` says when it is gone. Raises `OSError`."""
        self.running[server] = start(server.command, server.log, server.environment)

    def ended(self) -> list[str]:
        """Why servers ended that did so since the last call; they are forgotten."""
        gone = {s: p for s, p in self.running.items() if p.poll() is not None}
        for server, process in gone.items():
            stop(process)  # what it left behind
            del self.running[server]
        return [
            explain_end([f"The server of {server.served.name}"], process.returncode, server.log)
            for server, process in gone.items()
        ]

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        # A second, impatient Ctrl-C must not leave half of them.
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
        for process in self.running.values():
            process.terminate()  # all at the same time
        for process in self.running.values():
            stop(process, _STOP_SECONDS)
        for process in self.running.values():
            _wait_until_gone(process.pid)
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _wait_until_gone(group: int, seconds: float = 10.0) -> None:
    """A killed process takes a moment to give its memory, its GPU and its port back."""
    end = time.monotonic() + seconds
    with suppress(ProcessLookupError):
        while time.monotonic() < end:
            os.killpg(group, 0)
            time.sleep(0.05)


def start_all(servers: list[Server], processes: Processes) -> bool:
    """Start the servers and wait until all answer; False when one ended, which is told."""
    for server in servers:
        processes.start(server)
    waiting = list(servers)
    with progress_bar(total=len(servers), desc="Starting", unit="server", miniters=0) as bar:
        while waiting:
            if ended := processes.ended():
                bar.close()
                print("\n".join(ended), file=sys.stderr, flush=True)
                return False
            ready = [server for server in waiting if _healthy(server)]
            waiting = [server for server in waiting if server not in ready]
            if waiting:
                bar.set_postfix_str(_last_line(waiting[0].log), refresh=False)
            bar.update(len(ready))
            time.sleep(0.5)
    return True


def _wait_for_the_end(processes: Processes) -> int:
    while processes.running:
        time.sleep(1)
        for told in processes.ended():
            print(f"\n{told}", file=sys.stderr, flush=True)
    print("No server is left.", file=sys.stderr)
    return 1


def _told(run: Run, servers: list[Server]) -> str:
    """Where the servers are, as a params file wants it."""
    lines = ["", "Ready. In the params file of the run that asks them:", ""]
    by_engine: dict[str, list[Server]] = {}
    for server in servers:
        judge = server.served.model.name == "judge"
        by_engine.setdefault("judge" if judge else "", []).append(server)
    lines.append("evaluation:")
    for section, group in sorted(by_engine.items()):
        indent = "  "
        if section:
            lines += ["  judge:", f"    served_as: {group[0].served.name}"]
            indent = "    "
        lines += [f"{indent}engine:", f"{indent}  kind: openai", f"{indent}  endpoints:"]
        lines += [
            f"{indent}    - http://{_reachable(server.host)}:{server.port}/v1   # {server.served.name}"
            for server in group
        ]
    lines.append("")
    if servers[0].host not in LOOPBACK:
        variable = servers[0].served.engine.api_key
        where = f"that {variable} has"
        if not os.environ.get(variable):
            where = f"in {own_key(run)}: export {variable}=$(cat {own_key(run)}) where you ask them"
        lines.append(f"Other machines can reach them; they ask for the key {where}.")
    lines.append(f"Their logs: {servers[0].log.parent}   Ctrl-C stops them.")
    return "\n".join(lines)


def _reachable(host: str) -> str:
    """What others call a host that a server listens on."""
    return socket.gethostname() if host in ("0.0.0.0", "::") else host  # noqa: S104


def _here(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104


def _healthy(server: Server) -> bool:
    connection = HTTPConnection(_here(server.host), server.port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _check_port(server: Server) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((server.host, server.port))
        except OSError as error:
            raise UserError(
                f"PORT: {server.host}:{server.port} cannot be taken ({error.strerror}); give another first "
                "port, such as PORT=8100, or another HOST"
            ) from None


def _last_line(log: Path) -> str:
    """The end of a log, for a progress bar."""
    try:
        with open(log, "rb") as handle:
            handle.seek(max(0, handle.seek(0, os.SEEK_END) - 4096))
            lines = handle.read().decode(errors="replace").replace("\r", "\n").split("\n")
    except OSError:
        return ""
    words = next((line for line in reversed(lines) if line.strip()), "")
    return "".join(c if c.isprintable() else " " for c in words)[-70:]


@contextmanager
def _interrupted_by_signals() -> Iterator[None]:
    """SIGTERM, and the end of the terminal, interrupt as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, interrupt) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
