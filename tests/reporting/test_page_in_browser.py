"""The page of a whole run in a browser: for anyone, with the keyboard alone, on a phone."""

from __future__ import annotations

import os
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.browser import open_all, overflow, violations
from tests.reporting.conftest import sized

pytestmark = pytest.mark.slow

# What is smaller stands in a sentence, or is no target at all.
SMALL = """() => [...document.querySelectorAll("a, button, summary, input, label")]
  .filter((item) => item.checkVisibility() && !item.closest("main > p, .note") && !item.matches(".skip, .unfold input"))
  .map((item) => [item, item.getBoundingClientRect()])
  .filter(([item, box]) => box.height < 24 || box.width < 24)
  .map(([item, box]) => `${item.outerHTML.slice(0, 80)} ${box.width} × ${box.height}`)"""


def opened(window: Any, compare_page: Path, width: int = 1600) -> Any:
    sized(window, width).goto(compare_page.as_uri())
    return window


def test_no_violation_of_wcag(compare_page: Path, window: Any) -> None:
    page = opened(window, compare_page)
    for width, state in product((1600, 360), (False, True)):
        open_all(page, opened=state)
        for scheme in ("dark", "light"):
            sized(page, width, scheme)
            # Of the rules only those for colours have another answer in the dark.
            found = violations(page, colours_alone=scheme == "dark")
            assert found == [], (width, state, scheme)
            assert overflow(page) <= 0
            if folder := os.environ.get("SCREENSHOTS"):
                name = f"page-{width}-{scheme}-{'open' if state else 'folded'}.png"
                page.screenshot(path=f"{folder}/{name}", full_page=True)


@pytest.mark.parametrize("width", [360, 1600])
def test_what_is_touched_has_the_size_of_a_finger(
    compare_page: Path, window: Any, width: int
) -> None:
    page = opened(window, compare_page, width)
    open_all(page)
    if width == 360:
        page.locator("nav summary").click()
    assert page.evaluate(SMALL) == []


def test_figures_are_drawn_for_the_window_that_they_are_in(compare_page: Path, window: Any) -> None:
    for width, kind in ((360, "narrow"), (1600, "wide")):
        page = opened(window, compare_page, width)
        plots = page.locator("figure .plot")
        assert plots.count() >= 7
        for n in range(plots.count()):
            shown = plots.nth(n).locator("svg:visible")
            assert shown.count() == 1
            assert shown.get_attribute("class") == kind
            # Letters of less than 9 pixels cannot be read.
            size = "(svg) => Math.min(...[...svg.querySelectorAll('text')].map((t) => t.getBoundingClientRect().height))"
            assert shown.evaluate(size) >= 9


def test_the_keyboard_alone_reaches_everything_and_shows_where_it_is(
    compare_page: Path, window: Any
) -> None:
    page = opened(window, compare_page, 360)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")
    page.reload()
    page.evaluate("document.activeElement.blur()")
    reached = set()
    for _ in range(400):
        page.keyboard.press("Tab")
        kind, outlined = page.evaluate(
            """() => { const e = document.activeElement, style = getComputedStyle(e);
            return [e.matches("thead button") ? "sort" : e.matches(".copy") ? "copy" : e.matches("[download]") ? "csv"
              : e.matches(".case > summary") ? "case" : e.matches(".table") ? "table" : e.matches(".anchor") ? "anchor"
              : e.tagName, style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2]; }"""
        )
        if kind == "BODY":
            break
        assert outlined, kind
        reached.add(kind)
    assert {"sort", "copy", "csv", "case", "table", "anchor", "SUMMARY"} <= reached


def test_a_table_that_scrolls_is_a_named_region_and_one_that_does_not_is_none(
    compare_page: Path, window: Any
) -> None:
    page = opened(window, compare_page, 360)
    table = page.locator("#table-models")
    assert (table.get_attribute("tabindex"), table.get_attribute("role")) == ("0", "region")
    assert table.get_attribute("aria-label") == "Table models, scrolls sideways"
    table.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.querySelector('#table-models').scrollLeft > 0")
    opened(window, compare_page)
    assert table.get_attribute("tabindex") is None
    assert table.get_attribute("role") is None


