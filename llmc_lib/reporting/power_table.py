"""`make power`: what an evaluation could show, told before anything is run."""

from __future__ import annotations

from dataclasses import dataclass

from llmc_lib import question_bank
from llmc_lib.analysis.design import detectable, needed
from llmc_lib.analysis.race import Rule, expected
from llmc_lib.analysis.simultaneous import level_of
from llmc_lib.analysis.variance import assumed_parts
from llmc_lib.benchmarks import declared
from llmc_lib.errors import UserError
from llmc_lib.formatting import aligned, as_points, as_size, counted
from llmc_lib.params import BenchmarkParams, Params
from llmc_lib.reporting.recipe_power import recipe_power
from llmc_lib.store import ROOT, Run

#: Samples per question in the table of what a difference takes.
_SAMPLES = (1, 4, 16)
#: Questions: the exact test's power is a sum over all on which models could differ.
_MOST = 1_000_000


@dataclass(frozen=True)
class Assumed:
    """What is assumed of the models; None: by the benchmark."""

    questions: int | None = None
    rate: float | None = None
    correlation: float = 0.5
    sampling: float = 0.3
    spread: float | None = None  # of trainings of one recipe, a fraction


def power_table(run: Run, assumed: Assumed) -> str:
    """For each benchmark of a run: the smallest difference that it finds, and what the smallest interesting
    one takes; with a sentence each. Raises `UserError` for assumptions that cannot be.
    """
    if assumed.questions is not None and not 1 <= assumed.questions <= _MOST:
        raise UserError(
            f"QUESTIONS: must be 1 to {_MOST:,} of each benchmark, not {assumed.questions:,}"
        )
    params = run.params.evaluation
    report = run.params.report
    interesting = report.smallest_interesting_points / 100
    compared = _compared(run.params)
    level, target = level_of(compared, report.significance), report.power
    takes = [counted(k, "sample") for k in _SAMPLES]
    head = ["benchmark", "questions", "samples", "rate", "finds"]
    head += [f"questions for {as_size(interesting)}: {takes[0]}", *takes[1:]]
    rows, sentences = [], []
    for benchmark in params.benchmarks:
        n, origin = _questions(run, benchmark, assumed.questions)
        rate = declared(benchmark.module).rate if assumed.rate is None else assumed.rate
        try:
            parts = assumed_parts(rate, assumed.correlation, assumed.sampling)
        except ValueError as error:
            raise UserError(f"make power: {error}") from error
        samples = params.asking(benchmark.name).samples
        found = detectable(n, parts, samples, level, target)
        table = needed(interesting, parts, _SAMPLES, alpha=level, target=target)
        finds = as_points(found, n, sign=False) if found < 1 else "nothing"
        row = [benchmark.name, f"{n:,}", str(samples), f"{rate:.0%}", finds]
        rows.append([*row, *(f"{count:,}" for count in table["questions"])])
        sentences.append(_sentence(benchmark.name, n, origin, samples, found, interesting, target))
        seeds = {c.name: len(c.seeds) for c in run.params.candidates if len(c.seeds) > 1}
        if seeds or assumed.spread is not None:
            sentences += recipe_power(
                run.params, n, parts, samples, sorted(seeds.values()), assumed.spread
            )
        if benchmark.name == params.raced_on:
            sentences.append(_race(run.params, compared, parts.of_mean(samples), n))
    return "\n".join(
        [
            aligned([head, *rows], "l" + "r" * (len(head) - 1)),
            "",
            *sentences,
            "",
            f"Assumed: a candidate and its base agree as much as a correlation of {assumed.correlation:g} of their right "
            f"answers makes them, and {assumed.sampling:.0%} of the variance of an answer is sampling (RATE, CORRELATION, "
            "SAMPLING change it). Where the two agree more, smaller differences show. Paired test, two-sided at "
            f"{100 * report.significance:.2g}%, {target:.0%} power, {counted(compared, 'candidate')}"
            + (f", each at {100 * level:.2g}% so that all hold at once." if compared > 1 else "."),
        ]
    )


def _race(params: Params, compared: int, variance: float, n: int) -> str:
    """What a race would ask for, of the answers of all models, and find: if no candidate differs and if one does."""
    stop, matters = params.evaluation.stop, params.report.smallest_interesting_points / 100
    assert stop is not None
    rule = Rule(compared, stop.rounds, matters, params.report.significance)
    rest = (0.0,) * (compared - 1)
    equal = expected(rule, variance, n, (0.0, *rest))
    cases = [
        f"{found.share:.0%} if one is better by {as_size(effect)}, which it finds {found.found:.0%} of the time (all answers: "
        f"{found.found_by_all:.0%})"
        for effect in (matters, 2 * matters)
        if effect < 1
        for found in [expected(rule, variance, n, (effect, *rest))]
    ]
    return (
        f"A race (evaluation.stop, up to {counted(stop.rounds, 'round')}) takes about {equal.share:.0%} of these answers if no candidate "
        f"differs from the reference; {'; '.join(cases)}. In simulated races these figures were right to 6 points, given the "
        "variance that is assumed below."
    )


def _compared(params: Params) -> int:
    """The models that a run compares with its reference."""
    if imports := params.evaluation.answered:
        return len({item.model for item in imports}) - 1
    # The trainings of one recipe are one candidate, each of its exports is another.
    trained = {
        (recipe.of or recipe.name, at)
        for recipe in params.recipes
        for at in range(len(recipe.training.export_at))
    }
    return len(trained) + len(params.evaluation.models)


def _questions(run: Run, benchmark: BenchmarkParams, given: int | None) -> tuple[int, str]:
    """How many there are, and how that is known."""
    if given is not None:
        return given, "as given"
    if benchmark.source == "embedded" or (ROOT / benchmark.source).exists():
        return len(question_bank.asked(benchmark, run.params.seed)), "counted"
    published = declared(benchmark.module).size
    if published is None and benchmark.questions is None:
        raise UserError(
            f"{run.params_file.name}: evaluation.benchmarks.{benchmark.name}: how many questions it has is not "
            "known here; give the number: QUESTIONS=500"
        )
    count = min(n for n in (published, benchmark.questions) if n is not None)
    return count, "published" if count == published else "asked for"


def _sentence(
    name: str, n: int, origin: str, samples: int, found: float, interesting: float, target: float
) -> str:
    asked = f"{counted(n, 'question')} ({origin}) with {counted(samples, 'sample')} each"
    if found >= 1:
        return f"{name}: {asked} cannot show any difference reliably."
    finds = as_points(found, n, sign=False)
    wanted = f"{100 * interesting:g} points, the smallest difference that interests you,"
    meaning = (
        f"{wanted} would be found at least as often."
        if found <= interesting
        else f"{wanted} would often be missed: ask more questions, or take more samples of each."
    )
    return f"{name}: {asked} find a true difference of {finds} {target:.0%} of the time; {meaning}"
