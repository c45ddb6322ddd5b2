"""Pass rate: how hard a problem is, by how often a reference model solves it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from llmc_lib.dataset.problems import Problem, ask, asked_model, outcome
from llmc_lib.dataset.steps.step import SetStep
from llmc_lib.dataset.stored_rates import StoredRate, stored_rates
from llmc_lib.language import N_
from llmc_lib.models.resolve import author_name
from llmc_lib.params import DifficultyParams
from llmc_lib.store import Run

if TYPE_CHECKING:
    from llmc_lib.dataset.select import Selection


@dataclass(frozen=True)
class PassRate:
    """How many of the reference model's answers to a problem are right.

    `low` and `high` are the ends of the 95% Wilson interval of the rate, fractions in [0, 1].
    """

    correct: int
    samples: int  # all of them: also truncated, without a final answer, failed
    low: float
    high: float
    failed: int = 0  # of the samples: the prompt is too long for max_model_len
    #: A rate that a file has without counts; the numbers above are then 0, and the interval 0 to 1.
    given: float | None = None

    @property
    def rate(self) -> float:
        """The share of all samples that are right, in [0, 1]."""
        return self.correct / self.samples if self.given is None else self.given


def pass_rates(run: Run, problems: Sequence[Problem]) -> dict[str, PassRate]:
    """Measure the problems on the reference model of `dataset.difficulty`: id → pass rate.

    The samples of a problem are independent draws from one model, so their number right is binomial
    and Wilson's interval holds for the rate of this problem on this model. Problems without a
    reference answer, and those beyond `problems` of the params, have no rate.

    With `dataset.difficulty.rates` nothing is asked: the rates are those of a file (`stored_rates`).

    The answers are kept in runs/<run>/dataset/difficulty and are not sampled again under the same
    settings. Raises `UserError` when the model cannot be had, `WorkerError` when the engine fails.
    """
    params = run.params.dataset.difficulty
    if params.rates is not None:
        given = [problem for problem in problems if problem.answer]
        return {id_: _stored(found) for id_, found in stored_rates(params.rates, given).items()}
    key = "dataset.difficulty"
    model = asked_model(run, params, "reference", key)
    answers = ask(run, problems, params, model, run.dataset / "difficulty", key)
    by_id = {problem.id: problem for problem in problems}
    rates = {}
    for id_, predictions in answers.items():
        outcomes = [outcome(by_id[id_], prediction) for prediction in predictions]
        rates[id_] = _pass_rate(outcomes.count("right"), len(outcomes), outcomes.count("failed"))
    return rates


def _stored(found: StoredRate) -> PassRate:
    if found.correct is None or found.samples is None:
        return PassRate(0, 0, 0.0, 1.0, given=found.rate)
    return _pass_rate(found.correct, found.samples, 0)


def _pass_rate(correct: int, samples: int, failed: int) -> PassRate:
    from statsmodels.stats.proportion import proportion_confint  # seconds to import

    low, high = proportion_confint(correct, samples, alpha=0.05, method="wilson")
    rate = correct / samples  # rounding must not put the rate itself outside
    return PassRate(correct, samples, min(float(low), rate), max(float(high), rate), failed)


def outside_band(rate: PassRate | None, params: DifficultyParams) -> str | None:
    """Why a problem is outside min_pass_rate ≤ rate ≤ max_pass_rate, in words; None where it is not.

    The band is applied to the measured rate, not to its interval. A problem without a rate is outside:
    nothing shows that it belongs to the band.
    """
    if rate is None:
        return "pass rate not measured"
    if params.min_pass_rate <= rate.rate <= params.max_pass_rate:
        return None
    side = "below" if rate.rate < params.min_pass_rate else "above"
    bound = params.min_pass_rate if side == "below" else params.max_pass_rate
    too_long = f", {rate.failed} not asked as the prompt is too long" if rate.failed else ""
    if rate.given is not None:
        return f"pass rate {rate.given:g} is {side} {bound:g}"
    return (
        f"pass rate {rate.correct}/{rate.samples} ({rate.low:.0%} to {rate.high:.0%}{too_long}) is "
        f"{side} {bound:g}"
    )


def _look(selection: Selection) -> Iterator[tuple[int, str, str]]:
    """Measure pass rates and keep the band."""
    run = selection.run
    params = run.params.dataset.difficulty
    verifiable = (selection.rows.index["kind"] == "verifiable").to_numpy()
    problems = dict(selection.problems(selection.alive & verifiable))
    rates = pass_rates(run, list(problems.values()))
    for row, problem in problems.items():
        rate = rates.get(problem.id)
        if rate is not None:
            ends = (rate.low, rate.high) if rate.given is None else (None, None)
            selection.pass_rate[row] = (rate.rate, *ends)
        if words := outside_band(rate, params):
            yield (
                row,
                N_("not measured") if rate is None else N_("pass rate outside the band"),
                words,
            )
    counts = np.histogram([rate.rate for rate in rates.values()], np.linspace(0, 1, 11))[0]
    selection.reference = {
        "model": _whose(run),
        "samples": None if params.rates else params.samples,
        "problems": len(rates),
        "solved_at_least_once": sum(rate.rate > 0 for rate in rates.values()),
        "mean": round(float(np.mean([r.rate for r in rates.values()])), 4) if rates else None,
        "histogram": [int(n) for n in counts],  # tenths from 0 to 1
    }


def _whose(run: Run) -> str:
    params = run.params.dataset.difficulty
    if params.rates is not None:
        return params.rates.model or Path(params.rates.path).name
    return author_name(params.model or run.params.model)


STEP = SetStep(
    name="pass rate",
    title="Pass rate",
    removes="problems that a reference model solves too often or too rarely",
    cost="the band of pass rates costs most",
    is_on=lambda params: params.difficulty.enabled,
    look=_look,
)
