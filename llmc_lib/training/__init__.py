"""Stage 2: supervised fine-tuning with TRL on DeepSpeed."""

from llmc_lib.training.check import check
from llmc_lib.training.launch import (
    Trained,
    Training,
    finished,
    load_training,
    train,
)

__all__ = ["Trained", "Training", "check", "finished", "load_training", "train"]
