"""Stage 3: sample completions on the benchmarks, keep every one, grade them."""

from llmc_lib.evaluation.generate import evaluate, finished, so_far
from llmc_lib.evaluation.results import Results, load_results
from llmc_lib.evaluation.status import progress, status_table

__all__ = [
    "Results",
    "evaluate",
    "finished",
    "load_results",
    "progress",
    "so_far",
    "status_table",
]
