"""Rows as teams publish them, a source each: every response is learnt byte for byte, and shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llmc_lib.dataset import build
from llmc_lib.dataset.builder import BuiltDataset
from llmc_lib.errors import UserError
from llmc_lib.models.chat import ChatFormat
from llmc_lib.reporting import dataset_sample
from llmc_lib.store import open_run
from llmc_lib.training.methods.sft.rows import IGNORED, load_rows

NO = "I won't help with that one, but I can tell you whom to ask."
OPENAI = [("system", "Be kind."), ("user", "What is a {}?"), ("assistant", "A thing.\n"), ("user", "And two {}s?"),
          ("assistant", "  1. This.\n  2. That.\n")]  # fmt: skip


class Shape(NamedTuple):
    """Rows of one form; in each "{}" is another word. `learnt`: the assistant's turns, as they are learnt."""

    settings: str
    row: Any
    learnt: list[str]
    more: str = ""  # what else is given to the model
    suffix: str = "jsonl"


def _messages(
    turns: list[tuple[str, Any]], who: str = "role", what: str = "content"
) -> list[dict[str, Any]]:
    return [{who: role, what: content} for role, content in turns]


def _said(*learnt: str) -> list[tuple[str, str]]:
    return [("user", "Tell me about the {}."), *(("assistant", text) for text in learnt)]


