"""Where processes run: the command lines, and real processes that meet, fail and are killed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from llmc_lib.errors import UserError
from llmc_lib.params import TrainingParams
from llmc_lib.processes.workers import WorkerError, run_worker
from llmc_lib.store import ROOT, open_run, read_jsonl
from llmc_lib.training import cluster
from tests.tiny import make_tiny_model

WORKER = ["-m", "llmc_lib.training.worker", "spec.json"]
ALL_REDUCE = str(Path(__file__).with_name("all_reduce.py"))
MACHINE = str(Path(__file__).with_name("machine.py"))


def _training(processes: int = 1, **keys: Any) -> TrainingParams:
    return TrainingParams.model_validate(
        {"batch_size": 64, "micro_batch_size": 1, "nproc_per_node": processes, "cluster": keys}
    )


def _hostfile(tmp_path: Path, text: str) -> str:
    path = tmp_path / "hosts"
    path.write_text(text)
    return str(path)


@pytest.fixture(scope="module", autouse=True)
def _warm(warm_python: None) -> None:
    """What is imported on the way is not what is tested."""


@pytest.fixture(autouse=True)
def _no_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(cluster.ENDPOINT, raising=False)


# ---- command lines ---------------------------------------------------------------------------


def test_one_machine() -> None:
    assert cluster.command(_training(2), WORKER, Path("logs")) == [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
        *("-m", "llmc_lib.training.rank", "logs", *WORKER),
    ]


def test_several_machines() -> None:
    training = _training(8, nodes=2, endpoint="gpu-1:29500", timeout_minutes=5)
    assert cluster.command(training, WORKER, Path("logs"), 1) == [
        *(sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--node-rank", "1"),
        *("--master-addr", "gpu-1", "--master-port", "29500", "--rdzv-conf", "timeout=300"),
        *("--nproc-per-node", "8", "-m", "llmc_lib.training.rank", "logs", *WORKER),
    ]


def test_torchrun_reads_its_command_line_as_it_is_meant() -> None:
    from torch.distributed.run import config_from_args, parse_args

    training = _training(8, nodes=2, endpoint="gpu-1:29500", timeout_minutes=5)
    line = cluster.command(training, WORKER, Path("logs"), 1)
    config, _, words = config_from_args(parse_args(line[3:]))
    assert (config.min_nodes, config.max_nodes, config.nproc_per_node) == (2, 2, 8)
    assert (config.rdzv_backend, config.rdzv_endpoint) == ("static", "gpu-1:29500")
    assert int(config.rdzv_configs["timeout"]) == 300
    assert config.rdzv_configs["rank"] == 1
    assert words[-5:] == ["llmc_lib.training.rank", "logs", *WORKER]


def test_slurm_names_the_endpoint_and_has_started_the_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cluster.ENDPOINT, "node-17:12345")
    training = _training(nodes=2, launcher="hostfile", hostfile=str(tmp_path / "unread"))
    line = cluster.command(training, WORKER, tmp_path, 0)
    assert line[2] == "torch.distributed.run"
    assert line[line.index("--master-addr") + 1] == "node-17"
    assert line[line.index("--master-port") + 1] == "12345"


def test_a_node_rank_that_is_none_is_told() -> None:
    with pytest.raises(UserError, match="NODE_RANK: 2 is not one of 0 to 1"):
        cluster.command(_training(nodes=2, endpoint="a:1"), WORKER, Path("logs"), 2)


def test_a_hostfile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _pdsh(tmp_path, monkeypatch)
    monkeypatch.setenv("NCCL_DEBUG", "INFO")
    monkeypatch.setenv("A_SECRET", "of mine")
    hosts = _hostfile(tmp_path, "# ours\nhost-a slots=4\n\nhost-b slots=8\n")
    training = _training(4, nodes=2, launcher="hostfile", hostfile=hosts, timeout_minutes=7)
    logs = tmp_path / "logs"
    assert cluster.command(training, WORKER, logs) == [
        *(sys.executable, "-m", "deepspeed.launcher.runner", "--hostfile", hosts),
        *("--launcher", "pdsh", "--num_gpus", "4", "--force_multi", "--no_local_rank"),
        *("--module", "llmc_lib.training.rank", str(logs), *WORKER),
    ]
    carried = json.loads((logs / "environment.json").read_text())
    assert carried["DEEPSPEED_TIMEOUT"] == "7"
    assert carried["NCCL_DEBUG"] == "INFO"
    assert "A_SECRET" not in carried
    meet = training.cluster.model_copy(update={"endpoint": "10.0.0.1:29501"})
    line = cluster.command(training.model_copy(update={"cluster": meet}), WORKER, logs)
    at = line.index("--master_addr")
    assert line[at : at + 4] == ["--master_addr", "10.0.0.1", "--master_port", "29501"]


def _pdsh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str = "exit 3") -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "pdsh").write_text(f"#!/bin/bash\n{lines}\n")
    (folder / "pdsh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("host-a slots=4\n", "has 1 machines, training.cluster.nodes is 2"),
        ("host-a slots=4\nhost-b\n", "line 2: 'host-b' must be \"host slots=8\""),
        ("host-a slots=4\nhost-a slots=4\n", "line 2: 'host-a' is listed twice"),
        ("host-a slots=4\nhost-b slots=2\n", "host-b has 2 slots, training.nproc_per_node is 4"),
    ],
)
def test_a_hostfile_that_does_not_fit_is_told(tmp_path: Path, text: str, message: str) -> None:
    hosts = _hostfile(tmp_path, text)
    with pytest.raises(UserError) as caught:
        cluster.command(
            _training(4, nodes=2, launcher="hostfile", hostfile=hosts), WORKER, tmp_path
        )
    assert str(caught.value).startswith(f"training.cluster.hostfile: {hosts}")
    assert message in str(caught.value)


def test_a_missing_hostfile_and_a_missing_pdsh_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = _training(nodes=2, launcher="hostfile", hostfile=str(tmp_path / "none"))
    with pytest.raises(UserError, match=r"training\.cluster\.hostfile: .*none cannot be read"):
        cluster.command(training, WORKER, tmp_path)
    (tmp_path / "none").write_text("a slots=1\nb slots=1\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="DeepSpeed needs pdsh"):
        cluster.command(training, WORKER, tmp_path)


# ---- the first error -------------------------------------------------------------------------


def _failed(logs: Path, rank: int, status: int, at: float, error: str = "") -> None:
    logs.mkdir(exist_ok=True)
    facts = {"rank": rank, "host": f"host-{rank}", "pid": 1, "status": status, "time": at}
    (logs / f"rank-{rank}.failed.json").write_text(json.dumps({**facts, "error": error}))


CLOSED = (
    "Traceback (most recent call last):\n  File 'x.py', line 1, in f\n    work.wait()\n"
    "RuntimeError: [gloo/transport/tcp/pair.cc:553] Connection closed by peer [10.0.0.2]:60035"
)


def test_without_a_failure_there_is_no_first_error(tmp_path: Path) -> None:
    assert cluster.first_error(tmp_path / "none") is None


def test_a_consequence_is_not_the_cause_even_if_it_came_first(tmp_path: Path) -> None:
    _failed(tmp_path, 0, 1, 10.0, CLOSED)
    _failed(tmp_path, 2, 1, 10.5, CLOSED)
    _failed(tmp_path, 3, -9, 12.0)
    assert cluster.first_error(tmp_path) == (
        "Rank 3 on host-3 was killed by SIGKILL: often because the machine ran out of memory\n"
        f"After it: rank 0, 2\nIts log: {tmp_path / 'rank-3.log'}"
    )


def test_of_two_causes_the_first_is_shown(tmp_path: Path) -> None:
    _failed(tmp_path, 0, 1, 12.0, "Traceback (most recent call last):\nValueError: second")
    _failed(tmp_path, 1, 1, 11.0, "Traceback (most recent call last):\nValueError: first")
    lines = (cluster.first_error(tmp_path) or "").splitlines()
    assert lines[0] == "Rank 1 on host-1 ended with status 1:"
    assert lines[2:4] == ["  ValueError: first", "After it: rank 0"]


@pytest.mark.slow
def test_where_there_are_only_consequences_the_silent_ranks_are_named(tmp_path: Path) -> None:
    _failed(tmp_path, 0, 1, 10.0, CLOSED)
    for rank, end in ((0, "ended with status 1"), (1, "is done"), (2, None), (11, "")):
        head = f"[rank {rank} of 12, host-{rank}, 77]"
        text = f"{head} ['-m', 'sft']\nstep 1\n" + (f"{head} {end}\n" if end else "")
        (tmp_path / f"rank-{rank}.log").write_text(text)
    # Of a long log the ends are read; one line may be longer than what is read.
    with open(tmp_path / "rank-1.log", "r+") as log:
        first, *rest = log.readlines()
        log.seek(0)
        log.write(f"{first}{'x' * 100_000}\n{''.join(rest)}")
    lines = (cluster.first_error(tmp_path, patience=0.1) or "").splitlines()
    assert "Connection closed by peer" in lines[-4]
    assert lines[-3:] == [
        "Probably another rank did not answer: it hangs, or its machine is gone.",
        "Without a word of their end: rank 2 on host-2, rank 11 on host-11. Look there first.",
        f"Its log: {tmp_path / 'rank-0.log'}",
    ]


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"rank": "x"}', '{"rank": 3}', "[" * 10_000])
def test_a_note_that_cannot_be_read_is_a_failure_still(tmp_path: Path, text: str) -> None:
    (tmp_path / "rank-3.failed.json").write_text(text)
    lines = (cluster.first_error(tmp_path, patience=0.1) or "").splitlines()
    assert lines[0] == "Rank 3 on an unknown machine ended with status 1:"
    assert lines[1].startswith("  rank-3.failed.json cannot be read: ")
    _failed(tmp_path, 1, -9, 12.0)  # one that is known comes first
    assert (cluster.first_error(tmp_path) or "").startswith("Rank 1 on host-1 was killed")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not valid JSON: "),
        ("[" * 10_000, "not valid JSON: "),
        ("[]", "no training is described there"),
        ("{}", "no training is described there"),
        ('{"attempt": "../../other"}', "its attempt is no plain word"),
        (None, "No such file or directory"),
    ],
)
def test_a_spec_that_cannot_be_read_is_told(tmp_path: Path, text: str | None, problem: str) -> None:
    spec = tmp_path / "spec.json"
    if text is not None:
        spec.write_text(text)
    with pytest.raises(UserError) as caught:
        cluster.run(_training(), spec)
    message = str(caught.value)
    assert message.startswith(f"{spec}: {problem}")
    assert message.endswith("; start the training again on the first machine")
    assert list(tmp_path.iterdir()) == ([spec] if text is not None else [])


def test_an_nccl_timeout_is_a_consequence(tmp_path: Path) -> None:
    _failed(
        tmp_path, 0, -6, 10.0,
        "terminate called after throwing an instance of 'c10::DistBackendError'\n"
        "  what():  [PG ID 0] Process group watchdog thread terminated with exception: collective "
        "operation timeout\nFatal Python error: Aborted\n\nThread 0x1 (most recent call first):",
    )  # fmt: skip
    _failed(tmp_path, 9, 1, 11.0, "Traceback (most recent call last):\nOSError: disk full")
    assert (cluster.first_error(tmp_path) or "").startswith("Rank 9 on host-9 ended with status 1:")


# ---- real processes --------------------------------------------------------------------------


def _run(training: TrainingParams, tmp_path: Path, mode: str) -> tuple[list[dict[str, Any]], str]:
    """Run the worker with this launcher; its events, and the message of its failure."""
    logs = tmp_path / "logs of all"
    events: list[dict[str, Any]] = []
    try:
        run_worker(
            cluster.command(training, [ALL_REDUCE, mode, "1"], logs),
            logs / "launcher.log",
            events.append,
            cluster.environment(training),
            lambda: cluster.first_error(logs),
        )
    except WorkerError as error:
        return events, str(error)
    return events, ""


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["torchrun", "hostfile"])
def test_the_error_of_the_rank_that_failed_comes_first(tmp_path: Path, launcher: str) -> None:
    keys = {"launcher": launcher, "hostfile": _hostfile(tmp_path, "localhost slots=2\n")}
    events, message = _run(_training(2, **keys), tmp_path, "raise")
    pids = [event.pop("pid") for event in events]
    assert events == [{"kind": "sum", "rank": 0, "world": 2, "sum": 3.0}]  # rank 0's alone
    lines = message.splitlines()
    assert lines[0].startswith("Rank 1 on ")
    assert lines[0].endswith(" ended with status 1:")
    assert "  KeyError: 'weights'" in lines
    assert "  which led to: RuntimeError: the weights of layer 3 are not there" in lines
    logs = tmp_path / "logs of all"
    assert f"Its log: {logs / 'rank-1.log'}" in lines
    for rank in (0, 1):
        assert f"rank {rank} of 2 has the sum 3\n" in (logs / f"rank-{rank}.log").read_text()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.mark.slow
def test_a_rank_that_is_killed_ends_the_run_and_is_named(tmp_path: Path) -> None:
    events, message = _run(_training(2), tmp_path, "kill")
    assert events[0]["sum"] == 3
    assert message.startswith("Rank 1 on ")
    assert "was killed by SIGKILL: often because the machine ran out of memory\n" in message
    told = (tmp_path / "logs of all" / "rank-1.log").stat().st_mtime
    assert (tmp_path / "logs of all" / "launcher.log").stat().st_mtime - told < 60


@pytest.fixture(scope="module")
def hosts() -> Iterator[list[list[str]]]:
    """Two network namespaces, joined by a virtual link: the start of a command line in each."""
    if os.geteuid() or not shutil.which("ip") or not shutil.which("unshare"):
        pytest.skip("network namespaces need root, ip and unshare")
    names = [f"llmc-{os.getpid()}-{k}" for k in (0, 1)]
    links = [f"v{os.getpid()}{k}" for k in "ab"]
    try:
        for name in names:
            made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
            if made.returncode:
                pytest.skip(f"network namespaces are not allowed here: {made.stderr.strip()}")
        for words in (
            f"link add {links[0]} netns {names[0]} type veth peer name {links[1]} netns {names[1]}",
            *(
                f"-n {name} {what}"
                for k, (name, link) in enumerate(zip(names, links, strict=True))
                for what in (
                    f"addr add 10.77.0.{k + 1}/24 dev {link}",
                    f"link set {link} up",
                    "link set lo up",
                )
            ),
        ):
            subprocess.run(["ip", *words.split()], check=True, timeout=30)
        yield [
            ["ip", "netns", "exec", name, "unshare", "--uts", "sh", "-c",
             'hostname "$0"; export GLOO_SOCKET_IFNAME=$1; shift; exec "$@"', f"host-{k}", link]
            for k, (name, link) in enumerate(zip(names, links, strict=True))
        ]  # fmt: skip
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


def _two_machines(hosts: list[list[str]], folder: Path, mode: str) -> tuple[list[int], list[str]]:
    """Run `machine.py` on both hosts; status and output of each."""
    folder.mkdir()
    rest = [str(folder), "10.77.0.1:29511", mode]
    return _on_both(hosts, [[MACHINE, str(k), *rest] for k in (0, 1)])


def _on_both(hosts: list[list[str]], commands: list[list[str]]) -> tuple[list[int], list[str]]:
    """Run a Python command on each host, the second one first; status and output of each."""

    running = [
        subprocess.Popen(
            [*hosts[k], sys.executable, *commands[k]],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "OMP_NUM_THREADS": "1",
            },
        )
        for k in (1, 0)
    ]
    try:
        outputs = [process.communicate(timeout=600)[0] for process in running]
    finally:
        for process in running:
            process.kill()
    return [process.returncode for process in running[::-1]], outputs[::-1]


@pytest.mark.slow
def test_two_hosts_train_a_model(hosts: list[list[str]], tmp_path: Path) -> None:
    """By the commands of the README: the data set and ZeRO-3 on two machines, to an exported model."""
    make_tiny_model(tmp_path / "model")
    values = {
        "run": "two",
        "runs_dir": str(tmp_path / "runs"),
        "reports_dir": str(tmp_path / "reports"),
        "model": {"source": str(tmp_path / "model")},
        "dataset": {
            "sources": [{"name": "textbook"}],
            "max_rows": 26,
            "mixture": False,
            "decontamination": {"enabled": False},
            "processes": 1,
        },
        "training": {
            "learning_rate": 1e-3,
            "batch_size": 4,
            "micro_batch_size": 2,
            "max_length": 900,
            "deepspeed": "zero3",
            "export_at": [1.0],
            "evaluations": 1,
            "cluster": {"nodes": 2, "endpoint": "10.77.0.1:29512", "timeout_minutes": 3},
        },
    }
    params = tmp_path / "two.yaml"
    params.write_text(yaml.safe_dump(values))
    command = ["-m", "llmc_lib", "train", str(params)]
    statuses, (first, second) = _on_both(hosts, [command, [*command, "--node-rank", "1"]])
    assert statuses == [0, 0], first + second
    assert second.startswith("main: has waited 0 s for the first machine to ")
    assert second.splitlines()[-2:] == [
        "main: this machine's part is done",
        "All trainings of the run are done on this machine; the first machine continues.",
    ]
    run = open_run(params)
    (log,) = (run.training / "main" / "logs").iterdir()
    for rank in (0, 1):
        text = (log / f"rank-{rank}.log").read_text()
        assert text.startswith(f"[rank {rank} of 2, host-{rank}, ")
        assert text.endswith("] is done\n")
    (model,) = run.models.iterdir()
    from safetensors.torch import load_file  # torch

    before, after = (load_file(p / "model.safetensors") for p in (tmp_path / "model", model))
    assert before.keys() == after.keys()
    assert any(not before[name].equal(after[name]) for name in before)
    history = read_jsonl(run.training / "main" / "history.jsonl")
    assert sum("loss" in row for row in history) == 6


@pytest.mark.slow
def test_a_process_killed_on_one_host_ends_the_other_with_its_name(
    hosts: list[list[str]], tmp_path: Path
) -> None:
    # Rank 0 sleeps and waits for nobody: torchrun of its machine would not notice.
    statuses, outputs = _two_machines(hosts, tmp_path / "training", "hang")
    assert statuses == [1, 1]
    for output in outputs:
        assert (
            "Rank 1 on host-1 was killed by SIGKILL: often because the machine ran out of memory\n"
            in output
        )
    logs = tmp_path / "training" / "logs" / "first"
    assert "ended because of rank-1.failed.json" in (logs / "rank-0.log").read_text()
    killed = json.loads((logs / "rank-1.failed.json").read_text())["time"]
    assert (logs / "rank-0.log").stat().st_mtime - killed < 60
