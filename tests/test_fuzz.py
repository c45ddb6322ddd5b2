"""A short, seeded part of the fuzzer: whatever is in a file, it is read or refused in one message."""

from __future__ import annotations

import io
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmc_lib import preflight, question_bank
from llmc_lib.dataset.sources import read
from llmc_lib.engines.chat_reply import AgainError, choice_of, complaint_of, count_of, text_of
from llmc_lib.engines.endpoints import Reply
from llmc_lib.errors import UserError, printable
from llmc_lib.evaluation.grading import grade
from llmc_lib.evaluation.importers import curves, files
from llmc_lib.models.folder import folder_problems
from llmc_lib.models.resolve import Model, model_licence
from llmc_lib.models.thinking import split_reasoning
from llmc_lib.params import ImportParams, ModelParams, SourceParams
from llmc_lib.preflight.models import context_length
from llmc_lib.reasoning.claims.decide import decide, is_plain
from llmc_lib.reasoning.claims.find import find_claims
from llmc_lib.reasoning.steps import split
from llmc_lib.records import Prediction, Question
from llmc_lib.reporting.text import text_to_html
from llmc_lib.store import is_prediction, open_run, read_jsonl, set_aside_damaged
from llmc_lib.store.data_files import count_rows, file_texts
from tests import hostile
from tests.evaluation.importers import logs

#: As many inputs for each of the tests below. `make storm` raises it.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "25"))
fuzz = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@contextmanager
def refused() -> Iterator[None]:
    """What is refused is refused in a message that a terminal can show."""
    try:
        yield
    except UserError as error:
        for line in printable(str(error)).splitlines():
            assert line.isprintable()
            assert len(line) < 1400


@fuzz
@given(content=hostile.params_files())
def test_params_files(folder: Path, content: bytes) -> None:
    path = folder / "my.yaml"
    path.write_bytes(content)
    with refused():
        preflight.check(open_run(path))


_SOURCES: dict[str, dict[str, Any]] = {
    "files": {"fields": {"question": "q", "answer": "a", "id": "id", "completion": "c", "difficulty": "d",
                         "subject": "s", "licence": "l"}},
    "deepmath": {},
    "omni_math": {},
    "pairs": {"kind": "files", "fields": {"messages": "chosen", "rejected": "rejected"}},
    "answers": {"name": "safety", "kind": None, "path": None, "category": None},
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", _SOURCES)
@pytest.mark.parametrize("form", ["lines", "array"])
def test_data_sets(folder: Path, kind: str, form: str) -> None:
    path = folder / ("x.jsonl" if form == "lines" else "x.json")
    values = {"name": "own", "kind": kind, "path": str(path), "category": "Math", **_SOURCES[kind]}
    if kind == "answers":
        values["rejected"] = str(path)
    source = SourceParams.model_validate(values)

    def run(content: bytes) -> None:
        path.write_bytes(content)
        with refused():
            list(read(source, 0))

    _each(hostile.json_files(kind, form), run)


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_tables(folder: Path, suffix: str) -> None:
    path = folder / f"x{suffix}"
    values = {"name": "own", "kind": "files", "path": str(path), "category": "Math"}
    source = SourceParams.model_validate({**values, **_SOURCES["files"]})

    def run(content: bytes) -> None:
        path.write_bytes(content)
        with refused():
            list(read(source, 0))
        with refused():
            list(file_texts(path, str(path)))

    _each(hostile.tables("," if suffix == ".csv" else "\t"), run)


def _parquet() -> bytes:
    file = io.BytesIO()
    rows = [hostile.ROWS["files"] | {"c": "<think>x</think>" * n} for n in range(50)]
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file.getvalue()


def test_parquet(folder: Path) -> None:
    path = folder / "x.parquet"
    values = {"name": "own", "kind": "files", "path": str(path), "category": "Math"}
    source = SourceParams.model_validate({**values, **_SOURCES["files"]})

    def run(content: bytes) -> None:
        path.write_bytes(content)
        count_rows(path)
        with refused():
            list(read(source, 0))

    _each(hostile.damaged(_parquet()), run)


@fuzz
@given(config=hostile.configs, cut=st.integers(-20, 200))
def test_model_folders(folder: Path, config: dict[str, Any], cut: int) -> None:
    model = folder / "model"
    model.mkdir(exist_ok=True)
    text = json.dumps(config)
    (model / "config.json").write_text(text[:cut] if cut > 0 else text)
    (model / "README.md").write_text(f"---\nlicense: {text[:200]}\n---\n")
    for problem in folder_problems(model):
        assert str(model) in problem
        assert len(problem) < 1400
    context_length(ModelParams(source=str(model)))
    with refused():
        model_licence(ModelParams(source=str(model)), Model("base", model, "base"))


@pytest.mark.parametrize("kind", ["hle", "do_not_answer", "aime", "super_gpqa"])
@pytest.mark.parametrize("form", ["lines", "array"])
def test_benchmarks(folder: Path, kind: str, form: str) -> None:
    path = folder / ("x.jsonl" if form == "lines" else "x.json")

    def run(content: bytes) -> None:
        path.write_bytes(content)
        with refused():
            question_bank.read(kind, path)

    _each(hostile.json_files(kind, form), run)


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("hle_judged", "object"),
        ("competition", "lines"),
        ("lm_eval", "lines"),
        ("responses", "lines"),
        ("super_gpqa_results", "lines"),
        ("filter_results", "array"),
        ("lighteval", "lines"),
    ],
)
def test_imports(folder: Path, kind: str, form: str) -> None:
    path = folder / ("x.jsonl" if form == "lines" else "x.json")
    known = ImportParams.model_validate({"model": "a", "path": str(path), "format": kind})
    told = ImportParams(model="a", path=str(path))

    def run(content: bytes) -> None:
        path.write_bytes(content)
        for item in (known, told):
            with refused():
                list(files.read(item, path))

    _each(hostile.json_files(kind, form), run)


