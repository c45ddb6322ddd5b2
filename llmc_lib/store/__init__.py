"""The run directory: where a stage leaves its work, and how the next run knows that it is whole.

A stage writes its manifest last, in one atomic rename. The manifest lists what the stage made, and carries a
fingerprint of what it was made from (its part of the params, hashes of its inputs). A stage is done while its
fingerprint has not changed and all that its manifest lists is there; a manifest that cannot be read, or is not
as it was written, is none.
"""

from llmc_lib.store.answers import is_grade, is_prediction, set_aside_damaged
from llmc_lib.store.files import (
    JsonlWriter,
    put,
    read_jsonl,
    read_object,
    read_word,
    remove,
    remove_remains,
    scan_jsonl,
    set_aside,
    sha256_file,
    sha256_text,
    whole_file,
    write_atomic,
    write_jsonl,
)
from llmc_lib.store.manifests import (
    ROOT,
    are_whole,
    environment,
    fingerprint,
    git_commit,
    listed,
    read_manifest,
    read_settings,
    write_manifest,
    write_settings,
)
from llmc_lib.store.marks import read_marks, write_mark
from llmc_lib.store.run import Run, is_hub_id, locked, open_run
from llmc_lib.store.working import deaths, working

__all__ = [
    "ROOT", "JsonlWriter", "Run", "are_whole", "deaths", "environment", "fingerprint", "git_commit", "is_grade",
    "is_hub_id", "is_prediction", "listed", "locked", "open_run", "put", "read_jsonl", "read_manifest", "read_marks",
    "read_object", "read_settings", "read_word", "remove", "remove_remains", "scan_jsonl", "set_aside",
    "set_aside_damaged", "sha256_file", "sha256_text", "whole_file", "working", "write_atomic", "write_jsonl", "write_manifest",
    "write_mark", "write_settings",
]  # fmt: skip
