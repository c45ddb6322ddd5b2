"""Is it better, and how sure are we? Small pure functions on arrays and tables; no torch, no vLLM."""

from llmc_lib.analysis.comparison import PairedComparison, adjust, paired_comparison
from llmc_lib.analysis.intervals import wilson
from llmc_lib.analysis.power import detectable_difference
from llmc_lib.analysis.verdict import Verdict, verdict

__all__ = [
    "PairedComparison",
    "Verdict",
    "adjust",
    "detectable_difference",
    "paired_comparison",
    "verdict",
    "wilson",
]
