"""What notebook 4 calls: load a finished run, then one function a part of the page."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from typing import Any

import pandas as pd
import yaml

from llmc_lib.analysis.selection import select
from llmc_lib.analysis.summary import summarise
from llmc_lib.analysis.verdict import WORDS, as_p, as_percent, as_points
from llmc_lib.errors import UserError
from llmc_lib.evaluation.results import Results, load_results
from llmc_lib.params import Params
from llmc_lib.reporting import (
    cases,
    claims_page,
    dataset_figures,
    dataset_page,
    figures,
    grading_page,
    training_figures,
    training_page,
)
from llmc_lib.reporting import waterfall as waterfalls
from llmc_lib.reporting.elements import Block, FigureBlock, paragraph, table_block
from llmc_lib.reporting.words import counted, listed
from llmc_lib.store import Run, environment, read_manifest, sha256_text

SCHEMA_VERSION = 1
# From this share of ungraded responses on, a reader of a safety rate is warned.
_MUCH_UNGRADED = 0.2
_NOTHING = Block("")
_NOT_PART = "Not part of this run: it compares finished answers and trains no model."


@dataclass(frozen=True)
class Report:
    """A finished run and its figures in numbers (`metrics`, the contract of metrics.json)."""

    run: Run
    results: Results
    metrics: dict[str, Any]
    dataset: dict[str, Any]  # the data set's manifest
    training: dict[str, Any]  # the training's manifest
    histories: dict[str, pd.DataFrame]  # candidate → log of its training

    @property
    def main(self) -> str:
        """The benchmark that the verdict is about: the first with right and wrong answers."""
        blocks: dict[str, Any] = self.metrics["benchmarks"]
        return next(name for name, block in blocks.items() if _has_answers(block))

    @property
    def block(self) -> dict[str, Any]:
        """Its figures."""
        block: dict[str, Any] = self.metrics["benchmarks"][self.main]
        return block

    @property
    def safety(self) -> dict[str, Any] | None:
        """The figures of Do-Not-Answer, where it was evaluated."""
        blocks = self.metrics["benchmarks"].values()
        return next((block for block in blocks if not _has_answers(block)), None)

    @property
    def imported(self) -> bool:
        """Are the answers those of other evaluators?"""
        return bool(self.run.params.evaluation.imports)

    @property
    def judged(self) -> bool:
        """Do a judge's verdicts decide, or those of the imported files?"""
        return bool(self.block["grader"] == "judge")

    @property
    def reference(self) -> str:
        return next(iter(self.results.models))

    @property
    def headline(self) -> dict[str, Any]:
        """The comparison that the verdict is about: the last candidate, chosen before any result."""
        comparison: dict[str, Any] = self.block["comparisons"][-1]
        return comparison


def _has_answers(block: dict[str, Any]) -> bool:
    return str(block["kind"]) != "do_not_answer"


def load_report(run: Run, results: Results | None = None) -> Report:
    """Load a run: its finished evaluation, or the `results` of an unfinished one.

    Raises `UserError` where a stage is not complete, and where there is nothing to compare.
    """
    results = results or load_results(run)
    if len(results.models) < 2:
        raise UserError(
            f"{run.params_file.name}: a report compares models, and {', '.join(results.models)} is the "
            "only one; give evaluation.models or evaluation.imports another"
        )
    if all(kind == "do_not_answer" for kind in results.kinds.values()):
        raise UserError(
            f"{run.params_file.name}: evaluation.benchmarks: none with reference answers has been "
            "answered; add hle, or questions of your own"
        )
    dataset, training = {}, {}
    if not run.params.evaluation.imports:
        dataset, training = read_manifest(run.dataset) or {}, read_manifest(run.training) or {}
    smallest = run.params.report.smallest_interesting_points / 100
    metrics: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "run": run.name,
        "benchmarks": summarise(results.answers, smallest, results.kinds),
        "provenance": {
            "params": _used(run.params),
            "dataset": dataset,
            "training": training,
            "evaluation": results.manifest,
            "report": environment(),
        },
    }
    agreements = grading_page.agreements(results)
    for name, block in metrics["benchmarks"].items():
        block["grader"] = results.graders.get(name, "rules")
        if name in agreements:
            block["agreement"] = agreements[name]
    if run.params.report.select is not None:
        block = next(b for b in metrics["benchmarks"].values() if _has_answers(b))
        block["selection"] = select(block, run.params.report.select)
    histories = training_page.read_histories(run, training.get("candidates", {}))
    return Report(run, results, metrics, dataset, training, histories)


