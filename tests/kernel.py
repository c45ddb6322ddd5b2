"""A notebook's kernel as JupyterLab has it, and what its cells show."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from llmc_lib.processes.notebooks import KERNEL


class Cell:
    """What a cell that was run shows in the end: `outputs` by their display ids, `error` if there is one."""

    def __init__(self) -> None:
        self.outputs: list[dict[str, Any]] = []
        self.printed = ""
        self.error: dict[str, Any] | None = None
        self.updates: list[str] = []
        self.died = False

    def hear(self, kind: str, content: dict[str, Any]) -> None:
        """Take a message of the kernel, as a front end does."""
        if kind == "stream":
            self.printed += content["text"]
        elif kind == "error":
            self.error = content
        elif kind in ("display_data", "execute_result"):
            self.outputs.append(content)
        elif kind == "update_display_data":
            place = content["transient"]["display_id"]
            [shown] = [o for o in self.outputs if o["transient"].get("display_id") == place]
            shown["data"] = content["data"]
            self.updates.append(content["data"]["text/plain"])

    @property
    def texts(self) -> list[str]:
        """The plain text of each output."""
        return [output["data"]["text/plain"] for output in self.outputs]


class Kernel:
    """A running kernel of the project's kind."""

    def __init__(self, cwd: Path) -> None:
        from jupyter_client.manager import KernelManager

        self.manager = KernelManager(kernel_name=KERNEL)
        self.manager.start_kernel(cwd=str(cwd))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)

    @property
    def pid(self) -> int:
        """Of the kernel's process."""
        return int(getattr(self.manager.provisioner, "pid"))  # noqa: B009 - that of a local process

    @property
    def children(self) -> list[psutil.Process]:
        """All processes that the kernel has started, and those that they have."""
        found: list[psutil.Process] = psutil.Process(self.pid).children(True)
        return found

    def run(
        self, code: str, meanwhile: Callable[[Cell], None] | None = None, seconds: float = 400
    ) -> Cell:
        """Run a cell to its end; `meanwhile` is called now and then."""
        message = self.client.execute(code)
        cell, end = Cell(), time.monotonic() + seconds
        while time.monotonic() < end:
            if meanwhile:
                meanwhile(cell)
            try:
                heard = self.client.get_iopub_msg(timeout=0.1)
            except queue.Empty:
                if not self.manager.is_alive():
                    cell.died = True
                    return cell
                continue
            kind, content = heard["msg_type"], heard["content"]
            assert not kind.startswith("comm"), (
                "a widget, which a notebook that is opened again lacks"
            )
            cell.hear(kind, content)
            ours = heard["parent_header"].get("msg_id") == message
            if ours and kind == "status" and content["execution_state"] == "idle":
                return cell
        raise TimeoutError(code)


@contextmanager
def kernel(cwd: Path) -> Iterator[Kernel]:
    """A kernel, and its end."""
    started = Kernel(cwd)
    try:
        yield started
    finally:
        started.client.stop_channels()
        started.manager.shutdown_kernel(now=True)
