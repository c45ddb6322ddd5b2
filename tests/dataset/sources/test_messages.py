"""Conversations in the forms that published sets have, and what cannot be trained on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.dataset.sources import read
from llmc_lib.dataset.sources._messages import NoMessages, as_messages, as_part, turns
from llmc_lib.errors import UserError
from llmc_lib.params import SourceParams
from llmc_lib.records import Message

TWO = (Message("system", "Be brief."), Message("user", "A?"), Message("assistant", "a"))


def _openai(*turns_: tuple[str, Any]) -> list[dict[str, Any]]:
    return [{"role": role, "content": content} for role, content in turns_]


FULL = _openai(
    ("system", "Be brief."), ("user", "A?"), ("assistant", "a"), ("user", "B?"), ("assistant", "b")
)


@pytest.mark.parametrize(
    "value",
    [
        FULL,
        json.dumps(FULL),
        [{"from": {"user": "human", "assistant": "gpt"}.get(m["role"], "system"), "value": m["content"]}
         for m in FULL],
        [{**m, "content": [{"type": "text", "text": m["content"]}]} for m in FULL],
        [{**m, "weight": 1, "tool_calls": None} for m in FULL],
        [*FULL, {"role": "user", "content": "Thanks!"}],
        [{**m, "from": None, "value": None} for m in FULL],
        [{"role": None, "from": m["role"], "value": m["content"]} for m in FULL],
    ],
)  # fmt: skip
def test_all_forms_are_read(value: Any) -> None:
    assert turns(as_messages(value)) == (TWO, "B?", "b", "")


def test_texts_are_of_user_and_assistant_in_turn() -> None:
    assert turns(as_messages(["A?", "a", "B?", "b"])) == (
        (Message("user", "A?"), Message("assistant", "a")), "B?", "b", "",
    )  # fmt: skip


def test_hh_text_is_split_into_turns() -> None:
    text = "\n\nHuman: Why?\n\nFor whom: me.\n\nAssistant: So.\n\nHuman: Oh\n\nAssistant: Yes. "
    assert turns(as_messages(text)) == (
        (Message("user", "Why?\n\nFor whom: me."), Message("assistant", "So.")), "Oh", "Yes. ", "",
    )  # fmt: skip


def test_parts_of_a_pair_are_joined() -> None:
    asked, said = _openai(("user", "A?")), _openai(("assistant", "a"))
    assert turns(asked, said) == turns("A?", said) == turns(asked, "a") == ((), "A?", "a", "")
    # A response that repeats the prompt is the whole conversation.
    assert turns("A?", [*asked, *said]) == ((), "A?", "a", "")


def test_a_part_may_be_a_message_or_json_text() -> None:
    asked, said = _openai(("user", "A?")), _openai(("assistant", "a"))
    assert as_part(json.dumps(asked)) == asked
    assert as_part(said[0]) == said
    for text in ("A?", '[{"a": 1}]', "[{x", "[]"):
        assert as_part(text) == text


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}],
        [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, "a"],
        [{"type": "reasoning", "text": "hm"}, {"type": "output_text", "text": "a"}],
    ],
)
def test_reasoning_in_a_part_of_its_own_is_put_into_its_block(content: Any) -> None:
    said = turns(_openai(("user", "A?"), ("assistant", content)))
    assert said.completion == "<think>\nhm\n</think>\n\na"


def test_reasoning_in_a_field_of_its_own_is_put_into_its_block() -> None:
    said = [
        *_openai(("user", "A?")),
        {"role": "assistant", "content": "a", "reasoning_content": "hm"},
    ]
    assert turns(said).completion == "<think>\nhm\n</think>\n\na"


@pytest.mark.parametrize(
    ("messages", "fault"),
    [
        (_openai(("user", "A?"), ("tool", "x"), ("assistant", "a")), "a turn of 'tool'"),
        ([*_openai(("user", "A?")), {"role": "assistant", "content": "", "tool_calls": [{}]}], "a call of a tool"),
        ([*_openai(("user", "A?")), {"role": "assistant", "tool_calls": [{}]}], "a call of a tool"),
        (_openai(("user", [{"type": "text"}]), ("assistant", "a")), "an empty turn"),
        (_openai(("user", [{"type": "image_url"}]), ("assistant", "a")), "a part of type 'image_url'"),
        (_openai(("user", "A?"), ("user", "B?"), ("assistant", "b")), "do not alternate"),
        (_openai(("assistant", "a"), ("user", "B?"), ("assistant", "b")), "do not alternate"),
        (_openai(("user", " "), ("assistant", "a")), "an empty turn"),
        (_openai(("assistant", "a")), "no user turn"),
        ([], "no user turn"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_on_has_a_reason(messages: Any, fault: str) -> None:
    assert fault in turns(messages).fault


@pytest.mark.parametrize(
    "value",
    [
        "Hello",
        7,
        [{"text": "Hello"}],
        ["Hello"],
        [{"role": "user"}],
        ["A", 1],
        "[" * 9999,
        "[" * 100_000,
        '{"role": "user"}',
    ],
)
def test_what_is_no_conversation_is_refused(value: Any) -> None:
    with pytest.raises(NoMessages, match="must be a list of messages with role and content"):
        turns(as_messages(value))


def _source(folder: Path, *rows: Any, **settings: Any) -> SourceParams:
    path = folder / "x.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return SourceParams.model_validate(
        {"name": "own", "kind": "files", "path": str(path), "category": "Safety", **settings}
    )


def test_rows_of_messages_are_chats_unless_told_otherwise(tmp_path: Path) -> None:
    one, two = {"m": FULL[1:3]}, {"m": FULL}
    for settings, expected in (
        ({}, [("chat", "last"), ("chat", "all")]),
        ({"loss": "last"}, [("chat", "last")] * 2),
        ({"row_kind": "response"}, [("response", "last")] * 2),
    ):
        rows = list(read(_source(tmp_path, one, two, fields={"messages": "m"}, **settings), 0))
        assert [(row.kind, row.loss) for row in rows] == expected
        assert [row.answer_type for row in rows] == ["none", "none"]
        assert [row.history for row in rows] == [(), TWO]


def test_a_system_prompt_may_have_a_field_of_its_own(tmp_path: Path) -> None:
    fields = {"question": "q", "completion": "a", "system": "s"}
    rows = [{"q": "A?", "a": "a", "s": "Be brief."}, {"q": "B?", "a": "b", "s": ""}]
    found = list(read(_source(tmp_path, *rows, fields=fields, row_kind="response"), 0))
    assert [row.history for row in found] == [TWO[:1], ()]


def test_what_belongs_to_a_prompt_or_a_response_may_have_a_field_of_its_own(tmp_path: Path) -> None:
    fields = {"question": "q", "input": "i", "reasoning": "r", "completion": "c"}
    rows = [{"q": "A?", "i": "x", "r": "hm", "c": "a\n"}, {"q": "B?", "i": "", "r": None, "c": "b"},
            {"q": "C?", "i": None, "r": "hm", "c": "<think>so</think>c"}, {"q": "", "i": "D?", "r": "", "c": "d"}]  # fmt: skip
    found = list(read(_source(tmp_path, *rows, fields=fields, row_kind="response"), 0))
    assert [(row.question, row.completion) for row in found] == [
        ("A?\n\nx", "<think>\nhm\n</think>\n\na\n"), ("B?", "b"), ("C?", "<think>so</think>c"), ("D?", "d"),
    ]  # fmt: skip


def test_a_conversation_has_one_system_prompt(tmp_path: Path) -> None:
    fields, rows = (
        {"messages": "m", "system": "s"},
        [{"m": FULL, "s": s} for s in ("", "Be brief.", "Be long.")],
    )
    found = list(
        read(_source(tmp_path, *rows, {"m": FULL[1:3], "s": "Be kind."}, fields=fields), 0)
    )
    assert [row.fault for row in found] == ["", "", "two system prompts", ""]
    assert [row.history for row in found] == [TWO] * 3 + [(Message("system", "Be kind."),)]


def test_of_several_responses_one_is_named(tmp_path: Path) -> None:
    row = {"q": "A?", "c": ["a", "b"]}
    with pytest.raises(
        UserError, match=r"fields\.completion: .*line 1: c: is a list of 2 values; name one"
    ):
        list(read(_source(tmp_path, row, fields={"question": "q", "completion": "c"}), 0))
    fields = {"question": "q", "completion": "c.1"}
    assert [row.completion for row in read(_source(tmp_path, row, fields=fields), 0)] == ["b"]


def test_a_row_that_is_no_conversation_is_named(tmp_path: Path) -> None:
    source = _source(tmp_path, {"m": FULL}, {"m": "Hello"}, fields={"messages": "m"})
    with pytest.raises(
        UserError, match=r"own: fields\.messages: .*line 2: m: must be a list of messages"
    ):
        list(read(source, 0))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fields": {"messages": "m", "question": "q"}}, "give either messages"),
        ({"fields": {"question": "q"}, "loss": "all"}, "give row_kind: chat"),
        ({"fields": {"completion": "c"}}, "question: <field>, or messages: <field>"),
        ({"fields": {"question": "q"}, "sampling": {}}, "is for replay alone"),
        ({"fields": {"question": "q"}, "row_kind": "prose"}, "verifiable"),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        _source(tmp_path, {}, **settings)
