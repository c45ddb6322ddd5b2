"""The Slurm script that serves a model over several machines, each of its lines explained.

By Ray, vLLM's way over several machines: `ray symmetric-run` starts it on all of them, runs `vllm serve` on
the first and ends with it (docs.ray.io). With `engine.vllm: {distributed_executor_backend: mp}` by vLLM's
own processes instead (docs.vllm.ai, "Running vLLM with MultiProcessing"). Nothing is submitted from here.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from llmc_lib.engines.vllm import environment
from llmc_lib.serving.servers import VLLM, Served, own_key
from llmc_lib.store import Run, write_atomic
from llmc_lib.training.slurm import Line, begin, explained, head, script, srun

_BACKEND = "distributed_executor_backend"


def write(run: Run, served: Served, port: int) -> str:
    """Write runs/<run>/serving/<model>.slurm; returns what to tell the person."""
    path = run.folder / "serving" / f"{served.model.name}.slurm"
    lines = _lines(run, served, port)
    write_atomic(path, script(lines))
    replicas = served.engine.data_parallel
    times = f"   ({replicas} times: engine.data_parallel)" if replicas > 1 else ""
    told = [f"Written: {path}", "", *explained(lines), ""]
    if _by_ray(served):
        ray = Path(sys.executable).parent
        told += [
            f"Before it:   {ray}/python -m pip install 'ray>=2.49'   (Ray is not in the lock; without it give "
            f"evaluation.engine.vllm: {{{_BACKEND}: mp}})",
        ]
    told += [
        f"Submit it:   sbatch {shlex.quote(str(path))}{times}",
        f"Watch it:    squeue --me; tail -f {shlex.quote(str(path.parent))}/slurm-JOB.log",
        "Then put the address that the log names at its beginning into evaluation.engine.endpoints, with "
        "kind: openai",
        f"The key is in {own_key(run)}, unless {served.engine.api_key} is set: export "
        f"{served.engine.api_key}=$(cat {shlex.quote(str(own_key(run)))}) where you ask it",
        "Stop it:     scancel JOB",
    ]
    return "\n".join(told)


def _lines(run: Run, served: Served, port: int) -> list[Line]:
    engine = served.engine
    slurm = run.params.training.cluster.slurm
    gpus = engine.tensor_parallel * engine.pipeline_parallel // engine.nodes
    first: list[Line] = [
        (f"--job-name=llmc-{run.name}-{served.model.name}", "what squeue calls it"),
        (f"--nodes={engine.nodes}", "machines of one replica (evaluation.engine.nodes)"),
        ("--ntasks-per-node=1", "one launcher per machine, which drives all its GPUs"),
    ]
    whose = "tensor_parallel × pipeline_parallel / nodes"
    log = run.folder / "serving" / "slurm-%j.log"
    exports = [
        f"export {name}={shlex.quote(value)}" for name, value in environment(on_cpu=False).items()
    ]
    on_all = srun(engine.nodes, slurm)
    return [
        *head(slurm, first, (gpus, whose), log),
        *begin(slurm, "training.cluster.slurm.setup"),
        (
            f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"',
            "the commands of this environment, also for the processes that are started from there",
        ),
        *[(line, "as on one machine: no usage report, no hub") for line in exports],
        (
            f'export VLLM_API_KEY="${{{engine.api_key}:-$(cat {shlex.quote(str(own_key(run)))})}}"',
            f"the key that the server asks for: {engine.api_key}, if it is set where you submit, else the run's "
            "own, which you alone can read",
        ),
        (
            'first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sed -n 1p)',
            "the first machine of the job, where the server listens",
        ),
        (
            "address=$(getent ahostsv4 \"$first\" | awk 'NR == 1 {print $1}')",
            "its address: the server listens there, and on no other of the machine's networks",
        ),
        (
            f'echo "Once it is up, the endpoint is http://$first:{port}/v1"',
            "what belongs into evaluation.engine.endpoints",
        ),
        *(
            _ray(served, on_all, gpus, port)
            if _by_ray(served)
            else _processes(served, on_all, port)
        ),
    ]


def _by_ray(served: Served) -> bool:
    return bool(served.engine.vllm.get(_BACKEND, "ray") == "ray")


def _serve(served: Served, port: int) -> str:
    """The command of the server, to be read by a shell."""
    words = [sys.executable, "-m", VLLM, "serve", *served.arguments(on_cpu=False)]
    if _BACKEND not in served.engine.vllm:
        words += [f"--{_BACKEND.replace('_', '-')}", "ray"]
    return f'{shlex.join(words)} --host "$address" --port {port}'


def _ray(served: Served, srun: str, gpus: int, port: int) -> list[Line]:
    return [
        (
            "command -v ray || { echo \"Ray is missing here: python -m pip install 'ray>=2.49'\"; exit 1; }",
            "Ray is not part of the lock",
        ),
        (
            f"{srun} --kill-on-bad-exit=1 --label \\",
            "the same on every machine; when one fails, Slurm ends the others; each line says whose it is",
        ),
        (
            '  ray symmetric-run --address "$address:$((10000 + SLURM_JOB_ID % 20000))" '
            f"--min-nodes {served.engine.nodes} --num-gpus {gpus} --disable-usage-stats -- \\",
            "starts Ray on all machines, at a port that follows from the job's number, waits until all have "
            "met, runs what follows on the first, and ends with it",
        ),
        (f"  {_serve(served, port)}", "the server, with the settings of the params file"),
    ]


def _processes(served: Served, srun: str, port: int) -> list[Line]:
    nodes = served.engine.nodes
    return [
        (
            "export address FIRST=$first MEET=$((10000 + SLURM_JOB_ID % 20000))",
            "where the machines meet: a port that follows from the job's number",
        ),
        (
            f"{srun} --kill-on-bad-exit=1 --label bash -c '\\",
            "the same on every machine; when one fails, Slurm ends the others; each line says whose it is",
        ),
        (
            f'  [ "$SLURM_NODEID" = 0 ] || headless=--headless; exec {_quoted(_serve(served, port))} '
            f'--nnodes {nodes} --node-rank "$SLURM_NODEID" --master-addr "$FIRST" --master-port "$MEET" '
            "$headless'",
            "the server, with the settings of the params file; all machines but the first only compute "
            "(--headless)",
        ),
    ]


def _quoted(command: str) -> str:
    """A command inside of single quotes."""
    return command.replace("'", "'\\''")
