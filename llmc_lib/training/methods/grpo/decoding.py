"""Sampling of many completions at a time on a CPU.

transformers' `generate` copies the whole cache for every token, repeats it for grouped queries, runs each
prompt once for every completion of it, and computes finished completions on to the end of the longest. Here
the cache has its place from the start, a prompt is run once, and a completion that is finished leaves the batch.

What is drawn depends on the random numbers that come in, one a token, and on nothing else: a completion is
the same in one process or in several, and after a resume.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    AttentionInterface,
    AttentionMaskInterface,
    AutoConfig,
    DynamicCache,
)
from transformers.cache_utils import DynamicLayer
from transformers.generation import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

ATTENTION = "sdpa_grouped"
#: A batch is made smaller once so many of its completions are finished: to copy the cache costs a few steps.
_FINISHED_SHARE = 0.2
#: Bytes of keys and values that a batch may take.
_CACHE_BYTES = 2**30


@dataclass(frozen=True)
class Decoding:
    """How completions are sampled: the fields of GRPOConfig of these names."""

    max_completion_length: int
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float | None = None
    repetition_penalty: float = 1.0

    def processors(self) -> LogitsProcessorList:
        """What is done to the logits, in transformers' order."""
        found = LogitsProcessorList()
        if self.repetition_penalty != 1.0:
            found.append(RepetitionPenaltyLogitsProcessor(penalty=self.repetition_penalty))
        if self.temperature != 1.0:
            found.append(TemperatureLogitsWarper(self.temperature))
        if self.top_k:
            found.append(TopKLogitsWarper(top_k=self.top_k))
        if self.top_p < 1.0:
            found.append(TopPLogitsWarper(top_p=self.top_p))
        if self.min_p:
            found.append(MinPLogitsWarper(min_p=self.min_p))
        return found


@dataclass(frozen=True)
class Sampled:
    """Completions, each with its end token where it has one, and what the distributions were like."""

    completions: list[list[int]]
    entropy: float  # of the next token, mean over all that were drawn, in nats


