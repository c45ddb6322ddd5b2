"""Progress bars that show up where the person is: in JupyterLab or in the terminal of `make report`.

A notebook that runs headless has no screen of its own. Its runner names a file for the bars (its own
standard error) in the environment variable `LLMC_PROGRESS`, and they are drawn there.
"""

from __future__ import annotations

import fcntl
import os
import stat
import sys
from contextlib import suppress
from functools import cache
from typing import Any, TextIO

from tqdm import tqdm as plain_tqdm
from tqdm.auto import tqdm as auto_tqdm

from llmc_lib.errors import printable

VARIABLE = "LLMC_PROGRESS"
# Before this share is done the time left is a guess from the slowest part: engines warm up on the first answers.
_EARLY = 0.05


def progress_bar(**settings: Any) -> Any:
    """A tqdm bar; `settings` are tqdm's own (total, desc, unit, iterable, …)."""
    screen = _screen()
    if screen is None:
        return _Notebook(**settings)
    # Into a log file, a line now and then instead of a redrawn one.
    return _Terminal(
        file=screen,
        dynamic_ncols=screen.isatty(),
        mininterval=0.2 if screen.isatty() else 15,
        **settings,
    )


def _meter(n: float, total: float | None, elapsed: float, **more: Any) -> str:
    """tqdm's text of a bar, without a rate and a time left where little is done: the first of 600 answers took 27 s, as
    long as the next 200, and promised four hours."""
    if total and n < _EARLY * total:
        bar = more.get("bar_format") or "{l_bar}{bar}{r_bar}"
        more["bar_format"] = bar.replace("{r_bar}", "| {n_fmt}/{total_fmt} [{elapsed}{postfix}]")
    elif total is None and not n:
        more["bar_format"] = "{desc}: starting [{elapsed}]"
    return str(plain_tqdm.format_meter(n, total, elapsed, **more))  # type: ignore[arg-type]


class _Terminal(plain_tqdm):  # type: ignore[type-arg]
    format_meter = staticmethod(_meter)  # type: ignore[assignment]


class _Notebook(auto_tqdm):  # type: ignore[type-arg]
    format_meter = staticmethod(_meter)  # type: ignore[assignment]


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
