"""Stage 1: from sources to a training set with a target composition."""

from llmc_lib.dataset.build import BuiltDataset, build, finished

__all__ = ["BuiltDataset", "build", "finished"]
