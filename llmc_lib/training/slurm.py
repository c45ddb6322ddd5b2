"""`make slurm`: the batch script that trains a run on several machines, each of its lines explained.

Options as in Slurm's manual pages of sbatch(1) and srun(1); nothing is submitted from here.
"""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

from llmc_lib.params import SlurmParams, TrainingParams
from llmc_lib.store import ROOT, Run, write_atomic
from llmc_lib.store.manifests import from_root
from llmc_lib.training.cluster import ENDPOINT

#: A line of the script, and what it does.
Line = tuple[str, str]


def write(run: Run) -> str:
    """Write runs/<run>/train.slurm; returns what to tell the person."""
    path = run.folder / "train.slurm"
    cluster = _largest(run).cluster
    first = [
        (f"--job-name=llmc-{run.name}", "what squeue calls it"),
        (f"--nodes={cluster.nodes}", "how many machines (training.cluster.nodes)"),
        ("--ntasks-per-node=1", "one launcher per machine, which starts one process per GPU"),
    ]
    gpus = (_largest(run).nproc_per_node, "training.nproc_per_node")
    lines = [*head(cluster.slurm, first, gpus, run.folder / "slurm-%j.log"), *_body(run)]
    write_atomic(path, script(lines))
    told = [f"Written: {path}", "", *explained(lines)]
    params = shlex.quote(str(from_root(run.params_file)))
    told += [
        "",
        f"Before it:   make dataset PARAMS={params}   (or the machines wait while the first builds it)",
        f"Submit it:   sbatch {shlex.quote(str(path))}",
        f"Watch it:    squeue --me; tail -f {shlex.quote(str(run.folder))}/slurm-JOB.log",
        "Cut off?     Submit it again: what is complete is kept, the training resumes from its last "
        "checkpoint.",
        f"Afterwards:  make report PARAMS={params}   (evaluates and reports; on one machine)",
    ]
    return "\n".join(told)


def explained(lines: list[Line]) -> list[str]:
    """Each line, and what it does under it."""
    return [text for line, why in lines for text in (line, f"    {why}")]


def script(lines: list[Line]) -> str:
    """The batch script, every explanation a comment before its line (after a line that continues, there
    can be none). sbatch reads its options up to the first command; comments may be between them."""
    text = ["#!/bin/bash"]
    goes_on = False
    for line, why in lines:
        text += [line] if goes_on else [f"# {why}", line]
        goes_on = line.endswith("\\")
    return "\n".join(text) + "\n"


def head(slurm: SlurmParams, first: list[Line], gpus: tuple[int, str], log: Path) -> list[Line]:
    """The options of a job: `first`, then as many GPUs a machine as `gpus` says (a number, and the
    setting that it is from), then those of the params. `log`: %j in it is the job's number."""
    options = list(first)
    if not re.search(r"--(gres|gpus)", " ".join(slurm.lines)):
        without = 'on machines without GPUs give training.cluster.slurm.lines: ["--gres=none"]'
        options.append((f"--gpus-per-node={gpus[0]}", f"as many as {gpus[1]}; {without}"))
    if slurm.cpus_per_task:
        cores = f"--cpus-per-task={slurm.cpus_per_task}"
        options.append((cores, "cores of each machine (slurm.cpus_per_task)"))
    if slurm.partition:
        options.append((f"--partition={slurm.partition}", "which queue (slurm.partition)"))
    if slurm.account:
        options.append((f"--account={slurm.account}", "who pays (slurm.account)"))
    options.append((f"--time={slurm.time}", "after so long Slurm ends it (slurm.time)"))
    # %j would be its number there, too.
    folder = str(log.parent).replace('"', r"\"").replace("%", "%%")
    quoted = f"{folder}/{log.name}"
    options.append((f'--output="{quoted}"', "what all machines print; %j is the job's number"))
    options += [(line.removeprefix("#SBATCH").strip(), "from slurm.lines") for line in slurm.lines]
    return [(f"#SBATCH {option}", why) for option, why in options]


def begin(slurm: SlurmParams, key: str) -> list[Line]:
    """The first commands of a script; `key` of the lines that the params add to them."""
    return [
        ("set -e -o pipefail", "stop at the first command that fails"),
        (f"cd {shlex.quote(str(ROOT))}", "the checkout, at the same place on every machine"),
        *[(line, f"from {key}") for line in slurm.setup],
    ]


def srun(nodes: int, slurm: SlurmParams) -> str:
    """The command that starts a task on each of so many machines."""
    cores = f" --cpus-per-task={slurm.cpus_per_task}" if slurm.cpus_per_task else ""
    return f"srun --nodes={nodes} --ntasks={nodes} --ntasks-per-node=1{cores}"


def _body(run: Run) -> list[Line]:
    training = _largest(run)
    cluster = training.cluster
    python, params = shlex.quote(sys.executable), shlex.quote(str(from_root(run.params_file)))
    on_all = srun(cluster.nodes, cluster.slurm)
    return [
        *begin(cluster.slurm, "slurm.setup"),
        (
            'first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sed -n 1p)',
            "the first machine of the job, where all processes meet",
        ),
        (
            f'export {ENDPOINT}="$first:$((10000 + SLURM_JOB_ID % 20000))"',
            "its port follows from the job's number, so that jobs do not meet each other's "
            "(in place of training.cluster.endpoint)",
        ),
        *_network(
            f"{on_all} --kill-on-bad-exit=1 --label {python} -m llmc_lib network {params}",
            cluster.nodes,
        ),
        (
            f"{on_all} --kill-on-bad-exit=1 --wait=0 --label \\",
            "one `make train` per machine. When one fails, Slurm ends the others (--kill-on-bad-exit); "
            "the first may finish after them (--wait=0); each line says whose it is (--label)",
        ),
        (
            f"  {python} -m llmc_lib train {params} --node-rank SLURM_NODEID",
            "builds the data set and trains; which machine it is, it reads from Slurm's variable",
        ),
    ]


def _network(command: str, nodes: int) -> list[Line]:
    if nodes == 1:
        return []
    return [
        (
            f"{command} --node-rank SLURM_NODEID",
            "two minutes at most: do all GPUs find each other and add up right, and how fast? What is wrong is told before the "
            "long job begins",
        )
    ]


def _largest(run: Run) -> TrainingParams:
    """The settings of the candidate that takes the most machines: the job has to hold it."""
    trainings = [recipe.training for recipe in run.params.recipes]
    return max(trainings, key=lambda training: (training.cluster.nodes, training.nproc_per_node))
