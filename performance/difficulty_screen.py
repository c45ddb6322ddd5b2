"""Whether the measured difficulty separates an easy set from a hard one: MATH from OlymMATH.

    .venv/bin/python performance/difficulty_screen.py MATH.json OLYMMATH_FOLDER

The embedded model answers 200 problems of MATH's level 1 and the 200 English problems of OlymMATH, 8
samples each at temperature 0.7, through vLLM (about ten minutes on 2 cores). A problem counts as solved
when one of its samples is right; the two shares are compared by Fisher's exact test.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from scipy.stats import fisher_exact
from statsmodels.stats.proportion import proportion_confint

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from llmc_lib import open_run  # noqa: E402
from llmc_lib.dataset.problems import Problem  # noqa: E402
from llmc_lib.dataset.sources import read  # noqa: E402
from llmc_lib.dataset.steps.pass_rate import pass_rates  # noqa: E402
from llmc_lib.params import SourceParams  # noqa: E402
from llmc_lib.records import Example  # noqa: E402

PROBLEMS, SAMPLES = 200, 8
PARAMS = """
run: screen
runs_dir: {folder}
dataset:
  difficulty: {{enabled: true, samples: {samples}, max_tokens: 160, max_model_len: 768}}
"""


def main() -> None:
    """Measure both sets and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("math", help="MATH with the fields problem, answer, type, difficulty")
    parser.add_argument("olymmath", help="a folder with OlymMATH's files")
    parser.add_argument("--folder", default=tempfile.mkdtemp(prefix="llmc-screen-"))
    options = parser.parse_args()
    fields = {
        "question": "problem",
        "answer": "answer",
        "subject": "type",
        "difficulty": "difficulty",
    }
    math = SourceParams(
        name="math",
        kind="files",
        path=str(Path(options.math).resolve()),
        fields=fields,
        category="Math",
    )
    olymmath = SourceParams(name="olymmath", path=str(Path(options.olymmath).resolve()))
    # Problems with a drawing in code are no text.
    easy = [row for row in read(math, 0) if row.difficulty == 1 and "[asy]" not in row.question]
    sets = {
        "MATH, level 1": random.Random(0).sample(easy, PROBLEMS),
        "OlymMATH, English": list(read(olymmath, 0))[:PROBLEMS],
    }
    params = Path(options.folder) / "screen.yaml"
    params.write_text(PARAMS.format(folder=options.folder, samples=SAMPLES))
    start = time.monotonic()
    rates = pass_rates(open_run(params), [_problem(row) for rows in sets.values() for row in rows])
    print("| set | right samples | problems solved | share, 95% Wilson interval |")
    print("|---|---:|---:|---|")
    table = []
    for name, rows in sets.items():
        found = [rates[row.id] for row in rows]
        right = sum(rate.correct for rate in found)
        solved = sum(rate.correct > 0 for rate in found)
        low, high = proportion_confint(solved, len(found), method="wilson")
        samples = SAMPLES * len(found)
        print(
            f"| {name} | {right} of {samples:,} | {solved} of {len(found)} | "
            f"{solved / len(found):.1%} ({low:.1%} to {high:.1%}) |"
        )
        table.append([solved, len(found) - solved])
    p = fisher_exact(table).pvalue
    print(f"\nFisher's exact test: p = {p:.4f}. {time.monotonic() - start:.0f} s.")


def _problem(row: Example) -> Problem:
    return Problem(row.id, row.question, row.answer, row.answer_type)


if __name__ == "__main__":
    main()
