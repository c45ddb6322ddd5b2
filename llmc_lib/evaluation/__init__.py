"""Stage 3: sample completions on the benchmarks, keep every one, grade them."""

from llmc_lib.evaluation.generate import evaluate, finished
from llmc_lib.evaluation.results import Results, load_results

__all__ = ["Results", "evaluate", "finished", "load_results"]
