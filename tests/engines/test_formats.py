"""Reasoning and response told apart, by what real chat templates make of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmc_lib.engines.formats import TAGS, ReasoningFormat, format_of, reasoning_format
from llmc_lib.errors import UserError
from tests.models.test_chat import ENDS, TEMPLATES
from tests.tiny import CHATML, make_tokenizer

HARMONY = ReasoningFormat("harmony", special=True, tokens=True)
THINKING_2507 = "<|im_start|>assistant\\n<think>\\n"

Make = Callable[..., Path]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """The folder of a small tokenizer with a template, and with marks as tokens."""
    plain = tmp_path_factory.mktemp("plain")
    make_tokenizer(plain)

    from transformers import AutoTokenizer  # seconds to import

    def with_template(template: str, *, marks: bool = False, special: bool = False) -> Path:
        folder = tmp_path_factory.mktemp("template")
        tokenizer = AutoTokenizer.from_pretrained(plain)
        if marks:
            tokenizer.add_tokens(["<think>", "</think>"], special_tokens=special)
        tokenizer.chat_template = template
        tokenizer.save_pretrained(folder)
        return folder

    return with_template


def _template(name: str) -> str:
    if name == "chatml":
        return CHATML
    text = (TEMPLATES / f"{name.removesuffix('_thinking')}.jinja").read_text()
    if name == "qwen3_thinking":  # as Qwen3-…-Thinking-2507: the template opens the block
        text = text.replace("<|im_start|>assistant\\n' }}", f"{THINKING_2507}' }}}}")
    return text


@pytest.mark.parametrize("name", sorted(ENDS.keys() - {"qwen3_empty"}))
def test_the_format_is_that_of_the_template(make: Make, name: str) -> None:
    found = format_of(make(_template(name), marks=True))
    assert found.kind == ("harmony" if name == "gptoss" else "tags")
    assert found.opened == (name in ("qwen3_thinking", "deepseek_r1_distill"))
    assert found.parser == {
        "gptoss": "openai_gptoss",
        "qwen3_thinking": "deepseek_r1",
        "deepseek_r1_distill": "deepseek_r1",
    }.get(name)
    assert found.special == (name == "gptoss")


def test_marks_that_are_special_tokens_are_to_be_kept(make: Make) -> None:
    found = format_of(make(_template("qwen3_thinking"), marks=True, special=True))
    assert found == ReasoningFormat("tags", opened=True, special=True, tokens=True)


def test_vllms_parser_needs_marks_that_are_tokens(make: Make) -> None:
    assert format_of(make(_template("qwen3_thinking"))).parser is None


def test_a_model_without_a_chat_template_cannot_be_asked(tmp_path: Path) -> None:
    make_tokenizer(tmp_path)
    (tmp_path / "chat_template.jinja").unlink(missing_ok=True)
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    tokenizer.chat_template = None
    with pytest.raises(UserError, match="no chat template, so it cannot be asked; give a model"):
        reasoning_format(tokenizer)


ANALYSIS, FINAL = "<|channel|>analysis<|message|>", "<|start|>assistant<|channel|>final<|message|>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{ANALYSIS}two and two<|end|>{FINAL}4<|return|>", ("two and two", "4")),
        (f"{ANALYSIS}two and two<|end|>{FINAL}4", ("two and two", "4")),  # the engine cut its end
        (f"{ANALYSIS}on and on, Answer: 4", ("on and on, Answer: 4", "")),  # truncated
        (f"{ANALYSIS}a<|end|>{FINAL}cut in the ans", ("a", "cut in the ans")),
        (f"{ANALYSIS}a<|end|><|start|>assistant<|channel|>fin", ("a", "")),
        (f"{ANALYSIS}a<|end|><|start|>assis", ("a", "")),
        ("<|channel|>anal", ("", "")),
        ("<|channel|>final<|message|>4<|return|>", ("", "4")),
        (f"{ANALYSIS}a<|end|><|start|>assistant{ANALYSIS}b<|end|>{FINAL}4", ("a\n\nb", "4")),
        (f"{ANALYSIS}a<|channel|>final<|message|>4", ("a", "4")),  # a border is missing
        (
            f"{ANALYSIS}a<|end|><|start|>assistant<|channel|>commentary<|message|>I look it up.<|end|>{FINAL}4",
            ("a", "I look it up.\n\n4"),
        ),
        (
            f"{ANALYSIS}a<|end|><|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json"
            "<|message|>{}<|call|>",
            ("a\n\n{}", ""),
        ),
        (
            "<|start|>assistant to=functions.f<|channel|>commentary json<|message|>{}<|call|>",
            ("{}", ""),
        ),
        ("<|message|>4<|end|>", ("", "4")),
        (f"{ANALYSIS}a<|end|>loose words", ("a", "loose words")),
        ("no marks, Answer: 4", ("", "no marks, Answer: 4")),
        ("", ("", "")),
    ],
)
def test_gpt_oss_writes_in_channels(text: str, expected: tuple[str, str]) -> None:
    assert HARMONY.split(text) == expected


WORDS = st.text(st.characters(exclude_characters="<|>", exclude_categories=["Cs"]))


@pytest.mark.slow
@given(reasoning=WORDS, response=WORDS, cut=st.floats(0, 1))
def test_nothing_of_a_completion_is_lost_wherever_it_is_cut(
    reasoning: str, response: str, cut: float
) -> None:
    # The marks are tokens: a completion is never cut inside of one.
    pieces = ["<|channel|>", "analysis", "<|message|>", *reasoning, "<|end|>", "<|start|>",
              "assistant", "<|channel|>", "final", "<|message|>", *response, "<|return|>"]  # fmt: skip
    kept = pieces[: round(cut * len(pieces))]
    thought, answered = HARMONY.split("".join(kept))
    assert thought == "".join(kept[3 : 3 + len(reasoning)]).strip()
    assert answered == "".join(kept[9 + len(reasoning) :][: len(response)]).strip()


@pytest.mark.parametrize(
    ("form", "text", "opened", "expected"),
    [
        (TAGS, "<think>a</think>b", None, ("a", "b")),
        (TAGS, "b", None, ("", "b")),
        (ReasoningFormat("tags", opened=True), "a</think>b", None, ("a", "b")),
        (ReasoningFormat("tags", opened=True), "a", None, ("a", "")),
        (ReasoningFormat("tags", opened=True), "b", False, ("", "b")),
        (TAGS, "a", True, ("a", "")),
    ],
)
def test_tags_that_the_template_opens_need_not_be_opened(
    form: ReasoningFormat, text: str, opened: bool | None, expected: tuple[str, str]
) -> None:
    assert form.split(text, opened=opened) == expected
