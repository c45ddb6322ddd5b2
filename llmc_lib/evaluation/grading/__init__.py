"""Grade predictions by rules: one at a time, or many in processes that no single answer can hang."""

from llmc_lib.evaluation.grading.grader import grade, grade_all

#: Raised when the rules change: what they graded before is graded again.
VERSION = 10

__all__ = ["VERSION", "grade", "grade_all"]
