"""Precision and recall of the check of claims on the labelled texts of `claims.jsonl`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmc_lib.reasoning.claims import check_traces
from llmc_lib.store import sha256_text

FILE = Path(__file__).with_name("claims.jsonl")


@dataclass(frozen=True)
class Score:
    """Flags of the check against the labels of a reader."""

    texts: int
    decided: int  # claims that the check decided
    right: int  # flags on claims that are false
    wrong: tuple[str, ...]  # other flags
    missed: tuple[str, ...]  # false claims without a flag

    @property
    def precision(self) -> float:
        return self.right / max(1, self.right + len(self.wrong))

    @property
    def recall(self) -> float:
        return self.right / max(1, self.right + len(self.missed))


def rows(half: str, origin: str | None = None) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
    return [r for r in found if r["half"] == half and origin in (None, r["from"])]


def score(labelled: Iterable[dict[str, Any]]) -> Score:
    labelled = list(labelled)
    checks = check_traces(row["text"] for row in labelled)
    right, decided = 0, 0
    wrong: list[str] = []
    missed: list[str] = []
    for row in labelled:
        check = checks[sha256_text(row["text"])]
        decided += check.checked
        left = list(row["false"])
        for failed in check.failed:
            said = row["text"][failed.start : failed.end]
            match = next((label for label in left if _same(label, said)), None)
            if match is None:
                wrong.append(f"{said}: {failed.check} (in {row['text']!r})")
            else:
                left.remove(match)
                right += 1
        missed += [f"{label} (in {row['text']!r})" for label in left]
    return Score(len(labelled), decided, right, tuple(wrong), tuple(missed))


def _same(label: str, said: str) -> bool:
    label, said = ("".join(text.split()) for text in (label, said))
    return label in said or said in label
