"""Whole plans: the project's own params files, what is printed, and the refusal."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from llmc_lib.__main__ import main
from llmc_lib.errors import UserError
from llmc_lib.plan import machine as machines
from llmc_lib.plan import make_plan, memory_table, refuse, render
from llmc_lib.plan import shape as shape_module
from llmc_lib.plan.shape import Shape
from llmc_lib.store import ROOT, Run, open_run, write_atomic, write_manifest

pytestmark = pytest.mark.slow  # counting a model loads torch


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory, counted: dict[str, Shape]) -> Path:
    """The shapes of all models of this file, kept as a plan keeps them."""
    runs = tmp_path_factory.mktemp("runs")
    configs = Path(shape_module.__file__).parent / "configs"
    for name, shape in counted.items():
        kept = shape_module.kept_at(runs, json.loads((configs / f"{name}.json").read_text()))
        write_atomic(kept, json.dumps(asdict(shape)))
    return runs / "_shapes"


@pytest.fixture(scope="module", autouse=True)
def _warm(warm_python: None) -> None:
    """What TRL refuses is told in a moment."""


@pytest.fixture(autouse=True)
def without_a_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def _write(folder: Path, shapes: Path, **values: Any) -> Path:
    runs = folder / "runs"
    runs.mkdir(exist_ok=True)
    if not (runs / "_shapes").exists():
        (runs / "_shapes").symlink_to(shapes)
    path = folder / "my.yaml"
    head = {"run": "my", "runs_dir": str(runs), "reports_dir": str(folder / "reports")}
    path.write_text(yaml.safe_dump({**head, **values}, sort_keys=False))
    return path


def _run(folder: Path, shapes: Path, **values: Any) -> Run:
    return open_run(_write(folder, shapes, **values), files=False)


@pytest.mark.parametrize(
    "name",
    ["qwen3_8b", "qwen3_32b", "qwen3_32b_grpo", "qwen3_235b", "qwen3_235b_grpo", "quickstart"],
)
def test_the_projects_own_files_fit(
    tmp_path: Path, shapes: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    values = yaml.safe_load((ROOT / "params" / f"{name}.yaml").read_text())
    path = _write(tmp_path, shapes, **{**values, "run": "my", "plan": {
        **values.get("plan", {}), **({} if name != "quickstart" else {"gpu": "none", "ram_gib": 16.0}),
    }})  # fmt: skip
    assert main(["plan", str(path)]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    first, *rest = printed.out.splitlines()
    assert "fits: " in first
    assert max(map(len, rest)) <= 125
    assert "unknown" not in printed.out.partition("Assumptions")[0]


def test_the_largest_recipe_has_all_its_parts(tmp_path: Path) -> None:
    params = open_run("params/qwen3_235b.yaml", files=False).params
    training = params.training
    assert [source.name for source in params.dataset.sources] == [
        "olymmath_eval", "omni_math", "hardmath", "deepmath", "textbook_reasoning",
    ]  # fmt: skip
    assert params.dataset.provenance.remove_closed
    assert (training.cluster.nodes, training.world_size, training.batch_size) == (8, 64, 64)
    assert (training.learning_rate, training.lr_scheduler, training.max_length) == (
        1e-5, "cosine", 20000,
    )  # fmt: skip
    assert sum(len(recipe.training.export_at) for recipe in params.recipes) == 8
    assert {benchmark.name for benchmark in params.evaluation.benchmarks} == {
        "hle",
        "do_not_answer",
    }


def test_a_run_that_does_not_fit_says_what_to_change(
    tmp_path: Path, shapes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _write(
        tmp_path, shapes,
        training={"micro_batch_size": 8, "max_length": 1024, "precision": "bfloat16"},
        plan={"gpu": "none", "ram_gib": 8.0},
    )  # fmt: skip
    assert main(["plan", str(path)]) == 1
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("does not fit: ")
    assert " of 8.0 GiB in a process; change training.micro_batch_size: 2 (" in first


def test_rows_come_from_the_data_set_once_it_is_built(tmp_path: Path, shapes: Path) -> None:
    run = _run(tmp_path, shapes, dataset={"max_rows": 500}, plan={"gpu": "none", "ram_gib": 16.0})
    before = make_plan(run).trainings[0]
    assert (before.rows.count, before.rows.length, before.rows.longest) == (460, 512, None)
    tokens = {"total": 30000, "quantiles": {"0": 50, "1": 300}}
    write_manifest(run.dataset, "key", 1.0, rows={"train": 90, "validation": 10}, tokens=tokens)
    after = make_plan(run).trainings[0]
    assert (after.rows.count, after.rows.length, after.rows.longest) == (90, 300, 300)
    assert after.memory.tokens == 4 * 300
    assert after.memory.peak < before.memory.peak


def test_every_candidate_is_planned_and_added_up(tmp_path: Path, shapes: Path) -> None:
    run = _run(
        tmp_path, shapes,
        dataset={"max_rows": 100, "validation": 0.1},
        candidates=[
            {"name": "a"},
            {"name": "b", "training": {"epochs": 3.0, "export_at": [1.0]}},
            {"name": "c", "mixture": {"max_rows": 50}, "training": {"gradient_checkpointing": True}},
        ],
        plan={"gpu": "H100-80GB"},
    )  # fmt: skip
    plan = make_plan(run)
    assert [t.work.steps for t in plan.trainings] == [6, 17, 3]
    assert plan.evaluation.models == 1 + 2 + 1 + 2
    assert plan.hours == pytest.approx(sum(t.work.hours or 0 for t in plan.trainings))
    text = render(plan)
    assert "6 (the base model and 5 checkpoints)" in text
    # Those with the same memory share a table.
    assert "Memory of a GPU for a, b" in text
    assert "Memory of a GPU for c" in text
    table = memory_table(plan)
    sums = table.groupby("candidate")["backward starts"].sum()
    assert sums["a"] > sums["c"]


def test_a_batch_that_gpus_cannot_share_is_planned_as_it_is_used(
    tmp_path: Path, shapes: Path
) -> None:
    values = yaml.safe_load((ROOT / "params/qwen3_32b.yaml").read_text())
    values["training"] |= {"batch_size": 3, "micro_batch_size": 4}
    plan = make_plan(
        _run(tmp_path, shapes, **{k: values[k] for k in ("model", "training", "plan")})
    )
    training = plan.trainings[0].recipe.training
    assert (training.batch_size, training.micro_batch_size) == (training.world_size, 1)
    assert f"a step has {training.world_size}" in render(plan)


def test_a_recipe_is_planned_for_each_of_its_seeds(tmp_path: Path, shapes: Path) -> None:
    run = _run(
        tmp_path, shapes,
        dataset={"max_rows": 100, "validation": 0.1},
        candidates=[{"name": "m", "seeds": [0, 1, 2], "training": {"export_at": [1.0]}}, {"name": "o"}],
        plan={"gpu": "H100-80GB"},
    )  # fmt: skip
    plan = make_plan(run)
    assert plan.evaluation.models == 1 + 3 + 2
    assert plan.hours == pytest.approx(sum(t.work.hours or 0 for t in plan.trainings))
    text = render(plan)
    assert "m (3 seeds), o: fits" in text
    assert "m, each seed  3 × 90" in text
    assert "  all" in text


def test_all_answers_of_an_evaluation_are_planned(tmp_path: Path, shapes: Path) -> None:
    run = _run(
        tmp_path, shapes,
        training={"export_at": [1.0]},
        evaluation={
            "benchmarks": [{"name": "hle", "questions": 10}], "samples": 8, "temperature": 0.6,
            "models": [{"name": "other", "source": "embedded"}],
            "judge": {"served_as": "j", "engine": {"kind": "openai", "endpoints": ["http://a:1/v1"]}},
        },
        plan={"gpu": "H100-80GB"},
    )  # fmt: skip
    text = render(make_plan(run))
    assert "  models     3 (the base model, 1 further model and 1 checkpoint)\n" in text
    assert "  questions  hle 10; 8 samples of each\n" in text
    assert "  answers    240\n" in text
    assert "  judge      240 requests at most, without repeated ones\n" in text
    assert "  further models generate as fast as the base model" in text


def test_files_that_are_missing_are_notes(tmp_path: Path, shapes: Path) -> None:
    run = _run(
        tmp_path, shapes,
        dataset={"sources": [{"name": "deepmath", "path": "data/none"}]},
        evaluation={"benchmarks": [{"name": "hle", "source": "data/none.jsonl"}]},
    )  # fmt: skip
    plan = make_plan(run)
    assert "dataset.sources.deepmath.path: data/none is not there yet" in plan.notes
    assert plan.evaluation.questions == {"hle": 2158}
    assert "for each 1,000" in render(plan)


def test_too_little_ram_of_a_machine_is_told(tmp_path: Path, shapes: Path) -> None:
    run = _run(
        tmp_path, shapes,
        model={"source": "Qwen/Qwen3-8B", "revision": "b968826d9c46dd6066d109eabc6255188de91218"},
        training={"nproc_per_node": 4, "micro_batch_size": 1, "deepspeed": "zero3_offload"},
        plan={"gpu": "H100-80GB", "ram_gib": 64.0},
    )  # fmt: skip
    plan = make_plan(run)
    assert all(training.fits for training in plan.trainings)
    assert not plan.fits
    assert "of 64 GiB of RAM in a machine" in render(plan).splitlines()[1]


def test_a_run_that_cannot_fit_is_refused(
    tmp_path: Path, shapes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = {"max_length": 1024, "precision": "bfloat16"}
    run = _run(tmp_path, shapes, training=training, plan={"gpu": "H100-80GB"})
    monkeypatch.setattr(machines, "free_ram", lambda: 8.5 * 2**30)
    monkeypatch.setattr(machines, "has_gpu", lambda: False)
    with pytest.raises(UserError) as caught:
        refuse(run)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}/my.yaml, line ")
    assert ": training.micro_batch_size: the training needs " in message
    assert "GiB in a process, and this machine has free for it 8.5; change it to " in message
    assert "micro_batch_size: 2 (" in message
    refuse(run, recipes=[])  # of what is trained already nothing is asked


def test_a_run_that_fits_is_not_refused(
    tmp_path: Path, shapes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _run(tmp_path, shapes, plan={"gpu": "RTX4090-24GB", "memory_gib": 0.1})
    monkeypatch.setattr(machines, "free_ram", lambda: 16.0 * 2**30)
    monkeypatch.setattr(machines, "has_gpu", lambda: False)
    refuse(run)  # what the file plans for is another machine


def test_the_plan_gives_a_range_and_what_decides(tmp_path: Path, shapes: Path) -> None:
    model = {"source": "Qwen/Qwen3-8B", "revision": shape_module.SHIPPED["Qwen/Qwen3-8B"]}
    plan = {"gpu": "H100-80GB", "rows": 1000}
    text = render(make_plan(_run(tmp_path, shapes, model=model, plan=plan)))
    assert re.search(r"a step takes [\d.,]+ to [\d.,]+ s", text)
    assert "What decides: the share of the peak that the GPUs reach, 40% (plan.mfu)" in text
    assert "rows count as long as max_length" in text
    assert "set plan.measured" in text
    measured = {**plan, "measured": 47.6}
    text = render(make_plan(_run(tmp_path, shapes, model=model, plan=measured)))
    assert "a step takes 47.6 s, as measured (plan.measured); counted: " in text
    assert "What decides" not in text


QWEN = {
    "model": {"source": "Qwen/Qwen3-32B", "revision": "9216db5781bf21249d130ec9da846c4624c16137"},
    "plan": {"gpu": "H100-80GB"},
}


def test_weights_in_four_bits_and_shared_sequences_are_planned(
    tmp_path: Path, shapes: Path
) -> None:
    common = {"batch_size": 8, "micro_batch_size": 1, "gradient_checkpointing": True}
    (tmp_path / "four").mkdir()
    lora = {"rank": 16, "quantization": "nf4"}
    four = make_plan(_run(tmp_path / "four", shapes, **QWEN, training={**common, "lora": lora}))
    weights = four.trainings[0].memory.parts[0]
    # 64 layers of 32.76 B parameters without the two tables of 0.78 B each.
    assert weights.how.startswith("0.516 B × 31.21 B + 2 B × 1.69 B")
    assert weights.step == pytest.approx(0.51587 * 31.2e9 + 2 * 1.69e9, rel=1e-3)
    assert four.fits
    assert "QLoRA of rank 16 (nf4), zero2" in render(four)
    (tmp_path / "long").mkdir()
    settings = {"nproc_per_node": 8, "sequence_parallel": 8, "batching": "padded"}
    settings |= {"deepspeed": "zero3_offload", "max_length": 40960, **common}
    long = make_plan(_run(tmp_path / "long", shapes, **QWEN, training=settings))
    text = render(long)
    assert "micro-batch 1 × 40,960 tokens,\n  5,120 tokens on each of 8 that share it" in text
    assert "5,120 tokens × (inputs of layers, one layer)" in text


def test_adapters_on_a_layer_that_the_model_has_not_are_refused(
    tmp_path: Path, shapes: Path
) -> None:
    training = {"lora": {"target_modules": ["self_attn.q_proj", "k_prj"]}}
    with pytest.raises(UserError, match="the model has no linear layer 'k_prj'; it has down_proj"):
        make_plan(_run(tmp_path, shapes, training=training))
    (tmp_path / "whole").mkdir()
    training = {"lora": {"target_modules": ["self_attn.q_proj", "lm_head"]}}
    make_plan(_run(tmp_path / "whole", shapes, training=training))
