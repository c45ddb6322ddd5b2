"""The other side of `apart.Apart`: python -m llmc_lib.rewards.child SECONDS GIB [module.function]

A line of JSON on standard input is [task, arguments]; the line that answers it is [true, result] or [false, error].
"""

from __future__ import annotations

import importlib
import json
import math
import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO

from llmc_lib.answers import compare, hedges, judge
from llmc_lib.reasoning.claims import check_here

# A reference that this cannot be compared with can be compared with nothing.
_PLAIN = "1"


def judged(response: str, question: str, reference: str, multiple_choice: bool) -> dict[str, Any]:
    """A response against its reference: `right` (None where it is the reference that cannot be decided), `answer`,
    `rule`."""
    found = judge(response, question, reference, multiple_choice=multiple_choice)
    right: bool | None = found.status == "correct"
    rule = found.rule
    if right and hedges(response, question):
        right, rule = False, "two answers"
    if found.rule == "not comparable" and compare(_PLAIN, reference) is None:
        right = None
    return {"right": right, "answer": found.answer, "rule": rule}


def claimed(text: str) -> dict[str, Any]:
    """How many claims of arithmetic a text states that could be decided, and how many of them are false."""
    check = check_here(text)
    return {"checked": check.checked, "false": len(check.failed)}


def own(function: Callable[..., Any], given: dict[str, Any]) -> float | None:
    """What the user's function makes of one completion. Raises `ValueError` for anything but one number or None."""
    (value,) = function(**given)
    if value is None:
        return None
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is not a reward")
    return number


def function(path: str) -> Callable[..., Any]:
    """The function of a dotted path. Raises `ValueError` where it cannot be imported or is none."""
    module, _, name = path.rpartition(".")
    sys.path.insert(0, os.getcwd())
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:  # whatever a module does when it is imported
        said = f"{type(error).__name__}: {error}"[:500]
        raise ValueError(f"{path}: cannot be imported: {said}") from None
    if not callable(found):
        raise ValueError(f"{path}: is not a function")
    called: Callable[..., Any] = found
    return called


TASKS: dict[str, Callable[..., Any]] = {"judged": judged, "claimed": claimed}


def main(seconds: float, gib: int, path: str) -> None:
    """Answer one line after another until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the training's business
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a user's function prints is no answer
    try:
        if path:
            TASKS["own"] = lambda given: own(called, given)
            called = function(path)
        else:
            importlib.import_module("sympy")  # now, and not in the time of a completion
    except ValueError as error:
        _say(answers, False, str(error))
        return
    if gib:
        resource.setrlimit(resource.RLIMIT_AS, (gib << 30, gib << 30))
    _say(answers, True, "ready")
    for line in sys.stdin.buffer:
        # Should the training be killed meanwhile, the kernel ends what hangs.
        used = resource.getrusage(resource.RUSAGE_SELF)
        limit = int(used.ru_utime + used.ru_stime + seconds) + 2
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
        try:
            task, given = json.loads(line)
            outcome = True, TASKS[task](**given)
        except Exception as error:  # whatever it was, it costs this completion its reward
            outcome = False, f"{type(error).__name__}: {error}"[:500]
        _say(answers, *outcome)


def _say(answers: BinaryIO, good: bool, value: Any) -> None:
    with suppress(BrokenPipeError):
        answers.write(json.dumps([good, value]).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "")
