"""A page as text, beside the numbers behind it: what the rules of `page_rules` read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from llmc_lib.analysis.verdict import Thresholds


@dataclass(frozen=True)
class Page:
    """A page without its pictures: of each part what is printed, and the figures in numbers behind it."""

    block: dict[str, Any]  # of metrics.json
    parts: dict[
        str, str
    ]  # section → text without markup; tables have a line a row, cells between tabs
    titles: dict[str, str]  # name of a figure → its title

    @property
    def headline(self) -> dict[str, Any]:
        found: dict[str, Any] = self.block["comparisons"][-1]
        return found

    @property
    def limits(self) -> Thresholds:
        return Thresholds(**self.block["thresholds"])

    def table(self, part: str, first: str) -> list[dict[str, str]]:
        """The rows of the table whose first column is called `first`."""
        lines = [line.split("\t") for line in self.parts[part].splitlines() if "\t" in line]
        at = next((i for i, cells in enumerate(lines) if cells[0] == first), None)
        if at is None:
            return []
        head = lines[at]
        rows = []
        for cells in lines[at + 1 :]:
            if len(cells) != len(head) or cells[0] == first:  # the next table
                break
            rows.append(dict(zip(head, cells, strict=True)))
        return rows


Rule = Callable[[Page], Iterator[str]]
NUMBER = r"[+−]?\d[\d,]*(?:\.\d+)?"
VERDICT = re.compile(
    rf"(?P<rate>{NUMBER})% of the (?P<n>[\d,]+) (?P<noun>\w+)(?: correctly)?, .+? (?P<base>{NUMBER})%: (?P<difference>{NUMBER}) points?, "
    rf"(?P<level>[\d.]+)% interval(?: for (?:all \d+|both) candidates at once)? (?P<low>{NUMBER}) to (?P<high>{NUMBER})"
)


def number(text: str) -> Decimal:
    return Decimal(text.replace("−", "-").replace(",", "").removesuffix("%"))


def sign(value: float | Decimal) -> int:
    return (value > 1e-12) - (value < -1e-12)


def interval(comparison: dict[str, Any]) -> tuple[float, float]:
    """The interval that the verdict's sentence prints."""
    found = comparison.get("interval")
    return (found["low"], found["high"]) if found else tuple(comparison["ci95"])
