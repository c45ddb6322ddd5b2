"""What leaves the machine names none of its folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmc_lib.dataset.card.impersonal import impersonal, public_params
from llmc_lib.params.reader import load
from llmc_lib.store import ROOT, Run
from tests.dataset.card.test_page import make_run

FILES = "\n  decontamination: {{files: [{}]}}\n  sources: [{{name: textbook}}]"


def _run(tmp_path: Path, *files: str) -> Run:
    return make_run(tmp_path, "dataset:" + FILES.format(", ".join(files)))


@pytest.mark.parametrize(
    ("path", "text", "left"),
    [
        ("/data/a.txt", "/data/a.txt/7", "a.txt/7"),
        ("/data/a.txt", "7 of /data/a.txt, twice", "7 of a.txt, twice"),
        ("/data", "https://example.org/datasets/data", "https://example.org/datasets/data"),
        ("/data", "/data/b.txt", "data/b.txt"),
        ("/data", "/database", "/database"),
        ("/data//x/", "/data/x/b.txt", "x/b.txt"),
        ("../own/a.txt", "../own/a.txt", "a.txt"),
        (
            "tests/a.txt",
            "tests/a.txt",
            "tests/a.txt",
        ),  # within the checkout: none of this machine's
        ("a.txt", f"{ROOT}/tests/x", "tests/x"),
        ("a.txt", f"{Path.home()}/x", "~/x"),
    ],
)
def test_a_path_is_left_with_its_last_part(tmp_path: Path, path: str, text: str, left: str) -> None:
    run = _run(tmp_path, path)
    assert impersonal(run, {text: [text, 1, None]}) == {left: [left, 1, None]}


def test_the_params_are_those_that_the_file_sets(tmp_path: Path) -> None:
    assert public_params(_run(tmp_path, "/data/a.txt")) == {
        "run": "x",
        "dataset": {"sources": [{"name": "textbook"}], "decontamination": {"files": ["a.txt"]}},
    }


def test_a_cluster_s_names_and_what_looks_like_a_secret_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    token = "hf_abcdefghijklmnopqrstuvwxyz"
    cluster = "{nodes: 2, endpoint: 'node1.lab:29500', slurm: {account: ours}}"
    path.write_text(
        f"run: x\ntraining:\n  cluster: {cluster}\n"
        f"  sft: {{eos_token: '</s>', run_name: 'a {token}'}}\n"
        "candidates: [{name: a, training: {cluster: {nodes: 4, endpoint: 'node2.lab:1'}}}]\n"
        "evaluation: {max_tokens: 12}\n"
    )
    public = public_params(Run(load(path), path))
    assert public["training"]["cluster"] == {"nodes": 2, "endpoint": "host:29500"}
    assert public["candidates"][0]["training"]["cluster"]["endpoint"] == "host:1"
    assert public["training"]["sft"] == {"eos_token": "</s>", "run_name": "a (removed)"}
    assert public["evaluation"] == {"max_tokens": 12}
    for private in ("node1", "node2", "ours", token):
        assert private not in str(public)
