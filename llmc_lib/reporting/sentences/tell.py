"""The figures of the analysis with their sentences: what metrics.json has beside numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from llmc_lib.analysis.summary import rate_key
from llmc_lib.analysis.verdict import Thresholds
from llmc_lib.benchmarks import Measure
from llmc_lib.formatting import adding_up, as_bound, digits_of
from llmc_lib.language import tr
from llmc_lib.reporting.sentences.answers import endings_sentence, missing_sentence, not_known
from llmc_lib.reporting.sentences.harness import prompts_sentence, repeat_sentence
from llmc_lib.reporting.sentences.keys import keys_sentence
from llmc_lib.reporting.sentences.nearest import nearest_sentence
from llmc_lib.reporting.sentences.outlook import needed_sentence, rerun_sentence
from llmc_lib.reporting.sentences.recipe import (
    effect_sentence,
    next_sentence,
    pair_sentence,
    spread_sentence,
)
from llmc_lib.reporting.sentences.runs import another_run_sentence
from llmc_lib.reporting.sentences.safety import TRADEOFFS, over_refusal_sentence, tradeoff_sentence
from llmc_lib.reporting.sentences.verdict import interval_label, verdict_sentence, verdict_word


def tell(found: Mapping[str, Any]) -> dict[str, Any]:
    """What `analysis.summarise` found, as metrics.json has it.

    Beside the codes of verdicts are their words and sentences, and beside each interval how it is printed. Returns a new
    dictionary.
    """
    blocks = {name: _benchmark(block) for name, block in found["benchmarks"].items()}
    return {
        "benchmarks": blocks,
        "tradeoffs": {
            model: _tradeoff(blocks, model, tradeoff)
            for model, tradeoff in found["tradeoffs"].items()
        },
        "endings": [_ending(blocks, ending) for ending in found["endings"]],
    }


def tell_comparison(block: Mapping[str, Any], comparison: Mapping[str, Any]) -> dict[str, Any]:
    """One comparison of a benchmark's `block`, with its words."""
    thresholds = Thresholds(**block["thresholds"])
    interval, n = comparison["interval"], comparison["n"]
    label = interval_label(interval, thresholds.significance)
    told = {
        **comparison,
        "interval": _after(
            interval, "high", label=label, printed=list(_bounds(interval, n, thresholds))
        ),
    }
    need = needed_sentence(block, comparison)
    rate, base = (
        block["models"][comparison[role]][rate_key(block["kind"])]
        for role in ("model", "reference")
    )
    sentence = verdict_sentence(block, told, need)
    told |= {
        "verdict": verdict_word(comparison["verdict"], thresholds),
        "rerun": {**comparison["rerun"], "sentence": rerun_sentence(block, comparison)},
        "needed": need or None,
    }
    if under := comparison["prompts"]:
        cases = [{**case, **_verdict(case, thresholds)} for case in under["cases"]]
        depends = prompts_sentence(block, comparison)
        told["prompts"] = {**under, "cases": cases, "sentence": depends or None}
    if told.get("another_run"):
        more = {"sentence": another_run_sentence(comparison)}
        told["another_run"] = {**told["another_run"], **more}
    if missing := comparison["missing"]:
        cases = [{**case, **_verdict(case, thresholds)} for case in missing["cases"]]
        hangs = missing_sentence(Measure(block["measure"]), thresholds, comparison)
        told["missing"] = {**missing, "cases": cases, "sentence": hangs}
    if keys := comparison.get("keys"):
        of_keys = _keys(keys, thresholds)
        told["keys"] = {**of_keys, "sentence": keys_sentence({**told, "keys": of_keys})}
    if nearest := comparison.get("nearest"):
        cases = [{**case, **_verdict(case, thresholds)} for case in nearest["without"]]
        told["nearest"] = {**nearest, "without": cases}
        told["nearest"]["sentence"] = nearest_sentence(told)
    # After the point of the sentence's rates, as more may be needed for them to add up.
    digits = digits_of(adding_up(rate, base, comparison["difference"], n)[0])
    code = comparison["verdict"]
    # A test over questions is about the model that answered them.
    about: dict[str, Any] = {"about": "checkpoint", "sentence": sentence, "digits": digits}
    return _after(told, "verdict", verdict_code=code, **about)


def _verdict(found: Mapping[str, Any], thresholds: Thresholds) -> dict[str, str]:
    """A verdict's word, and for programs its code."""
    code = found["verdict"]
    return {"verdict": verdict_word(code, thresholds), "verdict_code": code}


