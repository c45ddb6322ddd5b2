"""The rule of selection: better overall and in the named categories."""

from __future__ import annotations

from typing import Any

from llmc_lib.analysis.selection import select


def _block(**candidates: tuple[float, float, float]) -> dict[str, Any]:
    """Candidate → difference overall, in mathematics, in physics."""
    return {
        "comparisons": [
            {
                "model": name,
                "difference": overall,
                "verdict": "unclear",
                "categories": {"Math": {"difference": math}, "Physics": {"difference": physics}},
            }
            for name, (overall, math, physics) in candidates.items()
        ]
    }


def test_better_overall_and_in_mathematics() -> None:
    block = _block(
        a=(0.03, -0.01, 0.1), b=(0.01, 0.01, 0.0), c=(0.02, 0.005, -0.1), d=(-0.1, 0.2, 0)
    )
    found = select(block, ["Math"])
    assert found["eligible"] == ["b", "c"]
    assert (found["chosen"], found["difference"], found["candidates"]) == ("c", 0.02, 4)
    assert select(block, [])["chosen"] == "a"


def test_no_better_is_no_choice() -> None:
    found = select(_block(a=(0.0, 0.1, 0.1), b=(0.1, 0.0, 0.1)), ["Math"])
    assert found["eligible"] == []
    assert (found["chosen"], found["difference"], found["verdict"]) == (None, None, None)


def test_of_equal_ones_the_first_and_an_unknown_category_is_named() -> None:
    found = select(_block(a=(0.1, 0.1, 0.1), b=(0.1, 0.1, 0.1)), ["Math", "Music"])
    assert (found["chosen"], found["better_in"], found["ignored"]) == ("a", ["Math"], ["Music"])
