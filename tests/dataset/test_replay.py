"""Replay: what the base model says to general prompts, kept where it came to its end."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from llmc_lib import question_bank
from llmc_lib.dataset import build
from llmc_lib.dataset.builder import stage_key
from llmc_lib.dataset.replay import outcome, repetitive, replay
from llmc_lib.dataset.sources import read
from llmc_lib.dataset.sources.replay import prompts
from llmc_lib.dataset.texts.overlap import Screen
from llmc_lib.dataset.texts.signatures import signatures
from llmc_lib.errors import UserError
from llmc_lib.models.resolve import base_model
from llmc_lib.params import BenchmarkParams, DecontaminationParams, Params, SourceParams
from llmc_lib.records import Prediction
from llmc_lib.store import Run, sha256_text, write_jsonl

CIRCLES = "The best way to do it is to begin. " * 6
#: Sample by sample what the model says to each of four prompts.
ANSWERS = {
    "001": [("Weather is", "length"), ("Weather is today, climate is decades.", "stop")],
    "002": [("Thank you so much for the", "length"), ("Thank you so much for", "length")],
    "003": [(CIRCLES, "stop"), ("", "stop")],
    "004": [("", "stop"), ("Cut the stems and change the water.", "stop")],
}


@pytest.fixture(autouse=True)
def _no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine fails at once: whoever starts one is told. test_build_with_models.py has a real one."""
    monkeypatch.setattr(sys, "executable", "false")


def _run(folder: Path, **source: Any) -> Run:
    from tests.tiny import make_tokenizer

    model = folder / "tiny-model"
    if not model.exists():
        make_tokenizer(model)
        (model / "README.md").write_text("---\nlicense: mit\n---\n")
    values = {
        "run": "x",
        "runs_dir": str(folder / "runs"),
        "model": {"source": str(model)},
        "dataset": {
            "sources": [{"name": "replay", "rows": 4, **source}],
            "mixture": False,
            "validation": 0.0,
        },
    }
    return Run(Params.model_validate(values), folder / "my.yaml")


def _answer(run: Run, answers: dict[str, list[tuple[str, str]]] = ANSWERS) -> Path:
    """What the engine would have written."""
    (source,) = run.params.dataset.sources
    by_id = {prompt.id: prompt.prompt for prompt in prompts(source)}
    found = [
        Prediction(
            id_, number, "", text, reason, 9, len(text.split()), 0.1, sha256_text(by_id[id_])
        )
        for id_, said in answers.items()
        for number, (text, reason) in enumerate(said)
    ]
    path = run.dataset / "replay" / "replay" / f"{base_model(run).fingerprint}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_jsonl(path, [asdict(prediction) for prediction in found])
    return path


def test_of_each_prompt_the_first_answer_is_kept_that_ended(tmp_path: Path) -> None:
    run = _run(tmp_path)
    before = _answer(run).read_bytes()
    drafts, facts = replay(run)
    assert [(d.row_id, d.completion, d.fault) for d in drafts["replay"] if not d.fault] == [
        ("001", "Weather is today, climate is decades.", ""),
        ("004", "Cut the stems and change the water.", ""),
    ]
    assert {d.row_id: d.fault for d in drafts["replay"] if d.fault} == {
        "002": "the base model's answer was cut at the token limit",
        "003": "the base model's answer repeats itself",
    }
    assert asdict(facts["replay"]) == {
        "model": "tiny-model", "prompts": 4, "samples": 2, "kept": 2, "truncated": 1, "repetitive": 1,
        "empty": 0, "failed": 0,
    }  # fmt: skip
    assert _answer(run).read_bytes() == before


@pytest.mark.slow
def test_they_are_rows_like_others(tmp_path: Path) -> None:
    run = _run(tmp_path)
    _answer(run)
    built = build(run)
    rows = built.train.sort_values("id")
    assert list(rows["id"]) == ["replay/001", "replay/004"]
    assert set(rows["kind"]) == {"response"}
    assert set(rows["category"]) == {"Instruction"}
    assert set(zip(rows["author"], rows["author_kind"], rows["licence"], strict=True)) == {
        ("tiny-model", "open model", "mit")
    }
    assert list(rows["prompt"]) == list(rows["question"])
    form = next(step for step in built.manifest["steps"] if step["step"] == "form")
    assert form["reasons"] == {
        "the base model's answer repeats itself": 1,
        "the base model's answer was cut at the token limit": 1,
    }
    assert built.manifest["replay"]["replay"]["kept"] == 2
    assert built.manifest["sources"]["replay"]["read"] == 4


