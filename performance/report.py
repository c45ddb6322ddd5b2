"""Claim: the report of 8 models × 2,158 questions × 8 samples is made in under 60 s on 2 cores, and its page has
under 6 MB.

    .venv/bin/python performance/report.py [--models 8] [--questions 2158] [--samples 8] [--keep FOLDER]

The run is made from a fixed seed and comes in as any run of another evaluator's answers does: for each model and
sample a judged file of HLE's evaluator, with reasoning of realistic lengths (lognormal, half of it longer than 6,000
characters, the longest 60,000), token counts, verdicts and confidences, for questions in HLE's schema and category
shares. The page shows all questions (`show_questions`), as that is what costs most.

`python -m llmc_lib report` imports, grades and makes the page; then its page and the claims that were checked are
thrown away, and the same command makes the report alone, as it does whenever the evaluation is there. Each in a process
of its own: wall time, processor time and the largest memory of all its processes together (PSS, sampled). A last
process makes every part of the page by itself, claims checked before, and says what each costs.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import psutil

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from llmc_lib import question_bank  # noqa: E402
from llmc_lib.params import BenchmarkParams  # noqa: E402
from llmc_lib.taxonomy import CATEGORIES, HLE_SHARES  # noqa: E402
from performance.dataset import memory  # noqa: E402

MEDIAN, LONGEST = 6_000, 60_000  # characters of reasoning
PARAMS = """
run: large
runs_dir: {folder}/runs
reports_dir: {folder}/reports
evaluation:
  benchmarks: [{{name: hle, source: {folder}/questions.jsonl}}]
  imports:
{imports}
report: {{title: A large run, show_questions: true}}
"""


def main() -> None:
    """Write the files of a run, or take those that were kept, and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--models", type=int, default=8)
    parser.add_argument("--questions", type=int, default=2158)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--keep", type=Path, help="where the run is made, or was, and stays")
    parser.add_argument("--parts", type=Path, help=argparse.SUPPRESS)  # the second process
    options = parser.parse_args()
    if options.parts:
        parts(options.parts)
        return
    folder = options.keep or Path(tempfile.mkdtemp(prefix="llmc-report-"))
    try:
        if not (folder / "params.yaml").exists():
            write_run(folder, options.models, options.questions, options.samples)
        measure(folder)
    finally:
        if not options.keep:
            shutil.rmtree(folder)


def measure(folder: Path) -> None:
    """Make the page of a folder's run from nothing, then once more, and print what each took."""
    params = folder / "params.yaml"
    command = [sys.executable, "-m", "llmc_lib", "report", str(params)]
    shutil.rmtree(folder / "runs", ignore_errors=True)
    shutil.rmtree(folder / "reports", ignore_errors=True)
    print("| | seconds | processor seconds | peak memory, GB |\n|---|---:|---:|---:|", flush=True)
    row("import, grading and report", *watched(command))
    shutil.rmtree(folder / "runs" / "large" / "reasoning")
    (folder / "reports" / "large" / "index.html").unlink()
    row("the report alone", *watched(command))
    size = (folder / "reports" / "large" / "index.html").stat().st_size / 1e6
    print(f"\nThe page has {size:.2f} MB. Its parts, in one process:\n", flush=True)
    subprocess.run([sys.executable, __file__, "--parts", str(params)], cwd=ROOT, check=True)


def row(name: str, seconds: float, processor: float, memory: int) -> None:
    print(f"| {name} | {seconds:.1f} | {processor:.1f} | {memory / 1e9:.2f} |", flush=True)


def watched(command: list[str]) -> tuple[float, float, int]:
    """Run a command: wall seconds, processor seconds and peak bytes of it and all its processes.

    Processor time is sampled as memory is: what a forkserver's children used is in no parent's account.
    """
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    peak, used = 0, dict[int, float]()

    def watch() -> None:
        nonlocal peak
        while process.poll() is None:
            peak = max(peak, memory(process.pid))
            used.update(_processor(process.pid))
            time.sleep(0.5)

    watcher = threading.Thread(target=watch)
    watcher.start()
    _, said = process.communicate()
    watcher.join()
    if process.returncode:
        raise SystemExit(said)
    return time.monotonic() - start, sum(used.values()), peak


def _processor(pid: int) -> dict[int, float]:
    """The processor seconds so far of a process and each of its children, by process id."""
    found = {}
    with suppress(psutil.Error):
        parent = psutil.Process(pid)
        for process in [parent, *parent.children(recursive=True)]:
            with suppress(psutil.Error):
                times = process.cpu_times()
                found[process.pid] = times.user + times.system
    return found


