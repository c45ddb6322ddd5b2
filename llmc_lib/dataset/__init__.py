"""Stage 1: from sources to a training set with a target composition."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmc_lib.dataset.builder import BuiltDataset, build, finished

__all__ = ["BuiltDataset", "build", "finished"]


def __getattr__(name: str) -> Any:
    # Late: the report asks for the steps' words alone, also where what builds a data set is not installed.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from llmc_lib.dataset import builder

    return getattr(builder, name)
