"""Curate, fine-tune, evaluate, compare, report: the library behind the notebooks.

Ground floor: `params`, `records`, `prompts`, `taxonomy`, `store`, `workers`. First floor, one package a
stage: `dataset`, `training`, `evaluation`, `analysis`; a stage never imports another stage, they
meet in the run directory. Top floor: `reporting` and the command line (`python -m llmc_lib`).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmc_lib.store import Run, open_run

__all__ = ["Run", "open_run"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Late: the command line sees to Ctrl-C before anything large is imported.
    if name not in ("Run", "open_run"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from llmc_lib import store

    return getattr(store, name)
