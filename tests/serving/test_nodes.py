"""The Slurm script of a model over several machines, run by bash with stand-ins for Slurm and Ray."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from llmc_lib.__main__ import main
from tests.tiny import make_tokenizer

#: Each writes what it was called with; srun runs its command on "machine" 0 and 1.
STAND_INS = {
    "scontrol": 'printf "gpu-1\\ngpu-2\\n"',
    "getent": 'echo "10.0.0.7 STREAM gpu-1"',
    "srun": (
        'while [[ "$1" == --* ]]; do shift; done\n'
        'for SLURM_NODEID in 0 1; do export SLURM_NODEID; "$@"; done'
    ),
    "ray": (
        'echo "ray $SLURM_NODEID $1 $2 $3 $4 $5 $6 $7 $8" >> "$CALLS"\n'
        'while [ "$1" != -- ]; do shift; done; shift\n'
        '[ "$SLURM_NODEID" = 1 ] || "$@"'
    ),
}
#: In place of this Python: it tells its arguments and the variables that matter.
PYTHON = """#!/bin/bash
{python} - "$@" >> "$CALLS" <<'CODE'
import json, os, sys
print(json.dumps([sys.argv[1:], os.environ.get("VLLM_API_KEY"), os.environ["HF_HUB_OFFLINE"]]))
CODE
"""


def _write(tmp_path: Path, **engine: Any) -> Path:
    folder = tmp_path / "it's a model"
    folder.mkdir()
    make_tokenizer(folder)
    values = {
        "run": "x",
        "runs_dir": str(tmp_path / "runs"),
        "reports_dir": str(tmp_path / "reports"),
        "model": {"source": str(folder)},
        "training": {"cluster": {"slurm": {"partition": "gpu", "setup": ["echo set up"]}}},
        "evaluation": {
            "dtype": "bfloat16",
            "engine": {"tensor_parallel": 8, "pipeline_parallel": 2, "nodes": 2, **engine},
        },
    }
    path = tmp_path / "my.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def _submit(tmp_path: Path, script: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Run the script as Slurm would: what the stand-ins were called with."""
    tools = tmp_path / "tools"
    tools.mkdir()
    stand_ins = {name: f"#!/bin/bash\n{code}\n" for name, code in STAND_INS.items()}
    stand_ins["python"] = PYTHON.format(python=sys.executable)
    for name, text in stand_ins.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    text = script.read_text().replace(sys.executable, str(tools / "python"))
    text = text.replace(f"export PATH={Path(sys.executable).parent}:", f"export PATH={tools}:")
    calls = tmp_path / "calls"
    done = subprocess.run(
        ["bash", "-c", text],
        env={
            **os.environ,
            "CALLS": str(calls),
            "SLURM_JOB_NODELIST": "gpu-[1-2]",
            "SLURM_JOB_ID": "12345",
            "MY_KEY": "sk-thisIsASecret",
            "PATH": f"{tools}:{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "set up" in done.stdout
    assert "http://gpu-1:8000/v1" in done.stdout
    return calls.read_text().splitlines()


def test_ray_runs_the_server_on_the_first_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _write(tmp_path, api_key="MY_KEY", data_parallel=2)
    monkeypatch.setenv("MY_KEY", "sk-thisIsASecret")
    assert main(["serve", str(path)]) == 0
    script = tmp_path / "runs" / "x" / "serving" / "base.slurm"
    told = capsys.readouterr().out
    assert f"sbatch {script}   (2 times: engine.data_parallel)" in told
    assert "pip install 'ray>=2.49'" in told
    text = script.read_text()
    assert "sk-thisIsASecret" not in text + told
    assert "#SBATCH --nodes=2\n" in text
    assert "#SBATCH --gpus-per-node=8\n" in text
    assert "#SBATCH --partition=gpu\n" in text
    for line in text.splitlines()[1:]:
        assert line in told or line.removeprefix("# ") in told  # each is explained
    first, server, second = _submit(tmp_path, script, monkeypatch)
    started = "symmetric-run --address 10.0.0.7:22345 --min-nodes 2 --num-gpus 8"
    assert (first, second) == (f"ray 0 {started} --disable-usage-stats", f"ray 1 {started} --disable-usage-stats")  # fmt: skip
    arguments, key, offline = json.loads(server)
    assert arguments[:4] == ["-m", "llmc_lib.serving.vllm", "serve", str(tmp_path / "it's a model")]
    assert arguments[arguments.index("--distributed-executor-backend") + 1] == "ray"
    assert arguments[arguments.index("--pipeline-parallel-size") + 1] == "2"
    assert arguments[-4:] == ["--host", "10.0.0.7", "--port", "8000"]
    assert (key, offline) == ("sk-thisIsASecret", "1")


@pytest.mark.slow
def test_vllms_own_processes_need_no_ray(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    path = _write(tmp_path, vllm={"distributed_executor_backend": "mp"})
    assert main(["serve", str(path)]) == 0
    assert "ray>=" not in capsys.readouterr().out
    script = tmp_path / "runs" / "x" / "serving" / "base.slurm"
    calls = [json.loads(line) for line in _submit(tmp_path, script, monkeypatch)]
    key = (script.parent / "api_key").read_text().strip()
    assert [call[1] for call in calls] == [key, key]  # none was set: the run's own
    assert key not in script.read_text()
    first, second = (call[0] for call in calls)
    assert first[first.index("--host") + 1] == "10.0.0.7"
    tail = ["--nnodes", "2", "--node-rank", "0", "--master-addr", "gpu-1", "--master-port", "22345"]
    assert first[-8:] == tail
    assert second[-9:] == [*tail[:3], "1", *tail[4:], "--headless"]
    assert first[3] == str(tmp_path / "it's a model")


def test_machines_that_cannot_share_the_gpus_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _write(tmp_path, nodes=3)
    assert main(["check", str(path)]) == 2
    assert "evaluation.engine.nodes: 3 machines cannot share 16 GPUs evenly" in (
        capsys.readouterr().err
    )