def _used(params: Params) -> dict[str, Any]:
    """The settings that a run has used: one of imported answers no model, training or engine."""
    values = params.model_dump(mode="json")
    if not params.evaluation.imports:
        return values
    evaluation = {name: values["evaluation"][name] for name in ("benchmarks", "imports")}
    names = ("run", "seed", "runs_dir", "reports_dir")
    return {**{n: values[n] for n in names}, "evaluation": evaluation, "report": values["report"]}


# ---- the parts of the page, in its order -------------------------------------------------------


def verdict(report: Report) -> Block:
    """The first screen: one sentence, its interval, four facts."""
    comparison = report.headline
    facts = _imported_facts(report) if report.imported else _facts(report)
    listed = "".join(
        f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>"
        for value, name in facts
    )
    word = comparison["verdict"]
    sentence = comparison["sentence"]
    return Block(
        f'<header class="verdict {word.split()[0]}"><p class="word">{word.capitalize()}</p>'
        f'<p class="sentence">{html.escape(sentence)}</p>'
        f'<div class="plot strip" role="img" aria-label="{html.escape(sentence, quote=True)}">'
        f"{figures.interval_strip(comparison)}</div>"
        f'<dl class="facts">{listed}</dl></header>'
    ) + _partial_note(report.results, report.main)


def _facts(report: Report) -> list[tuple[str, str]]:
    models = report.block["models"]
    n, samples = report.block["n_questions"], report.block["n_samples"]
    truncated = sum(model["n_truncated"] for model in models.values())
    failed = sum(model["n_failed"] + model["n_missing"] for model in models.values())
    return [
        (f"{n:,} × {samples}", "questions × samples"),
        (f"{report.run.params.evaluation.most_tokens:,}", "token limit, every model"),
        (f"{truncated:,} of {n * samples * len(models):,}", "answers truncated"),
        _completeness(report, failed),
    ]


def _imported_facts(report: Report) -> list[tuple[str, str]]:
    models = report.block["models"]
    n, samples = report.block["n_questions"], report.block["n_samples"]
    missing = sum(model["n_missing"] for model in models.values())
    return [
        (f"{n:,} × {samples}", "questions × samples"),
        ("imported", "answers of another evaluator"),
        ("its verdicts" if report.judged else "our rules", "decide what is right"),
        (f"{missing:,} of {n * samples * len(models):,}", "answers missing; they count as wrong")
        if missing
        else ("complete", "every question has an answer of every model"),
    ]


def accuracy_by_category(report: Report) -> FigureBlock:
    """The page's one figure on the first screen."""
    return figures.accuracy_by_category(report.block, [report.reference, report.headline["model"]])


def models_table(report: Report) -> Block:
    """Every model: accuracy and what became of its answers."""
    n = report.block["n_questions"]
    rows = [
        {
            "Model": name,
            "What it is": report.results.models[name],
            "Correct, %": as_percent(model["accuracy"], n).rstrip("%"),
            "95% interval": _interval(model["ci95"], n),
            **_outcomes(report, model),
        }
        for name, model in report.block["models"].items()
    ]
    data = pd.DataFrame(
        [
            {"model": name, **{k: v for k, v in model.items() if not isinstance(v, dict | list)},
             "low": model["ci95"][0], "high": model["ci95"][1]}
            for name, model in report.block["models"].items()
        ]
    )  # fmt: skip
    caption = (
        f"Accuracy over all {n:,} questions with {_interval_words(report)}. Truncated, unanswered and failed "
        "questions stay in the denominator and count as wrong."
    )
    if report.imported:
        caption += (
            " Missing: the file has no answer. Many evaluators do not store one that was cut at the token "
            "limit or whose request failed."
        )
    return table_block("models", pd.DataFrame(rows), caption, data) + _official_note(report)


def _outcomes(report: Report, model: dict[str, Any]) -> dict[str, str]:
    """The columns on what became of a model's answers."""
    ungraded = "No verdict" if report.judged else "No answer found"
    columns = {
        "Truncated": f"{model['n_truncated']}",
        ungraded: f"{model['n_ungraded']}",
        "Failed": f"{model['n_failed']}",
    }
    return columns | {"Missing": f"{model['n_missing']}"} if report.imported else columns


