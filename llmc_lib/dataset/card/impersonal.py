"""What may leave the machine: facts and params without its folders."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmc_lib.store import ROOT, Run


def impersonal(run: Run, value: Any) -> Any:
    """A JSON-able value, without the folders of this machine in its texts and keys.

    Of a path outside the checkout that the params name, the last part is left; the checkout and the
    home directory are left out wherever they stand.
    """
    places = {path: Path(path).name for path in _outside(run.params.model_dump(mode="json"))}
    home = str(Path.home())
    if home != "/":
        places |= {f"{home}/": "~/", home: "~"}
    return _replaced(value, {**places, f"{ROOT}/": "", str(ROOT): "."})


def public_params(run: Run) -> dict[str, Any]:
    """What the run's params file sets, without where it reads and writes on this machine."""
    given: dict[str, Any] = run.params.model_dump(
        mode="json", exclude_unset=True, exclude={"runs_dir", "reports_dir"}
    )
    found: dict[str, Any] = impersonal(run, given)
    return found


def _outside(value: Any) -> set[str]:
    """Every text in a tree of params that is a path outside the checkout."""
    if isinstance(value, str):
        outside = value.startswith(("/", "~/", "../"))
        return {value, str(Path(value))} if outside and Path(value).name else set()
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return set().union(*map(_outside, items))


def _replaced(value: Any, places: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for place in sorted(places, key=len, reverse=True):
            # Where a path begins and ends: "/data" is no part of "https://example.org/datasets".
            path = rf"(?<![\w.-]){re.escape(place)}" + ("" if place.endswith("/") else r"(?![\w-])")
            value = re.sub(path, places[place].replace("\\", r"\\"), value)
        return value
    if isinstance(value, Mapping):
        return {_replaced(key, places): _replaced(item, places) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(item, places) for item in value]
    return value
