"""The commands behind the Makefile.

python -m llmc_lib report PARAMS     run what is left to run and write the report; --partial: only a report
                                     of what the evaluation has so far
python -m llmc_lib pdf PARAMS        print the report to report.pdf beside it, with the system's Chromium
python -m llmc_lib site [FOLDER]     an index page of all reports in a folder (reports)
python -m llmc_lib lab               open JupyterLab on the notebooks; after `--`: options of JupyterLab's own
python -m llmc_lib example PARAMS    keep the run's page, and a picture of it, in reports/example
python -m llmc_lib gate PARAMS       hold the finished report against the params' section gate; 0: pass, 1: fail, 2: cannot tell
python -m llmc_lib seal PARAMS       set the rule before the run: the page says whether the verdict followed it
python -m llmc_lib status PARAMS     show how far each model's evaluation is
python -m llmc_lib dataset PARAMS    build the data set alone and write its page
python -m llmc_lib train PARAMS      build the data set and train; --node-rank K: as machine K of several
python -m llmc_lib network PARAMS    check in two minutes that all processes of a training find each other, and how fast
python -m llmc_lib leaps PARAMS      have the run's judge mark unjustified leaps in the traces that the report shows
python -m llmc_lib slurm PARAMS      write the Slurm script of that for all machines, and explain it; --what: of the evaluation, of all
python -m llmc_lib evaluate PARAMS   ask one model what it has not answered yet; --number K: say which model that is
python -m llmc_lib check PARAMS      check a params file and stop
python -m llmc_lib plan PARAMS       show what a run needs and how long it takes; 1: it does not fit
python -m llmc_lib power PARAMS      show which differences its evaluation could find, before any run
python -m llmc_lib audit PARAMS      draw graded answers for people to label, or read their labels
python -m llmc_lib grader-check PARAMS  hold the rules against rewritten and against changed reference answers
python -m llmc_lib serve PARAMS      serve models of the run with vLLM, until Ctrl-C
python -m llmc_lib publish PARAMS    write the upload folder of the data set, a model, answers or verdicts; --push sends it
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from importlib.util import find_spec
from pathlib import Path

if __name__ == "__main__":  # until `main` Ctrl-C just ends the process: the imports take a while
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from llmc_lib.command_line import OF_GRADES, node_rank_of, parser
from llmc_lib.errors import UserError, printable
from llmc_lib.formatting import counted
from llmc_lib.processes.workers import WorkerError
from llmc_lib.store import ROOT, Run, json_reader, open_run

#: The status of a command that Ctrl-C ended, as shells have it.
_INTERRUPTED = 130
#: Commands that need a finished page and nothing else of its run.
_OF_A_PAGE = ("pdf", "example")
#: Commands of every run in every environment; those of a run of imported predictions beside them; and one without torch.
_ANYWHERE = ("check", "gate", "seal", "power", *_OF_A_PAGE, *OF_GRADES)
_OF_IMPORTS = (*_ANYWHERE, "report", "leaps", "publish")
_WITHOUT_TORCH = (*_ANYWHERE, "status")
#: Commands of machines beside this one, or of one job among several.
_ON_MACHINES = ("serve", "slurm", "network", "evaluate")
#: Commands for which it does not matter whether the settings of the training fit the installed TRL.
_NO_TRAINING = ("publish", "dataset", "serve", "power", "gate", "seal", *OF_GRADES)


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit status: 0 done, 1 a stage failed, 2 something to mend."""
    options = parser(__doc__).parse_args(arguments)
    try:
        if options.command in ("site", "lab"):
            return _site(options.folder) if options.command == "site" else _lab(options)
        run = open_run(options.params, files=options.command not in ("plan", "power", *_OF_A_PAGE))
        _check_command(run, options)
        if options.command in _OF_A_PAGE:
            return _of_a_page(run, options.command)
        if options.command not in _NO_TRAINING:
            _check_training(run)
        if options.command in ("check", "report", "train", "dataset"):
            _preflight(run, data_alone=options.command == "dataset")
        if options.command == "check":
            print(f"{options.params}: fine")
            return 0
        of_a_run = {"gate": _gate, "seal": _seal, "status": _status, "plan": _plan}
        if options.command in of_a_run:
            return of_a_run[options.command](run)
        if options.command == "power":
            return _power(run, options)
        if options.command in OF_GRADES:
            return _of_grades(run, options)
        if options.command == "publish":
            return _publish(run, options)
        if options.command in _ON_MACHINES:
            return _on_machines(run, options)
        if options.command == "train" and (node_rank := node_rank_of(options.node_rank)):
            return _follow(run, node_rank)
        what = "partial" if getattr(options, "partial", False) else options.command
        return _make(run, what)
    except UserError as error:
        print(printable(str(error)), file=sys.stderr)
        return 2
    except OSError as error:  # a folder that cannot be written to, a full disk
        what = f"{error.filename}: " if error.filename else ""
        print(printable(f"{what}{error.strerror or error}"), file=sys.stderr)
        return 2 if options.command == "gate" else 1  # of a gate 1 is an answer
    except KeyboardInterrupt:
        print(
            "\nStopped. What was finished is kept; the same command resumes from here.",
            file=sys.stderr,
        )
        return _INTERRUPTED


