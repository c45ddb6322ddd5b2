"""Stage 2: supervised fine-tuning with TRL on DeepSpeed."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmc_lib.training.launch import Trained, Training, finished, load_training, train

__all__ = ["Trained", "Training", "finished", "load_training", "train"]


def __getattr__(name: str) -> Any:
    # Late: a process of a training and the parent beside it need nothing of the launcher, whose imports take seconds.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from llmc_lib.training import launch

    return getattr(launch, name)
