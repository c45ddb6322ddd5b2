"""Side by side in a browser: nothing that a model wrote is live, nothing overflows, the keyboard does all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from llmc_lib.evaluation.results import Results
from llmc_lib.records import Question
from llmc_lib.reporting import cases, claims_page
from llmc_lib.reporting.render import render
from tests.browser import Watched, overflow, violations
from tests.reporting.conftest import sized

pytestmark = pytest.mark.slow

HOSTILE = (
    "<script>document.title = 'taken'</script><img src=x onerror=\"document.title='taken'\">\n\n"
    "$\\frac{1}{$ \\[ \\href{javascript:alert(1)}{x} \\] \u202egnirts\u202c \x00\x1b[31mred\x1b[0m \ufffe\n\n"
    "</div></div></details>\n\n" + "W" * 3000 + "\n\n" + "$$" + "x+" * 400 + "$$\n\n"
)

_OPENING = (
    "We are asked how many integers from 1 to 100 are divisible by 3 or by 5.",
    "By inclusion and exclusion we count the multiples of 3, add those of 5, and take away those of 15, which "
    "were counted twice:\n\n$$N = \\left\\lfloor \\frac{100}{3} \\right\\rfloor + \\left\\lfloor \\frac{100}{5} "
    "\\right\\rfloor - \\left\\lfloor \\frac{100}{15} \\right\\rfloor$$",
    "There are 33 multiples of 3, since $3 \\cdot 33 = 99$ and $3 \\cdot 34 = 102$.",
)
_RIGHT = (
    "There are $\\frac{100}{5} = 20$ multiples of 5.",
    "And 6 of 15, the last one being $6 \\cdot 15 = 90$.",
    "Together $33 + 20 - 6 = 47$.",
    "As a check I look at the first thirty: 3, 5, 6, 9, 10, 12, 15, 18, 20, 21, 24, 25, 27, 30 are 14 of them.",
)
_WRONG = (
    "There are $\\frac{100}{5} = 20$ multiples of 5.",
    "And 7 of 15, the last one being $7 \\cdot 15 = 95$, which is still below 100.",
    "Together $33 + 20 - 7 = 46$.",
)
_MUSING = tuple(
    f"Before I go on, let me look at it once more from side {n}: the numbers {n}, {2 * n} and {3 * n} have a sum of "
    f"{n} + {2 * n} + {3 * n} = {6 * n}, which changes nothing."
    for n in range(4, 20)
)


def results() -> Results:
    """Three questions: a long one that is gained, a hostile one, one without any completion."""
    question = "How many integers from $1$ to $100$ are divisible by $3$ or by $5$?"
    written = {
        ("base", "counting"): ("\n\n".join([*_OPENING, *_WRONG, *_MUSING]), "Answer: 46\nConfidence: 95%"),
        ("tuned", "counting"): ("\n\n".join([*_MUSING[:3], *_OPENING, *_RIGHT]), "Answer: 47\nConfidence: 80%"),
        ("base", "hostile"): (HOSTILE, HOSTILE),
        ("tuned", "hostile"): ("", "1"),
        ("base", "silent"): ("", "Answer: 1"),
        ("tuned", "silent"): ("", ""),
    }  # fmt: skip
    right = {("tuned", "counting"), ("tuned", "hostile"), ("base", "silent")}
    rows = [
        {
            "benchmark": "hle", "model": model, "question_id": id_, "sample": 0, "category": "Math",
            "status": "correct" if (model, id_) in right else "incorrect",
            "correct": (model, id_) in right, "truncated": False, "failed": False, "rule": "marked",
            "extracted": {"base": "46", "tuned": "47"}[model] if id_ == "counting" else HOSTILE[:150],
            "confidence": 95.0 if model == "base" else None,
            "finish_reason": "stop", "completion_tokens": 20 + len("".join(text)) // 4,
        }
        for (model, id_), text in written.items()
    ]  # fmt: skip
    made = Question(
        "", "hle", question, "47", "exactMatch", "Math", "Counting", "Inclusion and exclusion."
    )
    texts = {("hle", model, id_, 0): text for (model, id_), text in written.items()}
    questions = {
        "hle": {
            id_: Question(id_, "hle", question if id_ == "counting" else HOSTILE, made.answer, "exactMatch",
                          "Math", "", made.rationale)
            for id_ in ("counting", "hostile", "silent")
        }
    }  # fmt: skip
    return Results(pd.DataFrame(rows), {"base": "", "tuned": ""}, questions, {}, texts=texts)


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cases")
    made = results()
    found = claims_page.marks(made, list(made.texts), folder)
    blocks = [
        cases.outcome_table(made, "hle", "base", "tuned"),
        cases.side_by_side(made, "hle", "base", "tuned", 9, 0, found),
    ]
    notebook = new_notebook()
    notebook.cells = [new_markdown_cell("## Reasoning side by side")]
    for block in blocks:
        cell = new_code_cell("show")
        data = {"text/html": block.markup}
        cell.outputs = [new_output("execute_result", data=data, execution_count=1)]
        notebook.cells.append(cell)
    nbformat.write(notebook, folder / "4_report.ipynb")
    page = render(folder / "4_report.ipynb", "Cases")
    (folder / "index.html").write_text(page, encoding="utf-8")
    return folder / "index.html"


@pytest.mark.parametrize("width", [360, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_section_is_usable_and_nothing_is_live(
    page_file: Path, window: Any, width: int, scheme: str
) -> None:
    page = sized(window, width, scheme)
    watched = Watched(page)
    page.goto(page_file.as_uri())
    page.locator("#question-counting > summary").click()
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/cases-{width}-{scheme}.png", full_page=True)
    assert page.locator("#question-counting .parting").count() == 2
    assert page.locator("#question-counting .check").all_inner_texts() == [
        "✗ 7⋅15\n = 105, not 95"
    ] or (
        "105, not 95"
        in page.locator("#question-counting .check").first.inner_text().replace("\n", " ")
    )
    far = page.locator("#question-counting .far")
    assert far.count() > 5
    assert not far.first.is_visible()
    page.locator("#question-counting .unfold input").focus()
    page.keyboard.press("Space")
    assert far.first.is_visible()
    page.locator("#question-counting > summary").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    opened = page.locator(".case[open]")
    assert opened.count() == 1
    page.evaluate("document.querySelectorAll('.case').forEach((c) => { c.open = true; })")
    page.evaluate(
        "document.querySelectorAll('.unfold input').forEach((c) => { c.checked = true; })"
    )
    if folder:
        page.screenshot(path=f"{folder}/all-{width}-{scheme}.png", full_page=True)
    assert overflow(page) <= 0
    # Of the rules only those for colours have another answer in the dark.
    assert violations(page, colours_alone=scheme == "dark") == []
    assert page.title() == "Cases"
    assert page.locator(".cases script, .cases img, .cases a:not(.anchor)").count() == 0
    assert watched.complaints == []
    assert watched.requests == []
