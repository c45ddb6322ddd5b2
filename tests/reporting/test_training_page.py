"""How the training went, in words: true for all that the params can ask for, escaped, in whole sentences."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from llmc_lib.params import Params
from llmc_lib.reporting.training_page import diagnosis, differences, how
from llmc_lib.reporting.training_words import size


def made_facts(**facts: Any) -> dict[str, Any]:
    """The facts of a candidate's manifest, with some changed."""
    return {
        "base": "SmolLM2-135M-Instruct (embedded)", "parameters": 134_515_008,
        "trained_parameters": 134_515_008, "rows": 184, "too_long": 0, "steps": 12, "epochs": 1.0,
        "precision": "float32", "device": "CPU", "processes": 1, "train_seconds": 318.0, "tokens": 41_340,
        "peak_memory_gib": 6.31, "resumed_from": [], "models": [{"name": "step-12", "step": 12, "of": 12}],
        "loss": {"first": 1.71, "last": 1.33},
        "eval_loss": {"first": 1.62, "last": 1.41, "best": 1.41, "best_step": 12}, **facts,
    }  # fmt: skip


def _params(training: dict[str, Any] | None = None, **values: Any) -> Params:
    return Params.model_validate({"run": "x", "training": training or {}, **values})


def _text(markup: str) -> str:
    """What is read, with ordinary spaces."""
    return re.sub(r"<[^>]+>", "", markup).replace("\N{NO-BREAK SPACE}", " ")


def test_one_training_in_a_paragraph() -> None:
    params = _params({"learning_rate": 2e-4, "micro_batch_size": 2})
    assert _text(how(params, {"main": made_facts()}).markup) == (
        "Full-parameter fine-tuning of SmolLM2-135M-Instruct (embedded; 135 million parameters) with TRL's "
        "SFTTrainer on DeepSpeed ZeRO-2: 184 examples, 1 epoch, 12 steps of 16 sequences, learning rate "
        "2e-4 (cosine, 3% of the steps to warm up), float32 arithmetic, loss on the completion alone. "
        "41,340 tokens took 5.3 minutes on the CPU (130 tokens/s, validation passes included), with at most "
        "6.3 GiB of memory in a process. No example was longer than 512 tokens."
    ).replace("'", "&#x27;")


@pytest.mark.parametrize(
    ("training", "facts", "words"),
    [
        ({"lora": {"rank": 8}}, {"trained_parameters": 2_400_000},
         "Fine-tuning by low-rank adapters (LoRA, rank 8, alpha 32; 2.4 million trained parameters, merged"),
        ({"lora": {"rank": 8, "quantization": "nf4"}}, {"trained_parameters": 2_400_000},
         "Fine-tuning by low-rank adapters beside weights in 4 bits (QLoRA, rank 8, alpha 32; 2.4 million trained"),
        ({"deepspeed": "zero3_offload"}, {}, "on DeepSpeed ZeRO-3 with CPU offload:"),
        ({"nproc_per_node": 2}, {}, "minutes on the CPU in 2 processes (130"),
        ({}, {"device": "NVIDIA H100"}, "minutes on one NVIDIA H100 ("),
        ({"nproc_per_node": 4}, {"device": "NVIDIA H100"}, "minutes on 4 × NVIDIA H100 ("),
        ({"nproc_per_node": 2, "cluster": {"nodes": 2, "endpoint": "a:1"}}, {"device": "NVIDIA H100"},
         "minutes on 4 × NVIDIA H100 in 2 machines ("),
        ({"nproc_per_node": 2, "cluster": {"nodes": 2, "endpoint": "a:1"}}, {},
         "minutes on CPUs in 4 processes in 2 machines ("),
        ({"batching": "packed"}, {}, "12 steps of 16 sequences of up to 512 tokens packed with several"),
        ({"nproc_per_node": 3}, {}, "12 steps of 15 sequences"),
        ({"nproc_per_node": 3}, {}, "asks for a batch of 16, which the processes could not share evenly; 15 is the nearest"),
        ({"micro_batch_size": 5}, {}, "could not share the batch in micro-batches of 5; they had 4 each."),
        ({"warmup_ratio": 0.0, "lr_scheduler": "constant"}, {}, "learning rate 1e-5 (constant), "),
        ({}, {"epochs": 2.5, "steps": 1}, "2.5 epochs, 1 step of 16"),
        ({}, {"too_long": 3}, "3 examples were longer than 512 tokens and left out."),
        ({}, {"too_long": 1}, "1 example was longer than 512 tokens and left out."),
        ({}, {"resumed_from": [4, 8]}, "was interrupted and resumed from the checkpoint of step 4 and 8."),
        ({}, {"train_seconds": 0.0}, "took 0.0 seconds on the CPU (– tokens/s"),
        ({}, {"base": "<script>x</script>"}, "&lt;script&gt;"),
    ],
)  # fmt: skip
def test_the_paragraph_is_true_for_every_setting(
    training: dict[str, Any], facts: dict[str, Any], words: str
) -> None:
    markup = how(_params({**training}), {"main": made_facts(**facts)}).markup
    assert words in _text(markup)
    assert "<script" not in markup


