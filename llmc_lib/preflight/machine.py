"""The machine and its neighbours: folders that can be written to, hosts, servers."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from llmc_lib.errors import UserError
from llmc_lib.preflight.problem import Problem
from llmc_lib.store import Run

#: Seconds that a server has to take a connection.
_PATIENCE = 2.0


def problems(run: Run) -> Iterator[Problem]:
    """Folders that cannot be written to, and a hostfile that does not fit."""
    for key, folder in (("runs_dir", run.folder), ("reports_dir", run.report)):
        if problem := folder_problem(folder):
            yield Problem((key,), problem)
    cluster = run.params.training.cluster
    if cluster.launcher == "hostfile" and not run.params.evaluation.imports:
        from llmc_lib.training.cluster import read_hostfile

        try:
            read_hostfile(run.params.training)
        except UserError as error:
            text = str(error).removeprefix("training.cluster.hostfile: ")
            yield Problem(("training", "cluster", "hostfile"), text)


def folder_problem(folder: Path) -> str:
    """Why a folder cannot be made and written to; "" where it can. Nothing is left behind."""
    there = folder
    while not os.path.lexists(there):
        there = there.parent
    if not there.is_dir():
        return f"{there} is no folder; give another one"
    try:
        os.rmdir(tempfile.mkdtemp(dir=there, prefix=".llmc-check-"))
    except OSError as error:
        return f"{there} cannot be written to ({error.strerror}); give a folder that can"
    return ""


def warnings(run: Run) -> list[str]:
    """Servers that do not answer yet: they may be started before they are needed."""
    evaluation = run.params.evaluation
    if evaluation.imports:
        return []
    engines = [evaluation.engine, *([evaluation.judge.engine] if evaluation.judge else [])]
    addresses = [a for engine in engines if engine.kind == "openai" for a in engine.endpoints]
    addresses = list(dict.fromkeys(addresses))[:64]
    if not addresses:
        return []
    with ThreadPoolExecutor(len(addresses)) as pool:
        found = list(pool.map(_unreachable, addresses))
    return [
        f"warning: {address} does not answer ({problem}); start it before the evaluation"
        for address, problem in zip(addresses, found, strict=True)
        if problem
    ]


def _unreachable(address: str) -> str:
    try:
        parts = urlsplit(address)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        with socket.create_connection((parts.hostname or "", port), timeout=_PATIENCE):
            return ""
    except (OSError, ValueError) as error:
        return str(getattr(error, "strerror", None) or error)
