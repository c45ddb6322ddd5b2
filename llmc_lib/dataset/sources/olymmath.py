"""OlymMATH: 200 olympiad problems in English and in Chinese, half of them easy, half hard.

Schema of a row (JSON Lines): problem; answer (LaTeX, one value or set); subject (Algebra, Geometry,
Number Theory, Combinatorics, or these in Chinese); unique_id ("OlymMATH-HARD-0-EN"). There are no
solutions. Subsets: en-easy, en-hard, zh-easy, zh-hard; without one, both English ones are read, since
the Chinese are translations of the same problems. A later configuration "lean" (formal proofs) has
another schema and is left out.

Licence: MIT. Looked up: the files and the licence of the project `RUCAIBox/OlymMATH`; the file names
on the hub from code that reads them there.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmc_lib.dataset.sources._common import Draft, SourceFacts, source_rows, text
from llmc_lib.errors import UserError
from llmc_lib.params import SourceParams
from llmc_lib.store import ROOT

HUB = "RUC-AIBOX/OlymMATH"
CATEGORIES = {"": "Math"}
FACTS = SourceFacts(
    licence="MIT",
    url="https://huggingface.co/datasets/RUC-AIBOX/OlymMATH",
    description="Olympiad problems from printed sources, checked by hand, with one verifiable answer.",
    difficulty="1 is easy (about the level of AIME), 2 is hard",
    citation="Sun et al., Challenging the Boundaries of Reasoning: An Olympiad-Level Math Benchmark "
    "for Large Language Models (2025), arXiv:2503.21380",
    rows=200,
)
LEVELS = {"EASY": 1.0, "HARD": 2.0}


def languages(source: SourceParams) -> set[str]:
    """Those of the subset asked for; local files without one may have both."""
    both = source.subset is None and source.path
    return {"en", "zh"} if both else {(source.subset or "en")[:2]}


def drafts(source: SourceParams, seed: int) -> Iterator[Draft]:
    """The rows of the subset asked for; of one local file without a subset, all of them."""
    patterns = [f"*OlymMATH-{name.upper()}.jsonl" for name in chosen(source)]
    found = False
    for row in source_rows(source, HUB, patterns):
        identifier = text(row.need("unique_id"))
        level, subset = parts(identifier)
        if subset not in chosen(source) and not whole_file(source):
            continue
        found = True
        yield Draft(
            question=row.need("problem"),
            answer=row.need("answer"),
            subject=row.need("subject"),
            row_id=identifier,
            difficulty=level,
            revision=row.file.revision,
        )
    if not found:
        raise UserError(f"subset: no row of {' or '.join(chosen(source))} in the files")


def chosen(source: SourceParams) -> tuple[str, ...]:
    """The subsets to read."""
    return (source.subset,) if source.subset else ("en-easy", "en-hard")


def whole_file(source: SourceParams) -> bool:
    """Whether a single file is given, and no subset of it asked for."""
    return source.subset is None and bool(source.path) and (ROOT / str(source.path)).is_file()


def parts(identifier: str) -> tuple[float | None, str]:
    """Level and subset: (2.0, "en-hard") of "OlymMATH-HARD-0-EN"."""
    words = identifier.split("-")
    if len(words) != 4:
        return None, ""
    return LEVELS.get(words[1]), f"{words[3]}-{words[1]}".lower()
