"""The chat form: what is given to the model, what is trained on, and no reasoning lost on the way."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path

import pytest

from llmc_lib.dataset.parallel import _receive
from llmc_lib.models.chat import ChatFormat
from llmc_lib.models.prompts import completion
from llmc_lib.records import Dialogue, Message
from tests.tiny import CHATML, make_tokenizer

TEMPLATES = Path(str(metadata.distribution("trl").locate_file("trl"))) / "chat_templates"
PROMPT = "What is 2 + 2?"
COMPLETION = completion("Two and two.\n\nThat is four.", "4")
#: Template → the token that ends a turn.
ENDS = {
    "chatml": "<|im_end|>",
    "qwen3": "<|im_end|>",
    "qwen3_thinking": "<|im_end|>",
    "qwen3_empty": "<|im_end|>",
    "qwen3_instruct_2507": "<|im_end|>",
    "qwen2_5": "<|im_end|>",
    "gptoss": "<|return|>",
    "deepseek_r1_distill": "<｜end▁of▁sentence｜>",
    "llama3": "<|eot_id|>",
    "phi3": "<|end|>",
}

Make = Callable[[str], ChatFormat]


def _template(name: str) -> str:
    if name == "chatml":
        return CHATML
    if name == "qwen3_thinking":  # as Qwen3-…-Thinking-2507: the template opens the block
        text = (TEMPLATES / "qwen3.jinja").read_text()
        opening = "{{- '<|im_start|>assistant\\n' }}"
        assert opening in text
        return text.replace(opening, "{{- '<|im_start|>assistant\\n<think>\\n' }}")
    if name == "qwen3_empty":  # a template that is not to reason opens and closes the block
        text = (TEMPLATES / "qwen3.jinja").read_text()
        opening = "{{- '<|im_start|>assistant\\n' }}"
        return text.replace(opening, "{{- '<|im_start|>assistant\\n<think>\\n\\n</think>\\n\\n' }}")
    return (TEMPLATES / f"{name}.jinja").read_text()


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """The chat form of a small tokenizer with one of the templates."""
    from transformers import AutoTokenizer  # seconds to import

    plain = tmp_path_factory.mktemp("plain")
    make_tokenizer(plain)

    def with_template(name: str) -> ChatFormat:
        folder = tmp_path_factory.mktemp(name)
        tokenizer = AutoTokenizer.from_pretrained(plain)
        tokenizer.add_special_tokens({"eos_token": ENDS[name]})
        tokenizer.chat_template = _template(name)
        tokenizer.save_pretrained(folder)
        return ChatFormat(folder)

    return with_template


@pytest.mark.parametrize("name", ENDS)
def test_a_response_is_learnt_with_its_white_space(make: Make, name: str) -> None:
    chat = make(name)
    said = "\n  1. This.\r\n\n  2. That. \n\n"
    ids, [(given, _)] = chat.encode(PROMPT, said)
    assert chat.tokenizer.decode(ids[given:]).endswith(f"{said}{ENDS[name]}")


@pytest.mark.parametrize("name", sorted(ENDS.keys() - {"qwen3_empty"}))
def test_the_model_is_given_the_opening_and_learns_the_rest(make: Make, name: str) -> None:
    chat = make(name)
    ids, [(given, end)] = chat.encode(PROMPT, COMPLETION)
    assert end == len(ids)
    decode = chat.tokenizer.decode
    assert decode(ids[:given]) == chat.opening(PROMPT)
    learnt = decode(ids[given:])
    for part in ("Two and two.\n\nThat is four.", "Answer: 4"):
        assert learnt.count(part) == 1
    assert learnt.endswith(ENDS[name])
    assert learnt.count(ENDS[name]) == 1


@pytest.mark.parametrize("name", ["chatml", "qwen3", "deepseek_r1_distill", "llama3", "phi3"])
def test_the_reasoning_stands_in_its_tags_once(make: Make, name: str) -> None:
    chat = make(name)
    whole = chat.text(PROMPT, COMPLETION)
    assert whole.count("<think>\nTwo and two.\n\nThat is four.\n</think>\n\nAnswer: 4") == 1
    assert whole.count("<think>") == 1


def test_a_block_that_the_template_opens_is_not_opened_twice(make: Make) -> None:
    chat = make("qwen3_thinking")
    ids, [(given, _)] = chat.encode(PROMPT, COMPLETION)
    assert chat.tokenizer.decode(ids[:given]).endswith("<|im_start|>assistant\n<think>\n")
    assert chat.tokenizer.decode(ids[given:]) == (
        "Two and two.\n\nThat is four.\n</think>\n\nAnswer: 4<|im_end|>"
    )


def test_gpt_oss_gets_reasoning_in_its_channel(make: Make) -> None:
    whole = make("gptoss").text(PROMPT, COMPLETION)
    assert "<|channel|>analysis<|message|>Two and two." in whole
    assert whole.endswith("<|channel|>final<|message|>Answer: 4<|return|>")
    assert "think>" not in whole


def test_a_template_that_cuts_reasoning_out_does_not_lose_it(make: Make) -> None:
    chat = make("chatml")
    chat.tokenizer.chat_template = CHATML.replace(
        "{{ message['content'] }}", "{{ message['content'].split('</think>')[-1] }}"
    )
    whole = chat.text(PROMPT, COMPLETION)
    assert whole == f"{chat.opening(PROMPT)}{COMPLETION}<|im_end|>"


def test_a_completion_that_a_template_would_change_is_kept(make: Make) -> None:
    # Qwen3's template takes the last "<think>" for the beginning of the reasoning.
    odd = completion("Two, and a <think> in the middle.", "4")
    whole = make("qwen3").text(PROMPT, odd)
    assert whole.endswith(f"{odd}<|im_end|>")


@pytest.mark.parametrize("name", ENDS)
def test_counting_is_encoding(make: Make, name: str) -> None:
    chat = make(name)
    pairs = [(PROMPT, COMPLETION), ("", "."), ("é\n" * 40, completion("a" * 99, "π"))]
    lengths = [len(chat.encode(*pair).ids) for pair in pairs]
    assert chat.count_all(pairs) == lengths
    assert [chat.count(*pair) for pair in pairs] == lengths
    for pair, length in zip(pairs, lengths, strict=True):
        assert not chat.exceeds(Dialogue(*pair), limit=length)
        assert chat.exceeds(Dialogue(*pair), limit=length - 1)


# ---- several turns -----------------------------------------------------------------------------

HISTORY = (
    Message("system", "You are a patient teacher."),
    Message("user", "Is 7 a prime?"),
    Message("assistant", "It is: nothing but 1 and 7 divides it."),
)
LAST = "Nine is three times three, so it is not."
CHAT = Dialogue("And 9?", LAST, HISTORY)
#: Those that put an assistant's turn into a conversation as they ask for it.
PLAIN = ["chatml", "qwen2_5", "qwen3_instruct_2507", "llama3", "phi3"]


@pytest.mark.parametrize("name", ENDS)
def test_the_last_turn_is_learnt_as_it_is_asked_for(make: Make, name: str) -> None:
    chat = make(name)
    ids, [(given, end)] = chat.encode(*CHAT)
    asked = [turn._asdict() for turn in HISTORY] + [{"role": "user", "content": "And 9?"}]
    opening = chat.tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    assert chat.tokenizer.decode(ids[:given]) == opening == chat.opening("And 9?", HISTORY)
    learnt = chat.tokenizer.decode(ids[given:])
    assert learnt.endswith(f"{LAST}{ENDS[name]}")
    assert "teacher" not in learnt
    assert end == len(ids)


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("reasoning", ["", "<think>\nOne moment.\n</think>\n\n"])
def test_all_turns_of_the_assistant_are_learnt_and_no_other(
    make: Make, name: str, reasoning: str
) -> None:
    chat = make(name)
    history = (*HISTORY[:2], Message("assistant", reasoning + HISTORY[2].content))
    encoded = chat.encode(CHAT.prompt, reasoning + LAST, history, "all")
    labels, ids = encoded.labels(-100), encoded.ids
    decode = chat.tokenizer.decode
    learnt = [decode(ids[start:end]) for start, end in encoded.learnt]
    assert [token for token in labels if token != -100] == chat.tokenizer(
        "".join(learnt), add_special_tokens=False
    )["input_ids"]
    for text, said in zip(learnt, (HISTORY[2].content, LAST), strict=True):
        assert text.endswith(f"{said}{ENDS[name]}")
        assert text.count("One moment.") == bool(reasoning)
    first = chat.encode("Is 7 a prime?", history[2].content, history[:1])
    assert ids[: encoded.learnt[0][1]] == first.ids  # as if the conversation had ended there
    others = decode([n for n, label in zip(ids, labels, strict=True) if label == -100])
    assert [others.count(part) for part in ("a patient teacher.", "Is 7 a prime?", "And 9?")] == [
        1
    ] * 3
    assert HISTORY[2].content not in others


@pytest.mark.parametrize("name", PLAIN)
def test_a_conversation_is_what_the_template_makes_of_it(make: Make, name: str) -> None:
    chat = make(name)
    turns = [*HISTORY, Message("user", CHAT.prompt), Message("assistant", LAST)]
    whole = chat.tokenizer.apply_chat_template([t._asdict() for t in turns], tokenize=False)
    text = chat.text(*CHAT[:3], loss="all")
    assert whole.startswith(text)
    assert chat.text(*CHAT) == text


@pytest.mark.parametrize("name", ENDS)
def test_counting_a_conversation_is_encoding_it(make: Make, name: str) -> None:
    chat = make(name)
    dialogues = [
        CHAT,
        CHAT._replace(loss="all"),
        Dialogue("Hello", "\nHi, after a line break"),
        Dialogue("Hello", " Hi, after a space", HISTORY[:1]),
        Dialogue("Hello", "Hi"),
    ]
    lengths = [len(chat.encode(*dialogue).ids) for dialogue in dialogues]
    assert chat.count_all(dialogues) == lengths
    for dialogue, length in zip(dialogues, lengths, strict=True):
        assert not chat.exceeds(dialogue, length)
        assert chat.exceeds(dialogue, length - 1)


@pytest.mark.parametrize("name", ["deepseek_r1_distill", "qwen3_thinking"])
def test_a_response_without_reasoning_is_not_put_into_an_open_block(make: Make, name: str) -> None:
    chat = make(name)
    ids, [(given, _)] = chat.encode("Hello", "Hi.")
    assert chat.tokenizer.decode(ids[given:]) == f"\n</think>\n\nHi.{ENDS[name]}"


def test_a_template_that_takes_no_system_turn_has_it_in_the_first_user_turn(make: Make) -> None:
    chat = make("chatml")
    refuses = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no') }}{% endif %}"
    chat.tokenizer.chat_template = refuses + CHATML
    whole = chat.text(*CHAT)
    assert whole.startswith(
        "<|im_start|>user\nYou are a patient teacher.\n\nIs 7 a prime?<|im_end|>"
    )
    assert whole.endswith(f"{LAST}<|im_end|>")


@pytest.mark.slow
def test_it_travels_to_another_process(make: Make) -> None:
    chat = make("qwen3")
    expected = chat.encode(PROMPT, COMPLETION)
    # As a build starts them, in which transformers does not import torch.
    with ProcessPoolExecutor(1, get_context("spawn"), _receive, (None,)) as pool:
        assert pool.submit(chat.encode, PROMPT, COMPLETION).result() == expected


def test_an_empty_block_of_the_template_makes_room_for_the_reasoning(make: Make) -> None:
    form = make("qwen3_empty")
    assert form.opening(PROMPT).endswith("<think>\n\n</think>\n\n")
    text = form.text(PROMPT, COMPLETION)
    assert (text.count("<think>"), text.count("</think>")) == (1, 1)
    encoded = form.encode(PROMPT, COMPLETION)
    [(start, end)] = encoded.learnt
    learned = form.tokenizer.decode(encoded.ids[start:end])
    assert learned.startswith("<think>")
    assert "That is four." in learned
    plain = form.text(PROMPT, "Answer: 4")  # without reasoning the model is given the empty block
    assert plain.startswith(form.opening(PROMPT))
    assert form.tokenizer.decode(form.encode(PROMPT, "Answer: 4").ids).count("<think>") == 1
