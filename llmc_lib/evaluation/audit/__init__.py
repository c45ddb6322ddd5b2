"""Grades checked by people: which answers are drawn for labels, the labels that come back, and what they say of the grades.

In the run's folder `audit/`: `<benchmark>.json`, what was drawn (`draw.Drawn`); `<benchmark>-<n>.html` and `.csv`, the sheets to
label (`reporting.audit_sheet`); `labels/`, the labels of each labeller.
"""

from llmc_lib.evaluation.audit.audited import audited
from llmc_lib.evaluation.audit.draw import Drawn, Item, draw_more, read_drawn
from llmc_lib.evaluation.audit.labels import Labels, keep_labels, read_labels

__all__ = ["Drawn", "Item", "Labels", "audited", "draw_more", "keep_labels", "read_drawn", "read_labels"]  # fmt: skip
