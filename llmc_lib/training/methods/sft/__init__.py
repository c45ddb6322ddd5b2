"""Supervised fine-tuning by TRL's SFTTrainer: the loss is that of the completions' tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmc_lib.training.methods.method import Rows

if TYPE_CHECKING:
    from llmc_lib.training.trainer import MethodTrainer

TRAINER, CONFIG = "TRL's SFTTrainer", "trl:SFTConfig"
SECTION: tuple[str, ...] = ("sft",)
COLUMNS: tuple[str, ...] = ("prompt", "completion")
MEASURES: Mapping[str, str] = {"loss": ".3f"}
LOGGED: tuple[str, ...] = ("aux_loss",)
VALIDATION: tuple[str, Callable[[list[float]], float]] = ("eval_loss", min)


def config(spec: dict[str, Any]) -> dict[str, Any]:
    """How sequences are laid out, and the weight of the experts' loss."""
    from llmc_lib.training.methods.sft.long import parallelism

    batching = spec["batching"]
    return {
        # Too long examples have been left out; only packing needs to know the length.
        "max_length": spec["max_length"] if batching == "packed" else None,
        "packing": batching == "packed",
        "padding_free": batching == "padding_free",
        "router_aux_loss_coef": spec["router_aux_loss"],
        **parallelism(spec),
    }


def unusable(rows: Mapping[str, int]) -> str | None:
    """Why a data set cannot be trained on, of its numbers of rows; None where it can."""
    if not rows["completed"]:
        return "has no row with a completion; take a source with completions, or have a teacher write them"
    return None


def model_settings(spec: dict[str, Any], *, gpu: bool) -> dict[str, Any]:
    """The attention: on a CPU one that takes sequences in one row apart without a mask."""
    from llmc_lib.training import attention

    in_rows = spec["batching"] == "padded"
    return {"attn_implementation": "sdpa" if gpu or in_rows else attention.register()}


def make_rows(spec: dict[str, Any]) -> Rows:
    """Token ids and labels of both files, without examples longer than `max_length`."""
    from llmc_lib.training.methods.sft.rows import load_rows

    base, cache = Path(spec["base"]), Path(spec["folder"]) / "rows"
    train, dropped = load_rows(Path(spec["train"]), base, spec["max_length"], cache)
    validation, also = load_rows(Path(spec["validation"]), base, spec["max_length"], cache)
    return Rows(train, validation, dropped + also)


def make_trainer(spec: dict[str, Any], rows: Rows, *, gpu: bool, **given: Any) -> MethodTrainer:
    """TRL's trainer, on a CPU with a cheaper loss of the same value."""
    validation = rows.validation if len(rows.validation) else None
    return trainer_class(spec, gpu=gpu)(train_dataset=rows.train, eval_dataset=validation, **given)


def trainer_class(spec: dict[str, Any], *, gpu: bool) -> type[MethodTrainer]:
    """The trainer of a spec. The one for a CPU has the plain loss alone."""
    from llmc_lib.training.methods.sft.long import LongTrainer
    from llmc_lib.training.methods.sft.trainer import CpuTrainer, Trainer

    if spec["sequence_parallel"] > 1:
        return LongTrainer
    given = spec["sft"]
    plain = not given.get("label_smoothing_factor") and given.get("loss_type") in (None, "nll")
    return CpuTrainer if plain and not gpu else Trainer
