"""A data set's manifest and rows as the builder writes them, small and made up."""

from __future__ import annotations

from typing import Any

import pandas as pd

from llmc_lib.dataset.ledger import Ledger
from llmc_lib.params import Params
from llmc_lib.taxonomy import HLE_SHARES

HOSTILE = "<script>alert(1)</script>"


def made_params(**dataset: Any) -> Params:
    """The params of a run with two sources, with some keys of its data set section."""
    sources = [{"name": "hard_math"}, {"name": "textbook"}]
    return Params.model_validate({"run": "x", "dataset": {"sources": sources, **dataset}})


def made_manifest(**facts: Any) -> dict[str, Any]:
    """1,600 rows read, 1,000 left: 920 to train on and 80 held out; with some facts changed."""
    manifest: dict[str, Any] = {
        "sources": {"hard_math": _source(600, 410), "textbook": _source(1000, 590)},
        "steps": _ledger().steps(1600),
        "authors": [
            {"kind": "person", "author": "person", "completions": 1500},
            {"kind": "closed model", "author": "gpt-4o", "completions": 34},
            {"kind": "unknown", "author": "", "completions": 1},
        ],
        "compared": {"hle": 200, "do_not_answer": 40},
        "contamination": [_hit(1), _hit(2)],
        "teacher": None,
        "reference": None,
        "replay": {},
        "mixtures": {},
        "target": dict(HLE_SHARES),
        "target_origin": "counted from this run's 200 benchmark questions",
        "mixed": {name: round(1000 * share) for name, share in HLE_SHARES.items()},
        "limiting_category": "Physics",
        "mixture_cost": 580,
        "total_variation": 0.0,
        "rows": {"train": 920, "validation": 80},
        "composition": {
            "source": {"hard_math": 410, "textbook": 590},
            "category": {name: round(1000 * share) for name, share in HLE_SHARES.items()},
            "kind": {"verifiable": 1000},
            "licence": {"Apache-2.0": 1000},
            "author_kind": {"person": 1000},
            "answer_type": {"exactMatch": 999, "multipleChoice": 1},
            "verified": {"yes": 900, "not stated": 100},
        },
        "tokens": {
            "total": 210_000,
            "quantiles": {"0": 60, "0.25": 150, "0.5": 200, "0.75": 300, "0.95": 400, "1": 498},
        },
    }
    assert set(facts) <= set(manifest)
    return {**manifest, **facts}


def made_rows(**columns: Any) -> pd.DataFrame:
    """24 rows of train.parquet, three of each category; with some columns changed."""
    rows = [
        {
            "id": f"textbook/{number:05d}",
            "source": "textbook",
            "licence": "Apache-2.0",
            "author": "Qwen3-4B",
            "author_kind": "open model",
            "category": category,
            "subject": "Algebra",
            "kind": "verifiable",
            "history": "",
            "loss": "last",
            "question": f"What is ${number} + 1$?\nSay it.",
            "completion": f"<think>\nOne more.\n</think>\n\nAnswer: {number + 1}",
            "verified": "yes",
            "n_tokens": 100 + 10 * number,
        }
        for number, category in enumerate([*HLE_SHARES] * 3)
    ]
    return pd.DataFrame(rows).assign(**columns)


TEACHER = {
    "teacher": "SmolLM2-135M", "problems": 50, "solved": 10, "samples": 200, "right": 20, "wrong": 100,
    "truncated": 60, "without_answer": 19, "failed": 1, "tokens": 40_000,
}  # fmt: skip
REFERENCE = {
    "model": "SmolLM2-135M", "samples": 4, "problems": 100, "solved_at_least_once": 60, "mean": 0.3125,
    "histogram": [40, 0, 30, 0, 0, 10, 0, 10, 0, 10],
}  # fmt: skip


def _source(read: int, used: int) -> dict[str, Any]:
    return {
        "licence": "Apache-2.0", "url": "embedded", "description": "Problems.", "difficulty": "",
        "citation": "", "read": read, "used": used,
    }  # fmt: skip


def _hit(number: int) -> dict[str, str]:
    return {
        "id": f"textbook/{number:05d}",
        "benchmark_id": f"hle/{number}",
        "reason": "the question is nearly the same",
    }


def _ledger() -> Ledger:
    ledger = Ledger()
    for number in range(34):
        ledger.remove_completion("provenance", f"textbook/{number}", "closed model: gpt-4o", "")
    removed = [("decontamination", "the question is nearly the same", 2), ("duplicates", "same problem", 10),
               ("completions", "no completion", 8), ("mixture", "not drawn", 580)]  # fmt: skip
    for step, reason, count in removed:
        ledger.remove_rows(
            {"step": step, "id": f"textbook/{number}", "reason": reason, "detail": "hle/1"}
            for number in range(count)
        )
    return ledger
