"""Skills: small problems of seven families with a checkable answer; the embedded file, or one in its schema.

Keys of a row: id, question, answer, family (the category), level (1 to 3). The embedded file has 315 problems,
15 for each family and level, made once by `skill_families` from a seed of its own, in wordings that the source
`skills` does not train on.

python -m llmc_lib.benchmarks.skills     rewrites the embedded file
"""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

from llmc_lib.benchmarks import hle, questions, skill_families
from llmc_lib.benchmarks.declaration import Benchmark

_FIELDS = {
    "id": "id",
    "question": "question",
    "answer": "answer",
    "category": "family",
    "subject": "level",
}
_SEED = 20261128  # of the embedded file alone: the problems stay the same whatever a run's seed is
_EACH = 15


BENCHMARK = Benchmark(
    title="Skills: small problems of seven families",
    question=lambda row, fields: questions.question(row, _FIELDS),
    columns=tuple(_FIELDS.values()),
    short="skills",
    embedded="skills.jsonl",
    rate=0.3,  # between a base model that solves a fifth and one that was trained on the families
    prompt=hle.prompt,
)


def embedded_rows() -> list[dict[str, object]]:
    """The rows of the embedded file, as the families make them."""
    count = _EACH * len(skill_families.FAMILIES) * len(skill_families.LEVELS)
    made = islice(skill_families.make(_SEED, "testing"), count)
    return [
        {
            "id": f"skill-{number:03d}",
            "question": skill.question,
            "answer": skill.answer,
            "family": skill.family,
            "level": skill.level,
        }
        for number, skill in enumerate(made, 1)
    ]


if __name__ == "__main__":
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in embedded_rows()]
    Path(__file__).with_name(BENCHMARK.embedded).write_text("".join(lines), encoding="utf-8")