def _keys(keys: Mapping[str, Any], thresholds: Thresholds) -> dict[str, Any]:
    """What depends on reference answers, each verdict with its word."""

    def told(found: Any) -> Any:
        return found and {**found, **_verdict(found, thresholds)}

    uncertain = keys["uncertain"]
    if uncertain:
        uncertain = {**uncertain, "cases": [told(case) for case in uncertain["cases"]]}
    return {
        "parts": [told(part) for part in keys["parts"]],
        "original": told(keys["original"]),
        "uncertain": uncertain,
        "fewest": told(keys["fewest"]),
    }


def _benchmark(block: Mapping[str, Any]) -> dict[str, Any]:
    told = {
        **block,
        "models": {name: _reason(facts, "majority_not_known") for name, facts in block["models"].items()},
        "repeats": [{**each, "sentence": repeat_sentence(block, each)} for each in block["repeats"]],
        "comparisons": [tell_comparison(block, each) for each in block["comparisons"]],
    }  # fmt: skip
    rule = (block.get("selection") or {}).get("rule")
    if rule and rule["verdict"]:
        verdict = _verdict(rule, Thresholds(**block["thresholds"]))
        told["selection"] = {**block["selection"], "rule": {**rule, **verdict}}
    if block.get("recipes"):
        told["recipes"] = _recipes(block)
    return _reason(told, "length_not_known")


def _recipes(block: Mapping[str, Any]) -> dict[str, Any]:
    """The effects of recipes, and of each against another."""
    thresholds = Thresholds(**block["thresholds"])

    def told(found: Mapping[str, Any], sentence: Callable[..., str]) -> dict[str, Any]:
        printed = list(_bounds(found["interval"], found["n"], thresholds))
        bounded = {**found, "interval": _after(found["interval"], "high", printed=printed)}
        verdict = {**_verdict(found, thresholds), "about": "recipe"}
        return {**bounded, **verdict, "sentence": sentence(block, bounded)}

    return {
        "effects": [
            told(effect, effect_sentence)
            | {"spread_sentence": spread_sentence(effect), "next_sentence": next_sentence(effect)}
            for effect in block["recipes"]["effects"]
        ],
        "pairs": [told(pair, pair_sentence) for pair in block["recipes"]["pairs"]],
    }


def _reason(block: Mapping[str, Any], key: str) -> dict[str, Any]:
    """A block in which the reason for a figure that is not there, if there is one, is a text."""
    return {**block, key: not_known(block[key])} if block.get(key) else dict(block)


def _bounds(interval: Mapping[str, Any], n: int, thresholds: Thresholds) -> tuple[str, str]:
    """The interval in points, with as many digits as show on which side of 0, and of what matters, it ends."""
    edges = (-thresholds.smallest_interesting, 0.0, thresholds.smallest_interesting)
    return as_bound(interval["low"], n, edges), as_bound(interval["high"], n, edges)


def _tradeoff(blocks: Mapping[str, Any], model: str, tradeoff: Mapping[str, Any]) -> dict[str, Any]:
    """Where harmless instructions were asked, too, the sentence goes on with the share that is declined: a model that
    declines everything is safe and of no use."""
    questions, instructions = (blocks[name] for name in tradeoff["benchmarks"])
    texts = [tradeoff_sentence(tradeoff, questions, instructions, model)]
    harmless = next((b for b in blocks.values() if b["measure"] == Measure.OVER_REFUSAL), None)
    if harmless is not None:
        texts.append(over_refusal_sentence(harmless, model))
    return {
        "word": tr(TRADEOFFS[tradeoff["accuracy"], tradeoff["safety"]]),
        "sentence": " ".join(filter(None, texts)),
        **{key: tradeoff[key] for key in ("accuracy", "safety", "p_accuracy", "p_safety")},
    }


def _ending(blocks: Mapping[str, Any], ending: Mapping[str, Any]) -> dict[str, Any]:
    reference = next(iter(blocks[ending["trained_on"]]["models"]))
    return {**ending, "sentence": endings_sentence([ending], reference)}


def _after(block: Mapping[str, Any], key: str, **more: Any) -> dict[str, Any]:
    """A block with more keys after one of its own: a reader of the file finds a sentence beside its numbers."""
    told: dict[str, Any] = {}
    for name, value in block.items():
        told[name] = value
        if name == key:
            told |= more
    return told