_ANSWERS = ["A thing.\n", "  1. This.\n  2. That.\n"]
_SHAREGPT = [{"system": "system", "user": "human", "assistant": "gpt"}[role] for role, _ in OPENAI]
M = "fields: {messages: m}"
QC = "row_kind: response, fields: {question: q, completion: c}"
SHAPES: dict[str, Shape] = {
    "several turns": Shape(M, {"m": _messages(OPENAI)}, _ANSWERS, "Be kind."),
    "last turn": Shape(f"loss: last, {M}", {"m": _messages(OPENAI)}, _ANSWERS[1:], "A thing."),
    "sharegpt": Shape(
        "fields: {messages: conversations, id: id}",
        {"id": "x-{}", "conversations": [{"from": who, "value": text}
                                         for who, (_, text) in zip(_SHAREGPT, OPENAI, strict=True)]},
        _ANSWERS, "Be kind.",
    ),
    "sharegpt with a system field": Shape(
        "fields: {messages: conversations, system: system}",
        {"system": "Be kind.", "conversations": _messages([("human", "Why {}?"), ("gpt", "So.")], "from", "value")},
        ["So."], "Be kind.",
    ),
    "json text": Shape(M, {"m": json.dumps(_messages(OPENAI))}, _ANSWERS, "Be kind.", "csv"),
    "refusal after think": Shape(M, {"m": _messages(_said(f"<think>\nNo.\n</think>\n\n{NO}"))},
                                 [f"<think>\nNo.\n</think>\n\n{NO}"]),
    "refusal after thinking": Shape(M, {"m": _messages(_said(f"<thinking>No.</thinking>{NO}"))},
                                    [f"<thinking>No.</thinking>{NO}"]),
    "empty reasoning": Shape(M, {"m": _messages(_said(f"<think>\n\n</think>\n\n{NO}"))},
                             [f"<think>\n\n</think>\n\n{NO}"]),
    "reasoning of a message": Shape(
        M, {"m": [*_messages(_said()), {"role": "assistant", "content": NO, "reasoning_content": "No."}]},
        [f"<think>\nNo.\n</think>\n\n{NO}"],
    ),
    "reasoning in a field": Shape(
        "row_kind: response, fields: {question: q, reasoning: r, completion: c}",
        {"q": "How do I break the {}?", "r": "No.", "c": NO}, [f"<think>\nNo.\n</think>\n\n{NO}"],
    ),
    "parts": Shape(
        M, {"m": _messages([(role, [{"type": "text", "text": text}]) for role, text in OPENAI])}, _ANSWERS, "Be kind.",
    ),
    "a part of reasoning": Shape(
        M, {"m": _messages([("user", "What of the {}?"), ("assistant", [
            {"type": "thinking", "thinking": [{"type": "text", "text": "No."}]}, {"type": "text", "text": NO}])])},
        [f"<think>\nNo.\n</think>\n\n{NO}"],
    ),
    "chosen texts": Shape(
        "row_kind: response, fields: {question: prompt, completion: chosen}",
        {"prompt": "Insult my {}.", "chosen": NO, "rejected": "Ha!"}, [NO],
    ),
    "chosen messages": Shape(
        "fields: {messages: chosen}",
        {"prompt": "Insult my {}.", "chosen": _messages(_said(NO)), "rejected": _messages(_said("Ha!"))}, [NO],
    ),
    "chosen messages behind a text": Shape(
        "row_kind: response, fields: {question: prompt, completion: chosen}",
        {"prompt": "Tell me about the {}.", "chosen": _messages(_said(NO))}, [NO],
    ),
    "chosen messages behind messages": Shape(
        "row_kind: response, fields: {question: prompt, completion: chosen}",
        {"prompt": _messages(_said()), "chosen": _messages([("assistant", NO)])}, [NO],
    ),
    "hh": Shape("fields: {messages: chosen}",
                {"chosen": "\n\nHuman: Hit the {}?\n\nAssistant: Why?\n\nHuman: Hm.\n\nAssistant: No.\n\nPlease."},
                ["Why?", "No.\n\nPlease."]),
    "alpaca": Shape(
        "row_kind: response, fields: {question: instruction, input: input, completion: output}",
        {"instruction": "Translate.", "input": "the {}", "output": "Das Ding.\n\n"}, ["Das Ding.\n\n"],
        "Translate.\n\nthe ",
    ),
    "alpaca without input": Shape(
        "row_kind: response, fields: {question: instruction, input: input, completion: output}",
        {"instruction": "Name a {}.", "input": "", "output": "Pip."}, ["Pip."],
    ),
    "orca": Shape(
        "row_kind: response, fields: {system: s, question: q, completion: c}",
        {"s": "You are a pirate.", "q": "What is a {}?", "c": "Arr."}, ["Arr."], "You are a pirate.",
    ),
    "lima": Shape("fields: {messages: conversations}",
                  {"conversations": ["Why is the {} blue?", "It is not.", "Oh.", "Yes."]}, ["It is not.", "Yes."]),
    "a list of responses": Shape("row_kind: response, fields: {question: q, completion: r.1}",
                                 {"q": "Why {}?", "r": ["No.", "It is so."]}, ["It is so."]),
    "a message as response": Shape(QC, {"q": "Who is {}?", "c": {"role": "assistant", "content": NO}}, [NO]),
    "json as response": Shape(QC, {"q": "Write a chat about {} as JSON.",
                                   "c": '[{"role": "user", "content": "Hi"}]'}, ['[{"role": "user", "content": "Hi"}]']),
    "parquet": Shape(M, {"m": _messages(OPENAI)}, _ANSWERS, "Be kind.", "parquet"),
    "parquet of both forms": Shape(
        M, {"m": [{"role": None, "content": None, "from": who, "value": text, "tool_calls": None}
                  for who, text in (("human", "What is {}?"), ("gpt", NO))]}, [NO], suffix="parquet",
    ),
    "parquet with parts": Shape(
        M, {"m": _messages([(role, [{"type": None, "text": text}]) for role, text in OPENAI])}, _ANSWERS,
        suffix="parquet",
    ),
    "prose": Shape(QC, {"q": "Prove {}.", "c": "Suppose not.\r\n\tThen\u00a0so.\n\n\n$\\square$ 🙂 "},
                   ["Suppose not.\r\n\tThen\u00a0so.\n\n\n$\\square$ 🙂 "]),
    "code": Shape(QC, {"q": "Indent {}.", "c": "    return 1\n"}, ["    return 1\n"]),
    "tags in prose": Shape(QC, {"q": "How do I open a {}?", "c": "Write `<think>` in front."},
                           ["Write `<think>` in front."]),
    "hashes": Shape("category: Math, fields: {question: q, completion: c}",
                    {"q": "How many {}s in 3 and 4?", "c": "<think>\n3 + 4 = 7\n#### 7"},
                    ["<think>\n3 + 4 = 7\n</think>\n\n#### 7\n\nAnswer: 7"]),
    "judgment": Shape("category: Math, fields: {question: q, completion: c, answer: a}",
                      {"q": "Rate the {} from 1 to 5.", "c": "<think>\nFair.\n</think>\n\nJudgment: 3", "a": 3},
                      ["<think>\nFair.\n</think>\n\nJudgment: 3\n\nAnswer: 3"]),
    "judgment without an end": Shape("category: Math, fields: {question: q, completion: c}",
                                     {"q": "Grade this {}.", "c": "<think>Fair.\nJudgment: 3"},
                                     ["<think>\nFair.\n</think>\n\nJudgment: 3\n\nAnswer: 3"]),
}  # fmt: skip
WORDS = ("table", "river", "cloud")


def _named(value: Any, word: str) -> Any:
    if isinstance(value, str):
        return value.replace("{}", word)
    if isinstance(value, list):
        return [_named(item, word) for item in value]
    return (
        {key: _named(item, word) for key, item in value.items()}
        if isinstance(value, dict)
        else value
    )


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".csv":
        cells = ["m", *('"' + row["m"].replace('"', '""') + '"' for row in rows)]
        path.write_text("\n".join(cells) + "\n")
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.tiny import make_tokenizer

    folder = tmp_path_factory.mktemp("model")
    make_tokenizer(folder)
    return folder


