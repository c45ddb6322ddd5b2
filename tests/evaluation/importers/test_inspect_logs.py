"""Inspect's logs, written by Inspect itself: an evaluation of its own mock model, in both formats."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from llmc_lib.errors import UserError
from llmc_lib.evaluation.importers import Imported, detect, inspect_logs


def test_without_inspect_the_remedy_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("inspect_ai", "inspect_ai.log"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError, match=r"log.eval: Inspect reads its logs itself.*uv pip install inspect-ai"):  # fmt: skip
        list(inspect_logs.read(tmp_path / "log.eval"))


@pytest.fixture(scope="module", params=["eval", "json"])
def log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five samples, two epochs each: right, wrong, cut off, with reasoning, and one that fails."""
    pytest.importorskip("inspect_ai", reason="Inspect is not installed")
    from inspect_ai import Task, eval
    from inspect_ai.dataset import Sample
    from inspect_ai.model import (
        ContentReasoning,
        ContentText,
        ModelOutput,
        ModelUsage,
        get_model,
    )
    from inspect_ai.scorer import match
    from inspect_ai.solver import Generate, Solver, TaskState, generate, solver

    reasoned = [ContentReasoning(reasoning="Two threes."), ContentText(text="It is 6")]

    def answer(messages: Any, *_: object) -> ModelOutput:
        text, stop = messages[-1].text, "stop"
        said: Any = "no idea"
        if "2 + 2" in text:
            said = "4"
        elif "3 + 3" in text:
            said = reasoned
        elif "endless" in text:
            said, stop = "and so on 9", "max_tokens"
        output = ModelOutput.from_content("mockllm/model", said, stop_reason=stop)  # type: ignore[arg-type]
        # Without it the mock model counts tokens with an encoding that it downloads.
        output.usage = ModelUsage(input_tokens=3, output_tokens=5, total_tokens=8)
        return output

    @solver  # type: ignore[untyped-decorator]
    def breaks() -> Solver:
        async def solve(state: TaskState, generate: Generate) -> TaskState:
            if state.sample_id == 5:
                raise RuntimeError("the tool is gone")
            return state

        return solve

    samples = [
        Sample(id="a", input="2 + 2", target="4", metadata={"category": "Math"}),
        Sample(id="b", input="5 + 5", target="10"),
        Sample(id="c", input="endless", target="9"),
        Sample(id="d", input="3 + 3", target=["6", "six"], choices=["5", "6"]),
        Sample(id=5, input="broken", target="1"),
    ]
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        for client in ("anthropic", "openai"):  # half of the time, and nobody asks these models
            patch.setitem(sys.modules, client, None)
        (made,) = eval(
            Task(dataset=samples, solver=[breaks(), generate()], scorer=match(location="end"), name="sums"),
            model=get_model("mockllm/model", custom_outputs=answer),
            epochs=2,
            log_dir=str(folder),
            log_format=request.param,
            fail_on_error=False,
            display="none",
            ctl_server=False,
        )  # fmt: skip
    (path,) = folder.glob(f"*.{request.param}")
    assert made.status == "success"
    return path


@pytest.fixture(scope="module")
def found(log: Path) -> dict[tuple[str, int], Imported]:
    assert detect(log) == "inspect"
    rows = list(inspect_logs.read(log))
    return {(row.prediction.question_id, row.prediction.sample): row for row in rows}


@pytest.mark.slow
def test_every_epoch_is_a_sample(found: dict[tuple[str, int], Imported]) -> None:
    assert set(found) == {(id_, epoch) for id_ in ("a", "b", "c", "d", "5") for epoch in (0, 1)}


@pytest.mark.slow
def test_scores_are_verdicts(found: dict[tuple[str, int], Imported]) -> None:
    right, wrong = found["a", 0].grade, found["b", 1].grade
    assert right
    assert (right.status, right.rule, right.sample) == ("correct", "imported", 0)
    assert right.explanation.endswith("By match: C.")
    assert wrong
    assert (wrong.status, wrong.sample) == ("incorrect", 1)


