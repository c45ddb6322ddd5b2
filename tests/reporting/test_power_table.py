"""`make power`: numbers of the design functions, known question counts, and one line for a mistake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from llmc_lib.__main__ import main
from llmc_lib.analysis import assumed_parts, detectable, needed
from llmc_lib.analysis.recipe_design import detectable_effect, one_checkpoint_misleads
from llmc_lib.analysis.simultaneous import level_of
from llmc_lib.benchmarks import DECLARED
from llmc_lib.store import ROOT


def _params(tmp_path: Path, evaluation: str) -> str:
    path = tmp_path / "my.yaml"
    text = f"run: x\nruns_dir: {tmp_path}/runs\nreports_dir: {tmp_path}/reports\nevaluation:\n{evaluation}"
    path.write_text(text + "report: {smallest_interesting_points: 3}\n", encoding="utf-8")
    return str(path)


def test_embedded_questions_are_counted_and_the_numbers_are_the_designs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _params(
        tmp_path, "  samples: 4\n  temperature: 0.6\n  benchmarks: [{name: hle, questions: 150}]\n"
    )
    assert main(["power", path, "--rate", "0.3", "--correlation", "0.6", "--sampling", "0.2"]) == 0
    printed = capsys.readouterr().out
    parts = assumed_parts(0.3, 0.6, 0.2)
    row = printed.splitlines()[1].split()
    assert row[:4] == ["hle", "150", "4", "30%"]
    level = level_of(2)  # by default a training has two exports
    assert row[4] == f"{100 * detectable(150, parts, 4, level):.0f}"
    expected = [f"{n:,}" for n in needed(0.03, parts, (1, 4, 16), alpha=level)["questions"]]
    assert row[6:] == expected
    assert "150 questions (counted) with 4 samples each find a true difference of" in printed
    assert "3 points, the smallest difference that interests you, would often be missed" in printed
    assert [path.name for path in tmp_path.iterdir()] == [
        "my.yaml"
    ]  # nothing is started or written


def test_a_set_of_the_hub_has_its_published_questions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["power", str(ROOT / "params" / "qwen3_32b.yaml")]) == 0
    printed = capsys.readouterr().out
    assert "hle: 2,158 questions (published) with 1 sample each" in printed
    assert "would be found at least as often" in printed


def test_the_number_of_questions_can_be_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _params(tmp_path, "  benchmarks: [{name: hle}]\n")
    assert main(["power", path, "--questions", "4"]) == 0
    assert "4 questions (as given) with 1 sample each cannot show" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--correlation", "0.9"], "make power: correlation (0.9) and sampling (0.3) must be"),
        (["--rate", "0"], "make power: rate (0.0) must lie between 0 and 1"),
        (["--questions", "0"], "QUESTIONS: must be 1 to 1,000,000 of each benchmark, not 0"),
        (["--questions", "999999999999"], "QUESTIONS: must be 1 to 1,000,000 of each benchmark"),
    ],
)
def test_impossible_assumptions_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert main(["power", _params(tmp_path, "  benchmarks: [{name: hle}]\n"), *options]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(message)
    assert printed.err.count("\n") == 1


def test_of_a_race_it_says_what_to_expect(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    benchmark = "  stop: {rounds: 5}\n  benchmarks: [{name: hle, questions: 200}]\n"
    assert (
        main(["power", _params(tmp_path, benchmark), "--rate", "0.1", "--correlation", "0.7"]) == 0
    )
    printed = capsys.readouterr().out
    assert "A race (evaluation.stop, up to 5 rounds) takes about" in printed
    assert re.search(r"\d+% if one is better by 3 points, which it finds \d+% of the time \(all answers: \d+%\)", printed)  # fmt: skip


def test_of_a_recipe_it_says_what_its_trainings_would_show(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "my.yaml"
    seeds = "candidates: [{name: m, seeds: [0, 1, 2]}, {name: o}]\n"
    path.write_text(f"run: x\n{seeds}evaluation: {{benchmarks: [{{name: hle, questions: 200}}]}}\n")
    assert main(["power", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("spread"))
    assert "3 trainings *" in lines[at]
    assert [line.split("  ")[0] for line in lines[at + 1 : at + 4]] == [
        "0.5 points", "1 point", "2 points"
    ]  # fmt: skip
    parts = assumed_parts(DECLARED["hle"].rate)
    misleads = one_checkpoint_misleads(0.01, 200, parts)
    sizes = [detectable_effect(count, 0.01, 200, parts) for count in (2, 3, 4, 5, 8)]
    assert lines[at + 2].split()[2:] == [f"{misleads:.0%}", *(f"{100 * s:.0f}" for s in sizes)]
    assert "4 candidates, each at" in lines[-1]  # two recipes, two exports each
    assert main(["power", str(path), "--seed-sd", "60"]) == 2
    assert capsys.readouterr().err.startswith("SEED_SD: must be from 0 to 50 points, not 60")
