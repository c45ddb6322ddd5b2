"""How candidates are stopped early: a race."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from typing import Annotated

from pydantic import Field, field_validator

from llmc_lib.errors import shown
from llmc_lib.params.common import Name, Section


class StopParams(Section):
    """A race of the candidates in rounds of questions: after each round those that can no longer win are stopped (docs/looks.md).

    By how much a candidate must be better to matter is `report.smallest_interesting_points`.
    """

    # At most; each loads every remaining model once.
    rounds: Annotated[int, Field(ge=2, le=20)] = 10
    # Which of `benchmarks` decides the race; it must have right and wrong answers. The models that remain at the end then answer the
    # others in full (of those that were stopped: `safety`). None: the first with right and wrong answers.
    benchmark: Name | None = None
    # No round decides anything before it has so many questions of each of the benchmark's categories.
    min_per_category: Annotated[int, Field(ge=0, le=100_000)] = 0
    # Stopped candidates, too, answer the benchmarks of safe responses and of over-refusal in full, when the race is over. false: nothing
    # is known of their safety then.
    safety: bool = True
    # 2026-12-01T09:00, in this machine's zone unless one is given. Rounds are held with as many candidates as there is time for, if each
    # takes as long as in the last one; the first with all. With a later deadline the race resumes.
    deadline: Annotated[datetime, Field(strict=False)] | None = None

    @field_validator("deadline", mode="before")
    @classmethod
    def _check_deadline(cls, deadline: object) -> object:
        """No number: 540, which is what some readers of YAML make of 9:00, would be a time in 1970. No day alone, of which some
        would take the beginning and others the end."""
        if isinstance(deadline, str) and re.match(r"\d{4}-\d\d-\d\d.", deadline):
            with suppress(ValueError):
                return datetime.fromisoformat(deadline)
        elif deadline is None or isinstance(deadline, datetime):
            return deadline
        raise ValueError(
            f"{shown(deadline)} is not a date and time; write it as 2026-12-01T09:00, or with a zone as 2026-12-01T09:00+01:00"
        )

    @field_validator("deadline")
    @classmethod
    def _check_year(cls, deadline: datetime | None) -> datetime | None:
        """Of the first and last years not every time is one in another zone."""
        if deadline is not None and not 2000 <= deadline.year < 9000:
            raise ValueError(f"the year {deadline.year} is none of a race; correct it")
        return deadline
