"""FP8 weights become bfloat16 ones by their scales; other quantised weights are refused before anything starts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmc_lib.errors import UserError
from llmc_lib.models.quantized import quantized_problem, trainable
from llmc_lib.models.resolve import base_model
from llmc_lib.params import Params
from llmc_lib.store import Run
from tests.tiny import make_tiny_model

BLOCK = 32


def _quantize(folder: Path) -> None:
    """Make the projections of a model FP8 with a scale for each block, as DeepSeek-V3's files have them."""
    import torch
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    made = {}
    for name, weight in weights.items():
        if not name.endswith("proj.weight"):
            made[name] = weight.to(torch.bfloat16)
            continue
        rows, columns = (-(-n // BLOCK) for n in weight.shape)
        padded = torch.zeros(rows * BLOCK, columns * BLOCK)
        padded[: weight.shape[0], : weight.shape[1]] = weight.float()
        blocks = padded.view(rows, BLOCK, columns, BLOCK)
        scales = blocks.abs().amax((1, 3)) / 448
        small = (blocks / scales[:, None, :, None]).reshape(padded.shape)
        made[name] = small[: weight.shape[0], : weight.shape[1]].to(torch.float8_e4m3fn).contiguous()  # fmt: skip
        made[f"{name}_scale_inv"] = scales
    save_file(made, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {
        "quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic", "weight_block_size": [BLOCK, BLOCK],
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.slow
@pytest.mark.usefixtures("warm_python")
def test_fp8_weights_are_those_that_were_quantised(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM

    source = tmp_path / "model"
    make_tiny_model(source)
    before = load_file(source / "model.safetensors")
    _quantize(source)
    values = {"run": "x", "runs_dir": str(tmp_path / "runs"), "model": {"source": str(source)}}
    run = Run(Params.model_validate(values), tmp_path / "x.yaml")
    folder = base_model(run).folder
    assert folder != source
    assert "quantization_config" not in json.loads((folder / "config.json").read_text())
    after = AutoModelForCausalLM.from_pretrained(folder, dtype="auto").state_dict()
    for name, weight in before.items():
        assert after[name].dtype == torch.bfloat16
        # e4m3 has 3 bits after the point: an error of 1/16 at most, of small values that of the least step.
        bound = weight.abs() / 16 + weight.abs().max() / 448
        assert ((after[name].float() - weight).abs() <= bound).all(), name
    assert (folder / "tokenizer.json").exists()
    assert base_model(run).folder == folder


@pytest.mark.parametrize("method", ["awq", "gptq", "compressed-tensors", "bitsandbytes", 3])
def test_other_quantised_weights_are_refused(tmp_path: Path, method: object) -> None:
    config = {"model_type": "llama", "quantization_config": {"quant_method": method}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert "give the model that it was made from" in quantized_problem(tmp_path)
    with pytest.raises(UserError, match="its weights are quantised"):
        trainable(tmp_path, tmp_path / "runs")


def test_plain_weights_stay_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    assert trainable(tmp_path, tmp_path / "runs") == tmp_path
