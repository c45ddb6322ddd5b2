"""How often each model answered each question, and which of two another run would help more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmc_lib.formatting import counted
from llmc_lib.language import tr


def answers_of(block: Mapping[str, Any], model: str) -> int:
    """The answers that a model was asked for: questions × its samples."""
    return int(block["n_questions"] * block["models"][model]["n_samples"])


def unequal(block: Mapping[str, Any]) -> bool:
    """Were models asked unequally often?"""
    return len({facts["n_samples"] for facts in block["models"].values()}) > 1


def runs_of(block: Mapping[str, Any]) -> str:
    """Samples of a question: "5", or "1 to 5" where the models differ."""
    numbers = [facts["n_samples"] for facts in block["models"].values()]
    if not unequal(block):
        return f"{numbers[0]:,}"
    return tr("{low:,} to {high:,}", low=min(numbers), high=max(numbers))


def samples_of(block: Mapping[str, Any]) -> str:
    """The same in words: "1 sample", "1 to 5 samples"."""
    most = max(facts["n_samples"] for facts in block["models"].values())
    if not unequal(block):
        return counted(most, "sample")
    return tr("{runs} samples", runs=runs_of(block))


def responses_of(block: Mapping[str, Any]) -> str:
    """How many responses each model was asked for, in words."""
    numbers = [answers_of(block, name) for name in block["models"]]
    if not unequal(block):
        return counted(numbers[0], "response")
    return tr("{low:,} to {high:,} responses", low=min(numbers), high=max(numbers))


def runs_sentence(block: Mapping[str, Any]) -> str:
    """Who was asked how often, where models were asked unequally often; else ""."""
    if not unequal(block):
        return ""
    told = [
        tr("{model}: {samples}", model=name, samples=counted(facts["n_samples"], "sample"))
        for name, facts in block["models"].items()
    ]
    return tr(
        "Samples of each question: {models}. Each question counts once, whatever the number of its samples; the test and "
        "the interval take the unequal numbers into account.",
        models="; ".join(told),
    )


def another_run_sentence(comparison: Mapping[str, Any]) -> str:
    """Which model another run would help most, and by how much; "" where it is not known."""
    found = comparison.get("another_run")
    if found is None:
        return ""
    names = {"model": comparison["model"], "reference": comparison["reference"]}
    most = found["helps_most"]
    least = "reference" if most == "model" else "model"
    text = tr(
        "One more run of {most} would help most: it would make the interval {gain} narrower, one more of {least} {less}.",
        most=names[most],
        least=names[least],
        gain=_narrower(found[most]),
        less=_narrower(found[least]),
    )
    if found["assumed"] is None:
        return text
    assumed = tr(
        "{model} has one run, which does not show how much its answers vary from run to run: they are taken to vary as those "
        "of {other} do.",
        model=names[found["assumed"]],
        other=names["reference" if found["assumed"] == "model" else "model"],
    )
    return f"{text} {assumed}"


def _narrower(factor: float) -> str:
    share = 1 - factor
    return tr("about {share:.0%}", share=share) if share >= 0.01 else tr("less than 1%")
