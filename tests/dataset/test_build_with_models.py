"""The data set's build where models take part: a real engine, the embedded model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmc_lib.dataset import build
from llmc_lib.errors import UserError
from llmc_lib.store import open_run

PARAMS = """
run: sums
runs_dir: {folder}/runs
training: {{max_length: 512}}
dataset:
  sources:
    - name: sums
      kind: files
      path: {folder}/sums.jsonl
      fields: {{id: id, question: problem, answer: answer, completion: solution, author: by}}
      category: Math
  difficulty: {{enabled: true, samples: 2, max_tokens: 12, max_model_len: 256, max_pass_rate: 1.0, engine: {engine}}}
  completions: {{enabled: true, samples: 3, max_tokens: 12, max_model_len: 256, choose: shortest, engine: {engine}}}
  shares: {{Math: 1.0}}
  validation: {validation}
"""

#: Its memory is filled with zeros when an engine starts.
ENGINE = "{vllm: {kv_cache_memory_bytes: 67108864}}"


def _write(folder: Path, validation: float = 0.0) -> Path:
    sums = [(a, b) for a in range(1, 3) for b in range(2, 5)]
    rows = [
        {"id": f"{a}+{b}", "problem": f"What is {a} + {b}? Give only the number.", "answer": a + b}
        for a, b in sums
    ]
    closed = {"solution": f"It is \\boxed{{{sum(sums[0])}}}.", "by": "gpt-4o"}
    person = {"solution": f"It is \\boxed{{{sum(sums[1])}}}.", "by": "person"}
    rows[0], rows[1] = {**rows[0], **closed}, {**rows[1], **person}
    (folder / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    path = folder / "sums.yaml"
    path.write_text(PARAMS.format(folder=folder, validation=validation, engine=ENGINE))
    return path


@pytest.mark.slow
@pytest.mark.usefixtures("warm_python")
def test_a_teacher_fills_in_what_it_can_verify(tmp_path: Path, runs_dir: Path) -> None:
    run = open_run(_write(tmp_path))
    built = build(run)
    teacher, reference = built.manifest["teacher"], built.manifest["reference"]
    assert teacher["teacher"] == reference["model"] == "SmolLM2-135M-Instruct"
    assert (teacher["problems"], teacher["samples"], teacher["failed"]) == (5, 15, 0)
    outcomes = ("right", "wrong", "truncated", "without_answer", "failed")
    assert sum(teacher[outcome] for outcome in outcomes) == 15
    assert (reference["problems"], sum(reference["histogram"])) == (6, 6)
    rows = built.train.set_index("id")
    written = rows[rows["author"] == "SmolLM2-135M-Instruct"]
    assert 2 <= len(written) == teacher["solved"] <= 5
    assert set(written["author_kind"]) == {"open model"}
    assert set(written["verified"]) <= {"yes", "not stated"}
    for row in written.to_dict("records"):
        assert row["completion"].startswith("<think>\n")
        assert row["completion"].endswith(f"Answer: {row['answer']}")
    assert rows.loc["sums/1+3", "author"] == "person"
    assert rows["pass_rate"].between(rows["pass_rate_low"], rows["pass_rate_high"]).all()
    assert (rows["pass_rate_high"] - rows["pass_rate_low"]).min() > 0.5  # two samples say little
    steps = {step["step"]: step for step in built.manifest["steps"]}
    assert steps["provenance"]["completion_reasons"] == {"closed model: gpt-4o": 1}
    assert len(rows) + steps["completions"]["removed"] == 6
    # Another split asks no model again.
    answers = {path: path.stat().st_mtime_ns for path in run.dataset.rglob("*.jsonl")}
    assert len(answers) == 2
    again = build(open_run(_write(tmp_path, validation=0.3)))
    assert len(again.validation) > 0
    assert {path: path.stat().st_mtime_ns for path in run.dataset.rglob("*.jsonl")} == answers


def test_a_closed_teacher_is_refused_before_it_is_asked(tmp_path: Path) -> None:
    from tests.tiny import make_tokenizer

    make_tokenizer(tmp_path / "gpt-4o-mini")
    path = _write(tmp_path)
    text = path.read_text().replace(
        "choose: shortest", f"model: {{source: {tmp_path}/gpt-4o-mini}}"
    )
    text = text.replace("difficulty: {enabled: true", "difficulty: {enabled: false")
    path.write_text(f"model: {{source: {tmp_path}/gpt-4o-mini}}\n{text}")
    with pytest.raises(
        UserError, match=r"dataset\.completions\.model: .*closed model: gpt-4o-mini"
    ):
        build(open_run(path))
