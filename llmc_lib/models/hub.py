"""Downloads from the model hub: the pinned files of a model or a data set, or one clear message."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from urllib.request import getproxies

from llmc_lib.errors import UserError


def download(
    repo: str,
    revision: str | None,
    patterns: list[str],
    *,
    where: str,
    kind: Literal["model", "dataset"] = "model",
) -> Path:
    """The folder with those files of a hub repository that match one of `patterns`.

    Files that are in the cache already are not fetched again. `where` names the setting and the
    repository in messages. Raises `UserError` for a repository that is gated, absent or out of reach.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.constants import HF_HUB_OFFLINE
    from huggingface_hub.errors import (
        GatedRepoError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    local = "local folder" if kind == "model" else "local path"
    try:
        return Path(
            snapshot_download(
                repo,
                revision=revision,
                allow_patterns=patterns,
                repo_type=kind,
                local_files_only=not answers(10),  # the client itself tries for half a minute
            )
        )
    except GatedRepoError:
        raise UserError(
            f"{where} is gated: ask for access on its hub page, then set HF_TOKEN"
        ) from None
    except (RepositoryNotFoundError, RevisionNotFoundError):
        raise UserError(
            f"{where} does not exist, or is private: check the name and the revision, and set HF_TOKEN"
        ) from None
    except LocalEntryNotFoundError:
        why = "HF_HUB_OFFLINE is set" if HF_HUB_OFFLINE else "the hub cannot be reached"
        remedy = "unset it" if HF_HUB_OFFLINE else "check the network"
        raise UserError(
            f"{where} is not in the hub's cache, and {why}; {remedy}, or give a {local}"
        ) from None
    except OSError as error:
        raise UserError(
            f"{where} cannot be reached ({type(error).__name__}); check the network, or give a {local}"
        ) from None


def answers(seconds: float = 3.0) -> bool:
    """Is there a hub at the other end? Behind a proxy only its client can tell, and True is returned."""
    from huggingface_hub.constants import ENDPOINT, HF_HUB_OFFLINE

    parts = urlsplit(ENDPOINT)
    if HF_HUB_OFFLINE:
        return False
    if {parts.scheme, "all"} & getproxies().keys():
        return True
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=seconds):
            return True
    except OSError:
        return False
