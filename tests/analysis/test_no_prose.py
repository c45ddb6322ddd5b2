"""The analysis returns numbers and codes; what a reader reads of them is written in reporting/sentences."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmc_lib.analysis.summary import summarise
from tests.reporting.several_answers import every_kind, every_text

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "llmc_lib" / "analysis").rglob("*.py"))


def _prose(source: str) -> Iterator[str]:
    """Every text with a letter and a blank, in one piece or put together, that is no docstring and is not told to a programmer:
    within a `raise` or a warning. Stricter than three words, so that a sentence in pieces is found, too."""
    tree = ast.parse(source)
    told = [node for node in ast.walk(tree) if _is_told_to_programmers(node)]
    skipped = {id(part) for node in told for part in ast.walk(node)}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in skipped
            and any(character.isspace() for character in node.value)
            and any(character.isalpha() for character in node.value)
        ):
            yield f"line {node.lineno}: {node.value}"
        # A message that is caught and shown would be a sentence by another way.
        if isinstance(node, ast.ExceptHandler) and node.name:
            yield from (
                f"line {call.lineno}: {ast.unparse(call)}"
                for call in ast.walk(node)
                if isinstance(call, ast.Call | ast.FormattedValue)
                and id(call) not in skipped
                and any(isinstance(a, ast.Name) and a.id == node.name for a in ast.walk(call))
            )


def _is_told_to_programmers(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True  # a docstring
    if isinstance(node, ast.Raise):
        return isinstance(node.exc, ast.Call)
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "warnings.warn"


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_no_module_of_the_analysis_has_a_sentence_or_formats_one(module: Path) -> None:
    source = module.read_text(encoding="utf-8")
    assert list(_prose(source)) == []
    assert "llmc_lib.formatting" not in source


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('x = "the difference is clear"', True),
        ('def f(n):\n    return f"{n} of" + f" {n}"', True),
        ('x = " ".join(text.split())', False),
        ('x = "no\\u00a0gain"', True),
        ("try:\n    f()\nexcept ValueError as error:\n    x = str(error)", True),
        ('try:\n    f()\nexcept ValueError as error:\n    x = f"{error}"', True),
        ('def f():\n    """What it does."""', False),
        ('raise ValueError("n must be positive")', False),
        ("try:\n    f()\nexcept E as error:\n    x = error.reason", False),
        ('x = "mcnemar_midp"', False),
    ],
)
def test_prose_would_be_found(source: str, found: bool) -> None:
    assert bool(list(_prose(source))) == found


@pytest.mark.slow
def test_what_is_summarised_has_no_text_but_codes_and_names() -> None:
    answers, options = every_kind()
    names = set(answers[["model", "category", "benchmark"]].to_numpy().ravel())
    texts = set(every_text(summarise(answers, **options))) - names
    assert {"better", "unclear", "gain", "no_lengths"} <= texts
    assert [text for text in texts if any(character.isspace() for character in text)] == []
