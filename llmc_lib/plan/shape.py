"""The shape of a model: what its config.json says of parameters and layers, without any weights.

python -m llmc_lib.plan.shape CONFIG.json     counts (a worker of `model_shape`)
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from llmc_lib.errors import UserError
from llmc_lib.models import hub
from llmc_lib.models.folder import read_config
from llmc_lib.models.resolve import EMBEDDED
from llmc_lib.processes.workers import WorkerError, emit, run_worker
from llmc_lib.store import ROOT, Run, fingerprint, read_object, set_aside, write_atomic

_CONFIGS = Path(__file__).parent / "configs"
#: The commits that the files in configs/ are of.
SHIPPED = {
    "Qwen/Qwen3-8B": "b968826d9c46dd6066d109eabc6255188de91218",
    "Qwen/Qwen3-32B": "9216db5781bf21249d130ec9da846c4624c16137",
    "Qwen/Qwen3-235B-A22B-Thinking-2507": "6cbffae6d8e28b986a6b17bd36f42f9fa0f1f0a5",
}
_VERSION = 2  # of what is counted; a new one makes old files in runs/_shapes worthless


@dataclass(frozen=True)
class Shape:
    """Counts of parameters are of elements, not bytes; widths are of one token in one layer."""

    parameters: int
    embedding: int  # of the input table; also the output layer, where they are one (`tied`)
    tied: bool
    experts: int  # parameters in experts, all layers; 0 in a dense model
    expert_count: int  # experts of a layer
    experts_per_token: int
    largest_block: int  # parameters of the largest layer, gathered as one under ZeRO-3
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int  # intermediate width that one token passes: of all its experts together
    vocabulary: int
    context: int  # tokens
    qk_norm: bool  # are queries and keys normalized?
    linear: tuple[tuple[str, int], ...]  # name of linear layers, sum of their widths in + out
    linear_weights: int  # parameters of all linear layers but the output layer, without biases

    @property
    def active(self) -> int:
        """Parameters that one token passes: of the experts only those that the router picks."""
        if not self.expert_count:
            return self.parameters
        return (
            self.parameters
            - self.experts
            + self.experts * self.experts_per_token // (self.expert_count)
        )

    @property
    def multiplied(self) -> int:
        """Active parameters that are factors of a matrix product: the input table is only looked up."""
        return self.active if self.tied else self.active - self.embedding

    @property
    def cached(self) -> int:
        """Bytes of keys and values of a token in bfloat16, all layers."""
        return 4 * self.layers * self.kv_heads * self.head_dim

    def adapters(self, rank: int, targets: tuple[str, ...], saved: tuple[str, ...] = ()) -> int:
        """Parameters of LoRA adapters (Hu et al., arXiv:2106.09685): rank × (in + out) for each linear
        layer that is named, or for all but the output layer; and the tables of tokens that are trained as a whole."""
        tables = self.embedding * sum(name in ("embed_tokens", "lm_head") for name in saved)
        named = {target.rpartition(".")[2] for target in targets}
        widths = sum(width for name, width in self.linear if not named or name in named)
        widths += (self.hidden + self.vocabulary) * ("lm_head" in named)
        return rank * widths + tables


@dataclass(frozen=True)
class Source:
    """Where a shape was read, in words, and the config.json itself."""

    text: str
    config: Path


def model_shape(run: Run, folder: Path | None = None) -> tuple[Shape, Source]:
    """The shape of the run's base model (in `folder`, where that is known), counted once in a process
    of its own.

    Raises `UserError` where no config.json can be had, or transformers cannot build the model.
    """
    source = Source(str(folder), folder / "config.json") if folder else config_source(run)
    config = read_config(source.config)
    kept = kept_at(run.runs, config)
    facts = read_object(kept)
    if facts is not None and not _is_shape(facts):
        set_aside(kept, "is not as it was written")
        facts = None
    if facts is None:
        counted: list[dict[str, Any]] = []
        command = [sys.executable, "-m", "llmc_lib.plan.shape", str(source.config)]
        try:
            run_worker(command, kept.with_suffix(".log"), counted.append)
        except WorkerError as error:
            raise UserError(
                f"{source.config}: transformers cannot build a model from it: {error}"
            ) from None
        facts = counted[-1]["shape"]
        write_atomic(kept, json.dumps(facts))
    facts["linear"] = tuple((name, width) for name, width in facts["linear"])
    return Shape(**facts), source


def _is_shape(facts: dict[str, Any]) -> bool:
    """Are these the counts of a `Shape`?"""
    linear = facts.get("linear")
    return (
        facts.keys() == {field.name for field in fields(Shape)}
        and all(isinstance(value, int) for name, value in facts.items() if name != "linear")
        and isinstance(linear, list)
        and all(isinstance(pair, list) and len(pair) == 2 for pair in linear)
    )


def kept_at(runs: Path, config: dict[str, Any]) -> Path:
    """Where the counts of a config are kept."""
    return runs / "_shapes" / f"{fingerprint(version=_VERSION, config=config)}.json"


def config_source(run: Run) -> Source:
    """The config.json of the run's base model: a local one, the hub's at the pinned commit, or, for a
    few models, the copy in configs/ when the hub cannot give it."""
    name, revision = run.params.model.source, run.params.model.revision
    if name == "embedded":
        return Source(f"{EMBEDDED} (embedded)", _CONFIGS / f"{EMBEDDED}.json")
    local = ROOT / name / "config.json"
    if local.is_file():
        return Source(f"{name}/config.json", local)
    problem = "the hub cannot be reached"
    if name not in SHIPPED or hub.answers():
        try:
            where = f"{run.params_file.name}: model.source: {name}@{revision}"
            folder = hub.download(name, revision, ["config.json"], where=where)
            return Source(f"{name}@{(revision or '')[:12]}, from the hub", folder / "config.json")
        except UserError:
            if name not in SHIPPED:
                raise
            problem = "the hub did not give it"
    text = f"{name}@{SHIPPED[name][:12]}, the package's copy of its config ({problem})"
    if not SHIPPED[name].startswith(revision or "-"):
        text += f"; the params file names another commit, {revision}"
    return Source(text, _CONFIGS / f"{name.partition('/')[2]}.json")


def count(config_file: Path) -> Shape:
    """Build the model on torch's meta device, where tensors have shapes but no memory, and count."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    whole = AutoConfig.from_pretrained(config_file, trust_remote_code=False)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(whole, trust_remote_code=False)
    config = whole.get_text_config()
    named = list(model.named_parameters())  # a tied weight once
    expert_count = _first(config, "num_experts", "num_local_experts", "n_routed_experts") or 0
    per_token = _first(config, "num_experts_per_tok", "num_experts_per_token") or 0
    blocks: dict[str, int] = {}
    for name, weight in named:
        if found := re.match(r".*?\.layers\.\d+\.", name):
            blocks[found[0]] = blocks.get(found[0], 0) + weight.numel()
    ffn = config.intermediate_size
    if expert_count:
        shared = _first(config, "shared_expert_intermediate_size") or 0
        ffn = per_token * (_first(config, "moe_intermediate_size") or ffn) + shared
    head = model.get_output_embeddings()
    linear: dict[str, int] = {}
    linear_weights = 0
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and module is not head:
            last = name.rpartition(".")[2]
            linear[last] = linear.get(last, 0) + module.in_features + module.out_features
            linear_weights += module.weight.numel()
    table = model.get_input_embeddings().weight
    return Shape(
        parameters=sum(weight.numel() for _, weight in named),
        embedding=table.numel(),
        tied=head is None or head.weight is table,
        experts=sum(weight.numel() for name, weight in named if ".experts." in name),
        expert_count=expert_count,
        experts_per_token=per_token,
        largest_block=max(blocks.values()),
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        heads=config.num_attention_heads,
        kv_heads=_first(config, "num_key_value_heads") or config.num_attention_heads,
        head_dim=_first(config, "head_dim") or config.hidden_size // config.num_attention_heads,
        ffn=ffn,
        vocabulary=config.vocab_size,
        context=config.max_position_embeddings,
        qk_norm=any(name.endswith("q_norm.weight") for name, _ in named),
        linear=tuple(sorted(linear.items())),
        linear_weights=linear_weights,
    )


def _first(config: Any, *names: str) -> int | None:
    """The first of these that the config has."""
    return next((getattr(config, name) for name in names if getattr(config, name, None)), None)


if __name__ == "__main__":
    emit("shape", shape=asdict(count(Path(sys.argv[1]))))
