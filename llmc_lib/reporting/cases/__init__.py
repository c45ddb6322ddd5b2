"""Reasoning side by side: questions on which two models disagree, and what both wrote about them."""

from llmc_lib.reporting.cases.choose import choose, chosen_cases, key_of, outcomes, paired_outcomes
from llmc_lib.reporting.cases.page import facts, outcome_table, side_by_side
from llmc_lib.reporting.cases.trace import whole

__all__ = [
    "choose",
    "chosen_cases",
    "facts",
    "key_of",
    "outcome_table",
    "outcomes",
    "paired_outcomes",
    "side_by_side",
    "whole",
]
