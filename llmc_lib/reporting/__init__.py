"""From a finished run to a page: `report` (the parts), `figures`, `cases`, `render` (the HTML)."""

from llmc_lib.reporting.report import Report, load_report

__all__ = ["Report", "load_report"]
