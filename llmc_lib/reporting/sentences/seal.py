"""Whether a verdict followed a rule that was sealed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmc_lib.formatting import counted
from llmc_lib.language import plural, tr


def seal_sentence(found: Mapping[str, Any], *, imported: bool = False) -> str:
    """What `provenance.seal` of metrics.json says, in a sentence or two."""
    code = found["code"]
    if code == "broken":
        return tr(
            "Whether a rule was sealed before the run cannot be verified: its ledger of looks was changed after it was written "
            "({problem}).",
            problem=found["problem"],
        )
    if code == "none":
        return tr(
            "No rule was sealed before this run (make seal): the params may have been chosen after results were seen."
        )
    when = str(found["time"]).replace("T", " ").removesuffix("+00:00")
    if code == "late":
        return tr(
            "The params of this run, with the rule of its verdict, were sealed on {when} UTC, after {looks} at its answers: "
            "the rule was not set beforehand.",
            when=when,
            looks=counted(found["looked"], "look"),
        )
    if code == "followed":
        said = tr(
            "The params of this run, with the rule of its verdict, were sealed on {when} UTC, before the first recorded look at "
            "its answers, and nothing that decides has changed since: the verdict follows that rule.",
            when=when,
        )
    else:
        said = tr(
            "The params of this run, with the rule of its verdict, were sealed on {when} UTC, before the first recorded look at "
            "its answers, and have changed since ({changed}).",
            when=when,
            changed="; ".join(f"{change['key']}: {change['what']}" for change in found["changed"]),
        )
    if imported:
        more = tr(
            "The answers were imported; whether they had been looked at elsewhere is not known."
        )
    else:
        more = plural(
            "{n:,} answer had been sampled by then.",
            "{n:,} answers had been sampled by then.",
            found["answers"],
        )
    return f"{said} {more}" if imported or found["answers"] else said
