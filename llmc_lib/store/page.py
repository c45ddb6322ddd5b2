"""Is a report as it would be made now?"""

from __future__ import annotations

from typing import Any

from llmc_lib.params import CasesParams
from llmc_lib.store.files import sha256_file
from llmc_lib.store.manifests import ROOT, fingerprint, read_manifest
from llmc_lib.store.marks import read_marks
from llmc_lib.store.run import Run


def page_finished(run: Run) -> bool:
    """Is the page there as it was written, made from the present results by the present code?"""
    return read_manifest(run.report, page_key(run)) is not None


def page_key(run: Run) -> str:
    """The fingerprint of what the page is made from: it is cheap to make, so all code is part of it."""
    package = (p for p in (ROOT / "llmc_lib").rglob("*") if p.is_file())
    code = [p for p in package if p.parent.name != "__pycache__"]  # also numba keeps its work there
    code.append(ROOT / "notebooks" / "4_report.ipynb")
    made: dict[str, Any] = {}
    for folder in (run.dataset, run.training, run.predictions):
        manifest = read_manifest(folder)
        made[folder.name] = manifest and [manifest["fingerprint"], manifest["finished"]]
    cases = run.params.report.cases
    if isinstance(cases, CasesParams) and cases.marked:
        made["marks"] = [[*key, comment] for key, comment in read_marks(run.exploring).items()]
    labels = [path for path in sorted(run.audit.glob("labels/*")) if path.is_file()]
    if labels:  # what was drawn counts for nothing without them
        read = [*sorted(run.audit.glob("*.json")), *labels]
        made["audit"] = {path.name: sha256_file(path) for path in read}
    return fingerprint(
        report=run.params.report.model_dump(mode="json"),
        code={str(path.relative_to(ROOT)): sha256_file(path) for path in sorted(code)},
        made=made,
    )
