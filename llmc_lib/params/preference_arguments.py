"""The fields of TRL's DPOConfig and ORPOConfig (1.16) that a params file may set further, by kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from llmc_lib.params import sft_arguments as sft
from llmc_lib.params.passed_on import CODE, LOCAL, NETWORK, Number, Switch, check, one_of

#: Of SFTConfig alone.
_SFT = set(
    "eos_token packing_strategy truncation_mode loss_type completion_only_loss assistant_only_loss dataset_kwargs eval_packing "
    "max_seq_length dataset_text_field shuffle_dataset label_smoothing_factor packing padding_free pad_token dataset_num_proc "
    "chat_template_path activation_offloading".split()
)
#: Not of ORPOConfig.
_DPO = {"router_aux_loss_coef", "pad_to_multiple_of"}
_SHARED = {name: kind for name, kind in sft.KNOWN.items() if name not in _SFT}
_OURS = {name: key for name, key in sft.OURS.items() if name not in _SFT}
_NEVER = {name: why for name, why in sft.NEVER.items() if name not in _SFT} | {
    "truncation_mode": "pairs that are too long are left out, never cut",
    "dataset_num_proc": LOCAL,
    "label_smoothing_factor": "the loss of a pair does not read it",
    "pad_token": LOCAL,
}
_Share = Annotated[Number, Field(ge=0, le=1)]

_DPO_KNOWN: dict[str, Any] = {
    **_SHARED,
    **dict.fromkeys("activation_offloading disable_dropout use_weighting".split(), Switch),
    "discopop_tau": Annotated[Number, Field(gt=0)],
    "f_alpha_divergence_coef": Number,
    "f_divergence_type": one_of("reverse_kl", "forward_kl", "js_divergence", "alpha_divergence"),
    "label_smoothing": Annotated[Number, Field(ge=0, lt=0.5)],
    "ld_alpha": _Share,
}
_DPO_OURS = _OURS | {
    "beta": "training.dpo.beta",
    "loss_type": "training.dpo.loss_type",
    "loss_weights": "training.dpo.sft_weight",
}
_MOVES = (
    "the reference is the model that the training starts from, so that a training can be resumed"
)
_DPO_NEVER = _NEVER | {
    **dict.fromkeys("sync_ref_model ref_model_mixup_alpha ref_model_sync_steps".split(), _MOVES),
    **dict.fromkeys("precompute_ref_log_probs precompute_ref_batch_size".split(), LOCAL),
    "padding_free": "the installed TRL pads pairs whatever it says",
}

_ORPO_KNOWN: dict[str, Any] = {
    **{name: kind for name, kind in _SHARED.items() if name not in _DPO},
    "disable_dropout": Switch,
}
_ORPO_OURS = {name: key for name, key in _OURS.items() if name not in _DPO} | {
    "beta": "training.orpo.beta",
}
_ORPO_NEVER = _NEVER | {
    "generate_during_eval": NETWORK,
    "is_encoder_decoder": LOCAL,
    "max_completion_length": "pairs that are too long are left out, never cut",
    "padding_value": LOCAL,
    "model_init": CODE,
}


def check_dpo(given: Mapping[str, Any]) -> None:
    """Check `config` of the section `dpo` of a training. Raises `ValueError(keys, message)`."""
    check("config", given, _DPO_KNOWN, _DPO_OURS, _DPO_NEVER, "TRL's DPOConfig")


def check_orpo(given: Mapping[str, Any]) -> None:
    """Check `config` of the section `orpo` of a training. Raises `ValueError(keys, message)`."""
    check("config", given, _ORPO_KNOWN, _ORPO_OURS, _ORPO_NEVER, "TRL's ORPOConfig")
