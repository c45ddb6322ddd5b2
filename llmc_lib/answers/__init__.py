"""Final answers: find the one that a response gives, how sure it says to be, and compare it with a reference.

The rules are conservative: where no final answer can be found, none is guessed.
"""

from llmc_lib.answers.choices import find_letter, options
from llmc_lib.answers.comparing import compare, restates, same
from llmc_lib.answers.confidence import stated_confidence
from llmc_lib.answers.finding import find_answer, stated_answer
from llmc_lib.answers.judging import Judgement, hedges, judge

__all__ = [
    "Judgement", "compare", "find_answer", "find_letter", "hedges", "judge", "options", "restates", "same", "stated_answer",
    "stated_confidence",
]  # fmt: skip
