"""The whole page of a run whose every text is hostile: shown as text, nothing of it live, nothing broken."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from nbconvert import HTMLExporter

from llmc_lib.store import ROOT
from tests.browser import Watched, open_all, overflow
from tests.reporting.conftest import sized

pytestmark = pytest.mark.slow

SCRIPT = "<script>window.taken = 1</script><img src=x onerror='window.taken = 1'>"
LIVE = f"{SCRIPT}<svg onload=window.taken=1></svg><a href=javascript:window.taken=1>a</a>"
#: What a model, a benchmark or whoever wrote a label may have put there.
HOSTILE = {
    "script": LIVE,
    "end": f"</pre></div></td></table></details></main></style></script>--></textarea>{LIVE}",
    "attribute": "\" onmouseover=window.taken=1 x='&lt;&#60;&quot;",
    "template": "{{ 7 * 7 }} {% for x in y %} ${window.taken = 1} `window.taken = 1`",
    "latex": r"$\frac{1}{$ \[ \href{javascript:window.taken=1}{x} \] $$\begin{matrix} $x^{$ \\ \(",
    "reversed": "\u202eevil\u2066 \u200f\u061c\u202d text \u200b\ufeff",
    "terminal": "\x1b[31mred\x1b[2J\x1b]0;title\x07 \x00\x00 \x08\x7f\x9b1m \ufffe\uffff",
    "surrogate": "half \ud83d of a pair \udc00",
    "markdown": "# head\n\n```\n![x](https://example.org/x.png)\n<https://example.org>\n\n| a | b |\n|--|--|\n",
    "combining": "Z" + "\u0301\u0323\u0338" * 400,
    "lines": "\r\n\u2028\u2029\x85\x0b\x0c\n" * 20 + "=HYPERLINK(\"https://example.org\")\t@x",
    "million": "A million characters, and no space. " + "W" * 1_000_000,
    "nested": "(" * 3_000 + "[" * 3_000 + "$" * 999,
}  # fmt: skip
#: Names in figures and tables: as short as names are.
CATEGORIES = (
    "<script>window.taken=1</script>",
    r"$\frac{1}{$ & \alpha_{",
    "</text></svg><img src=x onerror=window.taken=1>",
    "\u202egnirts\u202c \x00\x1b[31m",
)
MODELS = ("base", "tuned")


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory, warm_python: None) -> Path:
    """A page made by the real pipeline from imported files."""
    folder = tmp_path_factory.mktemp("hostile")
    texts = list(HOSTILE.values())
    ids = [f"{name} \"'><script>%zz&amp;{n}" for n, name in enumerate([*HOSTILE, *HOSTILE])]
    with open(folder / "questions.jsonl", "w", encoding="utf-8") as file:
        for n, id_ in enumerate(ids):
            text = texts[n % len(texts)]
            row = {"id": id_, "asked": text, "answer": f"{n} {text[:300]}", "why": text,
                   "category": CATEGORIES[n % len(CATEGORIES)]}  # fmt: skip
            file.write(json.dumps(row) + "\n")
    for m, model in enumerate(MODELS):
        judged = {
            id_: {
                "model": LIVE,
                "response": f"{texts[(n + 1) % len(texts)]}\nAnswer: {texts[n % len(texts)][:500]}\nConfidence: {n}%",
                "usage": {
                    "completion_tokens": 10 + n,
                    "reasoning_content": "\n\n".join([*texts[:n % 5], f"So 2 + 2 = {4 + m}.", texts[n % len(texts)]]),
                },
                "judge_response": {
                    "correct_answer": LIVE, "model_answer": texts[n % len(texts)], "reasoning": LIVE,
                    "correct": "yes" if n % (3 - m) else "no", "confidence": 50 + n,
                },
            }
            for n, id_ in enumerate(ids)
        }  # fmt: skip
        (folder / f"{model}.json").write_text(json.dumps(judged))
    fields = {"id": "id", "question": "asked", "answer": "answer", "category": "category", "rationale": "why"}  # fmt: skip
    values = {
        "run": "hostile",
        "runs_dir": str(folder / "runs"),
        "reports_dir": str(folder / "reports"),
        "evaluation": {
            "benchmarks": [
                {
                    "name": "mine",
                    "kind": "questions",
                    "source": str(folder / "questions.jsonl"),
                    "fields": fields,
                }
            ],
            "imports": [
                {
                    "model": model,
                    "benchmark": "mine",
                    "path": str(folder / f"{model}.json"),
                    "label": LIVE + CATEGORIES[1],
                }
                for model in MODELS
            ],
        },
        "report": {"title": LIVE, "cases": {"ids": ids}},
    }
    (folder / "hostile.yaml").write_text(yaml.safe_dump(values))
    done = subprocess.run(
        [sys.executable, "-m", "llmc_lib", "report", str(folder / "hostile.yaml")],
        cwd=ROOT, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "reports" / "hostile" / "index.html"


@pytest.mark.parametrize("width", [360, 1600])
def test_nothing_is_live_and_nothing_breaks(page_file: Path, window: Any, width: int) -> None:
    page = sized(window, width)
    watched = Watched(page)
    page.goto(page_file.as_uri())
    open_all(page)
    page.evaluate(
        "document.querySelectorAll('.unfold input').forEach((i) => { i.checked = true; })"
    )
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/hostile-{width}.png")
    page.wait_for_timeout(300)
    assert page.evaluate("window.taken") is None
    assert watched.complaints == []
    assert watched.requests == []
    assert page.locator("script").count() == 1  # the page's own
    assert page.locator("main img, main a[href^='javascript'], main iframe, main form").count() == 0
    assert page.locator(".case").count() == 2 * len(HOSTILE)
    assert page.locator("footer").is_visible()  # no text has ended an element that it is in
    assert page.evaluate("document.querySelector('footer').parentElement.id") == "main"
    assert overflow(page) <= 0


def test_nothing_is_live_in_the_executed_notebook(page_file: Path, window: Any) -> None:
    """It is signed, so that JupyterLab shows its HTML as it is; nbconvert's template does, too."""
    for notebook in sorted((page_file.parent / "notebooks").glob("*.ipynb")):
        made, _ = HTMLExporter(template_name="basic").from_filename(str(notebook))
        made = re.sub(r"<script.*?</script>", "", made, count=1, flags=re.DOTALL)  # the template's
        target = page_file.parent / f"{notebook.stem}.html"
        target.write_text(made, encoding="utf-8")
        page = sized(window, 1280)
        page.goto(target.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        page.wait_for_timeout(300)
        assert page.evaluate("window.taken") is None
        assert (
            page.locator("iframe, form, a[href^='javascript'], img:not([src^='data:'])").count()
            == 0
        )
        assert "onerror" in page.locator("body").text_content()  # told, not run


def test_it_is_shown_as_text(page_file: Path, window: Any) -> None:
    page = sized(window, 1280)
    page.goto(page_file.as_uri())
    assert page.title() == LIVE
    assert page.locator("h1").inner_text() == LIVE
    shown = page.locator("main").text_content()
    for name in ("script", "attribute", "template"):
        assert HOSTILE[name] in shown, name
    escaped = CATEGORIES[3].encode("unicode_escape").decode()
    for category in (*CATEGORIES[:3], escaped):  # in the figures and in the tables
        assert page.locator("figure svg", has_text=category).count() >= 1, category
        assert page.locator("tbody th", has_text=category).count() >= 1, category
    assert "U+202E" in shown
    assert "U+001B" in shown
    assert "more characters are not shown" in shown


def test_a_question_with_any_id_can_be_linked_to(page_file: Path, window: Any) -> None:
    page = sized(window, 1280)
    watched = Watched(page)
    page.goto(page_file.as_uri())
    target = page.locator(".case a.anchor").nth(3).get_attribute("href")
    page.goto(f"{page_file.as_uri()}{target}")
    page.reload()
    assert page.locator(".case").nth(3).evaluate("(item) => item.open")
    page.goto(f"{page_file.as_uri()}#100%")
    page.reload()
    assert watched.complaints == []
