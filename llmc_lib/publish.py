"""Put a finished data set into the folder that goes to the hub, and send it there.

The folder is made in any case and can be read through before anything leaves the machine. What is in
it names no folder, user or host of this machine; removed.parquet and the rows of candidates with a
mixture of their own stay here.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from llmc_lib.dataset.build import stage_key
from llmc_lib.dataset.card.impersonal import impersonal, public_params
from llmc_lib.dataset.card.licences import Terms, terms
from llmc_lib.dataset.card.page import licence_section
from llmc_lib.errors import UserError
from llmc_lib.store import Run, locked, read_manifest, sha256_file

# The hub's rule for names (huggingface_hub's validate_repo_id), with an owner.
_PART = r"\w(?:[\w.-]*\w)?"
_REPO = re.compile(rf"(?!.*(?:--|\.\.|\.git$)){_PART}/{_PART}", re.ASCII)
# What differs between two builds of the same data set.
_OF_THE_BUILD = ("finished", "seconds")
# The rows of candidates with a mixture of their own stay here.
_NOT_PUBLISHED = ("mixtures",)
_BUILD = "build it first: make report, or notebook 1, with the same params file"


@dataclass(frozen=True)
class Published:
    """An upload folder, and where it went."""

    folder: Path
    files: dict[str, tuple[int, str]]  # path in the repository → size in bytes, SHA-256
    terms: Terms
    obstacle: str | None  # why it may not be uploaded
    repo: str | None  # owner/name
    public: bool
    url: str | None  # of the commit, None where nothing was sent

    def __str__(self) -> str:
        width = max(map(len, self.files))
        lines = [f"{self.folder}:"]
        lines += [
            f"  {name:<{width}}  {size:>13,} B  sha256 {digest[:12]}"
            for name, (size, digest) in self.files.items()
        ]
        name = f" ({self.terms.name})" if self.terms.name else ""
        lines.append(f"Licence: {self.terms.licence}{name}")
        lines += [notice.replace("**", "").replace("\\", "") for notice in self.terms.notices]
        kind = "public" if self.public else "private"
        goes = (
            f"datasets/{self.repo}, {kind} if it is new"
            if self.repo
            else "no repository named yet: REPO=owner/name"
        )
        lines.append(f"Sent: {self.url}" if self.url else f"Would go to: {goes} (PUSH=1 sends it)")
        if self.obstacle and not self.url:
            lines.append(f"Would be refused: {self.obstacle}")
        return "\n".join(lines)


def publish(
    run: Run,
    *,
    push: bool = False,
    repo: str | None = None,
    public: bool = False,
    allow_unknown_licence: bool = False,
) -> Published:
    """Write runs/<run>/publish/dataset, and with `push` upload it to the hub's data set `repo`.

    A new repository is private unless `public`. Raises `UserError` for a data set that is not built or
    was built from other params, and before anything is sent for a missing token, a repository name
    that is none, licences that forbid it, and a hub that refuses it or is out of reach.
    """
    if repo is not None or push:
        _check_repo(repo)
    token = _token() if push else None
    if read_manifest(run.dataset) is None:
        raise UserError(f"{run.dataset}: there is no finished data set; {_BUILD}")
    folder = run.folder / "publish" / "dataset"
    with locked(run):
        facts = _facts(run)
        held = terms(facts["composition"]["licence"])
        obstacle = _obstacle(held, allow_unknown_licence)
        if push and obstacle:
            raise UserError(f"{run.name}: not uploaded: {obstacle}")
        _write(run, facts, folder)
    files = {
        path.relative_to(folder).as_posix(): (path.stat().st_size, sha256_file(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    url = _upload(folder, str(repo), str(token), public) if push else None
    return Published(folder, files, held, obstacle, repo, public, url)


def _facts(run: Run) -> dict[str, Any]:
    """The manifest of the data set, if it is whole and of the present params."""
    facts = read_manifest(run.dataset, stage_key(run))
    if facts is None:
        raise UserError(
            f"{run.dataset}: was built from other params or inputs than {run.params_file.name} now has; "
            f"{_BUILD}"
        )
    for name, digest in [*facts["files"].items(), ("README.md", None)]:
        path = run.dataset / name
        # The card may be added to by hand, the data may not.
        if not path.is_file() or (digest and sha256_file(path) != digest):
            raise UserError(
                f"{path}: is not as it was built; remove {run.dataset / 'manifest.json'} and {_BUILD}"
            )
    return facts


def _obstacle(held: Terms, allow_unknown: bool) -> str | None:
    if held.forbidden:
        return (
            f"rows are under {', '.join(held.forbidden)}, which does not allow to pass on changed "
            "versions; leave their source out of dataset.sources"
        )
    if held.unknown and not allow_unknown:
        return (
            f"rows are under a licence that is not known ({', '.join(held.unknown)}); give the SPDX "
            "identifier as `licence` of their source, or, if you may pass them on, "
            "ALLOW_UNKNOWN_LICENCE=1"
        )
    return None


def _write(run: Run, facts: dict[str, Any], folder: Path) -> None:
    """Fill the folder beside its place, then swap it in."""
    part = folder.with_name(f".{folder.name}.part")
    old = folder.with_name(f".{folder.name}.old")
    for left in (part, old):  # of an earlier process that was stopped
        shutil.rmtree(left, ignore_errors=True)
    (part / "data").mkdir(parents=True)
    shutil.copyfile(run.dataset / "README.md", part / "README.md")
    for name in ("train", "validation"):
        if facts["rows"].get(name):  # the hub takes no empty split
            shutil.copyfile(run.dataset / f"{name}.parquet", part / "data" / f"{name}.parquet")
    left_out = {*_OF_THE_BUILD, *_NOT_PUBLISHED}
    kept = {key: value for key, value in facts.items() if key not in left_out}
    kept["files"] = {
        f"data/{name}": digest
        for name, digest in facts["files"].items()
        if (part / "data" / name).is_file()
    }
    manifest = json.dumps(impersonal(run, kept), indent=1, ensure_ascii=False)
    (part / "manifest.json").write_text(f"{manifest}\n", encoding="utf-8")
    params = yaml.safe_dump(public_params(run), sort_keys=False, allow_unicode=True)
    (part / "params.yaml").write_text(params, encoding="utf-8")
    if terms(facts["composition"]["licence"]).name:  # the card links to it
        text = "\n\n".join(licence_section(facts)).removeprefix("#")
        (part / "LICENSE.md").write_text(f"{text}\n", encoding="utf-8")
    if folder.exists():
        os.replace(folder, old)
    os.replace(part, folder)
    shutil.rmtree(old, ignore_errors=True)


# ---- the hub ---------------------------------------------------------------------------------


def _check_repo(repo: str | None) -> None:
    if not repo:
        raise UserError("REPO: name the hub's data set to upload to: REPO=owner/name")
    if len(repo) > 96 or not _REPO.fullmatch(repo):
        raise UserError(
            f"REPO: {repo!r} is no name of a hub repository; give owner/name, each of letters, digits, "
            "'-', '_' and '.'"
        )


def _token() -> str:
    from huggingface_hub import get_token

    token = get_token()
    if not token:
        raise UserError(
            "PUSH: no token of the hub; set HF_TOKEN to one that may write, or log in once with `hf auth "
            "login`"
        )
    return str(token)


def _upload(folder: Path, repo: str, token: str, public: bool) -> str:
    """Send the folder in one commit; the address of the commit."""
    from huggingface_hub import HfApi

    api = HfApi(token=token)
    try:
        api.create_repo(repo, repo_type="dataset", private=not public, exist_ok=True)
        hidden = api.repo_info(repo, repo_type="dataset").private
    except Exception as error:  # whatever the client raises, the token must not be printed with it
        raise UserError(_refusal(error, repo)) from None
    if not public and not hidden:
        raise UserError(
            f"REPO: {repo} exists and is public; give PUBLIC=1 to upload to it, or another name"
        )
    try:
        commit = api.upload_folder(
            repo_id=repo,
            repo_type="dataset",
            folder_path=folder,
            commit_message="Upload the data set built by llmc-report",
        )
    except Exception as error:
        raise UserError(_refusal(error, repo)) from None
    return str(commit.commit_url)


def _refusal(error: BaseException, repo: str) -> str:
    """What went wrong between us and the hub, without anything that the client's message quotes."""
    status, cause = None, error
    while status is None:
        status = getattr(getattr(cause, "response", None), "status_code", None)
        if cause.__cause__ is None:
            break
        cause = cause.__cause__
    if status in (401, 403):
        return (
            f"REPO: {repo}: the hub refuses the token ({status}); it must be valid and may write to "
            f"{repo.split('/')[0]}"
        )
    if status is not None:
        return f"REPO: {repo}: the hub answers {status}; the same command tries again"
    if os.environ.get("HF_HUB_OFFLINE", "0") not in ("", "0"):
        return f"REPO: {repo}: the hub is not asked, as HF_HUB_OFFLINE is set; unset it"
    return (
        f"REPO: {repo}: the hub cannot be reached, or does not answer as it should "
        f"({type(error).__name__}); check the network; the same command tries again"
    )
