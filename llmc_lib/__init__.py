"""Curate, fine-tune, evaluate, compare, report: the library behind the notebooks.

From the ground up: `errors`, `records`, `taxonomy` and `formatting`; `params` and `processes`; `store`; `models`;
`answers`, `benchmarks` and `engines`; `plan`; one package a stage (`dataset`, `training`, `evaluation`, `analysis`,
`reasoning`); `serving`, `reporting` and `preflight`; `exploring`; `publish` and `pipeline`; `lab`; the command line (`python -m llmc_lib`).
A module imports only from its own folder and from lower floors: stages meet in the run directory.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmc_lib.store import Run, open_run

__all__ = ["Run", "open_run"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Late: the command line handles Ctrl-C before anything large is imported.
    if name not in ("Run", "open_run"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from llmc_lib import store

    return getattr(store, name)
