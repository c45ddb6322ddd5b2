"""Completions come from the model's own distribution, one token's number deciding one token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, MistralConfig, Qwen3Config

from llmc_lib.training.methods.grpo.decoding import Decoding, can_decode, register, sample
from llmc_lib.training.methods.grpo.order import noise
from tests.tiny import make_tiny_model, make_tiny_moe

pytestmark = pytest.mark.slow
PROMPTS = [[5, 6, 7], [5, 6, 7], [8] * 9, [11, 12], [11, 12], [11, 12]]
LENGTH = 12


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    make_tiny_model(folder / "dense")
    make_tiny_moe(folder / "moe")
    return folder


def _model(folder: Path, implementation: str) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, attn_implementation=implementation).eval()


@pytest.mark.parametrize("name", ["dense", "moe"])
def test_each_token_is_the_one_that_a_whole_pass_of_the_model_gives(
    models: Path, name: str
) -> None:
    numbers = noise(0, "test", range(len(PROMPTS)), LENGTH)
    how = Decoding(LENGTH, temperature=0.7)
    model = _model(models / name, register())
    ends = [sample(model, PROMPTS, numbers, how, []).completions[2][4]]  # some end early
    found = sample(model, PROMPTS, numbers, how, ends)
    assert len(found.completions[2]) <= 5
    assert len({len(ids) for ids in found.completions}) > 1
    plain = _model(models / name, "eager")
    entropies = []
    for prompt, ids, row in zip(PROMPTS, found.completions, numbers, strict=True):
        assert ids[-1] in ends or len(ids) == LENGTH
        assert not set(ids[:-1]) & set(ends)
        with torch.no_grad():
            logits = plain(torch.tensor([prompt + ids])).logits[0, len(prompt) - 1 : -1]
        shares = (logits.double() / 0.7).softmax(-1)
        below = shares.cumsum(-1)
        for place, token in enumerate(ids):
            low, high = below[place, token] - shares[place, token], below[place, token]
            assert low - 1e-4 <= row[place] <= high + 1e-4
        entropies += torch.distributions.Categorical(probs=shares).entropy().tolist()
    assert found.entropy == pytest.approx(sum(entropies) / len(entropies), abs=1e-3)


def test_tokens_come_as_often_as_the_model_says(models: Path) -> None:
    model = _model(models / "dense", register())
    with torch.no_grad():
        logits = model(torch.tensor([[5, 6, 7]])).logits[0, -1]
    # Of random weights all are nearly as likely; so cold that a few are likely.
    heat = next(
        t for t in (0.2, 0.1, 0.05, 0.03, 0.02, 0.01) if (logits / t).softmax(0).max() > 0.1
    )
    times = 5_000
    numbers = noise(3, "test", range(times), 1)
    found = sample(model, [[5, 6, 7]] * times, numbers, Decoding(1, temperature=heat), [])
    counts = torch.tensor([ids[0] for ids in found.completions]).bincount(minlength=len(logits))
    shares = (logits / heat).softmax(0)
    often = shares * times >= 20
    assert often.sum() >= 3
    excess = (counts - shares * times)[often].abs() / (shares * (1 - shares) * times)[often].sqrt()
    assert excess.max() < 4  # standard errors


def test_filters_leave_the_tokens_that_they_say(models: Path) -> None:
    model = _model(models / "dense", register())
    numbers = noise(0, "test", range(6), LENGTH)
    greedy = sample(model, PROMPTS, numbers, Decoding(LENGTH, top_k=1), []).completions
    out = model.generate(
        torch.tensor([PROMPTS[2]]), max_new_tokens=LENGTH, do_sample=False, eos_token_id=[]
    )
    assert greedy[2] == out[0, len(PROMPTS[2]) :].tolist()
    nucleus = sample(model, PROMPTS, numbers, Decoding(LENGTH, top_p=1e-6), []).completions
    assert nucleus == greedy


def test_what_other_caches_need_is_known(tmp_path: Path) -> None:
    Qwen3Config(num_hidden_layers=2).save_pretrained(tmp_path / "qwen3")
    assert can_decode(tmp_path / "qwen3")
    MistralConfig(num_hidden_layers=2, sliding_window=16).save_pretrained(tmp_path / "mistral")
    assert not can_decode(tmp_path / "mistral")
