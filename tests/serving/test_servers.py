"""What `make serve` would start: commands, GPUs, ports, keys; nothing is started here."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from llmc_lib.__main__ import main
from llmc_lib.serving import servers
from llmc_lib.serving.launch import _told
from llmc_lib.store import ROOT, Run, open_run
from tests.tiny import make_tokenizer


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    make_tokenizer(folder)
    return folder


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with eight GPUs, as far as the plan can see."""
    monkeypatch.setattr(servers, "has_gpu", lambda: True)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3,4,5,6,7")


def _write(tmp_path: Path, model: Path, engine: dict[str, Any] | None = None, **more: Any) -> Path:
    path = tmp_path / "my.yaml"
    values = {
        "run": "x",
        "runs_dir": str(tmp_path / "runs"),
        "reports_dir": str(tmp_path / "reports"),
        "model": {"source": str(model)},
        "evaluation": {"dtype": "bfloat16", "engine": engine or {}, **more},
    }
    path.write_text(yaml.safe_dump(values))
    return path


def _run(*given: Any, **more: Any) -> Run:
    return open_run(_write(*given, **more))


def _option(server: servers.Server, name: str) -> str:
    return server.command[server.command.index(f"--{name}") + 1]


@pytest.mark.usefixtures("gpus")
def test_each_replica_is_a_server_with_its_own_gpus_and_port(tmp_path: Path, model: Path) -> None:
    rope = {"rope_parameters": {"rope_type": "yarn", "factor": 4.0}}
    run = _run(
        tmp_path,
        model,
        {
            "tensor_parallel": 2,
            "data_parallel": 2,
            "served_as": {"base": "org/base"},
            "vllm": {"hf_overrides": rope, "enable_prefix_caching": False, "quantization": None},
        },
        models=[{"name": "other", "source": str(model)}],
        max_model_len=4096,
    )
    made = servers.planned(run, servers.chosen(run, "base, other"), "127.0.0.1", 8000)
    assert [server.port for server in made] == [8000, 8001, 8002, 8003]
    assert [server.environment["CUDA_VISIBLE_DEVICES"] for server in made] == [
        "0,1", "2,3", "4,5", "6,7",
    ]  # fmt: skip
    assert [_option(server, "served-model-name") for server in made] == [
        "org/base", "org/base", "other", "other",
    ]  # fmt: skip
    first = made[0]
    assert _option(first, "tensor-parallel-size") == "2"
    assert _option(first, "max-model-len") == "4096"
    assert _option(first, "dtype") == "bfloat16"
    assert json.loads(_option(first, "hf-overrides")) == rope
    assert "--no-enable-prefix-caching" in first.command
    assert "--quantization" not in first.command
    assert "--enforce-eager" not in first.command
    assert first.environment["HF_HUB_OFFLINE"] == "1"
    assert first.log == run.folder / "serving" / "base-8000.log"
    assert made[2].log.name == "other-8002.log"


@pytest.mark.usefixtures("gpus")
def test_too_few_gpus_are_told(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _write(tmp_path, model, {"tensor_parallel": 8, "data_parallel": 2})
    assert main(["serve", str(path)]) == 2
    assert capsys.readouterr().err == (
        "evaluation.engine: 2 servers need 16 GPUs (tensor_parallel × pipeline_parallel each), this "
        "machine shows 8; lower data_parallel, or name fewer models\n"
    )


def test_two_servers_on_a_cpu_do_not_share_cores(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "has_gpu", lambda: False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3, 4})
    run = _run(tmp_path, model, {"data_parallel": 2}, temperature=0.7)
    made = servers.planned(run, servers.chosen(run, None), "127.0.0.1", 8000)
    assert [server.environment["VLLM_CPU_OMP_THREADS_BIND"] for server in made] == ["0,1", "2,3"]
    assert {server.environment["OMP_NUM_THREADS"] for server in made} == {"2"}
    assert "--enforce-eager" in made[0].command
    assert "--no-enable-chunked-prefill" in made[0].command


