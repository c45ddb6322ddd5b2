"""Map a function over a stream in several processes, results in order, memory bounded."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from llmc_lib.errors import UserError
from llmc_lib.processes.limited import check_main, main_script
from llmc_lib.processes.workers import die_with_parent

In = TypeVar("In")
Out = TypeVar("Out")

# Items under way at once, for each process: enough to keep it busy, few enough to fit into memory.
_AHEAD = 3

_shared: Any = None


def batched(items: Iterable[In], size: int) -> Iterator[list[In]]:
    """Lists of `size` items, the last one shorter."""
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, size)):
        yield batch


class Workers:
    """Processes that share a value, started when there is work for more than one.

    They are spawned, not forked: the libraries in use keep threads, which a fork would not carry over.
    """

    def __init__(self, shared: Any, processes: int) -> None:
        self._shared = shared
        self._processes = processes
        self._pool: ProcessPoolExecutor | None = None

    def map(self, function: Callable[[In, Any], Out], items: Iterable[In]) -> Iterator[Out]:
        """`function(item, shared)` for each item, in order; a single item is worked on here, unless there are processes already,
        which have loaded what it needs.

        Raises what `function` raises, `UserError` when a process is killed, and `RuntimeError` when they end
        before they have begun.
        """
        iterator = iter(items)
        first = list(itertools.islice(iterator, 2))
        if self._processes == 1 or (self._pool is None and len(first) < 2):
            for item in itertools.chain(first, iterator):
                yield function(item, self._shared)
            return
        check_main()
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(
                self._processes, context, initializer=_receive, initargs=(self._shared,)
            )
        under_way: deque[Future[Out]] = deque()
        begun = False
        try:
            for item in itertools.chain(first, iterator):
                under_way.append(self._pool.submit(_call, function, item))
                if len(under_way) >= _AHEAD * self._processes:
                    outcome, begun = under_way.popleft().result(), True
                    yield outcome
            while under_way:
                outcome, begun = under_way.popleft().result(), True
                yield outcome
        except BrokenProcessPool:
            if not begun and (script := main_script()):
                raise RuntimeError(
                    f"processes that should call {function.__name__} ended before they had begun{script}"
                ) from None
            raise UserError(
                "dataset.processes: a process was killed, often because the machine ran out of memory; "
                f"give fewer than {self._processes}"
            ) from None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)


def _receive(shared: Any) -> None:
    global _shared
    # The pool's own processes hold the ends of its pipe open: without a parent they would wait at it for ever.
    die_with_parent()
    parent = multiprocessing.parent_process()
    if parent is None or os.getppid() != parent.pid:
        os._exit(1)
    # For a tokenizer transformers takes torch along, 4 s and 200 MB in each process, unless there is none.
    sys.modules.setdefault("torch", None)  # type: ignore[arg-type]  # as importlib documents it
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")  # that there is none
    _shared = shared


def _call(function: Callable[[In, Any], Out], item: In) -> Out:
    return function(item, _shared)
