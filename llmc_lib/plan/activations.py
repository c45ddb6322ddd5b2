"""What one layer of a model keeps for its backward pass, and what its attention takes; `memory` has the sources."""

from __future__ import annotations

from llmc_lib.params import TrainingParams
from llmc_lib.plan.shape import Shape


def activation_widths(shape: Shape, bytes_each: int, liger: bool) -> list[int]:
    """Bytes a token that one layer keeps for its backward pass, tensor by tensor.

    Two RMSNorms (input, which transformers keeps in float32; normalized; output, which the linear
    layers after it keep), normalization of queries and keys where there is one, queries, keys, values
    and output of the attention (keys and values repeated to the queries' heads, as torch's attention
    with a mask needs them), and of the gated MLP the gate, its activation, the other branch and the
    product. A mixture of experts has these
    for each expert that the token goes to, and its copies of the token. Liger's kernels recompute the
    normalized input and the activation.
    """
    b, d = bytes_each, shape.hidden
    query, key = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    norm = [d * b, d * b] if liger else [d * 4, d * b, d * b]
    widths = [*norm, *norm, *[query * b] * 4]
    if shape.qk_norm:
        widths += [(query + key) * b] if liger else [(query + key) * 4, (query + key) * b]
    widths += [shape.ffn * b] * (3 if liger else 4)
    if shape.expert_count:
        copies = shape.experts_per_token * d * b
        widths += [copies, copies, shape.expert_count * (4 + b)]
    return widths


def attention_mask(params: TrainingParams, tokens: int, bytes_each: int) -> int:
    """Bytes of the mask for all layers and of its copy in the scores' dtype, where sequences share a row or are padded and the
    attention takes a mask. `tokens`: of a micro-batch."""
    alone = params.micro_batch_size == 1 and params.batching == "padded"
    if alone or params.sequence_parallel > 1 or params.attention.startswith("flash"):
        return 0
    return _pairs(params, tokens) * (1 + bytes_each)


def scores(shape: Shape, params: TrainingParams, tokens: int, bytes_each: int) -> int:
    """Bytes that the attention "eager" keeps of a layer: the softmax in float32, and in the dtype of its product with the values."""
    if params.attention != "eager":
        return 0
    return _pairs(params, tokens) * shape.heads * (4 + bytes_each)


def _pairs(params: TrainingParams, tokens: int) -> int:
    """Pairs of tokens: sequences in one row are a square of the whole row."""
    rows = params.micro_batch_size if params.batching == "padded" else 1
    return rows * (tokens // rows) ** 2
