"""What reinforcement learning bought, in words, of a block of `reporting.reinforced`."""

from __future__ import annotations

from typing import Any

from llmc_lib.formatting import MINUS, as_percent, as_points, as_range
from llmc_lib.language import N_, tr

_WHO = {
    "start": N_("{model} against {against}, which it started from:"),
    "base": N_("{model} against {against}:"),
    "rewards": N_("{model} against {against}, which had other rewards:"),
}
_REACH = {
    "more": N_(
        "It also solves more questions in {k} tries: it can do more than {against} does in as many, though with more tries "
        "the two may meet."
    ),
    "sharper": N_(
        "It does not clearly solve more questions in {k} tries: it became surer of answers that {against} also finds now "
        "and then, as far as {k} tries can tell."
    ),
    "narrower": N_(
        "It is right more often, and solves fewer questions in {k} tries: it became surer at the price of answers that "
        "{against} finds now and then."
    ),
    "fewer": N_("It solves fewer questions in {k} tries than {against}."),
    "open": N_("Neither differs clearly."),
}


def pair_sentence(block: dict[str, Any]) -> str:
    """pass@1 and pass@k of a model against another, and what they say together."""
    one, k = block["pass_at_1"], block["k"]
    who = tr(_WHO[block["role"]], model=block["model"], against=block["against"])
    texts = [f"{who} {_rates(one, 'pass@1')}"]
    if block["pass_at_k"] is not None:
        texts[0] += f"; {_rates(block['pass_at_k'], f'pass@{k}')}"
        texts.append(tr(_REACH[block["reach"]], k=k, against=block["against"]))
    if not texts[0].endswith("."):
        texts[0] += "."
    return " ".join(texts)


def claims_sentence(block: dict[str, Any]) -> str:
    """False claims of an answer before and after, and whether fewer were made because fewer were stated; "" without any."""
    claims = block["claims"]
    if claims is None or not (claims["stated"]["before"] or claims["stated"]["after"]):
        return ""
    false, stated = claims["false"], claims["stated"]
    text = tr(
        "False arithmetic claims per answer: {before} before, {after} after ({difference}, 95% interval {range}).",
        before=number(false["before"]),
        after=number(false["after"]),
        difference=number(false["difference"], signed=True),
        range=as_range(number(false["low"], signed=True), number(false["high"], signed=True)),
    )
    if false["high"] < 0 and stated["high"] < 0:
        kept = stated["after"] / stated["before"], false["after"] / false["before"]
        silent = (
            tr(
                "Most of this is silence: it also states fewer claims ({before} before, {after} after).",
                **_ends(stated),
            )
            if kept[0] - kept[1] < (1 - kept[1]) / 2
            else tr(
                "Part of this is silence: it also states fewer claims ({before} before, {after} after).",
                **_ends(stated),
            )
        )
        return f"{text} {silent}"
    return f"{text} " + tr(
        "Claims stated per answer: {before} before, {after} after.", **_ends(stated)
    )


def number(value: float, *, signed: bool = False) -> str:
    """A count of an answer: "0.31", "−0.05"."""
    text = f"{abs(value):.2f}"
    sign = "+" if value > 0 else MINUS
    return (
        f"{sign}{text}"
        if signed and float(text)
        else (text if value >= 0 or not float(text) else MINUS + text)
    )


def _ends(change: dict[str, Any]) -> dict[str, str]:
    return {"before": number(change["before"]), "after": number(change["after"])}


def _rates(change: dict[str, Any], name: str) -> str:
    n = change["n"]
    return tr(
        "{name} goes from {before} to {after} ({difference}, 95% interval {range})",
        name=name,
        before=as_percent(change["before"], n),
        after=as_percent(change["after"], n),
        difference=as_points(change["difference"], n),
        range=as_range(
            as_points(change["low"], n, unit=False), as_points(change["high"], n, unit=False)
        ),
    )
