"""Rules that the sentences, tables and figures of a page keep among each other, whatever the answers are.

`violations(page)` names each rule that a page breaks, with the text that does. They read what is printed, as a
reader does, and compare it with other printed text and with the numbers of metrics.json; none knows a case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from llmc_lib.formatting import as_chance
from llmc_lib.reporting.sentences import verdict as words
from tests.reporting.method_rules import (
    rule_allowed,
    rule_clear_categories,
    rule_designs,
    rule_interval_and_p,
    rule_methods,
    rule_narrow,
    rule_nothing,
    rule_shrunken,
    rule_unknown,
)
from tests.reporting.page_text import NUMBER, VERDICT, Page, Rule, interval, number, sign

# ---- words and what they need ----------------------------------------------------------------


def _better(page: Page, c: dict[str, Any]) -> bool:
    return c["significant"] and c["difference"] > 0 and interval(c)[0] > 0


def _worse(page: Page, c: dict[str, Any]) -> bool:
    return c["significant"] and c["difference"] < 0 and interval(c)[1] < 0


def _small(page: Page, c: dict[str, Any]) -> bool:
    matters = page.limits.smallest_interesting
    return all(abs(bound) < matters for bound in interval(c))


def _equal(page: Page, c: dict[str, Any]) -> bool:
    matters = page.limits.smallest_interesting
    if c["significant"] or (c["missing"] or {}).get("changes"):
        return False
    return all(abs(bound) < matters for bound in c["interval"]["equivalence"])


#: What must hold of a comparison for each word. One place: a new word needs a line here.
NEEDS: dict[str, Callable[[Page, dict[str, Any]], bool]] = {
    "better": lambda page, c: _better(page, c) and not (_small(page, c) and not _narrow(c)),
    "worse": lambda page, c: _worse(page, c) and not (_small(page, c) and not _narrow(c)),
    "better, by less than matters": lambda page, c: _better(page, c) and _small(page, c),
    "worse, by less than matters": lambda page, c: _worse(page, c) and _small(page, c),
    "equal within": _equal,
    "too little data": lambda page, c: not c["significant"] and (not _equal(page, c) or _narrow(c)),
}


def _narrow(c: dict[str, Any]) -> bool:
    return bool(c["interval"]["narrow"])


def rule_word(page: Page) -> Iterator[str]:
    """The word is one of the table's, and interval and p are what it needs; they never contradict each other."""
    known = set(words.verdict_rules(page.limits))
    for c in page.block["comparisons"]:
        word = c["verdict"]
        if word not in known:
            yield f"{word!r} is not in the table of words {known}"
        needs = NEEDS.get(word) or NEEDS[next(start for start in NEEDS if word.startswith(start))]
        if not needs(page, c):
            yield f"{word!r} with p {c['p_adjusted']} and interval {interval(c)}"
        low, high = interval(c)
        if c["significant"] != (low > 0 or high < 0):
            yield f"significant: {c['significant']}, but the interval is {low} to {high}"
    if page.headline["verdict"].capitalize() not in page.parts["verdict"]:
        yield f"the first screen does not say {page.headline['verdict']!r}"


# ---- the verdict's sentence ------------------------------------------------------------------


def rule_sums(page: Page) -> Iterator[str]:
    """Numbers of one sentence add up as they are printed."""
    for c in page.block["comparisons"]:
        found = VERDICT.search(c["sentence"])
        if not found:
            yield f"no numbers in {c['sentence']!r}"
            continue
        rate, base, difference = (number(found[name]) for name in ("rate", "base", "difference"))
        if rate - base != difference:
            yield f"{rate} - {base} is not {difference}"
        exact = [page.block["models"][c[role]]["accuracy"] for role in ("model", "reference")]
        for printed, value in zip((rate, base), exact, strict=True):
            unit = 10.0 ** int(printed.as_tuple().exponent)
            if abs(float(printed) - 100 * value) >= unit:
                yield f"{printed}% for {100 * value}"
    for left, part, right in re.findall(
        rf"({NUMBER}) points? is expected to be too large by ({NUMBER}) points?, which leaves ({NUMBER})",
        page.parts["selection"],
    ):
        if number(left) - number(part) != number(right):
            yield f"{left} less {part} is not {right}"


