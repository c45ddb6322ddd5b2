"""Does the log of a training on preference pairs look right? What its rewards show, beside the losses of `diagnosis`."""

from __future__ import annotations

import pandas as pd

from llmc_lib.training.diagnosis import Finding
from llmc_lib.training.history import MARGIN, training_rows
from llmc_lib.training.reward_diagnosis import trend

CHOSEN, REJECTED = "rewards/chosen", "rewards/rejected"
# A fall of the chosen response that is a smaller part of the margin's rise is not what made it.
_PART = 0.1


def chosen_falls(history: pd.DataFrame) -> Finding | None:
    """The margin rises because the rejected response falls further than the chosen one, which falls as well: probability goes to
    a third kind of answer, which nobody has seen. Razin et al., "Unintentional Unalignment: Likelihood Displacement in Direct
    Preference Optimization" (arXiv:2410.08847), whose refusals became fewer that way.

    None where the log has fewer than ten steps, where either is within the noise of the steps, and where the chosen response
    falls by less than a tenth of what the margin gains.
    """
    train = training_rows(history)
    margin, chosen, rejected = (trend(train, column) for column in (MARGIN, CHOSEN, REJECTED))
    if margin is None or chosen is None or rejected is None:
        return None
    if not (margin.rises and chosen.falls) or -chosen.change < _PART * margin.change:
        return None
    numbers = {
        "size": chosen.size,
        "first": chosen.first,
        "last": chosen.last,
        "rejected_first": rejected.first,
        "rejected_last": rejected.last,
    }
    return Finding("chosen falls", "odds" if "log_odds_chosen" in train else "", numbers)
