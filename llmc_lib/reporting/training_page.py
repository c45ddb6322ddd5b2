"""How the training of a run went, in words and one table, for notebook 2 and for the report."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from llmc_lib.formatting import ZERO, counted, listed
from llmc_lib.language import N_, tr
from llmc_lib.models.resolve import Model
from llmc_lib.params import DatasetParams, Params, Recipe, TrainingParams
from llmc_lib.params.batches import even
from llmc_lib.params.grpo import GrpoParams
from llmc_lib.params.preferences import DpoParams, OrpoParams
from llmc_lib.reporting.elements import Block, paragraph, table_block
from llmc_lib.reporting.sentences.training import finding_sentence, finding_title
from llmc_lib.reporting.training_words import (
    aim,
    batch,
    duration,
    epochs_of,
    examples,
    fitted,
    method_words,
    minutes,
    plain_number,
    rate,
    resumed,
    sized,
    speed,
    too_long,
    where,
)
from llmc_lib.store import Run, read_jsonl
from llmc_lib.training.diagnosis import diagnose
from llmc_lib.training.history import ACCURACY
from llmc_lib.training.methods import METHODS

# Settings that change nothing of what is learnt: where two candidates differ in them, no reader of the
# results need know it.
_TECHNICAL = {
    "cluster",
    "save_minutes",
    "evaluations",
    "export_at",
    "nproc_per_node",
    "sequence_parallel",
}
#: The defaults of the methods' sections.
_USUAL = {
    name: section().model_dump(mode="json")
    for name, section in (("grpo", GrpoParams), ("dpo", DpoParams), ("orpo", OrpoParams))
}
_DATA = ("mixture", "shares", "max_rows", "allow_shortfall", "repeat")

Facts = Mapping[str, Mapping[str, Any]]


def read_histories(run: Run, facts: Facts) -> dict[str, pd.DataFrame]:
    """The log of each candidate's training: a row a logged event, see `training.diagnosis`."""
    return {name: pd.DataFrame(read_jsonl(run.training / name / "history.jsonl")) for name in facts}


def how(params: Params, facts: Facts) -> Block:
    """What was trained, on what, how long; for several candidates also a table with a row for each.

    Parameters: `facts`, candidate → the facts of its training's manifest.
    """
    recipes = {recipe.name: recipe for recipe in params.recipes if recipe.name in facts}
    if len(recipes) == 1:
        ((name, recipe),) = recipes.items()
        return paragraph(_one(recipe, facts[name]))
    return paragraph(_several(params, recipes, facts)) + _table(params, recipes, facts)


def diagnosis(histories: Mapping[str, pd.DataFrame]) -> Block:
    """What the logs show, in words: alarms first, a line a finding."""
    lines = []
    for name, history in histories.items():
        whose = f"{html.escape(name)}: " if len(histories) > 1 else ""
        for finding in diagnose(history):
            mark = ' class="alarm"' if finding.alarm else ""
            title = finding_title(finding)
            title = title[0].lower() + title[1:] if whose else title
            lines.append(
                f"<li{mark}><strong>{whose}{html.escape(title)}.</strong> "
                f"{html.escape(finding_sentence(finding))}</li>"
            )
    return Block(f'<ul class="diagnosis">{"".join(lines)}</ul>')


def models(found: Iterable[Model]) -> Block:
    """The exported models, by the names that the evaluation and its figures use."""
    columns = tr("Model"), tr("What it is")
    rows = pd.DataFrame([(m.name, m.label) for m in found], columns=columns, dtype=str)
    return table_block("exported", rows, tr("Exported models, by their names in the evaluation."))


def differences(params: Params) -> dict[str, str]:
    """What each candidate changes of the run's own settings, as the params file calls them; what all
    candidates have alike is left out."""
    run = {"start": None, **_settings(params.dataset, params.training)}
    mine = {
        recipe.name: {
            "start": recipe.start,
            **_settings(recipe.mixture or params.dataset, recipe.asked or recipe.training),
        }
        for recipe in params.recipes
    }
    keys = dict.fromkeys(key for settings in mine.values() for key in settings)
    varied = [k for k in keys if len({repr(settings.get(k)) for settings in mine.values()}) > 1]
    return {
        name: ", ".join(
            f"{key} {_value(settings.get(key))}"
            for key in varied
            if settings.get(key) != run.get(key)
        )
        or tr("nothing")
        for name, settings in mine.items()
    }


