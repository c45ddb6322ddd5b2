"""The embedded source "skills": small problems made by a program, a sentence of reasoning each.

Families and wordings are in `llmc_lib.benchmarks.skill_families`; the benchmark `skills` asks problems of the
same families in other wordings. The seed of the run decides which problems are made.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from llmc_lib.benchmarks import skill_families
from llmc_lib.dataset.sources._common import Draft, SourceFacts
from llmc_lib.params import SourceParams
from llmc_lib.store import sha256_file

HUB = ""
CATEGORIES = {"": "Math"}
FACTS = SourceFacts(
    licence="Apache-2.0",
    url="embedded",
    description="Small problems of seven families (comparing, counting, sums, sequences), made by a program.",
)
EMBEDDED = Path(skill_families.__file__)
#: How many it makes where the params name no number: it has no end of its own.
_ROWS = 500


def drafts(source: SourceParams, seed: int) -> Iterator[Draft]:
    """The problems of the seed, the families in turn."""
    revision = f"sha256:{sha256_file(EMBEDDED)[:16]}"
    for skill in islice(skill_families.make(seed, "training"), source.rows or _ROWS):
        yield Draft(
            question=skill.question,
            answer=skill.answer,
            completion=skill.reasoning,
            subject=skill.family,
            author="program",
            author_kind="program",
            revision=revision,
        )
