"""YAML within limits: what would be endless, huge, or no text for a terminal is one line of a message."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from llmc_lib.errors import UserError
from llmc_lib.params.reader import load


def _mistakes(tmp_path: Path, text: str | bytes) -> list[str]:
    """The lines of the message, without the path in front."""
    path = tmp_path / "my.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError) as caught:
        load(path)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(str(path)) for line in lines)
    return [line.removeprefix(str(path)).lstrip(":, ") for line in lines]


ALIASES = "run: x\na: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{new}: &{new} [{', '.join(['*' + old] * 10)}]\n"
    for old, new in zip("abcdef", "bcdefg", strict=True)
)
CHAIN = "run: x\na0: &a0 1\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 60))

REFUSED = {
    # what is in the file: the beginning of the message
    "run: x\nx: "
    + "[" * 3000
    + "]" * 3000: "line 2: x.0.0.0.0.0.0.0: not valid YAML: nested more than 30 deep",
    "run: x\nx: "
    + "{a: " * 40
    + "1"
    + "}" * 40: "line 2: x.a.a.a.a.a.a.a: not valid YAML: nested more than 30 deep",
    "run: x\n"
    + "".join(
        f"{' ' * n}a:\n" for n in range(40)
    ): "line 32: a.a.a.a.a.a.a.a: not valid YAML: nested more",
    ALIASES: "line 7: f: not valid YAML: more than 500,000 values by its aliases",
    CHAIN: "line 31: a29: not valid YAML: nested more than 30 deep",
    "run: x\ntraining: {sft: &a {b: *a}}": "line 2: training.sft: not valid YAML: an alias that refers to what it is",
    "run: x\nx: &a [[*a]]": "line 2: x: not valid YAML: an alias that refers to what it is part of",
    "run: x\nseed: !!bool x": "line 2: seed: not valid YAML: 'x': is not a valid bool; put it in quotes",
    "run: x\nseed: !!timestamp x": "line 2: seed: not valid YAML: 'x': is not a valid timestamp",
    "run: x\nseed: !!int ''": "line 2: seed: not valid YAML: '': is not a valid int",
    "run: x\nseed: !!int x": "line 2: seed: not valid YAML: 'x': invalid literal for int()",
    "run: x\nseed: !!float x": "line 2: seed: not valid YAML: 'x': could not convert string to float",
    "run: x\nseed: !!map 3": "line 2: seed: not valid YAML: expected a mapping node, but found scalar",
    "run: x\nseed: !!seq 3": "line 2: seed: not valid YAML: expected a sequence node",
    "run: x\nseed: !!set 3": "line 2: seed: not valid YAML: expected a mapping node",
    "run: x\nseed: !!omap 3": "line 2: seed: not valid YAML: expected a sequence",
    "run: x\nseed: !!pairs [1]": "line 2: seed.0: not valid YAML: expected a mapping of length 1",
    "run: x\nseed: !!binary é": "line 2: seed: not valid YAML: failed to convert base64 data",
    "run: x\nseed: !!str [1]": "line 2: seed: not valid YAML: expected a scalar node",
    "run: x\nseed: !own 3": "line 2: seed: not valid YAML: could not determine a constructor for the tag '!own'",
    "run: x\nseed: " + "9" * 5000: "line 2: seed: not valid YAML: '99999",
    "run: x\nseed: 0x" + "f" * 5000: "line 2: seed: must be",
    "run: x\nseed: " + "9" * 400: "line 2: seed: must be",
    "run: x\nseed: 1e400": "line 2: seed: must be integer, not inf",
    'run: x\nruns_dir: "a\\0b"': "line 2: runs_dir: not valid YAML: 'a\\x00b': holds the control character '\\x00'",
    'run: x\n"\\e[31mred": 1': "line 2: '\\x1b[31mred': not valid YAML: '\\x1b[31mred': holds the control character",
    'run: x\nreport: {title: "\\x9b31m"}': "line 2: report.title: not valid YAML: '\\x9b31m': holds the control character",
    'run: x\nruns_dir: "\\uD800"': "line 2: runs_dir: not valid YAML: found invalid Unicode character",
    "run: x\nreport: {title: "
    + "a" * 1_000_000
    + "}": "line 2: report.title: not valid YAML: 'aaa",
    "run: " + "a" * 300: "line 1: run: 'aaa",
    "run: x\nmodel: {source: ''}": "line 2: model.source: is empty; give a path, or leave the key out",
    "run: x\nmodel: {source: "
    + "a" * 300
    + "}": "line 2: model.source: has a name of more than 255 bytes",
    "run: x\nruns_dir: " + "a/" * 600: "line 2: runs_dir: is a path of more than 1,000 bytes",
    'run: x\nruns_dir: "a\\nb"': "line 2: runs_dir: 'a\\nb' has a line break or another invisible",
    "run: x\ntraining: {epochs: 1.0e+300}": "line 2: training.epochs: must be less than or equal to 10000",
    "run: x\ndataset: {sources: [{name: textbook, rows: 99999999999999999999}]}": (
        "line 2: dataset.sources.0.rows: must be"
    ),
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: ascii(text[:40]))
def test_what_no_setting_can_be_is_one_short_line(tmp_path: Path, text: str) -> None:
    (line,) = _mistakes(tmp_path, text)
    assert line.startswith(REFUSED[text])
    assert line.isprintable()
    assert len(line) < 500


def test_a_file_that_is_no_params_file_is_not_read_whole(tmp_path: Path) -> None:
    (line,) = _mistakes(tmp_path, b"a" * (17 * 2**20))
    assert line == "has more than 16 MiB; a params file has a few kB"


@pytest.mark.slow
def test_many_mistakes_are_counted_and_told_in_no_time(tmp_path: Path) -> None:
    text = "run: x\n" + "".join(f"key{n}: 1\n" for n in range(20_000))
    text += f"report: {{cases: {{ids: [{', '.join(f'id{n}' for n in range(20_000))}]}}}}\n"
    start = time.monotonic()
    lines = _mistakes(tmp_path, text)
    assert time.monotonic() - start < 30  # it took minutes
    assert len(lines) == 21
    assert lines[0].startswith("line 2: key0: unknown key; ")
    assert lines[-1] == "and 19,980 further errors"


def test_settings_that_are_shared_by_an_alias_are_read(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(
        "run: x\ncandidates:\n- {name: a, training: &fast {epochs: 2}}\n"
        "- name: b\n  training: {<<: *fast, learning_rate: 1e-4}\n- {name: c, training: *fast}\n"
    )
    assert [recipe.training.epochs for recipe in load(path).recipes] == [2, 2, 2]
