"""Preference pairs as token ids, and DPO and ORPO on them computed by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch.nn.functional import cross_entropy, logsigmoid

from llmc_lib.models.chat import ChatFormat
from llmc_lib.training.arguments import config_class
from llmc_lib.training.methods import METHODS
from llmc_lib.training.methods.pairs import load_pairs

pytestmark = pytest.mark.slow  # loads torch

ROWS = [
    {"prompt": f"What is {n} + {n + 1}?", "completion": f"It is {2 * n + 1}.", "rejected": "Sum it up yourself." * (n % 3),
     "history": "", "loss": "last"}
    for n in range(6)
]  # fmt: skip


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "train.parquet"
    pd.DataFrame(ROWS).to_parquet(path)
    return path


def test_rows_without_a_rejected_response_are_for_others(rows: Path, model: Path) -> None:
    pairs, dropped = load_pairs(rows, model, 1000)
    assert (len(pairs), dropped) == (4, 0)  # of two rows it is empty
    chat = ChatFormat(model)
    given = [row for row in ROWS if row["rejected"]]
    for pair, row in zip(pairs, given, strict=True):
        assert chat.tokenizer.decode(pair["prompt_ids"]) == chat.opening(row["prompt"])
        assert chat.tokenizer.decode(pair["chosen_ids"]) == f"{row['completion']}<|im_end|>"
        assert chat.tokenizer.decode(pair["rejected_ids"]) == f"{row['rejected']}<|im_end|>"


def test_a_pair_with_one_long_response_is_left_out(rows: Path, model: Path) -> None:
    pairs, _ = load_pairs(rows, model, 1000)
    lengths = [
        len(p["prompt_ids"]) + max(len(p["chosen_ids"]), len(p["rejected_ids"])) for p in pairs
    ]
    limit = sorted(lengths)[1]
    kept, dropped = load_pairs(rows, model, limit)
    assert kept == [p for p, length in zip(pairs, lengths, strict=True) if length <= limit]
    assert dropped == len(pairs) - len(kept) > 0


def test_a_data_set_of_before_has_no_pairs(tmp_path: Path, model: Path) -> None:
    path = tmp_path / "train.parquet"
    pd.DataFrame(ROWS).drop(columns="rejected").to_parquet(path)
    assert load_pairs(path, model, 1000) == ([], 0)


@pytest.mark.parametrize("name", ["dpo", "orpo"])
def test_what_is_said_where_no_row_has_one(name: str) -> None:
    said = METHODS[name].unusable({"completed": 5, "answered": 5, "paired": 0})
    assert said is not None
    assert "has no row with a rejected response" in said
    assert "rejected: rejected" in said


def _logps(model: Any, pair: dict[str, list[int]], name: str) -> torch.Tensor:
    """The log-probability of each token of a response."""
    ids = torch.tensor([pair["prompt_ids"] + pair[f"{name}_ids"]])
    scores = torch.log_softmax(model(ids).logits[0, :-1].float(), -1)
    found: torch.Tensor = scores.gather(1, ids[0, 1:, None])[-len(pair[f"{name}_ids"]) :, 0]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("method", ["dpo", "orpo"])
def test_the_loss_is_the_papers(method: str, rows: Path, model: Path, tmp_path: Path) -> None:
    """Of a policy that differs from its reference, on pairs of different lengths in one micro-batch."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from llmc_lib.params import TrainingParams
    from llmc_lib.training.methods.method import Rows

    settings = TrainingParams.model_validate(
        {"method": method, "dpo": {"beta": 0.3, "sft_weight": 0.5}} if method == "dpo" else {"method": method, "orpo": {"beta": 0.3}}
    )  # fmt: skip
    spec = {
        **settings.model_dump(mode="json"),
        "base": str(model), "train": str(rows), "validation": str(rows), "folder": str(tmp_path), "max_length": 500,
    }  # fmt: skip
    module = METHODS[method]
    args = config_class(module)(
        output_dir=str(tmp_path), use_cpu=True, bf16=False, report_to=[], per_device_train_batch_size=4,
        gradient_checkpointing=False, **module.config(spec),
    )  # fmt: skip
    policy, reference = (AutoModelForCausalLM.from_pretrained(model) for _ in range(2))
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in policy.parameters():
            weight.add_(0.02 * torch.randn_like(weight))
    made = module.make_rows(spec)
    assert isinstance(made, Rows)
    trainer = module.make_trainer(
        spec, made, gpu=False, model=policy, args=args,
        processing_class=AutoTokenizer.from_pretrained(model), peft_config=None,
    )  # fmt: skip
    batch = next(iter(trainer.get_train_dataloader()))
    loss = trainer.compute_loss(trainer.model, batch)
    pairs, _ = load_pairs(rows, model, 500)
    with torch.no_grad():
        chosen, rejected = ([_logps(policy, p, n) for p in pairs] for n in ("chosen", "rejected"))
        if method == "dpo":
            before = [[_logps(reference, p, n).sum() for p in pairs] for n in ("chosen", "rejected")]  # fmt: skip
            ratios = [
                torch.stack([x.sum() for x in now]) - torch.stack(was)
                for now, was in zip((chosen, rejected), before, strict=True)
            ]
            expected = -logsigmoid(0.3 * (ratios[0] - ratios[1])).mean()
            expected -= 0.5 * torch.cat(chosen).mean()
        else:
            odds = [
                torch.stack([x.mean() - torch.log1p(-x.mean().exp()) for x in of])
                for of in (chosen, rejected)
            ]
            ids = [torch.tensor(p["prompt_ids"] + p["chosen_ids"]) for p in pairs]
            whole = torch.cat([policy(each[None]).logits[0, :-1] for each in ids])
            nll = cross_entropy(whole, torch.cat([each[1:] for each in ids]))
            expected = nll - 0.3 * logsigmoid(odds[0] - odds[1]).mean()
    torch.testing.assert_close(loss.detach(), expected, rtol=1e-4, atol=1e-4)
