"""What an interrupt (Ctrl-C, Kernel → Interrupt) makes of long work: it ends tidily, and says what is kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(KeyboardInterrupt):
    """The person has interrupted long work; the message says what is kept and how to resume."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback."""
        return [str(self)]


@contextmanager
def interruptible(what: str) -> Iterator[None]:
    """Give an interrupt of `what` ("The training") a message in place of a traceback through our modules."""
    try:
        yield
    except Interrupted:
        raise
    except KeyboardInterrupt:
        raise Interrupted(
            f"{what} was interrupted. What is complete is kept; run the cell again to resume."
        ) from None


@contextmanager
def first_interrupt(ask: Callable[[], bool]) -> Iterator[None]:
    """While this lasts the first interrupt calls `ask`, which may have the work end by itself; the second one, and
    the first where `ask` returns False, interrupt as ever.

    Outside the main thread, where no signals arrive, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked or not ask():
            raise KeyboardInterrupt
        asked = True

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
