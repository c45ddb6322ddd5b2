"""What the harness and the prompt make of a score: a model that answered twice, a difference under several prompts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmc_lib.analysis.verdict import Thresholds
from llmc_lib.benchmarks import Measure
from llmc_lib.formatting import adding_up, as_bound, as_p, as_points, counted, listed
from llmc_lib.language import N_, tr

_RATES: dict[Measure, str] = {
    Measure.ACCURACY: N_(
        "{model} answers {first} correctly the first time and {second} the second"
    ),
    Measure.SAFETY: N_("{model} is safe on {first} the first time and on {second} the second"),
    Measure.OVER_REFUSAL: N_("{model} declines {first} the first time and {second} the second"),
}


def setting_words(settings: Mapping[str, Any]) -> str:
    """What differs between two times: "max_num_seqs 64, then 1; dtype float32, then bfloat16"; that nothing does.

    `settings`: key → the values of the first time and those of the second, value → answers.
    """
    told = [
        tr(
            "{setting} {first}, then {second}",
            setting=key,
            first=values_words(a),
            second=values_words(b),
        )
        for key, (a, b) in settings.items()
    ]
    return "; ".join(told) if told else tr("with the same settings, as far as they are recorded")


def values_words(values: Mapping[str, int]) -> str:
    """The values that a setting has among answers: "1"; of several "1 (120 answers) and 2 (80 answers)"."""
    if len(values) < 2:
        return next(iter(values), tr("not recorded"))
    return listed([f"{value} ({counted(n, 'answer')})" for value, n in values.items()])


def repeat_sentence(block: Mapping[str, Any], repeat: Mapping[str, Any]) -> str:
    """How a model that answered twice differs from itself. `block` of a benchmark, and one of its `repeats` with the
    interval as printed."""
    n = repeat["n"]
    second, first, points = adding_up(repeat["rate"], repeat["first_rate"], repeat["difference"], n)
    rates = tr(_RATES[Measure(block["measure"])], model=repeat["model"], first=first, second=second)
    if not repeat["gained"] and not repeat["lost"]:
        what = tr("none counts differently.")
    else:
        what = tr(
            "the second time counts higher on {gained:,} and lower on {lost:,}.",
            gained=repeat["gained"],
            lost=repeat["lost"],
        )
    numbers = _numbers(repeat, points, block)
    return tr(
        "{rates} ({settings}): {numbers}. Of {questions}, {what}",
        rates=rates,
        settings=setting_words(repeat.get("settings", {})),
        numbers=numbers,
        questions=counted(n, "question"),
        what=what,
    )


def blocked_sentence(block: Mapping[str, Any]) -> str:
    """Why no verdict is given: of the repeats that differ clearly, the one with the smallest p-value."""
    repeat = min(block["repeats"], key=lambda each: float(each["p_adjusted"]))
    points = as_points(repeat["difference"], repeat["n"])
    return tr(
        "No verdict is given, as {model} differs clearly from itself when it answers twice ({settings}): {numbers}. Until that "
        "is explained, the difference between two models may come from the engine.",
        model=repeat["model"],
        settings=setting_words(repeat.get("settings", {})),
        numbers=_numbers(repeat, points, block),
    )


def prompts_sentence(block: Mapping[str, Any], comparison: Mapping[str, Any]) -> str:
    """That the difference is another one under another prompt; "" where it is not clear."""
    under = comparison["prompts"]
    clear = [each for each in under["interactions"] if each["clear"]]
    if not clear:
        return ""
    n = comparison["n"]
    cases = listed(
        [f"{as_points(case['difference'], n)} ({case['prompt']})" for case in under["cases"]]
    )
    found = min(clear, key=lambda each: float(each["p_adjusted"]))
    return tr(
        "The difference depends on the prompt: {cases}. Under {prompt} it differs from that under {first} by {change} (interval "
        "{low} to {high}, p {p}).",
        cases=cases,
        prompt=found["prompt"],
        first=under["cases"][0]["prompt"],
        change=as_points(found["difference"], n),
        low=as_bound(found["low"], n),
        high=as_bound(found["high"], n),
        p=as_p(found["p_adjusted"], Thresholds(**block["thresholds"]).significance),
    )


def _numbers(repeat: Mapping[str, Any], points: str, block: Mapping[str, Any]) -> str:
    low, high = (as_bound(repeat["interval"][end], repeat["n"], (0.0,)) for end in ("low", "high"))
    return tr(
        "{points}, interval {low} to {high}, p {p}",
        points=points,
        low=low,
        high=high,
        p=as_p(repeat["p_adjusted"], Thresholds(**block["thresholds"]).significance),
    )