# ---- sentences -------------------------------------------------------------------------------


def _one(recipe: Recipe, facts: Mapping[str, Any]) -> str:
    method = method_words(recipe.training, facts)
    trained = tr(
        "{method} of {model} with {trainer} on DeepSpeed {preset}: {examples}, {epochs}, {steps} of {sequences}, "
        "{learning_rate}, {precision} arithmetic, {aim}.",
        method=method[0].upper() + method[1:],
        model=sized(facts),
        trainer=METHODS[recipe.training.method].TRAINER,
        preset=ZERO[recipe.training.deepspeed],
        examples=examples(recipe.training, facts["rows"]),
        epochs=epochs_of(facts["epochs"]),
        steps=counted(facts["steps"], "step"),
        sequences=batch(recipe.training),
        learning_rate=rate(recipe.training),
        precision=facts["precision"],
        aim=aim(recipe.training),
    )
    took = tr(
        "{tokens} took {duration} {where} ({speed} tokens/s, validation passes included), with at most {memory:.1f} GiB "
        "of memory in a process.",
        tokens=counted(facts["tokens"], "token"),
        duration=duration(facts["train_seconds"]),
        where=where(recipe, facts),
        speed=speed(facts),
        memory=facts["peak_memory_gib"],
    )
    return " ".join(
        filter(None, [trained, took, too_long(recipe, facts), fitted(recipe), resumed(facts)])
    )


def _several(params: Params, recipes: Mapping[str, Recipe], facts: Facts) -> str:
    """What all candidates have in common, and how much they are together."""
    said = [_phrases(recipe.training, facts[name]) for name, recipe in recipes.items()]
    usual = _phrases(even(params.training), next(iter(facts.values())))
    common = [words for words in said[0] if all(words in other for other in said)]
    usual = [words for words in usual if words not in common]
    bases = dict.fromkeys(sized(f) for f in facts.values())
    trainers = dict.fromkeys(METHODS[recipe.training.method].TRAINER for recipe in recipes.values())
    places = dict.fromkeys(where(recipe, facts[name]) for name, recipe in recipes.items())
    seconds = sum(facts[name]["train_seconds"] for name in recipes)
    texts = [
        tr(
            "{candidates}, each trained by itself from {bases} with {trainers}.",
            candidates=counted(len(recipes), "candidate"),
            bases=listed(list(bases)),
            trainers=listed(list(trainers)),
        )
    ]
    if common:
        texts.append(tr("The same for all: {phrases}.", phrases=", ".join(common)))
    if usual:
        texts.append(tr("Unless the table says otherwise: {phrases}.", phrases=", ".join(usual)))
    took = tr(
        "Together they took {duration} {where}.",
        duration=duration(seconds),
        where=listed(list(places)),
    )
    texts.append(took)
    if left_out := [f"{name} {n:,}" for name in recipes if (n := facts[name]["too_long"])]:
        texts.append(
            tr(
                "Examples left out for being longer than training takes: {counts}.",
                counts=", ".join(left_out),
            )
        )
    of_one = [(name, fitted(recipe)) for name, recipe in recipes.items()]
    of_one += [(name, resumed(facts[name])) for name in recipes]
    return " ".join([*texts, *(f"{name}: {text}" for name, text in of_one if text)])


def _phrases(training: TrainingParams, facts: Mapping[str, Any]) -> list[str]:
    return [
        method_words(training, facts),
        tr("DeepSpeed {preset}", preset=ZERO[training.deepspeed]),
        tr("steps of {sequences}", sequences=batch(training)),
        rate(training),
        tr("{precision} arithmetic", precision=facts["precision"]),
        aim(training),
    ]


