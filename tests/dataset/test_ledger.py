"""The book of what each step removed."""

from __future__ import annotations

from llmc_lib.dataset.ledger import Ledger
from llmc_lib.dataset.steps import STEPS

NAMES = [step.name for step in STEPS]


def _removal(step: str, id_: str, reason: str) -> dict[str, str]:
    return {"step": step, "id": id_, "reason": reason, "detail": ""}


def test_the_waterfall_goes_down_to_what_is_left() -> None:
    ledger = Ledger()
    ledger.remove_rows([_removal("duplicates", f"s/{n}", "the same problem") for n in range(3)])
    ledger.remove_rows([_removal("mixture", "s/9", "not drawn")])
    ledger.remove_completion("provenance", "s/7", "closed model: gpt-4o", "")
    steps = ledger.steps(10)
    assert [step["step"] for step in steps] == NAMES
    left = {step["step"]: step["left"] for step in steps}
    assert (left["form"], left["duplicates"], left["mixture"]) == (10, 7, 6)
    provenance = steps[NAMES.index("provenance")]
    assert (provenance["removed"], provenance["completions_removed"]) == (0, 1)
    assert provenance["completion_reasons"] == {"closed model: gpt-4o": 1}
    assert provenance["examples"][0]["id"] == "s/7"


def test_examples_show_each_reason_once_and_long_details_cut() -> None:
    ledger = Ledger()
    for n in range(20):
        ledger.remove_completion("form", f"s/{n}", f"reason {n % 8}", "x" * 1000)
    examples = ledger.steps(20)[NAMES.index("form")]["examples"]
    assert [example["id"] for example in examples] == [f"s/{n}" for n in range(5)]
    assert all(len(example["detail"]) == 200 for example in examples)
    assert list(ledger.steps(20)[NAMES.index("form")]["completion_reasons"]) == [
        f"reason {n}" for n in range(8)
    ]
