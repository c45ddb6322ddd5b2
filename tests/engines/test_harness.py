"""What made an answer is on disk beside it, and what cannot be read is no record."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from llmc_lib.engines.harness import (
    Harnesses,
    harness_file,
    of_server,
    of_vllm,
    read_harnesses,
)

ENGINE = {"tensor_parallel": 2, "pipeline_parallel": 1}


def test_a_record_is_written_once_and_found_by_its_name(tmp_path: Path) -> None:
    files = [tmp_path / "hle" / "base.jsonl", tmp_path / "skills" / "base.jsonl"]
    first = Harnesses(files).name({"engine": "vllm", "max_num_seqs": 64})
    other = Harnesses(files[:1]).name({"engine": "vllm", "max_num_seqs": 1})
    assert first != other
    assert read_harnesses(files[0])[first] == {"engine": "vllm", "max_num_seqs": 64}
    assert set(read_harnesses(files[0])) == {first, other}
    assert set(read_harnesses(files[1])) == {first}


@pytest.mark.parametrize("content", ["", "[]", '{"abc": {"engine": "vllm"}}', '{"abc": 3}', "\0"])
def test_what_is_not_as_it_was_written_is_no_record(tmp_path: Path, content: str) -> None:
    path = tmp_path / "base.jsonl"
    harness_file(path).write_text(content)
    assert read_harnesses(path) == {}


def test_the_offline_engine_tells_what_it_resolved() -> None:
    config = SimpleNamespace(
        model_config=SimpleNamespace(dtype="torch.bfloat16", quantization=None, enforce_eager=True),
        parallel_config=SimpleNamespace(tensor_parallel_size=2),
        scheduler_config=SimpleNamespace(max_num_seqs=64),
    )
    found = of_vllm(config, "vllm 0.32.0")
    assert found["dtype"] == "bfloat16"
    assert (found["tensor_parallel"], found["max_num_seqs"], found["eager"]) == (2, 64, True)
    assert found["quantization"] == found["attention_backend"] == "auto"
    assert found["device"]
    json.dumps(found)


def test_a_server_tells_itself_by_its_fingerprint() -> None:
    found = of_server("vllm-0.32.0-tp4-1a2b3c4d", ENGINE, is_vllm=True)
    assert found == {"engine": "openai", "server": "vllm-0.32.0-tp4", "configuration": "1a2b3c4d"}
    silent = of_server("", ENGINE, is_vllm=True)
    assert silent == {"engine": "openai", "server": "not told", **ENGINE}
    assert of_server("fp_44709d6fcb", ENGINE, is_vllm=False)["server"] == "fp_44709d6fcb"


@pytest.mark.slow
def test_a_server_that_is_another_one_each_time_does_not_fill_the_disk(tmp_path: Path) -> None:
    harnesses = Harnesses([tmp_path / "base.jsonl"])
    for number in range(300):
        harnesses.name(of_server(f"fp_{number}", ENGINE, is_vllm=False))
    assert len(read_harnesses(tmp_path / "base.jsonl")) == 101
