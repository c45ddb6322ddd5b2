"""TextbookReasoning: 651,840 questions from some 12,000 university textbooks, seven disciplines.

Schema of a row (Parquet, data/train-*.parquet): question; answer (the worked answer: the completion
here); subject; reference_answer (short: the answer here). Rows have no id and are numbered.

Llama-3.3-70B-Instruct extracted the pairs from the books and DeepSeek-V3 refined them given the source
text, so the author is "DeepSeek-V3", an open model. The authors filtered against benchmarks by model;
HLE is not confirmed to be among them.

Licence: CC-BY-NC-SA-4.0: no commercial use, and what is built from it is shared alike. Looked up: the
data set card of `MegaScience/TextbookReasoning`, the README of `GAIR-NLP/MegaScience`, the paper. How
the file spells its seven subjects is not confirmed: `CATEGORIES` has the likely spellings, in any case,
and a spelling that it lacks is listed by the error that `read` raises.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmc_lib.dataset.sources._common import Draft, SourceFacts, source_rows
from llmc_lib.params import SourceParams

HUB = "MegaScience/TextbookReasoning"
CATEGORIES = {
    "math": "Math",
    "mathematics": "Math",
    "physics": "Physics",
    "chemistry": "Chemistry",
    "biology": "Biology/Medicine",
    "medicine": "Biology/Medicine",
    "cs": "Computer Science/AI",
    "computer science": "Computer Science/AI",
    "computer_science": "Computer Science/AI",
    "economics": "Humanities/Social Science",
}
FACTS = SourceFacts(
    licence="CC-BY-NC-SA-4.0",
    url="https://huggingface.co/datasets/MegaScience/TextbookReasoning",
    description="Questions and worked answers extracted from university textbooks by open models.",
    citation="Fan et al., MegaScience: Pushing the Frontiers of Post-Training Datasets for Science "
    "Reasoning (2025), arXiv:2507.16812",
    rows=651_840,
)
_COLUMNS = ("question", "answer", "subject", "reference_answer")


def drafts(source: SourceParams, seed: int) -> Iterator[Draft]:
    """The rows in file order."""
    for row in source_rows(source, HUB, ["data/train-*.parquet"], _COLUMNS):
        yield Draft(
            question=row.need("question"),
            answer=row.need("reference_answer"),
            completion=row.need("answer"),
            subject=row.need("subject"),
            author="DeepSeek-V3",
            author_kind="open model",
            revision=row.file.revision,
        )
