"""The harness of an answer: which engine, version, device, arithmetic and batching turned the prompt into it.

Greedy decoding of the same model gives other tokens under another tensor-parallel size, batch size, attention kernel or dtype,
as sums are then rounded in another order (Yuan et al., Understanding and Mitigating Numerical Sources of Nondeterminism in LLM
Inference, 2025). So each prediction names its harness by a hash, and <predictions>.harness.json says what each hash is. Answers
of different harnesses are not kept apart, as those of other settings are: the page shows where they differ, and
`evaluation.repeat` measures what that makes of the score.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from llmc_lib.models.hardware import device_name
from llmc_lib.store import fingerprint, read_object, write_atomic

#: What two models cannot have in common: vLLM's servers hash the model with the configuration.
OWN = ("configuration",)
#: A server can name as many configurations as it likes; further ones are recorded as this one.
_MOST = 100
_OTHERS = {"engine": "openai", "server": "others"}
#: Key of a record → its place in vLLM's configuration.
_PLACES = {
    "dtype": "model_config.dtype",
    "quantization": "model_config.quantization",
    "tensor_parallel": "parallel_config.tensor_parallel_size",
    "pipeline_parallel": "parallel_config.pipeline_parallel_size",
    "data_parallel": "parallel_config.data_parallel_size",
    "expert_parallel": "parallel_config.enable_expert_parallel",
    "max_num_seqs": "scheduler_config.max_num_seqs",
    "max_num_batched_tokens": "scheduler_config.max_num_batched_tokens",
    "chunked_prefill": "scheduler_config.enable_chunked_prefill",
    "prefix_caching": "cache_config.enable_prefix_caching",
    "kv_cache_dtype": "cache_config.cache_dtype",
    "block_size": "cache_config.block_size",
    "attention_backend": "attention_config.backend",
    "eager": "model_config.enforce_eager",
}


def of_vllm(config: Any, version: str) -> dict[str, Any]:
    """The harness of an offline engine: what its `vllm_config` resolved, "auto" where that is not told."""
    found: dict[str, Any] = {"engine": "vllm", "version": version, "torch": _version("torch")}
    found["device"] = device_name()
    for key, place in _PLACES.items():
        value = config
        for name in place.split("."):
            value = getattr(value, name, None)
        found[key] = _plain(value)
    if os.environ.get("VLLM_BATCH_INVARIANT", "0") not in ("", "0"):
        found["batch_invariant"] = True
    return found


def of_server(fingerprint_: str, engine: Mapping[str, Any], *, is_vllm: bool) -> dict[str, Any]:
    """The harness of a served answer, as far as the reply's `system_fingerprint` tells it.

    vLLM's is vllm-<version>[-<parallelism>]-<hash of its configuration and model>. One that does not say how it is spread over
    GPUs is taken to have been started with the parallelism of the params (`engine`), as `make serve` does.
    """
    found: dict[str, Any] = {"engine": "openai", "server": fingerprint_ or "not told"}
    if fingerprint_.startswith("vllm-") and fingerprint_.count("-") > 1:
        found["server"], _, found["configuration"] = fingerprint_.rpartition("-")
    elif is_vllm:
        for key in ("tensor_parallel", "pipeline_parallel"):
            found[key] = engine[key]
    return found


def harness_file(predictions: Path) -> Path:
    """Where the harnesses of a file of predictions are."""
    return predictions.with_suffix(".harness.json")


def read_harnesses(predictions: Path) -> dict[str, dict[str, Any]]:
    """Hash → harness; {} where none was recorded, as by earlier versions."""
    found = read_object(harness_file(predictions)) or {}
    return {
        name: record
        for name, record in found.items()
        if isinstance(record, dict) and fingerprint(**record) == name
    }


class Harnesses:
    """The records beside the predictions files that a worker writes to."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._files = list(files)
        self._known: dict[str, str] = {}

    def name(self, record: Mapping[str, Any]) -> str:
        """The hash of a harness; it is on disk before an answer names it."""
        text = json.dumps(record, sort_keys=True)
        if text not in self._known:
            if len(self._known) >= _MOST and record != _OTHERS:
                return self.name(_OTHERS)
            name = self._known[text] = fingerprint(**record)
            for file in self._files:
                there = read_harnesses(file)
                if name not in there:
                    content = json.dumps({**there, name: record}, indent=1)
                    write_atomic(harness_file(file), content)
        return self._known[text]


def _plain(value: Any) -> Any:
    """A value as JSON has it and a page prints it."""
    if value is None:
        return "auto"
    if isinstance(value, bool | int | float):
        return value
    return str(getattr(value, "name", value)).removeprefix("torch.")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"
