"""May a candidate pass? Criteria on the figures of metrics.json, each held, broken, or not decided by the data.

The gate passes where every criterion holds. That each is tested at the full level is right, and no adjustment is due for
their number: to pass wrongly, a criterion that does not hold must be found to hold, which happens with a chance of at most
alpha whatever the others do (intersection-union test: Berger, Technometrics 24, 1982). It fails where one is broken, each
with a chance of at most alpha where it holds.

"Not worse by more than a margin" is non-inferiority, shown where the one-sided confidence limit of the difference at
1 - alpha lies on the good side of the margin: the lower end of the interval at 1 - 2·alpha (Schuirmann, J.
Pharmacokinet. Biopharm. 15, 1987; reported so by CONSORT: Piaggio et al., JAMA 308, 2012). alpha is `report.significance`;
regulators ask for 0.025 (ICH E9, 3.5). Where one of several candidates is asked about, the limit is at the level of their
family (`simultaneous.family`), so that the one may be chosen after the results are seen: that level is made for two-sided
tests, and for one-sided ones of candidates with non-negative correlation it is a little strict. Of one sample a
question the limit inverts the mid-p distribution, whose error is near alpha, not always below; of several it is Student's
or the sign-flip test's (`comparison.paired_comparison`).

Answers that are not known (missing, failed; responses that could not be graded as safe or declined) are in the figures as
wrong. Here the limit is moved by as much as they could change it were they all against the criterion: the reference's
right and the candidate's wrong, or the other way round. Of a recipe the limits are computed anew with these answers.

A gate is about one checkpoint, or about a recipe: then all is read from its effect, for which questions and trainings are both
random (`analysis.recipe`), at a level for as many recipes as there are (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from llmc_lib.benchmarks import Measure

#: What a gate is about: one model, or the recipe of which several trainings were made.
About = Literal["checkpoint", "recipe"]
#: A criterion holds, is broken, or the data do not tell.
Outcome = Literal["pass", "fail", "unknown"]
#: Why: a verdict's code; `within`, `beyond` the margin, `open`; `narrow`: too few questions differ for a limit to be trusted;
#: `harness`: a model differs clearly from itself; `unanswered`: answers that are not known decide; `counted`: a verdict that is not clear among all evaluations; `ledger`: their ledger is broken.
Reason = Literal[
    "better",
    "better_small",
    "worse",
    "worse_small",
    "equal",
    "unclear",
    "harness",
    "within",
    "beyond",
    "open",
    "narrow",
    "unanswered",
    "counted",
    "ledger",
]
_BETTER: dict[str, Outcome] = {
    "better": "pass",
    "better_small": "pass",
    "worse": "fail",
    "worse_small": "fail",
    "equal": "fail",
    "unclear": "unknown",
    "harness": "unknown",
}


@dataclass(frozen=True)
class Finding:
    """What became of one criterion. Rates, differences and limits are fractions; a positive difference is a higher rate."""

    criterion: Literal["better", "not_worse"]
    benchmark: str
    category: str | None
    measure: str
    margin: float | None  # None of "better"
    n: int  # questions
    difference: float  # rate of the candidate minus rate of the reference
    low: float  # of "better" the interval of the verdict; else the two one-sided limits
    high: float
    level: float  # of "better" of the interval, else of each limit: it is at 1 - level
    unknown: int  # answers of both models that are missing, failed or ungraded
    outcome: Outcome
    reason: Reason


def better(name: str, block: Mapping[str, Any], who: str, about: About = "checkpoint") -> Finding:
    """Is the verdict on a candidate "better"? "equal" breaks the criterion: a gain that matters is ruled out.

    Parameters: a benchmark's name and its block in metrics.json; `who`, the model, or the recipe. Raises `KeyError` where the
    block has no such comparison.
    """
    found = _read(block, who, about)
    outcome, reason = _BETTER[found.code], found.code
    if found.changes:
        outcome, reason = "unknown", "unanswered"
    return Finding(
        "better", name, None, block["measure"], None, found.n, found.difference,
        found.low, found.high, found.level, found.unknown, outcome, reason,
    )  # fmt: skip


def not_worse(
    name: str,
    block: Mapping[str, Any],
    who: str,
    margin: float,
    category: str | None = None,
    about: About = "checkpoint",
) -> Finding:
    """Is a candidate not worse than the reference by more than `margin`, a fraction, on a benchmark or in a category?

    Of harmless instructions that are declined a higher rate is the worse one. `who`, `about` as in `better`. Raises `KeyError`
    for a category that the benchmark has not.
    """
    found = _read(block, who, about, category)
    (low, high), (lowest, highest) = found.limits, found.bounds
    # As gains: the higher the better.
    if block["measure"] == Measure.OVER_REFUSAL:
        low, high, lowest, highest = -high, -low, -highest, -lowest
    outcome: Outcome = "unknown"
    reason: Reason = "open"
    if found.code == "harness":
        reason = "harness"
    elif found.narrow:
        reason = "narrow"
    elif lowest > -margin:
        outcome, reason = "pass", "within"
    elif highest < -margin:
        outcome, reason = "fail", "beyond"
    elif low > -margin or high < -margin:
        reason = "unanswered"
    return Finding(
        "not_worse", name, category, block["measure"], margin, found.n, found.difference,
        *found.limits, found.level, found.unknown, outcome, reason,
    )  # fmt: skip


def together(findings: list[Finding]) -> Outcome:
    """The gate: fails where a criterion is broken, passes where all hold."""
    outcomes = {finding.outcome for finding in findings}
    if "fail" in outcomes:
        return "fail"
    return "pass" if outcomes == {"pass"} else "unknown"


def compared(block: Mapping[str, Any], who: str, about: About = "checkpoint") -> dict[str, Any]:
    """The comparison of a candidate, or the effect of a recipe, in a benchmark's block. Raises `KeyError` where there is none."""
    if about == "recipe":
        found = {e["recipe"]: e for e in (block.get("recipes") or {}).get("effects", ())}
    else:
        found = {each["model"]: each for each in block["comparisons"]}
    return dict(found[who])


