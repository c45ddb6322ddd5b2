"""What all sections of a params file share."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Part = Annotated[float, Field(gt=0, le=1)]
PositiveInt = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def is_commit(revision: str | None) -> bool:
    """Is a revision a commit (7 to 40 hexadecimal digits)? A branch or a tag can move."""
    return re.fullmatch(r"[0-9a-f]{7,40}", revision or "") is not None


def check_once(key: str, names: list[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ValueError(key, f"{twice!r} is listed twice; give it once")


class ModelParams(Section):
    """The base model, which the candidates start from and are compared with."""

    source: str = "embedded"  # "embedded", a local folder, or a hub id (owner/name)
    revision: str | None = None  # required for a hub id: a branch moves, a commit does not