def _check_command(run: Run, options: argparse.Namespace) -> None:
    """Is the command one for this run, and for this environment? Raises `UserError`."""
    if run.params.evaluation.imports:
        if options.command not in _OF_IMPORTS or getattr(options, "partial", False):
            raise UserError(
                f"{run.params_file.name}: evaluation.imports: a run of imported predictions has no data set, no "
                "training, no model, and no evaluation to resume; its command is `make report`"
            )
    elif options.command not in _WITHOUT_TORCH and not find_spec("torch"):
        raise UserError(
            "This environment has no torch (it was made with ACCELERATOR=none), which is enough for a run "
            "of imported predictions alone; for this one: ACCELERATOR=cpu make install, or cuda"
        )


# Imported in the functions: an error in the params file is reported at once.


def _check_training(run: Run) -> None:
    if any(r.training.sft or r.training.method != "sft" for r in run.params.recipes):
        from llmc_lib.training.check import check

        check(run)


def _preflight(run: Run, *, data_alone: bool) -> None:
    from llmc_lib import preflight

    for warning in preflight.check(run, data_alone=data_alone):
        print(warning, file=sys.stderr)


def _make(run: Run, what: str) -> int:
    from llmc_lib.pipeline import (
        StageError,
        make_dataset,
        make_leaps,
        make_partial,
        make_report,
        make_training,
    )

    made, make = {
        "report": ("Report", make_report),
        "partial": ("Report so far", make_partial),
        "dataset": ("Data set", make_dataset),
        "leaps": ("The judge's opinion; make report shows it", make_leaps),
        "train": ("Models", make_training),
    }[what]
    try:
        path = make(run)
    except (StageError, WorkerError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    sentence = _verdict(path) if what in ("report", "partial") else ""
    print(f"\n{sentence}{made}: {path}")
    return 0


def _verdict(page: Path) -> str:
    """The verdict of a page and its sentence, as a line of its own; "" where its numbers are not beside it."""
    name = "partial_metrics.json" if page.name.startswith("partial") else "metrics.json"
    if not page.with_name(name).is_file():
        return ""
    found = json_reader.load(page.with_name(name))
    comparison = found["benchmarks"][found["main"]]["comparisons"][-1]
    word = comparison["verdict"].capitalize()
    comma = "," if "," in word else ""  # as on the page
    about = f"{word}{comma} on {found['main']}, for this checkpoint"
    return printable(f"{about}: {comparison['sentence']}") + "\n"


def _on_machines(run: Run, options: argparse.Namespace) -> int:
    if options.command == "serve":
        from llmc_lib.serving import serve

        return serve(run, options.model, options.host, options.port)
    if options.command == "slurm":
        print(_slurm(run, options.what))
        return 0
    if options.command == "network":
        return _network(run, node_rank_of(options.node_rank))
    return _evaluate(run, options)


def _slurm(run: Run, what: str) -> str:
    from llmc_lib.serving import jobs
    from llmc_lib.training import slurm

    if what not in jobs.WHAT:
        raise UserError(f"WHAT: {what!r} is not one of {', '.join(jobs.WHAT)}")
    return slurm.write(run) if what == "training" else jobs.write(run, what)


def _network(run: Run, node_rank: int) -> int:
    from llmc_lib.training import network

    try:
        told, sound = network.check(run, node_rank)
    except WorkerError as error:
        print(f"\nThe processes do not work together.\n{error}", file=sys.stderr)
        return 1
    if told:
        print(told)
    return 0 if sound else 1


def _evaluate(run: Run, options: argparse.Namespace) -> int:
    from llmc_lib.pipeline import make_evaluation, model_to_evaluate

    if options.number is not None:
        print(model_to_evaluate(run, options.number))
        return 0
    try:
        print(f"Answers: {make_evaluation(run, options.model)}")
    except WorkerError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


def _follow(run: Run, node_rank: int) -> int:
    from llmc_lib.training.follow import follow

    try:
        follow(run, node_rank)
    except WorkerError as error:
        print(f"\nThe training failed.\n{error}", file=sys.stderr)
        return 1
    return 0


def _status(run: Run) -> int:
    from llmc_lib import evaluation
    from llmc_lib.models.resolve import trained_models

    further = [model.name for model in run.params.evaluation.models]
    trained = [model.name for model in trained_models(run)]
    print(evaluation.status_table(evaluation.progress(run, ["base", *further, *trained])))
    if race := evaluation.race_state(run):
        print(race)
    if not trained:
        print("No candidate is trained yet.")
    return 0


def _plan(run: Run) -> int:
    from llmc_lib.plan import make_plan, render

    plan = make_plan(run)
    print(render(plan))
    return 0 if plan.fits else 1


def _gate(run: Run) -> int:
    from llmc_lib.pipeline import ask_gate
    from llmc_lib.reporting.gate import file

    try:
        answer = ask_gate(run)
    except (UserError, OSError):
        raise
    except Exception:
        traceback.print_exc()  # with the interpreter's own status, 1, it would have told "fail"
        return 2
    print(printable(answer.told))
    if file(run).is_file():
        print(f"Gate: {file(run)}")
    return answer.status


def _seal(run: Run) -> int:
    from llmc_lib.reporting.seal import seal, sealed
    from llmc_lib.reporting.sentences import seal as words

    row = seal(run)
    if row["looked"]:
        imported = bool(run.params.evaluation.imports)
        print(printable(words.seal_sentence(sealed(run), imported=imported)))
    else:  # perhaps there is no verdict yet
        there = f" ({counted(row['answers'], 'answer')} sampled by then)" if row["answers"] else ""
        print(
            f"Sealed before the first recorded look at the answers{there}. The page says whether the verdict followed it."
        )
    print(f"Seal: {row['digest'][:16]} of params {row['params']}, in {run.looks}")
    return 0


def _power(run: Run, options: argparse.Namespace) -> int:
    from llmc_lib.reporting.power_table import Assumed, power_table

    spread = options.seed_sd
    if spread is not None and not 0 <= spread < 50:
        raise UserError(f"SEED_SD: must be from 0 to 50 points, not {spread:g}")
    assumed = Assumed(
        options.questions,
        options.rate,
        options.correlation,
        options.sampling,
        None if spread is None else spread / 100,
    )
    print(power_table(run, assumed))
    return 0


def _of_grades(run: Run, options: argparse.Namespace) -> int:
    if options.command == "audit":
        from llmc_lib.reporting.audit_command import Asked, audit

        asked = Asked(options.n, options.benchmark, options.labels, options.show_questions)
        print(printable(audit(run, asked)))
        return 0
    from llmc_lib.reporting.grader_check import grader_check

    print(printable(grader_check(run, options.benchmark)))
    return 0


def _of_a_page(run: Run, command: str) -> int:
    if command == "pdf":
        from llmc_lib.reporting.browser import make_pdf

        print(f"PDF: {make_pdf(run)}")
        return 0
    from llmc_lib.publish.example import make_example

    for path in make_example(run, ROOT / "reports" / "example"):
        print(f"Example: {path} ({path.stat().st_size / 1000:,.0f} kB)")
    return 0


def _lab(options: argparse.Namespace) -> int:
    from llmc_lib.lab import open_lab

    return open_lab(ROOT, options.host, options.port, options.options)


def _site(folder: str) -> int:
    from llmc_lib.reporting.site import write_site

    print(f"All reports: {write_site(ROOT / folder)}")
    return 0


def _publish(run: Run, options: argparse.Namespace) -> int:
    from llmc_lib.publish import publish

    names = ("push", "repo", "public", "allow_unknown_licence")
    given = {name: getattr(options, name) for name in names}
    print(publish(run, options.what, name=options.model, **given))
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    status = main()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it comes too late
    if status == _INTERRUPTED:  # at the interpreter's end zmq would print what it thinks of that
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)
