"""`evaluation.repeat` and `evaluation.prompts`: what is taken, and what is refused with one message."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmc_lib.errors import UserError
from llmc_lib.params import Params
from llmc_lib.params.reader import load


def _load(folder: Path, text: str) -> Params:
    path = folder / "p.yaml"
    path.write_text(f"run: x\nevaluation:\n{text}\n")
    return load(path)


def test_one_repeat_need_not_be_a_list_and_changes_the_engine(tmp_path: Path) -> None:
    given = "  engine: {max_num_seqs: 64, vllm: {block_size: 16}}\n"
    given += "  repeat: {engine: {max_num_seqs: 1, dtype: bfloat16, vllm: {enforce_eager: true}}}"
    params = _load(tmp_path, given).evaluation
    (repeat,) = params.repeat
    assert repeat.model == "base"
    engine = repeat.engine_of(params.engine)
    assert (engine.max_num_seqs, engine.vllm) == (1, {"block_size": 16, "enforce_eager": True})


def test_the_first_of_several_prompts_is_the_prompt(tmp_path: Path) -> None:
    params = _load(tmp_path, "  prompts: [official, brief]")
    assert params.evaluation.prompt == "official"
    assert Params.model_validate(params.model_dump()) == params


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("  repeat: {engine: {max_num_seq: 1}}", "did you mean 'max_num_seqs'"),
        ("  repeat: {engine: {max_num_seqs: 0}}", "max_num_seqs: must be greater"),
        ("  repeat: {engine: {dtype: int8}}", "'int8' is not one of auto, float32"),
        ("  repeat: {engine: {kind: openai}}", "endpoints: required"),
        ("  repeat: {engine: {vllm: {trust_remote_code: true}}}", "code from a hub is not run"),
        ("  repeat: {modle: base}", "did you mean 'model'"),
        ("  repeat: [{}, {}]", "is listed twice"),
        ("  repeat: {model: nobody}", "'nobody' is not a model of the run"),
        ("  repeat: 3", "must be a list"),
        ("  prompts: [brief, brief]", "is listed twice"),
        ("  prompts: [brief, terse]", "'terse' is not one of"),
        ("  prompt: official\n  prompts: [brief, official]", "leave it out"),
        ("  repeat: {}\n  imports: [{model: a, path: x}, {model: b, path: y}]", "not sampled here"),
    ],
)
def test_what_cannot_be_is_one_message_with_its_line(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(UserError, match=r"p\.yaml, line \d+: evaluation") as caught:
        _load(tmp_path, text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
