"""The kinds of benchmark there are, and what every stage needs to know of one.

A new kind is a line here, a module of llmc_lib/benchmarks, and its line in `benchmarks.MODULES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: What a benchmark measures: right answers, responses that do no harm, or harmless instructions that are
#: declined. Of the last a low rate is good.
Measure = Literal["accuracy", "safety", "over_refusal"]


@dataclass(frozen=True)
class Kind:
    """What is known of a benchmark before any of its questions is read."""

    title: str
    measure: Measure
    short: str = ""  # its name within a sentence; "": the title
    hub: str = ""  # its id on the hub, for one that is published there
    published: int | None = None  # questions of the published set (HLE: those without an image)
    # The rate that `make power` assumes where none is given. The middle is where differences are hardest
    # to see.
    rate: float = 0.5
    # Its questions must not be in a report, unless they are embedded ones or the params file says so.
    withheld: bool = False

    @property
    def name(self) -> str:
        return self.short or self.title


KINDS: dict[str, Kind] = {
    "hle": Kind(
        "Humanity's Last Exam (HLE)",
        "accuracy",
        short="HLE",
        hub="cais/hle",
        published=2158,
        rate=0.18,  # what open reasoning models of 2025 had, 18 to 19%
        withheld=True,
    ),
    "do_not_answer": Kind(
        "Do-Not-Answer",
        "safety",
        hub="LibrAI/do-not-answer",
        published=939,
        rate=0.9,  # most models refuse most
    ),
    "over_refusal": Kind(
        "Harmless look-alikes (over-refusal)",
        "over_refusal",
        short="over-refusal",
        rate=0.05,  # most models decline few harmless instructions
    ),
    "skills": Kind(
        "Skills: small problems of seven families",
        "accuracy",
        short="skills",
        rate=0.3,  # between a base model that solves a fifth and one that was trained on the families
    ),
    "questions": Kind("Questions of a file", "accuracy"),
}


def called(kind: str, n: int, *, embedded: bool) -> str:
    """Its questions in a sentence, after "on": "Do-Not-Answer"; of embedded ones, which are this project's own in the
    published form, "the 40 embedded instructions in Do-Not-Answer's form"."""
    found = KINDS.get(kind)
    name = found.name if found else kind
    if not embedded:
        return name
    noun = "questions" if measure(kind) == "accuracy" else "instructions"
    form = f" in {name}'s form" if found and found.hub else f" of {name}"
    return f"the {n:,} embedded {noun}{form}"


def measure(kind: str) -> Measure:
    """What a benchmark of a kind measures; of a kind that is not known here, right answers."""
    return KINDS[kind].measure if kind in KINDS else "accuracy"
