"""What may leave the machine: facts and params without its folders."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from llmc_lib.store import ROOT, Run

# SFTConfig has a hub_token; a DeepSpeed configuration may have a logger's key. Not "max_tokens".
_SECRET = re.compile(
    r"(?i)(^|_|-)(hub_token|(access|auth|api)_?(token|key)|secret|password|passwd)($|_|-)"
)
_TOKEN = re.compile(r"\b(hf|ghp|gho|github_pat|sk|glpat)[_-][A-Za-z0-9_-]{16,}")


def impersonal(run: Run, value: Any) -> Any:
    """A JSON-able value, without the folders of this machine in its texts and keys.

    Of a path outside the checkout that the params name, the last part is left; the checkout and the
    home directory are left out wherever they are.
    """
    places = {path: Path(path).name for path in _outside(run.params.model_dump(mode="json"))}
    home = str(Path.home())
    if home != "/":
        places |= {f"{home}/": "~/", home: "~"}
    places |= {f"{ROOT}/": "", str(ROOT): "."}
    return _replaced(value, [(_whole(p), places[p]) for p in sorted(places, key=len, reverse=True)])


def public_params(run: Run) -> dict[str, Any]:
    """What the run's params file sets, without where it reads and writes on this machine, the names of
    a cluster's hosts, accounts and partitions, and anything that looks like a secret."""
    given: dict[str, Any] = run.params.model_dump(
        mode="json", exclude_unset=True, exclude={"runs_dir", "reports_dir"}
    )
    for training in (
        given.get("training"),
        *(c.get("training") for c in given.get("candidates", [])),
    ):
        if isinstance(training, dict) and isinstance(training.get("cluster"), dict):
            training["cluster"] = _anonymous(training["cluster"])
    found: dict[str, Any] = impersonal(run, without_secrets(given))
    return found


def without_secrets(value: Any) -> Any:
    """A JSON-able value without the keys and texts that look like a token or a password."""
    if isinstance(value, Mapping):
        return {
            key: without_secrets(item)
            for key, item in value.items()
            if not _SECRET.search(str(key))
        }
    if isinstance(value, list | tuple):
        return [without_secrets(item) for item in value]
    return _TOKEN.sub("(removed)", value) if isinstance(value, str) else value


def _anonymous(cluster: dict[str, Any]) -> dict[str, Any]:
    """A cluster's section that says how many machines there were, not which; it still loads."""
    kept = {key: item for key, item in cluster.items() if key != "slurm"}
    if kept.get("endpoint"):
        kept["endpoint"] = f"host:{kept['endpoint'].rpartition(':')[2]}"
    if kept.get("hostfile"):
        kept["hostfile"] = "hostfile"
    return kept


def _outside(value: Any) -> set[str]:
    """Every text in a tree of params that is a path outside the checkout."""
    if isinstance(value, str):
        outside = value.startswith(("/", "~/", "../"))
        return {value, str(Path(value))} if outside and Path(value).name else set()
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return set().union(*map(_outside, items))


def _whole(place: str) -> re.Pattern[str]:
    """Where a path begins and ends: "/data" is no part of "https://example.org/datasets"."""
    end = "" if place.endswith("/") else r"(?![\w-])"
    return re.compile(rf"(?<![\w.-]){re.escape(place)}{end}")


def _replaced(value: Any, places: Sequence[tuple[re.Pattern[str], str]]) -> Any:
    if isinstance(value, str):
        for place, name in places:
            value = place.sub(name.replace("\\", r"\\"), value)
        return value
    if isinstance(value, Mapping):
        return {_replaced(key, places): _replaced(item, places) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(item, places) for item in value]
    return value
