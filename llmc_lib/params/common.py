"""What all sections of a params file share."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from llmc_lib.errors import instead
from llmc_lib.params.names import LONGEST, RUN_NAME

Fraction = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Part = Annotated[float, Field(gt=0, le=1)]
PositiveInt = Annotated[int, Field(ge=1, lt=2**31)]
Count = Annotated[int, Field(ge=0, lt=2**31)]
#: Of what is divided by.
Positive = Annotated[float, Field(ge=1e-6, le=1e9)]
#: Of GPUs, processes and machines.
Processes = Annotated[int, Field(ge=1, le=16_384)]
#: Completions of a question. Each is a request of its own.
Samples = Annotated[int, Field(ge=1, le=10_000)]
#: Tokens. A prompt in a chat template alone has more than a few.
Length = Annotated[int, Field(ge=32, lt=2**31)]
Name = Annotated[str, Field(pattern=RUN_NAME, max_length=LONGEST)]
PlainName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=100)]


def _check_temperature(temperature: float) -> float:
    """vLLM takes what is below 0.01 for 0.01, and what is nearly 0 for greedy, of which it refuses several
    samples."""
    if 0 < temperature < 0.01:
        raise ValueError(
            f"{temperature:g} is neither 0 (greedy) nor 0.01 or more; give one of them"
        )
    return temperature


Temperature = Annotated[float, Field(ge=0, le=2), AfterValidator(_check_temperature)]


def _check_path(path: str) -> str:
    """What a file system can take. The checkout's path comes before it, names of files after it."""
    if not path.strip():
        raise ValueError("is empty; give a path, or leave the key out")
    if not path.isprintable():
        raise ValueError(
            f"{path[:60]!r} has a line break or another invisible character in it; correct it"
        )
    if len(os.fsencode(path)) > 1000:
        raise ValueError("is a path of more than 1,000 bytes; give a shorter one")
    if any(len(os.fsencode(part)) > 255 for part in path.split("/")):
        raise ValueError("has a name of more than 255 bytes in it; give a shorter one")
    return path


#: Of a file or folder; also what is given in place of one, such as a hub id.
PathText = Annotated[str, AfterValidator(_check_path)]


class Section(BaseModel):
    """A group of keys of a params file: unknown keys and values of another type are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def is_commit(revision: str | None) -> bool:
    """Is a revision a commit (7 to 40 hexadecimal digits)? A branch or a tag can move."""
    return re.fullmatch(r"[0-9a-f]{7,40}", revision or "") is not None


def is_hub_name(source: str) -> bool:
    """Is a source written as the hub writes a repository: "owner/name"?"""
    return len(source) <= 96 and _HUB_NAME.fullmatch(source) is not None


#: Of a repository. Neither part begins or ends with a dot or hyphen, or has two of them in a row.
_HUB_NAME = re.compile(r"(?!.*(?:--|\.\.))[A-Za-z0-9_](?:[\w.-]*\w)?/\w(?:[\w.-]*\w)?", re.ASCII)


def check_once(key: str, names: list[str]) -> None:
    """Raise `ValueError` (key, problem) for a name that is listed twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(key, f"{name!r} is listed twice; give it once")
        seen.add(name)


def check_right_or_wrong(
    keys: tuple[str | int, ...], name: str, measures: Mapping[str, str]
) -> None:
    """Raise `ValueError` (keys, problem) for a name that is of no benchmark with right and wrong answers.

    `measures`: name of a benchmark → what it measures.
    """
    known = [other for other, measure in measures.items() if measure == "accuracy"]
    if name in known:
        return
    missing = name not in measures
    problem = "is not one of evaluation.benchmarks" if missing else "has no right and wrong answers"
    hint = instead(name, known, f"take one of {', '.join(known)}")
    if not known:
        hint = "evaluate one that has, or leave it out"
    raise ValueError(keys, f"{name!r} {problem}; {hint}")


def check_order(section: BaseModel, lowest: str, highest: str) -> None:
    """Is a range one? Either end may be None."""
    low, high = getattr(section, lowest), getattr(section, highest)
    if low is not None and high is not None and low > high:
        raise ValueError(lowest, f"{low:g} is above {highest} ({high:g}); nothing would be left")


class ModelParams(Section):
    """The base model, which the candidates start from and are compared with."""

    source: PathText = "embedded"  # "embedded", a local folder, or a hub id (owner/name)
    revision: str | None = None  # required for a hub id: a branch moves, a commit does not
    # A LoRA adapter of someone else's that is merged into it first, and adapter_revision as above: a folder in peft's form, or
    # a hub id. The merged model is the base then.
    adapter: PathText | None = None
    adapter_revision: str | None = None