def parts(params: Path) -> None:
    """Make every part of the page as notebook 4 does, and print what each takes."""
    print("| part | seconds | processor seconds | kB of the page |\n|---|---:|---:|---:|")

    def timed(name: str, call: Callable[[], Any]) -> Any:
        start, used = time.perf_counter(), time.process_time()
        found = call()
        seconds, used = time.perf_counter() - start, time.process_time() - used
        size = f"{len(found.markup) / 1000:,.0f}" if hasattr(found, "markup") else ""
        print(f"| {name} | {seconds:.1f} | {used:.1f} | {size} |", flush=True)
        return found

    def imports() -> Any:
        from llmc_lib import evaluation, open_run, reporting

        return evaluation, open_run, reporting

    evaluation, open_run, reporting = timed("imports", imports)
    run = open_run(params)
    results = timed("load the answers", lambda: evaluation.load_results(run))
    report = timed("statistics", lambda: reporting.load_report(run, results))
    from llmc_lib.reporting import sections

    for name in _called():
        timed(name, partial(getattr(sections, name), report))
    from llmc_lib.reporting.render import render

    timed("page", lambda: render(run.report / "notebooks" / "4_report.ipynb", "A large run"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"\nPeak memory of this process: {peak:.2f} GB.")


def _called() -> list[str]:
    """The parts that notebook 4 shows, in its order."""
    notebook = nbformat.read(ROOT / "notebooks" / "4_report.ipynb", as_version=4)
    source = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return [
        node.func.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "page"
    ]


# ---- the run ---------------------------------------------------------------------------------


def write_run(folder: Path, models: int, questions: int, samples: int) -> None:
    """Write params, questions and judged files; the same for the same numbers, whatever the machine."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    shares = np.array([HLE_SHARES[name] for name in CATEGORIES])
    category = rng.choice(CATEGORIES, questions, p=shares / shares.sum())
    stems = [q.question for q in question_bank.load(BenchmarkParams(name="hle"))]
    answers = rng.integers(2, 999, questions)
    with open(folder / "questions.jsonl", "w", encoding="utf-8") as file:
        for n in range(questions):
            row = {
                "id": f"q{n:05}", "question": f"{stems[n % len(stems)]} (variant {n})", "answer": str(answers[n]),
                "answer_type": "exactMatch", "category": str(category[n]), "image": "",
                "rationale": f"It is {answers[n]}.",
            }  # fmt: skip
            file.write(json.dumps(row) + "\n")
    paragraphs = _paragraphs()
    hardness = rng.beta(0.4, 1.6, questions)
    imports = []
    for model in range(models):
        chance = np.clip(hardness + rng.normal(0.02 * model / models, 0.1, questions), 0, 1)
        for sample in range(samples):
            path = folder / f"judged_hle_model-{model}_{sample}.json"
            write_judged(path, rng, paragraphs, answers, chance)
            imports.append(f"    - {{model: model-{model}, path: {path}}}")
    (folder / "params.yaml").write_text(
        PARAMS.format(folder=folder.resolve(), imports="\n".join(imports))
    )


def write_judged(
    path: Path,
    rng: np.random.Generator,
    paragraphs: list[str],
    answers: np.ndarray[Any, Any],
    chance: np.ndarray[Any, Any],
) -> None:
    """The judged file of one sample of each question; two in a hundred were never finished."""
    lengths = np.minimum(rng.lognormal(np.log(MEDIAN), 0.8, len(answers)), LONGEST).astype(int)
    with open(path, "w", encoding="utf-8") as file:
        separator = "{"
        for n, (answer, length) in enumerate(zip(answers, lengths, strict=True)):
            if rng.random() < 0.02:
                continue
            right = bool(rng.random() < chance[n])
            said = answer if right else answer + 1
            sure = int(np.clip(rng.normal(85 if right else 70, 15), 0, 100))
            entry = {
                "model": path.stem,
                "response": f"Explanation: {paragraphs[n % len(paragraphs)]}\nAnswer: {said}\nConfidence: {sure}%",
                "usage": {
                    "completion_tokens": int(length // 4),
                    "reasoning_content": "".join(_reasoning(rng, paragraphs, length)),
                },
                "judge_response": {
                    "correct_answer": str(answer), "model_answer": str(said), "reasoning": "By number.",
                    "correct": "yes" if right else "no", "confidence": sure,
                },
            }  # fmt: skip
            file.write(f"{separator}{json.dumps(f'q{n:05}')}: {json.dumps(entry)}")
            separator = ",\n"
        file.write("}\n")


def _reasoning(rng: np.random.Generator, paragraphs: list[str], length: int) -> Iterator[str]:
    """Paragraphs of prose and mathematics, a sum that may be wrong between them."""
    written = 0
    while written < length:
        a, b = rng.integers(2, 90, 2)
        total = a + b + (rng.random() < 0.05)
        piece = f"{paragraphs[rng.integers(len(paragraphs))]} So ${a} + {b} = {total}$.\n\n"
        written += len(piece)
        yield piece


def _paragraphs() -> list[str]:
    """The rationales of the embedded benchmark, mathematics as it is written there."""
    return [q.rationale for q in question_bank.load(BenchmarkParams(name="hle")) if q.rationale]


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0))))
    main()
