"""Check the claims of many texts, each text once: the outcomes are kept by the hash of the text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from llmc_lib.processes import limited
from llmc_lib.processes.progress import progress_bar
from llmc_lib.reasoning.claims.decide import Comparison, Decision, decide, is_plain
from llmc_lib.reasoning.claims.expression import is_literal
from llmc_lib.reasoning.claims.find import Claim, find_claims

#: Raised when what is read or how it is decided changes: texts are then checked again.
VERSION = 5

# Of one claim, in a process of its own.
_SECONDS = 2.0
_MEMORY_GIB = 2.0
# Characters of texts that are in memory at a time.
_TOGETHER = 5_000_000
# More are read in several processes, which take a second to start; each text within limits of its own.
_ALONE = 100_000
_READING_SECONDS = 60.0
_READING_GIB = 4.0


@dataclass(frozen=True)
class FailedClaim:
    """A claim that does not hold, its places in the text, and the check in words: "3·14 + 5 = 47, not 57"."""

    start: int
    end: int
    check: str


@dataclass(frozen=True)
class TraceCheck:
    """The outcome of the claims of one text."""

    checked: int  # claims that were decided
    undecided: int
    failed: tuple[FailedClaim, ...]


def check_traces(texts: Iterable[str], folder: Path | None = None) -> dict[str, TraceCheck]:
    """SHA-256 of a text → the check of its claims, for each of `texts`.

    With a `folder` the outcomes are kept in it, and nothing is computed twice. What is more than arithmetic of the
    four operations is decided in a process of its own under limits of time and memory; a claim that exceeds
    them is undecided.
    """
    # Not where `check_here` is called: a process that rewards apart would take three times as long to start.
    from llmc_lib.store import sha256_text
    from llmc_lib.store.kept import read_kept, write_kept

    known = read_kept(_file(folder), TraceCheck) if folder else {}
    keys: dict[str, None] = {}
    found: dict[str, TraceCheck] = {}
    part: dict[str, str] = {}
    size = 0
    for text in texts:  # they may be gigabytes
        key = sha256_text(text)
        if key not in known and key not in keys:
            part[key] = text
            size += len(text)
        keys[key] = None
        if size > _TOGETHER:
            found |= _check(part)
            part, size = {}, 0
    found |= _check(part)
    outcomes = known | found
    if folder and found:
        write_kept(_file(folder), outcomes)
    return {key: outcomes[key] for key in keys}


def check_here(text: str) -> TraceCheck:
    """The check of one text, all of it in this process, which must have limits of its own (see `rewards.apart`)."""
    plain, rest = _read_text(text)
    if not rest:
        return plain
    comparisons = dict.fromkeys(claim.comparison for claim in rest)
    return _together(plain, _outcome(rest, {one: decide(one) for one in comparisons}))


def _check(texts: dict[str, str]) -> dict[str, TraceCheck]:
    found, others = {}, {}
    for key, (plain, rest) in zip(texts, _read_all(list(texts.values())), strict=True):
        found[key] = plain
        if rest:
            others[key] = rest
    decisions = _decided(others.values())
    for key, rest in others.items():
        found[key] = _together(found[key], _outcome(rest, decisions))
    return found


def _read_all(texts: list[str]) -> Iterator[tuple[TraceCheck, list[Claim]]]:
    """What `_read_text` finds in each; nothing in a text that takes too long."""
    if sum(map(len, texts)) <= _ALONE:
        yield from map(_read_text, texts)
        return
    outcomes = limited.each(
        _read_text,
        texts,
        seconds=_READING_SECONDS,
        memory_gib=_READING_GIB,
        modules=["sympy"],  # once, not in each process that decides the others
    )
    bar = progress_bar(
        iterable=outcomes, total=len(texts), desc="Reading claims", unit="text", leave=False
    )
    for outcome in bar:
        yield (TraceCheck(0, 0, ()), []) if isinstance(outcome, limited.Gone) else outcome


def _read_text(text: str) -> tuple[TraceCheck, list[Claim]]:
    """The outcome of a text's claims of the four operations, and all its other claims (doubtful ones too)."""
    plain: list[Claim] = []
    others: list[Claim] = []
    for claim in find_claims(text):
        alone = is_plain(claim.comparison) and not claim.doubtful
        (plain if alone else others).append(claim)
    comparisons = dict.fromkeys(claim.comparison for claim in plain)
    return _outcome(plain, {one: decide(one) for one in comparisons}), others


def _decided(claims: Iterable[list[Claim]]) -> dict[Comparison, Decision]:
    """The decisions of claims, each where it can be given up."""
    comparisons = list(dict.fromkeys(claim.comparison for found in claims for claim in found))
    if not comparisons:
        return {}
    outcomes = limited.each(
        decide, comparisons, seconds=_SECONDS, memory_gib=_MEMORY_GIB, modules=["sympy"]
    )
    bar = progress_bar(
        iterable=outcomes,
        total=len(comparisons),
        desc="Checking new arithmetic",
        unit="claim",
        leave=False,
    )
    return {
        comparison: Decision("undecided") if isinstance(outcome, limited.Gone) else outcome
        for comparison, outcome in zip(comparisons, bar, strict=True)
    }


def _outcome(claims: list[Claim], decisions: dict[Comparison, Decision]) -> TraceCheck:
    verdicts = _without_other_operations(claims, [decisions[claim.comparison] for claim in claims])
    failed = tuple(
        FailedClaim(claim.start, claim.end, in_words(claim, decision))
        for claim, decision in zip(claims, verdicts, strict=True)
        if decision.verdict == "fails"
    )
    undecided = sum(decision.verdict == "undecided" for decision in verdicts)
    return TraceCheck(len(claims) - undecided, undecided, failed)


def _without_other_operations(claims: list[Claim], verdicts: list[Decision]) -> list[Decision]:
    r"""Where nothing shows that an asterisk multiplies, a doubtful claim that fails is undecided.

    A claim that holds shows it, with the asterisk on one side only: $3 * 4 = 12$, but not $2 * 3 = 2 * 3$.
    """
    shown = any(
        verdict.verdict == "holds" and claim.doubtful and claim.stars[0] != claim.stars[1]
        for claim, verdict in zip(claims, verdicts, strict=True)
    )
    return [
        Decision("undecided")
        if verdict.verdict == "fails" and claim.doubtful and not shown
        else verdict
        for claim, verdict in zip(claims, verdicts, strict=True)
    ]


def _together(one: TraceCheck, other: TraceCheck) -> TraceCheck:
    failed = sorted(one.failed + other.failed, key=lambda claim: claim.start)
    return TraceCheck(one.checked + other.checked, one.undecided + other.undecided, tuple(failed))


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
