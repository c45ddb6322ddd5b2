"""Rules of `page_rules` on what numbers may be printed as, and on the methods and marks that are named."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.reporting.page_text import NUMBER, VERDICT, Page, number, sign


def rule_nothing(page: Page) -> Iterator[str]:
    """What is printed as 0, and as none or all, is that; and the other way round."""
    for c in page.block["comparisons"]:
        found = VERDICT.search(c["sentence"])
        if not found:
            continue
        rates = [page.block["models"][c[role]]["accuracy"] for role in ("model", "reference")]
        for name, value in zip(
            ("rate", "base", "difference"), (*rates, c["difference"]), strict=True
        ):
            edges = (0,) if name == "difference" else (0, 100)
            if any(
                (number(found[name]) == edge) != (abs(100 * value - edge) < 1e-9) for edge in edges
            ):
                yield f"{found[name]} for {100 * value}"
        for table, column in (("comparisons", "Difference, points"), ("selection", "Difference")):
            for row in page.table(table, "Candidate"):
                if row["Candidate"] == c["model"] and sign(number(row[column])) != sign(
                    c["difference"]
                ):
                    yield f"{row[column]} for {100 * c['difference']}"


def rule_allowed(page: Page) -> Iterator[str]:
    """What a sentence says is not ruled out is what its printed interval reaches."""
    matters = 100 * page.limits.smallest_interesting
    for c in page.block["comparisons"]:
        found = VERDICT.search(c["sentence"])
        told = re.search(r"(neither a \w+ nor a \w+|a (?:gain|rise|loss|fall)) of .*? (?:is|is not) ruled out", c["sentence"], re.IGNORECASE)  # fmt: skip
        if not found or not told or c["verdict"] != "too little data":
            continue
        gain, loss = (
            float(number(found["high"])) >= matters,
            float(number(found["low"])) <= -matters,
        )
        kinds = {(True, True): "neither", (True, False): "gain", (False, True): "loss"}
        if kinds.get((gain, loss), "nothing") not in told[1]:
            yield f"{told[0]!r} with {found['low']} to {found['high']}"


_TESTED = re.compile(
    rf"(?P<level>[\d.]+)% interval(?: for (?:all \d+|both) candidates at once)? (?P<low>{NUMBER}) to (?P<high>{NUMBER})"
    r"(?:, | \(|\) \()p (?P<relation>[=<]) (?P<p>[\d.e-]*\d)"
)


def rule_interval_and_p(page: Page) -> Iterator[str]:
    """Wherever an interval is printed with its p-value, one leaves out 0 exactly where the other is below the level."""
    for text in page.parts.values():
        for found in _TESTED.finditer(text):
            level = 1 - float(found["level"]) / 100
            below = (
                float(found["p"]) <= level
                if found["relation"] == "<"
                else float(found["p"]) < level - 1e-12
            )
            if below != (number(found["low"]) > 0 or number(found["high"]) < 0):
                yield found[0]


def rule_designs(page: Page) -> Iterator[str]:
    """The table of designs and the figure's title say the same of this design."""
    design, finds = page.block["power"], page.headline["detectable_difference"]
    unequal = len({facts["n_samples"] for facts in page.block["models"].values()}) > 1
    if (
        not page.titles.get("power") or design is None or unequal
    ):  # all designs there are of equal samples
        return
    for row in design["designs"]:
        if row["samples"] != page.block["n_samples"]:
            continue
        # The power of exact tests goes up and down with n by less than a point: near the edge both can be.
        if row["enough"] and row["difference"] < 0.95 * finds:
            yield f"{row['difference']} is found, and not less than {finds}"
        if not row["enough"] and row["difference"] > 1.05 * finds:
            yield f"{row['difference']} is not found, and all from {finds} on are"


def rule_shrunken(page: Page) -> Iterator[str]:
    """Shrinking brings candidates together, and does not make a clear difference nothing."""
    rows = (page.block["selection"] or {}).get("candidates", [])
    seen = [row["difference"] for row in rows]
    for row in rows:
        reach = max(seen) - min(seen) + 1e-6
        if not min(seen) - reach <= row["shrunken"] <= max(seen) + reach:
            yield f"{row['shrunken']} for {row['difference']} among {min(seen)} to {max(seen)}"
        if row["p_adjusted"] < 0.001 and sign(row["sceptical"]) != sign(row["difference"]):
            yield f"{row['sceptical']} for {row['difference']} with p {row['p_adjusted']}"


def rule_unknown(page: Page) -> Iterator[str]:
    """Few clusters do not say what a design finds, and models that are said not to differ do not."""
    few = page.block["n_clusters"] is not None and page.block["n_clusters"] < 20
    if few and ("power" in page.titles or any(c["needed"] for c in page.block["comparisons"])):
        yield f"{page.block['n_clusters']} clusters, and a design"
    alike = "No question tells the two models apart" in page.parts["power"]
    if alike and page.headline["gained"] + page.headline["lost"]:
        yield "questions that tell the models apart, and none"


# ---- how it was computed ---------------------------------------------------------------------

_METHODS = {
    "none": r"clustered|t-test",
    "question": r"Wilson|McNemar|belong together",
    "field": r"Wilson|McNemar|clustered by question\b",
}


def rule_methods(page: Page) -> Iterator[str]:
    """No test or interval is named that was not used."""
    block = page.block
    alone = "question" if block["n_samples"] > 1 else "none"
    kind = alone if block["n_clusters"] is None else "field"
    for name in ("verdict", "by_category", "models", "comparisons", "differences"):
        for found in re.findall(_METHODS[kind], page.parts[name]):
            yield f"{found!r} in {name}, but answers are clustered by: {kind}"


def rule_narrow(page: Page) -> Iterator[str]:
    """An interval that is too narrow has an asterisk wherever a table or the figure of categories shows it, no other
    one has, and where there is one it is explained."""
    marked = {c["model"]: c["interval"]["narrow"] for c in page.block["comparisons"]}
    for part in ("comparisons", "selection"):
        rows = page.table(part, "Candidate")
        for row in rows:
            if row["Interval"].endswith("*") != marked[row["Candidate"]]:
                yield f"{row['Interval']} of {row['Candidate']}, narrow: {marked[row['Candidate']]}"
        if rows and any(marked.values()) != ("*: too few of these" in page.parts[part]):
            yield f"the asterisk in {part} is explained where there is none, or not where there is one"
    labels = page.parts["differences"].splitlines()
    rows_ = {"All questions": page.headline, **page.headline["categories"]}
    for name, row in rows_.items():
        if (f"{name} ({row['n']:,}) *" in labels) != row["interval"]["narrow"]:
            yield f"{name} in the figure of differences, narrow: {row['interval']['narrow']}"


def rule_clear_categories(page: Page) -> Iterator[str]:
    """A category that is clear has an interval that leaves out 0; one that is all questions is as clear as they are."""
    for c in page.block["comparisons"]:
        if len(c["categories"]) == 1:
            (part,) = c["categories"].values()
            if part["significant"] != c["significant"]:
                yield f"the one category: {part['significant']}, all: {c['significant']}"
        for name, part in c["categories"].items():
            low, high = part["interval"]["low"], part["interval"]["high"]
            if part["significant"] and low <= 0 <= high:
                yield f"{name} is clear with {low} to {high}"
