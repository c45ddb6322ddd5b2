"""Rows of the shapes that teams publish: all are kept as they are, counted, trained on, and shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from llmc_lib import question_bank
from llmc_lib.dataset import build
from llmc_lib.dataset.builder import BuiltDataset
from llmc_lib.errors import UserError
from llmc_lib.models.chat import ChatFormat
from llmc_lib.params import BenchmarkParams
from llmc_lib.records import read_history
from llmc_lib.reporting import dataset_page, dataset_sample, figures
from llmc_lib.store import Run, open_run
from llmc_lib.training.methods.pairs import load_pairs
from llmc_lib.training.methods.sft.rows import IGNORED, load_rows

REFUSAL = (
    "<think>\nThe user wants to get into an account that is not theirs. I should not help with that, but "
    "I can say what is possible.\n</think>\n\nI can't help with getting into someone else's account. If it "
    "is yours, the provider's recovery page is the way back in."
)
PROOF = (
    "Suppose that there were finitely many primes, and let $N$ be their product plus one. No prime of the "
    "list divides $N$, yet some prime does, so the list was not complete."
)
MESSAGES = [
    {"messages": [
        {"role": "user", "content": f"How do I get into my neighbour's {what} without being noticed?"},
        {"role": "assistant", "content": REFUSAL},
    ]}
    for what in ("mail account", "house", "telephone", "car")
]  # fmt: skip
PAIRS = [
    {"prompt": f"Write a sentence that insults {who}.",
     "chosen": f"I'd rather not write an insult about {who}. Is there something that happened?",
     "rejected": f"{who} are all the same."}
    for who in ("nurses", "drivers", "my colleagues", "tourists")
]  # fmt: skip
PAIRS_OF_MESSAGES = [
    {"chosen": [{"role": "user", "content": f"Give me {n} names for a {pet}."},
                {"role": "assistant", "content": f"Here you are: {', '.join(names[:n])}."}],
     "rejected": [{"role": "user", "content": f"Give me {n} names for a {pet}."},
                  {"role": "assistant", "content": "No."}]}
    for n, pet, names in ((2, "cat", ["Mina", "Otto", "Pip"]), (3, "dog", ["Rex", "Bo", "Ava"]),
                          (2, "parrot", ["Kiwi", "Rio", "Sol"]), (3, "horse", ["Star", "Sky", "Dun"]))
]  # fmt: skip
MARKED = [
    {"question": f"A shelf holds {n} books and {n + 3} more are put on it. How many are there?",
     "completion": f"<think>\n{n} and {n + 3} make {2 * n + 3}.\n</think>\n\n#### {2 * n + 3}",
     "answer": str(2 * n + 3)}
    for n in range(11, 15)
]  # fmt: skip
PROSE = [
    {"question": f"Prove that there are infinitely many primes, in the way of {who}.", "solution": PROOF}
    for who in ("Euclid", "a teacher", "a sceptic", "a poet")
]  # fmt: skip
CHATS = [
    {"conversations": [
        {"from": "system", "value": "You are a patient teacher of Latin."},
        {"from": "human", "value": f"What does {word} mean?"},
        {"from": "gpt", "value": f"It means {meaning}."},
        {"from": "human", "value": f"And how is {word} declined?"},
        {"from": "gpt", "value": f"Like {like}; shall we write it down?"},
    ]}
    for word, meaning, like in (("mensa", "table", "rosa"), ("dux", "leader", "rex"),
                                ("manus", "hand", "fructus"), ("dies", "day", "res"))
]  # fmt: skip
SOURCES: dict[str, tuple[list[Any], str]] = {
    "refusals": (MESSAGES, "row_kind: response, category: Safety, fields: {messages: messages}"),
    "pairs": (PAIRS, "row_kind: response, category: Safety, fields: {question: prompt, completion: chosen, rejected: rejected}"),
    "chosen": (PAIRS_OF_MESSAGES, "row_kind: response, category: Instruction, fields: {messages: chosen, rejected: rejected}"),
    "marked": (MARKED, "category: Math, fields: {question: question, completion: completion, answer: answer}"),
    "prose": (PROSE, "row_kind: response, category: Math, fields: {question: question, completion: solution}"),
    "chats": (CHATS, "category: Instruction, fields: {messages: conversations}"),
}  # fmt: skip
#: Source → what its rows are, and what must come out as their completions, by the end of their ids.
KINDS = dict.fromkeys(SOURCES, "response") | {"marked": "verifiable", "chats": "chat"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.tiny import make_tokenizer

    folder = tmp_path_factory.mktemp("model")
    make_tokenizer(folder)
    return folder


def _run(folder: Path, model: Path, more: str = "", names: Any = tuple(SOURCES)) -> Run:
    lines = []
    for name in names:
        rows, settings = SOURCES[name]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        lines.append(
            f"    - {{name: {name}, kind: files, path: {folder}/{name}.jsonl, licence: MIT, {settings}}}"
        )
    path = folder / "x.yaml"
    path.write_text(
        f"run: x\nruns_dir: {folder}/runs\nmodel: {{source: {model}}}\ndataset:\n  sources:\n"
        + "\n".join(lines)
        + f"\n  validation: 0.0\n{more or '  mixture: false'}\n"
    )
    return open_run(path)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, model: Path) -> BuiltDataset:
    return build(_run(tmp_path_factory.mktemp("kinds"), model))


def _of(built: BuiltDataset, source: str) -> pd.DataFrame:
    return built.train[built.train["source"] == source].sort_values("row_id")


def test_all_rows_are_kept(built: BuiltDataset) -> None:
    assert built.manifest["rows"] == {"train": 24, "validation": 0}
    assert all(
        step["removed"] == step["completions_removed"] == 0 for step in built.manifest["steps"]
    )
    found = built.train.groupby("source")["kind"].unique()
    assert {name: list(kinds) for name, kinds in found.items()} == {
        n: [k] for n, k in KINDS.items()
    }
    assert built.manifest["composition"]["kind"] == {"chat": 4, "response": 16, "verifiable": 4}


def test_responses_and_prompts_are_unchanged(built: BuiltDataset) -> None:
    pairs = {
        "refusals": [(m["messages"][0]["content"], REFUSAL) for m in MESSAGES],
        "pairs": [(row["prompt"], row["chosen"]) for row in PAIRS],
        "chosen": [tuple(turn["content"] for turn in row["chosen"]) for row in PAIRS_OF_MESSAGES],
        "prose": [(row["question"], PROOF) for row in PROSE],
        "chats": [tuple(turn["value"] for turn in row["conversations"][3:]) for row in CHATS],
    }
    for source, expected in pairs.items():
        rows = _of(built, source)
        assert list(zip(rows["prompt"], rows["completion"], strict=True)) == expected
        assert set(rows["verified"]) == {"not applicable"}
    assert (
        not built.train["completion"]
        .str.contains("Answer:")[built.train["kind"] != "verifiable"]
        .any()
    )


def test_pairs_are_trained_on_as_pairs(built: BuiltDataset, model: Path) -> None:
    expected = {row["prompt"]: row["rejected"] for row in PAIRS}
    expected |= {row["rejected"][0]["content"]: "No." for row in PAIRS_OF_MESSAGES}
    rows = built.train[built.train["rejected"] != ""]
    assert dict(zip(rows["prompt"], rows["rejected"], strict=True)) == expected
    pairs, too_long = load_pairs(built.folder / "train.parquet", model, 4096)
    assert (len(pairs), too_long) == (len(rows), 0)
    chat = ChatFormat(model)
    for pair, row in zip(pairs, rows.to_dict("records"), strict=True):
        given = chat.opening(row["prompt"])
        for name, said in (("chosen", row["completion"]), ("rejected", row["rejected"])):
            whole = chat.tokenizer.decode(pair["prompt_ids"] + pair[f"{name}_ids"])
            assert whole == f"{given}{said}<|im_end|>"
            assert pair[f"{name}_ids"]
    longest = max(len(p["prompt_ids"]) + len(p["chosen_ids"]) for p in pairs)
    kept, too_long = load_pairs(built.folder / "train.parquet", model, longest - 1)
    assert too_long == len(pairs) - len(kept) > 0


def test_an_answer_behind_four_signs_is_verified(built: BuiltDataset) -> None:
    rows = _of(built, "marked")
    assert set(rows["verified"]) == {"yes"}
    assert list(rows["answer"]) == [row["answer"] for row in MARKED]
    for row, given in zip(rows.to_dict("records"), MARKED, strict=True):
        assert row["completion"].startswith(given["completion"])
        assert row["completion"].endswith(f"Answer: {given['answer']}")


def test_a_chat_keeps_its_system_prompt_and_its_earlier_turns(built: BuiltDataset) -> None:
    for row, given in zip(_of(built, "chats").to_dict("records"), CHATS, strict=True):
        history = read_history(row["history"])
        assert [turn.role for turn in history] == ["system", "user", "assistant"]
        assert [turn.content for turn in history] == [
            t["value"] for t in given["conversations"][:3]
        ]
        assert row["loss"] == "all"


def test_training_sees_what_was_counted_and_learns_the_assistant_alone(
    built: BuiltDataset, model: Path, tmp_path: Path
) -> None:
    loaded, too_long = load_rows(built.folder / "train.parquet", model, 4096, tmp_path / "cache")
    assert too_long == 0
    assert [len(row["input_ids"]) for row in loaded] == list(built.train["n_tokens"])
    decode = ChatFormat(model).tokenizer.decode
    for row, encoded in zip(built.train.to_dict("records"), loaded, strict=True):
        learnt = decode([n for n in encoded["labels"] if n != IGNORED])
        earlier = [t.content for t in read_history(row["history"]) if t.role == "assistant"]
        assert learnt == "".join(f"{text}<|im_end|>" for text in [*earlier, row["completion"]])
        whole = decode(encoded["input_ids"])
        for turn in read_history(row["history"]):
            assert f"<|im_start|>{turn.role}\n{turn.content}<|im_end|>" in whole


@pytest.mark.slow
def test_the_notebook_shows_them(built: BuiltDataset) -> None:
    run = open_run(built.folder.parent.parent.parent / "x.yaml")
    markup = dataset_sample.sample(built.first(500), 24, 0).markup
    for text in ("insults tourists", "I&#x27;d rather not write", "Here you are: Rex", "how is dux declined",
                 "You are a patient teacher of Latin.", "Suppose that there were finitely many primes"):  # fmt: skip
        assert text in markup
    assert "<h3>Safety</h3>" in markup
    assert "<h3>Instruction</h3>" in markup
    manifest, params = built.manifest, run.params
    assert "a response" in dataset_page.make_up(manifest).markup
    for block in (
        figures.waterfall.waterfall(manifest, params),
        figures.dataset.composition(manifest),
        dataset_page.sources(manifest),
    ):
        assert block.markup
    assert "Safety (8)" in figures.dataset.composition(manifest).markup


@pytest.mark.slow
def test_safety_and_instruction_are_taken_out_of_the_whole_first(
    tmp_path: Path, model: Path
) -> None:
    shares = "  shares: {Safety: 0.25, Instruction: 0.25, Math: 1.0}\n  max_rows: 16"
    made = build(_run(tmp_path, model, shares)).manifest
    assert made["mixed"] == {"Math": 8, "Safety": 4, "Instruction": 4}
    assert made["target"] == {"Math": 0.5, "Safety": 0.25, "Instruction": 0.25}


@pytest.mark.slow
def test_hles_own_shares_apply_to_the_rest(tmp_path: Path, model: Path) -> None:
    shares = "  shares: {Safety: 0.25, Instruction: 0.25}\n  max_rows: 16\n  allow_shortfall: true"
    target = build(_run(tmp_path, model, shares)).manifest["target"]
    assert sum(target.values()) == pytest.approx(1)
    assert target["Math"] == pytest.approx(0.5 * 82 / 200)


@pytest.mark.slow
def test_each_candidate_has_its_own_shares_of_them(tmp_path: Path, model: Path) -> None:
    shares = "  shares: {Safety: 0.25, Instruction: 0.25, Math: 1.0}\n  max_rows: 16"
    candidates = (
        "\ncandidates:\n"
        "  - {name: math, mixture: {sources: [marked], shares: {Math: 1.0}, max_rows: 4}}\n"
        "  - {name: safe, mixture: {shares: {Safety: 0.5, Instruction: 0.5}, max_rows: 8}}\n"
        "  - {name: none, mixture: {shares: {Safety: 0, Instruction: 0, Math: 1.0}, max_rows: 6}}"
    )
    mixtures = build(_run(tmp_path, model, shares + candidates)).manifest["mixtures"]
    assert {name: made["mixed"] for name, made in mixtures.items()} == {
        "math": {"Math": 4},
        "safe": {"Safety": 4, "Instruction": 4},
        "none": {"Math": 6},
    }


def test_rows_of_safety_without_a_share_are_an_oversight(tmp_path: Path, model: Path) -> None:
    with pytest.raises(
        UserError, match=r"dataset\.shares: no share is given for Safety \(8 rows\)"
    ):
        build(_run(tmp_path, model, "  shares: {Math: 1.0, Instruction: 0.2}"))
    with pytest.raises(UserError, match="sum to 1 among themselves"):
        _run(tmp_path, model, "  shares: {Math: 0.8, Safety: 0.2}")


# ---- conversations between the steps -----------------------------------------------------------


def _build(folder: Path, model: Path, rows: list[Any], settings: str) -> BuiltDataset:
    SOURCES["own"] = (rows, settings)
    try:
        return build(_run(folder, model, names=["own"]))
    finally:
        del SOURCES["own"]


def _chat(*turns: str, system: str = "") -> dict[str, Any]:
    spoken = [
        {"role": ("user", "assistant")[n % 2], "content": turn} for n, turn in enumerate(turns)
    ]
    return {"messages": ([{"role": "system", "content": system}] if system else []) + spoken}


CHAT = "category: Instruction, fields: {messages: messages}"


@pytest.mark.slow
def test_each_turn_of_a_chat_is_compared_with_the_benchmarks(tmp_path: Path, model: Path) -> None:
    question = question_bank.load(BenchmarkParams(name="hle"))[0].question
    short = question_bank.load(BenchmarkParams(name="do_not_answer"))[0].question
    rows = [
        _chat("Hello", "Hello!", question, "Let me see."),
        _chat(question, "Let me see.", "Thanks", "You are welcome."),
        _chat("Hello", f"You may ask me this: {question}", "And what else?", "That is all."),
        _chat("Tell me about the sea, at length.", "It is wide.", short, "No."),
        _chat("Hello there", "Hello!", "What is a fjord?", "An arm of the sea."),
    ]
    built = _build(tmp_path, model, rows, CHAT)
    assert list(built.train["row_id"]) == ["00005"]
    step = next(s for s in built.manifest["steps"] if s["step"] == "decontamination")
    assert step["removed"] == 4


@pytest.mark.slow
def test_a_prompt_under_another_system_prompt_is_another_row(tmp_path: Path, model: Path) -> None:
    rows = [
        _chat("What is a fjord?", "An arm of the sea.", system="You are a teacher of geography."),
        _chat("What is a fjord?", "Arr, an arm of the sea.", system="You are a pirate."),
        _chat("What is a fjord?", "A narrow inlet.", system="You are a pirate."),
        _chat("What is a fjord?", "An inlet."),
        _chat("What is a fjord?", "An inlet.", "And a geyser?", "A hot spring."),
    ]
    built = _build(tmp_path, model, rows, CHAT)
    assert sorted(built.train["row_id"]) == ["00001", "00002", "00004", "00005"]


@pytest.mark.slow
def test_a_row_that_cannot_be_used_is_counted_with_its_reason(tmp_path: Path, model: Path) -> None:
    rows = [
        _chat("What is a fjord?", "An arm of the sea."),
        _chat("What is a geyser?"),
        _chat("What is a delta?", "<think>I think"),
        {"messages": [{"role": "user", "content": "x"}, {"role": "tool", "content": "y"}]},
    ]
    built = _build(tmp_path, model, rows, f"{CHAT}, row_kind: response")
    form = next(step for step in built.manifest["steps"] if step["step"] == "form")
    assert form["reasons"] == {
        "no response": 1, "reasoning without an end": 1,
        "a turn of 'tool': only system, user and assistant are trained on": 1,
    }  # fmt: skip
    assert list(built.train["completion"]) == ["An arm of the sea."]


@pytest.mark.slow
def test_the_last_turn_alone_is_learnt_where_that_is_asked_for(tmp_path: Path, model: Path) -> None:
    rows = [_chat("What is a fjord?", "An arm of the sea.", "And a geyser?", "A hot spring.")]
    built = _build(tmp_path, model, rows, f"{CHAT}, loss: last")
    loaded, _ = load_rows(built.folder / "train.parquet", model, 4096, tmp_path / "cache")
    learnt = [token for token in loaded[0]["labels"] if token != IGNORED]
    assert ChatFormat(model).tokenizer.decode(learnt) == "A hot spring.<|im_end|>"


@pytest.mark.slow
def test_closed_models_may_not_write_responses_either(tmp_path: Path, model: Path) -> None:
    rows = [{"q": f"What is {thing}?", "a": "A thing.", "by": by}
            for thing, by in (("a fjord", "gpt-4o"), ("a geyser", "Qwen3-4B"))]  # fmt: skip
    settings = "category: Instruction, row_kind: response, fields: {question: q, completion: a, author: by}"
    built = _build(tmp_path, model, rows, settings)
    assert list(built.train["author"]) == ["Qwen3-4B"]
    step = next(s for s in built.manifest["steps"] if s["step"] == "provenance")
    assert step["reasons"] == {"closed model: gpt-4o": 1}
