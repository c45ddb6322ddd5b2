"""Claims of arithmetic in a text, and whether they hold.

A claim is an equality or inequality of two closed numeric expressions that the text states: not one with a
variable (a definition, a condition, something to solve), not one that is supposed, asked, denied or taken
back. Everything else is left alone: what is flagged should be false for any reader.
"""

from llmc_lib.reasoning.claims.check import VERSION, FailedClaim, TraceCheck, check_traces
from llmc_lib.reasoning.claims.find import Claim, find_claims

__all__ = ["VERSION", "Claim", "FailedClaim", "TraceCheck", "check_traces", "find_claims"]
