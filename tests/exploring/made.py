"""A small finished run with two samples of each question, and the notebook with its parameters set."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from llmc_lib import question_bank
from llmc_lib.evaluation.grading import grade_all
from llmc_lib.evaluation.stored import grades_file, predictions_file
from llmc_lib.records import Prediction
from llmc_lib.store import ROOT, open_run, write_jsonl, write_manifest

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def asked_twice(folder: Path, name: str = "twice", questions: int = 40) -> Path:
    """The params file of an evaluated run: base and tuned, each question of sums asked twice. What they wrote is hostile
    and has a false claim."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {"id": f"s{n:03}", "q": f"{n} + {n + 3} = ?", "a": str(2 * n + 3), "family": "odd" if n % 2 else "even"}
        for n in range(questions)
    ]  # fmt: skip
    (folder / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    params = folder / f"{name}.yaml"
    params.write_text(
        f"""run: {name}
runs_dir: {folder}/runs
reports_dir: {folder}/reports
evaluation:
  samples: 2
  temperature: 0.6
  benchmarks:
    - name: sums
      kind: questions
      source: {folder}/sums.jsonl
      fields: {{id: id, question: q, answer: a, category: family}}
"""
    )
    run = open_run(params)
    (benchmark,) = run.params.evaluation.benchmarks
    for model, base in (("base", 0), ("tuned", 1)):
        pairs = [
            (question, _prediction(question.id, question.answer, sample, base))
            for question in question_bank.asked(benchmark, run.params.seed)
            for sample in range(2)
        ]
        path = predictions_file(run, "sums", model)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_jsonl(path, [asdict(prediction) for _, prediction in pairs])
        write_jsonl(grades_file(run, "sums", model), [asdict(g) for g in grade_all(pairs)])
    models = [{"name": model, "label": model} for model in ("base", "tuned")]
    write_manifest(run.predictions, "key", 1.0, models=models, samples=2)
    return params


def _prediction(id_: str, answer: str, sample: int, tuned: int) -> Prediction:
    number = int(id_[1:])
    right = (number + sample) % 5 != 0 if tuned else (number + sample) % 3 == 0
    response = f"Answer: {answer if right else 999}"
    reasoning = f"First, 2 + 2 = 5. {HOSTILE}"
    tokens = 20 + number + 30 * tuned
    return Prediction(id_, sample, reasoning, response, "stop", 9, tokens, 0.1, "")


def notebook(path: Path, params: list[str]) -> None:
    """The exploring notebook, with other parameters."""
    made = json.loads((ROOT / "notebooks" / "explore.ipynb").read_text())
    for cell in made["cells"]:
        if "parameters" in cell["metadata"].get("tags", []):
            cell["source"] = f"PARAMS = {params!r}"
    path.write_text(json.dumps(made))
