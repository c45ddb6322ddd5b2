"""A copy of the model that is trained, to sample with."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from peft import PeftModel
from torch import nn

from llmc_lib.training.methods.grpo import decoding

#: Parameters that ZeRO-3 gathers at a time.
_TOGETHER = 50_000_000


#: Of peft's names of weights: those of adapters and of what a layer that is trained as a whole was before; and what
#: stands in others for the layer itself.
_ADAPTERS = re.compile(r"\.(lora_|original_module\.)")
_INSIDE = re.compile(r"\.(base_layer|modules_to_save\.default)(?=\.)")


class Mirror:
    """The model as one process can run it: without the hooks of DeepSpeed and peft, with all weights of ZeRO-3,
    adapters merged, and the weights of its products in bfloat16 where the training multiplies in it, so that
    they are not converted for every token. Its distribution is that of the model in training.

    What has the same type there and here is not copied: the memory is that of the bfloat16 weights, under
    ZeRO-3 and with adapters that of all.
    """

    def __init__(self, policy: nn.Module, *, half: bool) -> None:
        """`policy`: the unwrapped model; `half`: does it multiply in bfloat16?"""
        source: Any = policy.get_base_model() if isinstance(policy, PeftModel) else policy
        self.half = half
        made: Any = type(source)(source.config)
        made.set_attn_implementation(decoding.register())
        self.model = made.eval().requires_grad_(False)
        names: dict[int, list[str]] = defaultdict(list)
        for name, weight in self.model.named_parameters(remove_duplicate=False):
            names[id(weight)].append(name)
        self._names = {same[0]: same for same in names.values()}
        self._half = set()
        for name, module in self.model.named_modules():
            if half and isinstance(module, nn.Linear):
                own = {key: f"{name}.{key}" for key, _ in module.named_parameters(recurse=False)}
                for key, full in own.items():  # of tied weights the other one stays as it is
                    setattr(module, key, nn.Parameter(getattr(module, key).bfloat16(), False))
                    self._half.add(full)

    def refresh(self, policy: nn.Module) -> None:
        """Take over the weights as they are now. Under ZeRO-3 all processes call it."""
        merge = isinstance(policy, PeftModel)
        own = dict(self.model.named_parameters(remove_duplicate=False))
        source = policy.get_base_model() if merge else policy
        weights = [
            (_plain(name), weight)
            for name, weight in source.named_parameters()  # type: ignore[union-attr]
            if not _ADAPTERS.search(name)
        ]
        partitioned = any(hasattr(weight, "ds_id") for weight in policy.parameters())
        with torch.no_grad(), _merged(policy) if merge else nullcontext():
            for some in [weights] if merge else list(_batches(weights)):
                with _gathered(weight for _, weight in some) if not merge else nullcontext():
                    for name, weight in some:
                        self._take(own, name, weight, copy=partitioned or merge)

    def _take(
        self, own: dict[str, nn.Parameter], name: str, weight: torch.Tensor, *, copy: bool
    ) -> None:
        for same in self._names.get(name, [name]):
            target = own[same]
            if copy or target.dtype != weight.dtype:
                if target.shape != weight.shape or target.data_ptr() == weight.data_ptr():
                    target.data = torch.empty_like(weight, dtype=target.dtype)
                target.copy_(weight)
            else:
                target.data = weight.data

    def autocast(self) -> AbstractContextManager[Any]:
        """The context in which the model is called."""
        return torch.autocast("cpu", torch.bfloat16) if self.half else nullcontext()


def _plain(name: str) -> str:
    """A weight's name in the model without adapters."""
    return _INSIDE.sub("", name)


def _gathered(weights: Iterable[nn.Parameter]) -> AbstractContextManager[Any]:
    """The whole of weights of which ZeRO-3 has left each process a part."""
    parts = [weight for weight in weights if hasattr(weight, "ds_id")]
    if not parts:
        return nullcontext()
    import deepspeed

    found: AbstractContextManager[Any] = deepspeed.zero.GatheredParameters(parts)
    return found


class _merged:
    """Adapters added to the weights that they adapt, and taken out again."""

    def __init__(self, policy: PeftModel) -> None:
        self.policy = policy
        self.whole = _gathered(policy.parameters())

    def __enter__(self) -> None:
        self.whole.__enter__()
        self.policy.merge_adapter()

    def __exit__(self, *error: Any) -> None:
        self.policy.unmerge_adapter()
        self.whole.__exit__(*error)


def _batches(
    weights: list[tuple[str, nn.Parameter]],
) -> Iterator[list[tuple[str, nn.Parameter]]]:
    some: list[tuple[str, nn.Parameter]] = []
    size = 0
    for name, weight in weights:
        count = getattr(weight, "ds_numel", weight.numel())
        if some and size + count > _TOGETHER:
            yield some
            some, size = [], 0
        some.append((name, weight))
        size += count
    if some:
        yield some
