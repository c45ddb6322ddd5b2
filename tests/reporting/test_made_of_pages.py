"""What is made of finished pages, by a real browser: the PDF, the list of all reports, the kept example."""

from __future__ import annotations

import io
import os
import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import matplotlib.image
import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from llmc_lib.__main__ import main
from llmc_lib.errors import UserError
from llmc_lib.exploring import open_runs
from llmc_lib.publish.example import LARGEST_ANSWERS, LARGEST_PICTURE, make_example
from llmc_lib.reporting import cases
from llmc_lib.reporting.browser import find_chromium, make_pdf, print_pdf
from llmc_lib.reporting.elements import Block, table_block
from llmc_lib.reporting.render import render
from llmc_lib.reporting.site import write_site
from llmc_lib.store import ROOT, Run
from tests.pdf_text import pages, squeezed
from tests.reporting.conftest import copied, sign, sized
from tests.reporting.test_cases_in_browser import results as long_traces

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def _chromium() -> None:
    try:
        find_chromium()
    except UserError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def run(compare_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return copied(compare_run, tmp_path_factory.mktemp("made"))


# ---- the PDF ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pdf(run: Run) -> bytes:
    return make_pdf(run).read_bytes()


def test_the_pdf_says_what_the_page_says(run: Run, pdf: bytes) -> None:
    printed = pages(pdf)
    page = (run.report / "index.html").read_text()
    verdict = re.search(r'<p class="sentence">(.*?)</p>', page)
    assert verdict
    assert squeezed(verdict[1]) in printed[0]
    assert "Eachpointistheshareofacategory" in printed[0]  # the figure is on the verdict's page
    assert len(printed) > 5
    for number, text in enumerate(printed, 1):
        assert f"{number}/{len(printed)}" in text
        assert len(text) > 150, f"page {number} is empty"


def test_no_heading_ends_a_page(run: Run, pdf: bytes) -> None:
    page = (run.report / "index.html").read_text()
    headings = [squeezed(text) for text in re.findall(r'<h2 id="[^"]+">(.*?)<a', page)]
    findings = [squeezed(text) for text in re.findall(r'<p class="finding">(.*?)</p>', page)]
    printed = pages(pdf)
    assert len(headings) > 8
    for heading in headings:
        assert any(heading in text for text in printed), heading
    for number, text in enumerate(printed, 1):
        assert not text.endswith((*headings, *findings)), number


def test_cases_are_open_and_what_is_for_the_screen_is_left_out(run: Run, pdf: bytes) -> None:
    whole = "".join(pages(pdf))
    page = (run.report / "index.html").read_text()
    assert page.count('<details class="case"') == whole.count("Referenceanswer") == 12
    for left_out in (
        "schema_version",
        "Thecodeofthispage",
        "Showall",
        "CSV",
        "arrowkeys",
        "Contents",
    ):
        assert left_out not in whole.replace("TheCSVhas", "").replace("theCSV", ""), left_out
    assert b"file:" not in pdf
    assert str(run.report).encode() not in pdf


def _printed(folder: Path, block: Block) -> list[str]:
    """The pages of a report that has one block."""
    notebook = new_notebook()
    cell = new_code_cell("show")
    data = {"text/html": block.markup}
    cell.outputs = [new_output("execute_result", data=data, execution_count=1)]
    notebook.cells = [new_markdown_cell("## A heading"), cell]
    nbformat.write(notebook, folder / "x.ipynb")
    (folder / "x.html").write_text(render(folder / "x.ipynb", "Title"), encoding="utf-8")
    return pages(print_pdf(folder / "x.html"))


def test_a_long_table_repeats_its_head(tmp_path: Path) -> None:
    frame = pd.DataFrame({"Question": [f"number {n}" for n in range(150)], "Answer": "an answer"})
    printed = _printed(tmp_path, table_block("long", frame, "A long table."))
    assert len(printed) >= 3
    for text in printed:
        assert text.count("QuestionAnswer") == 1
    for n in range(150):  # no row is torn apart, none is lost
        assert sum(f"number{n}ananswer" in text for text in printed) == 1


def test_a_long_trace_is_printed_around_the_parting_alone(tmp_path: Path) -> None:
    found = cases.side_by_side(long_traces(), "hle", "base", "tuned", 9, 0, {})
    whole = "".join(_printed(tmp_path, found))
    assert "Theyparthere" in whole
    assert re.search(r"⋮\d+steps", whole)
    assert "Answer:46" in whole
    assert "fromside4" in whole  # before the parting
    assert "fromside15:" not in whole  # far from it


def test_a_pdf_needs_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    params = tmp_path / "x.yaml"
    params.write_text(f"run: x\nreports_dir: {tmp_path}\n")
    assert main(["pdf", str(params)]) == 2
    assert "no such page; make it first: make report" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [params]


# ---- the list of all reports -----------------------------------------------------------------


@pytest.fixture(scope="module")
def site(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    for name, date in (("first", "2026-01-02"), ("second", "2026-02-03"), ("third", "2026-03-04")):
        shutil.copytree(run.report, folder / name)
        manifest = folder / name / "manifest.json"
        manifest.write_text(re.sub(r'("finished": ")[\d-]+', rf"\g<1>{date}", manifest.read_text()))
    metrics = folder / "second" / "metrics.json"
    text = metrics.read_text()
    for change in (
        ('"cases": 12', '"cases": 3'),
        ('"claims": 100', '"claims": 30'),
        ('"significance": 0.05', '"significance": 0.01'),
        ('"correction": "holm"', '"correction": "bh"'),
        ('"power": 0.8', '"power": 0.9'),
    ):
        assert change[0] in text
        text = text.replace(*change)
    metrics.write_text(text)
    (folder / "broken").mkdir()
    (folder / "broken" / "metrics.json").write_text('{"schema')
    return write_site(folder)


@pytest.mark.parametrize("width", [360, 1000, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_list_is_clean_and_sorts(site: Path, window: Any, width: int, scheme: str) -> None:
    page = sized(window, width, scheme)
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda m: complaints.append(m.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(site.as_uri())
    page.locator("summary").first.click()
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/site-{width}-{scheme}.png", full_page=True)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width

    names = page.locator("#reports tbody .run > a")
    assert names.all_inner_texts() == ["third", "second", "first"]
    page.get_by_role("button", name="Run").click()
    assert names.all_inner_texts() == ["first", "second", "third"]
    assert page.locator("#reports [aria-sort=ascending]").count() == 1
    page.get_by_role("button", name="Run").press("Enter")
    assert names.all_inner_texts() == ["third", "second", "first"]
    assert page.locator("#reports .difference svg").first.is_visible()
    assert page.locator(".broken li").count() == 1
    names.first.click()
    assert page.locator("header.verdict").is_visible()
    assert complaints == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []


# ---- the example -----------------------------------------------------------------------------


def test_the_example_is_the_page_and_its_first_screen(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The run's folders are among the temporary files, and metrics.json has its params.
    elsewhere = SimpleNamespace(gettempdir=lambda: "/another/place")
    monkeypatch.setattr("llmc_lib.publish.example.tempfile", elsewhere)
    page, metrics, picture, *answers = make_example(run, tmp_path / "example")
    assert sum(file.stat().st_size for file in answers) <= LARGEST_ANSWERS
    assert len(open_runs(tmp_path / "example").answers) == len(open_runs(run.params_file).answers)
    assert metrics.read_bytes() == (run.report / "metrics.json").read_bytes()
    assert page.read_bytes() == (run.report / "index.html").read_bytes()
    assert picture.stat().st_size <= LARGEST_PICTURE
    pixels = matplotlib.image.imread(io.BytesIO(picture.read_bytes()))
    height, width = pixels.shape[:2]
    assert (width, height) == (1240, 1060)
    assert pixels[0, 0, :3].min() > 0.95  # light
    assert pixels[-60:, 300:900, :3].min() < 0.9  # down to its end something is drawn


def test_nothing_of_this_machine_is_kept(run: Run, tmp_path: Path) -> None:
    page = run.report / "index.html"
    whole = page.read_text()
    page.write_text(whole.replace("<main", f"<!-- {ROOT}/x --><main", 1))
    sign(run.report)
    try:
        with pytest.raises(UserError, match=f"names .*{re.escape(str(ROOT))}, of this machine"):
            make_example(run, tmp_path / "example")
    finally:
        page.write_text(whole)
        sign(run.report)
    assert not (tmp_path / "example").exists()


def test_a_report_of_other_results_is_no_example(run: Run, tmp_path: Path) -> None:
    manifest = run.report / "manifest.json"
    kept = manifest.read_text()
    manifest.write_text(re.sub(r'"fingerprint": "\w+"', '"fingerprint": "other"', kept))
    try:
        with pytest.raises(
            UserError, match="not made from the present results and code; make it again"
        ):
            make_example(run, tmp_path / "example")
    finally:
        manifest.write_text(kept)
    assert not (tmp_path / "example").exists()
