"""What the licences of a data set's rows ask for, and which one holds for the whole.

A licence's conditions are read off its identifier ("NC", "SA", "ND"), so that they are found in
licences that the hub has no keyword for as well. What a licence itself says overrides this.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from llmc_lib.dataset.card.markdown import plain_text

#: Licences that the hub's card metadata has a keyword for and whose terms the keyword settles; families
#: ("gpl", "cc") and licences made for models are left out. Source:
#: https://huggingface.co/docs/hub/repositories-licenses
HUB_LICENCES = frozenset(
    "apache-2.0 mit afl-3.0 artistic-2.0 bsl-1.0 bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda "
    "cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 "
    "cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 "
    "cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0 wtfpl "
    "ecl-2.0 epl-1.0 etalab-2.0 eupl-1.1 agpl-3.0 gpl-2.0 gpl-3.0 lgpl-2.1 lgpl-3.0 isc lppl-1.3c "
    "ms-pl mpl-2.0 odc-by odbl osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl".split()
)
_CREATIVE_COMMONS = re.compile(r"cc-by(-nc)?(-sa|-nd)?-[1-4]\.\d(-[a-z]+)?")
# SPDX names a version where the hub names the family.
_VERSIONS = {"odc-by-1.0": "odc-by", "odbl-1.0": "odbl", "pddl-1.0": "pddl"}
_NON_COMMERCIAL = {"nc", "noncommercial"}
_SHARE_ALIKE = {"sa", "sharealike", "sharing", "odbl", "gpl", "agpl", "lgpl", "gfdl", "eupl", "osl"}
_FORBIDDEN = {"nd", "noderivatives", "noderivs", "proprietary"}
_NO_LICENCE = {"none", "all-rights-reserved"}


@dataclass(frozen=True)
class Terms:
    """What holds for a data set as a whole."""

    licence: str  # the card's `license`: a keyword of the hub, "unknown" or "other"
    name: str  # the card's `license_name`, "" unless the licence is "other"
    notices: tuple[str, ...]  # what a reader must know before anything else, in Markdown
    forbidden: tuple[str, ...]  # licences in use that do not allow to publish the data set
    unknown: tuple[str, ...]  # licences in use of which that is not known


def terms(rows: Mapping[str, int]) -> Terms:
    """The terms of a data set; `rows`: how many of its rows are under each licence.

    The most restrictive licence holds for the whole. Where there is not exactly one such (two
    share-alike licences; a share-alike one that allows commerce beside one that does not), or several
    licences without conditions, the card's licence is "other" and each row keeps its own.
    """
    used = {name: n for name, n in sorted(rows.items()) if n > 0}
    conditions = {name: conditions_of(name) for name in used}
    notices = []
    for condition, text in _NOTICES.items():
        names = [name for name in used if condition in conditions[name]]
        if names:
            count = sum(used[name] for name in names)
            notices.append(text.format(names=_listed(names), rows=f"{count:,} of its rows"))
    holds = _holds(conditions)
    if holds is None and any("share alike" in found for found in conditions.values()):
        notices.append(
            "**No one licence fits the whole.** The conditions of its licences do not go together; each "
            "row keeps the licence in its column `licence`."
        )
    name = "" if holds else re.sub(r"[^a-z0-9.]+", "-", "-and-".join(map(_plain, used))).strip("-")
    return Terms(
        holds or "other",
        name,
        tuple(notices),
        tuple(name for name in used if "forbidden" in conditions[name]),
        tuple(name for name in used if "unknown" in conditions[name]),
    )


_NOTICES = {
    "forbidden": "**Not to be published.** {rows} come under {names}, which does not allow sharing "
    "changed versions, and these rows are changed.",
    "unknown": "**Licence unknown.** {rows} come under a licence that is not stated or not known to the "
    "program that wrote this card ({names}): nothing here says that they may be used or passed on.",
    "non-commercial": "**Not for commercial use.** {rows} come under {names}, which allows "
    "non-commercial use alone; this holds for the data set as a whole.",
    "share alike": "**Share alike.** {rows} come under {names}: what is made from them may be passed on "
    "only under the same licence.",
}


def _plain(licence: str) -> str:
    """The hub's spelling of an SPDX identifier."""
    plain = re.sub(r"[\s_]+", "-", licence.strip().lower()) or "unknown"
    plain = plain.removesuffix("-only").removesuffix("-or-later")
    return _VERSIONS.get(plain, plain)


def conditions_of(licence: str) -> frozenset[str]:
    """Which of "forbidden", "unknown", "non-commercial" and "share alike" a licence asks or is."""
    plain = _plain(licence)
    words = set(re.split(r"[^a-z0-9.]+", plain.replace("non-commercial", "noncommercial")))
    found = set()
    if words & _FORBIDDEN or plain in _NO_LICENCE:
        found.add("forbidden")
    elif plain not in HUB_LICENCES and not _CREATIVE_COMMONS.fullmatch(plain):
        found.add("unknown")
    if words & _NON_COMMERCIAL:
        found.add("non-commercial")
    if words & _SHARE_ALIKE:
        found.add("share alike")
    return frozenset(found)


def _holds(conditions: Mapping[str, frozenset[str]]) -> str | None:
    """The hub's keyword of the one licence that covers all others, None where there is none."""
    names = {_plain(name): found for name, found in conditions.items()}
    if set(names) == {"unknown"}:
        return "unknown"
    bound = {name: found for name, found in names.items() if found} or names
    if any("unknown" in found for found in bound.values()):
        return None
    # A share-alike licence asks for itself, so that only another one can stand in its way.
    first = {name: found for name, found in bound.items() if "share alike" in found} or bound
    if len(first) != 1:
        return None
    ((name, found),) = first.items()
    covers = all(other <= found for other in bound.values())
    return name if covers and name in HUB_LICENCES else None


def _listed(names: list[str]) -> str:
    return ", ".join(plain_text(name) for name in names)
