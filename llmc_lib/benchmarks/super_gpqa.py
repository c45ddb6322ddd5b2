"""SuperGPQA: multiple-choice questions of 285 graduate disciplines, most of them with ten choices; the hub's
`m-a-p/SuperGPQA` (SuperGPQA-all.jsonl), or a file in its schema.

    benchmarks:
      - {name: super_gpqa, source: m-a-p/SuperGPQA, revision: <commit>, questions: 1000}

Keys used of a row: uuid, question, options (a list of texts), answer_letter, discipline (the category, one of 13) and
field (the subject, one of 72); subfield, difficulty and is_calculation are there, too, and can be `cluster`. The
keys, the number of questions (26,529) and the zero-shot prompt, which is sent in the styles "official" and
"corrected", are confirmed from public programs that load the set and from copies of the official configuration
(SuperGPQA/SuperGPQA, config/prompt/zero-shot.yaml). The file itself could not be read: how it spells the disciplines is
not confirmed, so that any is taken, and neither is that every letter has its choice: a row without is refused. The
official evaluator tells the letter by patterns of its own; here the rules for multiple choice do, or a judge.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmc_lib.benchmarks.declaration import Benchmark
from llmc_lib.benchmarks.rows import choices, texts, with_choices
from llmc_lib.errors import shown
from llmc_lib.records import Prompt, Question

_NEEDED = ("uuid", "question", "answer_letter", "discipline")
_PROMPT = (
    "Answer the following multiple choice question. There is only one correct answer. The last line of your response "
    "should be in the format 'Answer: $LETTER' (without quotes), where LETTER is one of A, B, C, D, E, F, G, H, I, "
    "or J.\n\n{question}\n"
)


def _question(row: Mapping[str, Any], fields: Mapping[str, str]) -> Question:
    values = texts(row, _NEEDED, ("field",))
    lettered = choices(row.get("options"))
    letter = values["answer_letter"].strip()
    if letter not in lettered:
        raise ValueError(
            f"answer_letter {shown(letter)}: must be one of the {len(lettered)} choices, A to {max(lettered)}"
        )
    return Question(
        id=values["uuid"],
        benchmark="super_gpqa",
        question=with_choices(values["question"], lettered),
        answer=letter,
        answer_type="multipleChoice",
        category=values["discipline"],
        subject=values["field"],
    )


def _prompt(question: Question, style: str) -> Prompt | None:
    return None if style == "brief" else Prompt(_PROMPT.format(question=question.question))


BENCHMARK = Benchmark(
    title="SuperGPQA",
    question=_question,
    columns=(*_NEEDED, "options", "field"),
    hub="m-a-p/SuperGPQA",
    size=26_529,
    prompt=_prompt,
)
