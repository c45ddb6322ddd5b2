"""The loss that is made for a CPU is TRL's own, and sequences in one row do not see one another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer

from llmc_lib.params import TrainingParams
from llmc_lib.training import attention
from llmc_lib.training.methods.sft import trainer_class
from llmc_lib.training.methods.sft.rows import IGNORED
from llmc_lib.training.methods.sft.trainer import CpuTrainer
from tests.tiny import make_tiny_model, make_tiny_moe

pytestmark = pytest.mark.slow
ROWS = [
    {
        "input_ids": list(range(5, 5 + n)),
        "labels": [IGNORED] * given + list(range(5 + given, 5 + n)),
    }
    for n, given in ((40, 10), (25, 20), (60, 1), (12, 11))
]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    make_tiny_model(folder / "dense")
    make_tiny_moe(folder / "moe")
    return folder


def _gradients(
    kind: type[SFTTrainer], folder: Path, out: Path, how: str, implementation: str, aux: float = 0.0
) -> tuple[float, dict[str, torch.Tensor]]:
    """The loss of a batch of all rows, and its gradients."""
    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation=implementation)
    trainer = kind(
        model=model,
        args=SFTConfig(
            output_dir=str(out),
            use_cpu=True,
            bf16=False,
            report_to=[],
            max_length=None,
            padding_free=how == "padding_free",
            per_device_train_batch_size=4,
            router_aux_loss_coef=aux,
            gradient_checkpointing=False,
        ),
        train_dataset=Dataset.from_list(ROWS),
        processing_class=AutoTokenizer.from_pretrained(folder),
    )
    trainer.current_gradient_accumulation_steps = 1
    batch: dict[str, Any] = trainer.data_collator(ROWS)
    learnt = torch.tensor(sum(n != IGNORED for row in ROWS for n in row["labels"][1:]))
    loss = trainer.training_step(trainer.model, batch, learnt)
    grads = {n: p.grad for n, p in trainer.model.named_parameters() if p.grad is not None}
    assert getattr(trainer, "tokens", 137) == 137
    return float(loss), grads


@pytest.mark.parametrize("name", ["dense", "moe"])
@pytest.mark.parametrize("how", ["padding_free", "padded"])
def test_loss_and_gradients_are_those_of_sft_trainer(
    models: Path, tmp_path: Path, name: str, how: str
) -> None:
    aux = 0.01 if name == "moe" and how == "padding_free" else 0.0
    ours = attention.register() if how == "padding_free" else "sdpa"
    expected, wanted = _gradients(SFTTrainer, models / name, tmp_path, "padded", "eager")
    if aux:  # the auxiliary loss is of a batch as it is laid out
        expected, wanted = _gradients(SFTTrainer, models / name, tmp_path, how, "sdpa", aux)
    loss, got = _gradients(CpuTrainer, models / name, tmp_path, how, ours, aux)
    assert loss == pytest.approx(expected, rel=1e-5)
    assert set(got) == set(wanted)
    for key, gradient in got.items():
        torch.testing.assert_close(gradient, wanted[key], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({}, "CpuTrainer"),
        ({"sft": {"loss_type": "nll", "label_smoothing_factor": 0.0}}, "CpuTrainer"),
        ({"sft": {"loss_type": "dft"}}, "Trainer"),
        ({"sft": {"label_smoothing_factor": 0.1}}, "Trainer"),
        ({"sequence_parallel": 2, "nproc_per_node": 2, "batching": "padded"}, "LongTrainer"),
    ],
)
def test_another_loss_than_the_plain_one_is_computed_by_trl(
    given: dict[str, Any], name: str
) -> None:
    spec = TrainingParams.model_validate(given).model_dump()
    assert trainer_class(spec, gpu=False).__name__ == name
    assert trainer_class(spec, gpu=True).__name__ == name.replace("CpuTrainer", "Trainer")


def test_a_sequence_does_not_see_the_one_before_it(models: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(
        models / "dense", attn_implementation=attention.register()
    )
    first, second = torch.arange(5, 25), torch.arange(40, 57)

    def logits(*sequences: torch.Tensor) -> torch.Tensor:
        starts = torch.tensor([0, *(len(s) for s in sequences)]).cumsum(0).to(torch.int32)
        with torch.no_grad():
            out = model(
                input_ids=torch.cat(sequences)[None],
                position_ids=torch.cat([torch.arange(len(s)) for s in sequences])[None],
                cu_seq_lens_q=starts,
                use_cache=False,
            )
        return out.logits[0, -len(sequences[-1]) :]

    alone = logits(second)
    torch.testing.assert_close(logits(first, second), alone)
    torch.testing.assert_close(logits(first.flip(0), second), alone)
    torch.testing.assert_close(logits(first[:3], first, second), alone)
