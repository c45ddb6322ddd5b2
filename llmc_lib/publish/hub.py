"""The upload: checks before anything is sent, one commit, and refusals in one line without the token."""

from __future__ import annotations

import os
import re
from pathlib import Path

from llmc_lib.errors import UserError

# The hub's rule for names (huggingface_hub's validate_repo_id), with an owner.
_PART = r"\w(?:[\w.-]*\w)?"
_REPO = re.compile(rf"(?!.*(?:--|\.\.|\.git$)){_PART}/{_PART}", re.ASCII)


def check_repo(repo: str | None, what: str) -> None:
    """Raises `UserError` for what can be no name of a repository."""
    if not repo:
        raise UserError(f"REPO: name the hub's {_named(what)} to upload to: REPO=owner/name")
    if len(repo) > 96 or not _REPO.fullmatch(repo):
        raise UserError(
            f"REPO: {repo!r} is not a name of a hub repository; give owner/name, each of letters, digits, "
            "'-', '_' and '.'"
        )


def _named(what: str) -> str:
    return "data set" if what == "dataset" else what


def token() -> str:
    """The hub's token of this user. Raises `UserError` where there is none."""
    from huggingface_hub import get_token

    found = get_token()
    if not found:
        raise UserError(
            "PUSH: no token of the hub; set HF_TOKEN to one that may write, or log in once with `hf auth "
            "login`"
        )
    return str(found)


def upload(folder: Path, what: str, repo: str, token: str, public: bool) -> str:
    """Send the folder in one commit; the address of the commit."""
    from huggingface_hub import HfApi

    api = HfApi(token=token)
    kind = "model" if what == "model" else "dataset"
    try:
        api.create_repo(repo, repo_type=kind, private=not public, exist_ok=True)
        hidden = api.repo_info(repo, repo_type=kind).private
    except Exception as error:  # whatever the client raises, the token must not be printed with it
        raise UserError(_refusal(error, repo)) from None
    if not public and not hidden:
        raise UserError(
            f"REPO: {repo} exists and is public; give PUBLIC=1 to upload to it, or another name"
        )
    try:
        commit = api.upload_folder(
            repo_id=repo,
            repo_type=kind,
            folder_path=folder,
            commit_message=f"Upload the {_named(what)} made by llmc-report",
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
            f"REPO: {repo}: the hub refuses the token ({status}); it must be valid and allowed to write to "
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
