"""Are the rules right? Each reference answer is written in other ways that mean the same, and changed so that it is wrong; the rules
grade both. Nothing of `llmc_lib.answers` is used to write them: a fault there would hide itself."""

from llmc_lib.evaluation.grader_check.check import Case, cases, check

__all__ = ["Case", "cases", "check"]
