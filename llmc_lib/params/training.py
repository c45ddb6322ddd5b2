"""The section `training`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from llmc_lib.errors import shown
from llmc_lib.params.common import Fraction, Length, Part, PathText, PositiveInt, Processes, Section
from llmc_lib.params.deepspeed_arguments import check_deepspeed
from llmc_lib.params.grpo import GrpoParams
from llmc_lib.params.model_arguments import check_model
from llmc_lib.params.preferences import DpoParams, OrpoParams
from llmc_lib.params.sft_arguments import check_sft
from llmc_lib.params.together import check_together


class LoraParams(Section):
    """Train low-rank adapters (peft) in place of all weights; they are merged into what is exported."""

    rank: Annotated[int, Field(ge=1, le=65_536)] = 16
    alpha: Annotated[float, Field(gt=0, le=1e6)] = 32.0
    dropout: Fraction = 0.0
    # Names of the layers that get one; (): all linear layers.
    target_modules: Annotated[tuple[str, ...], Field(strict=False)] = ()
    # Rank-stabilised: adapters are scaled by alpha / √rank in place of alpha / rank (arXiv:2312.03732).
    rank_stabilized: bool = False
    # Layers that are trained as a whole beside the adapters: embed_tokens and lm_head, for new tokens.
    modules_to_save: Annotated[tuple[str, ...], Field(max_length=20, strict=False)] = ()
    # "nf4": the frozen linear layers are held in 4 bits (QLoRA, arXiv:2305.14314), which needs an NVIDIA GPU and bitsandbytes.
    quantization: Literal["nf4"] | None = None


#: Of a batch script: what is longer than its line would be a command.
SlurmWord = Annotated[str, Field(pattern=r"^[\w.,@+:-]+$", max_length=200)]
SlurmLine = Annotated[str, Field(pattern=r"^[^\n]*$", max_length=1000)]


#: What sbatch takes as --time: minutes[:seconds], hours:minutes:seconds, days-hours[:minutes[:seconds]].
_TIME = re.compile(
    r"[0-9]+(:[0-5]?[0-9])?|[0-9]+(:[0-5]?[0-9]){2}|[0-9]+-([01]?[0-9]|2[0-3])(:[0-5]?[0-9]){0,2}"
)


class SlurmParams(Section):
    """What `make slurm` writes into the head of the script."""

    time: Annotated[str, Field(max_length=20)] = "24:00:00"
    partition: SlurmWord | None = None
    account: SlurmWord | None = None
    cpus_per_task: PositiveInt | None = None
    lines: Annotated[tuple[SlurmLine, ...], Field(strict=False)] = ()  # further #SBATCH options
    setup: Annotated[tuple[str, ...], Field(strict=False)] = ()  # shell lines before the training

    @model_validator(mode="after")
    def _check(self) -> SlurmParams:
        if not _TIME.fullmatch(self.time):
            raise ValueError(
                "time",
                f"{shown(self.time)} must be minutes, hours:minutes:seconds or days-hours:minutes:seconds, with minutes and seconds "
                "up to 59 after a colon and hours up to 23 after days",
            )
        return self


class EvaluationJobParams(Section):
    """What `make slurm WHAT=evaluation` writes: a job a model."""

    nodes: Processes = 1  # machines with servers of a model, each with engine.data_parallel of them
    at_once: Processes | None = None  # jobs that run at the same time; None: as many as Slurm lets
    job: SlurmParams | None = None  # None: training.cluster.slurm


class ClusterParams(Section):
    """Several machines with the checkout and `runs_dir` at the same place of a shared file system."""

    nodes: Processes = 1
    # How the processes of several machines find each other. "torchrun": `make train NODE_RANK=k` on
    # every machine but the first, which runs `make report`. "hostfile": DeepSpeed starts them by ssh.
    # Under the script of `make slurm`, "torchrun" it is, and Slurm fills in the endpoint.
    launcher: Literal["torchrun", "hostfile"] = "torchrun"
    endpoint: str | None = None  # host:port of the first machine; any free port
    hostfile: PathText | None = None  # DeepSpeed's: a line "host slots=8" a machine
    # A rank that waits so long for another one ends the run.
    timeout_minutes: Annotated[int, Field(ge=1, le=100_000)] = 30
    slurm: SlurmParams = SlurmParams()

    @model_validator(mode="after")
    def _check(self) -> ClusterParams:
        if self.endpoint is not None:
            found = re.fullmatch(r"[\w.][\w.-]*:(\d{1,5})", self.endpoint)
            if not found or not 0 < int(found[1]) < 65536:
                raise ValueError("endpoint", f"{shown(self.endpoint)} must be host:port")
        if self.nodes > 1 and self.launcher == "torchrun" and self.endpoint is None:
            raise ValueError("endpoint", "required: host:port of the first machine")
        if self.launcher == "hostfile" and self.hostfile is None:
            raise ValueError("hostfile", 'required: a file with a line "host slots=8" a machine')
        return self


#: Each has a section of `training` that is called like it.
_METHODS = ("sft", "grpo", "dpo", "orpo")


class TrainingParams(Section):
    """How a candidate is trained."""

    # How it is trained: one of llmc_lib/training/methods/.
    method: Literal["sft", "grpo", "dpo", "orpo"] = "sft"
    epochs: Annotated[float, Field(gt=0, le=10_000)] = 1.0
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 1e-5
    # "cosine_with_min_lr": down to `min_lr_rate` of the learning rate, in place of 0.
    lr_scheduler: Literal["cosine", "cosine_with_min_lr", "linear", "constant"] = "cosine"
    min_lr_rate: Fraction = 0.1
    warmup_ratio: Fraction = 0.03
    warmup_steps: Annotated[int, Field(ge=0, le=10_000_000)] | None = None  # in place of the ratio
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.1
    adam_beta1: Fraction = 0.9
    adam_beta2: Fraction = 0.95
    # In float32, where less is 0 and a step divides by it.
    adam_epsilon: Annotated[float, Field(ge=1e-30, le=1)] = 1e-8
    max_grad_norm: Annotated[float, Field(gt=0, le=1e9)] = 1.0
    # Sequences in one optimizer step, over all processes. Where these cannot share it evenly, the nearest number that they can.
    batch_size: PositiveInt = 16
    micro_batch_size: PositiveInt = 4  # sequences that one process holds at a time, at most
    max_length: Length = 512  # tokens; longer examples are left out, never cut
    # "padding_free": the sequences of a micro-batch in one row, none seeing another, no padding.
    # "packed": the same, and several examples fill a sequence of max_length (a step then has more
    # examples than batch_size). "padded": one row each.
    batching: Literal["padding_free", "packed", "padded"] = "padding_free"
    # How attention is computed. "auto": PyTorch's, on a CPU a faster one of ours where sequences share a row. "flash_attention_2"
    # and "flash_attention_3" need their packages and a GPU; "eager" holds every matrix of scores.
    attention: Literal[
        "auto", "sdpa", "eager", "flash_attention_2", "flash_attention_3", "flex_attention"
    ] = "auto"
    model_init_kwargs: dict[str, Any] = {}  # keys of the model's configuration: rope_scaling, …
    gradient_checkpointing: bool = False
    # "bfloat16" is mixed precision: float32 weights, bfloat16 matrix products. "auto" takes it where
    # the processor or GPU multiplies bfloat16 in hardware, else float32.
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    liger: Literal["auto", "on", "off"] = "auto"  # fused Triton kernels; "auto": on a GPU
    # Weight of the loss that keeps a mixture of experts from sending all tokens to a few; 0: none.
    router_aux_loss: Annotated[float, Field(ge=0, le=1000)] = 0.0
    lora: LoraParams | None = None  # None: all weights are trained
    # A preset of llmc_lib/training/deepspeed/, and keys of DeepSpeed's configuration that override it.
    deepspeed: Literal["zero1", "zero2", "zero3", "zero3_offload"] = "zero2"
    deepspeed_config: dict[str, Any] = {}
    sft: dict[str, Any] = {}  # further fields of TRL's SFTConfig
    grpo: GrpoParams | None = None  # of method grpo, where None is its defaults
    dpo: DpoParams | None = None  # of method dpo
    orpo: OrpoParams | None = None  # of method orpo
    nproc_per_node: Processes = 1  # on each machine; one a GPU; on a CPU one is fastest
    # Processes that share each sequence (DeepSpeed Ulysses, arXiv:2309.14509; ALST, arXiv:2506.13996), for long ones; method sft.
    sequence_parallel: PositiveInt = 1
    cluster: ClusterParams = ClusterParams()
    # Parts of the training after which the model is exported and becomes a candidate.
    export_at: Annotated[tuple[Part, ...], Field(min_length=1, max_length=1000, strict=False)] = (
        0.5,
        1.0,
    )
    # The longest work that an interruption can cost: minutes between checkpoints to resume from. There
    # is one with each exported model in any case.
    save_minutes: Annotated[float, Field(ge=0, le=1e6)] = 10.0
    # How often the validation loss is measured, besides before training
    evaluations: PositiveInt = 2

    @property
    def world_size(self) -> int:
        """All processes, over all machines."""
        return self.nproc_per_node * self.cluster.nodes

    @property
    def replicas(self) -> int:
        """How many micro-batches are computed at a time: data parallelism."""
        return self.world_size // self.sequence_parallel

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, values: Any) -> Any:
        """The defaults of the method's section, where it is not given."""
        method = values.get("method") if isinstance(values, dict) else None
        if method in ("grpo", "dpo", "orpo"):
            return {**values, method: values[method] if values.get(method) is not None else {}}
        return values

    @model_validator(mode="after")
    def _check(self) -> TrainingParams:
        check_sft(self.sft)
        check_model(self.model_init_kwargs)
        check_deepspeed(self.deepspeed_config, self.deepspeed)
        check_together(self)
        if self.method == "grpo" and self.grpo is not None:
            self.grpo.check_batch(self.batch_size, self.max_length)
        if self.method == "dpo" and self.lora and "lm_head" in self.lora.target_modules:
            raise ValueError(
                ("lora", "target_modules"),
                "TRL's DPOTrainer reads the weights of lm_head without its adapter; leave lm_head out",
            )
        return self


def check_sections(
    training: TrainingParams, candidates: Sequence[tuple[Any, Mapping[str, Any]]]
) -> None:
    """Is each section of a method of somebody who is trained by it? `candidates`: method (None: that of `training`) and own settings
    of each. Raises `ValueError(keys, message)`."""
    methods = [training.method if method is None else method for method, _ in candidates]
    for number, (method, (_, own)) in enumerate(zip(methods, candidates, strict=True)):
        for name in _METHODS:
            if name in own and name != method:
                raise ValueError(
                    ("candidates", number, "training", name),
                    f"is read by method: {name} alone, and this candidate has {method}; leave one of the two out",
                )
    for name in _METHODS[1:]:
        used = name in methods if candidates else name == training.method
        if getattr(training, name) is not None and name != training.method and not used:
            raise ValueError(
                ("training", name),
                f"is read by method: {name} alone, and nothing is trained by it; give it to training or to a candidate",
            )
