"""Stage 3: sample completions on the benchmarks, or import finished ones; keep every one, grade them."""

from llmc_lib.evaluation.generate import evaluate, evaluate_one, finished, so_far, unanswered
from llmc_lib.evaluation.importers import import_all, imported
from llmc_lib.evaluation.race import race_state
from llmc_lib.evaluation.results import Results, load_results
from llmc_lib.evaluation.status import progress, status_table

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
