"""What the candidates were trained on, and how."""

from __future__ import annotations

from llmc_lib.language import N_, tr
from llmc_lib.reporting import dataset_page, figures, imported_training, training_page
from llmc_lib.reporting.elements import NOTHING, Block, paragraph
from llmc_lib.reporting.report import Report

_NOT_PART = N_("Not part of this run: it compares finished answers and trains no model.")


def waterfall(report: Report) -> Block:
    """From the rows of the sources to those that are trained on, and what each step removed."""
    made, params = report.dataset, report.run.params
    if not made:
        return paragraph(tr(_NOT_PART), "note")
    return (
        paragraph(
            tr(
                "Every row of the sources goes through the same steps in the same order, and each step counts what it "
                "removes. dataset.html, in the folder of this page, shows more, with rows to read."
            )
        )
        + figures.waterfall.waterfall(made, params)
        + figures.waterfall.removals(made, params)
    )


def composition(report: Report) -> Block:
    """Categories of the data set beside the target."""
    return figures.dataset.composition(report.dataset) if report.dataset else NOTHING


def data_set_facts(report: Report) -> Block:
    """Lengths, licences and contamination of the data set in a paragraph."""
    return dataset_page.summary(report.dataset, report.run.params) if report.dataset else NOTHING


def training(report: Report) -> Block:
    """How the training went, in words."""
    if not report.training and report.histories:
        return imported_training.how(report)
    if not report.training:
        return paragraph(tr(_NOT_PART), "note")
    return training_page.how(report.run.params, report.training["candidates"])


def training_curves(report: Report) -> Block:
    """Losses or rewards, what is to be said of them, and what the optimizer did."""
    if not report.training:
        return imported_training.curves(report.histories)
    return (
        figures.training.losses(report.histories)
        + figures.rewards.rewards(report.histories)
        + figures.preferences.preferences(report.histories)
        + training_page.diagnosis(report.histories)
        + figures.training.optimizer(report.histories)
    )
