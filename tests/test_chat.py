"""The chat form: what is given to the model, what is trained on, and no reasoning lost on the way."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path

import pytest

from llmc_lib.chat import ChatFormat
from llmc_lib.prompts import completion
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
def test_the_model_is_given_the_opening_and_learns_the_rest(make: Make, name: str) -> None:
    chat = make(name)
    ids, given = chat.encode(PROMPT, COMPLETION)
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
    ids, given = chat.encode(PROMPT, COMPLETION)
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
        assert not chat.exceeds(*pair, limit=length)
        assert chat.exceeds(*pair, limit=length - 1)


def test_it_travels_to_another_process(make: Make) -> None:
    chat = make("qwen3")
    expected = chat.encode(PROMPT, COMPLETION)
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        assert pool.submit(chat.encode, PROMPT, COMPLETION).result() == expected


def test_an_empty_block_of_the_template_makes_room_for_the_reasoning(make: Make) -> None:
    form = make("qwen3_empty")
    assert form.opening(PROMPT).endswith("<think>\n\n</think>\n\n")
    text = form.text(PROMPT, COMPLETION)
    assert (text.count("<think>"), text.count("</think>")) == (1, 1)
    ids, given = form.encode(PROMPT, COMPLETION)
    learned = form.tokenizer.decode(ids[given:])
    assert learned.startswith("<think>")
    assert "That is four." in learned
    plain = form.text(PROMPT, "Answer: 4")  # without reasoning the model is given the empty block
    assert plain.startswith(form.opening(PROMPT))
    assert form.tokenizer.decode(form.encode(PROMPT, "Answer: 4").ids).count("<think>") == 1
