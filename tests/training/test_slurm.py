"""`make slurm`: a script that bash accepts, with every setting in it, and run by a small stand-in."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.__main__ import main
from llmc_lib.params import Params
from llmc_lib.store import ROOT, Run
from llmc_lib.training import slurm

#: Slurm is not here: these two do what the script asks of it, one task after the other.
SCONTROL = '#!/bin/bash\n[ "$*" = "show hostnames gpu-[7-8]" ] && printf "gpu-7\\ngpu-8\\n"\n'
SRUN = """#!/bin/bash
while [[ $1 == --* ]]; do echo "$1" >>"$RECORD.options"; shift; done
for SLURM_NODEID in 0 1; do export SLURM_NODEID; "$@" || exit; done
"""
#: In place of Python: writes down what it was called with, and where.
PROGRAM = """#!/bin/bash
printf '%s\\0' "$PWD" "$LLMC_ENDPOINT" "$SLURM_NODEID" "$@" >>"$RECORD"
printf '\\n' >>"$RECORD"
exit "${FAIL:-0}"
"""


def _run(folder: Path, **keys: Any) -> Run:
    training = {"batch_size": 64, "micro_batch_size": 1, "nproc_per_node": 8}
    keys = {"nodes": 2, "endpoint": "a:1", **keys}
    params = {
        "run": "x",
        "runs_dir": str(folder / "runs"),
        "training": {**training, "cluster": keys},
    }
    return Run(Params.model_validate(params), folder / "my params.yaml")


def _script(run: Run) -> str:
    slurm.write(run)
    return (run.folder / "train.slurm").read_text()


def _options(script: str) -> list[str]:
    return [line.removeprefix("#SBATCH ") for line in script.splitlines() if line[:7] == "#SBATCH"]


def test_the_settings_are_options(tmp_path: Path) -> None:
    settings = {
        "time": "2-00:00:00",
        "partition": "gpu",
        "account": "lab",
        "cpus_per_task": 64,
        "lines": ["--exclusive", "#SBATCH --constraint=h100"],
        "setup": ["module load cuda/12.9"],
    }
    script = _script(_run(tmp_path, slurm=settings))
    assert _options(script) == [
        "--job-name=llmc-x", "--nodes=2", "--ntasks-per-node=1", "--gpus-per-node=8",
        "--cpus-per-task=64", "--partition=gpu", "--account=lab", "--time=2-00:00:00",
        f'--output="{tmp_path}/runs/x/slurm-%j.log"', "--exclusive", "--constraint=h100",
    ]  # fmt: skip
    lines = script.splitlines()
    assert lines[0] == "#!/bin/bash"
    # sbatch stops reading options at the first command.
    commands = [n for n, line in enumerate(lines) if line and not line.startswith("#")]
    assert max(n for n, line in enumerate(lines) if line.startswith("#SBATCH")) < commands[0]
    network, srun = (line for line in lines if line.startswith("srun"))
    assert shlex.split(network)[-5:-3] == ["llmc_lib", "network"]
    assert shlex.split(srun.removesuffix("\\")) == [
        "srun", "--nodes=2", "--ntasks=2", "--ntasks-per-node=1", "--cpus-per-task=64",
        "--kill-on-bad-exit=1", "--wait=0", "--label",
    ]  # fmt: skip
    assert lines.index("module load cuda/12.9") < lines.index(srun)


def test_what_is_not_given_is_no_option(tmp_path: Path) -> None:
    options = " ".join(_options(_script(_run(tmp_path))))
    assert "--time=24:00:00" in options
    assert not {word for word in ("partition", "account", "cpus") if word in options}


@pytest.mark.parametrize("line", ["--gres=gpu:a100:8", "--gpus=16", "--gres=none"])
def test_other_words_for_gpus_go_before_ours(tmp_path: Path, line: str) -> None:
    options = _options(_script(_run(tmp_path, slurm={"lines": [line]})))
    assert line in options
    assert not any(option.startswith("--gpus-per-node") for option in options)


def test_the_job_holds_the_largest_candidate(tmp_path: Path) -> None:
    run = _run(tmp_path)
    values = run.params.model_dump(mode="json")
    values["candidates"] = [
        {"name": "small", "training": {"cluster": {"nodes": 1}}},
        {"name": "large", "training": {"cluster": {"nodes": 4}}},
    ]
    run = Run(Params.model_validate(values), run.params_file)
    assert "--nodes=4" in _options(_script(run))


def test_the_log_s_folder_is_not_read_as_a_pattern(tmp_path: Path) -> None:
    run = _run(tmp_path / "50%j")
    assert f'--output="{tmp_path}/50%%j/runs/x/slurm-%j.log"' in _options(_script(run))


@pytest.mark.parametrize("name", ["plain", "with a space", 'it\'s $HOME `x` "y" & z'])
@pytest.mark.parametrize("fail", ["0", "1"])
def test_the_script_starts_a_training_a_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, fail: str
) -> None:
    """Run for real, with small programs in place of Slurm's and of Python."""
    folder = tmp_path / name
    programs = {"bin/scontrol": SCONTROL, "bin/srun": SRUN, "py thon": PROGRAM}
    for program, text in programs.items():
        path = folder / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "py thon"))
    run = _run(folder, slurm={"setup": ["export SET_UP=1"]})
    told = slurm.write(run)
    script = run.folder / "train.slurm"
    subprocess.run(["bash", "-n", str(script)], check=True, timeout=30)
    record = tmp_path / "record"
    ran = subprocess.run(
        ["bash", str(script)],
        env={
            "PATH": f"{folder}/bin{os.pathsep}{os.environ['PATH']}",
            "SLURM_JOB_ID": "123456",
            "SLURM_JOB_NODELIST": "gpu-[7-8]",
            "RECORD": str(record),
            "FAIL": fail,
        },
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == int(fail), ran.stderr
    calls = [line.split("\0")[:-1] for line in record.read_text().splitlines()]
    words = ["-m", "llmc_lib", "train", str(run.params_file), "--node-rank", "SLURM_NODEID"]
    checks = [word if word != "train" else "network" for word in words]
    every = [[str(ROOT), "gpu-7:13456", node, *each] for each in (checks, words) for node in "01"]
    # A network that does not work ends the job before the training begins.
    assert calls == (every if fail == "0" else every[:1])
    submit = next(line for line in told.splitlines() if line.startswith("Submit it:"))
    assert shlex.split(submit)[-2:] == ["sbatch", str(script)]


def test_shellcheck_finds_nothing(tmp_path: Path) -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not here")
    script = _script(_run(tmp_path, slurm={"cpus_per_task": 4})).encode()
    ran = subprocess.run(["shellcheck", "-"], input=script, capture_output=True, timeout=60)
    assert ran.returncode == 0, ran.stdout.decode()


def test_every_line_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(
        f"run: x\nruns_dir: {json.dumps(str(tmp_path / 'runs'))}\ntraining:\n  batch_size: 64\n"
        "  cluster: {nodes: 2, endpoint: 'a:1'}\n"
    )
    assert main(["slurm", str(path)]) == 0
    told = capsys.readouterr().out.splitlines()
    script = tmp_path / "runs" / "x" / "train.slurm"
    assert told[0] == f"Written: {script}"
    for line in script.read_text().splitlines()[1:]:
        if not line.startswith("# "):
            why = told[told.index(line) + 1]
            assert why.startswith("    ")
            assert len(why.split()) > 2
    assert [path.name for path in script.parent.iterdir()] == ["train.slurm"]


def test_the_node_rank_is_read_from_slurms_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(f"run: x\nruns_dir: {tmp_path}/runs\n")
    monkeypatch.setenv("SLURM_NODEID", "5")
    assert main(["train", str(path), "--node-rank", "SLURM_NODEID"]) == 2
    assert capsys.readouterr().err.startswith("NODE_RANK: 5 is not one of 0 to 0")
