"""The upload folder of a data set: card, Parquet files, manifest, params.

removed.parquet and the rows of candidates with a mixture of their own stay here.
"""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import Any

from llmc_lib.dataset.builder import stage_key
from llmc_lib.dataset.card.licences import terms
from llmc_lib.dataset.card.page import licence_section
from llmc_lib.errors import UserError
from llmc_lib.publish.folder import BUILD, OF_THE_BUILD, Draft, write_facts
from llmc_lib.store import Run, read_manifest, sha256_file

#: What the manifest says of the rows of candidates with a mixture of their own.
_NOT_PUBLISHED = ("mixtures",)
_FORBIDDEN = "rows are under {}, which does not allow sharing changed versions; leave their source out of dataset.sources"
_UNKNOWN = (
    "rows are under a licence that is not known ({}); give the SPDX identifier as `licence` of their source, or, if you may "
    "pass them on, ALLOW_UNKNOWN_LICENCE=1"
)


def draft(run: Run) -> Draft:
    """What goes to the hub. Raises `UserError` for a data set that is not of the present params."""
    facts = _facts(run)
    held = terms(facts["composition"]["licence"])
    folder = run.folder / "publish" / "dataset"
    return Draft(folder, held, partial(_write, run, facts), _FORBIDDEN, _UNKNOWN)


def _facts(run: Run) -> dict[str, Any]:
    """The manifest of the data set, if it is whole and of the present params."""
    facts = read_manifest(run.dataset, stage_key(run))
    if facts is None:
        raise UserError(
            f"{run.dataset}: was built from other params or inputs than {run.params_file.name} now has; "
            f"{BUILD}"
        )
    for name, digest in [*facts["files"].items(), ("README.md", None)]:
        path = run.dataset / name
        # The card may be added to by hand, the data may not.
        if not path.is_file() or (digest and sha256_file(path) != digest):
            raise UserError(
                f"{path}: is not as it was built; remove {run.dataset / 'manifest.json'} and {BUILD}"
            )
    return facts


def _write(run: Run, facts: dict[str, Any], part: Path) -> dict[str, str]:
    (part / "data").mkdir()
    shutil.copyfile(run.dataset / "README.md", part / "README.md")
    for name in ("train", "validation"):
        if facts["rows"].get(name):  # the hub takes no empty split
            shutil.copyfile(run.dataset / f"{name}.parquet", part / "data" / f"{name}.parquet")
    left_out = {*OF_THE_BUILD, *_NOT_PUBLISHED}
    kept = {key: value for key, value in facts.items() if key not in left_out}
    # Which rows repeated what, but not the benchmark's words.
    kept["contamination"] = [
        {key: value for key, value in hit.items() if key != "shared"}
        for hit in facts["contamination"]
    ]
    kept["files"] = {
        f"data/{name}": digest
        for name, digest in facts["files"].items()
        if (part / "data" / name).is_file()
    }
    write_facts(run, kept, part)
    if terms(facts["composition"]["licence"]).name:  # the card links to it
        text = licence_section(facts).removeprefix("#")
        (part / "LICENSE.md").write_text(text, encoding="utf-8")
    return dict(kept["files"])
