"""Questions and reference answers of your own: a plain file, and a map of its fields in the params.

    benchmarks:
      - name: aime
        kind: questions
        source: data/aime.jsonl
        fields: {question: problem, answer: answer}

Without a field for it, the id is the row's number, every question is of answer type "exactMatch", and the
category is "All". A field of `options` (a list of choices, {label: text}, or lists of text and label) makes it multiple
choice: the choices are put under the question with letters, and the answer is a letter, the choice's number from 0, or its text.

      - {name: mmlu, kind: questions, source: data/mmlu.jsonl, fields: {question: question, options: choices, answer: answer}}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmc_lib.benchmarks import hle
from llmc_lib.benchmarks.declaration import Benchmark
from llmc_lib.benchmarks.rows import choices, letter_of, text, with_choices
from llmc_lib.errors import shown
from llmc_lib.records import Question


def question(row: Mapping[str, Any], fields: Mapping[str, str]) -> Question:
    """The question of a row; `fields`: our field → the file's. Raises `ValueError` for one that is missing."""
    values = {ours: text(row.get(theirs)) for ours, theirs in fields.items()}
    for name in ("question", "answer"):
        if not values[name].strip():
            raise ValueError(
                f"{fields[name]!r} (evaluation.benchmarks.fields.{name}) is missing or empty"
            )
    asked, answer = values["question"], values["answer"]
    kind = values.get("answer_type") or ("multipleChoice" if "options" in fields else "exactMatch")
    if kind not in ("exactMatch", "multipleChoice"):
        which = fields["answer_type"]
        raise ValueError(f"{which!r} is {shown(kind)}: must be exactMatch or multipleChoice")
    if "options" in fields and kind == "multipleChoice":
        given = row.get(fields["options"])
        lettered = choices(given)
        answer = letter_of(row.get(fields["answer"]), lettered, given)
        asked = with_choices(asked, lettered)
    return Question(
        id=values.get("id", ""),
        benchmark="questions",
        question=asked,
        answer=answer,
        answer_type=kind,
        category=values.get("category") or "All",
        subject=values.get("subject", ""),
        rationale=values.get("rationale", ""),
    )


BENCHMARK = Benchmark(title="Questions of a file", question=question, prompt=hle.prompt)
