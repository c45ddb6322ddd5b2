"""Progress bars that show up where the person is: in JupyterLab or in the terminal of `make report`.

A notebook that runs headless has no screen of its own. Its runner names a file for the bars (its own
standard error) in the environment variable `LLMC_PROGRESS`, and they are drawn there.

In JupyterLab the bars of a cell are lines of text in one output, as in a terminal. tqdm's own bars for notebooks are
widgets: without their kernel, in a notebook that is opened again, all that is left of them is an error message.
"""

from __future__ import annotations

import fcntl
import io
import os
import stat
import sys
import threading
from contextlib import suppress
from functools import cache
from typing import Any, TextIO

from tqdm import tqdm

from llmc_lib.errors import printable

VARIABLE = "LLMC_PROGRESS"
# Before this share is done the time left is a guess from the slowest part: engines warm up on the first answers.
_EARLY = 0.05
# Seconds between two looks at the clock: a bar that stands still for minutes looks like work that has died.
_TICK_SECONDS = 1.0
_COLUMNS = 100


def progress_bar(**settings: Any) -> Any:
    """A tqdm bar; `settings` are tqdm's own (total, desc, unit, iterable, …).

    `leave`: False for a lesser part of what a notebook's cell does, whose line goes when it is done. In a
    terminal all lines stay.
    """
    screen = _screen()
    if screen is None and (shell := _notebook()) is not None:
        return _Notebook(_Cell.running(shell), **settings)
    screen = screen or sys.stderr
    # Into a log file, a line now and then instead of a redrawn one.
    return _Terminal(
        file=screen,
        dynamic_ncols=screen.isatty(),
        mininterval=0.2 if screen.isatty() else 15,
        **{**settings, "leave": True},
    )


def _notebook() -> Any:
    """IPython, where this process is a notebook's kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell if getattr(shell, "kernel", None) is not None else None


class _Bar(tqdm):  # type: ignore[type-arg]
    """A bar whose clock goes on between two steps."""

    def __init__(self, *, ticks: bool, **settings: Any) -> None:
        self._ended = threading.Event()
        super().__init__(**settings)
        if ticks:
            threading.Thread(target=self._tick, daemon=True).start()

    @staticmethod
    def format_meter(  # type: ignore[override]
        n: float, total: float | None, elapsed: float, **more: Any
    ) -> str:
        """tqdm's text of a bar, without a rate and a time left where little is done: the first of 600 answers took
        27 s, as long as the next 200, and promised four hours."""
        before = more.get("initial") or 0
        if total and n - before < _EARLY * (total - before):
            bar = more.get("bar_format") or "{l_bar}{bar}{r_bar}"
            more["bar_format"] = bar.replace(
                "{r_bar}", "| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"
            )
        elif total is None and not n:
            more["bar_format"] = "{desc}: starting [{elapsed}]"
        return str(tqdm.format_meter(n, total, elapsed, **more))  # type: ignore[arg-type]

    def close(self) -> None:
        """Draw the bar for the last time."""
        self._ended.set()
        super().close()

    def _tick(self) -> None:
        while not self._ended.wait(_TICK_SECONDS):
            with self.get_lock():
                if not self._ended.is_set():
                    self.refresh(nolock=True)


class _Terminal(_Bar):
    def __init__(self, **settings: Any) -> None:
        super().__init__(ticks=settings["file"].isatty(), **settings)


class _Notebook(_Bar):
    """A bar that is a line of the output in which all bars of its cell are."""

    def __init__(self, cell: _Cell, **settings: Any) -> None:
        self._cell, self._text = cell, ""
        cell.open.append(self)
        # What tqdm writes beside what it displays, to move the cursor, is of no use here.
        nowhere = {"file": io.StringIO(), "ascii": False, "ncols": _COLUMNS, "mininterval": 0.2}
        super().__init__(ticks=True, **nowhere, **settings)

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Draw the line; an empty `msg` takes it away."""
        self._text = str(self) if msg is None else msg
        self._cell.draw()

    def close(self) -> None:
        """Draw the bar for the last time; its line stays unless `leave` is False."""
        super().close()
        if self in self._cell.open:
            self._cell.open.remove(self)
            self._cell.done += [self._text] if self.leave else []
            self._cell.draw()


class _Cell:
    """The output of a cell that has its bars: those that are done, and the one that was begun last."""

    _last: _Cell | None = None

    def __init__(self, number: int) -> None:
        self.number = number
        self.done: list[str] = []
        self.open: list[_Notebook] = []
        self._handle: Any = None
        self._drawn = ""

    @classmethod
    def running(cls, shell: Any) -> _Cell:
        """That of the cell that is being run."""
        if cls._last is None or cls._last.number != shell.execution_count:
            cls._last = cls(shell.execution_count)
        return cls._last

    def draw(self) -> None:
        """Show the lines, in the place where they were shown before."""
        from IPython.display import DisplayHandle

        text = "\n".join([*self.done, *[bar._text for bar in self.open[-1:]]])
        if text == self._drawn:
            return
        self._drawn = text
        if self._handle is None:
            self._handle = DisplayHandle()
            self._handle.display({"text/plain": text}, raw=True)
        else:
            self._handle.update({"text/plain": text}, raw=True)


def say(message: str) -> None:
    """A line for the person who watches; what a file or server has put into it cannot steer the terminal."""
    print(printable(message), file=_screen() or sys.stdout, flush=True)


def draw_here() -> None:
    """Bars and lines of this process and of all that it starts are drawn on its standard error.

    They open it by its name. Where it is a file (`make report > log 2>&1`), each would write over the
    others' lines; so standard output and error only append from now on.
    """
    os.environ.setdefault(VARIABLE, f"/proc/{os.getpid()}/fd/2")
    for number in (1, 2):
        with suppress(OSError):  # closed
            if stat.S_ISREG(os.fstat(number).st_mode):
                flags = fcntl.fcntl(number, fcntl.F_GETFL)
                fcntl.fcntl(number, fcntl.F_SETFL, flags | os.O_APPEND)


@cache
def _screen() -> TextIO | None:
    name = os.environ.get(VARIABLE)
    if not name:
        return None
    try:
        # By lines: a bar's last newline comes out even if the process ends at once.
        return open(name, "a", encoding="utf-8", buffering=1)
    except OSError:  # a socket, or the runner is gone
        return None
