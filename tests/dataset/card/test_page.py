"""The data set card: metadata that the hub's client reads, and sentences that the counts bear out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import mistune
import pytest
import yaml
from huggingface_hub import DatasetCard

from llmc_lib.dataset.card.page import card
from llmc_lib.dataset.rows import FINAL
from llmc_lib.dataset.steps import STEPS
from llmc_lib.params.reader import load
from llmc_lib.store import ROOT, Run

PARAMS = """
seed: 7
dataset:
  sources:
    - {name: textbook}
    - {name: mine, kind: files, path: PLACE/secret/mine.jsonl, fields: {question: q}, category: Math}
  shares: {Math: 0.5, Physics: 0.5}
  decontamination: {files: [PLACE/secret/own.txt]}
"""


def make_run(tmp_path: Path, text: str = PARAMS) -> Run:
    path = tmp_path / "x.yaml"
    path.write_text(f"run: x\nruns_dir: {tmp_path}/runs\n" + text.replace("PLACE", str(tmp_path)))
    return Run(load(path), path)


def make_facts(tmp_path: Path) -> dict[str, Any]:
    """The facts of a manifest, in the form that `build` gives them."""
    steps = [
        {"step": step.name, "removed": 0, "left": 120, "reasons": {}, "completions_removed": 0,
         "completion_reasons": {}, "examples": []}
        for step in STEPS
    ]  # fmt: skip
    by_name = {step["step"]: step for step in steps}
    by_name["provenance"] |= {
        "completions_removed": 12,
        "completion_reasons": {
            "closed model: gpt-4o": 7,
            "closed model: o1": 4,
            "author unknown": 1,
        },
    }
    by_name["decontamination"] |= {
        "removed": 12,
        "reasons": {"the question is nearly the same": 12},
    }
    source = {"licence": "Apache-2.0", "url": "embedded", "description": "Short questions.",
              "difficulty": "", "citation": "", "read": 60, "used": 50}  # fmt: skip
    mine = f"{tmp_path}/secret/mine.jsonl"
    return {
        "sources": {
            "textbook": {**source, "identity": {"textbook: textbook.jsonl": "ab" * 32}},
            "mine": {**source, "licence": "unknown", "url": mine, "identity": {mine: "cd" * 32}},
        },
        "steps": steps,
        "authors": [
            {"kind": "person", "author": "person", "completions": 60},
            {"kind": "closed model", "author": "gpt-4o", "completions": 7},
        ],
        "compared": {"hle": 200, "do_not_answer": 40},
        "contamination": [
            {
                "id": f"mine/{n}",
                "benchmark_id": f"{tmp_path}/secret/own.txt/{n}",
                "reason": "the same",
            }
            for n in range(12)
        ],
        "teacher": None,
        "reference": None,
        "target": {"Math": 0.5, "Physics": 0.5},
        "target_origin": "set by the params file",
        "available": {"Math": 55, "Physics": 50},
        "mixed": {"Math": 50, "Physics": 50},
        "limiting_category": "Physics",
        "mixture_cost": 5,
        "total_variation": 0.0125,
        "rows": {"train": 92, "validation": 8},
        "composition": {
            "source": {"textbook": 50, "mine": 50},
            "licence": {"Apache-2.0": 50, "unknown": 50},
            "author_kind": {"person": 100},
            "verified": {"yes": 60, "not stated": 40},
        },
        "tokens": {"total": 12345, "quantiles": {}},
    }


def _cells(text: str, start: str) -> list[str]:
    """The cells of the table row that begins with `start`, split where Markdown splits them."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {start}")]
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_the_metadata_are_read_back_as_they_were_meant(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(card(make_run(tmp_path), make_facts(tmp_path)), encoding="utf-8")
    data = DatasetCard.load(path).data.to_dict()
    files = [{"split": s, "path": f"data/{s}.parquet"} for s in ("train", "validation")]
    assert data == {
        "pretty_name": "x",
        "license": "other",
        "license_name": "apache-2.0-and-unknown",
        "license_link": "LICENSE.md",
        "language": ["en"],
        "size_categories": ["n<1K"],
        "task_categories": ["text-generation", "question-answering"],
        "source_datasets": ["original"],
        "tags": ["reasoning", "supervised-fine-tuning"],
        "configs": [{"config_name": "default", "data_files": files}],
    }


def test_hub_sources_in_use_are_named_in_the_metadata(tmp_path: Path) -> None:
    run = make_run(
        tmp_path,
        "dataset:\n  sources: [{name: deepmath, path: PLACE}, {name: olymmath, path: PLACE, subset: zh-hard}]",
    )
    facts = make_facts(tmp_path)
    old = facts["sources"]["textbook"]
    hub = "https://huggingface.co/datasets/"
    facts["sources"] = {
        "deepmath": {**old, "url": f"{hub}zwhe99/DeepMath-103K", "used": 0},
        "olymmath": {**old, "url": f"{hub}RUC-AIBOX/OlymMATH"},
    }
    facts["rows"] = {"train": 1000, "validation": 0}
    data = DatasetCard(card(run, facts)).data.to_dict()
    assert data["source_datasets"] == ["RUC-AIBOX/OlymMATH"]
    assert data["language"] == ["zh"]
    assert data["size_categories"] == ["1K<n<10K"]
    assert [file["split"] for file in data["configs"][0]["data_files"]] == ["train"]


@pytest.mark.slow
def test_an_unknown_licence_is_said_before_anything_else(tmp_path: Path) -> None:
    text = DatasetCard(card(make_run(tmp_path), make_facts(tmp_path))).text
    title, notice, first = text.strip().split("\n\n")[:3]
    assert title == "# x"
    assert notice.startswith("> **Licence unknown.** 50 of its rows")
    assert first.startswith("100 problems with worked solutions")


def test_a_licence_without_rows_in_use_does_not_count(tmp_path: Path) -> None:
    facts = make_facts(tmp_path)
    facts["sources"]["mine"]["used"] = 0
    facts["sources"]["mine"]["licence"] = "CC-BY-NC-SA-4.0"
    facts["composition"]["licence"] = {"Apache-2.0": 100}
    made = DatasetCard(card(make_run(tmp_path), facts))
    assert made.data["license"] == "apache-2.0"
    assert "commercial" not in made.text


@pytest.mark.slow
def test_completions_of_closed_models_are_counted(tmp_path: Path) -> None:
    run, facts = make_run(tmp_path), make_facts(tmp_path)
    assert "11 completions of closed models were removed" in card(run, facts)
    assert _cells(card(run, facts), "closed model") == ["closed model", "gpt-4o", "7", "0"]
    facts["composition"]["author_kind"] = {"person": 93, "closed model": 7}
    assert (
        "> **Contains output of closed models.** A closed model wrote the completions of 7 rows"
        in (card(run, facts))
    )


def test_the_counts_stand_in_the_tables(tmp_path: Path) -> None:
    text = card(make_run(tmp_path), make_facts(tmp_path))
    assert _cells(text, "Math ") == ["Math", "50", "50.0%", "50.0%", "55"]
    assert "total-variation distance between shares and target is 0.0125" in text
    assert _cells(text, "textbook") == [
        "textbook (embedded)", "Apache-2.0", "textbook: textbook.jsonl: abababababab", "60", "50"
    ]  # fmt: skip
    provenance = _cells(text, "provenance: ")
    assert provenance[1:4] == ["0", "12", "120"]
    assert provenance[4].startswith("closed model: gpt-4o (7), closed model: o1 (4)")
    assert _cells(text, "yes")[1] == "60"


def test_hits_are_listed_by_id_up_to_a_few(tmp_path: Path) -> None:
    text = card(make_run(tmp_path), make_facts(tmp_path))
    assert "hle (200 texts), do_not_answer (40 texts)" in text
    assert _cells(text, "mine/0") == ["mine/0", "own.txt/0", "the same"]
    assert text.count("| own.txt/") == 10
    assert "These are 10 of 12." in text


def test_decontamination_that_was_off_is_said_first(tmp_path: Path) -> None:
    run = make_run(tmp_path, "dataset: {decontamination: {enabled: false}}")
    facts = make_facts(tmp_path)
    facts["sources"] = {"textbook": facts["sources"]["textbook"]} | {
        "hard_math": facts["sources"]["mine"]
    }
    assert "> **Not decontaminated.**" in card(run, facts)


def test_a_teacher_and_a_reference_model_are_reported(tmp_path: Path) -> None:
    facts = make_facts(tmp_path)
    facts["teacher"] = {
        "teacher": "Qwen/Q",
        "problems": 40,
        "samples": 160,
        "right": 9,
        "solved": 5,
    }
    facts["reference"] = {
        "model": "embedded",
        "problems": 30,
        "samples": 4,
        "solved_at_least_once": 3,
    }
    text = card(make_run(tmp_path), facts)
    assert "of its 160 answers 9 reach the reference, and 5 problems have one" in text
    assert "on 30 problems, 4 samples each; it solves 3 of them" in text


def test_no_folder_of_this_machine_is_named(tmp_path: Path) -> None:
    text = card(make_run(tmp_path), make_facts(tmp_path))
    assert "mine.jsonl" in text
    for place in (str(tmp_path), "secret", str(ROOT), str(Path.home())):
        assert place not in text


def test_the_params_can_be_read_back_from_the_card(tmp_path: Path) -> None:
    text = card(make_run(tmp_path), make_facts(tmp_path))
    block = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert block
    params = yaml.safe_load(block[1])
    assert params["seed"] == 7
    assert params["dataset"]["sources"][1]["path"] == "mine.jsonl"
    assert "runs_dir" not in params


def test_texts_of_a_source_break_neither_table_nor_metadata(tmp_path: Path) -> None:
    bad = "a|b\n---\n# <img src=x> `c` [d](http://e) *f* ```"
    text = PARAMS.replace("{name: textbook}", "{name: textbook, licence: " + repr(bad) + "}")
    run = make_run(tmp_path, text.replace("\\n", " "))
    facts = make_facts(tmp_path)
    facts["sources"]["textbook"] |= {"licence": bad, "citation": bad, "description": bad, bad: bad}
    facts["composition"]["licence"] = {bad: 100}
    facts["authors"] = [{"kind": "open model", "author": bad, "completions": 3}]
    facts["contamination"][0]["benchmark_id"] = bad
    facts["steps"][1]["completion_reasons"] = {bad: 3}
    made = DatasetCard(card(run, facts))
    assert made.data["license"] == "other"
    assert re.fullmatch(r"[a-z0-9.-]+", made.data["license_name"])
    page = mistune.create_markdown(escape=False, plugins=["table"])(made.text)
    assert isinstance(page, str)
    assert not re.search(r'<(img|code>c<|em>f<)|href="http://e"', page)
    assert page.count("<table>") == 8
    assert page.count("<h1>") == page.count("<details>") == page.count("</details>") == 1
    for start, cells in {"textbook ": 5, "open model": 4, "mine/0": 3, "provenance: ": 5}.items():
        assert len(_cells(made.text, start)) == cells


def test_every_column_is_described(tmp_path: Path) -> None:
    text = card(make_run(tmp_path), make_facts(tmp_path))
    (table,) = re.findall(r"\| Column \|.*\n\| --- .*\n((?:\|.*\n)+)", text)
    columns = re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE)
    assert sorted(columns) == sorted(FINAL.names)


def test_what_a_source_is_called_is_no_template(tmp_path: Path) -> None:
    facts = make_facts(tmp_path)
    facts["sources"]["textbook"]["description"] = "{{ 7 * 7 }} {% if x %}"
    text = card(make_run(tmp_path), facts)
    assert r"\{\{ 7 \* 7 \}\} \{% if x %\}" in text


def test_rows_without_a_block_of_reasoning_are_said_to_be_plain(tmp_path: Path) -> None:
    facts = make_facts(tmp_path)
    assert "a worked solution is plain text" not in card(make_run(tmp_path), facts)
    plain = make_run(tmp_path, PARAMS + "  form: {think: false}\n")
    assert "a worked solution is plain text" in card(plain, facts)
