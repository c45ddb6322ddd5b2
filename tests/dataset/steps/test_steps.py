"""The list of steps: each has its words in its own file, and another one is a file and a line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from llmc_lib.dataset import build, steps
from llmc_lib.dataset.select import Selection
from llmc_lib.dataset.steps import STEPS
from llmc_lib.dataset.steps.step import BatchStep, Context, Out, Row, RowStep, SetStep, Step
from llmc_lib.params import Params
from llmc_lib.reporting.figures.waterfall import removals, switched_off, waterfall
from llmc_lib.store import ROOT, open_run

PARAMS = """
run: x
runs_dir: {folder}/runs
model: {{source: {folder}/model}}
dataset: {{sources: [{{name: textbook}}], mixture: false, processes: 1}}
"""


def _asks_what(row: Row, context: Context) -> Out | None:
    return Out("asks what") if "hat is" in row.example.question else None


def _first(selection: Selection) -> Iterator[tuple[int, str, str]]:
    yield int(selection.alive.argmax()), "comes first", "of all"


OF_ROWS = RowStep(
    name="wording",
    title="Wording",
    removes="problems that ask what something is",
    cost="the wording costs most",
    look=_asks_what,
)
OF_ALL = SetStep(
    name="first", title="First", removes="the first row", cost="firsts cost most", look=_first
)


@pytest.mark.slow
def test_another_step_is_a_module_and_a_line_of_the_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.tiny import make_tokenizer

    make_tokenizer(tmp_path / "model")
    path = tmp_path / "x.yaml"
    path.write_text(PARAMS.format(folder=tmp_path))
    with_more = (OF_ROWS, *STEPS[:-1], OF_ALL, STEPS[-1])
    monkeypatch.setattr(steps, "STEPS", with_more)
    run = open_run(path)
    built = build(run)
    found = {step["step"]: step for step in built.manifest["steps"]}
    assert list(found) == [step.name for step in with_more]
    assert found["wording"]["reasons"].keys() == {"asks what"}
    assert found["first"]["reasons"] == {"comes first": 1}
    assert {"wording", "first"} <= set(built.read("removed")["step"])
    text = (run.dataset / "README.md").read_text()
    assert "wording: problems that ask what something is" in text
    assert "first: the first row" in text
    figure, table = waterfall(built.manifest, run.params), removals(built.manifest, run.params)
    assert figure.title.endswith("the wording costs most")
    assert "First 1" in figure.alt
    assert ">Wording<" in table.markup


def test_a_step_that_is_off_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    off = replace(OF_ALL, is_on=lambda params: params.max_rows == 7)
    monkeypatch.setattr(steps, "STEPS", (*STEPS, off))
    assert "first" in switched_off(Params(run="x"))
    assert "first" not in switched_off(
        Params.model_validate({"run": "x", "dataset": {"max_rows": 7}})
    )


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_the_words_of_a_step_are_in_its_own_file_alone(step: Step) -> None:
    sources = {path: path.read_text() for path in (ROOT / "llmc_lib").rglob("*.py")}
    for words in (step.removes, step.cost):
        (path,) = [path for path, text in sources.items() if f'"{words}"' in text]
        assert path.parent == ROOT / "llmc_lib" / "dataset" / "steps"


def test_the_passes_come_one_after_the_other() -> None:
    passes = [RowStep, BatchStep, SetStep, Step]
    kinds = [passes.index(type(step)) for step in STEPS]
    assert kinds == sorted(kinds)
    assert len({step.name for step in STEPS}) == len(STEPS)
