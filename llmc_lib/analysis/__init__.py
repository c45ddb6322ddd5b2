"""Is it better, and how sure are we? Small pure functions on arrays and tables; no torch, no vLLM.

From a tidy table: `outcomes`, then `rates`, `compare`, `selection_noise`. From arrays of right and wrong:
`paired_comparison`, `missing_answers`, `permutation_test`, `rerun`, `variance_parts`, `difference_variance_parts`.
Several trainings of a recipe: `recipe_effect`, `seed_spread`, `new_training`, `next_step`. Designs: `power`, `detectable`, `needed`, `power_curve`. Looks before the end: `Look`, `spending`, `unplanned_level`, `Bets`.
What answers are like: `pass_at_k`, `majority_at_k`, `calibration`, `accuracy_by_length`, `accuracy_by_finish`,
`limit_curve`. All of a run's figures: `summarise`. What each number means, and when it holds: docs/analysis.md.
"""

from llmc_lib.analysis.arrays import column_arrays, token_arrays
from llmc_lib.analysis.betting import Bets
from llmc_lib.analysis.calibration import Calibration, calibration
from llmc_lib.analysis.compare import compare, rates
from llmc_lib.analysis.comparison import PairedComparison, adjust, paired_comparison
from llmc_lib.analysis.design import detectable, needed, power_curve
from llmc_lib.analysis.intervals import rate_interval, wilson
from llmc_lib.analysis.length import accuracy_by_finish, accuracy_by_length
from llmc_lib.analysis.missing import MissingAnswers, missing_answers
from llmc_lib.analysis.optimism import SelectionNoise, selection_noise
from llmc_lib.analysis.outcomes import Outcomes, outcomes
from llmc_lib.analysis.pass_at_k import answer_keys, majority_at_k, pass_at_k
from llmc_lib.analysis.permutation import permutation_test
from llmc_lib.analysis.power import detectable_difference
from llmc_lib.analysis.recipe import RecipeEffect, new_training, recipe_effect, seed_spread
from llmc_lib.analysis.recipe_design import (
    detectable_effect,
    effect_power,
    next_step,
    one_checkpoint_misleads,
)
from llmc_lib.analysis.rerun import Rerun, rerun, rerun_of_winner
from llmc_lib.analysis.safety import tradeoffs
from llmc_lib.analysis.sequential import Look, spending, unplanned_level
from llmc_lib.analysis.summary import summarise
from llmc_lib.analysis.token_limit import limit_curve, limit_differences
from llmc_lib.analysis.variance import (
    VarianceParts,
    assumed_parts,
    difference_variance_parts,
    variance_parts,
)
from llmc_lib.analysis.verdict import Thresholds, verdict

__all__ = [
    "Bets",
    "Calibration",
    "Look",
    "MissingAnswers",
    "Outcomes",
    "PairedComparison",
    "RecipeEffect",
    "Rerun",
    "SelectionNoise",
    "Thresholds",
    "VarianceParts",
    "accuracy_by_finish",
    "accuracy_by_length",
    "adjust",
    "answer_keys",
    "assumed_parts",
    "calibration",
    "column_arrays",
    "compare",
    "detectable",
    "detectable_difference",
    "detectable_effect",
    "difference_variance_parts",
    "effect_power",
    "limit_curve",
    "limit_differences",
    "majority_at_k",
    "missing_answers",
    "needed",
    "new_training",
    "next_step",
    "one_checkpoint_misleads",
    "outcomes",
    "paired_comparison",
    "pass_at_k",
    "permutation_test",
    "power_curve",
    "rate_interval",
    "rates",
    "recipe_effect",
    "rerun",
    "rerun_of_winner",
    "seed_spread",
    "selection_noise",
    "spending",
    "summarise",
    "token_arrays",
    "tradeoffs",
    "unplanned_level",
    "variance_parts",
    "verdict",
    "wilson",
]
