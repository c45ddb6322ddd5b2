"""A finished run as the page needs it: its answers, and every figure that follows from them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from llmc_lib.analysis.agreement import contradiction
from llmc_lib.analysis.false_claims import summarise_claims
from llmc_lib.analysis.summary import summarise
from llmc_lib.analysis.verdict import Thresholds
from llmc_lib.benchmarks import Measure, measure, measuring
from llmc_lib.errors import UserError
from llmc_lib.evaluation.audit import audited
from llmc_lib.evaluation.results import Results, load_results
from llmc_lib.params import Params, ReportParams
from llmc_lib.reporting import claims_page, grading_page, looks, training_page
from llmc_lib.reporting.duplicates import clustered
from llmc_lib.reporting.entries import SCHEMA_VERSION
from llmc_lib.reporting.further import further
from llmc_lib.reporting.graders import add_graders
from llmc_lib.reporting.harness import Harness
from llmc_lib.reporting.preferences import add_preferences
from llmc_lib.reporting.race import race_block
from llmc_lib.reporting.recipes import trained
from llmc_lib.reporting.reinforced import add_reinforced
from llmc_lib.reporting.seal import sealed
from llmc_lib.reporting.sentences.tell import tell
from llmc_lib.reporting.trained_on import nearness
from llmc_lib.store import Run, environment, read_manifest, write_atomic


@dataclass(frozen=True)
class Report:
    """A finished run and its figures in numbers (`metrics`, the contract of metrics.json)."""

    run: Run
    results: Results
    metrics: dict[str, Any]
    dataset: dict[str, Any]  # the data set's manifest
    training: dict[str, Any]  # the training's manifest
    histories: dict[str, pd.DataFrame]  # candidate → log of its training

    def keep(self, path: str | Path) -> None:
        """Write `metrics` as JSON."""
        write_atomic(Path(path), json.dumps(self.metrics, indent=1, ensure_ascii=False))

    @property
    def main(self) -> str:
        """The benchmark that the verdict is about: `report.main`, or the first with right and wrong answers."""
        name: str = self.metrics["main"]
        return name

    @property
    def block(self) -> dict[str, Any]:
        """Its figures."""
        block: dict[str, Any] = self.metrics["benchmarks"][self.main]
        return block

    @property
    def safety(self) -> dict[str, Any] | None:
        """The figures of Do-Not-Answer, where it was evaluated."""
        return self._first(Measure.SAFETY)

    @property
    def over_refusal(self) -> dict[str, Any] | None:
        """The figures of the harmless look-alikes, where they were asked."""
        return self._first(Measure.OVER_REFUSAL)

    def _first(self, measure: Measure) -> dict[str, Any] | None:
        blocks = self.metrics["benchmarks"].values()
        return next((block for block in blocks if block["measure"] == measure), None)

    @property
    def looks(self) -> looks.Rows:
        """All looks at the main benchmark, this one the last, as the ledger of the run has them."""
        return looks.of_benchmark(self.run, self.main)

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
        """The model that the others are compared with."""
        return next(iter(self.results.models))

    @property
    def headline(self) -> dict[str, Any]:
        """The comparison that the verdict is about: the last candidate, chosen before any result; after a race the best of those left."""
        comparison: dict[str, Any] = self.block["comparisons"][-1]
        return comparison


def _greedy(params: Params) -> set[str]:
    """The benchmarks that are answered at temperature 0, as far as is known."""
    if params.evaluation.imports:
        return set()
    names = [b.name for b in params.evaluation.benchmarks]
    return {name for name in names if params.evaluation.asking(name).temperature == 0}


def load_report(run: Run, results: Results | None = None) -> Report:
    """Load a run: its finished evaluation, or the `results` of an unfinished one.

    It is written to the ledgers of looks first: whoever has its figures has looked at them. The figures of an unfinished
    one, and of one that was looked at before it was finished, hold over all looks.

    Raises `UserError` where a stage is not complete, where there is nothing to compare, and where `evaluation.looks` was
    changed after a look.
    """
    results, same = clustered(results or load_results(run), run.params.evaluation.benchmarks)
    if len(results.models) < 2:
        raise UserError(
            f"{run.params_file.name}: a report compares models, and {', '.join(results.models)} is the "
            "only one; give evaluation.models or evaluation.imports another"
        )
    main = _main(run, results)
    dataset, training = {}, {}
    if not run.params.evaluation.imports:
        dataset, training = read_manifest(run.dataset) or {}, read_manifest(run.training) or {}
    params = run.params
    made = Harness(run, results)
    metrics: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "run": run.name,
        "main": main,
        **tell(made.with_settings(_summary(run, results, made, main, training))),
        "provenance": {
            "params": _used(params),
            "dataset": dataset,
            "training": training,
            "evaluation": results.manifest,
            "report": environment(),
        },
    }
    for name, block in metrics["benchmarks"].items():
        block["duplicates"] = same.get(name, {})
    _add_grading(run, results, metrics["benchmarks"])
    add_reinforced(run, results, training, metrics["benchmarks"])
    add_preferences(run, results, training, metrics["benchmarks"])
    metrics["further"] = further(metrics)
    if raced := race_block(run, results):
        metrics["race"] = raced
    looks.record(run, results, metrics, "finished" if results.partial is None else "partial")
    metrics["provenance"]["seal"] = sealed(run)
    logged = training.get("candidates", {}) or results.manifest.get("trainings", {})
    histories = training_page.read_histories(run, logged)
    return Report(run, results, metrics, dataset, training, histories)


def _summary(
    run: Run, results: Results, made: Harness, main: str, training: dict[str, Any]
) -> dict[str, Any]:
    params = run.params
    return summarise(
        results.answers,
        thresholds(params.report),
        results.kinds,
        main=main,
        trained_form=params.evaluation.asking(main).prompt == "brief"
        and not params.evaluation.imports,
        better_in=params.report.select,
        seed=params.seed,
        embedded=embedded(params),
        greedy=_greedy(params),
        looks_at=looks.looks_at(run, results),
        trained=trained(run, results, training),
        near=nearness(run, results),
        again=made.repeats,
        prompts=made.prompts,
        prompt=params.evaluation.prompt,
    )


def _add_grading(run: Run, results: Results, blocks: dict[str, Any]) -> None:
    """Put into each benchmark's block who graded, how far graders agree, what labels say of them, and false claims."""
    agreements = grading_page.agreements(results)
    for name, block in blocks.items():
        block["grader"] = results.graders.get(name, "rules")
        add_graders(run, results, block, name)
        if name in agreements:
            block["agreement"] = agreements[name]
            if run.params.evaluation.imports:
                block["contradiction"] = contradiction(agreements[name])
        if block["measure"] == "accuracy":
            checked = claims_page.check_sample(
                results, name, run.params.report.claims, run.params.seed, run.reasoning
            )
            block["false_claims"] = summarise_claims(checked, block["n_questions"])
    if results.partial is None:
        for name, found in audited(run, results, blocks).items():
            blocks[name]["audit"] = found


