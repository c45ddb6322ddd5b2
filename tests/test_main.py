"""`python -m llmc_lib`: a mistake of the user's is one line on standard error and status 2."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from llmc_lib.__main__ import _verdict, main
from llmc_lib.store import ROOT

HEAD = "run: x\nruns_dir: {0}/runs\nreports_dir: {0}/reports\n"

MISTAKES = {
    "unknown key": ("traning: 1", "line 4: traning: unknown key; did you mean 'training'?"),
    "wrong type": ("seed: many", "line 4: seed: must be integer, not 'many'"),
    "impossible value": (
        "evaluation:\n  max_tokens: 2000",
        "line 5: evaluation.max_tokens: 2000 leaves no room for a prompt in max_model_len (1024); "
        "lower it, raise max_model_len, or give max",
    ),
    "duplicate key": (
        "seed: 1\nseed: 2",
        "line 5: seed: not valid YAML: 'seed' is given twice; keep one",
    ),
    "missing benchmark file": (
        "evaluation:\n  benchmarks:\n    - name: hle\n      source: hle.jsonl",
        f"line 7: evaluation.benchmarks.0.source: no file {ROOT / 'hle.jsonl'}; give a path from "
        f"{ROOT}, embedded, or a hub set (owner/name)",
    ),
    "hub id without revision": (
        "model:\n  source: owner/name",
        "line 4: model.revision: must be a commit of the hub model 'owner/name' (7 to 40 hexadecimal "
        "digits): a branch moves, and the run could not be repeated",
    ),
    "no model": (
        "model:\n  source: embeded",
        "line 5: model.source: 'embeded' is not a folder with a config.json; give embedded, such a "
        "folder, or a hub id (owner/name)",
    ),
}


def _write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "my.yaml"
    path.write_text(HEAD.format(tmp_path) + text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("word", "printed"),
    [
        ("better", "Better on skills, for this checkpoint: step-23 answers more.\n"),
        ("worse, by less than matters", "Worse, by less than matters, on skills, for this checkpoint: step-23 answers more.\n"),
    ],
)  # fmt: skip
def test_the_verdict_on_the_main_benchmark_is_printed(
    tmp_path: Path, word: str, printed: str
) -> None:
    def metrics(sentence: str) -> str:
        rows = [{"verdict": "equal", "sentence": "No."}, {"verdict": word, "sentence": sentence}]
        return json.dumps(
            {"main": "skills", "benchmarks": {"hle": {}, "skills": {"comparisons": rows}}}
        )

    assert _verdict(tmp_path / "index.html") == ""
    (tmp_path / "metrics.json").write_text(metrics("step-23 answers more."))
    (tmp_path / "partial_metrics.json").write_text(metrics("so far \x1b[31mmore."))
    assert _verdict(tmp_path / "index.html") == printed
    assert "\x1b" not in _verdict(tmp_path / "partial.html")
    assert "so far" in _verdict(tmp_path / "partial.html")


@pytest.mark.parametrize("command", ["check", "report", "publish"])
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, command: str
) -> None:
    text, message = MISTAKES[name]
    path = _write(tmp_path, text)
    assert main([command, str(path)]) == 2
    printed = capsys.readouterr()
    assert printed.err == f"{path}, {message}\n"
    assert printed.out == ""
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", [name for name in MISTAKES if name != "missing benchmark file"])
def test_a_plan_tells_a_mistake_before_it_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    text, message = MISTAKES[name]
    path = _write(tmp_path, text)
    assert main(["plan", str(path)]) == 2
    assert capsys.readouterr().err == f"{path}, {message}\n"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.slow
def test_a_missing_file_is_told_with_its_nearest_name() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "llmc_lib", "report", "params/quikstart.yaml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert ran.stderr == (
        "params/quikstart.yaml: no such params file; did you mean params/quickstart.yaml?\n"
    )


@pytest.mark.slow
def test_a_mistake_ends_the_process_with_status_2(tmp_path: Path) -> None:
    path = _write(tmp_path, "training: {learning_rate: 1e-5, epoch: 1}")
    ran = subprocess.run(
        [sys.executable, "-m", "llmc_lib", "report", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert ran.stderr == (f"{path}, line 4: training.epoch: unknown key; did you mean 'epochs'?\n")


def test_a_file_without_mistakes_is_fine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _write(tmp_path, "training: {learning_rate: 1e-5}")
    assert main(["check", str(path)]) == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == (f"{path}: fine\n", "")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--what", "model"], "there is no finished training; build it first: make report"),
        (
            ["--what", "modl"],
            "WHAT: 'modl': unknown; give WHAT=dataset, model, predictions or judgements",
        ),
        (["--model", "step-1"], "MODEL: 'step-1' is of no use with WHAT=dataset; leave it out"),
        (["--what", "model", "--push"], "REPO: name the hub's model to upload to: REPO=owner/name"),
        (["--repo", "me"], "REPO: 'me' is not a name of a hub repository; give owner/name"),
        (["--push"], "REPO: name the hub's data set to upload to: REPO=owner/name"),
        ([], "there is no finished data set; build it first: make report"),
    ],
)
def test_what_cannot_be_published_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    path = _write(tmp_path, "seed: 1")
    assert main(["publish", str(path), *options]) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("variables", "options"),
    [
        ([], ["--what", "dataset"]),
        (["WHAT=model", "PUSH=0", "PUBLIC=0"], ["--what", "model"]),
        (["WHAT=model", "MODEL=step-1"], ["--what", "model", "--model", "step-1"]),
        (
            ["PUSH=1", "REPO=me/set", "PUBLIC=1", "ALLOW_UNKNOWN_LICENCE=1"],
            "--what dataset --repo me/set --push --public --allow-unknown-licence".split(),
        ),
    ],
)
def test_make_publish_hands_its_variables_on(variables: list[str], options: list[str]) -> None:
    ran = subprocess.run(
        [
            "make",
            "--dry-run",
            "--no-print-directory",
            "publish",
            "PARAMS=params/x.yaml",
            *variables,
        ],
        cwd=ROOT,
        # Within `make test` another make says more.
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    words = shlex.split(ran.stdout.replace("\\\n", " "))
    assert words[words.index("publish", words.index("llmc_lib")) - 1 :] == [
        "llmc_lib",
        "publish",
        "params/x.yaml",
        *options,
    ]
