"""`make slurm WHAT=evaluation`: an array of jobs, one a model, each with its servers and their client; then the report.

A job's servers are started by srun, one `make serve` a machine; the client on the first machine waits for them, asks what is
missing, and ends them. Whatever was answered is on disk at once, so a job that is killed at its time limit resumes where it
was when it is submitted again. Options as in Slurm's manual pages of sbatch(1) and srun(1); nothing is submitted from here.
"""

from __future__ import annotations

import shlex
import sys

from llmc_lib.engines.given import JUDGES, SERVERS
from llmc_lib.errors import UserError
from llmc_lib.params import EngineParams, SlurmParams
from llmc_lib.serving.servers import own_key
from llmc_lib.store import Run, write_atomic
from llmc_lib.store.manifests import from_root
from llmc_lib.training.slurm import Line, begin, explained, head, script, srun
from llmc_lib.training.slurm import write as write_training

#: What scripts are for: the name of the words after WHAT=.
WHAT = ("training", "evaluation", "all")


def write(run: Run, what: str) -> str:
    """Write the scripts of WHAT=evaluation or all into runs/<run>/; returns what to tell the person.

    Raises `UserError` for an evaluation that jobs of their own cannot hold: a race, an offline engine, a model over several
    machines.
    """
    _check(run)
    told, jobs = [], ["evaluate", "report"]
    if what == "all":
        told += [write_training(run), ""]
        jobs.insert(0, "train")
    for name, lines in (("evaluate", _evaluation(run)), ("report", _report(run))):
        path = run.folder / f"{name}.slurm"
        write_atomic(path, script(lines))
        told += [f"Written: {path}", "", *explained(lines), ""]
    submit = run.folder / "submit.sh"
    lines = _submit(run, jobs)
    write_atomic(submit, script(lines))
    told += [
        f"Written: {submit}", "", *explained(lines), "",
        f"Submit all:  bash {shlex.quote(str(submit))}",
        f"Watch them:  squeue --me; make status PARAMS={_params(run)}",
        "Cut off?     Submit them again: what was answered is kept, a model that is done starts no server.",
    ]  # fmt: skip
    return "\n".join(told)


def models_of(run: Run) -> int:
    """How many models the evaluation will have: as many as the params let the training export."""
    exported = sum(len(recipe.training.export_at) for recipe in run.params.recipes)
    return 1 + len(run.params.evaluation.models) + exported


def _check(run: Run) -> None:
    evaluation, where = run.params.evaluation, f"{run.params_file.name}: evaluation"
    if evaluation.stop is not None:
        raise UserError(
            f"{where}.stop: a race asks its models in turn, and cannot be an array of jobs; leave it out, or run make report "
            "on one machine"
        )
    judge = evaluation.judge
    engines = [("engine", evaluation.engine)]
    if judge is not None and judge.model is not None:
        engines.append(("judge.engine", judge.engine))
    for key, engine in engines:
        if engine.kind != "openai":
            raise UserError(
                f'{where}.{key}.kind: must be openai, with endpoints: ["http://any:8000/v1"]; the script puts in the '
                "addresses of the servers that it starts"
            )
        if engine.nodes > 1:
            raise UserError(
                f"{where}.{key}.nodes: a replica over several machines has a script of its own (make serve); submit that, "
                "and give its address as endpoints"
            )


def _slurm(run: Run) -> SlurmParams:
    return run.params.evaluation.slurm.job or run.params.training.cluster.slurm


