"""The first screen: one sentence, its interval, four facts, one figure."""

from __future__ import annotations

import html

import pandas as pd

from llmc_lib.formatting import counted, listed, unbroken
from llmc_lib.language import tr
from llmc_lib.reporting import figures
from llmc_lib.reporting.elements import NOTHING, Block, paragraph
from llmc_lib.reporting.figures.drawing import FigureBlock
from llmc_lib.reporting.further import about
from llmc_lib.reporting.graders import graded_by
from llmc_lib.reporting.report import Report
from llmc_lib.reporting.sections.harness import confounded_note
from llmc_lib.reporting.sections.looks import look_note
from llmc_lib.reporting.sections.safety import endings_note
from llmc_lib.reporting.sentences import runs as words


def verdict(report: Report) -> Block:
    """The first screen: one sentence, its interval, four facts. Its `data` is the comparison with its interval."""
    notes = confounded_note(report) + endings_note(report) + look_note(report)
    return _contradiction(report) + _head(report) + notes


def _head(report: Report) -> Block:
    comparison = report.headline
    facts = _imported_facts(report) if report.imported else _facts(report)
    code = comparison["verdict_code"].removesuffix("_small")
    word = comparison["verdict"].capitalize() + ("," if "," in comparison["verdict"] else "")
    on = html.escape(
        tr("on {benchmark}, for this checkpoint", benchmark=about(report.main, report.block))
    )
    graded = graded_by(report.block)
    grader = html.escape(f", {graded}" if graded else "")
    sentence = html.escape(unbroken(comparison["sentence"]))
    hangs = "".join(
        f'<p class="hangs">{html.escape(unbroken(told))}</p>'
        for key in ("missing", "prompts")
        if (told := (comparison[key] or {}).get("sentence"))
    )
    strip, further = figures.accuracy.interval_strip(comparison), _further(report)
    definitions = "".join(
        f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>"
        for value, name in facts
    )
    told = (
        f"<p><b>{_SIGNS.get(code, '')}{word}</b> {on}{grader}</p>"
        f'<p style="font-size: 140%; line-height: 1.35; max-width: 40em">{sentence}</p>{hangs}'
    )
    items = "".join(
        f"<li><b>{html.escape(value)}</b> {html.escape(name)}</li>" for value, name in facts
    )
    bounds = {end: comparison["interval"][end] for end in ("low", "high")}
    keys = ("model", "reference", "n", "difference", "p_value", "verdict", "verdict_code")
    return Block(
        f'<header class="verdict {code}"><p class="word">{word} <span class="about">{on}</span><span class="about">{grader}</span></p>'
        f'<p class="sentence">{sentence}</p>{hangs}{strip.markup}'
        f'<dl class="facts">{definitions}</dl>{further}</header>',
        name="verdict",
        sentence=comparison["sentence"],
        data=pd.DataFrame([{key: comparison[key] for key in keys} | bounds]),
        shown=(Block(told), strip, Block(f"<ul>{items}</ul>{further}")),
    )


#: The page's style has the same signs.
_SIGNS = {"better": "▲ ", "worse": "▼ ", "equal": "◆ ", "unclear": "◇ ", "harness": "◇ "}


def _further(report: Report) -> str:
    """The verdict on each other benchmark in a line."""
    rows = report.metrics["further"]
    if not rows:
        return ""
    blocks = report.metrics["benchmarks"]
    items = "".join(
        f"<li>{html.escape(unbroken(row['line']))} "
        f'<span class="grader">{html.escape(graded_by(blocks[row["benchmark"]]))}</span></li>'
        for row in rows
    )
    return (
        f'<div class="further-verdicts note"><p>{tr("The other benchmarks, for the same checkpoint (p-values are not adjusted for their number):")}'
        f"</p><ul>{items}</ul></div>"
    )


def _contradiction(report: Report) -> Block:
    """A warning where the imported verdicts and our rules cannot both be right."""
    found = report.block.get("contradiction")
    if found is None:
        return NOTHING
    n = found["decided"]
    agreed = report.block["agreement"]["agreed"]
    text = tr(
        "Check the grading first. The verdicts that were imported contradict the rules of this package: of {n:,} "
        "answers that both decided, {second:,} are correct by the verdicts and {first:,} by the rules, and they "
        "agree on {agreed:,}. One of the two is at fault, for example a filter of the evaluator that cut off the "
        "answer. Everything on this page follows the verdicts; the section on grading shows answers to read.",
        n=n,
        second=found["second"],
        first=found["first"],
        agreed=agreed,
    )
    return paragraph(text, "note warning")


def accuracy_by_category(report: Report) -> FigureBlock:
    """The page's one figure on the first screen."""
    return figures.accuracy.by_category(report.block, [report.reference, report.headline["model"]])


def _facts(report: Report) -> list[tuple[str, str]]:
    models = report.block["models"]
    missing = sum(model["n_failed"] + model["n_missing"] for model in models.values())
    return [
        _asked(report),
        (
            f"{report.run.params.evaluation.token_limit(report.main):,}",
            tr("token limit, every model"),
        ),
        _truncated(report),
        _completeness(report, missing),
    ]


def _asked(report: Report) -> tuple[str, str]:
    n, samples = report.block["n_questions"], words.runs_of(report.block)
    return f"{n:,} × {samples}", tr("questions × samples")


def _truncated(report: Report) -> tuple[str, str]:
    """Of two models, of which one: a limit that cuts one of them only is part of the difference."""
    models = report.block["models"]
    asked = [words.answers_of(report.block, name) for name in models]
    counts = [model["n_truncated"] for model in models.values()]
    if len(models) > 2 or not any(counts) or len(set(asked)) > 1:
        cut = tr("{part:,} of {whole:,}", part=sum(counts), whole=sum(asked))
        return cut, tr("answers truncated")
    cut = tr(
        "{first:,} and {second:,} of {whole:,}", first=counts[0], second=counts[1], whole=asked[0]
    )
    return cut, tr("truncated: {models}", models=listed(list(models)))


def _imported_facts(report: Report) -> list[tuple[str, str]]:
    models = report.block["models"]
    missing = sum(model["n_missing"] for model in models.values())
    asked = sum(words.answers_of(report.block, name) for name in models)
    return [
        _asked(report),
        (tr("imported"), tr("answers of another evaluator")),
        (tr("its verdicts") if report.judged else tr("our rules"), tr("decide what is right")),
        (
            tr("{part:,} of {whole:,}", part=missing, whole=asked),
            tr("answers missing; they count as wrong"),
        )
        if missing
        else (tr("complete"), tr("every question has an answer of every model")),
    ]


def _completeness(report: Report, missing: int) -> tuple[str, str]:
    """Is every answer there? The last of the facts on the first screen. One whose request failed is missing, as in
    the sentences on missing answers."""
    if report.results.partial:
        part = report.results.partial[report.main]
        return (
            tr("partial"),
            tr(
                "{answered:,} of {asked:,} questions, those all models answered",
                answered=part["answered"],
                asked=part["asked"],
            ),
        )
    if missing:
        return tr("partial"), tr(
            "{answers}, counted as wrong", answers=counted(missing, "missing answer")
        )
    race = report.results.race
    if race is not None and race.benchmark == report.main and race.n_questions < race.asked:
        asked = tr("{part:,} of {whole:,}", part=race.n_questions, whole=race.asked)
        return asked, tr("questions asked before the race ended")
    return tr("complete"), tr("every question asked of every model")
