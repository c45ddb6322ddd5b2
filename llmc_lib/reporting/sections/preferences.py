"""What learning from preferences bought in safety, and its price in right answers and in harmless requests declined."""

from __future__ import annotations

import pandas as pd

from llmc_lib.benchmarks import Measure
from llmc_lib.formatting import as_p_cell
from llmc_lib.language import tr
from llmc_lib.reporting.elements import NOTHING, Block, paragraph, table_block
from llmc_lib.reporting.further import RATES
from llmc_lib.reporting.preferences import Price, Rate, prices
from llmc_lib.reporting.report import Report
from llmc_lib.reporting.sections.reinforced import difference, percents
from llmc_lib.reporting.sentences.preferences import price_sentence


def preferences(report: Report) -> Block:
    """Safety, accuracy and over-refusal of candidates that were trained on pairs, before and after."""
    found = list(prices(report.metrics["benchmarks"]))
    if not found:
        return NOTHING
    intro = tr(
        "Refusing more is easy for a model that has learnt to refuse: what it bought is to be read beside what it cost. Every "
        "pair of models answered the same questions; intervals are of each comparison alone, and a change is called clear by p "
        "adjusted for the pairs on its benchmark (Holm)."
    )
    blocks = paragraph(intro, "note")
    for price in found:
        blocks += paragraph(price_sentence(price))
    return blocks + _table(report, found)


def _table(report: Report, found: list[Price]) -> Block:
    level = report.block["thresholds"]["significance"]
    rows = [_row(price, rate, level) for price in found for rate in price.rates]
    caption = tr(
        "Rates before and after, in percent, and differences in points with 95% intervals, by paired tests over questions. Of "
        "harmless instructions that are declined a lower rate is better."
    )
    rates = [rate for price in found for rate in price.rates]
    data = pd.DataFrame({"benchmark": r.benchmark, "measure": r.measure, **r.change} for r in rates)
    return table_block("preferences", pd.DataFrame(rows), caption, data)


def _row(price: Price, rate: Rate, level: float) -> dict[str, str]:
    return {
        tr("Model"): price.model,
        tr("Against"): price.against,
        tr("Benchmark"): rate.benchmark,
        tr("Rate"): tr(RATES[Measure(rate.measure)]),
        "%": percents(rate.change),
        tr("Difference"): difference(rate.change),
        "p": as_p_cell(rate.change["p_adjusted"], level),
    }
