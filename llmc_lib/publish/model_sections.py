"""The sections of a model card, each from a `Subject` to paragraphs of Markdown."""

from __future__ import annotations

from llmc_lib.analysis.summary import rate_key
from llmc_lib.dataset.card.licences import Terms
from llmc_lib.dataset.card.markdown import Markdown, link, plain_text, some, table
from llmc_lib.formatting import ZERO, as_percent, counted, listed, share, were
from llmc_lib.models import prompts
from llmc_lib.models.resolve import author_name
from llmc_lib.publish.model_subject import (
    Subject,
    benchmark_name,
    compared,
    comparison_of,
    counts,
    kind_of,
    source_of,
)
from llmc_lib.reporting.training_page import duration, method_words, plain_number, size, where
from llmc_lib.training.diagnosis import diagnose

_RATES = {
    "accuracy": ("accuracy", "Correct, %"),
    "safe_rate": ("safe_rate", "Safe, %"),
    "over_refusal_rate": ("over_refusal_rate", "Declined, %"),
}


def introduction(subject: Subject, held: Terms) -> list[str]:
    notices = list(held.notices)
    closed = counts(subject.data["author_kind"]).get("closed model", 0)
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
        f"{plain_text(method)} on {counted(len(subject.data), 'row')}, as it was at "
        f"{part}.{made} llmc-report trained it and wrote this card from the run's own counts.",
    ]


def use(subject: Subject) -> list[str]:
    verifiable = int((subject.data["kind"] == "verifiable").sum())
    others = len(subject.data) - verifiable
    form = (
        "Problems that it was trained on end with "
        f'the words "{prompts.question_prompt("", "exactMatch").strip()}". It was trained to answer these '
        "with reasoning between `<think>` and `</think>`, then the response, with `Answer:` and the final "
        "answer on the last line."
    )
    plain = (
        f"Other prompts ({counted(others, 'row')}) were given as they are, with a plain response."
    )
    forms = [text for text, n in ((form, verifiable), (plain, others)) if n]
    return [
        "## How to use it",
        f"Prompts go in as a user turn of the model's chat template. {' '.join(forms)}",
        "```python\n"
        "from transformers import pipeline\n\n"
        'generate = pipeline("text-generation", model="owner/name")  # this repository\n'
        'question = [{"role": "user", "content": "What is 17 times 23?"}]\n'
        "print(generate(question, max_new_tokens=256)[0]['generated_text'][-1]['content'])\n"
        "```",
    ]


def training_data(subject: Subject) -> list[str]:
    data, total = subject.data, len(subject.data)
    rows: list[list[object]] = []
    for name, part in data.groupby("source", sort=False):
        source = subject.sources[str(name)]
        licences = ", ".join(
            plain_text(licence or "unknown") for licence in counts(part["licence"])
        )
        rows.append(
            [link(str(name), source["url"] if source["url"] != "embedded" else ""), Markdown(licences),
             len(part), share(len(part), total)]
        )  # fmt: skip
    categories = [f"{plain_text(k)} {share(n, total)}" for k, n in counts(data["category"]).items()]
    too_long = subject.facts["too_long"]
    left_out = (
        f" {counted(too_long, 'example')}, of these rows and those held out, "
        f"{were(too_long)} longer than {subject.recipe.training.max_length:,} tokens and "
        "left out of the training."
        if too_long
        else ""
    )
    return [
        "## Training data",
        table(["Source", "Licence of the rows", "Rows", "Share"], rows),
        f"Categories: {', '.join(categories)}.{left_out}",
    ]


def settings(subject: Subject) -> list[str]:
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


def outcome(subject: Subject) -> list[str]:
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


def evaluation(subject: Subject) -> list[str]:
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
    if len(subject.metrics) > 1:
        text.append(
            f"The verdict of the run is about the first of these. The p-values are not adjusted for the "
            f"{len(subject.metrics)} benchmarks."
        )
    for name, block in subject.metrics.items():
        rate, head = _RATES[rate_key(block["kind"])]
        n = block["n_questions"]
        rows: list[list[object]] = []
        for model in compared(block, subject.name):
            found = block["models"][model]
            interval = " to ".join(as_percent(bound, n).rstrip("%") for bound in found["ci95"])
            correct = as_percent(found[rate], n).rstrip("%")
            rows.append(
                [model, correct, interval, f"{found['n_truncated']:,}", f"{found['n_ungraded']:,}"]
            )
        text += [
            f"### {plain_text(benchmark_name(subject, name))}",
            table(["Model", head, "95% interval", "Truncated", "Ungraded"], rows),
        ]
        comparison = comparison_of(block, subject.name)
        if comparison:
            verdict = plain_text(comparison["verdict"].capitalize())
            text.append(f"**{verdict}.** {plain_text(comparison['sentence'], 600)}")
    return text


def limits(subject: Subject) -> list[str]:
    lines = []
    embedded = [
        kind_of(subject, name).title
        for name in subject.metrics or {}
        if source_of(subject, name) == "embedded" and kind_of(subject, name).hub
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
        if any(block["measure"] == "safety" for block in subject.metrics.values()):
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


def _times(samples: int) -> str:
    return "once" if samples == 1 else f"{samples} times"


def _intervals(samples: int) -> str:
    return "95% Wilson intervals" if samples == 1 else "95% intervals, clustered by question"
