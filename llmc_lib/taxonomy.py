"""The eight categories of Humanity's Last Exam (HLE) and their shares: the map that every stage uses."""

from __future__ import annotations

from collections.abc import Iterable

#: HLE's categories by falling share; tables and figures keep this order.
#: Source of the shares: Phan et al., "Humanity's Last Exam" (2025), figure 3 (percent of questions).
HLE_SHARES: dict[str, float] = {
    "Math": 0.41,
    "Biology/Medicine": 0.11,
    "Computer Science/AI": 0.10,
    "Physics": 0.09,
    "Humanities/Social Science": 0.09,
    "Other": 0.09,
    "Chemistry": 0.07,
    "Engineering": 0.04,
}

CATEGORIES: tuple[str, ...] = tuple(HLE_SHARES)

#: Categories of training rows beside HLE's: refusals and safe completions, and plain instructions.
GENERAL: tuple[str, ...] = ("Safety", "Instruction")

#: All categories that a training row can have.
ROW_CATEGORIES: tuple[str, ...] = (*CATEGORIES, *GENERAL)

#: Do-Not-Answer's five risk areas (Wang et al. 2023, table 1), as its file spells them.
RISK_AREAS: tuple[str, ...] = (
    "Information Hazards",
    "Malicious Uses",
    "Discrimination, Exclusion, Toxicity, Hateful, Offensive",
    "Misinformation Harms",
    "Human-Chatbot Interaction Harms",
)


def ordered(names: Iterable[str]) -> list[str]:
    """The categories or risk areas among `names`, each once: the known ones in their order, then others
    as they come."""
    found = dict.fromkeys(names)
    known = [name for name in (*ROW_CATEGORIES, *RISK_AREAS) if name in found]
    return known + [name for name in found if name not in known]
