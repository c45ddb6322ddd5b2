"""What the data set is made of: counted, in plain sentences, and never a benchmark's text."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from llmc_lib.dataset.steps.completions import Yield
from llmc_lib.params import EvaluationParams
from llmc_lib.reporting import dataset_page, dataset_sample, figures
from llmc_lib.reporting.answered_by_models import teacher_yield
from llmc_lib.reporting.dataset_page import contamination, licence_words, make_up
from llmc_lib.reporting.elements import Block
from llmc_lib.store import open_run
from tests.dataset_manifest import HOSTILE, TEACHER, made_manifest, made_params, made_rows


def _rows(block: Block) -> list[list[str]]:
    """The cells of all tables."""
    tables = re.findall(r"<tbody>.*?</tbody>", block.markup)
    return [
        [cell.text or "" for cell in row]
        for table in tables
        for row in ElementTree.fromstring(table)
    ]


def test_the_sources_say_what_was_read_and_used() -> None:
    rows = _rows(dataset_page.sources(made_manifest()))
    assert rows[1] == ["textbook", "Problems.", "Apache-2.0", "1,000", "590"]


def test_the_make_up_has_rows_and_shares() -> None:
    rows = _rows(make_up(made_manifest()))
    assert ["Answer type", "text or number", "999", "99.9%"] in rows
    assert ["Final answer", "agrees with the reference", "900", "90.0%"] in rows
    assert ["Licence", "Apache-2.0", "1,000", "100%"] in rows
    assert ["gpt-4o", "closed model", "34"] in rows
    assert ["(not named)", "unknown", "1"] in rows


def test_closed_models_are_told_even_where_none_is_left() -> None:
    words = "Closed models wrote 34; the data set holds 0 of them."
    assert words in make_up(made_manifest()).markup
    assert "Closed models" not in make_up(made_manifest(authors=[])).markup


@pytest.mark.parametrize(
    ("licence", "conditions"),
    [
        ("CC-BY-NC-SA-4.0", "(no commercial use and share alike)"),
        ("CC-BY-NC-4.0", "(no commercial use)"),
        ("CC-BY-SA-3.0", "(share alike)"),
    ],
)
def test_a_licence_with_conditions_is_said(licence: str, conditions: str) -> None:
    words = licence_words({"MIT": 150, licence: 50})
    assert words.startswith(
        f"50 rows (25.0%) are under {licence} {conditions}: the data set as a whole"
    )


def test_a_licence_without_conditions_is_no_news() -> None:
    for licence in ("MIT", "Apache-2.0", "NCSA", "BSD-3-Clause", "CC-BY-4.0"):
        assert licence_words({licence: 5}).startswith("No licence here restricts")
    assert licence_words({"unknown": 1, "MIT": 1}).startswith("1 row (50%) has no known licence")


def test_hits_show_both_ids_and_the_method() -> None:
    block = contamination(made_manifest(), made_params())
    row = ["textbook/00001", "hle/1", "the question is nearly the same"]
    assert _rows(block)[0] == [*row, "How many sheep has farmer 1?"]
    hle = {"name": "hle", "source": "cais/hle", "revision": "1" * 40}
    params = made_params().model_copy(
        update={"evaluation": EvaluationParams.model_validate({"benchmarks": [hle]})}
    )
    assert _rows(contamination(made_manifest(), params))[0] == [*row, "(withheld)"]
    assert (
        "1,600 rows were compared with the texts of hle (200) and do_not_answer (40): 2 repeat one"
        in block.markup
    )
    assert "shares 13 words in a row with one of them" in block.markup
    assert "similarity 0.8 or more" in block.markup


def test_the_near_threshold_is_only_said_where_there_is_one() -> None:
    params = made_params(decontamination={"near": None, "ngram": 8, "files": ["own.txt"]})
    manifest = {**made_manifest(), "compared": {"hle": 2158, "own.txt": 3}}
    markup = contamination(manifest, params).markup
    assert "the texts of hle (2,158) and own.txt (3): 2" in markup
    assert "shares 8 words in a row with one of them. Case" in markup


def test_many_hits_are_folded_and_the_rest_is_told() -> None:
    steps = [
        {**step, "removed": 700} if step["step"] == "decontamination" else step
        for step in made_manifest()["steps"]
    ]
    hits = made_manifest()["contamination"] * 250
    block = contamination(made_manifest(steps=steps, contamination=hits), made_params())
    assert "<summary>The first 500 of 700 hits</summary>" in block.markup
    assert "200 more are in removed.parquet." in block.markup


def test_a_clean_set_and_an_unchecked_one_are_two_things() -> None:
    steps = [{**s, "removed": 0, "reasons": {}} for s in made_manifest()["steps"]]
    clean = contamination(made_manifest(steps=steps, contamination=[]), made_params())
    assert "none repeats one." in clean.markup
    assert "<table" not in clean.markup
    off = contamination(made_manifest(), made_params(decontamination={"enabled": False}))
    assert off.markup.startswith("<p>Decontamination was off")
    assert "compared" not in off.markup


def test_the_teacher_is_told_with_all_its_samples() -> None:
    assert set(TEACHER) == {field.name for field in dataclasses.fields(Yield)}
    assert teacher_yield(made_manifest()).markup == ""
    block = teacher_yield(made_manifest(teacher=TEACHER))
    assert "10 (20%) have at least one right answer" in block.markup
    assert "40,000\u00a0tokens, 4,000 for each solved problem." in block.markup
    assert sum(int(row[1]) for row in _rows(block)) == TEACHER["samples"]


@pytest.mark.parametrize("samples", [0, 4])
def test_a_teacher_without_success_divides_by_nothing(samples: int) -> None:
    nothing = dict.fromkeys(TEACHER, 0) | {
        "teacher": "m",
        "samples": samples,
        "problems": samples,
    }
    markup = teacher_yield(made_manifest(teacher={**nothing, "wrong": samples})).markup
    assert ("nothing to do" in markup) == (samples == 0)


def test_the_summary_has_a_sentence_on_each() -> None:
    markup = dataset_page.summary(made_manifest(), made_params()).markup
    assert "examples have 60 to 498\u00a0tokens, half of them at most 200" in markup
    assert "Licences: Apache-2.0 100%. No licence" in markup
    assert "Contamination: 1,600 rows were compared" in markup


def test_hostile_names_are_escaped() -> None:
    made = made_manifest()["composition"]
    hit = {"id": HOSTILE, "benchmark_id": HOSTILE, "reason": HOSTILE, "shared": HOSTILE}
    manifest = made_manifest(
        sources={HOSTILE: made_manifest()["sources"]["textbook"] | {"description": HOSTILE}},
        composition={name: {HOSTILE: 1000} for name in made},
        authors=[{"kind": HOSTILE, "author": HOSTILE, "completions": 1}],
        contamination=[hit],
        teacher={**TEACHER, "teacher": HOSTILE},
    )
    params = made_params(decontamination={"files": [HOSTILE]})
    blocks = (
        dataset_page.sources(manifest), make_up(manifest), contamination(manifest, params),
        teacher_yield(manifest), dataset_page.summary(manifest, params),
    )  # fmt: skip
    assert all("<script" not in block.markup for block in blocks)
    assert all("&lt;script&gt;" in block.markup for block in blocks)


@pytest.mark.slow
def test_what_the_builder_writes_is_what_the_page_reads(tmp_path: Path) -> None:
    from llmc_lib.dataset import build
    from tests.tiny import make_tiny_model

    make_tiny_model(tmp_path / "model")
    values = {
        "run": "x",
        "runs_dir": str(tmp_path / "runs"),
        "model": {"source": str(tmp_path / "model")},
        "dataset": {
            "sources": [{"name": "textbook"}],
            "shares": {"Physics": 0.4, "Chemistry": 0.3, "Other": 0.3},
        },
        "training": {"max_length": 900},
    }
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(values))
    run = open_run(tmp_path / "x.yaml")
    built = build(run)
    made, params = made_manifest(), run.params
    assert set(made) <= set(built.manifest)
    for name in ("steps", "authors"):
        assert set(made[name][0]) == set(built.manifest[name][0])
    for name in ("tokens", "rows"):
        assert set(made[name]) == set(built.manifest[name])
    assert set(made["composition"]) <= set(built.manifest["composition"])
    assert set(made_rows()) <= set(pq.read_schema(run.dataset / "train.parquet").names)
    blocks = (
        figures.waterfall.waterfall(built.manifest, params), figures.waterfall.removals(built.manifest, params),
        dataset_page.sources(built.manifest), figures.dataset.composition(built.manifest),
        figures.dataset.lengths(built.train, params.max_length), make_up(built.manifest),
        contamination(built.manifest, params), dataset_page.summary(built.manifest, params),
        dataset_sample.sample(pd.concat([built.train, built.validation]), 9, 0),
    )  # fmt: skip
    assert all(block.markup for block in blocks)
    assert f"Of 198 rows, {len(built.train)} are trained on" in blocks[0].markup
