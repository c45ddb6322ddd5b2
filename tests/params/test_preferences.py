"""The settings of learning from pairs: what is taken, and what is refused with which words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from llmc_lib.errors import UserError
from llmc_lib.params import Params, reader
from llmc_lib.training.arguments import config_class, field_error
from llmc_lib.training.methods import METHODS

FILES = {"name": "pairs", "kind": "files", "path": "x.jsonl", "category": "Safety"}
FIELDS = {"question": "prompt", "completion": "chosen", "rejected": "rejected"}


def _load(tmp_path: Path, **values: Any) -> Params:
    path = tmp_path / "x.yaml"
    path.write_text(yaml.safe_dump({"run": "x", **values}, sort_keys=False))
    return reader.load(path)


def test_methods_of_candidates(tmp_path: Path) -> None:
    params = _load(
        tmp_path,
        training={"dpo": {"beta": 0.2}},
        candidates=[
            {"name": "sft"},
            {"name": "careful", "method": "dpo", "start": "sft"},
            {"name": "far", "method": "dpo", "training": {"dpo": {"sft_weight": 1.0}}},
            {"name": "odds", "method": "orpo"},
        ],
    )
    sft, careful, far, odds = (recipe.training for recipe in params.recipes)
    assert careful.dpo is not None
    assert far.dpo is not None
    assert odds.orpo is not None
    assert (sft.method, careful.dpo.beta, careful.dpo.sft_weight) == ("sft", 0.2, 0.0)
    assert (far.dpo.beta, far.dpo.sft_weight, odds.orpo.beta) == (0.2, 1.0, 0.1)


def test_without_them_nothing_is_asked() -> None:
    training = Params(run="x").training
    assert (training.dpo, training.orpo) == (None, None)


def test_the_kind_of_rows_with_a_rejected_response(tmp_path: Path) -> None:
    from llmc_lib.dataset.sources import row_kind
    from llmc_lib.params import SourceParams

    assert row_kind(SourceParams.model_validate({**FILES, "fields": FIELDS})) == "response"
    chat = {"messages": "chosen", "rejected": "rejected"}
    assert row_kind(SourceParams.model_validate({**FILES, "fields": chat})) == "chat"


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ({"method": "dpo", "dpo": {"beta": 0}}, "training.dpo.beta: must be greater than 0, not 0"),
        ({"method": "dpo", "dpo": {"loss_type": "orpo"}}, "'orpo' is not one of 'sigmoid'"),
        ({"method": "dpo", "dpo": {"rewards": {}}}, "training.dpo.rewards: unknown key; known keys here: beta"),
        ({"method": "orpo", "orpo": {"loss_type": "ipo"}}, "training.orpo.loss_type: unknown key; known keys here: beta, config"),
        ({"method": "sft", "dpo": {}}, "training.dpo: is read by method: dpo alone, and nothing is trained by it"),
        ({"method": "orpo", "dpo": {"beta": 0.5}}, "training.dpo: is read by method: dpo alone"),
        ({"method": "dpo", "dpo": {"config": {"beta": 1.0}}}, "training.dpo.config.beta: is set by training.dpo.beta; give it there"),
        ({"method": "dpo", "dpo": {"config": {"loss_weights": [1.0]}}}, "is set by training.dpo.sft_weight"),
        ({"method": "dpo", "dpo": {"config": {"sync_ref_model": True}}}, "is not for a params file: the reference is the model"),
        ({"method": "dpo", "dpo": {"config": {"trust_remote_code": True}}}, "it names code to be loaded"),
        ({"method": "dpo", "dpo": {"config": {"label_smoothing": 0.1}}}, "is not read by loss_type: sigmoid"),
        ({"method": "dpo", "dpo": {"loss_type": "exo_pair"}}, "loss_type: exo_pair needs one above 0"),
        ({"method": "orpo", "orpo": {"config": {"generate_during_eval": True}}}, "is not for a params file"),
        ({"method": "orpo", "orpo": {"config": {"disable_dropot": True}}}, "did you mean 'disable_dropout'?"),
        (
            {"method": "dpo", "lora": {"target_modules": ["q_proj", "lm_head"]}},
            "training.lora.target_modules: TRL's DPOTrainer reads the weights of lm_head",
        ),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path: Path, training: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        _load(tmp_path, training=training)


def test_a_candidate_with_settings_of_another_method(tmp_path: Path) -> None:
    candidates = [{"name": "a", "method": "orpo", "training": {"dpo": {"beta": 0.5}}}]
    with pytest.raises(UserError, match=r"candidates\.0\.training\.dpo: is read by method: dpo alone, and this candidate has orpo"):  # fmt: skip
        _load(tmp_path, candidates=candidates)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"fields": FIELDS, "row_kind": "verifiable"}, "give row_kind: response"),
        ({"fields": {"question": "prompt", "rejected": "rejected"}}, "rejected needs the chosen response beside it"),
        ({"fields": FIELDS, "rejected": "y.jsonl"}, "fields names them already"),
    ],
)  # fmt: skip
def test_sources_without_pairs(tmp_path: Path, source: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        _load(tmp_path, dataset={"sources": [{**FILES, **source}]})


@pytest.mark.parametrize("name", ["dpo", "orpo"])
def test_each_field_is_one_of_the_installed_trl(name: str) -> None:
    from dataclasses import fields

    from llmc_lib.params import preference_arguments as arguments
    from llmc_lib.params import sft_arguments

    there = {field.name for field in fields(config_class(METHODS[name]))}
    known, ours, never = (
        getattr(arguments, f"_{name.upper()}_{part}") for part in ("KNOWN", "OURS", "NEVER")
    )
    assert set(known) - set(sft_arguments.KNOWN) <= there
    assert there <= set(known) | set(ours) | set(never)
    assert field_error(METHODS[name], {"disable_dropout": False}) is None
    assert field_error(METHODS[name], {"nothing": 1})
