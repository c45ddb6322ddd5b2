"""Whether a verdict followed a rule that was sealed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmc_lib.formatting import counted


def seal_sentence(found: Mapping[str, Any], *, imported: bool = False) -> str:
    """What `provenance.seal` of metrics.json says, in a sentence or two."""
    code = found["code"]
    if code == "broken":
        return (
            "Whether a rule was sealed before the run cannot be told: its ledger of looks is not as it was written "
            f"({found['problem']})."
        )
    if code == "none":
        return "No rule was sealed before this run (make seal): the params may have been chosen after results were seen."
    when = str(found["time"]).replace("T", " ").removesuffix("+00:00")
    sealed = f"The params of this run, with the rule of its verdict, were sealed on {when} UTC"
    if code == "late":
        return f"{sealed}, after {counted(found['looked'], 'look')} at its answers: the rule was not set beforehand."
    there = ""
    if imported:
        there = " The answers were imported: whether they had been looked at elsewhere, nobody can see here."
    elif found["answers"]:
        there = f" {counted(found['answers'], 'answer')} had been sampled by then."
    if code == "followed":
        return f"{sealed}, before any answer was looked at here, and have not changed: the verdict follows that rule.{there}"
    changed = "; ".join(f"{change['key']}: {change['what']}" for change in found["changed"])
    return f"{sealed}, before any answer was looked at here, and have changed since ({changed}).{there}"
