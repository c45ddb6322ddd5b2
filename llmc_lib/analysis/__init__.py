"""Is it better, and how sure are we? Small pure functions on arrays and tables; no torch, no vLLM.

From a tidy table: `outcomes`, then `rates`, `compare`, `selection_noise`. From arrays of right and wrong:
`paired_comparison`, `permutation_test`, `rerun`, `variance_parts`, `difference_variance_parts`. Designs: `power`,
`detectable`, `needed`, `power_curve`. What each number means, and when it holds: docs/analysis.md.
"""

from llmc_lib.analysis.compare import compare, rates
from llmc_lib.analysis.comparison import PairedComparison, adjust, paired_comparison
from llmc_lib.analysis.design import detectable, needed, power_curve
from llmc_lib.analysis.intervals import rate_interval, wilson
from llmc_lib.analysis.optimism import SelectionNoise, selection_noise
from llmc_lib.analysis.outcomes import Outcomes, outcomes
from llmc_lib.analysis.permutation import permutation_test
from llmc_lib.analysis.power import detectable_difference
from llmc_lib.analysis.rerun import Rerun, rerun
from llmc_lib.analysis.variance import (
    VarianceParts,
    assumed_parts,
    difference_variance_parts,
    variance_parts,
)
from llmc_lib.analysis.verdict import Verdict, verdict

__all__ = [
    "Outcomes",
    "PairedComparison",
    "Rerun",
    "SelectionNoise",
    "VarianceParts",
    "Verdict",
    "adjust",
    "assumed_parts",
    "compare",
    "detectable",
    "detectable_difference",
    "difference_variance_parts",
    "needed",
    "outcomes",
    "paired_comparison",
    "permutation_test",
    "power_curve",
    "rate_interval",
    "rates",
    "rerun",
    "selection_noise",
    "variance_parts",
    "verdict",
    "wilson",
]