def rule_bounds(page: Page) -> Iterator[str]:
    """The printed interval holds the printed difference, is ordered, and each bound is on its side of 0 and of
    what matters."""
    matters = Decimal(repr(round(100 * page.limits.smallest_interesting, 9)))
    for c in page.block["comparisons"]:
        found = VERDICT.search(c["sentence"])
        if not found:
            continue
        low, high = number(found["low"]), number(found["high"])
        unit = Decimal(1).scaleb(
            max(int(x.as_tuple().exponent) for x in (low, high, number(found["difference"])))
        )
        if not low - unit <= number(found["difference"]) <= high + unit or low > high:
            yield f"{found['difference']} in {low} to {high}"
        for printed, value in zip((low, high), interval(c), strict=True):
            for edge in (Decimal(0), matters, -matters):
                if sign(printed - edge) != sign(100 * value - float(edge)):
                    yield f"{printed} for {100 * value}, beside {edge}"
        if abs(low) > 100 or abs(high) > 100:
            yield f"{low} to {high} points"


def rule_p(page: Page) -> Iterator[str]:
    """A printed p-value is on its side of the level."""
    level = page.limits.significance
    for c in page.block["comparisons"]:
        for relation, text in re.findall(r"\bp ([=<]) ([\d.e-]+)", c["sentence"]):
            printed = float(text.rstrip("."))
            if ((relation == "<" and printed <= level) or printed < level) != c["significant"]:
                yield f"p {relation} {text} and significant: {c['significant']}"
    for c, row in zip(
        page.block["comparisons"], page.table("comparisons", "Candidate"), strict=True
    ):
        text = row.get("p adjusted", row["p"])  # of a single candidate they are the same
        if (float(text.removeprefix("< ")) < level or text.startswith("<")) != c["significant"]:
            yield f"p adjusted {text} in the table, significant: {c['significant']}"
        if row["Verdict"] != c["verdict"]:
            yield f"{row['Verdict']!r} in the table, {c['verdict']!r} above"


def rule_table_and_sentence(page: Page) -> Iterator[str]:
    """The table of models prints the rates of the sentence, rounded."""
    rows = {row["Model"]: row for row in page.table("models", "Model")}
    for c in page.block["comparisons"]:
        found = VERDICT.search(c["sentence"])
        if not found:
            continue
        for role, name in (("model", "rate"), ("reference", "base")):
            printed = number(rows[c[role]]["Correct, %"])
            unit = Decimal(1).scaleb(int(printed.as_tuple().exponent))
            if abs(printed - number(found[name])) > unit:
                yield f"{found[name]}% in the sentence, {printed} in the table"


def rule_digits(page: Page) -> Iterator[str]:
    """A difference is printed with the digits of its sentence in the table, too."""
    rows = page.table("comparisons", "Candidate")
    for c, row in zip(page.block["comparisons"], rows, strict=True):
        found = VERDICT.search(c["sentence"])
        if not found:
            continue
        told, shown = number(found["difference"]), number(row["Difference, points"])
        # Where no rounding adds up, the sentence's is what its rates leave: a last digit apart.
        last = Decimal(1).scaleb(int(told.as_tuple().exponent))
        if told.as_tuple().exponent != shown.as_tuple().exponent or abs(told - shown) > last:
            yield f"{found['difference']} in the sentence, {row['Difference, points']} in the table"


def rule_one_interval(page: Page) -> Iterator[str]:
    """An interval is printed with the same ends wherever it is: sentence, strip and tables."""
    tables = [page.table("comparisons", "Candidate"), page.table("selection", "Candidate")]
    for c in page.block["comparisons"]:
        found = VERDICT.search(c["sentence"])
        if not found:
            continue
        told = f"{found['low']} to {found['high']}"
        for row in (row for table in tables for row in table if row["Candidate"] == c["model"]):
            if row["Interval"].removesuffix(" *") != told:
                yield f"{told} in the sentence, {row['Interval']} in a table"
        if c is page.headline and {found["low"], found["high"]} - set(
            page.parts["verdict"].splitlines()
        ):
            yield f"{told} in the sentence, another one below it"


# ---- figures' titles -------------------------------------------------------------------------