def _evaluation(run: Run) -> list[Line]:
    own, engine = run.params.evaluation.slurm, run.params.evaluation.engine
    most = f"%{own.at_once}" if own.at_once else ""
    log = run.folder / "slurm-%A-%a.log"
    first: list[Line] = [
        (f"--job-name=llmc-{run.name}-evaluate", "what squeue calls it"),
        (
            f"--array=0-{models_of(run) - 1}{most}",
            "one job per model: the base, further models, checkpoints",
        ),
        (f"--nodes={own.nodes}", "machines with servers of a model (evaluation.slurm.nodes)"),
        ("--ntasks-per-node=1", "one launcher per machine, which starts its servers"),
    ]
    ask = _command(run, "evaluate")
    return [
        *head(_slurm(run), first, _gpus(engine), log),
        *begin(_slurm(run), "slurm.setup"),
        (
            f'model=$({ask} --number "$SLURM_ARRAY_TASK_ID")',
            "the name of this job's model; none where it has answered everything, or there are fewer models",
        ),
        ('[ -n "$model" ] || exit 0', "nothing to do"),
        *_servers(run, engine, own.nodes, '"$model"', SERVERS),
        (
            f'{ask} --model "$model"',
            "asks what is missing, waits until the servers are up, and grades",
        ),
    ]


def _report(run: Run) -> list[Line]:
    judge, own = run.params.evaluation.judge, run.params.evaluation.slurm
    served = judge is not None and judge.model is not None
    nodes = own.nodes if served else 1
    first: list[Line] = [
        (f"--job-name=llmc-{run.name}-report", "what squeue calls it"),
        (
            f"--nodes={nodes}",
            "machines with servers of the judge" if served else "the report needs one machine",
        ),
        ("--ntasks-per-node=1", "one launcher a machine"),
    ]
    gpus = _gpus(judge.engine if judge else EngineParams())
    lines = head(_slurm(run), first, gpus, run.folder / "slurm-%j.log")
    lines += begin(_slurm(run), "slurm.setup")
    if served and judge is not None:
        lines += _servers(run, judge.engine, nodes, "judge", JUDGES)
    return [
        *lines,
        (_command(run, "report"), "asks the judge, where there is one, and writes the page"),
    ]


def _command(run: Run, name: str) -> str:
    return f"{shlex.quote(sys.executable)} -m llmc_lib {name} {_params(run)}"


def _params(run: Run) -> str:
    return shlex.quote(str(from_root(run.params_file)))


def _gpus(engine: EngineParams) -> tuple[int, str]:
    each = engine.tensor_parallel * engine.pipeline_parallel * engine.data_parallel
    return each, "tensor_parallel × pipeline_parallel × data_parallel of the engine"


def _servers(run: Run, engine: EngineParams, nodes: int, model: str, variable: str) -> list[Line]:
    key = shlex.quote(str(own_key(run)))
    replicas = " ".join(str(number) for number in range(engine.data_parallel))
    serve = f'{_command(run, "serve")} --model {model} --host 0.0.0.0 --port "$port"'
    return [
        (
            f'export {engine.api_key}="${{{engine.api_key}:-$(cat {key})}}"',
            "the key that servers ask for and the client sends: yours, if it is set where you submit, else the run's own",
        ),
        (
            "port=$((10000 + SLURM_JOB_ID % 20000))",
            "of the first server of each machine, by the job's number",
        ),
        (
            f'{variable}=$(for host in $(scontrol show hostnames "$SLURM_JOB_NODELIST"); do for number in {replicas}; do '
            'echo "http://$host:$((port + number))/v1"; done; done)',
            "where the servers will be: in place of the endpoints of the params file",
        ),
        (f"export {variable}", "the client reads it"),
        (
            f"{srun(nodes, _slurm(run))} --overlap --label {serve} &",
            "the servers of all machines, beside the client",
        ),
        ("servers=$!", "to end them"),
        (
            'trap \'kill "$servers" 2>/dev/null || true; wait "$servers" 2>/dev/null || true\' EXIT',
            "at the end, and when the client fails, no server is left",
        ),
    ]


def _submit(run: Run, jobs: list[str]) -> list[Line]:
    lines: list[Line] = [("set -e", "stop at the first job that is refused")]
    before = ""
    for name in jobs:
        path = shlex.quote(str(run.folder / f"{name}.slurm"))
        after = f' --dependency=afterok:"${before}"' if before else ""
        why = f"after {before}, if it ends well" if before else "first"
        lines.append((f"{name}=$(sbatch --parsable{after} {path})", why))
        before = name
    told = " ".join(f"${name}" for name in jobs)
    return [*lines, (f'echo "Submitted: {told}"', "the jobs' numbers")]