class _Room(DynamicLayer):
    """Keys and values of a layer that are written where they stay. `length`: as many tokens as there will be."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length, self.used = length, 0
        self.all_keys = self.all_values = torch.empty(0)

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **settings: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write further tokens, (sequences, heads, tokens, size) each; returns all there are."""
        if not self.used:
            # As attention under autocast takes them.
            kind = value_states.dtype
            shape = (*key_states.shape[:2], self.length, key_states.shape[-1])
            self.all_keys = key_states.new_empty(shape, dtype=kind)
            self.all_values = value_states.new_empty((*shape[:3], value_states.shape[-1]))
            self.dtype, self.device, self.is_initialized = kind, key_states.device, True
        start, self.used = self.used, self.used + key_states.shape[-2]
        self.all_keys[:, :, start : self.used] = key_states
        self.all_values[:, :, start : self.used] = value_states
        self.keys, self.values = (
            self.all_keys[:, :, : self.used],
            self.all_values[:, :, : self.used],
        )
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep these sequences, in this order, repeats allowed."""
        for name in ("all_keys", "all_values"):
            old = getattr(self, name)
            new = old.new_empty((len(indices), *old.shape[1:]))
            new[:, :, : self.used] = old[indices, :, : self.used]
            setattr(self, name, new)
        self.keys, self.values = (
            self.all_keys[:, :, : self.used],
            self.all_values[:, :, : self.used],
        )


def grouped(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float | None = None,
    **settings: Any,
) -> tuple[torch.Tensor, None]:
    """transformers' "sdpa" of the same value; a single token of a sequence without a copy of keys and values.

    `query` (sequences, heads, tokens, size), `key` and `value` (sequences, key heads, all tokens, size). The
    heads that share keys are to the kernel several tokens of one head, which see the same keys.
    """
    sequences, heads, tokens, size = query.shape
    groups = heads // key.shape[1]
    if tokens > 1 or settings.get("sliding_window") or settings.get("position_bias") is not None:
        out: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **settings
        )
        return out
    kind = value.dtype
    query = query.to(kind).reshape(sequences, key.shape[1], groups, size)
    if attention_mask is not None and attention_mask.dtype != torch.bool:
        attention_mask = attention_mask.to(kind)
    found = scaled_dot_product_attention(
        query, key.to(kind), value, attn_mask=attention_mask, scale=scaling
    )
    return found.reshape(sequences, 1, heads, value.shape[-1]), None


def register() -> str:
    """Make it known to transformers; returns the name that a model is loaded with."""
    AttentionInterface.register(ATTENTION, grouped)
    AttentionMaskInterface.register(ATTENTION, sdpa_mask)
    return ATTENTION


def can_decode(model: Path) -> bool:
    """Does `sample` know such a model (its folder): attention that can be exchanged, to all tokens in all layers?"""
    config = AutoConfig.from_pretrained(model)
    kind = MODEL_FOR_CAUSAL_LM_MAPPING.get(type(config), None)
    layers = DynamicCache(config=config).layers
    return bool(getattr(kind, "_supports_sdpa", False)) and all(
        type(layer) is DynamicLayer for layer in layers
    )


@torch.no_grad()  # type: ignore[untyped-decorator]
def sample(
    model: Any,
    prompts: Sequence[Sequence[int]],
    noise: torch.Tensor,
    how: Decoding,
    ends: Sequence[int],
) -> Sampled:
    """A completion of each prompt (token ids; equal prompts next to one another are run once).

    `noise` (prompts, max_completion_length): numbers in [0, 1), by which each token is drawn from the inverse of
    its cumulative distribution. `ends`: the tokens that end a completion.
    """
    most = max(map(len, prompts)) + how.max_completion_length
    rows = max(1, _CACHE_BYTES // (_cache_width(model.config) * most))
    completions: list[list[int]] = []
    entropy = 0.0
    for start in range(0, len(prompts), rows):
        batch = _Batch(model, prompts[start : start + rows], how)
        found, total = batch.run(noise[start : start + rows], torch.tensor([*ends]))
        completions += found
        entropy += total
    return Sampled(completions, entropy / max(1, sum(map(len, completions))))


def _cache_width(config: Any) -> int:
    """Bytes of keys and values of a token, in float32."""
    text = config.get_text_config(decoder=True)
    heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    size = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return int(8 * text.num_hidden_layers * heads * size)


class _Batch:
    """Prompts whose completions are written side by side."""

    def __init__(self, model: Any, prompts: Sequence[Sequence[int]], how: Decoding) -> None:
        self.model, self.how, self.processors = model, how, how.processors()
        unique: list[Sequence[int]] = []
        of: list[int] = []
        for prompt in prompts:
            if not unique or list(prompt) != list(unique[-1]):
                unique.append(prompt)
            of.append(len(unique) - 1)
        self.longest = max(map(len, unique))
        length = self.longest + how.max_completion_length
        self.ids = torch.zeros(len(unique), length, dtype=torch.long)
        self.mask = torch.zeros(len(unique), length, dtype=torch.long)
        for row, prompt in enumerate(unique):
            self.ids[row, self.longest - len(prompt) : self.longest] = torch.tensor([*prompt])
            self.mask[row, self.longest - len(prompt) :] = 1
        self.cache = DynamicCache(config=model.config)
        self.cache.layers = [_Room(length) for _ in self.cache.layers]
        self.logits = self._forward(0, self.longest)
        self._keep(torch.tensor(of))

    def run(self, noise: torch.Tensor, ends: torch.Tensor) -> tuple[list[list[int]], float]:
        """The completions, and the sum of all entropies."""
        rows = torch.arange(len(noise))  # of the batch → of the result
        lengths = torch.full((len(noise),), self.how.max_completion_length)
        drawn = torch.zeros(noise.shape, dtype=torch.long)
        open_ = torch.ones(len(noise), dtype=torch.bool)  # by row of the batch
        entropy = 0.0
        for step in range(self.how.max_completion_length):
            at = self.longest + step
            token, each = self._draw(noise[rows, step], at)
            entropy += float(each[open_].sum())
            drawn[rows[open_], step] = token[open_]
            finished = open_ & torch.isin(token, ends)
            lengths[rows[finished]] = step + 1
            open_ &= ~finished
            if not open_.any() or step + 1 == self.how.max_completion_length:
                break
            self.ids[:, at] = token
            if (~open_).sum() >= max(1, _FINISHED_SHARE * len(rows)):
                kept = open_.nonzero().squeeze(1)
                self._keep(kept)
                rows, open_ = rows[kept], open_[kept]
            self.logits = self._forward(at, at + 1)
        return [drawn[n, : lengths[n]].tolist() for n in range(len(noise))], entropy

    def _forward(self, start: int, end: int) -> torch.Tensor:
        """The logits (rows, vocabulary) after the tokens from `start` to `end`."""
        mask = self.mask[:, :end]
        places = (mask.cumsum(1) - 1).clamp(min=0)[:, start:end]
        logits: torch.Tensor = self.model(
            input_ids=self.ids[:, start:end],
            attention_mask=mask,
            position_ids=places,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits
        return logits[:, -1].float()

    def _draw(self, noise: torch.Tensor, at: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The next token of each row, and the entropy of what it was drawn from."""
        logits = self.processors(self.ids[:, :at], self.logits)
        shifted = logits - logits.amax(1, keepdim=True)
        weights = shifted.exp()
        sums = weights.cumsum(1, dtype=torch.float64)
        total = sums[:, -1:]
        token = torch.searchsorted(sums, noise[:, None].double() * total, right=True)
        # -inf (a token that is not allowed) has no weight, and no part in the sum
        mean = (weights * shifted.clamp(min=-1e4)).sum(1, dtype=torch.float64) / total[:, 0]
        token = token.clamp(max=logits.shape[1] - 1).squeeze(1)
        return token, total[:, 0].log() - mean

    def _keep(self, rows: torch.Tensor) -> None:
        self.ids, self.mask, self.logits = self.ids[rows], self.mask[rows], self.logits[rows]
        for layer in self.cache.layers:
            layer.batch_select_indices(rows)
