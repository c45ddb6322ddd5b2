"""The book of what each step removed and why: the source of the waterfall and of the card."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from llmc_lib.dataset import steps

_EXAMPLES = 5
_TOLD = 3


class Ledger:
    """Counts and examples of removed rows and removed completions, by step and reason."""

    def __init__(self) -> None:
        self.rows: dict[str, Counter[str]] = defaultdict(Counter)
        self.completions: dict[str, Counter[str]] = defaultdict(Counter)
        self._examples: dict[str, list[dict[str, str]]] = defaultdict(list)

    def remove_rows(self, removals: Iterable[dict[str, Any]]) -> None:
        """Enter rows of removed.parquet."""
        for row in removals:
            self.rows[row["step"]][row["reason"]] += 1
            self._show(row["step"], row["id"], row["reason"], row["detail"])

    def remove_completion(self, step: str, id_: str, reason: str, detail: str) -> None:
        """Enter a completion that was taken from its problem."""
        self.completions[step][reason] += 1
        self._show(step, id_, reason, detail)

    def steps(self, read: int) -> list[dict[str, Any]]:
        """The waterfall from `read` rows: for each step what it removed, what is left, examples."""
        left, found = read, []
        for step in _names():
            left -= self.rows[step].total()
            found.append(
                {
                    "step": step,
                    "removed": self.rows[step].total(),
                    "left": left,
                    "reasons": _by_count(self.rows[step]),
                    "completions_removed": self.completions[step].total(),
                    "completion_reasons": _by_count(self.completions[step]),
                    "examples": self._examples[step],
                }
            )
        return found

    def told(self) -> str:
        """A sentence with examples of what was removed, to follow another; "" where nothing was."""
        found = [
            f"{e['id']}: {e['reason']}" + (f" ({e['detail']})" if e["detail"] else "")
            for step in _names()
            for e in self._examples[step]
        ]
        return f". Removed were, for example, {'; '.join(found[:_TOLD])}" if found else ""

    def _show(self, step: str, id_: str, reason: str, detail: str) -> None:
        examples = self._examples[step]
        # One of each reason first: five of the same teach less.
        if len(examples) < _EXAMPLES and all(e["reason"] != reason for e in examples):
            examples.append({"id": id_, "reason": reason, "detail": detail[:200]})


def _by_count(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _names() -> list[str]:
    return [step.name for step in steps.STEPS]
