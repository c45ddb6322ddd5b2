"""What each candidate of a run is trained on, side by side: for notebook 1."""

from __future__ import annotations

from typing import Any

import pandas as pd

from llmc_lib.formatting import share
from llmc_lib.language import tr
from llmc_lib.params import Params, Recipe
from llmc_lib.reporting.elements import NOTHING, Block, table_block
from llmc_lib.taxonomy import ROW_CATEGORIES

# Sources and categories that a cell lists; the others are counted together. CSV has them all.
_LISTED = 8


def candidates_table(manifest: dict[str, Any], params: Params) -> Block:
    """Rows, tokens and composition of the mixture of each candidate; nothing where all have the run's.

    Parameters: the data set's manifest, and the params that it was built from.
    """
    if not manifest["mixtures"]:
        return NOTHING
    recipes = [(recipe, _facts(manifest, recipe)) for recipe in params.recipes]
    rows = [
        {
            tr("Candidate"): recipe.name,
            tr("Mixture"): tr("its own") if recipe.mixture else tr("the run's"),
            tr("Rows"): f"{sum(facts['rows'].values()):,}",
            tr("Held out"): f"{facts['rows']['validation']:,}",
            tr("Tokens"): f"{facts['tokens']['total']:,}",
            tr("Sources"): _shares(facts["composition"]["source"], ()),
            tr("Categories"): _shares(facts["composition"]["category"], ROW_CATEGORIES),
            tr("Distance"): f"{facts['total_variation']:.4f}"
            if (recipe.mixture or params.dataset).mixture
            else "–",
        }
        for recipe, facts in recipes
    ]
    data = [
        {"candidate": recipe.name, "group": group, "kind": kind, "rows": n}
        for recipe, facts in recipes
        for group in ("source", "category")
        for kind, n in facts["composition"][group].items()
    ]
    caption = tr(
        "What each candidate is trained on: rows (those held out for the validation loss among them), tokens, "
        "shares of the rows by source and by category, and the total-variation distance between the categories' "
        "shares and their target (0: the same; –: the mixture is off). No row that is held out of one mixture is "
        "trained on in another."
    )
    return table_block("candidates", pd.DataFrame(rows), caption, pd.DataFrame(data))


def _facts(manifest: dict[str, Any], recipe: Recipe) -> dict[str, Any]:
    """The facts of a candidate's mixture: those of the run's, where it has none of its own."""
    facts: dict[str, Any] = manifest["mixtures"][recipe.rows] if recipe.mixture else manifest
    return facts


def _shares(counts: dict[str, int], order: tuple[str, ...]) -> str:
    """ "textbook 60%, hard_math 40%", in the given order, else the largest first."""
    names = [name for name in order if counts.get(name)] or sorted(
        counts, key=lambda name: (-counts[name], name)
    )
    total = sum(counts.values())
    words = [f"{name} {share(counts[name], total)}" for name in names[:_LISTED]]
    if rest := names[_LISTED:]:
        words.append(
            tr(
                "{n} more {share}",
                n=len(rest),
                share=share(sum(counts[name] for name in rest), total),
            )
        )
    return ", ".join(words)
