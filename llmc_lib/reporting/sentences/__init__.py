"""What the analysis found, in sentences: the analysis returns numbers and codes, this package has their words.

`english` is the only catalogue there is; `tell` puts its sentences into metrics.json. Another language is another package
with the functions of `english`, named here.
"""

from llmc_lib.reporting.sentences import english as words

__all__ = ["words"]
