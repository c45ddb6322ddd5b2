"""Which of a benchmark's questions are left out, and which parts are looked at by themselves."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator

from llmc_lib.params.common import PathText, PlainName, Section

#: Subsets, files of ids, or ids; one may be given without a list.
Entries = Annotated[
    tuple[PathText, ...],
    Field(max_length=100_000, strict=False),
    BeforeValidator(lambda given: [given] if isinstance(given, str) else given),
]


class SubsetParams(Section):
    """The subsets of a benchmark. What an entry names is looked up where the questions are read (`question_bank.subsets`)."""

    # Questions that are not asked: subsets, files of ids, or ids.
    exclude: Entries = ()
    # Parts whose verdict is shown beside that of all: name → subsets, files of ids, or ids; a list of files has their names.
    # Some benchmarks mark subsets themselves. `verified`, `revised` and `uncertain` have a meaning: docs/keys.md.
    subsets: Annotated[dict[PlainName, Entries], Field(max_length=50)] = {}

    @field_validator("subsets", mode="before")
    @classmethod
    def _named_by_file(cls, subsets: object) -> object:
        if not isinstance(subsets, list | tuple) or not all(isinstance(s, str) for s in subsets):
            return subsets
        named = {PurePath(each).stem.lower(): [each] for each in subsets}
        if len(named) < len(subsets):
            names = [PurePath(each).stem.lower() for each in subsets]
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(
                f"two of the files would be the subset {twice!r}; give each a name of its own, as {{name: file}}"
            )
        return named