@pytest.mark.slow
def test_what_became_of_an_answer_is_told(found: dict[tuple[str, int], Imported]) -> None:
    reasons = {key[0]: one.prediction.finish_reason for key, one in found.items()}
    assert reasons == {"a": "stop", "b": "stop", "c": "length", "d": "stop", "5": "failed"}
    broken = found["5", 0]
    assert "the tool is gone" in broken.prediction.error
    assert broken.grade is None
    first = found["a", 0].prediction
    assert (first.prompt_tokens, first.completion_tokens) == (3, 5)
    assert first.finished


@pytest.mark.slow
def test_reasoning_is_apart(found: dict[tuple[str, int], Imported]) -> None:
    prediction = found["d", 0].prediction
    assert (prediction.reasoning, prediction.response) == ("Two threes.", "It is 6")


@pytest.mark.slow
def test_the_log_holds_the_questions(found: dict[tuple[str, int], Imported]) -> None:
    first, choices = found["a", 0].question, found["d", 0].question
    assert first
    assert (first.id, first.question, first.answer) == ("a", "2 + 2", "4")
    assert (first.category, first.benchmark) == ("Math", "questions")
    assert choices
    assert choices.question == "3 + 3\n\nAnswer Choices:\nA. 5\nB. 6"
    assert (choices.answer, choices.answer_type) == ("6, six", "multipleChoice")
    assert choices.category == "sums"


@pytest.mark.slow
def test_a_log_that_was_cut_off_is_told(log: Path, tmp_path: Path) -> None:
    path = tmp_path / f"cut{log.suffix}"
    path.write_bytes(log.read_bytes()[:-300])
    with pytest.raises(UserError, match="Inspect cannot read this log"):
        list(inspect_logs.read(path))


@pytest.mark.slow
def test_a_json_log_that_inspect_would_read_whole_is_told(tmp_path: Path) -> None:
    pytest.importorskip("inspect_ai", reason="Inspect is not installed")
    path = tmp_path / "log.json"
    with open(path, "wb") as file:
        file.truncate(300 * 2**20)
    with pytest.raises(
        UserError, match=r"log\.json: has more than 256 MiB, which Inspect would read"
    ):
        next(inspect_logs.read(path))


def test_a_degree_is_no_verdict() -> None:
    assert inspect_logs._status("P") == inspect_logs._status(0.5) == "incorrect"
    assert inspect_logs._status(True) == inspect_logs._status("yes") == "correct"
    assert inspect_logs._status(0.37) is None
    assert inspect_logs._status(float("nan")) is None
    assert inspect_logs._status({"a": 1}) is None


# ---- archives that nobody should send: refused before anything is unpacked to memory --------------


def _archive(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


@pytest.mark.slow
def test_what_unpacks_to_hundreds_of_times_its_size_is_no_log(tmp_path: Path) -> None:
    pytest.importorskip("inspect_ai", reason="Inspect is not installed")
    path = _archive(tmp_path / "bomb.eval", {"header.json": b"{}"})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("samples/0.json", b" " * 2**20)
        archive.filelist += archive.filelist[-1:] * 299  # the same bytes again, as such bombs do
    with pytest.raises(UserError, match=r"unpacks to 0\.3 GiB, more than 300 times its size"):
        list(inspect_logs.read(path))


@pytest.mark.parametrize("name", ["../../evil.json", "/tmp/llmc-evil.json", "samples/\x1b[2J.json"])
def test_no_name_leads_out_of_the_archive(tmp_path: Path, name: str) -> None:
    pytest.importorskip("inspect_ai", reason="Inspect is not installed")
    folder = tmp_path / "a" / "b" / "c"
    folder.mkdir(parents=True)
    path = _archive(folder / "x.eval", {"header.json": b"{}", name: b"[" * 5000})
    with pytest.raises(UserError, match=r"x\.eval.*not valid JSON"):
        list(inspect_logs.read(path))
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [path]
