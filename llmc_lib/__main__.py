"""The commands behind the Makefile.

python -m llmc_lib report PARAMS     run what is left to run and write the report
python -m llmc_lib check PARAMS      check a params file and stop
"""

from __future__ import annotations

import argparse
import sys

from llmc_lib.errors import UserError
from llmc_lib.store import open_run
from llmc_lib.workers import WorkerError


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit status: 0 done, 1 a stage failed, 2 something to mend."""
    parser = argparse.ArgumentParser(prog="python -m llmc_lib", description=__doc__.split("\n")[0])
    parser.add_argument("command", choices=("report", "check"))
    parser.add_argument("params", help="a params file, such as params/quickstart.yaml")
    options = parser.parse_args(arguments)
    try:
        run = open_run(options.params)
        if options.command == "check":
            print(f"{options.params}: fine")
            return 0
        # Imported here: a mistake in the params file is told at once.
        from llmc_lib.pipeline import StageError, make_report
        from llmc_lib.progress import append_to_logs

        append_to_logs()
        try:
            page = make_report(run)
        except (StageError, WorkerError) as error:
            print(f"\n{error}", file=sys.stderr)
            return 1
        print(f"\nReport: {page}")
        return 0
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "\nStopped. What was finished is kept; the same command goes on from here.",
            file=sys.stderr,
        )
        return 130


if __name__ == "__main__":
    sys.exit(main())
