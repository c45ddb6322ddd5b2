"""Keys of a model's configuration that a params file may set when the model is loaded for training, by kind.

They are those of transformers' configurations; a model that does not have one refuses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from llmc_lib.params.passed_on import CODE, FILE, LOCAL, PlainGroup, Switch, Whole, check

_Share = Annotated[float, Field(ge=0, lt=1)]
_Positive = Annotated[float, Field(gt=0, le=1e12)]
KNOWN: dict[str, Any] = {
    "attention_dropout": _Share,
    "hidden_dropout": _Share,
    "resid_pdrop": _Share,
    "embd_pdrop": _Share,
    "rope_theta": _Positive,
    "rope_scaling": PlainGroup,
    "rope_parameters": PlainGroup,
    "max_position_embeddings": Whole,
    "sliding_window": Whole,
    "use_sliding_window": Switch,
    "max_window_layers": Whole,
    "num_experts_per_tok": Whole,
    "norm_topk_prob": Switch,
    "final_logit_softcapping": _Positive,
    "attn_logit_softcapping": _Positive,
}
_OURS = {
    "attn_implementation": "training.attention",
    "dtype": "training.precision",
    "torch_dtype": "training.precision",
    "revision": "model.revision",
    "router_aux_loss_coef": "training.router_aux_loss",
    "output_router_logits": "training.router_aux_loss",
}
_NEVER = {
    **dict.fromkeys(("trust_remote_code", "code_revision", "auto_map"), CODE),
    **dict.fromkeys(("cache_dir", "subfolder", "gguf_file", "adapter_kwargs", "token"), FILE),
    **dict.fromkeys(
        ("device_map", "max_memory", "quantization_config", "use_cache", "low_cpu_mem_usage", "tp_plan"), LOCAL
    ),
}  # fmt: skip


def check_model(given: Mapping[str, Any]) -> None:
    """Check the section `model_init_kwargs` of a training. Raises `ValueError(keys, message)`."""
    check("model_init_kwargs", given, KNOWN, _OURS, _NEVER, "a model's configuration")
