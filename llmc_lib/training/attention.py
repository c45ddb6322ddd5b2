"""Attention for sequences that follow one another in one row, on a CPU.

transformers' own "sdpa" keeps the sequences of such a row apart by a mask of the whole row's square:
the work grows with the row. Here each sequence is a call of its own, and none is masked.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

NAME = "sdpa_by_sequence"


def by_sequence(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    cu_seq_lens_q: torch.Tensor,
    scaling: float | None = None,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention within each sequence of a row.

    `query` (1, heads, tokens, size), `key` and `value` (1, key heads, tokens, size); `cu_seq_lens_q`
    (sequences + 1,): where each begins, and the end. Returns the output as (1, tokens, heads, size),
    which is what transformers' models expect, and no weights.
    """
    lengths = cu_seq_lens_q.diff().tolist()
    parts = zip(*(states.split(lengths, dim=2) for states in (query, key, value)), strict=True)
    out = [
        scaled_dot_product_attention(
            q, k, v, dropout_p=dropout, scale=scaling, is_causal=True, enable_gqa=True
        )
        for q, k, v in parts
    ]
    return torch.cat(out, dim=2).transpose(1, 2).contiguous(), None


def register() -> str:
    """Make it known to transformers; returns the name that a model is loaded with."""
    AttentionInterface.register(NAME, by_sequence)
    return NAME
