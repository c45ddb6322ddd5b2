"""Claim: all answers of 8 models × 2,158 questions × 8 samples are one table in one call, in a quarter of the memory that
pandas needs to read the same files, and in no more time.

    .venv/bin/python performance/exploring.py [--models 8] [--questions 2158] [--samples 8]

A finished evaluation is written from a fixed seed, as an evaluation leaves it: completions of realistic lengths
(lognormal, half of them longer than 6,000 characters, the longest 60,000), each with its grade. `exploring.answers` reads
it in a process of its own; so does the peer, what one would write without it: `pandas.read_json` of each file, predictions
joined to grades. Wall time, and the largest memory of the process.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from llmc_lib.evaluation.stored import grades_file, predictions_file  # noqa: E402
from llmc_lib.store import open_run, write_manifest  # noqa: E402

MEDIAN, LONGEST = 6_000, 60_000  # characters of reasoning
PARAMS = """run: large
runs_dir: {folder}/runs
evaluation:
  samples: {samples}
  temperature: 0.6
  benchmarks: [{{name: sums, kind: questions, source: {folder}/sums.jsonl, fields: {{id: id, question: q, answer: a, category: c}}}}]
"""


def main() -> None:
    """Write the run, read it in both ways, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--models", type=int, default=8)
    parser.add_argument("--questions", type=int, default=2158)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--read", nargs=2, help=argparse.SUPPRESS)  # the processes that read
    options = parser.parse_args()
    if options.read:
        read(*options.read)
        return
    with tempfile.TemporaryDirectory(prefix="llmc-exploring-") as folder:
        params = write_run(Path(folder), options.models, options.questions, options.samples)
        size = sum(file.stat().st_size for file in Path(folder).rglob("*.jsonl")) / 1e6
        print(f"{size:,.0f} MB of files\n")
        print("| | seconds | peak memory, MB | table, MB | rows |\n|---|---:|---:|---:|---:|", flush=True)  # fmt: skip
        for how in ("exploring.answers", "pandas.read_json"):
            subprocess.run([sys.executable, __file__, "--read", how, str(params)], cwd=ROOT, check=True)  # fmt: skip


def write_run(folder: Path, models: int, questions: int, samples: int) -> Path:
    """A finished evaluation; returns its params file."""
    params = folder / "large.yaml"
    params.write_text(PARAMS.format(folder=folder, samples=samples))
    asked = [
        {"id": f"q{n:04}", "q": f"What is {n} + {n}?", "a": str(2 * n), "c": f"family {n % 8}"}
        for n in range(questions)
    ]
    (folder / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    run, draw = open_run(params), np.random.default_rng(0)
    text = "We compute the sum step by step, and check each of them again. " * (LONGEST // 60)
    line = (  # as JSON writes it: the text has nothing to escape
        '{"question_id": "%s", "sample": %d, "reasoning": "%s", "response": "Answer: 4", "finish_reason": "stop", '
        '"prompt_tokens": 50, "completion_tokens": %d, "seconds": 1.0, "prompt_sha256": ""}\n'
    )
    names = ["base", *(f"step-{n}" for n in range(1, models))]
    for number, name in enumerate(names):
        path = predictions_file(run, "sums", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "w") as answers, open(grades_file(run, "sums", name), "w") as grades:
            for row in asked:
                lengths = draw.lognormal(np.log(MEDIAN), 0.8, samples).clip(10, LONGEST).astype(int)
                for sample, length in enumerate(lengths):
                    right = draw.random() < 0.3 + 0.02 * number
                    answers.write(line % (row["id"], sample, text[:length], length // 4))
                    grades.write(json.dumps(_grade(row, sample, right, draw)) + "\n")
    listed = [{"name": name, "label": name} for name in names]
    write_manifest(run.predictions, "key", 1.0, models=listed, samples=samples)
    return params


def _grade(row: dict[str, str], sample: int, right: bool, draw: np.random.Generator) -> dict[str, object]:  # fmt: skip
    return {
        "question_id": row["id"], "sample": sample, "status": "correct" if right else "incorrect",
        "extracted": row["a"] if right else "1", "rule": "marked", "confidence": float(draw.integers(100)),
    }  # fmt: skip


def read(how: str, params: str) -> None:
    """Read the answers in one of the two ways, and print its row."""
    from llmc_lib.exploring import answers

    run = open_run(params)
    start = time.perf_counter()
    if how == "exploring.answers":
        table = answers(run.params_file)
    else:
        parts = []
        for file in sorted(run.predictions.glob("sums/*.grades.jsonl")):
            name = file.name.removesuffix(".grades.jsonl")
            both = [
                pd.read_json(f, lines=True) for f in (predictions_file(run, "sums", name), file)
            ]
            parts.append(both[0].merge(both[1], on=["question_id", "sample"]).assign(model=name))
        table = pd.concat(parts, ignore_index=True)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    size = table.memory_usage(deep=True).sum() / 1e6
    print(f"| {how} | {seconds:.1f} | {peak:,.0f} | {size:,.1f} | {len(table):,} |", flush=True)


if __name__ == "__main__":
    main()
