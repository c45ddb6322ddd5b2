"""The machine and its neighbours: folders that can be written to, hosts, servers."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from llmc_lib.errors import UserError
from llmc_lib.models.hardware import gpus
from llmc_lib.params import EngineParams, Recipe
from llmc_lib.preflight.problem import Problem
from llmc_lib.store import ROOT, Run

#: Seconds that a server has to take a connection.
_PATIENCE = 2.0
_DEFAULT_KEY = EngineParams().api_key
#: What lies in the checkout and is no run.
_PROJECT = (
    ".git",
    ".venv",
    "docs",
    "llmc_lib",
    "notebooks",
    "params",
    "performance",
    "requirements",
    "tests",
)


def problems(run: Run) -> Iterator[Problem]:
    """Folders that cannot be written to, and a hostfile that does not fit."""
    for key, folder in (("runs_dir", run.folder), ("reports_dir", run.report)):
        if problem := own_folder_problem(folder) or folder_problem(folder):
            yield Problem((key,), problem)
    if problem := nested_problem(run.folder, run.report):
        yield Problem(("reports_dir",), problem)
    yield from _engine_problems(run)
    cluster = run.params.training.cluster
    if cluster.launcher == "hostfile" and not run.params.evaluation.imports:
        from llmc_lib.training.cluster import read_hostfile

        try:
            read_hostfile(run.params.training)
        except UserError as error:
            text = str(error).removeprefix("training.cluster.hostfile: ")
            yield Problem(("training", "cluster", "hostfile"), text)


def own_folder_problem(folder: Path) -> str:
    """Is a run's folder one that the checkout has already? A training removes what is not its own."""
    there = _real(folder)
    if ROOT.is_relative_to(there):
        return f"{folder} holds this checkout; give another folder, or another name as run"
    inside = there.relative_to(ROOT).parts if there.is_relative_to(ROOT) else ("",)
    pages = inside[0] == "docs" and len(inside) > 1  # where some sites are served from
    if inside[:2] == ("reports", "example"):
        return f"{folder} is the example of this project; give another name as run"
    if inside[0] in _PROJECT and not pages:
        return f"{folder} is a folder of this project; give another one, or another name as run"
    return ""


def nested_problem(run: Path, report: Path) -> str:
    """Does a run's folder lie in its report's, or the other way round?"""
    run, report = _real(run), _real(report)
    if run != report and (run.is_relative_to(report) or report.is_relative_to(run)):
        return f"the report's folder {report} and the run's {run} are inside one another; give separate folders"
    return ""


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))  # Path.resolve fails on a link to itself


def _engine_problems(run: Run) -> Iterator[Problem]:
    """What an offline engine cannot do, which it would say after the training."""
    evaluation = run.params.evaluation
    if evaluation.imports:
        return
    sections = [("engine", evaluation.engine)]
    if evaluation.judge:
        sections.append(("judge", evaluation.judge.engine))
    places: list[tuple[tuple[str | int, ...], EngineParams]] = [
        (("evaluation", name, *(("engine",) if name == "judge" else ())), engine)
        for name, engine in sections
    ]
    for number, repeat in enumerate(evaluation.repeat):
        place = ("evaluation", "repeat", number, "engine")
        places.append((place, repeat.engine_of(evaluation.engine)))
    for keys, engine in places:
        if engine.kind == "vllm" and engine.nodes > 1:
            yield Problem(
                (*keys, "nodes"),
                "the offline engine has one machine; start servers with `make serve` and give kind: openai with their "
                "addresses as endpoints",
            )
    trainings = run.params.recipes
    if any(r.training.liger == "on" for r in trainings) and not find_spec("liger_kernel"):
        text = "on: the package liger-kernel is not installed here; set auto"
        yield Problem(("training", "liger"), text)
    yield from _attention_problems(trainings)
    for recipe in trainings:
        zero = recipe.training.deepspeed_config.get("zero_optimization") or {}
        for part in ("offload_param", "offload_optimizer"):
            path = (zero.get(part) or {}).get("nvme_path")
            if path and (problem := folder_problem(Path(path))):
                keys = ("training", "deepspeed_config", "zero_optimization", part, "nvme_path")
                yield Problem(keys, problem)


def _attention_problems(trainings: Iterable[Recipe]) -> Iterator[Problem]:
    packages = {"flash_attention_2": "flash_attn", "flash_attention_3": "flash_attn_3"}
    for recipe in trainings:
        package = packages.get(recipe.training.attention)
        if package and not find_spec(package):
            text = f"{recipe.training.attention}: the package {package} is not installed here; set auto"
            yield Problem(("training", "attention"), text)
            return


def folder_problem(folder: Path) -> str:
    """Why a folder cannot be made and written to; "" where it can. Nothing is left behind."""
    there = folder
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    if not there.is_dir():
        return f"{there} is not a folder; give another one"
    try:
        os.rmdir(tempfile.mkdtemp(dir=there, prefix=".llmc-check-"))
    except OSError as error:
        return f"{there} cannot be written to ({error.strerror}); give a folder that can"
    return ""


def warnings(run: Run) -> list[str]:
    """What is well where the run has another machine than the check, or later: GPUs that are not here, servers
    that do not answer yet; and which of this machine's secrets the run sends away."""
    evaluation = run.params.evaluation
    if evaluation.imports:
        return []
    engines = {"evaluation.engine": evaluation.engine}
    if evaluation.judge:
        engines["evaluation.judge.engine"] = evaluation.judge.engine
    for number, repeat in enumerate(evaluation.repeat):
        engines[f"evaluation.repeat.{number}.engine"] = repeat.engine_of(evaluation.engine)
    told = [line for pair in engines.items() for line in _engine_warnings(*pair)]
    return [*told, *_deadline_warnings(run), *_silent_servers(list(engines.values()))]


def _deadline_warnings(run: Run) -> Iterator[str]:
    """A deadline of a race that has not begun, and that is over."""
    from llmc_lib.evaluation.race import ledger_of  # loads numpy

    stop = run.params.evaluation.stop
    if stop is None or stop.deadline is None or ledger_of(run).exists():
        return
    if stop.deadline.astimezone(UTC) < datetime.now(UTC):
        yield (
            f"warning: evaluation.stop.deadline: {stop.deadline.isoformat(' ', 'minutes')} has passed, so only the first round "
            "would be held; give a later one"
        )


def _engine_warnings(section: str, engine: EngineParams) -> Iterator[str]:
    wanted, here = engine.tensor_parallel * engine.pipeline_parallel, gpus()
    if engine.kind == "vllm":
        if here is not None and wanted > max(here, 1):
            yield (
                f"warning: {section}: tensor_parallel × pipeline_parallel is {wanted:,}, and this machine has {here} "
                "GPUs; run the evaluation where there are as many, or lower them"
            )
    # A params file of another person can name any variable, and any server.
    elif engine.api_key != _DEFAULT_KEY and os.environ.get(engine.api_key):
        hosts = list(dict.fromkeys(urlsplit(address).netloc for address in engine.endpoints))
        more = f" and {len(hosts) - 3} more" if len(hosts) > 3 else ""
        yield (
            f"warning: {section}.api_key: the content of the environment variable {engine.api_key} is sent to "
            f"{', '.join(hosts[:3])}{more}; continue only if it is a key of these servers"
        )


def _silent_servers(engines: list[EngineParams]) -> list[str]:
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
