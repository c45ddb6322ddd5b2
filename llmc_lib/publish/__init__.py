"""Put what a run made into the folder that goes to the hub, and send it there.

The folder is made in any case and can be read through before anything leaves the machine. What is in
it names no folder, user or host of this machine.
"""

from __future__ import annotations

from llmc_lib.errors import UserError
from llmc_lib.publish import dataset, hub, model
from llmc_lib.publish.folder import BUILD, Published, fill, listing
from llmc_lib.store import Run, locked, read_manifest

__all__ = ["Published", "publish"]


def publish(
    run: Run,
    what: str = "dataset",
    *,
    name: str | None = None,
    push: bool = False,
    repo: str | None = None,
    public: bool = False,
    allow_unknown_licence: bool = False,
) -> Published:
    """Write runs/<run>/publish/dataset or …/<model>, and with `push` upload it to the hub's `repo`.

    Parameters: `what`, "dataset" or "model"; `name`, which model (None: the last one). A new repository
    is private unless `public`. Raises `UserError` for what is not made or was made from other params,
    and before anything is sent for a missing token, a repository name that is none, licences that
    forbid it, and a hub that refuses it or is out of reach.
    """
    if what not in ("dataset", "model"):
        raise UserError(f"WHAT: {what!r}: unknown; give WHAT=dataset or WHAT=model")
    if what == "dataset" and name:
        raise UserError(f"MODEL: {name!r} is of use with WHAT=model alone; leave it out")
    if repo is not None or push:
        hub.check_repo(repo, what)
    token = hub.token() if push else None
    made = run.dataset if what == "dataset" else run.training
    if read_manifest(made) is None:
        missing = "data set" if what == "dataset" else "training"
        raise UserError(f"{made}: there is no finished {missing}; {BUILD}")
    with locked(run):
        draft = dataset.draft(run) if what == "dataset" else model.draft(run, name)
        obstacle = draft.obstacle(allow_unknown_licence)
        if push and obstacle:
            raise UserError(f"{run.name}: not uploaded: {obstacle}")
        known = fill(draft.folder, draft.write)
        files = listing(draft.folder, known)
    url = hub.upload(draft.folder, what, str(repo), str(token), public) if push else None
    return Published(what, draft.folder, files, draft.terms, obstacle, repo, public, url)
