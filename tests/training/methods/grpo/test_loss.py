"""The loss that is made for a CPU has the value and the gradient of TRL's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig

from llmc_lib.params import TrainingParams
from llmc_lib.training.methods.grpo.cpu import CpuTrainer, _by_length
from tests.tiny import make_tiny_model

pytestmark = pytest.mark.slow
MIXED, EVEN = [1.0, -0.5, -0.5, 0.0, 0.0, 0.0], [0.0] * 6


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    make_tiny_model(folder)
    return folder


def _reward(completions: list[str], **_: Any) -> list[float | None]:
    return [0.0] * len(completions)


def _trainer(kind: type[Any], folder: Path, out: Path, **fields: Any) -> Any:
    args = GRPOConfig(
        output_dir=str(out), use_cpu=True, bf16=False, report_to=[], num_generations=3,
        per_device_train_batch_size=6, gradient_accumulation_steps=1, max_completion_length=7,
        temperature=0.8, **{"gradient_checkpointing": False, **fields},
    )  # fmt: skip
    given: dict[str, Any] = {}
    if kind is CpuTrainer:
        training = {
            "method": "grpo",
            "precision": "float32",
            "batch_size": 6,
            "micro_batch_size": 6,
        }
        grpo = {"group_size": 3, "max_completion_length": 7}
        params = TrainingParams.model_validate({**training, "grpo": grpo})
        given = {"spec": {"seed": 0, "base": str(folder), **params.model_dump()}}
    return kind(
        model=AutoModelForCausalLM.from_pretrained(folder),
        args=args,
        train_dataset=Dataset.from_list([{"prompt": "a b", "answer": "1"}] * 4),
        processing_class=AutoTokenizer.from_pretrained(folder),
        reward_funcs=[_reward],
        **given,
    )


def _inputs(advantages: list[float]) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    # Three completions of each of two prompts.
    prompt = torch.randint(5, 200, (2, 4)).repeat_interleave(3, 0)
    kept = torch.randint(5, 200, (6, 7))
    ends = torch.tensor([3, 7, 1, 5, 2, 6])
    mask = (torch.arange(7) < ends[:, None]).long()
    before = torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]]).repeat_interleave(3, 0)
    return {
        "prompt_ids": prompt, "prompt_mask": before, "completion_ids": kept, "completion_mask": mask,
        "advantages": torch.tensor(advantages), "num_items_in_batch": mask.sum(),
        "ref_per_token_logps": torch.full((6, 7), -5.0),
    }  # fmt: skip


def _gradients(
    trainer: Any, inputs: dict[str, torch.Tensor]
) -> tuple[float, dict[str, torch.Tensor]]:
    trainer.current_gradient_accumulation_steps = 1
    trainer.model.train()
    loss = trainer._compute_loss(trainer.model, inputs)
    loss.backward()
    return float(loss.detach()), {n: p.grad for n, p in trainer.model.named_parameters()}


@pytest.mark.parametrize(
    ("loss", "advantages", "fields"),
    [
        *((loss, advantages, {}) for loss in ("dapo", "dr_grpo", "grpo", "bnpo") for advantages in (MIXED, EVEN)),
        ("dapo", MIXED, {"beta": 0.1}),
        ("dapo", MIXED, {"entropy_coef": 0.2}),
        ("dapo", MIXED, {"gradient_checkpointing": True}),
    ],
)  # fmt: skip
def test_value_and_gradient(
    model: Path, tmp_path: Path, loss: str, advantages: list[float], fields: dict[str, Any]
) -> None:
    from trl import GRPOTrainer  # of a module that has been imported, without vLLM

    inputs = _inputs(advantages)
    # The reference model is not asked: what it says is in the inputs.
    theirs = _trainer(GRPOTrainer, model, tmp_path, loss_type=loss, **fields)
    ours = _trainer(CpuTrainer, model, tmp_path, loss_type=loss, **fields)
    expected, wanted = _gradients(theirs, inputs)
    found, got = _gradients(ours, inputs)
    assert found == pytest.approx(expected, abs=1e-5)
    assert any(gradient.abs().max() > 0 for gradient in wanted.values()) == any(advantages)
    for name, gradient in wanted.items():
        torch.testing.assert_close(got[name], gradient, rtol=1e-3, atol=1e-6)


def test_micro_batches_have_all_completions_once_those_of_like_length_together() -> None:
    inputs = _inputs([1.0, 0.0, -0.5, 0.0, 0.5, -1.0])
    parts = _by_length(inputs, 3)
    assert [len(part["advantages"]) for part in parts] == [2, 2, 2]
    lengths = torch.cat([part["completion_mask"].sum(1) for part in parts]).tolist()
    assert lengths == [1, 2, 3, 6, 5, 7]
    assert torch.cat([part["advantages"] for part in parts]).tolist()[-2:] == [0.0, 0.0]
    assert all(part["num_items_in_batch"] == inputs["num_items_in_batch"] for part in parts)
