"""The page of an executed notebook: self-contained, navigable, and escaped where it is not ours."""

from __future__ import annotations

import html
import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from llmc_lib.reporting.elements import paragraph, table_block
from llmc_lib.reporting.figures.drawing import canvas, figure_block
from llmc_lib.reporting.render import render


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    notebook = new_notebook()
    code = new_code_cell("print('<b>code</b>')  # a < b")
    code.outputs = [
        new_output("stream", name="stdout", text="<script>alert('stream')</script>"),
        new_output("execute_result", data={"text/plain": "<b>plain</b>"}, execution_count=1),
        new_output(
            "display_data",
            data={"text/html": "<p id='ours'>html</p>", "text/plain": "<b>hidden</b>"},
        ),
        new_output(
            "error", ename="<i>Error</i>", evalue="<script>x</script>", traceback=["<u>t</u>"]
        ),
    ]
    notebook.cells = [
        new_markdown_cell("## Is it better?\n\nText with **weight**."),
        code,
        new_markdown_cell("## Data & training\n\nMore.\n\n## Cost `in` 2 < 3 hours"),
        new_code_cell(""),
    ]
    path = tmp_path_factory.mktemp("page") / "4_report.ipynb"
    nbformat.write(notebook, path)
    return render(path, "Base <b>& tuned</b>")


def test_the_page_needs_nothing_else(page: str) -> None:
    assert not re.findall(r"""(?:src|href|action|data)\s*=\s*["']?\s*(?:https?:)?//""", page)
    assert not re.findall(r"@import|url\(\s*['\"]?(?!data:)[a-z/]", page)
    assert 'href="data:,"' in page
    outside = re.sub(r'xmlns(?::\w+)?="[^"]*"', "", page)
    assert not re.findall(r"https?://\S+", outside)
    assert "default-src 'none'" in page


def test_every_heading_has_an_anchor_that_the_contents_list(page: str) -> None:
    anchors = re.findall(r'<h2 id="([^"]*)">', page)
    listed = re.findall(r'<li><a href="#([^"]+)">(.+?)</a></li>', page)
    assert len(anchors) == len(set(anchors)) == 3
    assert [anchor for anchor, _ in listed] == anchors
    assert [html.unescape(name) for _, name in listed][:2] == ["Is it better?", "Data & training"]


def test_code_is_folded_and_escaped(page: str) -> None:
    folded = "".join(re.findall(r'<details class="code">.*?</details>', page, re.DOTALL))
    assert "&lt;b&gt;code&lt;/b&gt;" in folded
    rest = re.sub(r'<details class="code">.*?</details>', "", page, flags=re.DOTALL)
    assert "print(" not in rest


def test_outputs_are_escaped_but_for_our_own_html(page: str) -> None:
    assert '<p id="ours">html</p>' in page
    assert "hidden" not in page
    assert "&lt;b&gt;plain&lt;/b&gt;" in page
    assert "<b>plain" not in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "&lt;i&gt;Error&lt;/i&gt;: &lt;script&gt;x&lt;/script&gt;" in page
    assert page.count("<script") == 1


def test_the_title_is_escaped(page: str) -> None:
    assert "<title>Base &lt;b&gt;&amp; tuned&lt;/b&gt;</title>" in page
    assert "<b>& tuned" not in page


def test_markdown_is_rendered(page: str) -> None:
    assert "<strong>weight</strong>" in page


def test_a_section_of_which_every_block_is_empty_has_no_heading(tmp_path: Path) -> None:
    notebook = new_notebook()

    def shows(markup: str) -> nbformat.NotebookNode:
        cell = new_code_cell("show")
        cell.outputs = [new_output("execute_result", data={"text/html": markup}, execution_count=1)]
        return cell

    notebook.cells = [
        new_markdown_cell("## Empty"), shows(""), shows(""),
        new_markdown_cell("## Full"), shows(""), shows("<p>something</p>"),
        new_markdown_cell("## Not shown"), new_code_cell("x = 1"),
    ]  # fmt: skip
    nbformat.write(notebook, tmp_path / "x.ipynb")
    page = render(tmp_path / "x.ipynb", "Title")
    assert re.findall(r'<h2 id="([\w-]+)"', page) == ["full", "not-shown"]
    assert 'href="#empty"' not in page


@pytest.mark.slow
def test_a_block_is_on_the_page_as_its_markup_and_once(tmp_path: Path) -> None:
    notebook = new_notebook()
    cell = new_code_cell("show")
    figure, axes = canvas(2)
    axes.plot([0, 1], [0, 1])
    block = paragraph("Words.") + figure_block("x", figure, "Found.", "Shown.", "alt")
    cell.outputs = [
        new_output("display_data", data=data, metadata=metadata) for data, metadata in block.views()
    ]
    assert len(cell.outputs) == 4
    own = new_output("display_data", data={"image/png": "iVBORw0KGgo=", "text/plain": "<Figure>"})
    notebook.cells = [cell, new_code_cell("mine", outputs=[own])]
    nbformat.write(notebook, tmp_path / "x.ipynb")
    page = render(tmp_path / "x.ipynb", "Title")
    assert page.count('id="figure-x"') == page.count("<p>Words.</p>") == 1
    assert page.count("<svg") == 2  # for a desk and for a phone
    assert page.count("<img") == 1  # a figure of the user's own; ours are SVG
    assert 'src="data:image/png;base64,iVBORw0KGgo="' in page
    assert page.count("Found.") == 1


@pytest.mark.slow
@pytest.mark.parametrize("template", ["lab", "classic", "basic"])
def test_other_templates_show_each_figure_once_and_plain_tables(template: str) -> None:
    figure, axes = canvas(2)
    axes.plot([0, 1], [0, 1])
    frame = pd.DataFrame({"Model": ["base"], "Correct, %": ["12"]})
    block = figure_block("x", figure, "Found.", "Shown.", "alt") + table_block("t", frame, "All.")
    cell = new_code_cell("show")
    cell.outputs = [
        new_output("display_data", data=data, metadata=metadata) for data, metadata in block.views()
    ]
    notebook = new_notebook(cells=[cell])
    page, _ = HTMLExporter(template_name=template).from_notebook_node(notebook)
    body = page[page.find("<body") + 1 :]
    assert len(re.findall(r"<img[^>]*data:image/png", body)) == body.count("Shown.") == 1
    assert 'width="7' in body
    assert not re.search(r"<svg|<button", body)
    assert body.count("<table") == body.count("All.") == 1
