"""HLE-Verified (Zhai et al., arXiv 2602.13964): Humanity's Last Exam with its answers checked, revised where they were
wrong, and marked where nobody could tell; the hub's `skylenage/HLE-Verified`, or its files. Text-only, as HLE is here.

    benchmarks:
      - {name: hle_verified, source: skylenage/HLE-Verified, revision: <commit>}
      - {name: gold, kind: hle_verified, source: data/hle_verified, exclude: [revised, uncertain]}

A row is one of HLE's (`hle`), with Verified_Classes: "Gold subset" (668 items), "Revision subset" (1,143) and "Uncertain subset"
(689) become the subsets `verified`, `revised` and `uncertain`. `original_answer` is HLE's own answer where it was revised.
verify_meta_info has problem_verify, answer_verify and rationale_verify, each with is_valid (1, 0, or "uncertain"); it tells the
class of a row without Verified_Classes, as the first releases had them. Two forms are read: JSON Lines with all of
these keys (confirmed by files in the repository SKYLENAGE-AI/HLE-Verified), and the hub's later Parquet, where id, question, answer,
category, raw_subject and Verified_Classes are columns and the rest is a text of JSON in the column json (as programs that load
it read it; the file itself could not be read). Releases as zip archives have to be unpacked. Copies of the
set without the field image would have questions asked without their image.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from llmc_lib.benchmarks import hle
from llmc_lib.benchmarks.declaration import REVISED, UNCERTAIN, VERIFIED, Benchmark
from llmc_lib.benchmarks.rows import text
from llmc_lib.errors import shown
from llmc_lib.records import Question
from llmc_lib.taxonomy import CATEGORIES

_CLASSES = {"gold": VERIFIED, "revision": REVISED, "uncertain": UNCERTAIN}
_ORIGINALS = ("original_question", "original_answer", "original_rationale")
_PARTS = ("problem_verify", "answer_verify", "rationale_verify")


def _question(row: Mapping[str, Any], fields: Mapping[str, str]) -> Question | None:
    whole = {**_object(row.get("json"), "json"), **{k: v for k, v in row.items() if k != "json"}}
    subset = _class(whole)
    question = hle.BENCHMARK.question(whole, fields)
    if question is None:
        return None
    original = text(whole.get("original_answer"))
    changed = bool(original.strip()) and original.strip() != question.answer.strip()
    return replace(question, subsets=(subset,), original_answer=original if changed else "")


def _class(row: Mapping[str, Any]) -> str:
    """The subset of a row."""
    given = text(row.get("Verified_Classes")).strip()
    if given:
        found = _CLASSES.get(given.lower().partition(" ")[0])
        if found is None:
            raise ValueError(
                f"Verified_Classes {shown(given)}: must be Gold subset, Revision subset or Uncertain subset"
            )
        return found
    checked = _object(row.get("verify_meta_info"), "verify_meta_info")
    if not checked:
        raise ValueError("'Verified_Classes' is missing or empty, and so is 'verify_meta_info'")
    if any(text(row.get(name)).strip() for name in _ORIGINALS):
        return REVISED
    parts = [checked.get(name) for name in _PARTS]
    valid = all(isinstance(part, dict) and part.get("is_valid") == 1 for part in parts)
    return VERIFIED if valid else UNCERTAIN


def _object(value: Any, name: str) -> dict[str, Any]:
    """A field that is an object, or a text of one, as JSON or as Python prints it; {} for none."""
    if isinstance(value, str) and value.strip():
        try:
            value = json.loads(value)
        except ValueError:
            try:
                value = ast.literal_eval(value)
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                raise ValueError(f"{name!r} is not a JSON object") from None
    if value in (None, ""):
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"{name!r} is not a JSON object")
    return value


BENCHMARK = Benchmark(
    title="HLE-Verified (HLE with checked and revised answers)",
    question=_question,
    columns=(
        *hle.BENCHMARK.columns,
        *_ORIGINALS,
        "Verified_Classes",
        "verify_meta_info",
        "json",
    ),
    short="HLE-Verified",
    hub="skylenage/HLE-Verified",
    size=2158,  # the items of HLE without an image
    rate=hle.BENCHMARK.rate,
    withheld=True,
    categories=CATEGORIES,
    prompt=hle.prompt,
    official=True,
)
