"""The longest text that a model was made for, by its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_LENGTHS = ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length", "n_ctx")


def context_of(config: Mapping[str, Any]) -> int | None:
    """Tokens that a configuration is of, stretched as its rotary embedding is; None where it does not say."""
    lengths = [config[name] for name in _LENGTHS if _is_length(config.get(name))]
    length: int | None = lengths[0] if lengths else None
    rope = config.get("rope_scaling") or config.get("rope_parameters")
    if length is None or not isinstance(rope, dict):
        return length
    factor, original = rope.get("factor"), rope.get("original_max_position_embeddings")
    if not isinstance(factor, int | float) or not 1 <= factor < 1e6:
        return length
    start: int = original if _is_length(original) else length  # type: ignore[assignment]
    return max(length, int(factor * start))


def _is_length(value: Any) -> bool:
    return type(value) is int and 0 < value < 2**31