@pytest.mark.parametrize("form", ["trainer_state", "verl", "console", "trackio", "wandb"])
def test_logs_of_trainings(folder: Path, form: str) -> None:
    made = logs.wandb(folder) if form == "wandb" else getattr(logs, form)(folder / form)
    path = folder / "log"

    def run(content: bytes) -> None:
        path.write_bytes(content)
        with refused():
            curves.read(path)

    _each(hostile.damaged(made.read_bytes()), run)


def test_stores(folder: Path) -> None:
    path = folder / "base.jsonl"

    def run(content: bytes) -> None:
        path.write_bytes(content)
        kept = read_jsonl(path, is_prediction)
        set_aside_damaged(path, is_prediction)
        assert read_jsonl(path, is_prediction) == kept

    _each(hostile.json_files("prediction", "lines"), run)


class _Endpoint:
    def plain(self, text: str) -> str:
        return text


@fuzz
@given(body=hostile.replies)
def test_replies_of_servers(body: bytes) -> None:
    complaint_of(body)
    try:
        message, reason, usage, _ = choice_of(_Endpoint(), Reply(200, body, None))  # type: ignore[arg-type]
    except AgainError:
        return
    assert isinstance(reason, str)
    for name in ("content", "reasoning", "reasoning_content", "refusal"):
        assert message.get(name) is None or text_of(message[name]) == message[name]
    for name in ("prompt_tokens", "completion_tokens"):
        assert 0 <= count_of(usage.get(name)) < 2**31


#: Seconds: longer than this one completion keeps nobody; what may take longer runs in a process with a limit.
_HANGS = 20
_REFERENCES = {"exactMatch": "\\\\frac{1}{2}", "multipleChoice": "B"}


@contextmanager
def _in_time() -> Iterator[None]:
    def late(*_: object) -> None:
        raise AssertionError("hangs")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(_HANGS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@fuzz
@given(text=hostile.completions, kind=st.sampled_from(list(_REFERENCES)), asked=hostile.completions)
def test_completions(text: str, kind: str, asked: str) -> None:
    with _in_time():
        reasoning, response = split_reasoning(text)
        assert len(reasoning) + len(response) <= len(text)
        reference = _REFERENCES[kind]
        for benchmark in ("hle", "do_not_answer", "over_refusal"):
            question = Question("q", benchmark, asked, reference, kind, "Math", "")
            prediction = Prediction("q", 0, reasoning, response, "stop", 1, 1, 0.1, "x")
            found = grade(question, prediction)
            json.dumps(asdict(found), ensure_ascii=False).encode()
            assert found.status in ("correct", "incorrect", "ungraded")
        for claim in find_claims(text):
            assert text[claim.start : claim.end]
            if is_plain(claim.comparison):
                decide(claim.comparison)
        assert all(text[step.start : step.end] == step.text for step in split(text))
        text_to_html(text).encode(errors="replace")


@pytest.mark.slow
def test_inspect_logs(folder: Path) -> None:
    pytest.importorskip("inspect_ai", reason="Inspect is not installed")
    path = folder / "x.json"

    def run(content: bytes) -> None:
        path.write_bytes(content)
        with refused():
            list(files.read(ImportParams(model="a", path=str(path), format="inspect"), path))

    _each(hostile.json_files("inspect", "single"), run)


def _each(strategy: Any, run: Callable[[bytes], None]) -> None:
    fuzz(given(strategy)(run))()
