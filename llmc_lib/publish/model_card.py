"""The model card: what a model was made from, how, how the training went, and how it does.

Its form is the hub's: metadata in YAML, then Markdown
(https://github.com/huggingface/hub-docs/blob/main/modelcard.md). Every sentence comes from the run's own
manifests, log and answers; where something was not measured, it says so.
"""

from __future__ import annotations

import re
from typing import Any

from llmc_lib.analysis.summary import rate_key
from llmc_lib.dataset.card.impersonal import impersonal
from llmc_lib.dataset.card.licences import Terms
from llmc_lib.dataset.card.markdown import table
from llmc_lib.dataset.card.page import languages
from llmc_lib.formatting import as_percent
from llmc_lib.publish import model_sections as sections
from llmc_lib.publish.model_subject import Subject, benchmark_name, counts, kind_of, source_of


def card(subject: Subject, held: Terms) -> str:
    """The README.md of a model."""
    from huggingface_hub import ModelCard  # half a second to import

    paragraphs = [
        *sections.introduction(subject, held),
        *sections.use(subject),
        *sections.training_data(subject),
        *sections.settings(subject),
        *sections.outcome(subject),
        *sections.evaluation(subject),
        *sections.limits(subject),
    ]
    text = "\n\n".join(impersonal(subject.run, paragraphs))
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


def _metadata(subject: Subject, held: Terms) -> str:
    from huggingface_hub import ModelCardData

    names = counts(subject.data["source"])
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
    urls = [subject.sources[name]["url"] for name in counts(subject.data["source"])]
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