def _table(params: Params, recipes: Mapping[str, Recipe], facts: Facts) -> Block:
    differs = differences(params)
    rows, data = [], []
    for name in recipes:
        f = facts[name]
        rows.append(
            {
                tr("Candidate"): name,
                tr("Differs in"): differs[name],
                tr("Examples"): f"{f['rows']:,}",
                tr("Steps"): f"{f['steps']:,}",
                tr("Loss"): _ends(f.get("loss")),
                tr("Validation"): _ends(f.get("eval_loss")),
                **_rewarded(f, facts),
                **_paired(f, facts),
                tr("Tokens/s"): speed(f),
                tr("Minutes"): minutes(f),
                tr("GiB"): f"{f['peak_memory_gib']:.1f}",
            }
        )
        kept = (
            "rows",
            "steps",
            "epochs",
            "tokens",
            "train_seconds",
            "peak_memory_gib",
            "parameters",
        )
        losses = {
            f"{which}_{end}": (f.get(which) or {}).get(end)
            for which in ("loss", "eval_loss")
            for end in ("first", "last")
        }
        data.append({"candidate": name, **{key: f.get(key) for key in kept}, **losses})
    caption = tr(
        "Differs in: against the run's own sections dataset and training. Loss and Validation are the first and "
        "the last loss that was logged, of one batch of the training and of the candidate's own held-out "
        "examples. Tokens/s includes validation passes. GiB is the peak memory of one process."
    )
    return table_block("trainings", pd.DataFrame(rows), caption, pd.DataFrame(data))


def _rewarded(mine: Mapping[str, Any], facts: Facts) -> dict[str, str]:
    """The columns of trainings by reinforcement, where there is one."""
    if not any(f.get("reward") for f in facts.values()):
        return {}
    return {
        tr("Reward"): _ends(mine.get("reward")),
        tr("Held-out reward"): _ends(mine.get("eval_reward")),
    }


def _paired(mine: Mapping[str, Any], facts: Facts) -> dict[str, str]:
    """The column of trainings on pairs, where there is one."""
    if not any(f.get(ACCURACY) for f in facts.values()):
        return {}
    found = mine.get(ACCURACY)
    return {
        tr("Chosen is preferred"): f"{found['first']:.0%} → {found['last']:.0%}" if found else "–"
    }


def _ends(losses: Mapping[str, Any] | None) -> str:
    if not losses or losses.get("first") is None or losses.get("last") is None:
        return "–"
    return f"{losses['first']:.2f} → {losses['last']:.2f}"


# ---- settings that differ --------------------------------------------------------------------


def _settings(data: DatasetParams, training: TrainingParams) -> dict[str, Any]:
    """What a candidate is trained on and how, one key a setting."""
    flat: dict[str, Any] = {"sources": [source.name for source in data.sources]}
    flat |= data.model_dump(mode="json", include=set(_DATA))
    for key, value in training.model_dump(mode="json", exclude=_TECHNICAL).items():
        if key in _USUAL:  # what is not its default, one by one
            flat |= _changed(_dotted(value or {}, f"{key}."), _dotted(_USUAL[key], f"{key}."))
        elif key in ("sft", "deepspeed_config"):  # the user's own keys, told one by one
            flat |= _dotted(value, f"{key}.")
        else:
            flat[key] = value
    return flat


def _changed(values: dict[str, Any], usual: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value != usual.get(key)}


def _dotted(values: Mapping[str, Any], before: str) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict) and value:
            flat |= _dotted(value, f"{before}{key}.")
        else:
            flat[f"{before}{key}"] = value
    return flat


def _value(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return tr({True: N_("on"), False: N_("off"), None: N_("none")}[value])
    if isinstance(value, float):
        return plain_number(value)
    if isinstance(value, list):
        return " + ".join(map(str, value)) or tr("none")
    if isinstance(value, dict):
        return " + ".join(f"{key} {_value(item)}" for key, item in value.items() if item) or tr(
            "none"
        )
    return str(value)
