"""Stage 3: sample completions on the benchmarks, or import finished ones; keep every one, grade them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmc_lib.evaluation.generate import evaluate, evaluate_one, finished, so_far, unanswered
    from llmc_lib.evaluation.importers import import_all, imported
    from llmc_lib.evaluation.race import race_state
    from llmc_lib.evaluation.results import Results, load_results
    from llmc_lib.evaluation.status import progress, status_table

_PLACES = {
    "generate": ("evaluate", "evaluate_one", "finished", "so_far", "unanswered"),
    "importers": ("import_all", "imported"),
    "race": ("race_state",),
    "results": ("Results", "load_results"),
    "status": ("progress", "status_table"),
}
__all__ = [
    "Results",
    "evaluate",
    "evaluate_one",
    "finished",
    "import_all",
    "imported",
    "load_results",
    "progress",
    "race_state",
    "so_far",
    "status_table",
    "unanswered",
]


def __getattr__(name: str) -> Any:
    # Late: the processes that grade answers, new ones each time, need none of it, and took most of a second to import it.
    for module, names in _PLACES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
