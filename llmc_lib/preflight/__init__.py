"""What can be known to be wrong with a run before anything starts: all that its params file names.

The schema (`llmc_lib.params`) has checked the file by itself; here it is held against the world: files,
folders, models, questions, machines. One check is a function that yields `Problem`s.
"""

from __future__ import annotations

from llmc_lib.errors import UserError, printable
from llmc_lib.formatting import counted
from llmc_lib.params.reader import where
from llmc_lib.preflight import data, machine, models, training
from llmc_lib.preflight.problem import Problem
from llmc_lib.store import Run

__all__ = ["Problem", "check"]

#: As many errors are told at a time.
_MOST = 20


def check(run: Run, *, data_alone: bool = False) -> list[str]:
    """Check a run, or (`data_alone`) its data set; returns warnings, such as a server that does not answer yet.

    Raises `UserError` with a line for each error: file, line, key, what is wrong, remedy.
    """
    problems: list[Problem] = [*machine.problems(run), *data.problems(run)]
    if not run.params.evaluation.imports:
        problems += models.problems(run, data_alone=data_alone)
        if not data_alone:
            problems += training.problems(run)
    if problems:
        lines = [
            f"{where(run.shown, *problem.keys)}: {printable(problem.message)}"
            for problem in list(dict.fromkeys(problems))[:_MOST]  # a model may be used twice
        ]
        if (more := len(set(problems)) - _MOST) > 0:
            lines.append(f"{run.shown}: and {counted(more, 'further error')}")
        raise UserError("\n".join(lines))
    return [*data.warnings(run), *machine.warnings(run), *training.warnings(run)]
