"""Which licence holds for a mixture, and what a reader is told first."""

from __future__ import annotations

import pytest

from llmc_lib.dataset.card.licences import HUB_LICENCES, terms


@pytest.mark.parametrize(
    ("rows", "licence", "name"),
    [
        ({"Apache-2.0": 5}, "apache-2.0", ""),
        ({"MIT": 5, "CC-BY-NC-SA-4.0": 0}, "mit", ""),
        ({"Apache-2.0": 5, "MIT": 1}, "other", "apache-2.0-and-mit"),
        ({"MIT": 5, "CC-BY-NC-SA-4.0": 1}, "cc-by-nc-sa-4.0", ""),
        ({"MIT": 5, "CC-BY-NC-4.0": 1, "CC-BY-NC-SA-4.0": 1}, "cc-by-nc-sa-4.0", ""),
        ({"CC-BY-NC-4.0": 1, "CC-BY-SA-4.0": 1}, "other", "cc-by-nc-4.0-and-cc-by-sa-4.0"),
        ({"CC-BY-NC-3.0": 1, "CC-BY-NC-4.0": 1}, "other", "cc-by-nc-3.0-and-cc-by-nc-4.0"),
        ({"CC-BY-SA-4.0": 1, "GPL-3.0-only": 1}, "other", "cc-by-sa-4.0-and-gpl-3.0"),
        ({"CC-BY-SA-2.0": 1}, "other", "cc-by-sa-2.0"),  # the hub has no keyword for it
        ({"ODbL-1.0": 1, "CC0-1.0": 1}, "odbl", ""),
        ({"unknown": 2}, "unknown", ""),
        ({"unknown": 2, "MIT": 1}, "other", "mit-and-unknown"),
        ({"My own\nterms | v2": 1}, "other", "my-own-terms-v2"),
    ],
)
def test_the_most_restrictive_licence_holds(rows: dict[str, int], licence: str, name: str) -> None:
    found = terms(rows)
    assert (found.licence, found.name) == (licence, name)
    assert licence in HUB_LICENCES | {"other", "unknown"}


@pytest.mark.parametrize(
    ("licence", "starts"),
    [
        ("MIT", []),
        ("CC-BY-4.0", []),
        ("CC-BY-NC-4.0", ["**Not for commercial use.**"]),
        ("CC BY-NC 4.0", ["**Not for commercial use.**"]),
        ("CC-BY-SA-4.0", ["**Share alike.**"]),
        ("CDLA-Sharing-1.0", ["**Share alike.**"]),
        ("AGPL-3.0-or-later", ["**Share alike.**"]),
        ("CC-BY-NC-SA-4.0", ["**Not for commercial use.**", "**Share alike.**"]),
        ("CC-BY-ND-4.0", ["**Not to be published.**"]),
        ("proprietary", ["**Not to be published.**"]),
        ("NONE", ["**Not to be published.**"]),
        ("unknown", ["**Licence unknown.**"]),
        ("LicenseRef-Internal", ["**Licence unknown.**"]),
        ("PolyForm-Noncommercial-1.0.0", ["**Licence unknown.**", "**Not for commercial use.**"]),
    ],
)
def test_the_conditions_of_a_licence_are_said(licence: str, starts: list[str]) -> None:
    notices = terms({licence: 1200, "Apache-2.0": 3}).notices
    assert [notice[: notice.index("** ") + 2] for notice in notices] == starts
    assert all("1,200 of its rows" in notice and licence in notice for notice in notices)


def test_licences_that_contradict_one_another_are_said_to() -> None:
    notices = terms({"CC-BY-NC-4.0": 1, "CC-BY-SA-4.0": 1}).notices
    assert notices[-1].startswith("**No one licence fits the whole.**")


def test_what_stands_in_the_way_of_publishing_is_named() -> None:
    found = terms({"CC-BY-ND-4.0": 1, "unknown": 1, "MIT": 1, "proprietary": 0})
    assert found.forbidden == ("CC-BY-ND-4.0",)
    assert found.unknown == ("unknown",)
    assert terms({"MIT": 1, "CC-BY-NC-SA-4.0": 1}).forbidden == ()


def test_a_licence_that_is_markup_stays_text() -> None:
    (notice,) = terms({"<b>|x|</b>": 1}).notices
    assert r"\<b\>\|x\|\</b\>" in notice
