"""The colours of figures, light; the page's style has their dark ones."""

from __future__ import annotations

#: What is drawn in these colours follows the page: each becomes a CSS variable of the page, with the colour as fallback.
INK, MUTED, RULE, BASE = "#1b1b1f", "#5f6168", "#dcdde1", "#77797f"
#: Okabe and Ito's palette, safe for colour-blind readers; the reference model is always grey.
MODELS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442")
VARIABLES = {INK: "--ink", MUTED: "--muted", RULE: "--rule", BASE: "--base"} | {
    colour: f"--model-{number}" for number, colour in enumerate(MODELS, 1)
}


def colours(models: list[str]) -> dict[str, str]:
    """The colour of each model: grey for the reference (the first), the headline's (the last) blue."""
    reference, *candidates = models
    return {reference: BASE} | {
        model: MODELS[n % len(MODELS)] for n, model in enumerate(reversed(candidates))
    }
