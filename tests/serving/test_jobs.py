"""`make slurm WHAT=evaluation`: scripts that bash runs, with small programs in place of Slurm's, and a real client."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from llmc_lib import evaluation
from llmc_lib.__main__ import main
from llmc_lib.engines.given import JUDGES, SERVERS, at_hand
from llmc_lib.engines.worker import is_worth_asking_again
from llmc_lib.errors import UserError
from llmc_lib.evaluation.stored import predictions_file
from llmc_lib.models.resolve import ServedModel
from llmc_lib.params import EngineParams, Params
from llmc_lib.records import Prediction
from llmc_lib.serving import jobs
from llmc_lib.store import ROOT, Run, read_jsonl
from tests.engines.chat_server import ChatServer

SCONTROL = '#!/bin/bash\n[ "$*" = "show hostnames gpu-[7-8]" ] && printf "gpu-7\\ngpu-8\\n"\n'
SRUN = """#!/bin/bash
while [[ $1 == --* ]]; do echo "$1" >>"$RECORD.options"; shift; done
exec "$@"
"""
#: In place of Python: a server runs until it is ended; a client knows three models, and fails where it is to.
PROGRAM = """#!/bin/bash
printf -v line '%s\\037' "$PWD" "${LLMC_SERVERS//$'\\n'/ }" "${LLMC_JUDGE_SERVERS//$'\\n'/ }" "$MY_KEY" "$@"
echo "$line" >>"$RECORD"  # at once: server and client write at the same time
models=(base tuned step-9)
case "$3 $5" in
  "evaluate --number") echo "${models[$6]:-}" ;;
  serve*) echo $$ >"$RECORD.server"; exec sleep 300 ;;
  *) while [ -n "$SERVES" ] && [ ! -s "$RECORD.server" ]; do sleep 0.05; done; exit "${FAIL:-0}" ;;
