"""Contrast of the page's colours at WCAG AA, in light and in dark: computed from the style sheet."""

from __future__ import annotations

import re

import pytest

from llmc_lib.reporting import render

STYLE = (render._TEMPLATES / "report" / "style.css").read_text()
#: Written in these, on the page or in a figure; drawn in these.
TEXT = ("--ink", "--muted", "--base", "--good", "--bad", "--accent", *(f"--model-{n}" for n in range(1, 8)))  # fmt: skip
MARKS = ("--base", *(f"--model-{n}" for n in range(1, 8)))
GROUNDS = ("--paper", "--wash")


def colours(scheme: str) -> dict[str, str]:
    """Variable → colour: the first block of the style sheet is the light one, the second the dark one."""
    blocks = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    found = dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6});", blocks[0]))
    if scheme == "dark":
        found |= dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6});", blocks[1]))
    return found


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2.2, 1 to 21 (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_ratio_is_that_of_the_guidelines() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)  # the well-known grey


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("ground", GROUNDS)
def test_text_and_marks_stand_out(scheme: str, ground: str) -> None:
    found = colours(scheme)
    for name in TEXT:
        assert contrast(found[name], found[ground]) >= 4.5, name
    for name in MARKS:
        assert contrast(found[name], found[ground]) >= 3, name


def test_both_schemes_set_every_colour() -> None:
    light, dark = colours("light"), re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)[1]
    assert set(light) == set(re.findall(r"(--[\w-]+):", dark))
