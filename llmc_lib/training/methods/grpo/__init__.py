"""Reinforcement learning by TRL's GRPOTrainer: completions are sampled, rewarded, and made likelier or less so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmc_lib.training.methods.method import Rows
from llmc_lib.training.methods.method import model_settings as model_settings

if TYPE_CHECKING:
    from llmc_lib.training.trainer import MethodTrainer

TRAINER, CONFIG = "TRL's GRPOTrainer", "trl:GRPOConfig"
SECTION: tuple[str, ...] = ("grpo", "config")
COLUMNS: tuple[str, ...] = ("prompt", "answer", "answer_type")
MEASURES: Mapping[str, str] = {"reward": ".3f", "correct": ".0%", "length": ".0f"}
LOGGED: tuple[str, ...] = (
    "reward_std", "frac_reward_zero_std", "kl", "entropy", "step_time", "aux_loss", "*/*",
    "eval_reward", "eval_correct", "eval_length",
)  # fmt: skip
#: Fields of GRPOConfig that are of transformers' own sampling.
_TRANSFORMERS = {
    "generation_kwargs", "cache_implementation", "use_transformers_continuous_batching",
}  # fmt: skip
VALIDATION: tuple[str, Callable[[list[float]], float]] = ("eval_reward", max)


def config(spec: dict[str, Any]) -> dict[str, Any]:
    """How completions are sampled and what the loss makes of them."""
    from llmc_lib.params import RewardParams

    given = spec["grpo"]
    weights = RewardParams.model_validate(given["rewards"]).weights
    same = "max_completion_length temperature beta loss_type epsilon epsilon_high".split()
    fields = {name: given[name] for name in same} | {
        "num_generations": given["group_size"],
        "reward_weights": list(weights.values()),
        # An evaluation answers as many prompts at a time as an optimizer step.
        "per_device_eval_batch_size": spec["batch_size"] // spec["world_size"],
        "router_aux_loss_coef": spec["router_aux_loss"],
        "remove_unused_columns": False,
        "use_vllm": generator(spec) == "vllm",
    }
    if fields["use_vllm"]:
        server = given["vllm_server"]
        host, _, port = (server or "0.0.0.0:0").rpartition(":")
        fields |= {
            "vllm_mode": "server" if server else "colocate",
            "vllm_gpu_memory_utilization": given["vllm_memory"],
            "vllm_tensor_parallel_size": given["vllm_tensor_parallel"],
            "vllm_enable_sleep_mode": given["vllm_sleep"],
            "vllm_max_model_length": spec["max_length"],
        }
        fields |= {"vllm_server_host": host, "vllm_server_port": int(port)} if server else {}
    return fields


def generator(spec: dict[str, Any]) -> str:
    """What samples: "batched", "transformers" or "vllm"."""
    import torch

    chosen: str = spec["grpo"]["generator"]
    if chosen == "vllm" and not torch.cuda.is_available():
        raise RuntimeError("training.grpo.generator: vllm samples on a GPU alone; give auto")
    if chosen != "auto":
        return chosen
    if torch.cuda.is_available():
        return "vllm" if spec["grpo"]["vllm_server"] or find_spec("vllm") else "transformers"
    from llmc_lib.training.methods.grpo.decoding import can_decode

    own = can_decode(Path(spec["base"])) and not _TRANSFORMERS & set(spec["grpo"]["config"])
    return "batched" if own else "transformers"


def make_rows(spec: dict[str, Any]) -> Rows:
    """The prompts of both files, without those that leave no room for a completion."""
    from llmc_lib.training.methods.grpo.rows import load_prompts

    room = spec["max_length"] - spec["grpo"]["max_completion_length"]
    train, dropped = load_prompts(Path(spec["train"]), Path(spec["base"]), room)
    validation, also = load_prompts(Path(spec["validation"]), Path(spec["base"]), room)
    few = min(len(validation), spec["grpo"]["validation_prompts"])
    if not len(train):
        raise RuntimeError(
            f"training.grpo.max_completion_length: no prompt is short enough for the {room:,} tokens that it leaves of "
            "training.max_length; lower it, or raise training.max_length"
        )
    return Rows(train, validation.select(range(few)), dropped + also)


def make_trainer(spec: dict[str, Any], rows: Rows, *, gpu: bool, **given: Any) -> MethodTrainer:
    """TRL's trainer, on a CPU with sampling and a loss that cost less and are the same."""
    from llmc_lib.params import RewardParams
    from llmc_lib.rewards import reward_functions
    from llmc_lib.training.methods.grpo.cpu import CpuTrainer
    from llmc_lib.training.methods.grpo.trainer import Trainer

    kind = CpuTrainer if generator(spec) == "batched" else Trainer
    return kind(
        spec=spec,
        train_dataset=rows.train,
        eval_dataset=rows.validation if len(rows.validation) else None,
        reward_funcs=reward_functions(RewardParams.model_validate(spec["grpo"]["rewards"])),
        **given,
    )


def unusable(rows: Mapping[str, int]) -> str | None:
    """Why a data set cannot be trained on, of its numbers of rows; None where it can."""
    if not rows["answered"]:
        return "has no row with a reference answer, so no completion could be verified; take a source with answers"
    return None
