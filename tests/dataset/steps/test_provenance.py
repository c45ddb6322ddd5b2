"""Who wrote a completion, told by the name of the model."""

from __future__ import annotations

import pytest

from llmc_lib.dataset.sources import read
from llmc_lib.dataset.steps.provenance import author_kind, objection
from llmc_lib.params import ProvenanceParams, SourceParams
from llmc_lib.params.sources import EMBEDDED_SOURCES
from llmc_lib.records import AuthorKind, Example

CLOSED = ProvenanceParams().closed_models


def _example(author: str, kind: AuthorKind = "unknown") -> Example:
    return Example(
        "s/1", "s", "1", "r", "MIT", "Math", "Algebra", "q", "a", "exactMatch", "text", author, kind
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("gpt-4o", "closed model"),
        ("GPT-4", "closed model"),
        ("gpt4", "closed model"),
        ("ChatGPT", "closed model"),
        ("openai/gpt-4o-mini", "closed model"),
        ("o3-mini-high", "closed model"),
        ("OpenAI o3-mini (high)", "closed model"),
        ("o1", "closed model"),
        ("Claude 3.7 Sonnet", "closed model"),
        ("anthropic/claude-opus-4", "closed model"),
        ("Gemini 2.5 Pro Exp 0325", "closed model"),
        ("google/gemini-2.5-flash", "closed model"),
        ("grok-3-beta", "closed model"),
        ("Qwen-Max", "closed model"),
        ("Mistral Large 2", "closed model"),
        ("gpt-oss-120b", "open model"),
        ("openai/gpt-oss-20b", "open model"),
        ("gpt2-xl", "open model"),
        ("Qwen3-235B-A22B-Thinking-2507", "open model"),
        ("Qwen/QwQ-32B", "open model"),
        ("deepseek-ai/DeepSeek-R1", "open model"),
        ("meta-llama/Llama-3.3-70B-Instruct", "open model"),
        ("google/gemma-3-27b-it", "open model"),
        ("mistralai/Mistral-7B-v0.3", "open model"),
        ("GLM-Z1-Air", "open model"),
        ("SmolLM2-135M-Instruct", "open model"),
        ("olive-7b", "unknown"),  # neither "o1" nor "olmo"
        ("palmyra", "unknown"),
        ("our-own-model", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_models_family_tells_its_kind(name: str, kind: str) -> None:
    assert author_kind(_example(name), CLOSED) == kind


def test_people_and_programs_are_what_the_source_says() -> None:
    assert author_kind(_example("person", "person"), CLOSED) == "person"
    assert author_kind(_example("program", "program"), CLOSED) == "program"


def test_the_name_goes_before_what_the_source_says() -> None:
    assert author_kind(_example("gpt-4o", "open model"), CLOSED) == "closed model"
    assert author_kind(_example("our-own-model", "open model"), CLOSED) == "open model"


def test_a_family_of_the_params_file_is_closed() -> None:
    assert author_kind(_example("our-own-model"), ["our-own"]) == "closed model"
    assert author_kind(_example("DeepSeek-R1"), ["deepseek"]) == "closed model"
    assert author_kind(_example("gpt-4o"), []) == "unknown"


def test_what_may_not_be_trained_on_has_a_reason() -> None:
    params = ProvenanceParams()
    assert objection("closed model", "gpt-4o", params) == "closed model: gpt-4o"
    assert objection("open model", "Qwen3", params) is None
    assert objection("unknown", "", params) is None
    drop = ProvenanceParams(unknown="drop", remove_closed=False)
    assert objection("unknown", "", drop) == "author unknown"
    assert objection("unknown", "x-1", drop) == "author unknown: x-1"
    assert objection("closed model", "gpt-4o", drop) is None


@pytest.mark.parametrize("name", [name for name in EMBEDDED_SOURCES if name != "replay"])
def test_an_embedded_completion_is_a_programs_or_this_projects(name: str) -> None:
    """Those of replay are the base model's."""
    if name == "hard_math":
        pytest.importorskip("reasoning_gym")  # absent where only reports are made
    rows = list(read(SourceParams(name=name, rows=20), 0))
    assert {(row.author, author_kind(row, CLOSED)) for row in rows} <= {
        ("program", "program"), ("this project", "unknown"),
    }  # fmt: skip
    assert {
        objection(author_kind(row, CLOSED), row.author, ProvenanceParams()) for row in rows
    } == {None}