def _official_note(report: Report) -> Block:
    """What HLE's own evaluator prints of imported verdicts."""
    printed = []
    for name, model in report.block["models"].items():
        found = model.get("official")
        if not (report.imported and report.judged and found and found["n"]):
            return _NOTHING
        # Below two bins the official formula is 0 whatever the answers are.
        error = found["calibration_error"] if found["n"] >= 200 else None
        calibration = "" if error is None else f", calibration error {error:g}"
        printed.append(
            f"{name} {found['accuracy']:.2f}% ± {found['wald_half_width']:.2f} "
            f"(n = {found['n']:,}{calibration})"
        )
    return paragraph(
        "HLE's own evaluator leaves unanswered questions out. Of the same verdicts it prints: "
        f"{'; '.join(printed)}. Two of its figures may rest on different questions.",
        "note",
    )


def comparisons_table(report: Report) -> Block:
    """Every candidate against the reference."""
    n = report.block["n_questions"]
    rows = [
        {
            "Candidate": c["model"],
            "Difference, points": as_points(c["difference"], n, unit=False),
            "95% interval": _interval(c["ci95"], n, points=True),
            "Gained": f"{c['gained']}",
            "Lost": f"{c['lost']}",
            "p": as_p(c["p_value"]).removeprefix("= "),
            "p adjusted": as_p(c["p_adjusted"]).removeprefix("= "),
            "Verdict": c["verdict"],
        }
        for c in report.block["comparisons"]
    ]
    data = pd.DataFrame(
        [{**{k: v for k, v in c.items() if not isinstance(v, dict | list)},
          "low": c["ci95"][0], "high": c["ci95"][1]} for c in report.block["comparisons"]]
    )  # fmt: skip
    caption = (
        f"Each model minus {report.reference} on the same questions: paired interval, "
        f"{_test_words(report)}, p adjusted by Holm's method for {counted(len(rows), 'comparison')}. The headline is "
        "the last model, whatever the results are."
    )
    return table_block("candidates", pd.DataFrame(rows), caption, data)


def selection(report: Report) -> Block:
    """Which candidate the run's rule chooses, and what that is worth."""
    found = report.block.get("selection")
    if found is None:
        return Block("")
    n, where = (
        report.block["n_questions"],
        listed(["overall", *(f"in {name}" for name in found["better_in"])]),
    )
    rule = f"The rule of this run chooses a model that answers more than {report.reference} {where}"
    among = f"of {found['candidates']} compared"
    if found["chosen"] is None:
        return paragraph(f"{rule}: none {among} does.")
    others = len(found["eligible"]) - 1
    also = f", as do {others} more," if others > 1 else ", as does one more," if others else ""
    text = (
        f"{rule}: {found['chosen']} {among}{also} with {as_points(found['difference'], n)} overall. The rule "
        f"takes no account of chance; the verdict on this model is: {found['verdict']}. Who picks the best "
        "of several on the same questions sees more than will come back on new ones."
    )
    return paragraph(text)


def differences(report: Report) -> FigureBlock:
    """Where the headline candidate gained and lost."""
    return figures.differences_by_category(report.headline)


def verdict_words(report: Report) -> Block:
    """What each verdict word means."""
    rows = pd.DataFrame([{"Verdict": word, "Given when": when} for word, when in WORDS.items()])
    smallest = report.run.params.report.smallest_interesting_points
    caption = (
        f"A difference worth finding is one of {smallest:g} points or more (set by the params file); "
        '"most likely" is a probability of 80%.'
    )
    table = table_block("verdict-words", rows, caption)
    return Block(f"<details><summary>What the verdict words mean</summary>{table.markup}</details>")


def safety(report: Report) -> Block:
    """Do-Not-Answer, where it was evaluated."""
    dna = report.safety
    if dna is None:
        return paragraph("Do-Not-Answer was not evaluated in this run.", "note")
    sentence = paragraph(_safety_sentence(dna["comparisons"][-1]))
    chosen = [report.reference, report.headline["model"]]
    return sentence + _undecided(dna, chosen) + figures.safety_by_area(dna, chosen)


def outcome_table(report: Report) -> Block:
    """Both right, gained, lost, both wrong, by category."""
    return cases.outcome_table(
        report.results, report.main, report.reference, report.headline["model"]
    )


def side_by_side(report: Report) -> Block:
    """What the reference and the headline candidate wrote where they disagree."""
    params, results = report.run.params, report.results
    folder = report.run.folder / "reasoning"
    found = {}
    if report.main not in results.withheld:
        found = claims_page.marks(results, _shown_keys(report), folder)
    return cases.side_by_side(
        results,
        report.main,
        report.reference,
        report.headline["model"],
        params.report.cases,
        params.seed,
        found,
    )


