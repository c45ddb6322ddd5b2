"""A trained run, and an evaluated one, as the stages leave them; the weights are small and random."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from llmc_lib import question_bank
from llmc_lib.evaluation.generate import stage_key as evaluation_key
from llmc_lib.evaluation.stored import predictions_file
from llmc_lib.models.resolve import Model, base_model
from llmc_lib.params.reader import load
from llmc_lib.store import Run, sha256_file, write_jsonl, write_manifest
from llmc_lib.training.launch import stage_key as training_key
from tests.reporting.test_training_page import made_facts

HISTORY = [
    {"step": 0, "epoch": 0.0, "eval_loss": 1.62},
    *(
        {"step": s, "epoch": s / 12, "loss": 1.7 - 0.03 * s, "grad_norm": 1.0, "learning_rate": 1e-5,
         "num_tokens": 3000 * s, "seconds": 20.0 * s, "tokens_per_second": 150.0}
        for s in range(1, 13)
    ),
    {"step": 6, "epoch": 0.5, "eval_loss": 1.45},
    {"step": 12, "epoch": 1.0, "eval_loss": 1.42},
]  # fmt: skip


def write_trained(
    tmp_path: Path,
    *,
    base_card: str | None = "---\nlicense: apache-2.0\n---\n",
    licences: dict[str, int] | None = None,
    history: list[dict[str, Any]] | None = None,
    **params: Any,
) -> Run:
    """A run with a local base, a data set of 20 rows and two models for each candidate."""
    base = tmp_path / "secret" / "my-base"
    write_model(base, 0)
    if base_card is not None:
        (base / "README.md").write_text(base_card)
    path = tmp_path / "x.yaml"
    values = {"run": "x", "runs_dir": f"{tmp_path}/runs", "model": {"source": str(base)}, **params}
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    run = Run(load(path), path)
    _write_data(run, licences or {"Apache-2.0": 20})
    candidates = {}
    for recipe in run.params.recipes:
        models = [{"name": recipe.model_name(s), "step": s, "of": 12} for s in (6, 12)]
        for number, model in enumerate(models, 1):
            write_model(run.models / str(model["name"]), number)
        facts = made_facts(base=str(base), models=models)
        write_jsonl(run.training / recipe.name / "history.jsonl", history or HISTORY)
        write_manifest(run.training / recipe.name, "of this candidate", 1.0, **facts)
        candidates[recipe.name] = facts
    key = training_key(run, base_model(run))
    write_manifest(run.training, key, 1.0, base=str(base), candidates=candidates)
    return run


def write_evaluated(run: Run, right: dict[str, float]) -> None:
    """Answers to the embedded questions; `right`: model → the share that it answers correctly."""
    names = ["base", *(m["name"] for f in _candidates(run).values() for m in f["models"])]
    for benchmark in run.params.evaluation.benchmarks:
        questions = question_bank.load(benchmark)
        for name in names:
            path = predictions_file(run, benchmark.name, name)
            n = round(right.get(name, 0.1) * len(questions))
            write_jsonl(
                path,
                [{"question_id": q.id, "text": "Answer: <b>1</b>", "finish_reason": "stop",
                  "completion_tokens": 5} for q in questions],
            )  # fmt: skip
            write_jsonl(
                path.with_suffix(".grades.jsonl"),
                [{"question_id": q.id, "status": "correct" if i < n else "incorrect", "extracted": "1",
                  "rule": "exact"} for i, q in enumerate(questions)],
            )  # fmt: skip
    models = [base_model(run), *(Model(name, run.models / name, "") for name in names[1:])]
    listed = [{"name": name, "label": name} for name in names]
    write_manifest(run.predictions, evaluation_key(run, models), 1.0, models=listed)


def _candidates(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run.training / "manifest.json").read_text())["candidates"]
    return found


def _write_data(run: Run, licences: dict[str, int]) -> None:
    rows = [
        {"id": f"textbook/{n}", "source": "textbook", "licence": licence, "category": "Math",
         "author_kind": "person", "kind": "verifiable", "prompt": "1?", "question": "1?", "answer": "1", "completion": "1"}
        for licence, count in licences.items()
        for n in range(count)
    ]  # fmt: skip
    files = {}
    for recipe in run.params.recipes:
        folder = run.data(recipe)
        folder.mkdir(parents=True, exist_ok=True)
        for part in ("train", "validation"):
            path = folder / f"{part}.parquet"
            pd.DataFrame(rows).to_parquet(path)
            files[str(path.relative_to(run.dataset))] = sha256_file(path)
    source = {"url": "https://huggingface.co/datasets/o/set", "licence": "MIT", "description": "x"}
    sources = {"textbook": source, "hard_math": {**source, "url": "embedded"}}
    write_manifest(run.dataset, "of the data", 1.0, files=files, sources=sources)


def write_model(folder: Path, seed: int) -> None:
    """The files of a model folder; also what must not leave the machine, and what is of no use."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    weights = np.random.default_rng(seed).standard_normal((4, 4)).astype(np.float32)
    save_file({"w": weights}, folder / "model.safetensors")
    config = {"model_type": "llama", "_name_or_path": str(folder)}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "generation_config.json").write_text('{"eos_token_id": 2}')
    (folder / "tokenizer_config.json").write_text(json.dumps({"name_or_path": str(folder)}))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    (folder / "training_args.bin").write_bytes(b"a pickle")
    (folder / "optimizer.pt").write_bytes(b"a state")
