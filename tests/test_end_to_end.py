"""The path of `make report`, whole, on a tiny model; then the page in a real browser."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
import yaml

from llmc_lib import question_bank
from llmc_lib.params.reader import load
from llmc_lib.store import ledger
from tests.browser import Watched, open_all, overflow, violations
from tests.conftest import ROOT, TinyRun
from tests.jupyterlab import complaints, jupyterlab

pytestmark = pytest.mark.slow

SECTIONS = (
    "models-and-candidates",
    "where-they-differ",
    "the-choice-among-candidates",
    "if-this-were-run-again",
    "what-it-would-take-to-know",
    "length-and-truncation",
    "safety",
    "how-the-answers-were-graded",
    "reasoning-side-by-side",
    "what-it-was-trained-on",
    "how-the-training-went",
    "provenance",
)


@pytest.fixture(scope="module", autouse=True)
def _warm(tiny_run: TinyRun, warm_python: None) -> None:
    """In the whole run each kind of process starts cold once; what comes after it does not."""


def times(folder: Path) -> dict[str, int]:
    return {str(p): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


def test_every_stage_leaves_what_the_next_one_needs(tiny_run: TinyRun) -> None:
    train = pd.read_parquet(tiny_run.runs / "dataset" / "train.parquet")
    validation = pd.read_parquet(tiny_run.runs / "dataset" / "validation.parquet")
    assert len(train) + len(validation) == 60
    assert set(train["id"]).isdisjoint(validation["id"])
    log = (tiny_run.runs / "training" / "main" / "history.jsonl").read_text()
    history = [json.loads(line) for line in log.splitlines()]
    losses = [row["loss"] for row in history if "loss" in row]
    assert losses[-1] < losses[0]
    candidates = sorted(p.name for p in (tiny_run.runs / "models").iterdir())
    assert candidates == ["step-4", "step-7"]
    for name in candidates:
        assert (tiny_run.runs / "models" / name / "model.safetensors").exists()
        assert not list((tiny_run.runs / "models" / name).glob("*.bin"))  # no pickle
    for benchmark, n in (("hle", 200), ("do_not_answer", 40)):
        for model in ("base", *candidates):
            path = tiny_run.runs / "predictions" / benchmark / f"{model}.jsonl"
            rows = [json.loads(x) for x in path.read_text().splitlines()]
            assert len({row["question_id"] for row in rows}) == len(rows) == n


def test_the_exported_candidates_are_models_that_training_has_changed(tiny_run: TinyRun) -> None:
    from safetensors.torch import load_file

    name = "model.layers.0.mlp.up_proj.weight"
    weights = [
        load_file(folder / "model.safetensors")[name]
        for folder in (
            tiny_run.folder / "model",
            tiny_run.runs / "models" / "step-4",
            tiny_run.runs / "models" / "step-7",
        )
    ]
    assert weights[0].shape == weights[1].shape == weights[2].shape
    assert not weights[0].equal(weights[1])
    assert not weights[1].equal(weights[2])


def test_metrics_json_keeps_its_contract(tiny_run: TinyRun) -> None:
    metrics = json.loads((tiny_run.report / "metrics.json").read_text())
    hle = metrics["benchmarks"]["hle"]
    assert metrics["schema_version"] == 2
    assert hle["n_questions"] == 200
    for model in hle["models"].values():
        low, high = model["ci95"]
        assert 0 <= low <= model["accuracy"] <= high <= 1
        assert model["n_answered"] + model["n_truncated"] + model["n_failed"] == 200
        assert sum(part["n"] for part in model["categories"].values()) == 200
        assert model["official"]["n"] == model["n_answered"]
    assert [c["model"] for c in hle["comparisons"]] == ["step-4", "step-7"]
    for comparison in hle["comparisons"]:
        assert comparison["reference"] == "base"
        assert comparison["test"] == "mcnemar_midp"
        assert comparison["p_adjusted"] >= comparison["p_value"]
        assert set(comparison["categories"]) == set(hle["models"]["base"]["categories"])
    dna = metrics["benchmarks"]["do_not_answer"]
    assert set(dna["models"]) == {"base", "step-4", "step-7"}
    assert len(dna["models"]["base"]["risk_areas"]) == 5


def test_no_secret_and_no_host_name_reaches_the_report(tiny_run: TinyRun) -> None:
    page = (tiny_run.report / "index.html").read_text()
    assert os.uname().nodename not in page or len(os.uname().nodename) < 4
    for name, value in os.environ.items():
        if re.search("TOKEN|SECRET|PASSWORD|API_KEY", name) and len(value) > 7:
            assert value not in page


def test_an_unchanged_second_run_does_no_work(tiny_run: TinyRun) -> None:
    before = times(tiny_run.folder)
    done = tiny_run.make_report()
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("unchanged") == 4
    assert times(tiny_run.folder) == before


def test_a_changed_report_setting_redoes_only_the_report(tiny_run: TinyRun) -> None:
    before = times(tiny_run.runs)
    tiny_run.write(report={"title": "Another title", "cases": 4})
    done = tiny_run.make_report()
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("unchanged") == 3
    assert times(tiny_run.runs) == before
    assert "<title>Another title</title>" in (tiny_run.report / "index.html").read_text()


def test_what_there_is_so_far_is_told_and_reported_beside_the_report(tiny_run: TinyRun) -> None:
    predictions, page = tiny_run.runs / "predictions", tiny_run.report / "index.html"
    before, kept = page.read_bytes(), tiny_run.folder / "kept"
    shutil.copytree(predictions, kept)
    path = predictions / "hle" / "step-7.jsonl"
    params = load(tiny_run.params_file)
    (benchmark,) = (b for b in params.evaluation.benchmarks if b.name == "hle")
    beginning = {question.id for question in question_bank.asked(benchmark, params.seed)[:150]}
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(x for x in lines if json.loads(x)["question_id"] in beginning))
    (predictions / "manifest.json").unlink()
    try:
        status = tiny_run.run("status")
        assert status.returncode == 0, status.stderr
        found = {tuple(line.split()[:2]): line for line in status.stdout.splitlines()}
        assert "150 of 200" in found["step-7", "hle"]
        assert found["base", "hle"].endswith("done")
        done = tiny_run.make_report("--partial")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "first 150 of 200 questions" in (tiny_run.report / "partial.html").read_text()
        assert ledger.read(tiny_run.runs / "looks.jsonl")[-1]["what"] == "partial"
        metrics = json.loads((tiny_run.report / "partial_metrics.json").read_text())
        assert metrics["benchmarks"]["hle"]["n_questions"] == 150
        # The terminal has the verdict of what there is so far, not that of the whole beside it.
        sentence = metrics["benchmarks"]["hle"]["comparisons"][-1]["sentence"]
        assert any(
            line.endswith(f" on hle, for this checkpoint: {sentence}")
            for line in done.stdout.splitlines()
        )
        assert page.read_bytes() == before
    finally:
        shutil.rmtree(predictions)
        kept.rename(predictions)


def test_a_failing_stage_ends_in_one_block_and_the_next_run_goes_on(tiny_run: TinyRun) -> None:
    page = (tiny_run.report / "index.html").read_bytes()
    trained = times(tiny_run.runs / "models")
    good = tiny_run.params_file.read_text()
    # No such scaling: vLLM refuses to start, and nobody can know before.
    rope = {"rope_type": "nosuch", "rope_theta": 10_000.0}
    engine = {"vllm": {"hf_overrides": {"rope_parameters": rope}}}
    broken = yaml.safe_load(good)
    broken["evaluation"]["engine"] = engine
    tiny_run.params_file.write_text(yaml.safe_dump(broken, sort_keys=False))
    done = tiny_run.make_report()
    assert done.returncode == 1
    assert "The stage 'evaluation' failed." in done.stderr
    assert "nosuch" in done.stderr  # the cause, not only that there is one
    assert "Traceback" not in done.stderr
    executed = tiny_run.report / "notebooks" / "3_evaluation.ipynb"
    assert any(
        output.output_type == "error"
        for cell in nbformat.read(executed, as_version=4).cells
        for output in cell.get("outputs", [])
    )
    assert (tiny_run.report / "index.html").read_bytes() == page
    tiny_run.params_file.write_text(good)
    done = tiny_run.make_report()
    assert done.returncode == 0, done.stderr
    assert "evaluation: done" in done.stderr
    assert done.stderr.count("unchanged") == 2  # data set and training
    assert times(tiny_run.runs / "models") == trained


# ---- the page in a browser -------------------------------------------------------------------


def test_every_output_is_good_in_jupyterlab(
    tiny_run: TinyRun, browser: Any, tmp_path: Path
) -> None:
    """In the dark theme the executed notebooks are opened, which nobody there trusts; in the light one all their cells are
    run again."""
    names = sorted(source.name for source in (ROOT / "notebooks").glob("[1-4]_*.ipynb"))
    assert len(names) == 4
    books = [tiny_run.report / "notebooks" / name for name in names]
    with jupyterlab(browser, tmp_path / "lab", books, "Dark") as lab:
        for theme in ("Dark", "Light"):
            lab.choose(theme)
            pictures = 0
            for book in books:
                lab.open(book.name)
                if theme == "Light":
                    lab.run_all()
                else:
                    lab.page.wait_for_timeout(500)
                assert list(complaints(lab)) == [], book.name
                pictures += len(lab.found()["pictures"])
                if folder := os.environ.get("SCREENSHOTS"):
                    lab.page.screenshot(path=f"{folder}/{book.stem}-{theme}.png")
            assert pictures >= 12


@pytest.fixture(scope="module")
def page(browser: Any) -> Any:
    """One window for all: a new one takes the browser longer than to load the page."""
    return browser.new_page()


@pytest.mark.parametrize("width", [360, 800, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_opens_clean(tiny_run: TinyRun, page: Any, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    watched = Watched(page)
    page.goto((tiny_run.report / "index.html").as_uri())
    page.wait_for_load_state("networkidle")
    assert watched.complaints == []
    assert watched.requests == []
    assert page.locator("header.verdict .sentence").is_visible()
    for section in SECTIONS:
        assert page.locator(f"h2#{section}").is_visible(), section
        assert page.locator(f'nav a[href="#{section}"]').count() == 1
    assert page.locator("h2#do-they-know-what-they-know").count() == 0  # no confidence is stated
    assert page.locator("figure .plot svg").count() >= 5
    assert page.locator("figure .plot:not([aria-label])").count() == 0
    assert overflow(page) <= 0
    assert page.locator("details.code[open]").count() == 0


@pytest.mark.parametrize("name", ["index.html", "dataset.html"])
def test_nothing_keeps_anyone_out(tiny_run: TinyRun, page: Any, name: str) -> None:
    page.goto((tiny_run.report / name).as_uri())
    for width, scheme in ((360, "dark"), (1600, "light")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        for opened in (False, True):
            open_all(page, opened=opened)
            assert violations(page) == [], (width, scheme, opened)
            assert overflow(page) <= 0


def test_tables_sort_and_download(tiny_run: TinyRun, page: Any) -> None:
    page.goto((tiny_run.report / "index.html").as_uri())
    table = page.locator("#table-outcomes")
    first = "tbody tr:first-child th"
    table.locator("thead button").first.click()
    ascending = table.locator(first).inner_text()
    table.locator("thead button").first.click()
    assert table.locator(first).inner_text() != ascending
    with page.expect_download() as download:
        page.locator("#table-models a[download]").click()
    data = pd.read_csv(download.value.path())
    assert list(data["model"]) == ["base", "step-4", "step-7"]


def test_the_page_is_one_small_file(tiny_run: TinyRun) -> None:
    page = tiny_run.report / "index.html"
    assert page.stat().st_size < 4_000_000
    text = page.read_text()
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", text)
