"""Servers that a job has started for a run, in place of those that its params file names (`make slurm WHAT=evaluation`)."""

from __future__ import annotations

import os

from llmc_lib.params import EngineParams

#: Addresses, separated by white space, of servers of the models and of servers of the judge; set by the scripts.
SERVERS, JUDGES = "LLMC_SERVERS", "LLMC_JUDGE_SERVERS"
#: Loading hundreds of gigabytes of weights from a shared file system takes its time.
_WAIT_MINUTES = 90.0


def at_hand(engine: EngineParams, variable: str) -> EngineParams:
    """The engine with the job's servers; as it is where there are none."""
    addresses = os.environ.get(variable, "").split()
    if not addresses or engine.kind != "openai":
        return engine
    # Checked as those of a params file are.
    return EngineParams.model_validate({**engine.model_dump(), "endpoints": addresses})


def patience() -> float:
    """Minutes to wait for the first server: those of a job are started at the same time as their client."""
    return _WAIT_MINUTES if any(os.environ.get(name) for name in (SERVERS, JUDGES)) else 0.0