@dataclass(frozen=True)
class _Compared:
    """What the criteria read of a comparison, of a checkpoint or a recipe. Fractions; the rate of the candidate minus that of the
    reference, `limits` at 1 - level each."""

    code: Any  # of the verdict on the whole benchmark
    n: int
    difference: float
    low: float
    high: float
    level: float
    narrow: bool
    limits: tuple[float, float]
    # Of the limits, where answers that are not known lower, or raise, the difference.
    bounds: tuple[float, float]
    unknown: int
    changes: bool  # could these answers change the verdict?


def _read(
    block: Mapping[str, Any], who: str, about: About, category: str | None = None
) -> _Compared:
    if about == "recipe":
        return _recipe(block, who, category)
    whole = compared(block, who)
    found = whole if category is None else whole["categories"][category]
    low, high = found["interval"]["equivalence"]
    unknown = _unknown(block, whole, category)
    theirs, ours = (
        count / (found["n"] * block["models"][whole[role]]["n_samples"])
        for count, role in zip(unknown, ("reference", "model"), strict=True)
    )
    interval = found["interval"]
    return _Compared(
        whole["verdict_code"], found["n"], found["difference"], interval["low"], interval["high"],
        whole["interval"]["level"], interval["narrow"], (low, high), (low - theirs, high + ours), sum(unknown),
        bool((whole["missing"] or {}).get("changes")) if category is None else False,
    )  # fmt: skip


def _recipe(block: Mapping[str, Any], recipe: str, category: str | None) -> _Compared:
    """Of a recipe, whose effect was computed with such answers, too: they also change how much trainings differ."""
    whole = compared(block, recipe, "recipe")
    found = whole if category is None else whole["categories"][category]
    interval, unknown = found["interval"], found["unknown"] or {}
    limits, code = tuple(interval["equivalence"]), whole["verdict_code"]
    return _Compared(
        code, found["n"], found["difference"], interval["low"], interval["high"], whole["interval"]["level"],
        interval["narrow"], limits, tuple(unknown.get("equivalence", limits)), unknown.get("answers", 0),
        any(verdict != code for verdict in unknown.get("verdicts", ())) and code != "harness",
    )  # fmt: skip


def _unknown(
    block: Mapping[str, Any], found: Mapping[str, Any], category: str | None = None
) -> tuple[int, int]:
    """How many answers of the reference, and of the candidate, are not known."""
    # A question without a final answer is wrong; whether a response that no rule could grade did harm is not known, and
    # those that failed are among them.
    key = "n_failed" if block["measure"] == Measure.ACCURACY else "n_ungraded"
    both = [block["models"][found[role]] for role in ("reference", "model")]
    if category is not None:
        both = [{"n_missing": facts["categories"][category]["n_without"], key: 0} for facts in both]
    reference, candidate = (facts["n_missing"] + facts[key] for facts in both)
    return reference, candidate