def test_tables_sort_by_number_and_back_by_keyboard(compare_page: Path, window: Any) -> None:
    page = opened(window, compare_page)
    table = page.locator("#table-outcomes")
    button = table.locator("thead button", has_text="both wrong")
    column = [h.strip() for h in table.locator("thead th").all_inner_texts()].index("both wrong")
    button.focus()
    for order, state in ((1, "ascending"), (-1, "descending")):
        page.keyboard.press("Enter")
        head = table.locator("thead th").nth(column)
        assert head.get_attribute("aria-sort") == state
        cells = table.locator(f"tbody tr > :nth-child({column + 1})").all_inner_texts()
        numbers = [int(cell) for cell in cells]
        assert numbers == sorted(numbers, reverse=order < 0)


def test_a_table_is_copied_as_it_stands(compare_page: Path, browser: Any) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(compare_page.as_uri())
    page.locator("#table-outcomes .copy").click()
    page.wait_for_function(
        "() => document.querySelector('#said').textContent === 'The table is copied.'"
    )
    copied = page.evaluate("navigator.clipboard.readText()").splitlines()
    head, *rows = [line.split("\t") for line in copied]
    assert head[:2] == ["Category", "both right"]
    assert len({len(row) for row in rows} | {len(head)}) == 1
    assert len(rows) == page.locator("#table-outcomes tbody tr").count()
    page.locator("#table-candidates .copy").click()
    page.wait_for_timeout(200)
    assert "−" not in page.evaluate("navigator.clipboard.readText()")
    context.close()


@pytest.mark.parametrize("also", [True, False])
def test_where_the_clipboard_is_closed_the_table_is_copied_or_selected(
    compare_page: Path, window: Any, also: bool
) -> None:
    page = opened(window, compare_page)
    page.evaluate(
        "() => { navigator.clipboard.writeText = () => Promise.reject(new Error('closed')); }"
    )
    if not also:
        page.evaluate("() => { document.execCommand = () => false; }")
    page.locator("#table-outcomes .copy").click()
    said = "The table is copied." if also else "The table is selected. Copy it with the keyboard."
    page.wait_for_function(f"() => document.querySelector('#said').textContent === {said!r}")
    if not also:
        assert "Math" in page.evaluate("getSelection().toString()")
        assert "CSV" not in page.evaluate("getSelection().toString()")


def test_every_part_can_be_linked_to(compare_page: Path, window: Any) -> None:
    page = opened(window, compare_page)
    for parts in ("h2", "figure", ".table", ".case"):
        for n in range(page.locator(parts).count()):
            part = page.locator(parts).nth(n)
            id_ = part.get_attribute("id")
            assert part.locator(f'a.anchor[href="#{id_}"]').count() == 1, (parts, id_)
    case = page.locator(".case").nth(2)
    page.goto(f"{compare_page.as_uri()}#{case.get_attribute('id')}")
    assert case.evaluate("(item) => item.open")


@pytest.mark.parametrize("width", [360, 1600])
def test_the_contents_stay_in_reach_and_mark_the_present_section(
    compare_page: Path, window: Any, width: int
) -> None:
    page = opened(window, compare_page, width)
    headings = page.locator("h2[id]")
    present = "document.querySelector('nav [aria-current]')?.hash.slice(1)"
    assert page.evaluate(present) is None
    order = list(range(headings.count() - 2))
    for n in (*order, *reversed(order)):  # down, and up again
        id_ = headings.nth(n).get_attribute("id")
        page.evaluate(
            "(id) => window.scrollTo(0, document.getElementById(id).getBoundingClientRect().top + scrollY - 250)",
            id_,
        )
        page.wait_for_function(f"() => {present} === {id_!r}")
    assert page.locator("nav").evaluate("(nav) => nav.getBoundingClientRect().top") >= 0
    assert page.locator("nav summary" if width == 360 else "nav ol").is_visible()


def test_the_arrow_keys_go_from_question_to_question(compare_page: Path, window: Any) -> None:
    page = opened(window, compare_page)
    cases = page.locator(".case")
    cases.first.locator("> summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    assert cases.nth(1).evaluate("(item) => item.open && item.contains(document.activeElement)")
    assert not cases.first.evaluate("(item) => item.open")
    page.keyboard.press("ArrowLeft")
    assert cases.first.evaluate("(item) => item.open")