esac
"""
ENGINE = {"kind": "openai", "endpoints": ["http://any:8000/v1"], "api_key": "MY_KEY"}


def _run(folder: Path, **keys: Any) -> Run:
    evaluation_ = {"engine": {**ENGINE, "data_parallel": 2, "tensor_parallel": 4}, **keys}
    params = {
        "run": "x",
        "runs_dir": str(folder / "runs"),
        "training": {"export_at": [0.5, 1.0], "cluster": {"slurm": {"partition": "gpu"}}},
        "evaluation": evaluation_,
    }
    return Run(Params.model_validate(params), folder / "my params.yaml")


def _options(script: Path) -> list[str]:
    lines = script.read_text().splitlines()
    return [line.removeprefix("#SBATCH ") for line in lines if line.startswith("#SBATCH")]


def test_a_job_a_model_with_the_servers_of_all_machines(tmp_path: Path) -> None:
    models = [{"name": "other", "source": "an/other", "revision": "a" * 40}]
    run = _run(
        tmp_path, slurm={"nodes": 2, "at_once": 3, "job": {"time": "4:00:00"}}, models=models
    )
    jobs.write(run, "evaluation")
    assert _options(run.folder / "evaluate.slurm") == [
        "--job-name=llmc-x-evaluate", "--array=0-3%3", "--nodes=2", "--ntasks-per-node=1", "--gpus-per-node=8",
        "--time=4:00:00", f'--output="{tmp_path}/runs/x/slurm-%A-%a.log"',
    ]  # fmt: skip
    assert "--nodes=1" in _options(run.folder / "report.slurm")
    assert not (run.folder / "train.slurm").exists()
    judge = {
        "model": {"source": "a/judge", "revision": "b" * 40},
        "served_as": "judge",
        "engine": ENGINE,
    }
    run = _run(tmp_path, judge=judge, slurm={"nodes": 2})
    jobs.write(run, "all")
    assert "--nodes=2" in _options(run.folder / "report.slurm")
    assert "--partition=gpu" in _options(run.folder / "report.slurm")
    assert (run.folder / "train.slurm").exists()
    sent = [
        line for line in (run.folder / "submit.sh").read_text().splitlines() if "sbatch" in line
    ]
    found = [
        re.fullmatch(
            r"(\w+)=\$\(sbatch --parsable(?: --dependency=afterok:\"\$(\w+)\")? (.+)\)", line
        )
        for line in sent
    ]
    assert [m and m.groups()[:2] for m in found] == [
        ("train", None),
        ("evaluate", "train"),
        ("report", "evaluate"),
    ]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an offline engine": ({"engine": {"kind": "vllm"}}, "engine.kind: must be openai"),
    "a race": ({"stop": {}}, "a race asks its models in turn"),
    "a replica over machines": (
        {"engine": {**ENGINE, "nodes": 2, "tensor_parallel": 2}}, "has a script of its own"
    ),
    "an offline judge": ({"judge": {"model": {"source": "embedded"}}}, "judge.engine.kind: must be openai"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_jobs_cannot_hold_is_refused(tmp_path: Path, name: str) -> None:
    values, message = REFUSED[name]
    with pytest.raises(UserError, match=message):
        jobs.write(_run(tmp_path, **values), "evaluation")


def _started(
    folder: Path, monkeypatch: pytest.MonkeyPatch, script: Path, **environment: str
) -> tuple[int, list[list[str]]]:
    """The status of a script with the stand-ins, and what the program was called with."""
    record = folder / "record"
    for path in folder.glob("record*"):
        path.unlink()
    subprocess.run(["bash", "-n", str(script)], check=True, timeout=30)
    ran = subprocess.run(
        ["bash", str(script)],
        env={
            "PATH": f"{folder}/bin{os.pathsep}{os.environ['PATH']}", "SLURM_JOB_ID": "123456",
            "SLURM_JOB_NODELIST": "gpu-[7-8]", "RECORD": str(record), **environment,
        },
        cwd="/", capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    calls = [line.split("\x1f")[:-1] for line in record.read_text().splitlines()]
    return ran.returncode, calls


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / 'it\'s a "folder"'
    for program, text in {"bin/scontrol": SCONTROL, "bin/srun": SRUN, "py thon": PROGRAM}.items():
        path = folder / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "py thon"))
    return folder


def _is_gone(record: Path) -> bool:
    return not Path(f"/proc/{record.read_text().strip()}").exists()


@pytest.mark.parametrize("fail", ["0", "1"])
def test_the_client_asks_the_servers_of_its_job_and_none_is_left(
    stand_ins: Path, monkeypatch: pytest.MonkeyPatch, fail: str
) -> None:
    run = _run(stand_ins, slurm={"nodes": 2})
    jobs.write(run, "evaluation")
    script, params = run.folder / "evaluate.slurm", str(run.params_file)
    given = {"SLURM_ARRAY_TASK_ID": "1", "FAIL": fail, "SERVES": "1"}
    status, calls = _started(stand_ins, monkeypatch, script, **given)
    assert status == int(fail)
    addresses = " ".join(f"http://gpu-{host}:{13456 + n}/v1" for host in (7, 8) for n in (0, 1))
    key = (run.folder / "serving" / "api_key").read_text().strip()
    ask = ["-m", "llmc_lib", "evaluate", params]
    assert calls[0] == [str(ROOT), "", "", "", *ask, "--number", "1"]
    serve = [
        "-m",
        "llmc_lib",
        "serve",
        params,
        "--model",
        "tuned",
        "--host",
        "0.0.0.0",
        "--port",
        "13456",
    ]
    expected = [[*ask, "--model", "tuned"], serve]
    assert sorted(call[4:] for call in calls[1:]) == sorted(expected)
    assert {tuple(call[:4]) for call in calls[1:]} == {(str(ROOT), addresses, "", key)}
    assert _is_gone(stand_ins / "record.server")
    # A model that has answered everything, or is not there, starts no server.
    status, calls = _started(stand_ins, monkeypatch, script, SLURM_ARRAY_TASK_ID="3")
    assert (status, len(calls)) == (0, 1)


def test_the_report_has_the_servers_of_the_judge(
    stand_ins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = {
        "model": {"source": "a/judge", "revision": "b" * 40},
        "served_as": "j",
        "engine": ENGINE,
    }
    run = _run(stand_ins, judge=judge)
    jobs.write(run, "evaluation")
    status, calls = _started(stand_ins, monkeypatch, run.folder / "report.slurm", SERVES="1")
    assert status == 0
    assert {call[6] for call in calls} == {"serve", "report"}
    assert {tuple(call[1:3]) for call in calls} == {
        ("", "http://gpu-7:13456/v1 http://gpu-8:13456/v1")
    }
    assert _is_gone(stand_ins / "record.server")


def test_shellcheck_finds_nothing(tmp_path: Path) -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not here")
    run = _run(tmp_path)
    jobs.write(run, "all")
    for name in ("evaluate.slurm", "report.slurm", "submit.sh"):
        ran = subprocess.run(
            ["shellcheck", str(run.folder / name)], capture_output=True, timeout=60
        )
        assert ran.returncode == 0, ran.stdout.decode()


def test_every_line_is_explained(tmp_path: Path) -> None:
    run = _run(tmp_path)
    told = jobs.write(run, "evaluation").splitlines()
    for name in ("evaluate.slurm", "report.slurm", "submit.sh"):
        for line in (run.folder / name).read_text().splitlines()[1:]:
            if not line.startswith("# "):
                why = told[told.index(line) + 1]
                assert why.startswith("    ")
    submit = next(line for line in told if line.startswith("Submit all:"))
    assert shlex.split(submit)[-2:] == ["bash", str(run.folder / "submit.sh")]


def test_the_command_writes_what_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "my.yaml"
    engine = '{kind: openai, endpoints: ["http://any:8000/v1"]}'
    path.write_text(f"run: x\nruns_dir: {tmp_path}/runs\nevaluation: {{engine: {engine}}}\n")
    assert main(["slurm", str(path), "--what", "all"]) == 0
    names = {"train.slurm", "evaluate.slurm", "report.slurm", "submit.sh"}
    assert names <= {file.name for file in (tmp_path / "runs" / "x").iterdir()}
    assert main(["slurm", str(path), "--what", "evalution"]) == 2
    assert "WHAT: 'evalution' is not one of training, evaluation, all" in capsys.readouterr().err
    assert main(["evaluate", str(path), "--number", "0"]) == 2
    assert "the data set is not finished" in capsys.readouterr().err


# ---- a real client -------------------------------------------------------------------------------


def test_a_jobs_servers_take_the_place_of_the_params(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = EngineParams.model_validate(ENGINE)
    assert at_hand(engine, SERVERS) is engine
    monkeypatch.setenv(SERVERS, "http://a:1/v1\nhttp://b:1/v1")
    assert at_hand(engine, SERVERS).endpoints == ("http://a:1/v1", "http://b:1/v1")
    assert at_hand(engine, JUDGES) is engine
    offline = EngineParams()
    assert at_hand(offline, SERVERS) is offline
    monkeypatch.setenv(SERVERS, "file:///etc/passwd")
    with pytest.raises(ValueError, match="must be an address"):
        at_hand(engine, SERVERS)


@pytest.mark.slow
def test_a_job_waits_for_its_servers_and_goes_on_where_it_was_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChatServer() as finder:  # a port that is free
        port = finder.port
    monkeypatch.setenv(SERVERS, f"http://127.0.0.1:{port}/v1")
    run = _run(tmp_path, benchmarks=[{"name": "hle", "questions": 4}])
    model = ServedModel("base", "base", "base")
    assert evaluation.unanswered(run, model) == 4
    made: list[ChatServer] = []

    def start() -> None:
        made.append(ChatServer(port=port))
        made[0].models = [{"id": "base", "owned_by": "me"}]

    timer = threading.Timer(3.0, start)
    timer.start()
    try:
        evaluation.evaluate_one(run, model)
        path = predictions_file(run, "hle", "base")
        assert len(made[0].asked) == 4
        # The time limit: half of an answer is on disk.
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:2]) + lines[2][:20])
        assert evaluation.unanswered(run, model) == 2
        evaluation.evaluate_one(run, model)
        assert len(made[0].asked) == 6
        assert evaluation.unanswered(run, model) == 0
        assert not any(is_worth_asking_again(Prediction(**row)) for row in read_jsonl(path))
    finally:
        timer.join()
        made[0].stop()
