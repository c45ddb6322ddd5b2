"""The sheet in a browser: labels by keyboard and by touch, kept over a reload, exported, and nothing of a model runs."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.evaluation.audit import keep_labels, read_drawn
from llmc_lib.reporting.audit_command import Asked, audit
from llmc_lib.store import Run
from tests.browser import Watched, overflow, violations
from tests.reporting import several as evaluations
from tests.reporting.test_audit import answers

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    made = evaluations.several(tmp_path_factory.mktemp("audit"), answers, main="sums")
    audit(made, Asked(n=12))
    return made


def test_a_sheet_is_labelled_kept_exported_and_read_back(
    run: Run, browser: Any, tmp_path: Path
) -> None:
    context = browser.new_context(color_scheme="light", viewport={"width": 1100, "height": 800})
    page = context.new_page()
    watched = Watched(page)
    page.goto((run.audit / "sums-1.html").as_uri())
    shown = page.locator(".item.present")
    assert page.locator("#progress-text").inner_text() == "0 of 12 labelled"
    assert violations(page) == []
    page.keyboard.press("1")
    page.keyboard.press("Enter")  # the next one without a label
    assert shown.locator("h2").inner_text() == "Answer 2 of 12"
    page.keyboard.press("2")
    page.keyboard.press("ArrowRight")
    shown.locator(".choice label", has_text="Cannot tell").click()
    shown.locator(".remark-text").fill('=odd, "very" 1')  # digits in a note label nothing
    page.locator("#labeller").fill("Ada L")
    page.reload()
    assert page.locator("#labeller").input_value() == "Ada L"
    assert page.locator("#progress-text").inner_text() == "3 of 12 labelled"
    assert shown.locator("h2").inner_text() == "Answer 3 of 12"
    page.keyboard.press("ArrowLeft")
    assert shown.locator("input:checked").get_attribute("value") == "wrong"
    with page.expect_download() as download:
        page.click("#export")
    assert download.value.suggested_filename == "labels-several-sums-Ada_L.csv"
    path = tmp_path / "labels.csv"
    download.value.save_as(path)
    rows = list(csv.DictReader(path.open(encoding="utf-8", newline="")))
    assert [row["label"] for row in rows] == ["right", "wrong", "unclear"]
    assert rows[2]["note"] == '\'=odd, "very" 1'
    drawn = read_drawn(run, "sums")
    assert drawn
    assert keep_labels(run, path, {"sums": drawn}) == 3
    # Another browser goes on from the file.
    other = browser.new_context(color_scheme="dark", viewport={"width": 375, "height": 700}).new_page()  # fmt: skip
    more = Watched(other)
    other.goto((run.audit / "sums-1.html").as_uri())
    other.set_input_files("#import", path)
    other.locator("#progress-text", has_text="3 of 12 labelled").wait_for()
    assert overflow(other) == 0
    assert violations(other) == []
    for _ in range(12):
        other.locator(".item.present .choice label").first.click()
        other.locator("#next").click(force=True)
        assert overflow(other) == 0
    assert other.title() == "several: sums, answers to label"  # no script of a model ran
    assert not watched.complaints + more.complaints
    assert not watched.requests + more.requests
