"""What a grading function may run into: for real, in a process of its own."""

from __future__ import annotations

import ctypes
import os
import re
import time
from collections import deque
from itertools import repeat

from llmc_lib.evaluation.grading import grade
from llmc_lib.records import Grade, Prediction, Question


def outcome(item: str) -> str:
    """Does what `item` says, and returns it in capitals."""
    if item == "loop in C":  # hears no signal
        deque(repeat(0), maxlen=0)
    elif item == "sleep":
        time.sleep(1000)
    elif item == "regex":
        re.match(r"(a|aa)+$", "a" * 60 + "b")
    elif item == "exit":
        os._exit(3)
    elif item == "segmentation fault":
        ctypes.string_at(0)
    elif item == "memory":
        try:
            return str(len(b"x" * (64 << 30)))
        except MemoryError:
            return "NO MEMORY"
    elif item == "error":
        raise ValueError("of the function itself")
    elif item == "process":
        return str(os.getpid())
    return item.upper()


def grade_pair(pair: tuple[Question, Prediction]) -> Grade:
    """Grades, unless the response is "\\" and something that `outcome` knows."""
    if pair[1].response in ("\\loop in C", "\\exit"):
        outcome(pair[1].response[1:])
    return grade(*pair)
