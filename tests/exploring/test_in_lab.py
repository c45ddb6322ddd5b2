"""The exploring notebook in a real JupyterLab: its controls are moved, and what they lead to changes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.exploring import open_runs
from llmc_lib.store import ROOT, read_marks
from tests.exploring.made import asked_twice, notebook
from tests.jupyterlab import jupyterlab

pytestmark = pytest.mark.slow

_SECONDS = 90_000  # in thousandths, as the browser counts


def _panel(page: Any, number: int) -> Any:
    return page.locator(".llmc-panel").nth(number)


@pytest.mark.usefixtures("warm_python")
def test_widgets_are_moved_and_what_they_lead_to_changes(browser: Any, tmp_path: Path) -> None:
    params = asked_twice(tmp_path / "run")
    notebook(tmp_path / "explore.ipynb", [str(params)])
    with jupyterlab(browser, tmp_path / "lab", [tmp_path / "explore.ipynb"], "Dark") as lab:
        page = lab.page
        page.set_default_timeout(_SECONDS)
        page.set_viewport_size({"width": 1280, "height": 1600})
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        lab.open("explore.ipynb")
        lab.run_all()
        _move_everything(page)
        copied = page.evaluate("navigator.clipboard.readText()")
        assert lab.watched.complaints == []
    assert copied.startswith("### Question `s")
    assert "<script>alert(1)</script>" in copied
    (run,) = open_runs([params]).opened.values()
    assert list(read_marks(run.state).values()) == ["look <b>here</b>"]
    assert len((run.state / "looks.jsonl").read_text().splitlines()) == 1
    assert str(ROOT) not in (tmp_path / "lab" / "work" / "explore.ipynb").read_text()


def _move_everything(page: Any) -> None:
    page.wait_for_function("document.querySelectorAll('.llmc-panel .llmc').length >= 7")

    # Choosing: the number of questions, and the plot that follows.
    choice, plots = _panel(page, 0), _panel(page, 1)
    choice.get_by_text("40 questions, 160 answers of 2 models").wait_for()
    before = plots.locator("svg").inner_html()
    choice.locator("select").nth(4).select_option("even")
    choice.get_by_text("20 of 40 questions").wait_for()
    traces = _panel(page, 4)  # the last one that follows: then all have
    traces.get_by_text("of 20", exact=True).wait_for()
    page.wait_for_function("(old) => document.querySelectorAll('.llmc-panel')[1].querySelector('svg').innerHTML !== old", arg=before)  # fmt: skip
    assert "odd" not in plots.locator("svg").text_content()
    for kind in ("Lengths", "Agreement", "Samples"):
        plots.get_by_role("button", name=kind).click()
        plots.locator(f'[aria-label^="{ {"Lengths": "Cumulative", "Agreement": "Percent of", "Samples": "Right answers"}[kind] }"]').wait_for()  # fmt: skip

    # A comparison counts once, however often it is asked for.
    compared = _panel(page, 2)
    for _ in range(2):
        compared.get_by_role("button", name="Compare on these questions").click()
        compared.get_by_text("This is look 1.").wait_for()
    choice.get_by_role("button", name="gained").click()
    compared.get_by_text("No test here").wait_for()
    traces.get_by_text("of 15", exact=True).wait_for()
    assert compared.get_by_role("button", name="Compare on these questions").is_disabled()
    choice.get_by_role("button", name="all", exact=True).click()
    traces.get_by_text("of 20", exact=True).wait_for()

    # A slider: more questions find smaller differences.
    design = _panel(page, 3)
    said = design.locator("p.finding").last
    design.get_by_text(re.compile("^20 questions × 2 samples")).wait_for()
    design.locator(".noUi-handle").nth(2).press("ArrowRight")
    design.get_by_text(re.compile("^50 questions × 2 samples")).wait_for()
    assert "of the time" in said.text_content()

    # Reading: the next question, false arithmetic, a mark, Markdown.
    first = traces.locator(".question").text_content()
    traces.get_by_role("button", name="Next").click()
    page.wait_for_function("(old) => document.querySelectorAll('.llmc-panel')[4].querySelector('.question').textContent !== old", arg=first)  # fmt: skip
    traces.get_by_role("button", name="Previous").click()
    traces.get_by_text(first, exact=True).first.wait_for()
    assert "2 + 2 = 5" in traces.locator(".claim").first.text_content()
    assert traces.locator("script, img").count() == 0  # what the models wrote is text
    traces.locator("textarea").fill("look <b>here</b>")
    traces.get_by_role("button", name="Mark", exact=True).click()
    traces.get_by_text("Saved.").wait_for()
    traces.get_by_role("button", name="Copy as Markdown").click()
    traces.get_by_text("Copied").wait_for()
