"""Claims of arithmetic in a text, and whether they hold.

A claim is an equality or inequality of two closed numeric expressions that the text states: not one with a
variable (a definition, a condition, something to solve), not one that is supposed, asked, denied or taken
back. Everything else is left alone: what is flagged should be false for any reader.

Measured:

- The labelled texts of tests/reasoning/claims.jsonl: 154 written for it, as traps and as ordinary prose; 100 paragraphs
  that a fine-tuned SmolLM2-135M wrote, labelled by one reader who saw the flags; 198 in ways of writing that an
  earlier version took for errors. On the half that nothing was developed on, 45 of 45 flags are right (Wilson's 95%
  interval of the precision: 92% to 100%) and 45 of 60 false claims are found (75%).
- 8,789 claims of published solutions (5,262 of 5,000 of MATH's test set, 3,527 of 1,319 of GSM8K's): 7 flags, each read
  twice, each right (Wilson's 95% interval of the precision: 65% to 100%): 9! = 326880 is one, 32 − 20 = 300 another. 25
  more claims are undecided. The first version flagged 31, of which 8 were right: these and 500 ÷ 13 = 13·38 + 6.
- Some 23,300 claims of solutions that the rules had not been tried on (3,682 of MATH, 7,473 of GSM8K's training set):
  32 flags at first sight, of which 16 were right. What misled the others was mended and is among the texts above;
  of 17 flags since then all are right, but that is no longer an independent count.
- 957 claims of the 975 published AIME solutions from 1983 to 2023: none is flagged, one is undecided.
"""

from llmc_lib.reasoning.claims.check import (
    VERSION,
    FailedClaim,
    TraceCheck,
    check_here,
    check_traces,
)
from llmc_lib.reasoning.claims.find import Claim, find_claims

__all__ = [
    "VERSION",
    "Claim",
    "FailedClaim",
    "TraceCheck",
    "check_here",
    "check_traces",
    "find_claims",
]
