"""Put what a run made into the folder that goes to the hub, and send it there.

The folder is made in any case and can be read through before anything leaves the machine. What is in
it names no folder, user or host of this machine.
"""

from __future__ import annotations

from llmc_lib.errors import UserError
from llmc_lib.publish import hub
from llmc_lib.publish.folder import BUILD, Draft, Published, fill, listing
from llmc_lib.store import Run, locked, read_manifest

__all__ = ["Published", "publish"]

#: What can be published.
WHAT = ("dataset", "model", "predictions", "judgements")


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
    """Write runs/<run>/publish/<what>, of a model …/<model>, and with `push` upload it to the hub's `repo`.

    Parameters: `what`, one of `WHAT`; `name`, which model (None: the last one; of predictions and judgements all). A new
    repository is private unless `public`. Raises `UserError` for what is not made or was made from other params,
    and before anything is sent for a missing token, a repository name that is none, licences that
    forbid it, and a hub that refuses it or is out of reach.
    """
    if what not in WHAT:
        raise UserError(f"WHAT: {what!r}: unknown; give WHAT={', '.join(WHAT[:-1])} or {WHAT[-1]}")
    if what == "dataset" and name:
        raise UserError(f"MODEL: {name!r} is of no use with WHAT=dataset; leave it out")
    if what in ("dataset", "model") and run.params.evaluation.imports:
        raise UserError(
            f"WHAT: {what!r}: a run of imported predictions has no data set and no model; give WHAT=predictions or "
            "WHAT=judgements"
        )
    if repo is not None or push:
        hub.check_repo(repo, what)
    token = hub.token() if push else None
    made, missing = {
        "dataset": (run.dataset, "data set"),
        "model": (run.training, "training"),
    }.get(what, (run.predictions, "evaluation"))
    if read_manifest(made) is None:
        raise UserError(f"{made}: there is no finished {missing}; {BUILD}")
    with locked(run):
        draft = _draft(run, what, name)
        obstacle = draft.obstacle(allow_unknown_licence)
        if push and obstacle:
            raise UserError(f"{run.name}: not uploaded: {obstacle}")
        known = fill(draft.folder, draft.write)
        files = listing(draft.folder, known)
    url = hub.upload(draft.folder, what, str(repo), str(token), public) if push else None
    return Published(what, draft.folder, files, draft.terms, obstacle, repo, public, url)


def _draft(run: Run, what: str, name: str | None) -> Draft:
    """What goes to the hub. Imported here: a run of imported answers has not the packages of data sets and trainings."""
    if what == "dataset":
        from llmc_lib.publish import dataset

        return dataset.draft(run)
    if what == "model":
        from llmc_lib.publish import model

        return model.draft(run, name)
    from llmc_lib.publish import answers

    return answers.draft(run, what, name)