GRPO: dict[str, Any] = {
    "method": "grpo", "batch_size": 64, "learning_rate": 1e-5, "lr_scheduler": "constant", "warmup_ratio": 0.0,
    "grpo": {"steps": 20, "max_completion_length": 96, "rewards": {"form": 0.1}},
}  # fmt: skip


def test_a_training_by_reinforcement_in_a_paragraph() -> None:
    facts = made_facts(rows=280, steps=20, reward={"first": 0.3, "last": 0.5})
    assert _text(how(_params(GRPO), {"main": facts}).markup).startswith(
        "Reinforcement learning of all weights of SmolLM2-135M-Instruct (embedded; 135 million parameters) with TRL"
        "&#x27;s GRPOTrainer on DeepSpeed ZeRO-2: 280 prompts, 1 epoch, 20 steps of 64 completions of at most 96 "
        "tokens (8 of each prompt, temperature 1), learning rate 1e-5 (constant), float32 arithmetic, rewards "
        "answer 1 and form 0.1."
    )


def test_candidates_by_reinforcement_have_their_start_and_what_is_not_usual() -> None:
    candidates = [
        {"name": "sft"},
        {"name": "rl", "method": "grpo", "start": "sft", "training": GRPO},
    ]
    params = _params(candidates=candidates)
    facts = {"sft": made_facts(), "rl": made_facts(reward={"first": 0.3, "last": 0.5})}
    block = how(params, facts)
    table = block["table-trainings"].markup
    told = differences(params)
    assert told["sft"] == "nothing"
    assert "start sft" in told["rl"]
    assert "method grpo" in told["rl"]
    assert "grpo.steps 20" in told["rl"]
    assert "grpo.rewards.form 0.1" in told["rl"]
    assert "group_size" not in told["rl"]  # as usual
    assert "0.30 → 0.50" in table
    assert "Held-out reward" in table


CANDIDATES: dict[str, Any] = {
    "candidates": [
        {"name": "math", "mixture": {"sources": ["hard_math"], "mixture": False}},
        {"name": "all", "training": {"learning_rate": 2e-5}},
        {"name": "lora", "training": {"lora": {"rank": 4}}},
        {
            "name": "sft",
            "training": {"sft": {"neftune_noise_alpha": 5, "label_smoothing_factor": 0.1}},
        },
    ]
}


def _rows(markup: str) -> list[list[str]]:
    (body,) = re.findall(r"<tbody>.*?</tbody>", markup)
    return [[cell.text or "" for cell in row] for row in ElementTree.fromstring(body)]


