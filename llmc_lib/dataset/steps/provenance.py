"""Who wrote a completion, and may a model be trained on it?

The terms of closed models forbid to train on what they write. A model is told by its name: the
longest family that the name begins with decides, so that "gpt-oss-120b" is open and "gpt-4o" is not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from llmc_lib.dataset.steps.step import Context, Out, Row, RowStep
from llmc_lib.params import ProvenanceParams
from llmc_lib.records import AuthorKind, Example

#: Families of models with open weights, whose licences allow to train on what they write (Llama's
#: own asks that the trained model's name says so). As of November 2026; names of other models are
#: "unknown".
OPEN_MODELS: tuple[str, ...] = (
    "gpt-oss", "gpt-neo", "gpt-j", "gpt2", "gpt-2", "qwen", "qwq", "deepseek", "llama", "meta-llama",
    "codellama", "gemma", "mistral", "mixtral", "ministral", "magistral", "mathstral", "phi", "glm",
    "chatglm", "kimi", "nemotron", "openmath", "openreasoning", "olmo", "tulu", "smollm", "falcon",
    "yi", "internlm", "minimax", "openthinker", "skywork", "light-r1", "bespoke-stratos", "s1", "exaone",
    "granite", "baichuan", "aya", "command-r", "ernie-4.5", "hunyuan", "seed-oss", "step-3",
)  # fmt: skip


def author_kind(
    example: Example, closed_models: Sequence[str], open_models: Sequence[str] = OPEN_MODELS
) -> AuthorKind:
    """The kind of a completion's author: by the model's name, else what the source says."""
    if example.author_kind in ("person", "program"):
        return example.author_kind
    if not example.author:
        return example.author_kind
    return model_kind(example.author, closed_models, open_models) or example.author_kind


def model_kind(
    name: str, closed_models: Sequence[str], open_models: Sequence[str] = OPEN_MODELS
) -> AuthorKind | None:
    """Whether a model is open or closed, None where its name says nothing."""
    return _kind_of_model(name, tuple(closed_models), tuple(open_models))


def objection(kind: AuthorKind, author: str, params: ProvenanceParams) -> str | None:
    """Why a completion by such an author must not be trained on; None where it may."""
    if kind == "closed model" and params.remove_closed:
        return f"closed model: {author}"
    if kind == "unknown" and params.unknown == "drop":
        return f"author unknown: {author}" if author else "author unknown"
    return None


@lru_cache(maxsize=4096)
def _kind_of_model(
    name: str, closed_models: tuple[str, ...], open_models: tuple[str, ...]
) -> AuthorKind | None:
    """The kind of the longest family that the name, with or without its owner, begins with."""
    best: tuple[int, AuthorKind] | None = None
    kinds: list[tuple[AuthorKind, tuple[str, ...]]] = [
        ("open model", open_models),
        ("closed model", closed_models),  # last: of equal families the stricter holds
    ]
    for kind, families in kinds:
        for family in families:
            plain = _plain(family)
            if any(
                _begins(form, plain) for form in (_plain(name), _plain(name.split("/")[-1]))
            ) and (best is None or len(plain) >= best[0]):
                best = (len(plain), kind)
    return best[1] if best else None


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name.strip().lower())


def _begins(name: str, family: str) -> bool:
    """Does the name begin with the family, and not with a longer word ("o1" but not "olive")?"""
    return name.startswith(family) and not name[len(family) : len(family) + 1].isalpha()


def _look(row: Row, context: Context) -> Out | None:
    author = row.example.author
    if row.is_whole and (reason := objection(row.author_kind, author, context.params.provenance)):
        return Out(reason, completion_only=True)
    return None


STEP = RowStep(
    name="provenance",
    title="Provenance",
    removes="completions whose author may not be trained on; a verifiable problem stays",
    cost="authors whose completions may not be trained on cost most",
    is_on=lambda params: params.provenance.remove_closed or params.provenance.unknown == "drop",
    look=_look,
)