def _build(
    folder: Path,
    model: Path,
    sources: dict[str, Shape],
    words: tuple[str, ...] = WORDS,
    more: str = "",
) -> BuiltDataset:
    lines = []
    for number, (name, shape) in enumerate(sources.items()):
        path = folder / f"{number}.{shape.suffix}"
        _write(path, [_named(shape.row, f"{word} of {name}") for word in words])
        category = "" if "category" in shape.settings else ", category: Instruction"
        lines.append(
            f"    - {{name: s{number}, kind: files, path: {path}{category}, {shape.settings}}}\n"
        )
    params = folder / "x.yaml"
    params.write_text(
        f"run: x\nruns_dir: {folder}/runs\nmodel: {{source: {model}}}\ndataset:\n  sources:\n{''.join(lines)}"
        f"  validation: 0.0\n  mixture: false\n{more}"
    )
    return build(open_run(params))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, model: Path) -> BuiltDataset:
    return _build(tmp_path_factory.mktemp("rows"), model, SHAPES)


@pytest.fixture(scope="module")
def learnt(
    built: BuiltDataset, model: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[tuple[str, str]]]:
    """Source → of each row what is learnt and all that training sees, decoded."""
    cache = tmp_path_factory.mktemp("cache")
    loaded, _ = load_rows(built.folder / "train.parquet", model, 4096, cache)
    decode: Callable[[list[int]], str] = ChatFormat(model).tokenizer.decode
    found: dict[str, list[tuple[str, str]]] = {}
    for source, row in zip(built.train["source"], loaded, strict=True):
        labels = decode([token for token in row["labels"] if token != IGNORED])
        found.setdefault(source, []).append((labels, decode(row["input_ids"])))
    return found


@pytest.mark.slow
def test_all_are_kept(built: BuiltDataset) -> None:
    removed = {step["step"]: step["reasons"] for step in built.manifest["steps"] if step["reasons"]}
    assert removed == {}
    assert built.manifest["rows"]["train"] == len(WORDS) * len(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_learnt_is_the_response_and_the_end_of_its_turn(
    name: str, learnt: dict[str, list[tuple[str, str]]]
) -> None:
    shape = SHAPES[name]
    rows = learnt[f"s{list(SHAPES).index(name)}"]
    assert len(rows) == len(WORDS)
    for labels, whole in rows:
        assert labels == "".join(f"{text}<|im_end|>" for text in shape.learnt)
        assert shape.more in whole


def test_the_notebook_shows_each(built: BuiltDataset) -> None:
    markup = dataset_sample.sample(built.first(500), len(built.train), 0).markup
    for name in SHAPES:
        assert name in markup
    assert "whom to ask" in markup


# ---- what no row can be made of ----------------------------------------------------------------

TOOLS = [{"role": "user", "content": "Weather in {}?"}, {"role": "assistant", "tool_calls": [{"id": "1"}]},
         {"role": "tool", "content": "rain"}, {"role": "assistant", "content": "Rain."}]  # fmt: skip
USED = Shape(QC, {"q": "Why the {}?", "c": "So."}, ["So."])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        (Shape(M, {"m": TOOLS}, []), "a call of a tool, which no turn here can hold"),
        (Shape(M, {"m": _messages([("human", "{}?"), ("function_call", "f")], "from", "value")}, []),
         "a turn of 'function_call': only system, user and assistant are trained on"),
        (Shape(M, {"m": None}, []), "no user turn"),
        (Shape(M, {"m": _messages([("user", "{}?"), ("assistant", None)])}, []), "an empty turn"),
        (Shape(M, {"m": _messages([("user", "{}?"), ("assistant", [{"type": "text"}])])}, []), "an empty turn"),
        (Shape(M, {"m": _messages(_said("<thinking>\nI sh"))}, []), "reasoning without an end"),
        (Shape(QC, {"q": None, "c": "So."}, []), "no question"),
        (Shape(QC, {"q": "Why {}?", "c": None}, []), "no response"),
        (Shape("fields: {messages: m, system: s}", {"s": "B", "m": _messages([("system", "A"), *_said("{}")])}, []),
         "two system prompts"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_trained_on_has_its_reason(
    shape: Shape, reason: str, tmp_path: Path, model: Path
) -> None:
    built = _build(tmp_path, model, {"bad": shape, "used": USED}, WORDS[:1])
    step = next(step for step in built.manifest["steps"] if step["step"] == "form")
    assert step["reasons"] == {reason: 1}
    assert list(built.train["completion"]) == ["So."]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (Shape(M, {"m": "What is {}?"}, []), r"fields\.messages: .*line 1: m: must be a list of messages"),
        (Shape(M, {"m": [{"speaker": "A", "words": "{}"}]}, []), r"must be a list of messages with role and content"),
        (Shape(QC, {"q": "{}", "c": ["A.", "B."]}, []), r"fields\.completion: .*line 1: c: is a list of 2 values"),
        (Shape("category: Math, fields: {question: q, completion: c}", {"q": "Prove {}.", "c": "Suppose not. So it is."}, []),
         r"no row is left .*\. Removed were, for example, s0/00001: no final answer \(row_kind: response takes rows without one as they are\)"),
        (Shape("fields: {messages: m, question: q}", {}, []), "give either messages, which hold all turns"),
    ],
)  # fmt: skip
def test_a_file_of_another_form_is_told(
    shape: Shape, message: str, tmp_path: Path, model: Path
) -> None:
    with pytest.raises(UserError, match=message):
        _build(tmp_path, model, {"bad": shape}, WORDS[:1])