def test_several_trainings_in_a_paragraph_and_a_table() -> None:
    facts = {
        "math": made_facts(rows=90, resumed_from=[6]),
        "all": made_facts(too_long=2),
        "lora": made_facts(eval_loss=None, trained_parameters=1_200_000),
        "sft": made_facts(),
    }
    markup = how(_params(**CANDIDATES), facts).markup
    text = _text(markup.split("<div")[0])
    assert text.startswith(
        "4 candidates, each trained by itself from SmolLM2-135M-Instruct (embedded; 135 million parameters) with"
    )
    assert "The same for all: DeepSpeed ZeRO-2, steps of 16 sequences, float32 arithmetic" in text
    assert (
        "Unless the table says otherwise: full-parameter fine-tuning, learning rate 1e-5 (" in text
    )
    assert "Together they took 21.2 minutes on the CPU." in text
    assert "longer than training takes: all 2." in text
    assert "math: The training was interrupted and resumed from the checkpoint of step 6." in text
    rows = _rows(markup)
    assert [row[0] for row in rows] == ["math", "all", "lora", "sft"]
    assert [row[1] for row in rows[:2]] == ["sources hard_math, mixture off", "learning_rate 2e-5"]
    assert rows[0][2:] == ["90", "12", "1.71 → 1.33", "1.62 → 1.41", "130", "5.3", "6.3"]
    assert rows[2][5] == "–"


def test_what_differs_is_named_as_in_the_params_file() -> None:
    assert differences(_params(**CANDIDATES)) == {
        "math": "sources hard_math, mixture off",
        "all": "learning_rate 2e-5",
        "lora": "lora rank 4 + alpha 32",
        "sft": "sft.neftune_noise_alpha 5, sft.label_smoothing_factor 0.1",
    }
    assert differences(_params()) == {"main": "nothing"}


@pytest.mark.parametrize(
    "training",
    [{"save_minutes": 3.0}, {"evaluations": 5}, {"export_at": [1.0]}, {"nproc_per_node": 4},
     {"cluster": {"timeout_minutes": 5}}],
)  # fmt: skip
def test_what_changes_nothing_that_is_learnt_is_no_difference(training: dict[str, Any]) -> None:
    candidates = [{"name": "a"}, {"name": "b", "training": training}]
    assert differences(_params(candidates=candidates)) == {"a": "nothing", "b": "nothing"}


def test_what_all_candidates_change_alike_is_not_what_they_differ_in() -> None:
    training = {"learning_rate": 2e-5}
    names = [{"name": name, "training": training} for name in ("a", "b")]
    assert differences(_params(candidates=names)) == {"a": "nothing", "b": "nothing"}


def test_the_diagnosis_has_a_line_for_each_finding_and_alarms_stand_out() -> None:
    steps = range(1, 21)
    losses = np.linspace(2.0, 1.0, 20)
    train = pd.DataFrame({"step": steps, "epoch": [s / 10 for s in steps], "loss": losses})
    held = pd.DataFrame(
        {"step": [0, 10, 20], "epoch": [0.0, 1.0, 2.0], "eval_loss": [2.0, 1.6, 1.9]}
    )
    over = pd.concat([train, held], ignore_index=True)
    markup = diagnosis({"main": over}).markup
    assert (
        '<li class="alarm"><strong>Overfitting after epoch 1 (step 10).</strong> Validation'
        in markup
    )
    markup = diagnosis({"a": over, "<b>": train}).markup
    assert "<strong>a: overfitting after epoch 1 (step 10).</strong>" in markup
    assert "<strong>&lt;b&gt;: looks right.</strong>" in markup


@pytest.mark.parametrize(
    ("parameters", "words"),
    [(112_448, "112,448"), (1_200_000, "1.2 million"), (134_515_008, "135 million"), (8_190_735_360, "8.2 billion"),
     (235_093_634_560, "235 billion")],
)  # fmt: skip
def test_a_number_of_parameters_in_words(parameters: int, words: str) -> None:
    assert size(parameters) == words
