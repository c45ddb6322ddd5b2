"""Call a function on many items in processes of their own, with limits of time and memory for each item.

No pool of the standard library can give up one item. Pebble's can, but gives up the whole pool when a
process dies before the parent has read that its item was begun (5.2.3, `find_expired_task`), and needs
three seconds more for C code that does not hear SIGTERM.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from typing import Any, Generic, TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True)
class Gone:
    """In place of a result: the item's process is no more."""

    reason: str  # "time limit" or "crashed"


def each(
    function: Callable[[In], Out],
    items: Sequence[In],
    *,
    seconds: float,
    memory_gib: float,
    processes: int | None = None,
    modules: Sequence[str] = (),
) -> Iterator[Out | Gone]:
    """`function(item)` for each item, in order, in `processes` (None: one a core).

    An item that takes longer than `seconds`, be it in C code that hears no signal, costs its process:
    it is killed and replaced, `Gone("time limit")` is in place of the result, and the other items go on.
    A process that dies by itself gives `Gone("crashed")`. In one that has more than `memory_gib` of
    address space, allocations fail (`MemoryError`). `modules` are imported before the first item is begun,
    and not in its time; they must not start threads.

    Raises what `function` raises, and `RuntimeError` when a process ends before it has begun.
    """
    check_main()
    return _each(function, items, seconds, memory_gib, processes, modules)


def _each(
    function: Callable[[In], Out],
    items: Sequence[In],
    seconds: float,
    memory_gib: float,
    processes: int | None,
    modules: Sequence[str],
) -> Iterator[Out | Gone]:
    pool: _Pool[In, Out] = _Pool(function, items, seconds, memory_gib, modules)
    try:
        pool.start(min(processes or len(os.sched_getaffinity(0)), len(items)))
        for number in range(len(items)):
            while number not in pool.done:
                pool.step()
            yield pool.done.pop(number)
    finally:
        pool.stop()


@dataclass
class _Worker:
    process: ForkServerProcess
    connection: Connection
    ready: bool = False
    item: int | None = None  # the number of what it works on
    deadline: float = 0.0


class _Pool(Generic[In, Out]):
    """The workers, what they have to do, and what is done."""

    def __init__(
        self,
        function: Callable[[In], Out],
        items: Sequence[In],
        seconds: float,
        memory_gib: float,
        modules: Sequence[str],
    ) -> None:
        self.done: dict[int, Out | Gone] = {}
        self._waiting = deque(enumerate(items))
        self._seconds = seconds
        self._workers: list[_Worker] = []
        modules = (function.__module__, *modules)
        self._begin = function, seconds, int(memory_gib * 2**30), modules
        # Not forked from here: the libraries in use keep threads, which a fork would not carry over. The
        # server that does fork imports once for all, and replaces a process in no time.
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(list(modules))

    def start(self, count: int) -> None:
        for _ in range(count):
            ours, theirs = self._context.Pipe()
            process = self._context.Process(target=_work, args=(theirs, *self._begin), daemon=True)
            process.start()
            theirs.close()
            self._workers.append(_Worker(process, ours))

    def step(self) -> None:
        """Wait until a worker has something to say or its time is up, and handle it."""
        busy = [worker.deadline for worker in self._workers if worker.item is not None]
        left = max(0.0, min(busy) - time.monotonic()) if busy else None
        said = wait([worker.connection for worker in self._workers], left)
        for worker in [worker for worker in self._workers if worker.connection in said]:
            self._hear(worker)
        now = time.monotonic()
        for worker in list(self._workers):
            if worker.item is not None and now >= worker.deadline:
                self._replace(worker, "time limit")

    def stop(self) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.connection.close()

    def _hear(self, worker: _Worker) -> None:
        try:
            good, outcome = worker.connection.recv()
        except (EOFError, OSError):
            if not worker.ready:
                raise RuntimeError(
                    f"a process that should call {self._begin[0].__name__} ended before it had begun"
                    + main_script()
                ) from None
            self._replace(worker, "crashed")
            return
        if not good:
            raise outcome
        if worker.item is not None:
            self.done[worker.item] = outcome
        worker.ready, worker.item = True, None
        if self._waiting:
            worker.item, item = self._waiting.popleft()
            worker.deadline = time.monotonic() + self._seconds
            try:
                worker.connection.send(item)
            except OSError:  # it has died idle, or while it read
                self._replace(worker, "crashed")

    def _replace(self, worker: _Worker, reason: str) -> None:
        if worker.item is not None:
            self.done[worker.item] = Gone(reason)
        worker.process.kill()
        worker.process.join()
        worker.connection.close()
        self._workers.remove(worker)
        if self._waiting:
            self.start(1)


def check_main() -> None:
    """End a process that runs its parent's script again, as Python does to find what the script defines:
    what starts processes there lacks a guard. The parent tells it."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SystemExit(1)


def main_script() -> str:
    """What a script that is run must have, where one is; of `python -m` modules have it."""
    main = sys.modules.get("__main__")
    path = getattr(main, "__file__", None)
    if path is None or getattr(main, "__spec__", None) is not None:
        return ""
    return (
        f": {path} must start its work under `if __name__ == '__main__':`, as processes import it"
    )


def _work(
    connection: Connection,
    function: Callable[[Any], Any],
    seconds: float,
    memory: int,
    modules: Sequence[str],
) -> None:
    """The other side: says that it is ready, then answers each item with (True, result) or (False, error)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's business
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    for module in modules:  # nothing to do, unless the server could not find one
        importlib.import_module(module)
    with suppress(EOFError, BrokenPipeError):  # the parent has gone
        connection.send((True, None))
        while True:
            item = connection.recv()
            # Should the parent be killed meanwhile, the kernel ends what hangs.
            used = resource.getrusage(resource.RUSAGE_SELF)
            limit = int(used.ru_utime + used.ru_stime + seconds) + 2
            resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
            try:
                outcome = True, function(item)
            except Exception as error:
                outcome = False, error
            connection.send(outcome)
