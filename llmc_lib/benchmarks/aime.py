"""AIME, the American Invitational Mathematics Examination: 30 problems a year, each with a whole number from 0 to 999
as its answer; a set of the hub, or a file in the schema of one.

    benchmarks:
      - {name: aime, source: math-ai/aime25, revision: <commit>}

Two schemas are read, whatever the case of their keys: id, problem, answer (`math-ai/aime25`, test.jsonl, as its
card describes it) and ID, Problem, Solution, Answer (`Maxwell-Jia/AIME_2024`, as programs that load it name its
columns; `HuggingFaceH4/aime_2024` has the same in lower case, and url and year). The files themselves could not be
read: that every answer is a plain number there is not confirmed, so "025" and "25^\\circ" are taken, and any other
answer is refused. `math-ai/aime24` has no field answer and is not read. There is no official evaluator: the
prompts are those of questions of one's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from llmc_lib.benchmarks import hle, questions
from llmc_lib.benchmarks.declaration import Benchmark
from llmc_lib.benchmarks.rows import text
from llmc_lib.errors import shown
from llmc_lib.records import Question

_FIELDS = {"id": "id", "question": "problem", "answer": "answer", "rationale": "solution"}
_ANSWER = re.compile(r"\$?(\d{1,3})(?:\.0|\s*(?:\^\{?\\circ\}?|°))?\$?")


def _question(row: Mapping[str, Any], fields: Mapping[str, str]) -> Question:
    lower = {key.lower(): value for key, value in row.items()}
    for name in ("problem", "answer"):
        if not text(lower.get(name)).strip():
            raise ValueError(f"{name!r} is missing or empty; a row needs problem and answer")
    answer = _ANSWER.fullmatch(text(lower["answer"]).strip())
    if not answer:
        given = shown(text(lower["answer"]))
        raise ValueError(f"answer {given}: must be a whole number from 0 to 999")
    return questions.question({**lower, "answer": int(answer[1])}, _FIELDS)


BENCHMARK = Benchmark(
    title="AIME",
    question=_question,
    columns=(*_FIELDS.values(), "ID", "Problem", "Solution", "Answer"),
    hub="math-ai/aime25",
    size=30,
    prompt=hle.prompt,
)
