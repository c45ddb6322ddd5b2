"""What an evaluation generates: answers, tokens and hours, and the requests to a judge."""

from __future__ import annotations

from dataclasses import dataclass

from llmc_lib import question_bank
from llmc_lib.benchmarks import declared
from llmc_lib.formatting import as_size
from llmc_lib.params import BenchmarkParams, EvaluationParams
from llmc_lib.plan.hours import generated_per_second
from llmc_lib.plan.machine import GIB, Machine
from llmc_lib.plan.shape import Shape
from llmc_lib.records import Question
from llmc_lib.store import ROOT, Run

#: Questions that a plan counts by where nobody knows how many there will be.
_QUESTIONS = 1000
#: Prompts may go by them.
_ANSWER_TYPES = ("exactMatch", "multipleChoice")


@dataclass(frozen=True)
class EvaluationPlan:
    """The answers that a run asks for. Speeds are tokens/s."""

    checkpoints: int  # exported models of all candidates
    further: int  # `evaluation.models`
    questions: dict[str, int]  # by benchmark, as many as are asked
    samples: int  # completions of each question, of the model and benchmark that have most
    asked: dict[str, int]  # by benchmark, completions of all models
    limits: dict[str, int]  # by benchmark, tokens of an answer
    tokens_per_s: float | None  # of one GPU, or of all cores; None: not known
    gpus: int
    # By benchmark, answers of `evaluation.repeat`, and under further prompts.
    variants: dict[str, int]
    judged: int  # requests to the judge at most, without those that are repeated; 0: no judge

    @property
    def models(self) -> int:
        """All models that are asked, the base model among them."""
        return 1 + self.further + self.checkpoints

    @property
    def answers(self) -> int:
        """Completions of all models, and those of variants."""
        return sum(self.asked.values()) + sum(self.variants.values())

    @property
    def tokens(self) -> int:
        """Generated tokens of all answers; the judge's are not among them."""
        return sum(
            (answers + self.variants[name]) * self.limits[name]
            for name, answers in self.asked.items()
        )

    @property
    def tokens_per_answer(self) -> int:
        """On average."""
        return round(self.tokens / self.answers) if self.answers else 0

    @property
    def hours(self) -> float | None:
        """Of all answers, one model after the other; None: the speed is not known."""
        if not self.tokens_per_s:
            return None
        return self.tokens / (self.tokens_per_s * self.gpus) / 3600


def evaluation_plan(run: Run, shape: Shape, on: Machine) -> tuple[EvaluationPlan, list[str]]:
    """The evaluation of a run, and notes on it. Raises `UserError` for a broken file of questions, and
    where it has fewer than are asked for."""
    params, plan = run.params.evaluation, run.params.plan
    questions: dict[str, int] = {}
    notes: list[str] = []
    for benchmark in params.benchmarks:
        questions[benchmark.name], note = _questions(benchmark, run.params.seed)
        notes += note
    gpus = run.params.training.nproc_per_node if on.on_gpu else 1
    if on.on_gpu and on.memory and 2 * shape.parameters > 0.9 * on.memory * gpus:
        notes.append(
            f"evaluation: the weights in bfloat16 ({2 * shape.parameters / GIB:,.0f} GiB) do not fit "
            f"into {gpus} × {on.name}; it needs more GPUs than one machine has"
        )
    checkpoints = sum(len(recipe.training.export_at) for recipe in run.params.recipes)
    models = ["base", *(model.name for model in params.models)]
    models += [
        r.model_name(at) for r in run.params.recipes for at in range(len(r.training.export_at))
    ]
    samples = {
        b.name: [params.samples_for(b.name, model) for model in models] for b in params.benchmarks
    }
    asked = {name: sum(each) * questions[name] for name, each in samples.items()}
    variants = _variants(params, questions, asked)
    limits = {name: plan.tokens_per_answer or params.token_limit(name) for name in samples}
    found = EvaluationPlan(
        checkpoints=checkpoints,
        further=len(params.models),
        questions=questions,
        samples=max(most for each in samples.values() for most in each),
        asked=asked,
        limits=limits,
        tokens_per_s=generated_per_second(shape, on, plan),
        gpus=gpus,
        variants=variants,
        judged=sum(_requests(b) * (asked[b.name] + variants[b.name]) for b in params.benchmarks)
        if params.judge
        else 0,
    )
    if params.stop is not None:
        notes.append(_of_race(run, found))
    return found, notes


def _of_race(run: Run, plan: EvaluationPlan) -> str:
    """What of the tokens of a race's benchmark is to be expected, under no difference and under one."""
    # Late: no other plan needs scipy's distributions.
    from llmc_lib.analysis.race import Rule, expected
    from llmc_lib.analysis.variance import assumed_parts

    params, report = run.params.evaluation, run.params.report
    name, stop, matters = params.raced_on, params.stop, report.smallest_interesting_points / 100
    assert name is not None
    assert stop is not None
    benchmark = next(b for b in params.benchmarks if b.name == name)
    samples, tokens = params.asking(name).samples, plan.asked[name] * plan.limits[name]
    candidates = plan.checkpoints + plan.further
    variance = assumed_parts(declared(benchmark.module).rate).of_mean(samples)
    rule = Rule(candidates, stop.rounds, matters, report.significance)
    same, better = (
        expected(rule, variance, plan.questions[name], (effect, *(0.0,) * (candidates - 1))).share
        for effect in (0.0, min(matters, 0.99))
    )
    return (
        f"evaluation.stop: counted is a race that stops nobody, of {name} {tokens:,} tokens. Expected are {same:.0%} of these "
        f"if no candidate differs from the reference, {better:.0%} if one is better by {as_size(matters)}; `make power` says "
        "what that rests on, and what the race would find"
    )


def _variants(
    params: EvaluationParams, questions: dict[str, int], asked: dict[str, int]
) -> dict[str, int]:
    """By benchmark, answers of variants: all of one model again for each repeat, and of all models under each further
    prompt that has other words."""
    found = {}
    for benchmark in params.benchmarks:
        name = benchmark.name
        samples = [params.samples_for(name, repeat.model) for repeat in params.repeat]
        found[name] = sum(samples) * questions[name]
        some = [Question("", benchmark.module, "?", "", kind, "", "") for kind in _ANSWER_TYPES]
        own = params.asking(name).prompt
        for style in params.prompts[1:]:
            other = params.model_copy(update={"prompt": style}).asking(name).prompt
            words = [[question_bank.prompt(q, s) for q in some] for s in (own, other)]
            found[name] += asked[name] * (words[0] != words[1])
    return found


def _questions(benchmark: BenchmarkParams, seed: int) -> tuple[int, list[str]]:
    """How many questions are asked, and a note where that is assumed."""
    if benchmark.source == "embedded" or (ROOT / benchmark.source).exists():
        return len(question_bank.asked(benchmark, seed)), []
    published = declared(benchmark.module).size
    if benchmark.questions is not None and benchmark.questions <= (published or _QUESTIONS):
        return benchmark.questions, []
    if published:
        note = f"{benchmark.name}: assumed to have its {published:,} published questions"
        return published, [note]
    count = benchmark.questions or _QUESTIONS
    return count, [f"{benchmark.name}: assumed to have {count:,} questions"]


def _requests(benchmark: BenchmarkParams) -> int:
    """Requests to the judge for an answer, at most: where the reasoning is graded too, one for each part."""
    known = declared(benchmark.module)
    return (1 + known.reasoning_graded) if known.rubric else 0