def rule_categories(page: Page) -> Iterator[str]:
    """Both figures of categories, and the verdict, name the same ones as clear."""
    parts = page.headline["categories"]
    clear = {name for name, part in parts.items() if part["significant"]}
    for figure in ("categories", "differences"):
        title = page.titles[figure]
        every = title.startswith("Every category")
        named = {name for name in parts if re.search(rf"\b{re.escape(name)}\b", title)}
        if not every and named != clear:
            yield f"{title!r}, but clear are {clear}"
        if every and clear != set(parts):
            yield f"{title!r}, but clear are only {clear}"
    told = re.search(r"The (?:gain|loss) is clear in (.*?)\.(?: |$)", page.headline["sentence"])
    same = all(parts[n]["difference"] * page.headline["difference"] > 0 for n in clear)
    if told and same and page.titles["differences"] != f"The difference is clear in {told[1]}":
        yield f"{told[0]!r}, but {page.titles['differences']!r}"


def rule_candidates(page: Page) -> Iterator[str]:
    """As many candidates are called better and worse in the figure as in the table: one decision on a page."""
    title = page.titles.get("candidates")
    if title is None:
        return
    for word in ("better", "worse"):
        told = re.search(rf"(\d+) of \d+ (?:is|are) clearly {word}", title)
        count = sum(c["verdict"].startswith(word) for c in page.block["comparisons"])
        if (int(told[1]) if told else 0) != count:
            yield f"{title!r}, but {count} have the verdict {word}"


def rule_power(page: Page) -> Iterator[str]:
    """What a design finds is neither everything nor nothing."""
    title = page.titles.get("power", "")
    for text in re.findall(rf"differences of ({NUMBER}) points?", title):
        if not 0 < number(text) < 100:
            yield title
    if title and page.headline["gained"] + page.headline["lost"] == 0:
        yield f"no question differs, and {title!r}"


# ---- reruns ----------------------------------------------------------------------------------


def rule_rerun(page: Page) -> Iterator[str]:
    """The figure of the next run says what the sentence says; a tie and few questions are not called stable."""
    c = page.headline
    again, title = c["rerun"], page.titles.get("next-run", "")
    low, high = sorted((again["sign_flip"], again["sign_flip_sceptical"]))
    if "same way" in title and (c["difference"] == 0 or c["n"] < 20 or high >= 0.02):
        yield f"{title!r} with difference {c['difference']}, n {c['n']}, chance {high}"
    if title and c["difference"] != 0 and "level" in title:
        yield f"{title!r} with difference {c['difference']}"
    for chance in re.findall(r"(?:less than )?one time in [\w,]+", title):
        if chance not in again["sentence"]:
            yield f"{title!r}, but {again['sentence']!r}"
    few = "too few to say what a rerun" in page.parts["rerun"]
    if few and "would reverse the sign" in page.parts["selection"]:
        yield "too few questions for a rerun, and a sentence on one"
    bound = again["basis"] == "bound" and "lie between" in page.parts["rerun"]
    if bound and "probability of at least 95%" not in page.parts["rerun"]:
        yield "an upper limit of the noise is called the noise"
    if not 0 <= low <= high <= 1:
        yield f"chances {low}, {high}"
    if "sceptical prior" in title and as_chance(again["sign_flip_sceptical"]) not in title:
        yield title
    if "prior" in title and "Sceptical prior:" not in page.parts["rerun"]:
        yield "priors that are named and not explained"
    winner = page.block["selection"] and page.block["selection"].get("chosen")
    if winner == c["model"] and len(page.block["comparisons"]) > 1 and not again["picked_from"]:
        yield f"{winner} is chosen, and its rerun is that of one candidate"


def rule_needed(page: Page) -> Iterator[str]:
    """What more it takes is said of sizes that were set or shrunken, and not where the sign is clear."""
    for c in page.block["comparisons"]:
        if c["needed"] and c["significant"]:
            yield f"{c['verdict']}: {c['needed']}"
        if c["needed"] and c["gained"] + c["lost"] < 10:
            yield f"a design from {c['gained'] + c['lost']} questions that differ: {c['needed']}"
        if "of this size" in (c["needed"] or ""):
            yield c["needed"]


# ---- missing answers -------------------------------------------------------------------------