def embedded(params: Params) -> set[str]:
    """The benchmarks whose questions are this project's own."""
    return {b.name for b in params.evaluation.benchmarks if b.source == "embedded"}


def _main(run: Run, results: Results) -> str:
    """The benchmark that the verdict is about. Raises `UserError` where it has no answers."""
    asked = [name for name, kind in results.kinds.items() if measure(kind) == "accuracy"]
    if not asked:
        raise UserError(
            f"{run.params_file.name}: evaluation.benchmarks: none with reference answers has been "
            f"answered; add one of these: {', '.join(measuring(Measure.ACCURACY))}"
        )
    wanted = run.params.report.main
    if wanted is not None and wanted not in asked:
        raise UserError(
            f"{run.params_file.name}: report.main: no question of {wanted!r} has been answered by all models "
            f"yet; wait for it, or name another one ({', '.join(asked)})"
        )
    return wanted or asked[0]


def thresholds(params: ReportParams) -> Thresholds:
    """The thresholds of the verdict words, as the analysis takes them."""
    return Thresholds(
        smallest_interesting=params.smallest_interesting_points / 100,
        significance=params.significance,
        power=params.power,
        correction=params.correction,
    )


def _used(params: Params) -> dict[str, Any]:
    """The settings that a run has used: one of imported answers no model, training or engine."""
    values = params.model_dump(mode="json")
    if not params.evaluation.imports:
        return values
    evaluation = {name: values["evaluation"][name] for name in ("benchmarks", "imports")}
    names = ("run", "seed", "runs_dir", "reports_dir")
    return {**{n: values[n] for n in names}, "evaluation": evaluation, "report": values["report"]}
