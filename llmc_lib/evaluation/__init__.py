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
    "Results": "results",
    "evaluate": "generate",
    "evaluate_one": "generate",
    "finished": "generate",
    "import_all": "importers",
    "imported": "importers",
    "load_results": "results",
    "progress": "status",
    "race_state": "race",
    "so_far": "generate",
    "status_table": "status",
    "unanswered": "generate",
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
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