def rule_missing(page: Page) -> Iterator[str]:
    """The first screen says where missing answers decide, and only there; each case's word has its p."""
    for c in page.block["comparisons"]:
        found = c["missing"]
        lacking = sum(
            page.block["models"][c[role]][kind]
            for role in ("model", "reference")
            for kind in ("n_missing", "n_failed")
        )
        if bool(found) != bool(lacking):
            yield f"{lacking} missing, and {found}"
        if not found:
            continue
        if "missing" not in page.parts["verdict"] or "failed" in page.parts["verdict"]:
            yield f"{lacking} missing, and the first screen has another word for it"
        if found["changes"] != any(case["verdict"] != c["verdict"] for case in found["cases"]):
            yield f"changes: {found['changes']}, {found['cases']}"
        if bool(found["sentence"]) != found["changes"]:
            yield f"changes: {found['changes']}, {found['sentence']!r}"
        for case in found["cases"]:
            clear = case["verdict"].split(",")[0] in ("better", "worse")
            if clear != (case["p_adjusted"] < page.limits.significance and case["difference"] != 0):
                yield f"{case}"
            if case["verdict"] not in found["sentence"] and found["changes"]:
                yield f"{case['verdict']} is not in {found['sentence']!r}"
    found = page.headline["missing"]
    printed = bool(found) and found["sentence"] in page.parts["verdict"]
    if bool(found and found["changes"]) and not printed:
        yield "the first screen is silent on missing answers"
    if (
        page.table("comparisons", "Candidate")
        and any((c["missing"] or {}).get("changes") for c in page.block["comparisons"])
        and "depends on missing answers" not in page.parts["comparisons"]
    ):
        yield "no table of missing answers"


# ---- language --------------------------------------------------------------------------------

_NOUNS = "question|sample|answer|candidate|point|comparison|category|categorie|instruction"
_BAD = {
    "no number": r"\b(?:nan|NaN|inf|None(?! of)|null)\b",
    "plural of one": rf"(?<![\d.,+−-])1 (?:{_NOUNS})s\b|(?<!and )(?<!to )[+−]1 (?:{_NOUNS})s\b",
    "singular of many": r"(?<![\d.,-])[+−]?(?!1 )\d[\d,]*(?:\.\d+)? (?:question|answer|candidate|point|comparison)\b(?! prior)",
    "minus of nothing": r"(?<!\d )[−+]0(?:\.0+)?(?![\d.]| [−+]\d)",
    "no true minus": r"(?<![\w.)–-])-\d",
    "a bound that is none": r"up to (?:about )?(?:one time|less)",
    "the seen size": r"of this size|the size seen",
    "nothing detected": r"\b0(?:\.0)? points or more",
    "two of all": r"\b(?:all|[Nn]one of the) 2\b(?![.,]\d)",
    "no comma after": r"by less than matters on\b",
    "nothing after": r": [;.]|\(\)",
    "doubled": r"\b(\w+) \1\b(?<!that that)|  |\.\.(?!\.)| ,| \.",
}


def rule_language(page: Page) -> Iterator[str]:
    """Plural forms, no numbers that are none, and what a page must not say."""
    texts = [*page.parts.values(), *page.titles.values()]
    texts += [text for c in page.block["comparisons"] for text in (c["rerun"]["sentence"], c["needed"]) if text]  # fmt: skip
    for text in texts:
        for name, pattern in _BAD.items():
            for found in re.finditer(pattern, text):
                around = text[max(0, found.start() - 30) : found.end() + 30]
                yield f"{name}: …{around!r}…"


def rule_ranges(page: Page) -> Iterator[str]:
    """Rates are between 0 and 100 percent; none is printed that is not all or nothing as 100% or 0%."""
    for text in page.parts.values():
        for found in re.findall(rf"({NUMBER})%", text):
            if not 0 <= number(found) <= 100:
                yield f"{found}%"


RULES: tuple[Rule, ...] = (
    rule_word, rule_sums, rule_bounds, rule_nothing, rule_allowed, rule_interval_and_p, rule_p, rule_table_and_sentence, rule_digits, rule_one_interval, rule_categories, rule_candidates,
    rule_power, rule_designs, rule_methods, rule_narrow, rule_clear_categories, rule_shrunken, rule_unknown, rule_rerun, rule_needed, rule_missing, rule_language, rule_ranges,
)  # fmt: skip


def violations(page: Page, rules: tuple[Rule, ...] = RULES) -> list[str]:
    """What each rule finds, with the rule's name."""
    return [f"{rule.__name__}: {found}" for rule in rules for found in rule(page)]