def test_a_judge_is_served_with_its_own_settings(tmp_path: Path, model: Path) -> None:
    judge = {
        "model": {"source": str(model)},
        "served_as": "the-judge",
        "max_model_len": 16384,
        "engine": {"kind": "vllm", "data_parallel": 2},
    }
    run = _run(tmp_path, model, judge=judge)
    made = servers.planned(run, servers.chosen(run, "judge,base"), "127.0.0.1", 8000)
    assert [_option(server, "max-model-len") for server in made] == ["16384", "16384", "1024"]
    told = yaml.safe_load(_told(run, made).split("asks them:\n")[1].split("\nTheir logs")[0])
    assert told["evaluation"]["engine"] == {
        "kind": "openai",
        "endpoints": ["http://127.0.0.1:8002/v1"],
    }
    assert told["evaluation"]["judge"]["served_as"] == "the-judge"
    assert len(told["evaluation"]["judge"]["engine"]["endpoints"]) == 2


@pytest.mark.parametrize(
    ("template", "asked", "expected"),
    [
        ("{{ 'x' }}", None, None),
        ("<|channel|>", None, "openai_gptoss"),
        ("<|channel|>", "", None),
        ("{{ 'x' }}", "qwen3", "qwen3"),
    ],
)
def test_the_reasoning_parser_is_the_templates_or_the_asked_one(
    tmp_path: Path, model: Path, template: str, asked: str | None, expected: str | None
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for file in model.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "chat_template.jinja").write_text(template)
    run = _run(tmp_path, folder, {"reasoning_parser": asked})
    (made,) = servers.planned(run, servers.chosen(run, None), "127.0.0.1", 8000)
    found = _option(made, "reasoning-parser") if "--reasoning-parser" in made.command else None
    assert found == expected


def test_the_key_is_in_the_environment_and_in_no_command(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-thisIsASecret")
    run = _run(tmp_path, model, {"api_key": "MY_KEY"})
    (made,) = servers.planned(run, servers.chosen(run, None), "0.0.0.0", 8000)
    assert made.environment["VLLM_API_KEY"] == "sk-thisIsASecret"
    assert "sk-thisIsASecret" not in " ".join(made.command)
    assert "they ask for the key that MY_KEY has" in _told(run, [made])
    monkeypatch.delenv("MY_KEY")
    (made,) = servers.planned(run, servers.chosen(run, None), "127.0.0.1", 8000)
    assert "VLLM_API_KEY" not in made.environment
    assert "ask for the key" not in _told(run, [made])


def test_a_server_that_others_can_reach_has_a_key_by_default(tmp_path: Path, model: Path) -> None:
    run = _run(tmp_path, model, {"api_key": "NOT_SET"})
    keys = []
    for _ in range(2):
        (made,) = servers.planned(run, servers.chosen(run, None), "0.0.0.0", 8000)
        keys.append(made.environment["VLLM_API_KEY"])
    file = run.folder / "serving" / "api_key"
    assert keys == [file.read_text().strip()] * 2
    assert len(keys[0]) > 40
    assert file.stat().st_mode & 0o777 == 0o600
    told = _told(run, [made])
    assert f"export NOT_SET=$(cat {file})" in told
    assert keys[0] not in told + " ".join(made.command)
    assert f"http://{socket.gethostname()}:8000/v1" in told


def test_an_unknown_model_is_told_with_the_nearest(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _write(tmp_path, model, models=[{"name": "other", "source": str(model)}])
    assert main(["serve", str(path), "--model", "base,othr"]) == 2
    assert capsys.readouterr().err == (
        "MODEL: 'othr' is not a model of this run; did you mean 'other'?\n"
    )


def test_a_port_that_is_taken_is_told_before_anything_starts(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert main(["serve", str(_write(tmp_path, model)), "--port", str(port)]) == 2
    assert capsys.readouterr().err == (
        f"PORT: 127.0.0.1:{port} cannot be taken (Address already in use); give another first port, such "
        "as PORT=8100, or another HOST\n"
    )
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("variables", "options"),
    [
        ([], "--host 127.0.0.1 --port 8000"),
        (
            ["MODEL=base,step-1", "HOST=0.0.0.0", "PORT=9000"],
            "--model base,step-1 --host 0.0.0.0 --port 9000",
        ),
    ],
)
def test_make_hands_its_variables_on(variables: list[str], options: str) -> None:
    ran = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", "serve", "PARAMS=params/x.yaml", *variables],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    words = shlex.split(ran.stdout)
    assert words[words.index("serve") + 1 :] == ["params/x.yaml", *options.split()]
