"""How long the data set builder takes for a million rows, and how much memory.

    .venv/bin/python performance/dataset.py [--rows 10000 100000 1000000]

Each row has 2,000 characters: a problem of 500 and worked reasoning of 1,500 that ends in a boxed
answer, made from the words of the embedded data. Of 100 rows 5 repeat another row's problem, 2 do so
with small changes, 1 quotes a benchmark question, 5 have a wrong answer, and 10 are by a closed model.
All steps that need no model are on. Memory is what the build and its processes hold together (PSS,
sampled), as the kernel counts it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from llmc_lib import question_bank  # noqa: E402
from llmc_lib.params import BenchmarkParams  # noqa: E402
from llmc_lib.taxonomy import CATEGORIES  # noqa: E402

PROBLEM, REASONING = 500, 1500
AUTHORS = ["Qwen3-32B", "DeepSeek-R1", "person", "gpt-4o"]
PARAMS = """
run: large
runs_dir: {folder}/runs
dataset:
  sources:
    - name: large
      kind: files
      path: {folder}/rows.jsonl
      fields: {{id: id, question: problem, completion: solution, answer: answer, author: author, category: category}}
  shares: {{Math: 0.41, Biology/Medicine: 0.11, Computer Science/AI: 0.10, Physics: 0.09,
    Humanities/Social Science: 0.09, Other: 0.09, Chemistry: 0.07, Engineering: 0.04}}
training: {{max_length: 4096}}
"""


def main() -> None:
    """Build data sets of growing size and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    print("| rows | input | minutes | rows/s | peak memory, GB | trained on |")
    print("|---:|---:|---:|---:|---:|---:|")
    for rows in options.rows:
        folder = Path(tempfile.mkdtemp(prefix="llmc-dataset-"))
        try:
            write_rows(folder / "rows.jsonl", rows)
            size = (folder / "rows.jsonl").stat().st_size / 1e9
            seconds, memory, kept = build(folder, options.processes)
            print(
                f"| {rows:,} | {size:.2f} GB | {seconds / 60:.1f} | {rows / seconds:,.0f} | "
                f"{memory / 1e9:.2f} | {kept:,} |",
                flush=True,
            )
        finally:
            shutil.rmtree(folder)


def build(folder: Path, processes: int) -> tuple[float, int, int]:
    """Build in a process of its own: (seconds, peak bytes of all its processes, rows of the mixture)."""
    params = folder / "params.yaml"
    params.write_text(
        PARAMS.format(folder=folder).replace("dataset:", f"dataset:\n  processes: {processes}")
    )
    (folder / "runs").mkdir()
    if (ROOT / "runs" / "_base").is_dir():
        (folder / "runs" / "_base").symlink_to(ROOT / "runs" / "_base")
    code = (
        "import sys; from llmc_lib import open_run; from llmc_lib.dataset.builder import build; "
        "print(sum(build(open_run(sys.argv[1])).manifest['rows'].values()))"
    )
    start = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(params)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    peak = 0

    def watch() -> None:
        nonlocal peak
        while process.poll() is None:
            peak = max(peak, memory(process.pid))
            time.sleep(0.5)

    watcher = threading.Thread(target=watch)
    watcher.start()
    output, _ = process.communicate()
    watcher.join()
    if process.returncode:
        raise SystemExit(process.returncode)
    return time.monotonic() - start, peak, int(output.split()[-1])


def memory(pid: int) -> int:
    """The proportional set size of a process and its children, in bytes."""
    total = 0
    try:
        parent = psutil.Process(pid)
        for process in [parent, *parent.children(recursive=True)]:
            try:
                total += process.memory_full_info().pss
            except psutil.Error:
                continue
    except psutil.Error:
        pass
    return total


def write_rows(path: Path, rows: int) -> None:
    """Write the rows; the same for the same number, whatever the machine."""
    rng = np.random.default_rng(7)
    words = vocabulary()
    quotes = [
        q.question for q in question_bank.load(BenchmarkParams(name="hle")) if len(q.question) > 200
    ]
    earlier: list[str] = []
    with open(path, "w", encoding="utf-8") as file:
        for number in range(rows):
            what = number % 100
            problem = _text(rng, words, PROBLEM)
            if what < 5 and earlier:
                problem = earlier[int(rng.integers(len(earlier)))].upper()
            elif what < 7 and earlier:
                parts = earlier[int(rng.integers(len(earlier)))].split()
                parts[int(rng.integers(len(parts)))] = "indeed"
                problem = " ".join(parts)
            elif what == 7:
                problem = f"{problem[:200]} {quotes[int(rng.integers(len(quotes)))]}"
            elif len(earlier) < 10_000:
                earlier.append(problem)
            answer = int(rng.integers(1000))
            said = answer + (50 <= what < 55)
            row = {
                "id": number,
                "problem": problem,
                "solution": f"{_text(rng, words, REASONING)} The answer is \\boxed{{{said}}}.",
                "answer": str(answer),
                "author": "gpt-4o" if what >= 90 else AUTHORS[number % 3],
                "category": CATEGORIES[number % len(CATEGORIES)],
            }
            file.write(json.dumps(row) + "\n")


def _text(rng: np.random.Generator, words: np.ndarray, length: int) -> str:
    return " ".join(words[rng.integers(len(words), size=length // 5)])[:length]


def vocabulary() -> np.ndarray:
    """The words of the embedded benchmark, mathematics as it is written there."""
    texts = (q.question for q in question_bank.load(BenchmarkParams(name="hle")))
    return np.array(sorted({word for text in texts for word in text.split()}))


if __name__ == "__main__":
    main()
