"""What a translator gets, and that no text of a page is left out of it."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path

import pytest

from llmc_lib.language import CATALOGUES, language, read_catalogue, speaking, tr
from llmc_lib.language.messages import Message, messages, write_catalogue

ROOT = Path(__file__).parents[2]
#: Where what a reader of a page reads is written.
WRITERS = sorted((ROOT / "llmc_lib" / "reporting").rglob("*.py"))
#: Calls of `llmc_lib.language`, and what else takes a text that `messages` finds.
PASSED_ON = {"tr", "plural", "N_", "counted"}
#: Two words in a row that are no text of a page: codes, names of matplotlib and of CSS, the ends of an error.
NO_PROSE = {"; did you mean", "; one is", "All questions", "axes fraction", "both right", "both wrong", "closed model", "note warning", "offset points", "wrong, as counted"}  # fmt: skip
#: Modules of the terminal and of the browser's command line, whose texts are messages to whoever runs them; selectors of CSS.
NOT_PAGES = {
    "power_table.py",
    "recipe_power.py",
    "browser.py",
    "plain.py",
    "gate.py",
    "audit_command.py",
    "grader_check.py",
}


def _prose(source: str) -> list[str]:
    """The texts of a module with two words in a row that do not pass through a catalogue."""
    tree = ast.parse(source)
    allowed: set[int] = set()
    for node in ast.walk(tree):
        parts: list[ast.AST | None] = []
        if isinstance(node, ast.Raise) or (isinstance(node, ast.Expr) and not _calls(node)):
            parts = list(ast.walk(node))  # errors; docstrings
        elif isinstance(node, ast.Compare):  # codes
            parts = [node.left, *node.comparators]
        elif isinstance(node, ast.Subscript):
            parts = [node.slice]
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            parts = [*node.args] if name in PASSED_ON else []
            parts += [getattr(node.func, "value", None)] if name == "split" else []
        allowed |= {id(part) for part in parts}
    constants = [node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    for node in [part for constant in constants for part in ast.walk(constant)]:
        if isinstance(node, ast.Dict):  # a table from codes to texts
            allowed |= {id(part) for key in node.keys if key for part in ast.walk(key)}
    found = []
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in allowed
        ):
            text = re.sub(r"<[^>]*>?|[\w-]+=\"[^\"]*\"?|^[^<>]*>", " ", node.value)
            if re.search(r"[A-Za-z]{2,},? [a-z]{2,}", text) and text.strip() not in NO_PROSE:
                found.append(node.value)
    return found


def _calls(node: ast.stmt) -> bool:
    """Is it a call that stands by itself, as `axes.set_xlabel("…")`?"""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)


@pytest.mark.parametrize("path", WRITERS, ids=lambda p: str(p.relative_to(ROOT / "llmc_lib")))
def test_no_prose_of_a_page_passes_a_catalogue_by(path: Path) -> None:
    if path.name not in NOT_PAGES:
        assert _prose(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('x = paragraph(f"{n} rows are left out")', [" rows are left out"]),
        ('axes.set_xlabel("Optimizer step")', ["Optimizer step"]),
        (
            'x = f"<p class=\\"note\\">nothing was left {y}</p>"',
            ['<p class="note">nothing was left '],
        ),
        ('x = paragraph(tr("{n} rows are left out", n=n))', []),
        (
            'def f():\n    """What is left out."""\n    raise UserError(f"{x}: give another one")',
            [],
        ),
        ("x = f'<p class=\"note warning\">{tr(y)}</p>'", []),
    ],
)
def test_prose_that_passes_it_by_would_be_found(source: str, found: list[str]) -> None:
    assert _prose(source) == found


def _faults(source: str) -> list[str]:
    """Calls of `tr` and `plural` that would fail, or not be translated."""
    found = []
    tree = ast.parse(source)
    within = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.Lambda)
        for body in (node.body if isinstance(node, ast.FunctionDef) else [node.body])
        for part in ast.walk(body)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or getattr(node.func, "id", "") not in ("tr", "plural"):
            continue
        texts = node.args[: 1 if getattr(node.func, "id", "") == "tr" else 2]
        given = {keyword.arg for keyword in node.keywords}
        if any(isinstance(text, ast.JoinedStr) for text in texts):
            found.append(f"{node.lineno}: an f-string is in no catalogue")
        elif len(texts) > 1 and not all(isinstance(text, ast.Constant) for text in texts):
            found.append(f"{node.lineno}: the two forms are in no catalogue")
        if id(node) not in within:
            found.append(f"{node.lineno}: made at import, in whatever language is set then")
        if None in given:  # **values
            continue
        wanted = {
            name
            for text in texts
            if isinstance(text, ast.Constant)
            for name in _placeholders(str(text.value) if given or len(texts) > 1 else "")
        }
        literal = all(isinstance(text, ast.Constant) for text in texts)
        wanted -= {"n"} if len(texts) > 1 else set()
        if literal and wanted != given:
            found.append(f"{node.lineno}: {wanted ^ given}")
    return found


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize(
    "path",
    [p for p in (ROOT / "llmc_lib").rglob("*.py") if "llmc_lib.language import" in p.read_text()],
    ids=lambda p: str(p.relative_to(ROOT / "llmc_lib")),
)
def test_a_text_is_a_literal_with_its_values_and_translated_when_it_is_used(path: Path) -> None:
    faults = _faults(path.read_text(encoding="utf-8"))
    if path.name == "formatting.py":  # `counted`, whose forms `messages` makes as it does
        faults = [fault for fault in faults if "two forms" not in fault]
    assert faults == []


def test_such_a_fault_would_be_found() -> None:
    assert _faults('def f():\n    return tr("{a} of {b}", a=1, b=2)') == []
    for source in (
        'X = tr("now")',
        'def f():\n    return tr("{a} of {b}", a=1)',
        'def f():\n    return tr("{a}", a=1, b=2)',
        'def f():\n    return plural("{n} row of {b}", "{n} rows of {b}", n)',
        'def f():\n    return tr(f"{a} rows")',
        "def f(one, more):\n    return plural(one, more, 1)",
    ):
        assert len(_faults(source)) == 1, source


# ---- catalogues ------------------------------------------------------------------------------


def test_the_texts_are_those_of_code_templates_scripts_and_notebooks() -> None:
    found = messages()
    for text in (
        "too little data",
        ("{n:,} question", "{n:,} questions"),
        ("{size} point", "{size} points"),
        "Skip to the report",
        "The table is copied.",
        "## Where they differ",
        "Decontamination",
        "empty completion",
    ):
        assert text in found, text
    assert found["## Where they differ"] == ["notebooks/4_report.ipynb"]


def test_a_catalogue_keeps_its_translations_when_texts_are_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmc_lib.language.messages.CATALOGUES", tmp_path)
    path = write_catalogue("de")
    text = path.read_text(encoding="utf-8")
    assert text.count("\nmsgid ") == len(messages()) + 1  # and the header
    path.write_text(
        text.replace('msgid "too few"\nmsgstr ""', 'msgid "too few"\nmsgstr "zu wenige"')
    )
    write_catalogue("de")
    catalogue = read_catalogue(path)
    assert catalogue.gettext("too few") == "zu wenige"
    with speaking(catalogue):
        assert (language(), tr("too few"), tr("enough"), tr("")) == (
            "de",
            "zu wenige",
            "enough",
            "",
        )
    assert (language(), tr("too few")) == ("en", "too few")


def missing(catalogue: Path, texts: dict[Message, list[str]]) -> list[Message]:
    """The texts that a catalogue does not have, or has with other placeholders."""
    found = read_catalogue(catalogue)
    lacking = []
    for text in texts:
        one, *more = (text,) if isinstance(text, str) else text
        forms = [found.ngettext(one, more[0], n) if more else found.gettext(one) for n in (1, 2, 5)]
        if forms[0] == one or any(_placeholders(form) - _placeholders(one) for form in forms):
            lacking.append(text)
    return lacking


@pytest.mark.parametrize("path", sorted(CATALOGUES.glob("*.po")), ids=lambda path: path.stem)
def test_a_catalogue_that_is_part_of_the_package_is_complete(path: Path) -> None:
    assert missing(path, messages()) == []
