"""The model card: what a model was made from, how, how the training went, and how it does.

Its form is the hub's: metadata in YAML, then Markdown
(https://github.com/huggingface/hub-docs/blob/main/modelcard.md). Every sentence comes from the run's own
manifests, log and answers; where something was not measured, it says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmc_lib.analysis.summary import rate_key
from llmc_lib.dataset.card.impersonal import impersonal
from llmc_lib.dataset.card.licences import Terms
from llmc_lib.dataset.card.markdown import CARD, Markdown, plain_text, render
from llmc_lib.dataset.sources import languages
from llmc_lib.formatting import ZERO, as_percent, counted, listed, share
from llmc_lib.models import prompts
from llmc_lib.models.resolve import author_name
from llmc_lib.params import Recipe
from llmc_lib.publish.model_subject import (
    Subject,
    benchmark_name,
    compared,
    comparison_of,
    counts,
    kind_of,
    recipe_of,
    source_of,
)
from llmc_lib.reporting.graders import graded_by
from llmc_lib.reporting.preferences import prices
from llmc_lib.reporting.sentences.preferences import price_sentence
from llmc_lib.reporting.sentences.reinforced import claims_sentence, pair_sentence
from llmc_lib.reporting.sentences.training import finding_sentence, finding_title
from llmc_lib.reporting.training_words import (
    duration,
    method_words,
    plain_number,
    schedule,
    size,
    where,
)
from llmc_lib.training.diagnosis import diagnose
from llmc_lib.training.methods import METHODS

if TYPE_CHECKING:
    from huggingface_hub import ModelCardData

    from llmc_lib.params import TrainingParams

_TEMPLATES = Path(__file__).parent
_RATES = {"accuracy": "Correct, %", "safe_rate": "Safe, %", "over_refusal_rate": "Declined, %"}


def card(subject: Subject, held: Terms) -> str:
    """The README.md of a model; `held` are the terms of its licences."""
    from huggingface_hub import ModelCard  # half a second to import

    run, facts = subject.run, subject.facts
    training = subject.recipe.training
    body = render(
        _TEMPLATES / "model.md.j2",
        **_words(subject),
        run=run,
        name=subject.name,
        notices=held.notices,
        closed=counts(subject.data["author_kind"]).get("closed model", 0),
        findings=[
            {"title": finding_title(f), "sentence": finding_sentence(f), "alarm": f.alarm}
            for f in diagnose(subject.history)
        ],
        base=author_name(run.params.model),
        base_url=f"https://huggingface.co/{subject.hub_id}" if subject.hub_id else "",
        revision=subject.revision,
        seed=run.params.seed if subject.recipe.seed is None else subject.recipe.seed,
        recipe=subject.recipe.of,
        trainings=sum(r.of == subject.recipe.of for r in run.params.recipes)
        if subject.recipe.of
        else 0,
        step=subject.step,
        steps=subject.steps,
        rows=len(subject.data),
        verifiable=int((subject.data["kind"] == "verifiable").sum()),
        asked=prompts.question_prompt("", "exactMatch").strip(),
        sources=_sources(subject),
        facts=facts,
        training=training,
        fitted=_fitted(subject.recipe),
        schedule=schedule(training),
        environment=subject.environment,
        losses=_losses(facts),
        settings=_settings(subject),
        times=_times((subject.metrics or {}).values()),
        several=any(block["n_samples"] > 1 for block in (subject.metrics or {}).values()),
        metrics=subject.metrics,
        results=[_rates(subject, name) for name in subject.metrics or {}],
        start=subject.recipe.start,
        rewards=_rewards(training),
        worth=_worth(subject),
        prices=[
            price_sentence(price)
            for price in prices(subject.metrics or {})
            if price.model == subject.name
        ],
        embedded=[
            kind_of(subject, name).title
            for name in subject.metrics or {}
            if source_of(subject, name) == "embedded" and kind_of(subject, name).hub
        ],
        others=subject.others,
    )
    data = _metadata(subject, held)
    return str(ModelCard.from_template(data, template_str=CARD, body=impersonal(run, body)))


def _fitted(recipe: Recipe) -> str:
    """What was asked for, where the processes could not share it."""
    asked, used = recipe.asked, recipe.training
    if asked is None:
        return ""
    if asked.batch_size == used.batch_size:
        return f", in micro-batches of {used.micro_batch_size}"
    return f"; params.yaml asks for {asked.batch_size}, which the processes could not share evenly"


def _losses(facts: Mapping[str, Any]) -> list[tuple[str, dict[str, float]]]:
    """What the training measured at its begin and at its end, by its words."""
    known = {
        "Training loss": "loss",
        "Validation loss": "eval_loss",
        "Reward": "reward",
        "Right answers in training": "correct",
        "Reward of held-out prompts": "eval_reward",
    }
    found = [(words, facts.get(name)) for words, name in known.items()]
    return [
        (words, measured)
        for words, measured in found
        if measured and None not in (measured.get("first"), measured.get("last"))
    ]


def _settings(subject: Subject) -> list[str]:
    """How the benchmarks were asked, in words: one text where it is the same for all."""
    evaluation = subject.run.params.evaluation
    found: dict[str, list[str]] = {}
    for name, block in (subject.metrics or {}).items():
        asking = evaluation.asking(name)
        times = _times([block])
        how = "greedy decoding"
        if asking.temperature:
            how = f"temperature {asking.temperature:g}, top-p {asking.top_p:g}"
        text = f"{times}, on vLLM, with {how} and at most {evaluation.token_limit(name):,} tokens"
        found.setdefault(text, []).append(kind_of(subject, name).title)
    if len(found) == 1:
        return list(found)
    return [f"{text} ({listed(names)})" for text, names in found.items()]


def _times(blocks: Iterable[Mapping[str, Any]]) -> str:
    """How often questions were asked: "once", "4 times", "1 to 5 times"."""
    samples = {facts["n_samples"] for block in blocks for facts in block["models"].values()} or {1}
    if samples == {1}:
        return "once"
    return f"{' to '.join(str(k) for k in sorted({min(samples), max(samples)}))} times"


def licence_page(subject: Subject, held: Terms) -> str:
    """LICENSES.md: the licences of base and data, where no single one covers the model."""
    return render(_TEMPLATES / "licences.md.j2", rows=subject.rows, notices=held.notices)


def _words(subject: Subject) -> dict[str, Any]:
    """How the report says things, and what it calls the method and the machine."""
    training, facts = subject.recipe.training, subject.facts
    return {
        "counted": counted,
        "duration": duration,
        "listed": listed,
        "plain_number": plain_number,
        "share": share,
        "trainer": METHODS[training.method].TRAINER,
        "method": method_words(training, facts),
        "size": size(facts["parameters"]),
        "where": where(subject.recipe, facts),
        "zero": ZERO[training.deepspeed],
        "packages": [
            f"{name} {version}"
            for name, version in subject.environment["packages"].items()
            if name in ("torch", "transformers", "trl", "deepspeed")
        ],
        "categories": [
            Markdown(f"{plain_text(name)} {share(n, len(subject.data))}")
            for name, n in counts(subject.data["category"]).items()
        ],
    }


def _sources(subject: Subject) -> list[dict[str, Any]]:
    """The sources that rows were trained on: name, address, licences, number of rows."""
    found = []
    for name, part in subject.data.groupby("source", sort=False):
        url = subject.sources[str(name)]["url"]
        found.append(
            {
                "name": str(name),
                "url": url if url != "embedded" else "",
                "licences": [licence or "unknown" for licence in counts(part["licence"])],
                "rows": len(part),
            }
        )
    return found


def _rates(subject: Subject, name: str) -> dict[str, Any]:
    """What the card says of a benchmark: rates and their intervals in percent, of two models."""
    block = (subject.metrics or {})[name]
    rate, n = rate_key(block["kind"]), block["n_questions"]
    models = []
    for model in compared(block, subject.name):
        found = block["models"][model]
        value, low, high = (as_percent(x, n).rstrip("%") for x in (found[rate], *found["ci95"]))
        models.append({**found, "name": model, "rate": value, "low": low, "high": high})
    return {
        "title": benchmark_name(subject, name),
        "head": _RATES[rate],
        "models": models,
        "comparison": comparison_of(block, subject.name),
        "graded": graded_by(block),
        "recipe": recipe_of(block, subject.name),
    }


#: What each reward of `params.rewards` is for, by its name.
_REWARDED = {
    "answer": "1 for a verified final answer; 0 for another one, two different ones, none, or a completion that was cut",
    "claims": "down to -1 for arithmetic in the reasoning that computer algebra refutes",
    "form": "down to -1 for an open reasoning block, no end before the token limit, and repetition",
    "length": "down to -1 for length",
    "own": "a function of the trainers' own",
}


def _rewards(training: TrainingParams) -> list[dict[str, Any]]:
    """The rewards of a training by reinforcement: name, weight, what each is for; none of another."""
    if training.grpo is None or training.method != "grpo":
        return []
    own = training.grpo.rewards.own
    return [
        {
            "name": name,
            "weight": f"{weight:g}",
            "what": _REWARDED[name] + (f" ({own.function})" if own and name == "own" else ""),
        }
        for name, weight in training.grpo.rewards.weights.items()
    ]


def _worth(subject: Subject) -> list[str]:
    """What a training by reinforcement was worth on held-out questions, in sentences, as the report has them."""
    return [
        f"{pair_sentence(block)} {claims_sentence(block)}".strip()
        for found in (subject.metrics or {}).values()
        for block in found.get("reinforced", [])
        if block["model"] == subject.name
    ]


_TAGS = {
    "sft": ["supervised-fine-tuning"],
    "grpo": ["reinforcement-learning", "grpo"],
    "dpo": ["preference-optimization", "dpo"],
    "orpo": ["preference-optimization", "orpo"],
}


def _metadata(subject: Subject, held: Terms) -> ModelCardData:
    from huggingface_hub import ModelCardData

    names = counts(subject.data["source"])
    used = [source for source in subject.run.params.dataset.sources if source.name in names]
    tags = ["reasoning", *_TAGS[subject.recipe.training.method], "trl", "deepspeed"]
    if subject.recipe.training.lora:
        tags.append("lora")
    return ModelCardData(
        base_model=subject.hub_id,
        datasets=_hub_sets(subject) or None,
        eval_results=_results(subject) or None,
        language=sorted(set().union(*map(languages, used))) or None,
        library_name="transformers",
        license=held.licence,
        license_name=held.name or None,
        license_link="LICENSES.md" if held.name else None,
        model_name=f"{subject.run.name}-{subject.name}",
        pipeline_tag="text-generation",
        tags=tags,
        base_model_relation="finetune" if subject.hub_id else None,
    )


def _hub_sets(subject: Subject) -> list[str]:
    """The hub ids of the sources that rows came from."""
    urls = [subject.sources[name]["url"] for name in counts(subject.data["source"])]
    ids = [re.match(r"https://huggingface\.co/datasets/([\w.-]+/[\w.-]+)$", url) for url in urls]
    return sorted({match[1] for match in ids if match})


def _results(subject: Subject) -> list[Any]:
    """One result a benchmark; its interval is in the metric's name, as the format has no field."""
    from huggingface_hub import EvalResult

    found = []
    for name, block in (subject.metrics or {}).items():
        rate, n = rate_key(block["kind"]), block["n_questions"]
        model = block["models"][subject.name]
        low, high = (as_percent(bound, n).rstrip("%") for bound in model["ci95"])
        official = source_of(subject, name) != "embedded"
        found.append(
            EvalResult(
                task_type="text-generation",
                dataset_type=kind_of(subject, name).hub or name if official else f"{name}-embedded",
                dataset_name=benchmark_name(subject, name),
                metric_type=rate,
                metric_name=f"{rate.replace('_', ' ')}, percent ({_interval(block)} {low} to {high}, n = {n:,})",
                metric_value=float(as_percent(model[rate], n).rstrip("%")),
            )
        )
    return found


def _interval(block: dict[str, Any]) -> str:
    return "95% Wilson interval" if block["n_samples"] == 1 else "95% interval"
