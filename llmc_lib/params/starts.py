"""What candidates start from: the base model, or another candidate's last model. The order in which they are trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llmc_lib.errors import instead

#: The name of the model that a candidate starts from where it names no other candidate.
BASE = "base"


def check_starts(candidates: Sequence[tuple[str, str, Sequence[int]]]) -> None:
    """Does each candidate start from the base model or from another one, and none from itself in the end?

    `candidates`: name, start and seeds of each, in the order of the params file. Raises
    `ValueError(keys, message)`.
    """
    seeds = {name: of for name, _, of in candidates}
    trainings = {f"{name}-seed{seed}": name for name, of in seeds.items() for seed in of}
    owner = {**trainings, **{name: name for name in seeds}}
    starts = {name: owner.get(start, start) for name, start, _ in candidates}
    for number, (name, start, own) in enumerate(candidates):
        keys = ("candidates", number, "start")
        if name == BASE and BASE in starts.values():
            raise ValueError(
                ("candidates", number, "name"),
                "'base' is the model that candidates start from; rename this one",
            )
        if start != BASE and start not in owner:
            hint = instead(
                start,
                [other for other in owner if other != name],
                f"there are {', '.join([BASE, *starts])}",
            )
            raise ValueError(keys, f"{start!r} is not a candidate; {hint}")
        way = [name]
        while starts.get(way[-1], BASE) != BASE:
            way.append(starts[way[-1]])
            if way[-1] in way[:-1]:
                raise ValueError(
                    keys, f"{' ← '.join(way)} is a circle; let one of them start from {BASE!r}"
                )
        of = seeds.get(start, ())
        missing = [seed for seed in own if seed not in of]
        if of and (missing or not own):
            which = f"no training with the seed {missing[0]}" if missing else f"{len(of)} trainings"
            remedy = f"give this one seeds of {[*of]}" if len(of) > 1 else "give this one the same"
            raise ValueError(
                keys, f"{start!r} has {which}; {remedy}, or start: {start}-seed{of[0]}"
            )


def training_of(
    start: str | None, seed: int | None, seeds: Mapping[str, Sequence[int]]
) -> str | None:
    """The training that one with this seed starts from: of a candidate with `seeds` that of the same seed."""
    return f"{start}-seed{seed}" if start is not None and seeds.get(start) else start


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
