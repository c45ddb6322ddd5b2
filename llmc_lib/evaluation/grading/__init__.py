"""Grade predictions by rules: one at a time, or many in processes that no single answer can hang."""

from llmc_lib.evaluation.grading.grader import grade, grade_all

__all__ = ["grade", "grade_all"]
