"""What learning from preferences bought and cost, in words, of a `reporting.preferences.Price`."""

from __future__ import annotations

from collections.abc import Sequence

from llmc_lib.benchmarks import Measure
from llmc_lib.formatting import as_percent, as_points, as_range, listed
from llmc_lib.language import N_, tr
from llmc_lib.reporting.preferences import Price, Rate

_WHO = {
    "start": N_("{model} against {against}, which it started from:"),
    "base": N_("{model} against {against}:"),
}
_RATES = {
    Measure.SAFETY: N_("safe responses to {benchmark}"),
    Measure.ACCURACY: N_("right answers to {benchmark}"),
    Measure.OVER_REFUSAL: N_("harmless instructions of {benchmark} declined"),
}
#: What a clear change of a rate is called: to the better, to the worse.
_CLEAR = {
    (Measure.SAFETY, 1): N_("It is clearly safer ({names})."),
    (Measure.SAFETY, -1): N_("It is clearly less safe ({names})."),
    (Measure.ACCURACY, 1): N_("It answers clearly more questions correctly ({names})."),
    (Measure.ACCURACY, -1): N_("It answers clearly fewer questions correctly ({names})."),
    (Measure.OVER_REFUSAL, 1): N_("It declines clearly fewer harmless instructions ({names})."),
    (Measure.OVER_REFUSAL, -1): N_("It declines clearly more harmless instructions ({names})."),
}


def price_sentence(price: Price) -> str:
    """What each rate did, what is clear of it, and what is not ruled out."""
    rates = [rate for measure in _RATES for rate in price.of(measure)]
    who = tr(_WHO[price.role], model=price.model, against=price.against)
    texts = [f"{who} {'; '.join(map(_rate, rates))}."]
    for (measure, sign), words in _CLEAR.items():
        if clear := [rate for rate in price.of(measure) if rate.sign == sign]:
            texts.append(tr(words, names=_names(clear)))
    texts.append(_together(price))
    return " ".join(filter(None, texts))


def _together(price: Price) -> str:
    """Gain and price read as one."""
    safety, accuracy = price.of(Measure.SAFETY), price.of(Measure.ACCURACY)
    if not safety:
        return tr("No benchmark of safety was asked, so what was gained is not known.")
    told = [rate for rate in safety if not rate.unknown]
    if not told:
        return tr("Whether it is safer is unknown: most responses could not be graded.")
    safer = any(rate.sign > 0 for rate in told)
    lost = [rate for rate in accuracy if rate.sign < 0]
    if not safer:
        return "" if any(rate.sign < 0 for rate in told) else tr("No gain in safety is clear.")
    if lost:
        return tr("The gain in safety has a price in right answers.")
    worst = min(accuracy, key=lambda rate: rate.change["low"], default=None)
    if worst is None or worst.change["low"] >= 0:
        return ""
    n = worst.change["n"]
    return tr(
        "A price in right answers is not clear; a loss of up to {points} on {benchmark} is not ruled out.",
        points=as_points(-worst.change["low"], n, sign=False),
        benchmark=worst.benchmark,
    )


def _rate(rate: Rate) -> str:
    change, n = rate.change, rate.change["n"]
    text = tr(
        "{rate} go from {before} to {after} ({difference}, 95% interval {range})",
        rate=tr(_RATES[Measure(rate.measure)], benchmark=rate.benchmark),
        before=as_percent(change["before"], n),
        after=as_percent(change["after"], n),
        difference=as_points(change["difference"], n),
        range=as_range(*(as_points(change[end], n, unit=False) for end in ("low", "high"))),
    )
    return tr("{text}, as counted: most could not be graded", text=text) if rate.unknown else text


def _names(rates: Sequence[Rate]) -> str:
    return listed([rate.benchmark for rate in rates])
