"""The models that a run names: whole, without code or pickles, and long enough for what is asked of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from llmc_lib.engines.formats import TEMPLATES
from llmc_lib.errors import instead, shown
from llmc_lib.models.adapter import adapter_problems
from llmc_lib.models.context import context_of
from llmc_lib.models.folder import folder_problems, tokenizer_problems
from llmc_lib.models.quantized import quantized_problem
from llmc_lib.models.resolve import EMBEDDED
from llmc_lib.params import EngineParams, ModelParams
from llmc_lib.preflight import lora
from llmc_lib.preflight.problem import Problem
from llmc_lib.rewards import not_allowed, not_usable
from llmc_lib.store import ROOT, Run, json_reader

Keys = tuple[str | int, ...]
_CONFIGS = Path(__file__).parents[1] / "plan" / "configs"


class _Use(NamedTuple):
    """A model, and the lengths that are asked of it: keys → tokens."""

    keys: Keys
    model: ModelParams
    lengths: dict[Keys, int]
    engine: EngineParams | None = None
    changes: Mapping[Keys, Mapping[str, Any]] = {}  # of its config.json, for these lengths


def problems(run: Run, *, data_alone: bool = False) -> list[Problem]:
    """What is wrong with the models that a run names.

    `data_alone`: the run stops after the data set, for which a model that answers nothing needs no weights.
    """
    found: list[Problem] = []
    seen: set[Path] = set()
    uses = list(_data_uses(run) if data_alone else _uses(run))
    if data_alone and ("model",) not in {use.keys for use in uses}:
        folder = ROOT / run.params.model.source
        if run.params.model.source != "embedded" and folder.is_dir():
            found += [Problem(("model", "source"), text) for text in tokenizer_problems(folder)]
    for use in uses:
        folder = ROOT / use.model.source
        if use.model.source != "embedded" and folder.is_dir() and folder not in seen:
            seen.add(folder)
            served = use.keys != ("model",)
            found += [
                Problem((*use.keys, "source"), text)
                for text in folder_problems(folder, served=served)
            ]
        if use.keys == ("model",) and folder.is_dir() and (problem := quantized_problem(folder)):
            found.append(Problem(("model", "source"), problem))
        if use.model.adapter and (adapter := ROOT / use.model.adapter).is_dir():
            found += [Problem((*use.keys, "adapter"), text) for text in adapter_problems(adapter)]
        found += _length_problems(use)
    return [
        *found,
        *_served_names(run),
        *_tokenizers(run),
        *_template_variables(run),
        *([] if data_alone else (*_own_rewards(run), *lora.problems(run))),
    ]


def _own_rewards(run: Run) -> Iterator[Problem]:
    """Functions that the params name, and that whoever starts the run has not allowed, or Python cannot import."""
    told: dict[str, str | None] = {}
    for recipe in run.params.recipes:
        grpo = recipe.training.grpo
        if recipe.training.method != "grpo" or grpo is None or grpo.rewards.own is None:
            continue
        given = run.params.candidates[recipe.number].training if recipe.listed else {}
        section: Keys = (
            ("candidates", recipe.number, "training")
            if "rewards" in given.get("grpo", {})
            else ("training",)
        )
        name = grpo.rewards.own.function
        if name not in told:
            told[name] = not_allowed(grpo.rewards) or not_usable(grpo.rewards)
        if (refused := told[name]) is not None:
            yield Problem((*section, "grpo", "rewards", "own", "function"), refused)


def _uses(run: Run) -> Iterator[_Use]:
    params, evaluation = run.params, run.params.evaluation
    asked: dict[Keys, int] = {("evaluation", "max_model_len"): evaluation.max_model_len}
    trained: dict[Keys, int] = {}
    changes: dict[Keys, Mapping[str, Any]] = {}
    for recipe in params.recipes:
        own = recipe.listed and "max_length" in params.candidates[recipe.number].training
        section: Keys = ("candidates", recipe.number, "training") if own else ("training",)
        trained[(*section, "max_length")] = recipe.training.max_length
        changes[(*section, "max_length")] = recipe.training.model_init_kwargs
    yield _Use(("model",), params.model, trained, changes=changes)
    if evaluation.engine.kind == "vllm":
        yield _Use(("model",), params.model, asked, evaluation.engine)
        for number, model in enumerate(evaluation.models):
            yield _Use(("evaluation", "models", number), model, asked, evaluation.engine)
    judge = evaluation.judge
    if judge is not None and judge.model is not None:
        length: dict[Keys, int] = {("evaluation", "judge", "max_model_len"): judge.max_model_len}
        yield _Use(("evaluation", "judge", "model"), judge.model, length, judge.engine)
    yield from _data_uses(run)


def _data_uses(run: Run) -> Iterator[_Use]:
    """The models that answer something for the data set."""
    params = run.params
    for number, source in enumerate(params.dataset.sources):
        if source.sampling is not None:
            key_: Keys = ("dataset", "sources", number, "sampling", "max_model_len")
            yield _Use(("model",), params.model, {key_: source.sampling.max_model_len})
    for name in ("difficulty", "completions"):
        section_ = getattr(params.dataset, name)
        served = section_.engine is not None and section_.engine.kind == "openai"
        if section_.enabled and not served and getattr(section_, "rates", None) is None:
            key: Keys = ("dataset", name, "model") if section_.model else ("model",)
            lengths: dict[Keys, int] = {("dataset", name, "max_model_len"): section_.max_model_len}
            yield _Use(key, section_.model or params.model, lengths, section_.engine)


# ---- lengths ---------------------------------------------------------------------------------


def _length_problems(use: _Use) -> Iterator[Problem]:
    overrides = use.engine.vllm.get("hf_overrides") if use.engine else None
    if overrides:  # rope scaling may make it longer; vLLM checks that
        return
    for keys, length in use.lengths.items():
        longest = context_length(use.model, use.changes.get(keys))
        if longest is not None and length > longest:
            yield Problem(
                keys,
                f"{length:,} is more than the {longest:,} tokens that {use.model.source} was made for (its "
                "config.json); lower it, or give a model with a longer context",
            )


def context_length(model: ModelParams, changes: Mapping[str, Any] | None = None) -> int | None:
    """The longest text of a model in tokens, by its config.json with the keys in `changes`; None where none is on this machine."""
    config = config_of(model)
    if config is None:
        return None
    inner = config.get("text_config")
    return context_of({**(inner if isinstance(inner, dict) else config), **(changes or {})})


def config_of(model: ModelParams) -> dict[str, Any] | None:
    """The config.json of a model; None where none is on this machine."""
    if model.source == "embedded":
        path = _CONFIGS / f"{EMBEDDED}.json"
    elif (ROOT / model.source).is_dir():
        path = ROOT / model.source / "config.json"
    else:
        path = _cached(model) or _CONFIGS / f"{model.source.rpartition('/')[2]}.json"
    found = json_reader.readable(path)
    return found if isinstance(found, dict) else None


def _cached(model: ModelParams) -> Path | None:
    """The config.json of a hub model that has been downloaded before."""
    if not re.fullmatch(r"[0-9a-f]{40}", model.revision or ""):
        return None
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(model.source, "config.json", revision=model.revision)
    return Path(found) if isinstance(found, str) else None


# ---- names -----------------------------------------------------------------------------------


def _served_names(run: Run) -> Iterator[Problem]:
    """Names in `served_as` that no model of the run has, and models that would be one to the servers."""
    evaluation = run.params.evaluation
    served_as = evaluation.engine.served_as
    known = ["base", "judge", *(model.name for model in evaluation.models)]
    step = re.compile(
        "|".join(
            re.escape(r.model_name("#")).replace(re.escape("#"), r"\d+") for r in run.params.recipes
        )
    )
    # A model that has no other name is asked for by its own.
    taken = {name: name for name in known if name not in served_as and name != "judge"}
    for name, served in served_as.items():
        keys = ("evaluation", "engine", "served_as", name)
        if name not in known and not step.fullmatch(name):
            hint = instead(name, known, f"there are {', '.join(known)}")
            yield Problem(keys, f"{shown(name)} is not a model of the run; {hint}")
            continue
        if name == "judge":  # which may be one of the models
            continue
        own = step.fullmatch(served) is not None and served not in served_as
        other = served if own and served != name else taken.get(served, name)
        if other != name:
            yield Problem(
                keys,
                f"{shown(served)} is what the servers are asked for {shown(other)} too, so that both would be one "
                "model; give each its own",
            )
        taken.setdefault(served, name)


def _template_variables(run: Run) -> Iterator[Problem]:
    """Variables of chat templates that no model of the run has, where the templates of all are on this machine: a
    template passes over what it does not know."""
    evaluation = run.params.evaluation
    models = [run.params.model, *evaluation.models]
    folders = [ROOT / model.source for model in models]
    if evaluation.imports or not all(folder.is_dir() for folder in folders):
        return
    text = "".join(
        (folder / name).read_text(encoding="utf-8", errors="replace")
        for folder in folders
        for name in TEMPLATES
        if (folder / name).is_file()
    )
    given: dict[Keys, Mapping[str, Any]] = {("evaluation",): evaluation.chat_template_kwargs}
    for number, benchmark in enumerate(evaluation.benchmarks):
        own = benchmark.settings.chat_template_kwargs or {}
        given["evaluation", "benchmarks", number, "settings"] = own
    for keys, variables in given.items():
        for name in variables:
            if not re.search(rf"\b{name}\b", text):
                yield Problem(
                    (*keys, "chat_template_kwargs"),
                    f"{shown(name)}: no chat template of the run's models has this variable; correct it, or leave it out",
                )


def _tokenizers(run: Run) -> Iterator[Problem]:
    evaluation = run.params.evaluation
    engines: list[tuple[Keys, EngineParams]] = [(("evaluation", "engine"), evaluation.engine)]
    if evaluation.judge:
        engines.append((("evaluation", "judge", "engine"), evaluation.judge.engine))
    for number, repeat in enumerate(evaluation.repeat):
        if "vllm" in repeat.engine:
            place: Keys = ("evaluation", "repeat", number, "engine")
            engines.append((place, repeat.engine_of(evaluation.engine)))
    for keys, engine in engines:
        folder = engine.vllm.get("tokenizer")
        if folder is not None and not (ROOT / folder).is_dir():
            text = f"no folder {ROOT / folder}; give that of a tokenizer, as a path from {ROOT}"
            yield Problem((*keys, "vllm", "tokenizer"), text)
        elif folder is not None:
            for text in tokenizer_problems(ROOT / folder):
                yield Problem((*keys, "vllm", "tokenizer"), text)