def shown_traces(report: Report) -> dict[str, tuple[str, str]]:
    """SHA-256 of a trace that is shown side by side → its question and its text."""
    questions = report.results.questions[report.main]
    found = {}
    for key in _shown_keys(report):
        text = cases.whole(*report.results.texts.get(key, ("", "")))
        if text.strip():
            found[sha256_text(text)] = questions[key[2]].question, text
    return found


def _shown_keys(report: Report) -> list[tuple[str, str, str, int]]:
    """The answers to the questions that are shown side by side."""
    params, results = report.run.params, report.results
    models = report.reference, report.headline["model"]
    table = cases.outcomes(results, report.main, *models)
    ids = cases.choose(table, params.report.cases, params.seed)
    samples = range(results.manifest.get("samples", 1))
    return [(report.main, m, id_, n) for m in models for id_ in ids for n in samples]


def false_claims(report: Report) -> Block:
    """Arithmetic that the models state and that does not hold, counted."""
    params = report.run.params
    checked = claims_page.check_sample(
        report.results,
        report.main,
        params.report.claims,
        params.seed,
        report.run.folder / "reasoning",
    )
    return claims_page.claims(checked, report.block["n_questions"])


def models_note(report: Report) -> Block:
    """How the answers came about, and what an interval is."""
    asked = (
        "The answers are finished ones of another evaluator; nothing was sampled for this page."
        if report.imported
        else "Every model answers the same questions."
    )
    return Block(
        f"<p>{asked} A <em>95% interval</em> is the range of true rates that fit the answers seen: were the "
        "whole study repeated on new questions, about 19 of 20 such intervals would hold the true rate.</p>"
    )


def grading(report: Report) -> Block:
    """Who graded the answers and, where there are two graders, how far they agree."""
    blocks = report.metrics["benchmarks"]
    found = {name: block["agreement"] for name, block in blocks.items() if "agreement" in block}
    if not found:
        return paragraph(
            "Rules grade: they look for a final answer, or for what a response does, by its wording. What they "
            "cannot decide is ungraded, never guessed, and counts as not correct and as not safe. No judge "
            "was asked (evaluation.judge in the params file).",
            "note",
        )
    params = report.run.params
    return grading_page.grading(report.results, found, imported=report.imported, seed=params.seed)


def side_by_side_note(report: Report) -> Block:
    """What the cases show."""
    what = "what their files hold of the completions" if report.imported else "all that both wrote"
    return paragraph(
        "A score does not say why. These are questions on which one of the two models does better, with "
        f"{what}."
    )


def waterfall(report: Report) -> Block:
    """From the rows of the sources to those that are trained on, and what each step removed."""
    made, params = report.dataset, report.run.params
    if not made:
        return paragraph(_NOT_PART, "note")
    return (
        paragraph(
            "The data set takes rows of its sources through the same steps, in the same order, and each "
            "step says what it removes. Notebook 1 shows more, with rows to read."
        )
        + waterfalls.waterfall(made, params)
        + waterfalls.removals(made, params)
    )


def composition(report: Report) -> Block:
    """Categories of the data set beside the target."""
    return dataset_figures.composition(report.dataset) if report.dataset else _NOTHING


def data_set_facts(report: Report) -> Block:
    """Lengths, licences and contamination of the data set in a paragraph."""
    return dataset_page.summary(report.dataset, report.run.params) if report.dataset else _NOTHING


def training(report: Report) -> Block:
    """How the training went, in words."""
    if not report.training:
        return paragraph(_NOT_PART, "note")
    return training_page.how(report.run.params, report.training["candidates"])


def training_curves(report: Report) -> Block:
    """Losses, what is to be said of them, and what the optimizer did."""
    if not report.training:
        return _NOTHING
    return (
        training_figures.losses(report.histories)
        + training_page.diagnosis(report.histories)
        + training_figures.optimizer(report.histories)
    )


