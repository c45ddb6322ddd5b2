"""OlymMATH-eval: 582,400 attempts at OlymMATH's problems by 28 models, each row naming its model.

Confirmed by the project's README and by two projects that republish a few rows: one split for each
language and difficulty ("en_hard"), one row a response, fields for the model's configuration
("qwen3-0.6b"), response_id, extracted (the final answer found) and correctness. The data set's own
page could not be read, so the names of the fields are NOT confirmed: each is looked for under the names
in `_NAMES`, and a file that has it under none of them is refused with the list of what it has. Where
there is a field for the reasoning besides the response, it is put before it in <think> tags; else the
response is kept as it is.

The models are open ones (DeepSeek-R1 distillations, QwQ, Qwen3, …) and two closed ones (o3-mini,
Gemini 2.5 Pro): the author is the model's name, and the provenance step decides. Most attempts at hard
problems are wrong: the form step verifies them. A subset is needed to keep the download in bounds;
without one, en-hard is read.

Licence: not confirmed, so "unknown" unless the params name one (OlymMATH itself is under MIT).
"""

from __future__ import annotations

from collections.abc import Iterator

from llmc_lib.dataset.sources import olymmath
from llmc_lib.dataset.sources._common import Draft, SourceFacts, source_rows, text
from llmc_lib.errors import UserError
from llmc_lib.models.prompts import THINK_CLOSE, THINK_OPEN
from llmc_lib.params import SourceParams
from llmc_lib.store.data_files import Row

HUB = "RUC-AIBOX/OlymMATH-eval"
CATEGORIES = olymmath.CATEGORIES
FACTS = SourceFacts(
    licence="unknown",
    url="https://huggingface.co/datasets/RUC-AIBOX/OlymMATH-eval",
    description="Attempts of 28 models, open and closed, at the problems of OlymMATH.",
    difficulty=olymmath.FACTS.difficulty,
    citation=olymmath.FACTS.citation,
)
_NAMES = {
    "problem": ("problem", "question"),
    "answer": ("answer", "ground_truth", "gold_answer"),
    "model": ("model", "model_name"),
    "response": ("response", "completion", "output", "solution", "text"),
    "reasoning": ("reasoning", "reasoning_content", "thinking"),
    "identifier": ("unique_id", "problem_id"),
}


languages = olymmath.languages


def drafts(source: SourceParams, seed: int) -> Iterator[Draft]:
    """The attempts in file order; of one local file without a subset, all of them."""
    subset = source.subset or "en-hard"
    names = {form for word in (subset, subset.upper()) for form in (word, word.replace("-", "_"))}
    patterns = [f"*{name}*{end}" for name in sorted(names) for end in (".jsonl", ".parquet")]
    found = False
    for row in source_rows(source, HUB, patterns):
        identifier = text(_value(row, "identifier"))
        level, there = olymmath.parts(identifier)
        if there != subset and not olymmath.whole_file(source):
            continue
        found = True
        model = text(_value(row, "model"))
        response, reasoning = text(_value(row, "response")), text(_value(row, "reasoning", ""))
        if reasoning:
            response = f"{THINK_OPEN}\n{reasoning}\n{THINK_CLOSE}\n\n{response}"
        attempt = row.record.get("response_id", row.number)
        yield Draft(
            question=_value(row, "problem"),
            answer=_value(row, "answer"),
            completion=response,
            subject=row.record.get("subject", ""),
            author=model,
            row_id=f"{identifier}/{model}/{attempt}",
            difficulty=level,
            revision=row.file.revision,
        )
    if not found:
        raise UserError(f"subset: no row of {subset} in the files")


def _value(row: Row, what: str, default: str | None = None) -> object:
    for name in _NAMES[what]:
        if name in row.record:
            return row.record[name]
    if default is not None:
        return default
    raise UserError(row.lacks(_NAMES[what][0]))