def test_a_file_of_prompts_takes_the_place_of_those_here(tmp_path: Path) -> None:
    asked = [
        {"id": "a", "ask": "What is a fjord?"},
        {"id": "a", "ask": "And a geyser?"},
        {"id": "c", "ask": " "},
    ]
    (tmp_path / "asks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    fields = {"question": "ask", "id": "id"}
    run = _run(tmp_path, path=str(tmp_path / "asks.jsonl"), fields=fields, sampling={"samples": 1})
    _answer(
        run, {"a": [("A narrow arm of the sea.", "stop")], "00002": [("A hot spring.", "stop")]}
    )
    drafts, _ = replay(run)
    assert [(d.question, d.completion) for d in drafts["replay"]] == [
        ("What is a fjord?", "A narrow arm of the sea."),
        ("And a geyser?", "A hot spring."),
    ]


def test_other_settings_ask_anew(tmp_path: Path) -> None:
    run, warmer = _run(tmp_path), _run(tmp_path, sampling={"temperature": 1.0})
    assert stage_key(run) != stage_key(warmer)


def test_the_first_prompts_are_asked_whatever_their_number() -> None:
    def asked(rows: int | None) -> list[str]:
        return [p.prompt for p in prompts(SourceParams(name="replay", rows=rows))]

    assert len(set(asked(None))) == len(asked(None)) >= 150
    assert asked(20) == asked(None)[:20]
    assert len({p.subject for p in prompts(SourceParams(name="replay", rows=20))}) >= 6


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CIRCLES, True),
        ("Mina, Otto and Pip are good names for a cat.", False),
        ("1. Read the book.\n2. Write the book.\n3. Sell the book.", False),
        ("In the beginning there was a clock. In the beginning there was a clock.", True),
        ("word " * 40, True),
        ("", False),
    ],
)
def test_going_round_in_circles_is_seen(text: str, expected: bool) -> None:
    assert repetitive(text) is expected


@pytest.mark.parametrize("reason", ["length", "abort"])
def test_what_did_not_end_by_itself_is_truncated(reason: str) -> None:
    assert outcome(Prediction("1", 0, "", "Yes.", reason, 1, 1, 0.1, "")) == "truncated"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"path": "x.jsonl"}, "must say which field of the file is the prompt"),
        ({"row_kind": "chat"}, "rows of replay are responses"),
        (
            {"path": "x.jsonl", "fields": {"question": "q", "completion": "c"}},
            "'completion' is not read",
        ),
        ({"sampling": {"max_tokens": 4096}}, "must be less than max_model_len"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SourceParams.model_validate({"name": "replay", **settings})


def test_a_file_without_the_field_is_named(tmp_path: Path) -> None:
    (tmp_path / "asks.jsonl").write_text('{"q": "?"}\n')
    run = _run(tmp_path, path=str(tmp_path / "asks.jsonl"), fields={"question": "ask"})
    with pytest.raises(UserError, match=r"dataset\.sources: replay: .*line 1 has no field 'ask'"):
        replay(run)


def test_no_prompt_is_near_a_row_or_a_benchmark_question() -> None:
    rows = {
        name: {row.id: row.question for row in read(SourceParams(name=name), 0)}
        for name in ("instructions", "safety")
    }
    asked = {
        name: {q.id: q.question for q in question_bank.load(BenchmarkParams(name=name))}
        for name in ("hle", "do_not_answer")
    }
    own = [prompt.prompt for prompt in prompts(SourceParams(name="replay"))]
    screen = Screen({**rows, **asked}, DecontaminationParams(ngram=8, near=0.5))
    hits = screen.find(own, own, signatures(own))
    assert {text: hit for text, hit in zip(own, hits, strict=True) if hit} == {}
