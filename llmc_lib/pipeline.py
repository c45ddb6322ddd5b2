"""`make report`: the four notebooks in order, headless, each only where there is work to do.

papermill and the page's packages, seconds to load, are imported where a notebook is run.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmc_lib import evaluation
from llmc_lib.errors import UserError
from llmc_lib.language import N_, tr
from llmc_lib.models.resolve import Model, ServedModel, compared_models
from llmc_lib.processes import notebooks
from llmc_lib.processes.progress import draw_here, say
from llmc_lib.store import (
    ROOT,
    Run,
    are_whole,
    deaths,
    listed,
    locked,
    put,
    read_object,
    set_aside,
    write_atomic,
    write_manifest,
)
from llmc_lib.store.manifests import from_root
from llmc_lib.store.page import page_finished, page_key

if TYPE_CHECKING:
    from llmc_lib.reporting.gate import Gate


@dataclass(frozen=True)
class Stage:
    """A notebook, and whether its work is done."""

    notebook: str
    title: str
    finished: Callable[[Run], bool]


def stages(run: Run) -> list[Stage]:
    """The stages in their order; "finished" is asked for only when all earlier ones are.

    A run of imported predictions has neither a data set nor a training, and needs no package of theirs.
    """
    if run.params.evaluation.imports:
        return [
            Stage("3_evaluation", "import", evaluation.imported),
            Stage("4_report", "report", page_finished),
        ]
    from llmc_lib import dataset, training

    return [
        Stage("1_dataset", "data set", dataset.finished),
        Stage("2_training", "training", training.finished),
        Stage(
            "3_evaluation",
            "evaluation",
            lambda run: evaluation.finished(run, compared_models(run)),
        ),
        Stage("4_report", "report", page_finished),
    ]


class StageError(Exception):
    """A notebook ended with an error; the message is one readable block."""


def make_report(run: Run) -> Path:
    """Do what is left to do and return the page. Raises `StageError` when a stage fails."""
    _do(run, stages(run))
    return run.report / "index.html"


def make_partial(run: Run) -> Path:
    """A page from what an unfinished evaluation has so far, beside the run's own report.

    It waits for nothing and keeps nothing from going on: another process may be evaluating. Raises
    `StageError` when the notebook fails, `UserError` where there is nothing to compare yet.
    """
    from llmc_lib.reporting.render import render

    executed = run.report / "notebooks" / "4_report_partial.ipynb"
    metrics = executed.with_suffix(".json")
    _execute(run, stages(run)[3], executed, PARTIAL=True, METRICS=str(from_root(metrics)))
    metrics.replace(run.report / "partial_metrics.json")
    page = render(executed, tr("{run}, so far: did fine-tuning help?", run=run.name))
    write_atomic(run.report / "partial.html", page)
    return run.report / "partial.html"


def make_dataset(run: Run) -> Path:
    """The first stage alone; returns its page. Raises `StageError` when it fails."""
    _do(run, stages(run)[:1])
    return run.report / "dataset.html"


def make_training(run: Run) -> Path:
    """The first two stages; returns the folder of the models. Raises `StageError` when one fails."""
    _do(run, stages(run)[:2])
    return run.models


def make_evaluation(run: Run, name: str) -> Path:
    """Ask one model what it has not answered; other jobs may ask others meanwhile. Returns the folder of the answers.

    Raises `UserError` for a name that the run does not have, and where it is not trained yet.
    """
    models = {model.name: model for model in _trained(run)}
    if name not in models:
        raise UserError(
            f"MODEL: {name!r} is not a model of this run; there are {', '.join(models)}"
        )
    evaluation.evaluate_one(run, models[name])
    return run.predictions


def model_to_evaluate(run: Run, number: int) -> str:
    """The name of the model of this number, from 0; "" where it has answered everything, and where there are fewer models."""
    models = _trained(run)
    if number >= len(models) or not evaluation.unanswered(run, models[number]):
        return ""
    return models[number].name


def _trained(run: Run) -> list[Model | ServedModel]:
    for stage in stages(run)[:2]:
        if not stage.finished(run):
            raise UserError(
                f"{run.params_file.name}: the {stage.title} is not finished, so there is nothing to evaluate; make train, or "
                "the scripts of make slurm WHAT=all, do it first"
            )
    return compared_models(run)


def make_leaps(run: Run) -> Path:
    """Have the run's judge read the traces that the page shows side by side; returns where its opinion is.

    Raises `UserError` where the params file names no judge, or the questions are withheld.
    """
    params = run.params.evaluation.judge
    if params is None:
        raise UserError(
            f"{run.params_file.name}: evaluation.judge: required: the model that reads the traces"
        )
    from llmc_lib.evaluation.grading.judge import judge_model
    from llmc_lib.reasoning.leaps import find_leaps
    from llmc_lib.reporting import load_report
    from llmc_lib.reporting.sections import shown_traces

    report = load_report(run)
    if report.main in report.results.withheld:
        raise UserError(
            f"{run.params_file.name}: report.show_questions: the traces of {report.main} are not in the "
            "report, so nothing could be shown; give true to have them on a page of your own"
        )
    find_leaps(
        shown_traces(report),
        judge_model(run, params),
        params,
        run.reasoning,
        dtype=run.params.evaluation.dtype,
        seed=run.params.seed,
    )
    (run.report / "manifest.json").unlink(missing_ok=True)  # the page has more to show
    return run.reasoning / "leaps.jsonl"


def ask_gate(run: Run) -> Gate:
    """Hold the finished report of a run against its section `gate`, and write gate.json beside metrics.json.

    Nothing is made: where there is no report, or it is not of the present params, results and code, the answer is that
    nobody can tell, and `why`. Raises `UserError` where the params file asks for nothing.
    """
    from llmc_lib.reporting import gate

    gate.file(run).unlink(missing_ok=True)  # an earlier answer is not this one, whatever comes
    gate.required(run)
    try:
        _require_report(run)
        answer = gate.ask(run)
    except UserError as error:
        answer = gate.Gate("unknown", [], why=str(error))
        if not run.report.is_dir():
            return answer
    gate.keep(run, answer)
    return answer


def _require_report(run: Run) -> None:
    """Is there a report, as it would be made now? Raises `UserError` if not."""
    again = f"make it: make report PARAMS={run.shown}"
    if not (run.report / "index.html").is_file():
        so_far = (run.report / "partial.html").is_file()
        more = "; the report so far of an unfinished evaluation decides nothing" if so_far else ""
        raise UserError(f"{run.report}: no finished report{more}; {again}")
    if not page_finished(run):
        raise UserError(
            f"{run.report}: the report is not of the present results, params and code; {again}"
        )
    for stage in stages(run)[:-1]:
        if not stage.finished(run):
            raise UserError(
                f"{run.report}: the stage {stage.title!r} is not as the params file asks for now; {again}"
            )


def _do(run: Run, chosen: list[Stage]) -> None:
    draw_here()
    with locked(run):
        for number, stage in enumerate(chosen, 1):
            executed = run.report / "notebooks" / f"{stage.notebook}.ipynb"
            pages = [executed]
            if stage.notebook == "1_dataset":
                pages.append(run.report / "dataset.html")
            label = f"[{number}/{len(chosen)}] {stage.title}"
            if _are_pages_whole(run, stage) and stage.finished(run):
                say(f"{label}: unchanged")
                continue
            say(f"{label} …")
            start = time.monotonic()
            last = stage.notebook == "4_report"
            # Loaded once, in the notebook: of a large evaluation that alone takes half a minute.
            given = {"METRICS": str(from_root(executed.with_suffix(".json")))} if last else {}
            _execute(run, stage, executed, **given)
            if stage.notebook == "1_dataset":
                from llmc_lib.reporting.render import render

                page = render(executed, tr("{run}: the data set", run=run.name))
                write_atomic(run.report / "dataset.html", page)
            _keep_pages(run, stage, pages)
            say(f"{label}: done in {time.monotonic() - start:.0f} s")
            if last:
                _write_page(run, executed, time.monotonic() - start)


def _pages(run: Run) -> Path:
    return run.report / "notebooks" / "pages.json"


def _are_pages_whole(run: Run, stage: Stage) -> bool:
    """Are the notebook of a stage as it was executed, and the page made of it, as they were written?"""
    found = (read_object(_pages(run)) or {}).get(stage.notebook)
    return isinstance(found, dict) and are_whole(run.report, found)


def _keep_pages(run: Run, stage: Stage, pages: list[Path]) -> None:
    known = {**(read_object(_pages(run)) or {}), stage.notebook: listed(run.report, pages)}
    write_atomic(_pages(run), json.dumps(known, indent=1))


def _write_page(run: Run, executed: Path, seconds: float) -> None:
    from llmc_lib.reporting.render import render

    compares = bool(run.params.evaluation.imports)
    question = (
        N_("{run}: how the models compare") if compares else N_("{run}: did fine-tuning help?")
    )
    title = run.params.report.title or tr(question, run=run.name)
    put(executed.with_suffix(".json"), run.report / "metrics.json")
    write_atomic(run.report / "index.html", render(executed, title))
    outputs = [run.report / name for name in ("index.html", "metrics.json")]
    write_manifest(run.report, page_key(run), seconds, outputs=outputs)


def _execute(run: Run, stage: Stage, executed: Path, **parameters: Any) -> None:
    """Run one notebook; what it shows is kept beside the report, also when it fails."""
    from papermill.exceptions import PapermillExecutionError

    executed.parent.mkdir(parents=True, exist_ok=True)
    if executed.is_symlink() or (executed.exists() and not executed.is_file()):
        set_aside(executed, "is not a regular file, where a notebook belongs")
    source = ROOT / "notebooks" / f"{stage.notebook}.ipynb"
    # Relative, where that can be, as notebook and page are made to be passed on.
    parameters = {"PARAMS": str(from_root(run.params_file)), **parameters}
    try:
        notebooks.execute(source, executed, parameters, notebooks.KERNEL, ROOT)
    except PapermillExecutionError as error:
        if error.ename in ("UserError", "KeyRefusedError"):
            raise UserError(error.evalue) from None
        what = error.evalue if error.ename == "WorkerError" else f"{error.ename}: {error.evalue}"
        raise StageError(_block(stage, what, executed)) from None
    except notebooks.KernelError as error:
        what = "\n".join([f"The notebook's kernel: {error}", *deaths(run.folder)])
        notebooks.add_error(executed, "KernelError", what)
        raise StageError(_block(stage, what, executed)) from None


def _block(stage: Stage, what: str, executed: Path) -> str:
    lines = "\n".join(f"  {line}" for line in what.splitlines())
    return (
        f"The stage {stage.title!r} failed.\n{lines}\n"
        f"Executed notebook: {executed}\n"
        "What was finished is kept; the same command resumes from here."
    )
