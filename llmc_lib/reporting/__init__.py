"""From a finished run to a page: `report` (the parts), `figures`, `cases`, `render` (the HTML)."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmc_lib.reporting.report import Report, load_report

__all__ = ["Report", "load_report"]


def __getattr__(name: str) -> Any:
    # Late: what renders a page, and the first notebooks, need none of the analysis.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from llmc_lib.reporting import report

    return getattr(report, name)
