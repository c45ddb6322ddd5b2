"""What candidates start from: the base model, or another candidate's last model. The order in which they are trained."""

from __future__ import annotations

from collections.abc import Mapping

from llmc_lib.errors import near

#: The name of the model that a candidate starts from where it names no other candidate.
BASE = "base"


def check_starts(starts: Mapping[str, str]) -> None:
    """Does each candidate start from the base model or from another one, and none from itself in the end?

    `starts`: candidate → what it starts from, in the order of the params file. Raises
    `ValueError(keys, message)`.
    """
    for number, (name, start) in enumerate(starts.items()):
        keys = ("candidates", number, "start")
        if name == BASE and BASE in starts.values():
            raise ValueError(
                ("candidates", number, "name"),
                "'base' is the model that candidates start from; rename this one",
            )
        if start != BASE and start not in starts:
            meant = near(start, [other for other in starts if other != name])
            hint = (
                f"did you mean {meant!r}?" if meant else f"there are {', '.join([BASE, *starts])}"
            )
            raise ValueError(keys, f"{start!r} is no candidate; {hint}")
        way = [name]
        while starts.get(way[-1], BASE) != BASE:
            way.append(starts[way[-1]])
            if way[-1] in way[:-1]:
                raise ValueError(
                    keys, f"{' ← '.join(way)} is a circle; let one of them start from {BASE!r}"
                )


def in_order(starts: Mapping[str, str | None]) -> list[str]:
    """The candidates so that each comes after the one that it starts from, else as they are listed.

    `starts`: candidate → the one that it starts from, None for the base model; checked by `check_starts`.
    """
    done: list[str] = []

    def add(name: str) -> None:
        start = starts[name]
        if start is not None and start not in done:
            add(start)
        if name not in done:
            done.append(name)

    for name in starts:
        add(name)
    return done
