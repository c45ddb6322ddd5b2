"""The commands behind the Makefile.

python -m llmc_lib report PARAMS     run what is left to run and write the report
python -m llmc_lib dataset PARAMS    build the data set alone and write its page
python -m llmc_lib check PARAMS      check a params file and stop
python -m llmc_lib plan PARAMS       show what a run needs and how long it takes; 1: it does not fit
python -m llmc_lib publish PARAMS    write the upload folder of the data set; --push sends it to the hub
"""

from __future__ import annotations

import argparse
import sys

from llmc_lib.errors import UserError
from llmc_lib.store import Run, open_run
from llmc_lib.workers import WorkerError


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit status: 0 done, 1 a stage failed, 2 something to mend."""
    options = _parser().parse_args(arguments)
    try:
        run = open_run(options.params, files=options.command != "plan")
        if options.command == "check":
            print(f"{options.params}: fine")
            return 0
        if options.command == "plan":
            return _plan(run)
        if options.command == "publish":
            return _publish(run, options)
        return _make(run, options.command)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "\nStopped. What was finished is kept; the same command goes on from here.",
            file=sys.stderr,
        )
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m llmc_lib", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("report", "dataset", "check", "plan", "publish"):
        command = commands.add_parser(name)
        command.add_argument("params", help="a params file, such as params/quickstart.yaml")
    command.add_argument("--what", default="dataset", help="what to publish: dataset")
    command.add_argument("--push", action="store_true", help="upload the folder to the hub")
    command.add_argument("--repo", help="the hub's data set: owner/name")
    command.add_argument("--public", action="store_true", help="a new repository is public")
    command.add_argument("--allow-unknown-licence", action="store_true", help="you may pass it on")
    return parser


# Imported in the functions: a mistake in the params file is told at once.


def _make(run: Run, what: str) -> int:
    from llmc_lib.pipeline import StageError, make_dataset, make_report
    from llmc_lib.progress import append_to_logs

    append_to_logs()
    try:
        page = make_report(run) if what == "report" else make_dataset(run)
    except (StageError, WorkerError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    name = "Report" if what == "report" else "Data set"
    print(f"\n{name}: {page}")
    return 0


def _plan(run: Run) -> int:
    from llmc_lib.training.plan import make_plan, render

    plan = make_plan(run)
    print(render(plan))
    return 0 if plan.fits else 1


def _publish(run: Run, options: argparse.Namespace) -> int:
    if options.what != "dataset":
        message = "models cannot be published yet" if options.what == "model" else "unknown"
        raise UserError(f"WHAT: {options.what!r}: {message}; only WHAT=dataset is there")
    from llmc_lib.publish import publish

    published = publish(
        run,
        push=options.push,
        repo=options.repo,
        public=options.public,
        allow_unknown_licence=options.allow_unknown_licence,
    )
    print(published)
    return 0


if __name__ == "__main__":
    sys.exit(main())