def provenance(report: Report) -> Block:
    """Params, versions, hashes, durations: what a sceptic needs to repeat the run."""
    made = report.metrics["provenance"]
    here = made["report"]
    stages = [
        ("dataset", report.dataset),
        ("training", report.training),
        ("import" if report.imported else "evaluation", report.results.manifest),
    ]
    rows = pd.DataFrame(
        [
            {
                "Stage": name,
                "Finished (UTC)": manifest["finished"].replace("T", " ").removesuffix("+00:00"),
                "Duration, s": f"{manifest['seconds']:.0f}",
                "Commit": manifest["environment"]["commit"][:10]
                + ("+" if manifest["environment"]["commit"].endswith("+changes") else ""),
                "Fingerprint": manifest["fingerprint"],
            }
            for name, manifest in stages
            if "finished" in manifest  # an evaluation may go on
        ]
    )
    versions = ", ".join(f"{name} {version}" for name, version in here["packages"].items())
    data = json.dumps(report.metrics, ensure_ascii=False, indent=1)
    params = yaml.safe_dump(made["params"], sort_keys=False, allow_unicode=True)
    return (
        (_imports_table(report) if report.imported else _NOTHING)
        + table_block(
            "stages", rows, "What was run. A + behind a commit: with uncommitted changes."
        )
        + paragraph(
            f"Seed {report.run.params.seed}. {here['machine']}, Python {here['python']}; {versions}."
        )
        + Block(
            "<details><summary>All params, defaults included</summary>"
            f"<pre>{html.escape(params)}</pre></details>"
            "<details><summary>metrics.json: every number of this page</summary>"
            f"<pre>{html.escape(data)}</pre></details>"
        )
    )


def _imports_table(report: Report) -> Block:
    """The files that the answers are from."""
    sources: list[dict[str, Any]] = report.results.manifest["imports"]
    rows = [
        {
            "Model": source["model"],
            "Benchmark": source["benchmark"],
            "File": name,
            "Format": file["format"],
            "SHA-256": file["sha256"][:12],
        }
        for source in sources
        for name, file in source["files"].items()
    ]
    caption = "The files that the answers are from."
    if unknown := [f"{s['unknown']:,} of {s['model']}" for s in sources if s["unknown"]]:
        caption += (
            f" Answers to questions that the benchmark has not are left out: {listed(unknown)}."
        )
    data = pd.DataFrame(sources).drop(columns="files")
    return table_block("imports", pd.DataFrame(rows), caption, data)


def _completeness(report: Report, failed: int) -> tuple[str, str]:
    """Is every answer there? The last of the facts on the first screen."""
    if report.results.partial:
        part = report.results.partial[report.main]
        return (
            "partial",
            f"{part['answered']:,} of {part['asked']:,} questions, those all models answered",
        )
    if failed:
        return "partial", f"{failed:,} answers failed; they count as wrong"
    return "complete", "every question asked of every model"


def _partial_note(results: Results, benchmark: str) -> Block:
    """What a reader must know of a report of an unfinished evaluation."""
    if results.partial is None:
        return Block("")
    part = results.partial[benchmark]
    text = (
        f"The evaluation is not finished. {part['answered']:,} of {part['asked']:,} questions have been "
        f"answered by all of {listed(list(results.models))}. They were asked in a random order in which "
        "every beginning has the categories' shares, so that they stand for the rest."
    )
    if part["passed_over"]:
        text += (
            f" Of those asked before the last of these, {part['passed_over']:,} still lack an answer of "
            "some model: most often the ones with long answers, which these figures do not have."
        )
    if not_begun := results.manifest.get("not_begun"):
        text += f" Without any answer yet: {listed(not_begun)}."
    return paragraph(text, "note")


def _interval_words(report: Report) -> str:
    several = report.block["n_samples"] > 1
    return "intervals clustered by question" if several else "Wilson intervals"


def _test_words(report: Report) -> str:
    several = report.block["n_samples"] > 1
    return "t-test clustered by question" if several else "exact McNemar test"


def _undecided(dna: dict[str, Any], models: list[str]) -> Block:
    """A warning where much of what counts as not safe is not known to be unsafe."""
    n = dna["n_questions"] * dna["n_samples"]
    found = {m: dna["models"][m] for m in models}
    if max(facts["n_ungraded"] for facts in found.values()) <= _MUCH_UNGRADED * n:
        return _NOTHING
    numbers = listed(
        [
            f"{facts['n_ungraded']:,} of {m} ({facts['n_truncated']:,} of its {n:,} responses were cut at the "
            "token limit)"
            for m, facts in found.items()
        ]
    )
    return paragraph(
        f"Of {n:,} responses these are ungraded and count as not safe: {numbers}. A difference may come from "
        "them alone: read it as one in what could be shown to be safe, not in harm done.",
        "note",
    )


def _safety_sentence(comparison: dict[str, Any]) -> str:
    return f"{comparison['verdict'].capitalize()}: {comparison['sentence']}"


def _interval(bounds: list[float], n: int, *, points: bool = False) -> str:
    if points:
        return " to ".join(as_points(bound, n, unit=False) for bound in bounds)
    return "–".join(as_percent(bound, n).rstrip("%") for bound in bounds)
