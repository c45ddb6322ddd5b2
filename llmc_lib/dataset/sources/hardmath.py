r"""HARDMath: graduate problems in applied mathematics (asymptotics), made and solved by a program.

Schema (a JSON object, id → record): question; solution; question_type (integral, ODE,
polynomial_roots, nondimensionalization_symbolic, nondimensionalization_numeric); answer_type
(math_expression, float, list); answer_val (the README calls it extracted_answer); precision (decimals of
a float); and the points at which a formula is compared with a numerical solution. The question type is
the subject. There is no difficulty.

Only an answer that is one value is given as the answer: the numbers and formulas of the
nondimensionalisations, and the one formula of a Laplace integral. The answers to roots, differential
equations and the other integrals have a part for each regime (and lose some of them in the word
problems); they are approximations that no comparison of formulas can verify. Their answer is "", and so is
their completion: its last box holds one part, which would pass for the whole.

The solutions are a program's (the texts of the word problems were written by hand); some have lost a backslash
("$frac{…}$"), and are kept as they are.

Licence: MIT. Looked up: files, README and licence of the project `sarahmart/HARDMath`. No copy of it by
its authors was found on the hub, so a local file is needed: data/HARDMath.json of the project, or one of
evaluation/data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmc_lib.dataset.sources._common import Draft, SourceFacts, source_rows, text
from llmc_lib.params import SourceParams
from llmc_lib.store.data_files import Row

HUB = ""
CATEGORIES = {"": "Math"}
FACTS = SourceFacts(
    licence="MIT",
    url="https://github.com/sarahmart/HARDMath",
    description="Graduate problems in applied mathematics, generated and solved by a program.",
    citation="Fan et al., HARDMath: A Benchmark Dataset for Challenging Problems in Applied "
    "Mathematics (2024), arXiv:2410.09988",
)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def drafts(source: SourceParams, seed: int) -> Iterator[Draft]:
    """The records in file order."""
    for row in source_rows(source, HUB):
        answer = _answer(row)
        yield Draft(
            question=row.need("question"),
            answer=answer,
            completion=row.need("solution") if answer else "",
            subject=row.need("question_type"),
            author="program",
            author_kind="program",
            row_id=row.key,
            revision=row.file.revision,
        )


def _answer(row: Row) -> str:
    kind, record = text(row.need("question_type")), row.record
    name = "answer_val" if "answer_val" in record or "extracted_answer" not in record else None
    value = text(row.need(name or "extracted_answer"))
    # The examples misspell it "nondimentionalization".
    if kind.startswith("nondimen") and row.need("answer_type") == "float":
        numbers = _NUMBER.findall(value)
        return numbers[-1] if numbers else ""
    if kind.startswith("nondimen") or r"I(x) \approx" in value:
        return _formula(value)
    return ""


def _formula(value: str) -> str:
    r"""The right side of "$$\boxed{I(x) \approx …}$$"."""
    value = value.strip().strip("$").strip()
    if value.startswith(r"\boxed{") and value.endswith("}"):
        value = value.removeprefix(r"\boxed{").removesuffix("}").strip()
    return re.sub(r"^(I\(x\)\s*\\approx|\\epsilon\s*=)\s*", "", value)
