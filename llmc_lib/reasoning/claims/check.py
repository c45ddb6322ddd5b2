"""Check the claims of many texts, each text once: the outcomes are kept by the hash of the text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from llmc_lib import limited
from llmc_lib.progress import progress_bar
from llmc_lib.reasoning.claims.decide import Comparison, Decision, decide, is_plain
from llmc_lib.reasoning.claims.expression import is_literal
from llmc_lib.reasoning.claims.find import Claim, find_claims
from llmc_lib.store import read_jsonl, sha256_text, write_jsonl

#: Raised when what is read or how it is decided changes: texts are then checked anew.
VERSION = 1

# Of one claim, in a process of its own.
_SECONDS = 2.0
_MEMORY_GIB = 2.0
# Texts whose claims are in memory at a time.
_TOGETHER = 100


@dataclass(frozen=True)
class FailedClaim:
    """A claim that does not hold, its places in the text, and the check in words: "3·14 + 5 = 47, not 57"."""

    start: int
    end: int
    check: str


@dataclass(frozen=True)
class TraceCheck:
    """What became of the claims of one text."""

    checked: int  # claims that were decided
    undecided: int
    failed: tuple[FailedClaim, ...]


def check_traces(texts: Iterable[str], folder: Path | None = None) -> dict[str, TraceCheck]:
    """SHA-256 of a text → the check of its claims, for each of `texts`.

    With a `folder` the outcomes are kept in it, and nothing is computed twice. Each claim is decided in a
    process of its own under limits of time and memory; one that exceeds them is undecided.
    """
    known = _read(folder) if folder else {}
    keys: dict[str, None] = {}
    found: dict[str, TraceCheck] = {}
    part: dict[str, str] = {}
    for text in texts:  # they may be gigabytes
        key = sha256_text(_writable(text))
        if key not in known and key not in keys:
            part[key] = text
        keys[key] = None
        if len(part) == _TOGETHER:
            found |= _check(part)
            part = {}
    found |= _check(part)
    outcomes = known | found
    if folder and found:
        write_jsonl(_file(folder), ({"text": key, **asdict(c)} for key, c in outcomes.items()))
    return {key: outcomes[key] for key in keys}


def _check(texts: dict[str, str]) -> dict[str, TraceCheck]:
    claims = {key: find_claims(text) for key, text in texts.items()}
    comparisons = list(dict.fromkeys(c.comparison for found in claims.values() for c in found))
    decisions = _decide_all(comparisons)
    return {key: _outcome(found, decisions) for key, found in claims.items()}


def _decide_all(comparisons: list[Comparison]) -> dict[Comparison, Decision]:
    """Those of the four operations here, at once; the others where they can be given up."""
    plain = [comparison for comparison in comparisons if is_plain(comparison)]
    decisions = {comparison: decide(comparison) for comparison in plain}
    others = [comparison for comparison in comparisons if comparison not in decisions]
    if not others:
        return decisions
    outcomes = limited.each(
        decide, others, seconds=_SECONDS, memory_gib=_MEMORY_GIB, modules=["sympy"]
    )
    bar = progress_bar(iterable=outcomes, total=len(others), desc="Checking claims", unit="claim")
    for comparison, outcome in zip(others, bar, strict=True):
        gone = isinstance(outcome, limited.Gone)
        decisions[comparison] = Decision("undecided") if gone else outcome
    return decisions


def _outcome(claims: list[Claim], decisions: dict[Comparison, Decision]) -> TraceCheck:
    verdicts = [decisions[claim.comparison] for claim in claims]
    failed = tuple(
        FailedClaim(claim.start, claim.end, in_words(claim, decision))
        for claim, decision in zip(claims, verdicts, strict=True)
        if decision.verdict == "fails"
    )
    undecided = sum(decision.verdict == "undecided" for decision in verdicts)
    return TraceCheck(len(claims) - undecided, undecided, failed)


def in_words(claim: Claim, decision: Decision) -> str:
    """The check of a claim that does not hold."""
    comparison = claim.comparison
    left, right = _quoted(claim.left), _quoted(claim.right)
    shown_left = left if is_literal(comparison.left) else f"{left} {_equals(decision.left)}"
    shown_right = right if is_literal(comparison.right) else f"{right} {_equals(decision.right)}"
    match comparison.relation:
        case "=" | "≈" if is_literal(comparison.left):
            return f"{shown_right}, not {left}"
        case "=" | "≈" if is_literal(comparison.right):
            return f"{shown_left}, not {right}"
        case "=" | "≈":
            return f"{shown_left}, but {shown_right}"
        case "≠":
            return f"{shown_left}, and {shown_right}: they are equal"
    return f"{shown_left}, which is not {comparison.relation} {shown_right}"


def _equals(value: str) -> str:
    return value if value.startswith("≈") else f"= {value}"


def _quoted(source: str) -> str:
    """A side as it is to be shown: LaTeX between dollar signs, on one line."""
    source = " ".join(source.replace("$", " ").replace("&", " ").split())
    return f"${source}$" if "\\" in source or "{" in source else source


def _file(folder: Path) -> Path:
    return folder / f"claims.v{VERSION}.jsonl"


def _read(folder: Path) -> dict[str, TraceCheck]:
    return {
        row["text"]: TraceCheck(
            row["checked"], row["undecided"], tuple(FailedClaim(**item) for item in row["failed"])
        )
        for row in read_jsonl(_file(folder))
    }


def _writable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
