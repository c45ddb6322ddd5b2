"""Stage 2: full-parameter supervised fine-tuning with TRL on DeepSpeed."""

from llmc_lib.training.launch import Training, candidates, finished, load_training, train

__all__ = ["Training", "candidates", "finished", "load_training", "train"]
