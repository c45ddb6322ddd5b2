"""Rejected responses: of a row of a preference set, and of a file of answers to a source's prompts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.dataset.sources import identity, read
from llmc_lib.errors import UserError
from llmc_lib.params import SourceParams
from llmc_lib.records import Example

USER, GOOD, BAD = "Insult him.", "I'd rather not.", "He is a fool."


def _turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _one(tmp_path: Path, row: dict[str, Any], **fields: str) -> Example:
    path = _write(tmp_path / "x.jsonl", row)
    source = {"name": "mine", "kind": "files", "path": str(path), "category": "Safety"}
    (example,) = read(SourceParams.model_validate({**source, "fields": fields}), 0)
    return example


CONVERSATION = [_turn("user", USER), _turn("assistant", GOOD)]
OTHER = [_turn("user", USER), _turn("assistant", BAD)]
THREE = [_turn("user", "Hi."), _turn("assistant", "Hello."), _turn("user", USER)]


@pytest.mark.parametrize(
    ("row", "fields"),
    [
        ({"prompt": USER, "chosen": GOOD, "rejected": BAD}, {"question": "prompt", "completion": "chosen"}),
        (
            {"prompt": CONVERSATION[:1], "chosen": CONVERSATION[1:], "rejected": OTHER[1:]},
            {"question": "prompt", "completion": "chosen"},
        ),
        ({"prompt": USER, "chosen": CONVERSATION, "rejected": OTHER}, {"question": "prompt", "completion": "chosen"}),
        ({"chosen": CONVERSATION, "rejected": OTHER}, {"messages": "chosen"}),
        ({"chosen": CONVERSATION, "rejected": BAD}, {"messages": "chosen"}),
        ({"chosen": json.dumps(CONVERSATION), "rejected": json.dumps(OTHER)}, {"messages": "chosen"}),
        (
            {"chosen": f"\n\nHuman: {USER}\n\nAssistant: {GOOD}", "rejected": f"\n\nHuman: {USER}\n\nAssistant: {BAD}"},
            {"messages": "chosen"},
        ),
        ({"chosen": [*THREE, CONVERSATION[1]], "rejected": [*THREE, OTHER[1]]}, {"messages": "chosen"}),
        ({"chosen": [*THREE, CONVERSATION[1]], "rejected": OTHER[1:]}, {"messages": "chosen"}),
    ],
)  # fmt: skip
def test_forms_of_published_pairs(
    tmp_path: Path, row: dict[str, Any], fields: dict[str, str]
) -> None:
    example = _one(tmp_path, row, **fields, rejected="rejected")
    assert (example.question, example.completion, example.rejected) == (USER, GOOD, BAD)
    assert example.fault == ""


@pytest.mark.parametrize(
    ("rejected", "fault"),
    [
        ([_turn("user", "Praise him."), OTHER[1]], "chosen and rejected answer different prompts"),
        ([*THREE, OTHER[1]], "chosen and rejected answer different prompts"),
        (" ", "no rejected response"),
        (None, "no rejected response"),
        ([OTHER[0]], "no rejected response"),
        ([_turn("tool", BAD)], "a turn of 'tool': only system, user and assistant are trained on"),
    ],
)
def test_what_is_no_pair_is_said(tmp_path: Path, rejected: Any, fault: str) -> None:
    row = {"chosen": CONVERSATION, "rejected": rejected}
    example = _one(tmp_path, row, messages="chosen", rejected="rejected")
    assert (example.rejected, example.fault) == ("", fault)


def _safety(path: Path, **settings: Any) -> list[Example]:
    values = {"name": "safety", "rejected": str(path), **settings}
    return list(read(SourceParams.model_validate(values), 0))


def test_harmful_answers_to_the_prompts_of_a_source(tmp_path: Path) -> None:
    plain = list(read(SourceParams(name="safety"), 0))
    first, second, third = (row.question for row in plain[:3])
    path = _write(
        tmp_path / "answers.jsonl",
        {"prompt": f" {first}\n", "response": "harmful", "harmful": True},
        {"prompt": first, "response": "another", "harmful": True},
        {"prompt": second, "response": "safe", "harmful": False},
        {"prompt": third, "response": "ungraded", "harmful": None},
        {"prompt": third, "response": "nobody knows", "harmful": float("nan")},
        {"prompt": "of no row", "response": "harmful", "harmful": 1},
    )
    rows = _safety(path)
    assert {row.question: row.rejected for row in rows if row.rejected} == {first: "harmful"}
    assert [row.completion for row in rows] == [row.completion for row in plain]
    (digest,) = {*identity(SourceParams(name="safety", rejected=str(path))).values()} - {
        *identity(SourceParams(name="safety")).values()
    }
    assert len(digest) == 64


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"prompt": USER}, "has no field rejected or response or completion or output or answer; it has: prompt"),
        ({"text": USER, "response": BAD}, "has no field prompt or question or instruction; it has: text, response"),
        ({"prompt": USER, "response": BAD, "harmful": "very"}, "'harmful' must be true or false, not 'very'"),
        ({"prompt": USER, "response": BAD, "harmful": []}, "'harmful' must be true or false, not \\[\\]"),
        ({"prompt": USER, "response": BAD, "harmful": False}, "none of the 1 rows of .* has a prompt and a harmful response"),
    ],
)  # fmt: skip
def test_files_without_harmful_answers(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    path = _write(tmp_path / "answers.jsonl", row)
    with pytest.raises(UserError, match=r"dataset\.sources: safety: rejected: ") as raised:
        _safety(path)
    assert re.search(message, str(raised.value))
    with pytest.raises(UserError, match="rejected: no file or folder"):
        _safety(tmp_path / "absent.jsonl")


def test_problems_with_an_answer_are_no_pairs(tmp_path: Path) -> None:
    path = _write(tmp_path / "answers.jsonl", {"prompt": USER, "response": BAD})
    with pytest.raises(UserError, match="problems with a final answer, of which no pairs are made"):
        list(read(SourceParams(name="textbook", rejected=str(path)), 0))
